// One HTTP request and its response, as handlers see them: plain values, no sockets. Limits are the
// server's (http_server.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/fault.hpp"

namespace fleetgate::admin {

struct request {
  std::string method;  // "GET"; a HEAD request reaches handlers as GET
  std::string path;    // without query, as sent (not percent-decoded)
  std::string query;   // without the question mark
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  /// Value of the first header called `name` (case does not matter); "" where absent.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
  /// `?key`, `?key=1` and `?key=true` are true.
  [[nodiscard]] bool query_flag(std::string_view key) const noexcept;
  /// Value of `key` in the query, as sent; nothing where absent.
  [[nodiscard]] std::optional<std::string_view> query_value(std::string_view key) const noexcept;
};

struct response {
  std::uint16_t status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beside type and length
};

/// {"error", "why", "next"}: what happened, the reason, what to do about it.
response error_response(std::uint16_t status, std::string_view error, std::string_view why,
                        std::string_view next);
/// The same from the fault catalogue, with the catalogue's HTTP status.
response error_response(const fault& f, std::string_view next);

/// A request target (RFC 9112 section 3.2: origin or absolute form) into path and query; false
/// where it is neither.
bool split_target(std::string_view target, request& into);

}  // namespace fleetgate::admin
