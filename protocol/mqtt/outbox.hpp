// The server as sender of one session (MQTT 5.0 sections 4.3, 4.4 and 4.9): what waits to be sent
// at QoS 1 and 2, what is in flight, and how that goes on over another connection. Pure; owned by
// the session's holder, one thread. Limit: outbox_limits; what does not fit is refused.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "protocol/mqtt/forward.hpp"

namespace fleetgate::mqtt {

struct outbox_limits {
  std::size_t messages = 1000;               // waiting and in flight
  std::size_t bytes = 1 << 20;               // of topics, payloads and properties
  std::uint16_t in_flight = 64;              // at most, whatever the client's Receive Maximum
  std::size_t in_flight_bytes = 512 * 1024;  // of them; one message may exceed it
};

class outbox {
 public:
  explicit outbox(const outbox_limits& limits) noexcept : limits_(&limits) {}

  struct entry {
    forward what;
    std::uint64_t number = 0;     // counts the session's messages up from 1: its name in the store
    std::uint16_t packet_id = 0;  // 0: not sent yet
    bool dup = false;             // sent before
    bool released = false;        // QoS 2: PUBREC has come, PUBREL is owed (or was sent)
    bool on_wire = false;         // sent on this connection, an answer is awaited
  };

  /// The entry, which waits at the end; nothing where it does not fit. Pointers and references to
  /// entries are valid until the next call.
  const entry* push(forward f);
  /// As it was stored; in the order of numbers, before anything else.
  void restore(entry e);

  /// A connection has come that takes so many at a time: what was in flight is sent again, in its
  /// order, ahead of all that waits. [MQTT-4.4.0-1], [MQTT-4.6.0-1]
  void connected(std::uint16_t receive_maximum) noexcept;

  /// Until the next connection nothing is sent.
  void disconnected() noexcept { window_ = 0; }

  /// The next to send: PUBREL where `released`, else PUBLISH; nothing where nothing waits or the
  /// window is full. It counts as sent then.
  const entry* next();

  enum class answer : std::uint8_t { done, release, unknown };
  /// PUBACK, PUBREC or PUBCOMP. `release`: a PUBREL is owed now, and is sent by the caller.
  /// `finished` is the message that is done, if one is: its exchange is over.
  answer acknowledge(packet_type type, std::uint16_t packet_id, std::uint8_t reason,
                     std::optional<entry>& finished);
  /// The entry that was sent last under this identifier; null where there is none.
  [[nodiscard]] const entry* find(std::uint16_t packet_id) const noexcept;
  /// Takes what `next` gave out of the session: it cannot be sent (expired, too large).
  void give_up(std::uint16_t packet_id);

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
  [[nodiscard]] const std::deque<entry>& entries() const noexcept { return entries_; }

 private:
  using place = std::deque<entry>::iterator;
  [[nodiscard]] bool has_room_for(const entry& e) const noexcept;
  void put_on_wire(entry& e) noexcept;
  [[nodiscard]] place find_place(std::uint16_t packet_id) noexcept;
  entry take_out(place at);
  std::uint16_t free_packet_id();

  const outbox_limits* limits_;
  std::deque<entry> entries_;  // in flight first, then what waits; ascending by number
  std::size_t sent_ = 0;       // how many at the front have a packet identifier
  std::size_t in_flight_ = 0;  // of them, those that wait for an answer on this connection
  std::size_t in_flight_bytes_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint16_t last_packet_id_ = 0;
  std::uint16_t window_ = 0;
};

/// What an entry counts against outbox_limits::bytes.
std::size_t weight_of(const forward& f) noexcept;

}  // namespace fleetgate::mqtt
