#include "actors/observe/log_line.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "actors/observe/escape.hpp"

namespace fleetgate::observe {
namespace {

[[maybe_unused]] bool is_field_name(std::string_view key) noexcept {
  const bool reserved = key == "time" || key == "level" || key == "event";
  return !key.empty() && !reserved && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// logfmt needs quotes around everything but plain words.
bool is_plain(std::string_view s) noexcept {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
    return c > ' ' && c < '\x7F' && c != '"' && c != '=' && c != '\\';
  });
}

void append_text(std::string& out, log_format format, std::string_view s) {
  s = cut_at_character(s, log_text_limit);
  if (format == log_format::logfmt && is_plain(s))
    out += s;
  else
    append_json_string(out, s);
}

template <class Number>
std::string format_number(Number v) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v).ptr;
  return {buffer.data(), end};
}

void append_value(std::string& out, log_format format, const log_value& value) {
  struct visitor {
    std::string& out;
    log_format format;
    void operator()(std::string_view s) const { append_text(out, format, s); }
    void operator()(std::int64_t v) const { out += format_number(v); }
    void operator()(std::uint64_t v) const { out += format_number(v); }
    void operator()(bool v) const { out += v ? "true" : "false"; }
    void operator()(double v) const {
      // JSON has no number for these.
      if (std::isfinite(v))
        out += format_number(v);
      else
        append_text(out, format, std::isnan(v) ? "NaN" : v < 0 ? "-Inf" : "+Inf");
    }
  };
  std::visit(visitor{out, format}, value);
}

void append_field(std::string& out, log_format format, std::string_view key,
                  const log_value& value) {
  const bool json = format == log_format::json;
  if (!out.empty()) out += json ? ',' : ' ';
  if (json)
    out.append(out.empty() ? "{\"" : "\"").append(key).append("\":");
  else
    out.append(key).append("=");
  append_value(out, format, value);
}

}  // namespace

std::string format_time(std::chrono::system_clock::time_point t) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(t).time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t whole = seconds.count();
  std::tm utc{};
  gmtime_r(&whole, &utc);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ",
                static_cast<int>((since_epoch - seconds).count()));
  return std::string(date.data()) + fraction.data();
}

std::string format_line(log_format format, std::chrono::system_clock::time_point time,
                        log_level level, std::string_view event, log_fields fields) {
  std::string line;
  append_field(line, format, "time", std::string_view(format_time(time)));
  append_field(line, format, "level", to_string(level));
  append_field(line, format, "event", event);
  for (const log_field& f : fields) {
    assert(is_field_name(f.key));
    append_field(line, format, f.key, f.value);
  }
  if (format == log_format::json) line += '}';
  return line;
}

}  // namespace fleetgate::observe
