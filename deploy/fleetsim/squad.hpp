// The devices of one thread: an epoll loop that connects them, lets them measure and send as the
// schedule says, and lets befall them what the plan says. It shares the machine with the server
// that it loads, so each wake-up writes once to a connection. Bounded: one socket a device, one
// read at a time, most_unsent_bytes a connection.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <vector>

#include "deploy/fleetsim/ack_log.hpp"
#include "deploy/fleetsim/control.hpp"
#include "deploy/fleetsim/endpoint.hpp"
#include "deploy/fleetsim/member.hpp"
#include "deploy/fleetsim/payload.hpp"
#include "deploy/fleetsim/plan.hpp"
#include "deploy/fleetsim/tally.hpp"

namespace fleetgate::fleetsim {

inline constexpr std::uint64_t second_ns = 1'000'000'000;

constexpr std::uint64_t ns_of(double seconds) noexcept {
  return static_cast<std::uint64_t>(seconds * 1e9);
}

/// Monotonic time.
std::uint64_t now_ns() noexcept;

class squad {
 public:
  /// Beyond it a device waits for its socket.
  static constexpr std::size_t most_unsent_bytes = 256 * 1024;

  /// `members` are every `threads`-th of the fleet, in the order of their places, `first_place` on.
  /// `log` may be null. All references outlive it. Fault: resource_unavailable.
  static result<std::unique_ptr<squad>> make(const run_plan& plan, const endpoint& server,
                                             control& orders, ack_log* log,
                                             std::vector<member> members,
                                             std::uint32_t first_place);
  squad(const squad&) = delete;
  squad& operator=(const squad&) = delete;
  ~squad();

  /// The thread's body: until the plan is done, or control says so.
  void run();
  /// From any thread: what was counted up to a moment ago.
  [[nodiscard]] tally counted() const;
  /// From any thread: all that the plan asks for is done; it holds its connections until `leave`.
  [[nodiscard]] bool is_finished() const noexcept { return finished_; }

 private:
  /// Why a connection ends.
  enum class ending : std::uint8_t { lost, turned_away, flap, reboot, timeout };
  enum class alarm : std::uint8_t { connect, flap, reboot, send_again };
  struct appointment {
    std::uint64_t at_ns;
    std::uint32_t index;
    alarm what;
    bool operator>(const appointment& other) const noexcept { return at_ns > other.at_ns; }
  };
  /// Answered in this round; counts once it stands in the log.
  struct answer {
    std::uint32_t index;
    event what;
    std::uint64_t since_ns;
  };

  squad(const run_plan& plan, const endpoint& server, control& orders, ack_log* log,
        std::vector<member> members, std::uint32_t first_place, int epoll_fd);

  // squad.cpp: the loop
  void round();
  [[nodiscard]] std::uint64_t sleep_ns(std::uint64_t now) const;
  void begin_load(std::uint64_t start_ns);
  void watch_the_end(std::uint64_t now);
  [[nodiscard]] bool is_over() const;
  void meet_appointments(std::uint64_t now);
  void befall(const appointment& a, std::uint64_t now);
  void make_appointment(std::uint32_t index, alarm what, double mean_s, std::uint64_t now);
  void keep_house(std::uint64_t now);
  void publish();
  void disconnect_all();

  // squad_connections.cpp: sockets
  void open_waiting();
  void open(std::uint32_t index);
  void greet(std::uint32_t index);
  void attempt_failed(std::uint32_t index, int error);
  void end_connection(std::uint32_t index, ending why);
  void come_back(std::uint32_t index, std::uint64_t wait_ns);
  void handle(const epoll_event& e);
  void read(std::uint32_t index);
  void flush(std::uint32_t index);
  void look_after(std::uint32_t index, std::uint64_t now);

  // squad_messages.cpp: what is said
  void take(std::uint32_t index, const event& e);
  void connected(std::uint32_t index, const event& e);
  void acknowledged(std::uint32_t index, const event& e);
  void sent_back(std::uint32_t index, const event& e);
  void record(const member& m, record_kind kind, std::uint64_t sequence, std::uint8_t reason = 0);
  void settle();
  void produce(std::uint64_t now);
  [[nodiscard]] std::uint64_t next_in_schedule() const noexcept;
  void go_on_with(std::uint32_t index);
  void fill_all();
  void fill(std::uint32_t index);
  void send_again(member& m, std::uint64_t now);
  void send_new(member& m, std::uint64_t now);
  [[nodiscard]] bool is_gathering(const member& m) const noexcept;
  void measure_at_will(member& m);
  void send_one(member& m, std::uint64_t now);
  void put_message(member& m, const outgoing& o);

  const run_plan& plan_;
  const endpoint& server_;
  control& orders_;
  ack_log* log_;
  payload_writer payloads_;
  std::vector<member> members_;
  std::uint32_t first_place_;
  int epoll_fd_;
  std::array<epoll_event, 512> events_{};
  std::vector<char> buffer_;
  std::string payload_;
  std::vector<event> meant_;
  std::vector<answer> answers_;
  std::vector<ack_record> records_;
  std::vector<std::uint32_t> to_fill_, filling_;
  std::deque<std::uint32_t> waiting_to_open_;
  std::priority_queue<appointment, std::vector<appointment>, std::greater<>> appointments_;
  std::uint32_t most_opening_;
  std::uint32_t opening_ = 0;

  std::uint64_t start_ns_ = 0;    // 0: the load has not begun
  std::uint64_t total_ = ~0ULL;   // of the fleet's schedule
  std::uint64_t next_ = 0;        // how far this squad is in its part of it
  std::uint64_t quota_left_ = 0;  // of all members
  bool producing_ = false;
  std::uint64_t give_up_ns_ = ~0ULL;  // set once nothing new is measured
  std::uint64_t next_housekeeping_ns_ = 0;
  tally counted_;
  std::atomic<bool> finished_{false};
  mutable std::mutex published_mutex_;
  tally published_;
};

}  // namespace fleetgate::fleetsim
