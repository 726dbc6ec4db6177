// Structured events for people and machines: one line each on stderr, logfmt on a terminal, JSON
// otherwise. Any thread; a queue to one writing thread. Limits: log_options::queue_events lines,
// the oldest are overrun and counted; a text field is cut at 1 KiB; repeats of one event name are
// suppressed and summed up. Never put payloads or secrets into a field.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "protocol/base/fault.hpp"

namespace fleetgate::observe {

enum class log_level : std::uint8_t { debug, info, warn, error };
enum class log_format : std::uint8_t { automatic, logfmt, json };

std::string_view to_string(log_level level) noexcept;

/// Text is borrowed for the time of the call.
using log_value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

struct log_field {
  /// `k` is a literal in snake_case, not one of time, level, event, suppressed.
  log_field(std::string_view k, std::string_view v) : key(k), value(v) {}
  log_field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  log_field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  log_field(std::string_view k, bool v) : key(k), value(v) {}
  log_field(std::string_view k, double v) : key(k), value(v) {}
  template <class Int>
  requires std::is_integral_v<Int> log_field(std::string_view k, Int v) : key(k) {
    if constexpr (std::is_signed_v<Int>)
      value = static_cast<std::int64_t>(v);
    else
      value = static_cast<std::uint64_t>(v);
  }

  std::string_view key;
  log_value value;
};

using log_fields = std::initializer_list<log_field>;

struct log_options {
  log_level least = log_level::info;
  log_format format = log_format::automatic;  // logfmt where stderr is a terminal
  std::size_t queue_events = 2048;
  /// So many lines of one event name in each interval; the rest is summed up.
  std::uint32_t burst = 10;
  std::chrono::milliseconds interval{10'000};
  /// Where lines go, newline included; called on the writing thread. Nothing: stderr.
  std::function<void(std::string_view line)> write;
  /// Nothing: std::chrono::system_clock.
  std::function<std::chrono::system_clock::time_point()> now;
};

class logger {
 public:
  explicit logger(log_options options = {});
  /// Writes what is queued and the summaries of what was suppressed.
  ~logger();
  logger(const logger&) = delete;
  logger& operator=(const logger&) = delete;

  /// `event` is a stable name in the form "listener.started".
  void log_event(log_level level, std::string_view event, log_fields fields = {});
  void debug(std::string_view event, log_fields fields = {}) {
    log_event(log_level::debug, event, fields);
  }
  void info(std::string_view event, log_fields fields = {}) {
    log_event(log_level::info, event, fields);
  }
  void warn(std::string_view event, log_fields fields = {}) {
    log_event(log_level::warn, event, fields);
  }
  void error(std::string_view event, log_fields fields = {}) {
    log_event(log_level::error, event, fields);
  }

  [[nodiscard]] bool enabled(log_level level) const noexcept;
  [[nodiscard]] log_level least() const noexcept;
  /// From any thread; counts for what is logged from here on.
  void set_least(log_level level) noexcept;
  /// Writes the due `suppressed=n` summaries. Happens with every event too; a node that may fall
  /// silent calls it from a timer.
  void sweep();

  /// Lines that the full queue overran.
  [[nodiscard]] std::uint64_t overrun() const;
  /// Lines that were suppressed as repeats.
  [[nodiscard]] std::uint64_t suppressed() const;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace fleetgate::observe
