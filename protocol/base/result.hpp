// result<T>: a value or a fault. Never ignored.
#pragma once

#include <tl/expected.hpp>

#include "protocol/base/fault.hpp"

namespace fleetgate {

template <class T>
using result = tl::expected<T, fault>;

/// return failure(fault_code::storage_io, "what, where, what next");
[[nodiscard]] inline tl::unexpected<fault> failure(fault_code code, std::string detail = {}) {
  return tl::unexpected<fault>(fault(code, std::move(detail)));
}

}  // namespace fleetgate
