// What has become of each command: queued, sent, acknowledged, expired. Pure: requests, events and
// Unix time come in, changes of the store go out. Owned by the commands actor; its thread.
// Limits: commands_limits. Open commands are never given up for room; the oldest finished ones are.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/commands/limits.hpp"
#include "actors/contract/command.hpp"
#include "actors/contract/command_mail.hpp"
#include "actors/contract/state_store.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::commands {

class ledger {
 public:
  explicit ledger(const commands_limits& limits) : limits_(limits) {}

  /// Start-up: what the store has. How many rows cannot be read and are left out; the store's
  /// faults.
  result<std::size_t> restore(contract::state_store& store);

  /// Takes a command under `id`, or finds the one that its idempotency key stands for. Faults:
  /// quota_exceeded, key_reused.
  result<contract::submitted_command> submit(const contract::command_request& what, std::string id,
                                             std::int64_t now_ns);
  /// Takes back what was submitted last and is new: it could not be stored.
  void withdraw(const contract::command& c);

  void sent(std::string_view device, std::string_view id, std::int64_t now_ns);
  void answered(std::string_view device, const contract::command_answer& a, std::int64_t now_ns);
  /// Deadlines that have passed, and finished commands that need not be kept any more.
  void on_time(std::int64_t now_ns);
  [[nodiscard]] std::optional<std::int64_t> next_deadline_ns() const;

  /// The open commands of a device that are not on their way to it, the oldest first, without those
  /// that were offered there before; valid until the next call. `native` of generation 0: the
  /// device as an MQTT client.
  [[nodiscard]] std::vector<const contract::command*> waiting_of(
      std::string_view device, model::connection_ref native) const;
  /// The command was handed there; it may be taken later, or not at all.
  void offered(const contract::command& c, model::connection_ref native);
  /// The device has another connection, or another subscription: nothing is on its way to it. Not
  /// `anew`: it asks for what it was offered and did not take.
  void came(std::string_view device, bool anew);
  /// All devices that have open commands.
  [[nodiscard]] std::set<std::string> waiting_devices() const;
  [[nodiscard]] bool has_open() const noexcept { return !deadlines_.empty(); }

  /// Null where there is none.
  [[nodiscard]] const contract::command* find(std::string_view device, std::string_view id) const;
  /// As admin::node_access::commands. Fault: not_found.
  [[nodiscard]] result<contract::command_page> page(std::string_view device, std::string_view after,
                                                    std::size_t most) const;

  [[nodiscard]] std::size_t count(contract::command_state s) const noexcept {
    return counts_[static_cast<std::size_t>(s)];
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  /// For the store; the caller empties it.
  [[nodiscard]] std::vector<contract::state_change>& changes() noexcept { return changes_; }

 private:
  using by_number = std::map<std::uint64_t, contract::command>;  // of one device
  /// Where an open command is; nothing is kept of one that simply waits.
  struct way {
    model::connection_ref offered_to;  // of a native device; generation 0: to none
    bool offered_to_mqtt = false;
    bool is_sent = false;  // to the device's connection of now
  };
  using timed = std::set<std::pair<std::int64_t, std::uint64_t>>;  // Unix ns, number

  contract::command* held(std::string_view device, std::string_view id);
  contract::command* at(std::uint64_t number);
  contract::command& add(contract::command c);
  void remove(const contract::command& c);
  void enter(const contract::command& c);
  void leave(const contract::command& c);
  template <class Change>
  void change(contract::command& c, std::int64_t now_ns, Change&& how);
  bool make_room(std::size_t bytes);

  const commands_limits limits_;
  std::map<std::string, by_number, std::less<>> by_device_;
  std::map<std::uint64_t, by_number*> device_of_;  // by number
  timed deadlines_;                                // of open ones
  timed finished_;                                 // by when they changed last
  std::map<std::uint64_t, way> ways_;              // of open ones, by number
  std::array<std::size_t, contract::command_state_count> counts_{};
  std::size_t bytes_ = 0;
  std::uint64_t last_number_ = 0;
  std::vector<contract::state_change> changes_;
};

}  // namespace fleetgate::commands
