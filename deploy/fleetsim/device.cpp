#include "deploy/fleetsim/device.hpp"

#include <utility>

namespace fleetgate::fleetsim {

device::device(const habits& h, start_point from)
    : habits_(h),
      boot_(from.boot),
      next_sequence_(from.next_sequence),
      first_own_(from.next_sequence),
      owed_(std::move(from.missing)),
      window_(h.awaits_acknowledgements ? h.in_flight : std::uint16_t{0}) {}

void device::produce(std::uint64_t n) {
  if (n == 0) return;
  owed_.insert_new(next_sequence_, next_sequence_ + n - 1);
  next_sequence_ += n;
  produced_ += n;
}

std::optional<window::slot> device::acknowledge(std::uint16_t id) {
  window::slot* const s = window_.find(id, window::phase::sent);
  if (s == nullptr) return std::nullopt;
  s->is = window::phase::acknowledged;
  return *s;
}

bool device::send_back(std::uint16_t id) {
  window::slot* const s = window_.find(id, window::phase::sent);
  if (s == nullptr) return false;
  s->is = window::phase::sent_back;
  ++sent_back_;
  return true;
}

std::optional<window::slot> device::settle(std::uint16_t id) {
  const window::slot* const s = window_.find(id, window::phase::acknowledged);
  if (s == nullptr) return std::nullopt;
  const window::slot was = *s;
  window_.close(id);
  return was;
}

void device::forget_session() {
  for (const std::uint16_t id : window_.under_way()) {
    const window::slot& s = window_.at(id);
    if (s.is != window::phase::acknowledged) owed_.insert(s.sequence);
    window_.close(id);
  }
  sent_back_ = 0;
}

std::uint64_t device::reboot() {
  forget_session();
  const std::uint64_t forgotten = owed_.count();
  owed_ = {};
  ++boot_;
  next_sequence_ = 1;
  first_own_ = 1;
  first_index_ = produced_;
  return forgotten;
}

std::optional<std::uint64_t> device::index_of(std::uint64_t sequence) const noexcept {
  if (sequence < first_own_) return std::nullopt;
  return first_index_ + (sequence - first_own_);
}

}  // namespace fleetgate::fleetsim
