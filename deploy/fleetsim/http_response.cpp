#include "deploy/fleetsim/http_response.hpp"

#include <algorithm>
#include <charconv>

namespace fleetgate::fleetsim {
namespace {

constexpr std::size_t longest_header = 16 * 1024;
constexpr std::size_t longest_body = 1024 * 1024;
constexpr std::string_view version = "HTTP/1.1 ";
constexpr std::string_view line_end = "\r\n";

tl::unexpected<fault> not_http(const char* what) {
  return failure(fault_code::malformed_packet, std::string("from the server: ") + what);
}

template <class Number>
std::optional<Number> as_number(std::string_view digits) {
  Number n = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, n);
  if (digits.empty() || read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return n;
}

std::string_view trimmed(std::string_view s) {
  const auto begin = s.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(" \t") + 1 - begin);
}

/// `name` in small letters.
bool is_called(std::string_view field, std::string_view name) {
  return std::equal(field.begin(), field.end(), name.begin(), name.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

}  // namespace

result<std::optional<http_response>> next_response(std::string_view received) {
  const auto known = std::min(received.size(), version.size());
  if (received.substr(0, known) != version.substr(0, known)) return not_http("not HTTP/1.1");
  const auto end = received.find("\r\n\r\n");
  if (std::min(end, received.size()) > longest_header) {
    return failure(fault_code::packet_too_large, "from the server: a header of more than 16 KiB");
  }
  if (end == std::string_view::npos) return std::optional<http_response>();

  http_response r;
  std::string_view lines = received.substr(0, end + line_end.size());
  const auto status = as_number<unsigned>(lines.substr(version.size(), 3));
  if (!status) return not_http("no status");
  r.status = *status;
  std::optional<std::size_t> length;
  for (lines.remove_prefix(lines.find(line_end) + line_end.size()); !lines.empty();) {
    const std::string_view line = lines.substr(0, lines.find(line_end));
    lines.remove_prefix(line.size() + line_end.size());
    const auto colon = std::min(line.find(':'), line.size());
    const std::string_view field = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(std::min(colon + 1, line.size())));
    if (is_called(field, "content-length")) length = as_number<std::size_t>(value);
    if (is_called(field, "retry-after")) r.retry_after_s = as_number<std::uint32_t>(value);
    if (is_called(field, "connection")) r.closes = is_called(value, "close");
  }
  if (!length) return not_http("no Content-Length");
  if (*length > longest_body) {
    return failure(fault_code::packet_too_large, "from the server: a body of more than 1 MiB");
  }
  const std::size_t begin = end + 2 * line_end.size();
  if (received.size() - begin < *length) return std::optional<http_response>();
  r.body = received.substr(begin, *length);
  r.size = begin + *length;
  return std::optional<http_response>(r);
}

}  // namespace fleetgate::fleetsim
