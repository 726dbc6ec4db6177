#include "actors/runtime/unit.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>

namespace fleetgate::runtime {

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
  bool wake = false;
  {
    std::lock_guard hold(posted_lock_);
    posted_.push_back(job);
    wake = std::exchange(asleep_, false);
  }
  if (wake) boost::asio::post(io_, [] {});
}

void unit::run() {
  thread_id_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!stopping_.load(std::memory_order_relaxed)) {
    rounds_.fetch_add(1, std::memory_order_relaxed);
    io_.poll();
    if (on_sockets_polled_) on_sockets_polled_();
    fetch_posted();
    run_jobs();
    if (jobs_.empty() && wait_for_work()) io_.run_one();
  }
  thread_id_.store(std::thread::id{}, std::memory_order_relaxed);
}

void unit::fetch_posted() {
  {
    std::lock_guard hold(posted_lock_);
    if (posted_.empty()) return;
    fetched_.swap(posted_);
  }
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

/// True where nothing was posted meanwhile: from now on a post wakes the io_context.
bool unit::wait_for_work() {
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
