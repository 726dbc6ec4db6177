// One client's session as the sessions stage keeps it (MQTT 5.0 section 4.1): its subscriptions,
// what waits for it, its will, and the connection it has now. Owned by the sessions brain.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/contract/command_mail.hpp"
#include "actors/contract/subscriber.hpp"
#include "protocol/mqtt/forward.hpp"
#include "protocol/mqtt/outbox.hpp"
#include "protocol/mqtt/subscription_tree.hpp"

namespace fleetgate::sessions {

inline constexpr std::uint64_t not_due = ~std::uint64_t{0};
inline constexpr std::uint32_t never_expires = 0xFFFF'FFFF;  // MQTT 5.0 section 3.1.2.11.2

struct held_subscription : mqtt::granted_subscription {
  bool retained_owed = false;  // retained messages are still on their way to it
  bool operator==(const held_subscription&) const = default;
};

/// How far retained messages are on their way to the subscriptions of a session, one after the
/// other. What is not done at a restart of the node begins anew.
struct retained_replay {
  std::size_t owed = 0;    // subscriptions
  std::string filter;      // of the one at hand
  std::string after;       // the topic that is done; "": none
  bool is_listed = false;  // it can go on
};

using subscription_map = std::map<std::string, held_subscription, std::less<>>;  // by filter

struct session {
  std::string client_id;
  std::uint32_t number = 0;    // in the brain's table and the tree
  model::connection_ref at;    // generation 0: nobody is connected
  mqtt::forward_terms terms;   // of that connection
  std::uint32_t expiry_s = 0;  // 0: it ends with the connection
  // Steady; while nobody is connected.
  std::uint64_t ends_ns = not_due;
  std::uint64_t will_due_ns = not_due;
  std::uint64_t timer_ns = not_due;  // its entry among the timers
  subscription_map subscriptions;
  std::size_t filter_bytes = 0;                  // of them
  std::unique_ptr<retained_replay> replay;       // where any are owed
  std::unique_ptr<mqtt::outbox> queue;           // made with the first message
  std::size_t away_bytes = 0;                    // of the queue, while nobody is connected
  std::unique_ptr<mqtt::topic_aliases> aliases;  // where the client takes any
  std::shared_ptr<const contract::will> will;
  std::uint16_t receive_maximum = 65'535;  // of that connection
  std::uint64_t opened = 0;                // client_came::opened of that connection
  bool is_stored = false;                  // the store has a row
  bool awaits_word = false;                // of a part of retained messages at QoS 0
  bool commands_wait = false;              // a command found no place in the queue
  /// That the client has answered on this connection, the last few: the ledger may have offered
  /// one once more before it heard so.
  std::vector<contract::command_answer> finished_commands;

  [[nodiscard]] bool connected() const noexcept { return at.generation != 0; }
  [[nodiscard]] bool outlives_connection() const noexcept { return expiry_s != 0; }
  /// Nobody would miss it.
  [[nodiscard]] bool is_empty() const noexcept {
    return subscriptions.empty() && !will && (!queue || queue->size() == 0);
  }
  [[nodiscard]] bool will_waits() const noexcept { return will_due_ns != not_due; }
};

}  // namespace fleetgate::sessions
