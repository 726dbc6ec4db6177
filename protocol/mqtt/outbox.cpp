#include "protocol/mqtt/outbox.hpp"

#include <algorithm>
#include <utility>

#include "protocol/mqtt/reasons.hpp"

namespace fleetgate::mqtt {

std::size_t weight_of(const forward& f) noexcept {
  return f.message->topic.size() + f.message->payload.size() + f.message->props.size();
}

const outbox::entry* outbox::push(forward f) {
  const std::size_t weight = weight_of(f);
  if (entries_.size() >= limits_->messages || bytes_ + weight > limits_->bytes) return nullptr;
  bytes_ += weight;
  entry& e = entries_.emplace_back();
  e.what = std::move(f);
  e.number = ++last_number_;
  return &e;
}

void outbox::restore(entry e) {
  e.on_wire = false;
  bytes_ += weight_of(e.what);
  last_number_ = e.number;
  if (e.packet_id != 0) {
    last_packet_id_ = e.packet_id;
    ++sent_;
  }
  entries_.push_back(std::move(e));
}

void outbox::connected(std::uint16_t receive_maximum) noexcept {
  window_ = std::min(receive_maximum, limits_->in_flight);
  in_flight_ = 0;
  in_flight_bytes_ = 0;
  for (std::size_t i = 0; i < sent_; ++i) entries_[i].on_wire = false;
}

const outbox::entry* outbox::next() {
  if (in_flight_ >= window_) return nullptr;
  for (std::size_t i = 0; i < sent_; ++i) {
    entry& e = entries_[i];
    if (e.on_wire) continue;
    if (!has_room_for(e)) return nullptr;
    e.dup = !e.released;
    put_on_wire(e);
    return &e;
  }
  if (sent_ == entries_.size() || !has_room_for(entries_[sent_])) return nullptr;
  entry& e = entries_[sent_++];
  e.packet_id = free_packet_id();
  put_on_wire(e);
  return &e;
}

/// The rest comes as answers do, so that a client is not sent more at once than its connection
/// holds.
bool outbox::has_room_for(const entry& e) const noexcept {
  return in_flight_ == 0 || in_flight_bytes_ + weight_of(e.what) <= limits_->in_flight_bytes;
}

void outbox::put_on_wire(entry& e) noexcept {
  e.on_wire = true;
  ++in_flight_;
  in_flight_bytes_ += weight_of(e.what);
}

/// There is one: at most `in_flight` of the 65,535 are in use.
std::uint16_t outbox::free_packet_id() {
  do {
    if (++last_packet_id_ == 0) last_packet_id_ = 1;
  } while (find(last_packet_id_) != nullptr);
  return last_packet_id_;
}

outbox::place outbox::find_place(std::uint16_t packet_id) noexcept {
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(sent_);
  const auto found =
      std::find_if(entries_.begin(), end, [&](const entry& e) { return e.packet_id == packet_id; });
  return found == end ? entries_.end() : found;
}

const outbox::entry* outbox::find(std::uint16_t packet_id) const noexcept {
  for (std::size_t i = 0; i < sent_; ++i) {
    if (entries_[i].packet_id == packet_id) return &entries_[i];
  }
  return nullptr;
}

outbox::entry outbox::take_out(place at) {
  entry e = std::move(*at);
  entries_.erase(at);
  bytes_ -= weight_of(e.what);
  --sent_;
  if (e.on_wire) {
    --in_flight_;
    in_flight_bytes_ -= weight_of(e.what);
  }
  return e;
}

outbox::answer outbox::acknowledge(packet_type type, std::uint16_t packet_id, std::uint8_t reason,
                                   std::optional<entry>& finished) {
  finished.reset();
  const auto at = find_place(packet_id);
  const bool known = at != entries_.end() && at->on_wire;
  if (type == packet_type::puback) {
    if (!known || at->what.qos != 1) return answer::unknown;
    finished = take_out(at);
    return answer::done;
  }
  if (!known || at->what.qos != 2) return answer::unknown;
  if (type == packet_type::pubcomp) {
    if (!at->released) return answer::unknown;
    finished = take_out(at);
    return answer::done;
  }
  // PUBREC: with an error the exchange is over, section 4.3.3.
  if (reason >= reason_unspecified_error) {
    finished = take_out(at);
    return answer::done;
  }
  at->released = true;
  return answer::release;
}

void outbox::give_up(std::uint16_t packet_id) {
  if (const auto at = find_place(packet_id); at != entries_.end()) take_out(at);
}

}  // namespace fleetgate::mqtt
