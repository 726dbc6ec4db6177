// A command to a device, and what a ledger of them says of one. Plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fleetgate::contract {

/// Only the first two are open: the device may still get it.
enum class command_state : std::uint8_t {
  queued,        // waits for its device
  sent,          // on its way to the device, which has not answered
  acknowledged,  // the device has answered: `result` says what
  expired,       // its deadline passed before the device answered
};
inline constexpr std::uint8_t command_state_count = 4;

/// What the device answered. `taken` leaves a command open.
enum class command_result : std::uint8_t {
  none,      // nothing yet
  received,  // MQTT: PUBACK, or PUBCOMP; nothing is said of what it did with it
  refused,   // MQTT 5: a PUBACK with an error
  taken,     // native: an end follows
  done,      // native, as the following
  failed,
  unknown,
};
inline constexpr std::uint8_t command_result_count = 7;

constexpr std::string_view to_string(command_state s) noexcept {
  constexpr std::array<std::string_view, command_state_count> names{"queued", "sent",
                                                                    "acknowledged", "expired"};
  return names[static_cast<std::size_t>(s)];
}

constexpr std::string_view to_string(command_result r) noexcept {
  constexpr std::array<std::string_view, command_result_count> names{
      "none", "received", "refused", "taken", "done", "failed", "unknown"};
  return names[static_cast<std::size_t>(r)];
}

/// What somebody asks to be sent.
struct command_request {
  std::string device;
  std::string name;          // what is to be done: 1 to 64 bytes, no + # / and no U+0000
  std::string content_type;  // "" where not given
  std::string payload;
  std::string idempotency_key;   // "" for none: the same key names the same command, once a device
  std::int64_t deadline_ns = 0;  // Unix time
};

struct command {
  std::string id;  // chosen by the ledger: 32 hexadecimal digits
  command_request request;
  command_state state = command_state::queued;
  command_result result = command_result::none;
  std::string answer;                // payload of the device's answer
  std::string answer_content_type;   // "" where not given
  std::uint64_t number = 0;          // ascending in the order of their creation
  std::uint32_t sent = 0;            // how often it was sent
  std::int64_t created_time_ns = 0;  // Unix time, as the following
  std::int64_t changed_time_ns = 0;

  [[nodiscard]] bool is_open() const noexcept {
    return state == command_state::queued || state == command_state::sent;
  }
};

/// The answer to a command_request.
struct submitted_command {
  contract::command command;
  bool is_new = true;  // false: it was there under its idempotency key
};

/// Some commands of a device, the newest first.
struct command_page {
  std::vector<command> commands;
  std::optional<std::string> next;  // the id to go on behind; nothing: that was all
};

}  // namespace fleetgate::contract
