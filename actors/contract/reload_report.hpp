// What became of reading the configuration again: what it says otherwise than the one in force, or
// why it was refused. Made by the node on main's thread, told by the admin API. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "protocol/base/fault.hpp"

namespace fleetgate::contract {

enum class change_effect : std::uint8_t { applied, needs_restart };

constexpr std::string_view to_string(change_effect e) noexcept {
  switch (e) {
    case change_effect::applied:
      return "applied";
    case change_effect::needs_restart:
      return "needs_restart";
  }
  return {};
}

/// Texts as they are, other values as TOML has them; nothing: it is not there.
struct config_change {
  std::string key;                 // "log.level", "listener[mqtt].bind", "device[press-*]"
  std::optional<std::string> was;  // what the node ran with
  std::optional<std::string> now;  // what is written
  change_effect effect = change_effect::needs_restart;
};

/// The configuration in force stays, all of it.
struct reload_refusal {
  /// config_invalid; not_found (the node runs without a configuration); server_busy (too many ask);
  /// server_shutting_down; resource_unavailable (no thread to read with).
  fault why;
  std::vector<std::string> errors;  // of the configuration, each with its place
  std::string next;                 // what to do about it
};

using reload_outcome = tl::expected<std::vector<config_change>, reload_refusal>;
using reload_reply = std::function<void(reload_outcome)>;

}  // namespace fleetgate::contract
