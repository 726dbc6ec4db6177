#include "deploy/fleetsim/progress.hpp"

#include <unistd.h>

#include <cstdio>

namespace fleetgate::fleetsim {
namespace {

constexpr std::uint64_t refresh_ns = 200'000'000;
constexpr const char* erase_line = "\r\x1B[K";

}  // namespace

std::string grouped(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string duration_text(std::uint64_t ns) {
  char out[32];
  const auto n = static_cast<double>(ns);
  if (ns < 1'000'000) {
    std::snprintf(out, sizeof out, "%.0f us", n / 1e3);
  } else if (ns < 1'000'000'000) {
    std::snprintf(out, sizeof out, "%.1f ms", n / 1e6);
  } else {
    std::snprintf(out, sizeof out, "%.1f s", n / 1e9);
  }
  return out;
}

std::string live_line(const tally& before, const tally& now, std::uint64_t connections,
                      double seconds) {
  const histogram recent = now.latency.since(before.latency);
  const auto rate = static_cast<std::uint64_t>(
      seconds > 0 ? static_cast<double>(now.acknowledged - before.acknowledged) / seconds : 0);
  std::string line = grouped(now.up) + "/" + grouped(connections) + " connected | " +
                     grouped(rate) + "/s | " + grouped(now.in_flight) + " in flight, " +
                     grouped(now.owed) + " owed";
  if (recent.count() > 0) {
    line += " | p50 " + duration_text(recent.percentile(0.5)) + " p99 " +
            duration_text(recent.percentile(0.99));
  }
  return line + " | " + grouped(now.acknowledged) + " acknowledged";
}

progress::progress(std::uint64_t connections, bool wanted)
    : connections_(connections), live_(wanted && ::isatty(STDERR_FILENO) == 1) {}

void progress::show(const tally& now, std::uint64_t now_ns) {
  if (!live_ || now_ns - before_ns_ < refresh_ns) return;
  const double seconds = static_cast<double>(now_ns - before_ns_) / 1e9;
  const std::string line = live_line(before_, now, connections_, before_ns_ == 0 ? 0 : seconds);
  std::fprintf(stderr, "%s%s", erase_line, line.c_str());
  std::fflush(stderr);
  shown_ = true;
  before_ = now;
  before_ns_ = now_ns;
}

void progress::clear() {
  if (!shown_) return;
  std::fputs(erase_line, stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace fleetgate::fleetsim
