// Where a listener binds: a literal IP address and a port. Pure: names are never resolved, so that
// a configuration means the same on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace fleetgate::node {

struct endpoint {
  std::string address;     // "127.0.0.1", "::1"; no brackets
  std::uint16_t port = 0;  // 0: the system chooses
  bool operator==(const endpoint&) const = default;
};

/// "127.0.0.1:1883", "[::1]:1883". Otherwise what is wrong with `text`, for a person.
tl::expected<endpoint, std::string> parse_endpoint(std::string_view text);

/// "127.0.0.1:1883", "[::1]:1883".
std::string to_string(const endpoint& e);

bool is_ipv6(const endpoint& e) noexcept;
/// 127.0.0.0/8 and ::1: reachable from this machine only.
bool is_loopback(const endpoint& e) noexcept;
/// 0.0.0.0 and ::, which take the port on every interface.
bool is_any_address(const endpoint& e) noexcept;

}  // namespace fleetgate::node
