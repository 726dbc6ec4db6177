// The only file that knows spdlog: its asynchronous queue and writing thread serve lines that are
// already formatted.
#include "actors/observe/log.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <utility>

#include "actors/observe/log_line.hpp"
#include "actors/observe/log_rate_limiter.hpp"

namespace fleetgate::observe {
namespace {

/// A write error on stderr has nowhere to be reported; the line is given up.
void write_to_stderr(std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// Only the pool's one thread calls it, so it needs no mutex.
class line_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit line_sink(std::function<void(std::string_view)> write) : write_(std::move(write)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    line_.assign(message.payload.data(), message.payload.size());
    line_ += '\n';
    write_(line_);  // one write a line, so that lines of several processes do not mix
  }
  void flush_() override {}

  std::function<void(std::string_view)> write_;
  std::string line_;
};

log_options with_defaults(log_options o) {
  if (o.format == log_format::automatic) {
    o.format = isatty(STDERR_FILENO) == 1 ? log_format::logfmt : log_format::json;
  }
  if (!o.write) o.write = write_to_stderr;
  if (!o.now) o.now = [] { return std::chrono::system_clock::now(); };
  return o;
}

}  // namespace

std::string_view to_string(log_level level) noexcept {
  switch (level) {
    case log_level::debug:
      return "debug";
    case log_level::info:
      return "info";
    case log_level::warn:
      return "warn";
    case log_level::error:
      return "error";
  }
  return {};
}

class logger::impl {
 public:
  explicit impl(log_options o)
      : options_(with_defaults(std::move(o))),
        least_(options_.least),
        limiter_(options_.burst, options_.interval),
        pool_(std::make_shared<spdlog::details::thread_pool>(options_.queue_events, 1)),
        queue_(std::make_shared<spdlog::async_logger>(
            "fleetgate", std::make_shared<line_sink>(options_.write), pool_,
            spdlog::async_overflow_policy::overrun_oldest)) {
    queue_->set_level(spdlog::level::trace);
  }

  ~impl() {
    std::lock_guard hold(mutex_);
    write_summaries(limiter_.all(), options_.now());
    // The pool's destructor lets its thread write what is queued, then joins it.
  }

  void log_event(log_level level, std::string_view event, log_fields fields) {
    if (!enabled(level)) return;
    const auto now = options_.now();
    {
      std::lock_guard hold(mutex_);
      write_summaries(limiter_.due(now), now);
      if (!limiter_.admit(event, level, now)) return;
    }
    write(format_line(options_.format, now, level, event, fields));
  }

  void sweep() {
    const auto now = options_.now();
    std::lock_guard hold(mutex_);
    write_summaries(limiter_.due(now), now);
  }

  [[nodiscard]] bool enabled(log_level level) const noexcept { return level >= least(); }
  [[nodiscard]] log_level least() const noexcept { return least_.load(std::memory_order_relaxed); }
  void set_least(log_level level) noexcept { least_.store(level, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t overrun() const { return pool_->overrun_counter(); }
  [[nodiscard]] std::uint64_t suppressed() const {
    std::lock_guard hold(mutex_);
    return limiter_.suppressed();
  }

 private:
  void write_summaries(const std::vector<log_rate_limiter::summary>& summaries,
                       std::chrono::system_clock::time_point now) {
    for (const auto& s : summaries) {
      write(format_line(options_.format, now, s.level, s.event, {{"suppressed", s.suppressed}}));
    }
  }

  void write(const std::string& line) {
    queue_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }

  const log_options options_;
  std::atomic<log_level> least_;
  mutable std::mutex mutex_;
  log_rate_limiter limiter_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> queue_;
};

logger::logger(log_options options) : impl_(std::make_unique<impl>(std::move(options))) {}
logger::~logger() = default;

void logger::log_event(log_level level, std::string_view event, log_fields fields) {
  impl_->log_event(level, event, fields);
}
bool logger::enabled(log_level level) const noexcept {
  return impl_->enabled(level);
}
log_level logger::least() const noexcept {
  return impl_->least();
}
void logger::set_least(log_level level) noexcept {
  impl_->set_least(level);
}
void logger::sweep() {
  impl_->sweep();
}
std::uint64_t logger::overrun() const {
  return impl_->overrun();
}
std::uint64_t logger::suppressed() const {
  return impl_->suppressed();
}

}  // namespace fleetgate::observe
