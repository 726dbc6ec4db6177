#include "protocol/base/fault.hpp"

#include <array>

namespace fleetgate {

const fault_entry& describe(fault_code code) noexcept {
  static constexpr std::array<fault_entry, fault_count> catalogue{{
#define FLEETGATE_X(name, cls, mqtt, http, text) {#name, fault_class::cls, mqtt, http, text},
      FLEETGATE_FAULTS(FLEETGATE_X)
#undef FLEETGATE_X
  }};
  return catalogue[static_cast<std::size_t>(code)];
}

std::string_view to_string(fault_class cls) noexcept {
  switch (cls) {
    case fault_class::protocol:
      return "protocol";
    case fault_class::auth:
      return "auth";
    case fault_class::overload:
      return "overload";
    case fault_class::transient:
      return "transient";
    case fault_class::permanent:
      return "permanent";
  }
  return "";
}

std::string to_string(const fault& f) {
  std::string out(describe(f.code).text);
  if (!f.detail.empty()) out.append(": ").append(f.detail);
  return out;
}

}  // namespace fleetgate
