#include "actors/spool/reader_registry.hpp"

#include <algorithm>

namespace fleetgate::spool {

void reader_registry::put(std::string name, bool required, const contract::cursor& at) {
  reader* known = find(name);
  if (known == nullptr) known = &readers_.emplace_back();
  known->stats.name = std::move(name);
  known->stats.required = required;
  known->stats.follows = false;
  known->at = at;
}

void reader_registry::put_follower(std::string name, const contract::cursor& at) {
  put(name, false, at);
  find(name)->stats.follows = true;
}

void reader_registry::remove(std::string_view name) {
  readers_.erase(std::remove_if(readers_.begin(), readers_.end(),
                                [&](const reader& r) { return r.stats.name == name; }),
                 readers_.end());
}

reader_registry::reader* reader_registry::find(std::string_view name) noexcept {
  const auto it = std::find_if(readers_.begin(), readers_.end(),
                               [&](const reader& r) { return r.stats.name == name; });
  return it == readers_.end() ? nullptr : &*it;
}

bool reader_registry::required_passed(model::lane in, const model::position& at) const noexcept {
  return std::all_of(readers_.begin(), readers_.end(), [&](const reader& r) {
    return !r.stats.required || at <= r.at.lanes[model::index(in)];
  });
}

std::array<model::position, model::lane_count> reader_registry::required_passed() const noexcept {
  std::array<model::position, model::lane_count> passed;
  passed.fill({~std::uint32_t{0}, ~std::uint64_t{0}});
  for (const reader& r : readers_) {
    if (!r.stats.required) continue;
    for (std::size_t i = 0; i < passed.size(); ++i) passed[i] = std::min(passed[i], r.at.lanes[i]);
  }
  return passed;
}

bool reader_registry::all_passed(model::lane in, const model::position& at) const noexcept {
  const auto is_done = [&](const reader& r) { return at <= r.at.lanes[model::index(in)]; };
  const auto takes_away = [](const reader& r) { return !r.stats.follows; };
  return std::any_of(readers_.begin(), readers_.end(), takes_away) &&
         std::all_of(readers_.begin(), readers_.end(), is_done);
}

}  // namespace fleetgate::spool
