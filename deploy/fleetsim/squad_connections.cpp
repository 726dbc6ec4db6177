#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "deploy/fleetsim/squad.hpp"

namespace fleetgate::fleetsim {
void squad::open_waiting() {
  while (!waiting_to_open_.empty() && opening_ < most_opening_) {
    const std::uint32_t index = waiting_to_open_.front();
    waiting_to_open_.pop_front();
    open(index);
  }
}

void squad::open(std::uint32_t index) {
  member& m = members_[index];
  m.connect_called_ns = now_ns();
  const auto fd = start_connecting(server_);
  if (!fd) return attempt_failed(index, fd.error());
  m.fd = *fd;
  m.is = link::connecting;
  m.wants_write = true;
  ++opening_;
  epoll_event e{};
  e.events = EPOLLIN | EPOLLOUT;
  e.data.u64 = index;
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, m.fd, &e) != 0) {
    orders_.fail(std::string("epoll: ") + std::strerror(errno));
  }
}

void squad::greet(std::uint32_t index) {
  member& m = members_[index];
  if (const int error = connect_error(m.fd); error != 0) {
    ::close(std::exchange(m.fd, -1));
    m.is = link::down;
    --opening_;
    return attempt_failed(index, error);
  }
  ++counted_.established;
  m.is = link::greeting;
  m.greeted_ns = now_ns();
  m.out.clear();
  m.speaks->connect({m.name, m.who.boot(), m.fresh}, m.out);
  flush(index);
}

/// The server was not reached at all.
void squad::attempt_failed(std::uint32_t index, int error) {
  ++counted_.failed_attempts;
  if (counted_.first_failure.empty()) counted_.first_failure = std::strerror(error);
  come_back(index, 0);
}

void squad::end_connection(std::uint32_t index, ending why) {
  member& m = members_[index];
  ::close(std::exchange(m.fd, -1));
  m.wants_write = false;
  m.in.clear();
  m.out.clear();
  if (std::exchange(m.is, link::down) != link::up) {
    --opening_;
    if (why == ending::lost) ++counted_.failed_attempts;
  } else {
    --counted_.up;
    counted_.losses += why == ending::lost ? 1 : 0;
    counted_.flaps += why == ending::flap ? 1 : 0;
    counted_.timeouts += why == ending::timeout ? 1 : 0;
    record(m, record_kind::loss, m.who.under_way().unacknowledged());
    if (!plan_.connection.keeps_session) {
      m.who.forget_session();
      m.gathers = 1;  // what it owes goes out as soon as it is back
    }
  }
  const bool by_choice = why == ending::flap || why == ending::reboot;
  come_back(index, by_choice ? m.chance.wait_ns(plan_.befalls.down_s * 1e9) : 0);
}

/// After `wait_ns`; 0: after a pause that grows with each failure.
void squad::come_back(std::uint32_t index, std::uint64_t wait_ns) {
  member& m = members_[index];
  if (m.given_up) return;
  if (wait_ns == 0) {
    // A random part of it, so that the devices of a restarted server do not come in step.
    wait_ns = m.backoff_ns / 2 + m.chance.next() % (m.backoff_ns / 2);
    m.backoff_ns = std::min(m.backoff_ns * 2, longest_backoff_ns);
  }
  appointments_.push({std::max(now_ns() + wait_ns, m.come_back_ns), index, alarm::connect});
}

void squad::handle(const epoll_event& e) {
  const auto index = static_cast<std::uint32_t>(e.data.u64);
  member& m = members_[index];
  if (m.fd < 0) return;
  if (m.is == link::connecting) return greet(index);
  if ((e.events & EPOLLOUT) != 0) flush(index);
  if (m.fd >= 0 && (e.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read(index);
}

void squad::read(std::uint32_t index) {
  member& m = members_[index];
  const ssize_t n = ::recv(m.fd, buffer_.data(), buffer_.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return end_connection(index, ending::lost);
  counted_.received_bytes += static_cast<std::uint64_t>(n);
  std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
  if (!m.in.empty()) bytes = m.in.append(bytes);
  meant_.clear();
  const auto done = m.speaks->take(as_bytes(bytes), meant_, m.out);
  for (const event& e : meant_) {
    take(index, e);
    if (m.fd < 0) return;
  }
  if (!done) {
    ++counted_.unexpected;
    return end_connection(index, ending::lost);
  }
  const std::string rest(bytes.substr(*done));
  m.in = rest;
  if (!m.out.empty()) go_on_with(index);
}

void squad::flush(std::uint32_t index) {
  member& m = members_[index];
  const ssize_t n = m.out.empty() ? 0 : ::send(m.fd, m.out.data(), m.out.size(), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR) return end_connection(index, ending::lost);
  if (n > 0) {
    m.last_sent_ns = now_ns();
    counted_.sent_bytes += static_cast<std::uint64_t>(n);
    m.out.erase(0, static_cast<std::size_t>(n));
  }
  const bool blocked = !m.out.empty();
  if (blocked != m.wants_write) {
    epoll_event e{};
    e.events = EPOLLIN | (blocked ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
    e.data.u64 = index;
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, m.fd, &e);
    m.wants_write = blocked;
  }
  // Without acknowledgements it is the socket that says when to go on.
  const bool goes_on = producing_ || m.who.owed() > 0;
  if (!blocked && m.is == link::up && !plan_.devices_habits.awaits_acknowledgements && goes_on)
    go_on_with(index);
}

/// Time limits, and signs of life.
void squad::look_after(std::uint32_t index, std::uint64_t now) {
  member& m = members_[index];
  if (m.is == link::connecting || m.is == link::greeting) {
    if (now > m.connect_called_ns + ns_of(plan_.connect_timeout_s))
      end_connection(index, ending::lost);
    return;
  }
  if (m.is != link::up) return;
  const std::uint64_t patience_ns = ns_of(plan_.befalls.ack_timeout_s);
  const std::uint64_t since_ns = patience_ns > 0 ? m.who.under_way().waiting_since_ns() : 0;
  if (since_ns > 0 && now > since_ns + patience_ns) return end_connection(index, ending::timeout);
  const std::uint64_t silence_ns = std::uint64_t{m.keep_alive_s} * second_ns / 2;
  if (silence_ns > 0 && now > m.last_sent_ns + silence_ns) {
    m.speaks->ping(m.out);
    flush(index);
  }
}

}  // namespace fleetgate::fleetsim
