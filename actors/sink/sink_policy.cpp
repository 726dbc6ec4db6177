#include "actors/sink/sink_policy.hpp"

namespace fleetgate::sink {

remedy remedy_for(fault_code code) noexcept {
  if (code == fault_code::sink_unavailable) return remedy::retry;
  // A bug, or the end of memory: what it met may be gone by the next time.
  if (code == fault_code::internal) return remedy::reopen;
  switch (describe(code).cls) {
    case fault_class::transient:
    case fault_class::overload:
      return remedy::reopen;
    case fault_class::protocol:
    case fault_class::auth:
    case fault_class::permanent:
      return remedy::stop;
  }
  return remedy::stop;
}

}  // namespace fleetgate::sink
