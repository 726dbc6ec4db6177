// One response of HTTP/1.1 off the front of received bytes (RFC 9112). Pure. A header is at most
// 16 KiB and a body 1 MiB; a body needs a Content-Length, as the gateway's answers have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/base/result.hpp"

namespace fleetgate::fleetsim {

struct http_response {
  unsigned status = 0;
  std::optional<std::uint32_t> retry_after_s;  // no date is understood
  bool closes = false;                         // no further request is answered
  std::string_view body;
  std::size_t size = 0;  // bytes of all of it
};

/// Nothing where it is not complete. Views into `received`. Fault: malformed_packet,
/// packet_too_large.
result<std::optional<http_response>> next_response(std::string_view received);

}  // namespace fleetgate::fleetsim
