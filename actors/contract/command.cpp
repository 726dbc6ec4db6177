#include "actors/contract/command.hpp"

#include <array>

namespace fleetgate::contract {
namespace {

constexpr std::array<std::string_view, command_state_count> state_names{"queued", "sent",
                                                                        "acknowledged", "expired"};
constexpr std::array<std::string_view, command_result_count> result_names{
    "none", "received", "refused", "taken", "done", "failed", "unknown"};

}  // namespace

std::string_view to_string(command_state s) noexcept {
  return state_names[static_cast<std::size_t>(s)];
}

std::string_view to_string(command_result r) noexcept {
  return result_names[static_cast<std::size_t>(r)];
}

}  // namespace fleetgate::contract
