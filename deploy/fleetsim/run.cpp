#include "deploy/fleetsim/run.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "deploy/fleetsim/ack_log.hpp"
#include "deploy/fleetsim/ack_log_reader.hpp"
#include "deploy/fleetsim/muster.hpp"
#include "deploy/fleetsim/progress.hpp"
#include "deploy/fleetsim/squad.hpp"
#include "deploy/fleetsim/summary.hpp"

namespace fleetgate::fleetsim {
namespace {

exit_code explain(exit_code code, const std::string& why) {
  std::fprintf(stderr, "fleetsim: %s\n", why.c_str());
  return code;
}

double own_cpu_s() {
  rusage r{};
  ::getrusage(RUSAGE_SELF, &r);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(r.ru_utime) + seconds(r.ru_stime);
}

double seconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
  return to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / 1e9 : 0.0;
}

/// SIGINT and SIGTERM, blocked in all threads and taken here.
class signals {
 public:
  signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  /// True where one came within `ns`.
  [[nodiscard]] bool came_within(std::uint64_t ns) const {
    const timespec wait{static_cast<time_t>(ns / second_ns), static_cast<long>(ns % second_ns)};
    return ::sigtimedwait(&set_, nullptr, &wait) > 0;
  }

 private:
  sigset_t set_{};
};

/// The whole run, once the plan is known to be possible.
class campaign {
 public:
  campaign(const run_plan& plan, const endpoint& server, ack_log* log)
      : plan_(plan), server_(server), log_(log), line_(plan.connections, !plan.json) {}
  campaign(const campaign&) = delete;
  campaign& operator=(const campaign&) = delete;
  ~campaign() {
    orders_.stop = stop_level::now;
    for (std::thread& t : threads_) t.join();
  }

  result<void> set_out(const resume_points* past) {
    for (std::uint32_t i = 0; i < plan_.threads; ++i) {
      auto made = squad::make(plan_, server_, orders_, log_, muster(plan_, past, i), i);
      if (!made) return tl::unexpected(made.error());
      squads_.push_back(*std::move(made));
    }
    began_ns_ = now_ns();
    for (auto& s : squads_) threads_.emplace_back([&s] { s->run(); });
    return {};
  }

  exit_code see_through() {
    connect_all();
    if (is_unreachable()) return give_up_unreachable();
    if (plan_.waits_for_input) announce_and_wait();
    load_start_ns_ = now_ns();
    orders_.start_ns = load_start_ns_;
    while (!all_finished()) tick();
    line_.clear();
    if (const std::string why = orders_.failure(); !why.empty()) {
      return explain(exit_code::io_error, why);
    }
    const summary s = sum_up();
    const std::string text = plan_.json ? to_json(s) + "\n" : to_table(s);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    if (plan_.waits_for_input) wait_for_line();
    orders_.leave = true;
    for (std::thread& t : threads_) t.join();
    threads_.clear();
    return verdict(s);
  }

 private:
  void tick() {
    if (signals_.came_within(second_ns / 50)) {
      // The first one lets what is owed go out; the second one does not wait for it.
      const bool again = orders_.stop != stop_level::go_on;
      orders_.stop = again ? stop_level::now : stop_level::finish;
      if (line_.is_live() && !again) {
        line_.clear();
        std::fputs("fleetsim: finishing what is owed; Ctrl-C again to stop at once\n", stderr);
      }
    }
    line_.show(counted(), now_ns());
  }

  void connect_all() {
    while (orders_.stop == stop_level::go_on) {
      tick();
      const tally c = counted();
      if (plan_.does == activity::storm && !plan_.waits_for_input) return;
      if (c.devices_connected + c.given_up >= plan_.connections || is_unreachable()) return;
      // Those that are up do not wait for ever for the others.
      if (seconds_between(began_ns_, now_ns()) > plan_.connect_timeout_s + 0.5) return;
    }
  }

  /// Not one socket ever reached the server, or nobody was greeted.
  [[nodiscard]] bool is_unreachable() const {
    const tally c = counted();
    if (c.established == 0 && c.failed_attempts > 0) return true;
    return c.devices_connected == 0 && c.turned_away.empty() &&
           seconds_between(began_ns_, now_ns()) > plan_.connect_timeout_s;
  }
  exit_code give_up_unreachable() {
    line_.clear();
    const std::string port = std::to_string(plan_.port);
    return explain(exit_code::unreachable,
                   plan_.host + ":" + port + ": " +
                       (counted().first_failure.empty() ? "no CONNECT or hello was answered in time"
                                                        : counted().first_failure) +
                       "; nothing was sent. Start the server (fleetgate dev" +
                       (plan_.speaks == protocol::native ? " --native-port " + port : "") +
                       "), or name another with --host and --port");
  }

  void announce_and_wait() {
    std::printf("connected %llu\n", static_cast<unsigned long long>(counted().devices_connected));
    std::fflush(stdout);
    wait_for_line();
  }
  void wait_for_line() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (orders_.stop == stop_level::go_on) {
      tick();
      if (::poll(&input, 1, 0) <= 0) continue;
      char line[64];
      if (::read(STDIN_FILENO, line, sizeof line) >= 0) return;
    }
  }

  [[nodiscard]] bool all_finished() const {
    return std::all_of(squads_.begin(), squads_.end(),
                       [](const auto& s) { return s->is_finished(); });
  }
  [[nodiscard]] tally counted() const {
    tally sum;
    for (const auto& s : squads_) sum += s->counted();
    return sum;
  }
  [[nodiscard]] summary sum_up() const {
    summary s;
    s.counted = counted();
    s.connections = plan_.connections;
    s.seed = plan_.fleet.seed;
    s.first_boot = plan_.fleet.first_boot;
    s.awaits_acknowledgements = plan_.devices_habits.awaits_acknowledgements;
    s.connect_elapsed_s =
        seconds_between(began_ns_, plan_.does == activity::send
                                       ? std::min(load_start_ns_, s.counted.last_connected_ns)
                                       : s.counted.last_connected_ns);
    s.elapsed_s = seconds_between(load_start_ns_, s.counted.last_done_ns);
    s.own_cpu_s = own_cpu_s();
    return s;
  }

  const run_plan& plan_;
  const endpoint& server_;
  ack_log* log_;
  signals signals_;
  control orders_;
  progress line_;
  std::vector<std::unique_ptr<squad>> squads_;
  std::vector<std::thread> threads_;
  std::uint64_t began_ns_ = 0;
  std::uint64_t load_start_ns_ = 0;
};

struct past_run {
  std::optional<ack_log> log;
  std::optional<resume_points> points;
};

/// Opens the log; one that is resumed says which fleet it is.
result<past_run> open_log(run_plan& plan) {
  past_run past;
  if (plan.resume_log.empty()) {
    if (plan.ack_log.empty()) return past;
    auto log = ack_log::create(plan.ack_log, plan.fleet);
    if (!log) return tl::unexpected(log.error());
    past.log.emplace(*std::move(log));
    return past;
  }
  past.points.emplace();
  const auto read = read_ack_log(
      plan.resume_log, [&](const fleet_identity& fleet) { plan.fleet = fleet; },
      [&](const ack_record& r) { past.points->add(r); });
  if (!read) return tl::unexpected(read.error());
  if (read->whole_bytes == 0) {
    return failure(fault_code::not_found,
                   plan.resume_log + ": nothing is in it; remove it and begin with --ack-log");
  }
  auto log = ack_log::resume(plan.resume_log, read->whole_bytes);
  if (!log) return tl::unexpected(log.error());
  past.log.emplace(*std::move(log));
  return past;
}

exit_code code_of(fault_code code) {
  return code == fault_code::storage_io ? exit_code::io_error : exit_code::no_input;
}

}  // namespace

exit_code run(run_plan plan) {
  auto past = open_log(plan);
  if (!past) return explain(code_of(past.error().code), past.error().detail);
  const auto server = resolve(plan.host, plan.port);
  if (!server) return explain(exit_code::unreachable, server.error().detail);
  if (const auto allowed = allow_open_files(plan.connections); !allowed) {
    return explain(exit_code::os_error, allowed.error().detail);
  }
  plan.threads = std::min(plan.threads, plan.connections);
  if (!plan.json) {
    std::fprintf(stderr, "fleetsim: %u devices to %s:%u, seed %llu\n", plan.connections,
                 plan.host.c_str(), plan.port, static_cast<unsigned long long>(plan.fleet.seed));
  }
  campaign c(plan, *server, past->log ? &*past->log : nullptr);
  if (const auto out = c.set_out(past->points ? &*past->points : nullptr); !out) {
    return explain(exit_code::os_error, out.error().detail);
  }
  const exit_code code = c.see_through();
  // Nothing is in the log, so that the same command can be given again.
  if (code == exit_code::unreachable && !plan.ack_log.empty()) std::remove(plan.ack_log.c_str());
  return code;
}

}  // namespace fleetgate::fleetsim
