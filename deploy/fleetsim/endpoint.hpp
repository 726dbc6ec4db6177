// Where the server is, and sockets to it. Thin: owns nothing but what it returns.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "protocol/base/result.hpp"

namespace fleetgate::fleetsim {

struct endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
  int family = 0;
};

/// The first address of `host`, which is a name or an address. Blocks for the resolver. Fault:
/// not_found.
result<endpoint> resolve(const std::string& host, std::uint16_t port);

/// A non-blocking TCP socket on its way to `to`; the error number where there is none.
tl::expected<int, int> start_connecting(const endpoint& to) noexcept;

/// What became of it, once it is writable: 0 or an error number.
int connect_error(int fd) noexcept;

/// Raises the limit of open files to what `sockets` need. Fault: resource_unavailable.
result<void> allow_open_files(std::uint64_t sockets);

}  // namespace fleetgate::fleetsim
