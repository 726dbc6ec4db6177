// What the connections of one shard share: their table, the round's lists, the clock of the round,
// the read buffer, and the way to the parser. Owned by the node, used by the ingress actor and the
// connection actors of the shard, all on its one thread. Limit: [[listener]] max_connections.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "actors/contract/command_mail.hpp"
#include "actors/contract/loose_message.hpp"
#include "actors/contract/shard_intake.hpp"
#include "actors/contract/subscriber.hpp"
#include "actors/ingress/attributes.hpp"
#include "actors/ingress/connection_quota.hpp"
#include "actors/ingress/connection_table.hpp"
#include "actors/ingress/deadline_queue.hpp"
#include "actors/ingress/open_requests.hpp"
#include "actors/observe/log.hpp"
#include "actors/observe/overload_probe.hpp"
#include "actors/observe/probes.hpp"
#include "actors/observe/trace_writer.hpp"
#include "actors/runtime/actor_ptr.hpp"
#include "actors/runtime/readiness.hpp"
#include "actors/runtime/unit.hpp"
#include "protocol/model/topic_rules.hpp"
#include "protocol/mqtt/session.hpp"
#include "protocol/native/session.hpp"

namespace fleetgate::ingress {

class connection_actor;
void intrusive_ptr_add_ref(connection_actor* c);
void intrusive_ptr_release(connection_actor* c);

enum class device_priority : std::uint8_t { low, normal, high };

/// Which priority a device has: the first pattern that matches its id decides.
struct priority_rule {
  std::string match;  // * stands for any characters
  device_priority priority = device_priority::normal;
};

/// True where `pattern`, in which * stands for any characters, matches all of `text`. Linear in
/// the product of both lengths at worst; no recursion.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

/// One [[listener]]; the same on every shard.
struct listener_settings {
  std::string name;
  std::string address;  // IPv4 or IPv6 literal
  std::uint16_t port = 0;
  connection_quota* quota = nullptr;               // of this listener on all shards
  std::size_t max_unacknowledged_bytes = 1 << 20;  // per connection; beyond it reading pauses
  std::variant<mqtt::session_limits, native::session_limits> session;  // what is spoken
  observe::ingress_probe* probe = nullptr;  // of this listener on this shard
};

struct round_clock {
  std::uint64_t steady_ns = 0;
  std::int64_t unix_ns = 0;
};

struct shard {
  static constexpr std::size_t read_bytes = 64 * 1024;
  /// Read at once before CONNECT is accepted (docs/ARCHITECTURE.md, Limits).
  static constexpr std::size_t handshake_read_bytes = 4 * 1024;
  /// That wait to be taken.
  static constexpr std::size_t most_requests = 256;

  shard(std::uint16_t number, runtime::unit& home_unit, runtime::memory_budget& memory_budget,
        const model::topic_rules& topic_rules, std::vector<priority_rule> priority_rules,
        runtime::mailbox_limits intake_limits, contract::subscriber_mail& subscriber_mail,
        contract::command_mail& command_mail, const observe::overload_probe& overload_now,
        observe::logger& logger)
      : home(home_unit),
        budget(memory_budget),
        intake(number, memory_budget, intake_limits),
        subscribers(subscriber_mail),
        commands(command_mail),
        overload(overload_now),
        log(logger),
        rules(topic_rules),
        priorities(std::move(priority_rules)),
        handed_in({most_requests, memory_budget.limit() / 16}),
        table(number),
        requests(number),
        sockets(home_unit),
        buffer(read_bytes) {}

  [[nodiscard]] device_priority priority_of(std::string_view device) const noexcept;
  /// Whether a device that nothing is known of may come now.
  [[nodiscard]] bool takes_new(std::string_view device) const noexcept;
  /// Before the bytes of a connection are taken.
  void begin_feed() {
    intake.seal_large();
    for (auto& said : common) said.topic = {};
  }

  runtime::unit& home;
  runtime::memory_budget& budget;
  contract::shard_intake intake;
  contract::subscriber_mail& subscribers;
  contract::command_mail& commands;
  const observe::overload_probe& overload;
  observe::logger& log;
  const model::topic_rules& rules;
  std::vector<priority_rule> priorities;  // the ingress actor replaces them
  contract::request_mail handed_in;       // from other threads -> ingress
  connection_table<connection_actor> table;
  open_requests requests;
  observe::ingress_probe* loose_probe = nullptr;  // of what is handed in
  observe::trace_writer trace;
  runtime::readiness sockets;
  deadline_queue deadlines;
  round_clock now;

  // Of the round. Each connection is in each list at most once.
  std::vector<runtime::actor_ptr<connection_actor>> readable;
  std::vector<runtime::actor_ptr<connection_actor>> unsent;  // have bytes to send
  std::vector<model::connection_ref> paused;                 // have bytes that were not taken

  /// Have ended, or sent a delivery, and others could not be told. As CONNECT needs the same room,
  /// at most as many as were open when it ran out.
  std::vector<runtime::actor_ptr<connection_actor>> untold;

  std::vector<std::byte> buffer;
  /// What the messages have in common that one connection has sent and that are taken in one call,
  /// by class: it is looked up and copied once, and lies in the arena of the class.
  std::array<contract::inbound_message, model::traffic_class_count> common;
  attributes_builder attributes;
  std::string properties;  // of the message at hand
  std::minstd_rand jitter{std::random_device{}()};
  bool draining = false;
};

}  // namespace fleetgate::ingress
