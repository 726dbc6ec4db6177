#include "deploy/fleetsim/endpoint.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fleetgate::fleetsim {

result<endpoint> resolve(const std::string& host, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (error != 0) {
    return failure(fault_code::not_found,
                   host + ": " + ::gai_strerror(error) + "; check the name given with --host");
  }
  endpoint e;
  std::memcpy(&e.address, found->ai_addr, found->ai_addrlen);
  e.size = found->ai_addrlen;
  e.family = found->ai_family;
  ::freeaddrinfo(found);
  return e;
}

tl::expected<int, int> start_connecting(const endpoint& to) noexcept {
  const int fd = ::socket(to.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return tl::unexpected(errno);
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const auto* address = reinterpret_cast<const sockaddr*>(&to.address);
  if (::connect(fd, address, to.size) == 0 || errno == EINPROGRESS) return fd;
  const int error = errno;
  ::close(fd);
  return tl::unexpected(error);
}

int connect_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

result<void> allow_open_files(std::uint64_t sockets) {
  constexpr std::uint64_t own = 64;  // standard streams, log, epoll, libraries
  const std::uint64_t wanted = sockets + own;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur >= wanted) return {};
  const rlim_t had = files.rlim_cur;
  files.rlim_cur = wanted;
  if (files.rlim_max < wanted) files.rlim_max = wanted;  // root may
  if (::setrlimit(RLIMIT_NOFILE, &files) == 0) return {};
  return failure(fault_code::resource_unavailable,
                 std::to_string(sockets) + " connections need " + std::to_string(wanted) +
                     " open files, and the limit is " + std::to_string(had) +
                     "; raise it (ulimit -Hn, LimitNOFILE=) or give fewer --connections");
}

}  // namespace fleetgate::fleetsim
