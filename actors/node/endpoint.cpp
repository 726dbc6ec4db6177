#include "actors/node/endpoint.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <optional>

namespace fleetgate::node {
namespace {

/// The address in its canonical spelling, so that equal addresses compare equal.
std::optional<std::string> canonical(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_ntop(family, bytes.data(), out.data(), out.size()) == nullptr) return std::nullopt;
  return std::string(out.data());
}

std::optional<std::uint16_t> parse_port(std::string_view s) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), port);
  if (s.empty() || error != std::errc() || end != s.data() + s.size()) return std::nullopt;
  return port;
}

}  // namespace

tl::expected<endpoint, std::string> parse_endpoint(std::string_view text) {
  const auto wrong = [](const char* why) { return tl::unexpected<std::string>(why); };
  // A NUL would end the address early for inet_pton and let the rest of the text pass unseen.
  if (text.find('\0') != std::string_view::npos) return wrong("it contains a NUL");
  const bool bracketed = text.starts_with('[');
  const std::size_t colon = bracketed ? text.find("]:") : text.rfind(':');
  if (colon == std::string_view::npos) return wrong("there is no port");
  const std::string_view address = bracketed ? text.substr(1, colon - 1) : text.substr(0, colon);
  const auto port = parse_port(text.substr(colon + (bracketed ? 2 : 1)));
  if (!port) return wrong("the port is not a number from 0 to 65535");
  if (!bracketed && address.find(':') != std::string_view::npos) {
    return wrong("an IPv6 address stands in brackets");
  }
  const auto known = canonical(bracketed ? AF_INET6 : AF_INET, std::string(address));
  if (!known) return wrong("the part before the port is not an IP address");
  return endpoint{*known, *port};
}

std::string to_string(const endpoint& e) {
  const std::string port = std::to_string(e.port);
  return is_ipv6(e) ? "[" + e.address + "]:" + port : e.address + ":" + port;
}

bool is_ipv6(const endpoint& e) noexcept {
  return e.address.find(':') != std::string::npos;
}

bool is_loopback(const endpoint& e) noexcept {
  return e.address == "::1" || (!is_ipv6(e) && e.address.starts_with("127."));
}

bool is_any_address(const endpoint& e) noexcept {
  return e.address == "0.0.0.0" || e.address == "::";
}

}  // namespace fleetgate::node
