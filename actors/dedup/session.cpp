#include "actors/dedup/session.hpp"

#include <algorithm>

namespace fleetgate::dedup {
namespace {

constexpr std::uint8_t format_version = 1;
constexpr std::size_t first_ring = 8;

}  // namespace

std::vector<held_id>::iterator session::place_of_id(std::uint16_t packet_id) noexcept {
  return std::lower_bound(held_.begin(), held_.end(), packet_id,
                          [](const held_id& h, std::uint16_t id) { return h.packet_id < id; });
}

held_id* session::held(std::uint16_t packet_id) noexcept {
  const auto place = place_of_id(packet_id);
  return place != held_.end() && place->packet_id == packet_id ? &*place : nullptr;
}

held_id& session::hold_id(const held_id& id) {
  const auto place = place_of_id(id.packet_id);
  if (place != held_.end() && place->packet_id == id.packet_id) return *place = id;
  ++held_in_all_;
  return *held_.insert(place, id);
}

void session::let_go(std::uint16_t packet_id) noexcept {
  const auto place = place_of_id(packet_id);
  if (place == held_.end() || place->packet_id != packet_id) return;
  held_.erase(place);
  --held_in_all_;
}

redelivery* session::find_delivery(std::uint16_t packet_id) noexcept {
  for (std::size_t back = 1; back <= deliveries_.size(); ++back) {
    redelivery& d = deliveries_[(next_delivery_ - back) & ring_mask()];
    if (d.packet_id == packet_id) return &d;
  }
  return nullptr;
}

std::uint32_t session::note_delivery(const redelivery& d, std::size_t most) {
  const bool full = deliveries_.empty() || deliveries_[next_delivery_ & ring_mask()].packet_id != 0;
  if (full && deliveries_.size() * 2 <= std::max(most, first_ring)) grow_deliveries();
  deliveries_[next_delivery_ & ring_mask()] = d;
  return next_delivery_++;
}

redelivery* session::delivery(std::uint32_t number) noexcept {
  const std::uint32_t back = next_delivery_ - number;
  if (back == 0 || back > deliveries_.size()) return nullptr;
  return &deliveries_[number & ring_mask()];
}

void session::grow_deliveries() {
  std::vector<redelivery> larger(std::max(first_ring, deliveries_.size() * 2));
  for (std::uint32_t back = 1; back <= deliveries_.size(); ++back) {
    const std::uint32_t number = next_delivery_ - back;
    larger[number & (larger.size() - 1)] = deliveries_[number & ring_mask()];
  }
  deliveries_ = std::move(larger);
}

void session::discard() noexcept {
  held_in_all_ -= held_.size();
  held_ = {};
  deliveries_ = {};
}

void session::save(std::string& out) const {
  byte_writer w(out);
  w.u8(format_version);
  w.u32(expiry_s);
  std::string ids;
  byte_writer into(ids);
  std::uint16_t count = 0;
  for (const held_id& h : held_) {
    if (!h.stored) continue;
    into.u16(h.packet_id);
    into.u64(h.content);
    ++count;
  }
  w.u16(count);
  w.raw(ids);
  ids.clear();
  count = 0;
  for (std::size_t back = deliveries_.size(); back > 0; --back) {
    const redelivery& d = deliveries_[(next_delivery_ - back) & ring_mask()];
    if (d.packet_id == 0 || d.slot != no_slot) continue;
    into.u16(d.packet_id);
    into.u64(d.content);
    ++count;
  }
  w.u16(count);
  w.raw(ids);
}

bool session::load(byte_view stored) {
  byte_reader in(stored);
  const auto version = in.u8();
  const auto expiry = in.u32();
  const auto ids = in.u16();
  constexpr std::size_t entry_bytes = 10;
  if (!version || *version != format_version || !expiry || !ids) return false;
  auto held_part = in.sub(*ids * entry_bytes);
  const auto packets = in.u16();
  if (!held_part || !packets || in.remaining() != *packets * entry_bytes) return false;
  expiry_s = *expiry;
  for (std::size_t i = 0; i < *ids; ++i) {
    const auto packet_id = *held_part->u16();
    hold_id({*held_part->u64(), no_slot, no_slot, packet_id, true});
  }
  for (std::size_t i = 0; i < *packets; ++i) {
    const auto packet_id = *in.u16();
    note_delivery({*in.u64(), no_slot, packet_id}, *packets * std::size_t{2});
  }
  return true;
}

}  // namespace fleetgate::dedup
