#include "protocol/model/device_time.hpp"

#include <chrono>
#include <cmath>
#include <limits>

namespace fleetgate::model {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr auto most_ns = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// Nanoseconds of one unit, told by the size of the number: today is 1.7e9 s, 1.7e12 ms, 1.7e15 us,
/// 1.7e18 ns, so each boundary lies far from every plausible clock.
std::uint64_t unit_ns(std::uint64_t n) noexcept {
  if (n < 100'000'000'000) return 1'000'000'000;
  if (n < 100'000'000'000'000) return 1'000'000;
  if (n < 100'000'000'000'000'000) return 1'000;
  return 1;
}

/// Reads the fixed fields of a timestamp from the front of a text.
class fields {
 public:
  explicit fields(std::string_view text) noexcept : rest_(text) {}

  /// Exactly `digits` digits, between `low` and `high`.
  int number(std::size_t digits, int low, int high) noexcept {
    int v = 0;
    if (rest_.size() < digits) return fail();
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return fail();
      v = v * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return v >= low && v <= high ? v : fail();
  }
  void one_of(std::string_view marks) noexcept {
    if (!skip(marks)) fail();
  }
  char skip(std::string_view marks) noexcept {
    if (rest_.empty() || marks.find(rest_.front()) == std::string_view::npos) return 0;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  /// Digits of a second's fraction, as nanoseconds; what is finer is cut off.
  std::int64_t fraction_ns() noexcept {
    std::int64_t ns = 0;
    std::int64_t unit = ns_per_s / 10;
    std::size_t n = 0;
    for (; n < rest_.size() && rest_[n] >= '0' && rest_[n] <= '9'; ++n, unit /= 10) {
      ns += (rest_[n] - '0') * unit;
    }
    if (n == 0) return fail();
    rest_.remove_prefix(n);
    return ns;
  }
  [[nodiscard]] bool done() const noexcept { return good_ && rest_.empty(); }

 private:
  int fail() noexcept {
    good_ = false;
    return 0;
  }
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::optional<std::int64_t> device_time_ns(std::uint64_t n) noexcept {
  const std::uint64_t unit = unit_ns(n);
  if (n == 0 || n > most_ns / unit) return std::nullopt;
  return static_cast<std::int64_t>(n * unit);
}

std::optional<std::int64_t> device_time_ns(double n) noexcept {
  if (!(n > 0 && n < static_cast<double>(most_ns))) return std::nullopt;
  const double whole = std::floor(n);
  const auto unit = unit_ns(static_cast<std::uint64_t>(whole));
  // The fraction by itself, as the whole in nanoseconds would use up a double's digits.
  const auto fraction_ns = static_cast<std::uint64_t>((n - whole) * static_cast<double>(unit));
  if (static_cast<std::uint64_t>(whole) >= most_ns / unit) return std::nullopt;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(whole) * unit + fraction_ns);
}

std::optional<std::int64_t> parse_rfc3339_ns(std::string_view text) noexcept {
  fields in(text);
  const int year = in.number(4, 1970, 2261);
  in.one_of("-");
  const auto month = static_cast<unsigned>(in.number(2, 1, 12));
  in.one_of("-");
  const auto day = static_cast<unsigned>(in.number(2, 1, 31));
  in.one_of("Tt ");
  const int hour = in.number(2, 0, 23);
  in.one_of(":");
  const int minute = in.number(2, 0, 59);
  in.one_of(":");
  const int second = in.number(2, 0, 60);  // 60: a leap second, told as the next one
  const std::int64_t fraction = in.skip(".") != 0 ? in.fraction_ns() : 0;
  int offset_minutes = 0;
  if (in.skip("Zz") == 0) {
    const char sign = in.skip("+-");
    const int hours = in.number(2, 0, 23);
    in.one_of(":");
    offset_minutes = (hours * 60 + in.number(2, 0, 59)) * (sign == '-' ? -1 : 1);
    if (sign == 0) return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!in.done() || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds =
      days * 86'400 + hour * 3'600 + minute * 60 + second - offset_minutes * 60;
  if (seconds < 0) return std::nullopt;
  return seconds * ns_per_s + fraction;
}

}  // namespace fleetgate::model
