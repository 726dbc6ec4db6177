#include "actors/dedup/window.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace fleetgate::dedup {
namespace {

constexpr std::uint8_t format_version = 1;

}  // namespace

evidence epoch_memory::look_in(const seen& s, std::uint64_t sequence,
                               std::uint32_t folded) const noexcept {
  switch (s.set.find(sequence)) {
    case sighting::unseen:
      return evidence::none;
    case sighting::unknown:
      return evidence::unknown;
    case sighting::seen:
      break;
  }
  if (!inferred()) return evidence::same;
  const std::uint32_t known = s.payloads.of(sequence, s.set.top());
  if (known == 0) return evidence::unknown;
  return known == folded ? evidence::same : evidence::different;
}

evidence epoch_memory::look(std::uint64_t sequence, std::uint32_t folded,
                            bool owed) const noexcept {
  const evidence strong = look_in(promised_, sequence, folded);
  if (strong == evidence::same || strong == evidence::different || !unpromised_) return strong;
  const evidence weak = look_in(*unpromised_, sequence, folded);
  if (weak == evidence::same) return owed ? strong : weak;
  return weak == evidence::none ? strong : weak;
}

void epoch_memory::note(std::uint64_t sequence, std::uint32_t folded, bool owed,
                        const dedup_limits& limits) {
  if (!owed && !unpromised_) unpromised_ = std::make_unique<seen>();
  seen& s = owed ? promised_ : *unpromised_;
  const std::uint64_t top_before = s.set.top();
  s.set.insert(sequence, limits.gaps_per_epoch);
  if (inferred()) {
    s.payloads.note(sequence, top_before, s.set, folded, limits.remembered_hashes);
  }
}

std::size_t epoch_memory::heap_bytes() const noexcept {
  std::size_t bytes = promised_.set.heap_bytes() + promised_.payloads.heap_bytes();
  if (unpromised_) {
    bytes += sizeof(seen) + unpromised_->set.heap_bytes() + unpromised_->payloads.heap_bytes();
  }
  return bytes;
}

void epoch_memory::save(byte_writer& out, const seen& s) {
  s.set.save(out);
  s.payloads.save(out);
}

bool epoch_memory::load(byte_reader& in, seen& s) {
  auto set = sequence_set::load(in);
  if (!set) return false;
  auto payloads = payload_memory::load(in);
  if (!payloads) return false;
  s.set = std::move(*set);
  s.payloads = std::move(*payloads);
  return true;
}

void epoch_memory::save(byte_writer& out) const {
  out.u64(id_);
  out.u8(static_cast<std::uint8_t>(origin_));
  out.u8(unpromised_ ? 1 : 0);
  save(out, promised_);
  if (unpromised_) save(out, *unpromised_);
}

std::optional<epoch_memory> epoch_memory::load(byte_reader& in) {
  const auto id = in.u64();
  const auto origin = in.u8(), weak = in.u8();
  if (!id || !origin || !weak || *weak > 1 || *id >= sequence_set::end) return std::nullopt;
  if (*origin > static_cast<std::uint8_t>(model::epoch_origin::inferred)) return std::nullopt;
  epoch_memory memory(*id, static_cast<model::epoch_origin>(*origin));
  if (!load(in, memory.promised_)) return std::nullopt;
  if (*weak == 1) {
    memory.unpromised_ = std::make_unique<seen>();
    if (!load(in, *memory.unpromised_)) return std::nullopt;
  }
  return memory;
}

window::window(std::string_view key, std::uint64_t hash)
    : key_(std::make_unique<char[]>(key.size())),
      hash_(hash),
      key_size_(static_cast<std::uint32_t>(key.size())) {
  std::memcpy(key_.get(), key.data(), key.size());
}

const epoch_memory* window::find(std::uint64_t id, model::epoch_origin origin) const noexcept {
  if (current_.id() == id && current_.origin() == origin) return &current_;
  if (!older_ || older_->previous.id() != id || older_->previous.origin() != origin) return nullptr;
  return &older_->previous;
}

epoch_memory* window::find(std::uint64_t id, model::epoch_origin origin) noexcept {
  return const_cast<epoch_memory*>(std::as_const(*this).find(id, origin));
}

epoch_memory* window::use(std::uint64_t id, model::epoch_origin origin) noexcept {
  epoch_memory* const found = find(id, origin);
  if (found == nullptr || found == &current_) return found;
  // The order of two inferred epochs carries meaning; with one from the device it does not.
  if (current_.inferred() && found->inferred()) return found;
  std::swap(current_, older_->previous);
  return &current_;
}

epoch_memory* window::use_inferred() noexcept {
  if (current_.inferred()) return &current_;
  if (!older_ || !older_->previous.inferred()) return nullptr;
  std::swap(current_, older_->previous);
  return &current_;
}

const epoch_memory* window::previous_inferred() const noexcept {
  if (!older_ || !current_.inferred() || !older_->previous.inferred()) return nullptr;
  return &older_->previous;
}

bool window::retired(std::uint64_t id) const noexcept {
  if (!older_ || id == 0) return false;
  return std::find(older_->retired.begin(), older_->retired.end(), id) != older_->retired.end();
}

epoch_memory& window::begin(std::uint64_t id, model::epoch_origin origin) {
  if (current_.origin() != model::epoch_origin::none) {
    if (!older_) {
      older_ = std::make_unique<older>();
    } else {
      older_->retired = {older_->previous.id(), older_->retired[0]};
    }
    older_->previous = std::move(current_);
  }
  current_ = epoch_memory(id, origin);
  return current_;
}

std::size_t window::bytes() const noexcept {
  constexpr std::size_t place_in_table = 3 * sizeof(void*);
  std::size_t bytes = sizeof(window) + place_in_table + key_size_ + current_.heap_bytes();
  if (older_) bytes += sizeof(older) + older_->previous.heap_bytes();
  return bytes;
}

void window::save(std::string& out) const {
  byte_writer w(out);
  w.u8(format_version);
  w.u64(newest_lsn_);
  w.u8(older_ ? 1 : 0);
  current_.save(w);
  if (!older_) return;
  older_->previous.save(w);
  for (const auto id : older_->retired) w.u64(id);
}

bool window::load(byte_view stored) {
  byte_reader in(stored);
  const auto version = in.u8();
  const auto lsn = in.u64();
  const auto has_older = in.u8();
  if (!version || *version != format_version || !lsn || !has_older || *has_older > 1) return false;
  auto current = epoch_memory::load(in);
  if (!current) return false;
  std::unique_ptr<older> before;
  if (*has_older == 1) {
    before = std::make_unique<older>();
    auto previous = epoch_memory::load(in);
    if (!previous || in.remaining() != sizeof(before->retired)) return false;
    before->previous = std::move(*previous);
    for (auto& id : before->retired) id = *in.u64();
  }
  if (!in.empty()) return false;
  current_ = std::move(*current);
  older_ = std::move(before);
  newest_lsn_ = *lsn;
  return true;
}

}  // namespace fleetgate::dedup
