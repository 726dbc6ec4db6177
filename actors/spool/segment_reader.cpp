#include "actors/spool/segment_reader.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "actors/spool/patient_reading.hpp"
#include "actors/spool/segment.hpp"

namespace fleetgate::spool {
namespace {

using contract::read_block;
using model::lane;

/// Higher classes first; of one class what is owed first.
constexpr std::array<lane, model::lane_count> read_order{
    lane::control_owed,   lane::control_free,   lane::heartbeat_owed,
    lane::heartbeat_free, lane::event_owed,     lane::event_free,
    lane::quarantine,     lane::telemetry_owed, lane::telemetry_free};

/// Each lane's least part of a read: one sixteenth.
constexpr std::size_t least_share = 16;

/// Where no more than this is left of a segment, none of which can be read, the next one tells
/// whether there is a disk.
constexpr std::uint64_t most_bad_end = 64 * 1024;

/// What a large record needed is not kept for small ones.
constexpr std::size_t kept_memory_bytes = 1024 * 1024;

struct allowance {
  std::size_t bytes = 0;
  std::size_t records = 0;
  [[nodiscard]] bool spent() const noexcept { return bytes == 0 || records == 0; }
  void spend(std::size_t n) noexcept {
    bytes -= std::min(bytes, n);
    --records;
  }
};

/// Where the reader stands in one lane.
class lane_reader {
 public:
  lane_reader(contract::file_layer& files, const spool_view& view, lane in, const patience& p)
      : files_(&files), view_(&view), in_(in), reading_(p) {}

  void stand_at(const model::position& at) {
    if (at != known_at_) known_ordinal_.reset();
    at_ = known_at_ = at;
    placed_ = false;
    segment_.reset();
    file_.reset();
    began_behind_.reset();
    damaged_ = shed_ = 0;
  }

  /// Durable records, marks included, that were not read yet.
  [[nodiscard]] std::uint64_t lag() const {
    const std::uint64_t durable = view_->durable_ordinal(in_);
    const std::uint64_t next = next_ordinal().value_or(durable + 1);
    return durable >= next ? durable + 1 - next : 0;
  }

  /// The ordinal of the last record before where it stands.
  result<std::uint64_t> stands_at();

  /// Appends records to `block` while there are any and `left` allows.
  result<void> read(read_block& block, std::size_t& memory_used, allowance& left);

  /// What was read is not read again, unless somebody seeks.
  void settle() {
    know_place();
    if (segment_) reading_.forget_before(segment_->first_lsn);
  }

 private:
  /// Of the next record, as far as that is known without reading: where it was not put to its place
  /// yet, the first one of the segment that it stands in. Nothing: there is none.
  [[nodiscard]] std::optional<std::uint64_t> next_ordinal() const {
    if (placed_) return expected_ordinal_;
    const segment_ptr s = view_->find(in_, at_);
    if (!s) return std::nullopt;
    return known_ordinal_ ? std::max(*known_ordinal_ + 1, s->first_ordinal) : s->first_ordinal;
  }
  void know_place() noexcept {
    if (!placed_) return;
    known_at_ = at_;
    known_ordinal_ = expected_ordinal_ - 1;
  }
  result<bool> on_readable_segment(read_block& block);
  result<void> place();
  result<void> enter(segment_ptr s);
  std::uint64_t expect_from(std::uint64_t ordinal);
  void pass_damaged(std::uint64_t up_to, read_block& block);
  void pass_shed(std::uint64_t up_to, read_block& block);
  void pass_lost(read_block& block);
  void reach(const model::position& at, std::uint64_t ordinal, read_block& block);
  result<void> read_window(read_block& block, std::size_t& memory_used, allowance& left);
  [[nodiscard]] bool is_lost(const segment& s, const fault& why) const;
  [[nodiscard]] bool was_removed() const;
  [[nodiscard]] bool has_more() const;
  void take(const segment_walk& walk, read_block& block, allowance& left);
  segment_read reading_up_to(std::uint64_t end);
  [[nodiscard]] bool is_disk_there(std::uint64_t from, std::uint64_t end) const;

  contract::file_layer* files_;
  const spool_view* view_;
  lane in_;
  model::position at_;
  bool placed_ = false;
  // Outlives a read that failed: the last record before `known_at_`, where that is known.
  model::position known_at_;
  std::optional<std::uint64_t> known_ordinal_;
  segment_ptr segment_;
  std::unique_ptr<contract::file> file_;
  patient_reading reading_;
  std::uint64_t offset_ = 0;
  std::uint64_t expected_ordinal_ = 0;         // 0: not known
  std::optional<std::uint64_t> began_behind_;  // until the first record after it was placed
  std::uint64_t damaged_ = 0, shed_ = 0;  // passed since the last record: its lane's end is before
};

result<std::uint64_t> lane_reader::stands_at() {
  // Before the look at the segments: where there is none, all that was durable by now is gone.
  const std::uint64_t durable = view_->durable_ordinal(in_);
  if (!placed_) {
    if (auto done = place(); !done) return tl::unexpected<fault>(done.error());
  }
  return placed_ ? expected_ordinal_ - 1 : durable;
}

result<void> lane_reader::read(read_block& block, std::size_t& memory_used, allowance& left) {
  while (!left.spent()) {
    const auto more = on_readable_segment(block);
    if (!more) return tl::unexpected<fault>(more.error());
    if (!*more) return {};
    if (auto done = read_window(block, memory_used, left); !done) return done;
  }
  return {};
}

/// True where the segment the reader stands in has bytes that were not looked at.
result<bool> lane_reader::on_readable_segment(read_block& block) {
  if (!placed_) {
    if (auto done = place(); !done) return tl::unexpected<fault>(done.error());
  }
  for (;;) {
    if (!segment_) return false;
    // Its disk space is free only once nobody has it open.
    if (segment_->removed.load(std::memory_order_acquire)) file_.reset();
    if (has_more()) return true;
    // A later segment is shown only when all of this one is: what is readable of it is final.
    segment_ptr next = view_->after(*segment_);
    if (!next) {
      pass_lost(block);
      return false;
    }
    if (has_more()) return true;
    if (was_removed())
      pass_shed(segment_->last_ordinal.load(std::memory_order_acquire) + 1, block);
    else
      pass_lost(block);
    if (const segment_ptr oldest = view_->oldest(in_)) pass_shed(oldest->first_ordinal, block);
    if (auto done = enter(std::move(next)); !done) return tl::unexpected<fault>(done.error());
    pass_damaged(segment_->first_ordinal, block);
  }
}

/// By the spool, before all of it was read.
bool lane_reader::was_removed() const {
  if (offset_ >= segment_->readable_end.load(std::memory_order_acquire)) return false;
  return !file_ && segment_->going.load(std::memory_order_acquire);
}

bool lane_reader::has_more() const {
  return file_ && offset_ < segment_->readable_end.load(std::memory_order_acquire);
}

/// Finds the segment and the offset that belong to the cursor.
result<void> lane_reader::place() {
  segment_ptr s = view_->find(in_, at_);
  if (!s) return {};
  const bool inside = s->first() <= at_;
  if (auto done = enter(std::move(s)); !done) return done;
  expected_ordinal_ = segment_->first_ordinal;
  if (inside && file_) {
    const std::uint64_t end = segment_->readable_end.load(std::memory_order_acquire);
    const auto place = find_place(reading_up_to(end),
                                  segment_seed(view_->uuid(), segment_->first_lsn), end, at_.lsn);
    if (!place) return tl::unexpected<fault>(place.error());
    offset_ = place->offset;
    expected_ordinal_ = std::max(place->next_ordinal, segment_->first_ordinal);
  } else if (inside && at_.lsn >= segment_->last_lsn.load(std::memory_order_acquire)) {
    expected_ordinal_ = segment_->last_ordinal.load(std::memory_order_acquire) + 1;
  }
  began_behind_ = expected_ordinal_ - 1;
  placed_ = true;
  know_place();
  return {};
}

result<void> lane_reader::enter(segment_ptr s) {
  auto file = files_->open_for_reading(s->path);
  if (!file) {
    // Removed between the look at the list and now: the next look finds its successor.
    const bool is_gone = s->going.load(std::memory_order_acquire) || is_lost(*s, file.error());
    // Also where its directory is away: that may pass, and nobody has to decide anything.
    if (!is_gone) return failure(fault_code::storage_io, file.error().detail);
    file_.reset();
  } else {
    file_ = std::move(*file);
  }
  segment_ = std::move(s);
  offset_ = segment_header_bytes;
  return {};
}

/// Somebody else has removed it. Where its directory is gone too, the whole disk may only be away.
bool lane_reader::is_lost(const segment& s, const fault& why) const {
  return why.code == fault_code::not_found &&
         files_->list(s.path.substr(0, s.path.rfind('/'))).has_value();
}

/// How many were expected before it.
std::uint64_t lane_reader::expect_from(std::uint64_t ordinal) {
  if (ordinal <= expected_ordinal_) return 0;
  return ordinal - std::exchange(expected_ordinal_, ordinal);
}

void lane_reader::pass_damaged(std::uint64_t up_to, read_block& block) {
  const std::uint64_t damaged = expect_from(up_to);
  damaged_ += damaged;
  block.damaged += damaged;
}

void lane_reader::pass_shed(std::uint64_t up_to, read_block& block) {
  const std::uint64_t shed = expect_from(up_to);
  shed_ += shed;
  block.shed += shed;
}

/// Whatever was written to a lost segment, and still is, cannot be read.
void lane_reader::pass_lost(read_block& block) {
  if (file_ || segment_->going.load(std::memory_order_acquire)) return;
  const std::uint64_t last = segment_->last_ordinal.load(std::memory_order_acquire);
  if (last < expected_ordinal_) return;
  pass_damaged(last + 1, block);
  reach({segment_->incarnation, segment_->last_lsn.load(std::memory_order_acquire)}, last, block);
}

/// The lane's end moves to behind the record `ordinal`, past all that could not be read.
void lane_reader::reach(const model::position& at, std::uint64_t ordinal, read_block& block) {
  contract::lane_passage& passed = block.passed[model::index(in_)];
  passed.through = ordinal;
  if (began_behind_) passed.began_behind = std::exchange(began_behind_, std::nullopt);
  passed.damaged += std::exchange(damaged_, 0);
  passed.shed += std::exchange(shed_, 0);
  at_ = block.end.lanes[model::index(in_)] = at;
}

/// Reads one window and takes the records that lie whole in it.
result<void> lane_reader::read_window(read_block& block, std::size_t& memory_used,
                                      allowance& left) {
  const std::uint64_t end = segment_->readable_end.load(std::memory_order_acquire);
  segment_walk walk(reading_up_to(end), segment_seed(view_->uuid(), segment_->first_lsn), offset_,
                    end);
  if (memory_used == block.memory.size()) block.memory.emplace_back();
  std::vector<std::byte>& memory = block.memory[memory_used];
  bool used = false;
  while (!left.spent()) {
    const auto step = walk.next();
    if (step == segment_walk::step::end) {
      offset_ = end;  // what is left is damaged, or the file is shorter than it was
      break;
    }
    if (step == segment_walk::step::need_bytes) {
      if (used) break;  // what was taken points into this window
      const std::size_t chunk =
          std::clamp(left.bytes + record_header_bytes, std::size_t{4096}, read_chunk_bytes);
      if (auto done = walk.fill(memory, chunk); !done) return done;
      continue;
    }
    const std::size_t before = block.records.size();
    take(walk, block, left);
    used = used || block.records.size() != before;
    offset_ = walk.offset();
  }
  if (used) ++memory_used;
  return {};
}

segment_read lane_reader::reading_up_to(std::uint64_t end) {
  return [this, end](std::uint64_t offset, std::span<std::byte> into) {
    return reading_.read(*file_, segment_->first_lsn, offset, into,
                         [&] { return is_disk_there(offset, end); });
  };
}

/// Whether the disk gives something behind `from`, or, where only a segment's end is bad, the next
/// segment.
bool lane_reader::is_disk_there(std::uint64_t from, std::uint64_t end) const {
  const std::uint64_t left = end - from;
  const std::uint64_t step = std::max<std::uint64_t>(left / probed_places, block_bytes);
  for (std::uint64_t at = from; at < end; at += step) {
    if (file_->disk_gives(at)) return true;
  }
  if (left > most_bad_end) return false;
  const segment_ptr next = view_->after(*segment_);
  if (!next) return false;
  const auto file = files_->open_for_reading(next->path);
  return file && (*file)->disk_gives(0);
}

void lane_reader::take(const segment_walk& walk, read_block& block, allowance& left) {
  const record_stamp& stamp = walk.header().stamp;
  contract::stored_record record;
  if (stamp.ordinal < expected_ordinal_) return;
  if (!decode_record(walk.bytes(), walk.header(), in_, record)) return;
  pass_damaged(stamp.ordinal, block);
  expected_ordinal_ = stamp.ordinal + 1;
  reach(record.at, stamp.ordinal, block);
  const auto kind = record.envelope.kind;
  if (kind == model::record_kind::message || kind == model::record_kind::quarantined) {
    // Marks are free: a block without records must mean that there are none.
    left.spend(walk.bytes().size());
    block.records.push_back(record);
  } else {
    ++block.passed[model::index(in_)].marks;
  }
}

class segment_reader final : public contract::spool_reader {
 public:
  /// `order`: the lanes that are read.
  segment_reader(contract::file_layer& files, std::shared_ptr<const spool_view> view,
                 std::vector<lane> order, const patience& p)
      : view_(std::move(view)), order_(std::move(order)) {
    for (std::size_t i = 0; i < model::lane_count; ++i) {
      lanes_.emplace_back(files, *view_, static_cast<lane>(i), p);
    }
    at_.spool = view_->uuid();
  }

  result<void> seek(const contract::cursor& from) override {
    if (auto good = view_->check(from); !good) return good;
    at_ = from;
    at_.spool = view_->uuid();
    for (std::size_t i = 0; i < model::lane_count; ++i) lanes_[i].stand_at(from.lanes[i]);
    return {};
  }

  result<void> read(read_block& block, std::size_t most_bytes, std::size_t most_records) override {
    block.records.clear();
    for (auto& memory : block.memory) {
      if (memory.capacity() > kept_memory_bytes) memory = std::vector<std::byte>();
    }
    block.damaged = 0;
    block.shed = 0;
    block.passed = {};
    block.back_to.reset();
    block.end = at_;
    std::size_t memory_used = 0;
    allowance left{most_bytes, most_records};
    // First each lane's least share, then what is left by priority.
    for (const bool only_least : {true, false}) {
      for (const lane in : order_) {
        allowance now = left;
        if (only_least) {
          now = {std::min(left.bytes, most_bytes / least_share + 1),
                 std::min(left.records, most_records / least_share + 1)};
        }
        const allowance before = now;
        auto done = lanes_[model::index(in)].read(block, memory_used, now);
        left.bytes -= before.bytes - now.bytes;
        left.records -= before.records - now.records;
        if (!done) return fail(done);
      }
    }
    at_ = block.end;
    for (lane_reader& l : lanes_) l.settle();
    return {};
  }

  result<contract::lane_ordinals> stands_at() override {
    contract::lane_ordinals all{};
    for (std::size_t i = 0; i < model::lane_count; ++i) {
      const auto at = lanes_[i].stands_at();
      if (!at) return tl::unexpected<fault>(at.error());
      all[i] = *at;
    }
    return all;
  }

  model::spool_uuid spool() const override { return view_->uuid(); }
  contract::cursor end() const override { return view_->end(); }
  bool has_retained_behind(const contract::cursor& c) const override {
    return view_->has_retained_behind(c);
  }

  std::uint64_t lag_records() const override {
    std::uint64_t sum = 0;
    for (const lane_reader& l : lanes_) sum += l.lag();
    return sum;
  }

 private:
  /// After a fault the reader stands where it stood before this read.
  result<void> fail(const result<void>& done) {
    for (std::size_t i = 0; i < model::lane_count; ++i) lanes_[i].stand_at(at_.lanes[i]);
    return done;
  }

  std::shared_ptr<const spool_view> view_;
  const std::vector<lane> order_;
  std::vector<lane_reader> lanes_;
  contract::cursor at_;
};

}  // namespace

std::unique_ptr<contract::spool_reader> make_reader(contract::file_layer& files,
                                                    std::shared_ptr<const spool_view> view,
                                                    patience_clock clock) {
  return std::make_unique<segment_reader>(files, std::move(view),
                                          std::vector<lane>(read_order.begin(), read_order.end()),
                                          patience{std::move(clock)});
}

std::unique_ptr<contract::spool_reader> make_lane_reader(contract::file_layer& files,
                                                         std::shared_ptr<const spool_view> view,
                                                         model::lane in) {
  return std::make_unique<segment_reader>(files, std::move(view), std::vector<lane>{in},
                                          patience{runtime::steady_now_ns, 1});
}

}  // namespace fleetgate::spool
