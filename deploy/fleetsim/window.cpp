#include "deploy/fleetsim/window.hpp"

#include <cassert>

namespace fleetgate::fleetsim {

window::window(std::uint16_t slots) : slots_(slots) {
  for (std::uint16_t id = slots; id > 0; --id) unused_.push_back(id);
}

std::size_t window::unacknowledged() const noexcept {
  return static_cast<std::size_t>(std::count_if(slots_.begin(), slots_.end(), [](const slot& s) {
    return s.is == phase::sent || s.is == phase::sent_back;
  }));
}

std::uint64_t window::waiting_since_ns() const noexcept {
  std::uint64_t since_ns = 0;
  for (const slot& s : slots_) {
    if (s.is != phase::sent) continue;
    since_ns = since_ns == 0 ? s.sent_ns : std::min(since_ns, s.sent_ns);
  }
  return since_ns;
}

std::uint16_t window::open(std::uint64_t sequence, std::uint64_t since_ns, std::uint64_t now_ns) {
  assert(room() > 0);
  const std::uint16_t id = unused_.back();
  unused_.pop_back();
  at(id) = {sequence, since_ns, now_ns, next_order_++, phase::sent};
  return id;
}

window::slot* window::find(std::uint16_t id, phase wanted) noexcept {
  if (id == 0 || id > slots_.size() || at(id).is != wanted) return nullptr;
  return &at(id);
}

void window::close(std::uint16_t id) {
  assert(at(id).is != phase::unused);
  at(id).is = phase::unused;
  unused_.push_back(id);
}

std::vector<std::uint16_t> window::under_way() const {
  std::vector<std::uint16_t> ids;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].is != phase::unused) ids.push_back(static_cast<std::uint16_t>(i + 1));
  }
  // The counter may go round; what is under way lies within half of its range.
  std::sort(ids.begin(), ids.end(), [this](std::uint16_t a, std::uint16_t b) {
    return static_cast<std::int32_t>(slots_[a - 1U].order - slots_[b - 1U].order) < 0;
  });
  return ids;
}

}  // namespace fleetgate::fleetsim
