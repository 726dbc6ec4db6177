#include "actors/node/service_manager.hpp"

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace fleetgate::node {
namespace {

/// Between the end of the drain and the end of the process.
constexpr std::chrono::seconds farewell{5};

std::string_view variable(const char* name) noexcept {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view(value);
}

std::optional<std::uint64_t> number(std::string_view text) noexcept {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

auto unusable(const char* name, std::string_view value, std::string_view instead) {
  return failure(fault_code::resource_unavailable,
                 std::string(name) + " is \"" + std::string(value) + "\", which " +
                     std::string(instead) + "; unset it, or leave it to systemd");
}

}  // namespace

result<service_manager> service_manager::from_environment() {
  service_manager made;
  const auto name = variable("NOTIFY_SOCKET");
  if (name.empty()) return made;
  // A path, or "@" and a name in the abstract namespace (unix(7)), where a zero takes its place.
  if ((name.front() != '/' && name.front() != '@') || name.size() < 2 ||
      name.size() >= sizeof made.to_.sun_path) {
    return unusable("NOTIFY_SOCKET", name, "is neither a path nor @ and a name");
  }
  made.to_.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), made.to_.sun_path);
  if (name.front() == '@') made.to_.sun_path[0] = '\0';
  made.to_bytes_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  made.socket_ = runtime::descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

  const auto patience = variable("WATCHDOG_USEC");
  const auto whose = variable("WATCHDOG_PID");
  const bool is_ours = whose.empty() || number(whose) == static_cast<std::uint64_t>(::getpid());
  if (patience.empty() || !is_ours) return made;
  const auto us = number(patience);
  if (!us || *us == 0) return unusable("WATCHDOG_USEC", patience, "is no number of microseconds");
  made.interval_ = std::max<milliseconds>(milliseconds(1), milliseconds(*us / 2'000));
  return made;
}

void service_manager::ready() {
  tell("READY=1");
}
void service_manager::reloading() {
  // Of the clock that systemd orders reloads by.
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::chrono::nanoseconds at =
      std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(at).count();
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us));
}
void service_manager::alive() {
  tell("WATCHDOG=1");
}
void service_manager::stopping(milliseconds at_most) {
  const std::chrono::microseconds time = at_most + farewell;
  tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(time.count()));
}

void service_manager::tell(std::string_view message) const noexcept {
  if (to_bytes_ == 0) return;
  // There is nobody to complain to: systemd sees what it missed.
  (void)::sendto(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&to_), to_bytes_);
}

}  // namespace fleetgate::node
