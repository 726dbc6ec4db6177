#include "actors/overload/overload_brain.hpp"

#include <algorithm>
#include <cmath>

namespace fleetgate::overload {
namespace {

using model::overload_level;
using observe::pressed_resource;
using std::chrono::seconds;

/// When a level begins: so full, or full so soon. It ends where neither of the second pair holds.
struct step {
  overload_level level;
  std::uint32_t enter_permille, leave_permille;
  seconds enter_before_full, leave_before_full;
};
constexpr std::array steps{
    step{overload_level::critical, 900, 800, seconds(5), seconds(10)},
    step{overload_level::high, 750, 650, seconds(60), seconds(120)},
    step{overload_level::elevated, 500, 400, seconds(600), seconds(1200)},
};
/// A spool that has just begun to fill says little about when it is full.
constexpr std::uint32_t foreseen_from_permille = 250;
constexpr std::size_t readings_for_a_rate = 3;
constexpr auto lowest = model::traffic_class::telemetry;

bool is_disk(pressed_resource r) noexcept {
  return r == pressed_resource::spool;
}

std::uint32_t permille(const fill& f, model::traffic_class cls) noexcept {
  const std::uint64_t limit = f.limits[model::index(cls)];
  if (limit == 0) return 0;
  return static_cast<std::uint32_t>(static_cast<double>(std::min(f.used, limit)) /
                                    static_cast<double>(limit) * 1000);
}

std::string reason_for(std::uint32_t full, pressed_resource of,
                       const std::optional<seconds>& full_in) {
  std::string text =
      std::string(to_string(of)) + " is " + std::to_string(full / 10) + " % full for telemetry";
  if (full_in) {
    text += "; the spool is full in " + std::to_string(full_in->count()) + " s if this goes on";
  }
  return text;
}

}  // namespace

assessment overload_brain::review(const reading& now) {
  readings_[next_++ % window] = now;
  assessment out;
  for (std::size_t r = 0; r < out.fill_permille.size(); ++r) {
    out.fill_permille[r] = fill_of(static_cast<pressed_resource>(r));
  }
  for (const auto cls : model::all_traffic_classes) out.full_in[model::index(cls)] = full_in(cls);
  const pressure most = worst();
  const auto& soon = out.full_in[model::index(lowest)];
  const bool foreseen =
      soon && out.fill_permille[static_cast<std::size_t>(pressed_resource::spool)] >=
                  foreseen_from_permille;
  const auto holds = [&](std::uint32_t least_permille, seconds before_full) {
    return most.permille >= least_permille || (foreseen && *soon <= before_full);
  };
  const overload_level before = level_;
  level_ = overload_level::normal;
  for (const step& s : steps) {
    const bool stays = before >= s.level && holds(s.leave_permille, s.leave_before_full);
    if (!stays && !holds(s.enter_permille, s.enter_before_full)) continue;
    level_ = s.level;
    break;
  }
  out.level = level_;
  if (level_ != overload_level::normal) out.reason = reason_for(most.permille, most.of, soon);
  return out;
}

std::uint32_t overload_brain::fill_of(pressed_resource r) const noexcept {
  const std::size_t known = std::min(next_, is_disk(r) ? std::size_t{1} : sustained);
  std::uint32_t least = 1000;
  for (std::size_t back = 1; back <= known; ++back) {
    const reading& at = readings_[(next_ - back) % window];
    least = std::min(least, permille(at.of[static_cast<std::size_t>(r)], lowest));
  }
  return least;
}

overload_brain::pressure overload_brain::worst() const noexcept {
  pressure most;
  for (std::size_t i = 0; i < observe::pressed_resource_count; ++i) {
    const auto r = static_cast<pressed_resource>(i);
    if (const auto full = fill_of(r); full > most.permille) most = {full, r};
  }
  return most;
}

std::optional<seconds> overload_brain::full_in(model::traffic_class cls) const noexcept {
  const std::size_t known = std::min(next_, window);
  if (known < readings_for_a_rate) return std::nullopt;
  constexpr auto disk = static_cast<std::size_t>(pressed_resource::spool);
  const reading& oldest = readings_[(next_ - known) % window];
  const fill& then = oldest.of[disk];
  const fill& now = newest().of[disk];
  if (now.used <= then.used || newest().at_ns <= oldest.at_ns) return std::nullopt;
  const double per_ns = static_cast<double>(now.used - then.used) /
                        static_cast<double>(newest().at_ns - oldest.at_ns);
  const std::uint64_t limit = now.limits[model::index(cls)];
  const double left = limit > now.used ? static_cast<double>(limit - now.used) : 0;
  constexpr double longest_s = 365.0 * 24 * 3600;
  return seconds(std::llround(std::min(left / per_ns / 1e9, longest_s)));
}

}  // namespace fleetgate::overload
