#include "deploy/fleetsim/squad.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace fleetgate::fleetsim {
namespace {

constexpr std::uint64_t longest_sleep_ns = second_ns / 20;  // how soon orders are seen
constexpr std::uint64_t housekeeping_ns = second_ns / 20;

}  // namespace

std::uint64_t now_ns() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * second_ns + static_cast<std::uint64_t>(t.tv_nsec);
}

result<std::unique_ptr<squad>> squad::make(const run_plan& plan, const endpoint& server,
                                           control& orders, ack_log* log,
                                           std::vector<member> members, std::uint32_t first_place) {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) {
    return failure(fault_code::resource_unavailable,
                   std::string("epoll: ") + std::strerror(errno) + "; give fewer --threads");
  }
  return std::unique_ptr<squad>(
      new squad(plan, server, orders, log, std::move(members), first_place, fd));
}

squad::squad(const run_plan& plan, const endpoint& server, control& orders, ack_log* log,
             std::vector<member> members, std::uint32_t first_place, int epoll_fd)
    : plan_(plan),
      server_(server),
      orders_(orders),
      log_(log),
      payloads_(plan.fleet.seed, plan.fleet.payload_bytes),
      members_(std::move(members)),
      first_place_(first_place),
      epoll_fd_(epoll_fd),
      buffer_(std::size_t{256} * 1024),
      most_opening_(std::max(1U, plan.concurrency / plan.threads)) {
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    waiting_to_open_.push_back(i);
    const std::uint64_t room = ~0ULL - quota_left_;
    quota_left_ += std::min(room, members_[i].quota_left);
  }
}

squad::~squad() {
  for (const member& m : members_) {
    if (m.fd >= 0) ::close(m.fd);
  }
  ::close(epoll_fd_);
}

void squad::run() {
  while (orders_.stop != stop_level::now && !(finished_ && orders_.leave)) round();
  settle();
  publish();
  disconnect_all();
  finished_ = true;
}

tally squad::counted() const {
  const std::lock_guard lock(published_mutex_);
  return published_;
}

void squad::round() {
  const std::uint64_t pause_ns = sleep_ns(now_ns());
  const timespec pause{static_cast<time_t>(pause_ns / second_ns),
                       static_cast<long>(pause_ns % second_ns)};
  const int n =
      ::epoll_pwait2(epoll_fd_, events_.data(), static_cast<int>(events_.size()), &pause, nullptr);
  if (n < 0 && errno != EINTR) {
    return orders_.fail(std::string("epoll: ") + std::strerror(errno));
  }
  for (int i = 0; i < n; ++i) handle(events_[static_cast<std::size_t>(i)]);
  settle();
  const std::uint64_t now = now_ns();
  if (start_ns_ == 0 && orders_.start_ns != 0) begin_load(orders_.start_ns);
  if (producing_) produce(now);
  fill_all();
  meet_appointments(now);
  open_waiting();
  if (now >= next_housekeeping_ns_) keep_house(now);
}

/// Until the next message falls due or the next appointment, but never long.
std::uint64_t squad::sleep_ns(std::uint64_t now) const {
  if (!to_fill_.empty()) return 0;
  std::uint64_t until = now + longest_sleep_ns;
  if (!appointments_.empty()) until = std::min(until, appointments_.top().at_ns);
  if (producing_ && plan_.when.is_open_loop() && next_in_schedule() < total_) {
    until = std::min(until, start_ns_ + plan_.when.due_at_ns(next_in_schedule()));
  }
  return until > now ? until - now : 0;
}

// ---- the beginning and the end
// -------------------------------------------------------------------

void squad::begin_load(std::uint64_t start_ns) {
  start_ns_ = start_ns;
  producing_ = plan_.does == activity::send;
  if (plan_.duration_s > 0 && plan_.when.is_open_loop()) {
    total_ = plan_.when.total(ns_of(plan_.duration_s));
  }
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    make_appointment(i, alarm::flap, plan_.befalls.flap_s, start_ns);
    make_appointment(i, alarm::reboot, plan_.befalls.reboot_s, start_ns);
    if (producing_) go_on_with(i);
  }
}

/// Production ends first; then what is owed has a while to go out and be acknowledged.
void squad::watch_the_end(std::uint64_t now) {
  if (finished_ || (start_ns_ == 0 && orders_.stop == stop_level::go_on)) return;
  const bool timed_out = plan_.duration_s > 0 &&
                         now >= std::max(start_ns_, std::uint64_t{1}) + ns_of(plan_.duration_s);
  const bool all_measured = plan_.does == activity::send &&
                            (quota_left_ == 0 || (producing_ && next_in_schedule() >= total_));
  const bool hopeless = counted_.given_up == members_.size();
  if (give_up_ns_ == ~0ULL && (hopeless || orders_.stop != stop_level::go_on || timed_out ||
                               all_measured || plan_.does == activity::storm)) {
    producing_ = false;
    for (std::uint32_t i = 0; i < members_.size(); ++i) go_on_with(i);  // with what they gathered
    give_up_ns_ = now + ns_of(plan_.drain_s);
  }
  if (give_up_ns_ != ~0ULL && (is_over() || now >= give_up_ns_)) finished_ = true;
}

bool squad::is_over() const {
  switch (plan_.does) {
    case activity::hold:
      return true;
    case activity::storm:
      return orders_.stop != stop_level::go_on ||
             counted_.devices_connected + counted_.given_up >= members_.size();
    case activity::send:
      break;
  }
  return std::all_of(members_.begin(), members_.end(), [](const member& m) {
    return m.given_up || (m.who.is_done() && (m.is != link::up || m.out.empty()));
  });
}

void squad::disconnect_all() {
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    member& m = members_[i];
    if (m.is == link::up) {
      m.speaks->goodbye(m.out);
      flush(i);
    }
    if (m.fd >= 0) ::close(std::exchange(m.fd, -1));
    m.is = link::down;
  }
}

// ---- what happens by the clock
// -------------------------------------------------------------------

void squad::make_appointment(std::uint32_t index, alarm what, double mean_s, std::uint64_t now) {
  if (mean_s <= 0) return;
  appointments_.push({now + members_[index].chance.wait_ns(mean_s * 1e9), index, what});
}

void squad::meet_appointments(std::uint64_t now) {
  while (!appointments_.empty() && appointments_.top().at_ns <= now) {
    const appointment a = appointments_.top();
    appointments_.pop();
    befall(a, now);
  }
}

void squad::befall(const appointment& a, std::uint64_t now) {
  member& m = members_[a.index];
  // At the end devices are left in peace, so that what they owe can go out.
  const bool in_peace = give_up_ns_ != ~0ULL;
  switch (a.what) {
    case alarm::connect:
      if (m.is == link::down) waiting_to_open_.push_back(a.index);
      return;
    case alarm::send_again:
      return go_on_with(a.index);
    case alarm::flap:
      if (in_peace) return;
      if (m.is == link::up) end_connection(a.index, ending::flap);
      return make_appointment(a.index, alarm::flap, plan_.befalls.flap_s, now);
    case alarm::reboot:
      if (in_peace) return;
      if (m.is == link::up) end_connection(a.index, ending::reboot);
      if (m.is == link::down) {
        ++counted_.reboots;
        counted_.forgotten += m.who.reboot();
        m.fresh = true;
        record(m, record_kind::boot, 0);
      }
      return make_appointment(a.index, alarm::reboot, plan_.befalls.reboot_s, now);
  }
}

void squad::keep_house(std::uint64_t now) {
  next_housekeeping_ns_ = now + housekeeping_ns;
  for (std::uint32_t i = 0; i < members_.size(); ++i) look_after(i, now);
  publish();
  watch_the_end(now);
}

void squad::publish() {
  counted_.in_flight = 0;
  counted_.owed = 0;
  for (const member& m : members_) {
    counted_.in_flight += m.who.under_way().in_flight();
    counted_.owed += m.who.owed();
  }
  const std::lock_guard lock(published_mutex_);
  published_ = counted_;
}

}  // namespace fleetgate::fleetsim
