#include "actors/runtime/readiness.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace fleetgate::runtime {
namespace {

/// One round takes at most so many events; what is left makes the set readable again at once.
constexpr std::size_t events_per_round = 1024;

int make_set() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

}  // namespace

readiness::readiness(unit& home) : home_(home), set_(home.io(), make_set()) {
  look_further();
}

bool readiness::add(int socket, void* who) noexcept {
  epoll_event e{};
  e.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  e.data.ptr = who;
  return ::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, socket, &e) == 0;
}

/// Not by the handler itself: under a flood the loop would find it ready for ever, and the round of
/// what it found would never come.
void readiness::look_further() {
  if (std::exchange(looks_, true)) return;
  set_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                  [this](const boost::system::error_code& error) {
                    if (error) return;
                    looks_ = false;
                    collect();
                  });
}

void readiness::collect() {
  std::array<epoll_event, events_per_round> events;
  const int n = ::epoll_wait(set_.native_handle(), events.data(), events.size(), 0);
  if (n <= 0) return;
  for (int i = 0; i < n; ++i) {
    const epoll_event& e = events[static_cast<std::size_t>(i)];
    const bool gone = (e.events & (EPOLLHUP | EPOLLERR)) != 0;
    const bool at_end = gone || (e.events & EPOLLRDHUP) != 0;
    const bool readable = at_end || (e.events & EPOLLIN) != 0;
    call_({e.data.ptr, readable, (e.events & EPOLLOUT) != 0, at_end, gone});
  }
  home_.note_arrivals(static_cast<std::size_t>(n) - 1);  // the loop counts this handler itself
}

}  // namespace fleetgate::runtime
