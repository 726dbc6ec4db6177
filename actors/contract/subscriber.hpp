// Between connections and the sessions stage: what clients do that outlives a packet (come, go,
// subscribe, acknowledge), and the packets that come back for them. The mailboxes belong to the
// node and outlive the actors that read them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "actors/runtime/mail.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/mqtt/forward.hpp"

namespace fleetgate::contract {

/// What a client asked to be published when it goes without a goodbye.
struct will {
  mqtt::forward_message message;
  std::uint32_t delay_s = 0;  // MQTT 5.0 section 3.1.3.2.2
};

/// A CONNECT was accepted. Posted before its CONNACK is sent; and once more, as if without a clean
/// start, before the first request of a client of which there was nothing to keep.
struct client_came {
  mqtt::forward_terms terms;
  std::uint16_t receive_maximum = 65'535;
  std::uint16_t topic_alias_maximum = 0;
  std::uint32_t session_expiry_s = 0;
  bool clean_start = true;
  std::shared_ptr<const will> last_will;
  std::uint64_t opened = 0;  // receipt::number: of two of one client the higher is the later
};

/// The connection is gone. `session_expiry_s` as DISCONNECT may have changed it.
struct client_went {
  bool publish_will = true;  // MQTT 5.0 section 3.14.4: not after a DISCONNECT with reason 0x00
  std::uint32_t session_expiry_s = 0;
};

struct subscribe_request {
  std::uint16_t packet_id = 0;
  std::uint32_t identifier = 0;  // MQTT 5.0 section 3.8.2.1.2; 0: none
  std::string filters;           // as subscribe_packet::filters
};

struct unsubscribe_request {
  std::uint16_t packet_id = 0;
  std::string filters;  // as unsubscribe_packet::filters
};

struct acknowledgement {
  mqtt::packet_type type = mqtt::packet_type::puback;
  std::uint16_t packet_id = 0;
  std::uint8_t reason = 0;
};

/// A delivery that wanted it has left for the client.
struct delivery_sent {};

struct client_event {
  model::connection_ref from;
  std::string client_id;
  std::variant<client_came, client_went, subscribe_request, unsubscribe_request, acknowledgement,
               delivery_sent>
      what;
};

/// Bytes for clients of one shard. What may be dropped is, where a client does not take it.
struct delivery {
  std::shared_ptr<const std::string> packets;
  std::vector<model::connection_ref> to;
  bool may_be_dropped = false;
  bool wants_word = false;  // delivery_sent, when the socket has taken it
};

/// A will that is due, for the shard that brings it on the road and answers with will_settled.
struct due_will {
  std::uint64_t number = 0;  // above 0: what it is called until then
  std::string client_id;
  std::shared_ptr<const will> what;
};

struct will_settled {
  std::uint64_t number = 0;
  bool kept = false;  // in the spool or in quarantine; else there was no room
};

/// The sessions stage takes no more events while so many are not kept yet.
inline constexpr std::size_t most_due_wills = 65'536;

struct subscriber_mail {
  explicit subscriber_mail(std::size_t shards, std::size_t budget_bytes)
      : events({65'536, budget_bytes / 32}),
        settled_wills({2 * most_due_wills, 2 * most_due_wills * sizeof(will_settled)}) {
    for (std::size_t s = 0; s < shards; ++s) {
      to_shards.push_back(std::make_unique<shard_side>(budget_bytes / 16));
    }
  }

  struct shard_side {
    explicit shard_side(std::size_t bytes) : deliveries({16'384, bytes}), wills({1024, bytes}) {}
    runtime::mail<delivery> deliveries;  // sessions -> ingress
    runtime::mail<due_will> wills;       // sessions -> ingress
  };

  runtime::mail<client_event> events;  // connections -> sessions; one lane, so in their order
  /// ingress -> sessions. Has room for all that are due: one turn's events bring few more of them.
  runtime::mail<will_settled> settled_wills;
  std::vector<std::unique_ptr<shard_side>> to_shards;
  /// Somebody waits for room in `to_shards`: whoever makes some raises `room`.
  std::atomic<bool> room_wanted{false};
  runtime::signal room;

  /// At the end: no reader is woken any more.
  void disconnect() {
    events.disconnect();
    settled_wills.disconnect();
    room.disconnect();
    for (auto& s : to_shards) {
      s->deliveries.disconnect();
      s->wills.disconnect();
    }
  }
};

}  // namespace fleetgate::contract
