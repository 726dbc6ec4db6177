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
  std::vector<std::pair<std::string, std::string>> captures;  // of the route's path, decoded

  /// What stands in the path where the route has `{name}`; "" where it has none.
  [[nodiscard]] std::string_view capture(std::string_view name) const noexcept;
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

/// A problem as RFC 9457 has it: type, title and status from the fault catalogue, the particulars
/// as detail; and `fault`, its name there, and `next`, what to do about it.
response error_response(const fault& f, std::string_view next);
/// The same where another status says it better here.
response error_response(std::uint16_t status, const fault& f, std::string_view next);

/// %41 as A (RFC 3986 section 2.1); nothing where a % is followed by anything but two digits.
std::optional<std::string> percent_decoded(std::string_view text);

/// A request target (RFC 9112 section 3.2: origin or absolute form) into path and query; false
/// where it is neither.
bool split_target(std::string_view target, request& into);

}  // namespace fleetgate::admin
