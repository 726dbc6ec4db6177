#include "actors/parse/device_time.hpp"

#include "protocol/model/device_time.hpp"

namespace fleetgate::parse {

std::optional<std::int64_t> device_time_ns(const found_value& found) noexcept {
  switch (found.kind) {
    case value_kind::integer:
      return model::device_time_ns(found.integer);
    case value_kind::decimal:
      return model::device_time_ns(found.decimal);
    case value_kind::text:
      return model::parse_rfc3339_ns(found.text);
    case value_kind::time:
      return found.time_ns;
    case value_kind::absent:
    case value_kind::null:
    case value_kind::other:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace fleetgate::parse
