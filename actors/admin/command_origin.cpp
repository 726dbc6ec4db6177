#include "actors/admin/command_origin.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace fleetgate::admin {
namespace {

/// Without the port, and an IPv6 address without its brackets (RFC 3986 section 3.2.2).
std::string name_in(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.find(':')));
}

bool is_ip_address(const std::string& name) {
  in6_addr into{};
  return ::inet_pton(AF_INET, name.c_str(), &into) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), &into) == 1;
}

bool is_this_machine(const std::string& name) {
  std::array<char, 256> own{};  // longer names there are none, and the last byte stays 0
  if (::gethostname(own.data(), own.size() - 1) != 0) return false;
  return own.front() != '\0' && ::strcasecmp(name.c_str(), own.data()) == 0;
}

bool is_known(std::string_view host) {
  const std::string name = name_in(host);
  return is_ip_address(name) || ::strcasecmp(name.c_str(), "localhost") == 0 ||
         is_this_machine(name);
}

bool is_of(std::string_view origin, std::string_view host) noexcept {
  const std::size_t scheme = origin.find("://");  // "null" has none
  return scheme != origin.npos && origin.substr(scheme + 3) == host;
}

}  // namespace

std::optional<std::string> refused_command(const request& r, host_rule hosts) {
  if (r.method == "GET" || r.method == "HEAD") return std::nullopt;
  const std::string_view host = r.header("Host");
  // Only browsers send these; to a page's own site they need not send the second.
  const std::string_view origin = r.header("Origin"), site = r.header("Sec-Fetch-Site");
  if (!origin.empty() && !is_of(origin, host)) {
    return "a page of " + std::string(origin) + " may not command this node";
  }
  if (!site.empty() && site != "same-origin" && site != "none") {
    return "a page of another site (" + std::string(site) + ") may not command this node";
  }
  const bool is_browser = !origin.empty() || !site.empty();
  if ((is_browser || hosts == host_rule::known) && !host.empty() && !is_known(host)) {
    return "whoever names this node " + std::string(host) + " may not command it";
  }
  return std::nullopt;
}

}  // namespace fleetgate::admin
