// The metric families of overload.
#include <array>
#include <limits>

#include "actors/observe/overload_probe.hpp"
#include "actors/observe/probe_registration.hpp"
#include "actors/observe/stage_families.hpp"

namespace fleetgate::observe {
namespace {

constexpr std::array all_resources{pressed_resource::memory, pressed_resource::journal,
                                   pressed_resource::spool};

}  // namespace

std::string_view to_string(pressed_resource r) noexcept {
  switch (r) {
    case pressed_resource::memory:
      return "memory";
    case pressed_resource::journal:
      return "journal";
    case pressed_resource::spool:
      return "spool";
  }
  return {};
}

void register_probe(registry& to, const overload_probe& p) {
  to.add(level("fleetgate_overload_level", "0 normal, 1 elevated, 2 high, 3 critical.", {}), {},
         p.level);
  for (const auto r : all_resources) {
    to.add(level("fleetgate_overload_fill_ratio",
                 "How full a resource is, of what it holds before telemetry is held up.",
                 {"resource"}),
           {to_string(r)}, p.fill_permille[r], 1e-3);
  }
  for (const auto cls : model::all_traffic_classes) {
    to.add(level("fleetgate_time_to_full_seconds",
                 "When the spool has no room for a class any more if it goes on filling as now; "
                 "+Inf where it does not fill.",
                 {"class"}),
           {model::to_string(cls)}, [&p, cls] {
             const auto s = p.full_in_s[cls].value();
             return s == overload_probe::not_filling ? std::numeric_limits<double>::infinity()
                                                     : static_cast<double>(s);
           });
  }
}

}  // namespace fleetgate::observe
