// A unit: one thread, one Asio io_context, one CAF execution unit. Shards and the journal are
// units. Pinned actors (pinned_actor.hpp) run on their unit and nowhere else, each to completion.
// Owned by the node. Limit: a round runs at most `handlers_per_round` handlers of the loop, then at
// most `jobs_per_round` jobs.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/runtime/gathering.hpp"

namespace fleetgate::runtime {

class unit final : public caf::execution_unit {
 public:
  static constexpr std::size_t jobs_per_round = 1024;
  static constexpr std::size_t handlers_per_round = 64;

  unit(caf::actor_system& system, std::string name);
  ~unit() override;
  unit(const unit&) = delete;
  unit& operator=(const unit&) = delete;

  /// Starts the thread; returns at once.
  void start();
  /// From any thread: the thread ends after its current round. Then `join`.
  void stop();
  void join();

  /// From any thread. CAF calls it when an actor has mail.
  void exec_later(caf::resumable* job) override;

  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool on_own_thread() const noexcept {
    return std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed);
  }
  /// Rounds so far; a watchdog sees by it that the unit still answers.
  [[nodiscard]] std::uint64_t rounds() const noexcept {
    return rounds_.load(std::memory_order_relaxed);
  }

  /// On the unit's thread: so many more things have come than the loop ran handlers for.
  void note_arrivals(std::size_t count) noexcept { arrivals_ += count; }

  /// On the unit's thread: the next round comes at once, whether or not something arrives.
  void look_again() noexcept { again_ = true; }

  /// Called on the unit's thread after the sockets of a round were looked at and before its jobs
  /// run: what the sockets brought goes on as one. Set before `start`.
  void on_sockets_polled(std::function<void()> call) { on_sockets_polled_ = std::move(call); }

 private:
  void run();
  void fetch_posted();
  void run_jobs();
  void run_job(caf::resumable* job);
  void wait();
  void pause_for(std::chrono::nanoseconds time);
  bool falls_asleep();
  void release_jobs();

  const std::string name_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::function<void()> on_sockets_polled_;
  std::deque<caf::resumable*> jobs_;  // own thread only
  gathering gathering_;               // own thread only
  std::size_t arrivals_ = 0;          // own thread only: since the last round began
  bool again_ = false;                // own thread only: no wait before the next round

  std::mutex posted_lock_;
  std::vector<caf::resumable*> posted_;  // from other threads
  bool asleep_ = false;                  // under posted_lock_: needs a wake-up through io_
  bool pausing_ = false;                 // under posted_lock_: until `pause_ended_`
  std::condition_variable pause_ended_;
  std::vector<caf::resumable*> fetched_;

  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> rounds_{0};
  std::atomic<std::thread::id> thread_id_{};
  std::thread thread_;
};

}  // namespace fleetgate::runtime
