#include "actors/runtime/unit.hpp"

#include <pthread.h>
#include <sys/prctl.h>

#include <boost/asio/post.hpp>

#include "actors/runtime/clock.hpp"

namespace fleetgate::runtime {
namespace {

/// How late the kernel may end a pause (the default is 50 us).
constexpr unsigned long timer_slack_ns = 10'000;

}  // namespace

unit::unit(caf::actor_system& system, std::string name)
    : caf::execution_unit(&system), name_(std::move(name)), guard_(io_.get_executor()) {}

unit::~unit() {
  stop();
  join();
  release_jobs();
}

void unit::start() {
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
}

void unit::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  boost::asio::post(io_, [] {});
}

void unit::join() {
  if (thread_.joinable()) thread_.join();
}

void unit::exec_later(caf::resumable* job) {
  if (on_own_thread()) {
    jobs_.push_back(job);
    return;
  }
  bool wake = false, end_pause = false;
  {
    std::lock_guard hold(posted_lock_);
    posted_.push_back(job);
    wake = std::exchange(asleep_, false);
    end_pause = std::exchange(pausing_, false);
  }
  if (wake) boost::asio::post(io_, [] {});
  if (end_pause) pause_ended_.notify_one();
}

void unit::run() {
  thread_id_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  ::prctl(PR_SET_TIMERSLACK, timer_slack_ns, 0, 0, 0);
  while (!stopping_.load(std::memory_order_relaxed)) {
    rounds_.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t left = handlers_per_round; left != 0 && io_.poll_one() != 0; --left) {
      ++arrivals_;
    }
    fetch_posted();
    gathering_.begin_round(steady_now_ns(), std::exchange(arrivals_, 0));
    if (on_sockets_polled_) on_sockets_polled_();
    run_jobs();
    if (jobs_.empty() && !std::exchange(again_, false)) wait();
  }
  thread_id_.store(std::thread::id{}, std::memory_order_relaxed);
}

void unit::fetch_posted() {
  {
    std::lock_guard hold(posted_lock_);
    asleep_ = false;
    if (posted_.empty()) return;
    fetched_.swap(posted_);
  }
  arrivals_ += fetched_.size();
  jobs_.insert(jobs_.end(), fetched_.begin(), fetched_.end());
  fetched_.clear();
}

void unit::run_jobs() {
  for (std::size_t left = jobs_per_round; left != 0 && !jobs_.empty(); --left) {
    caf::resumable* const job = jobs_.front();
    jobs_.pop_front();
    run_job(job);
  }
}

void unit::run_job(caf::resumable* job) {
  constexpr std::size_t messages_per_job = 64;
  switch (job->resume(this, messages_per_job)) {
    case caf::resumable::resume_later:
      jobs_.push_back(job);
      return;
    case caf::resumable::awaiting_message:
    case caf::resumable::done:
      caf::intrusive_ptr_release(job);
      return;
    case caf::resumable::shutdown_execution_unit:
      caf::intrusive_ptr_release(job);
      stopping_.store(true, std::memory_order_relaxed);
      return;
  }
}

void unit::wait() {
  if (const std::uint64_t pause = gathering_.pause_ns(steady_now_ns()); pause != 0) {
    pause_for(std::chrono::nanoseconds(pause));
  } else if (falls_asleep()) {
    arrivals_ += io_.run_one();
  }
}

/// Sockets wait until it is over; what is posted ends it, as others have gathered that already.
void unit::pause_for(std::chrono::nanoseconds time) {
  std::unique_lock hold(posted_lock_);
  if (!posted_.empty()) return;
  pausing_ = true;
  pause_ended_.wait_for(hold, time, [this] { return !pausing_; });
  pausing_ = false;
}

/// True where nothing was posted meanwhile: from now on a post wakes the io_context.
bool unit::falls_asleep() {
  std::lock_guard hold(posted_lock_);
  if (!posted_.empty()) return false;
  asleep_ = true;
  return true;
}

void unit::release_jobs() {
  fetch_posted();
  for (caf::resumable* const job : jobs_) caf::intrusive_ptr_release(job);
  jobs_.clear();
}

}  // namespace fleetgate::runtime
