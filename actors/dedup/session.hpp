// What is kept for one MQTT client id: its connection, its QoS 2 packet ids (MQTT 5.0
// section 4.3.3) and the newest QoS 1 packets without a sequence. Owned by session_table; journal's
// thread. Limits: dedup_limits::held_packet_ids and ::redeliveries; the second is allocated as it
// is used.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/dedup/pending_table.hpp"
#include "protocol/model/ids.hpp"

namespace fleetgate::dedup {

/// A QoS 2 packet id between its PUBLISH and its PUBCOMP. Usually the message is settled before its
/// PUBREL comes, but not where PUBREC went out at once (level received).
struct held_id {
  std::uint64_t content = 0;        // topic and payload
  std::uint32_t slot = no_slot;     // of the message in the pending_table, while it is there
  std::uint32_t release = no_slot;  // of its release, while that is there
  std::uint16_t packet_id = 0;
  bool stored = false;  // the message is settled: a resend is a duplicate
};

struct redelivery {
  std::uint64_t content = 0;
  std::uint32_t slot = no_slot;  // while pending
  std::uint16_t packet_id = 0;   // 0: void
};

class session;
/// Sessions by the time at which they end.
using expiry_queue = std::multimap<std::uint64_t, session*>;

class session {
 public:
  /// `held_in_all` counts the held packet ids of all sessions; it must outlive this.
  session(std::string_view client_id, std::size_t& held_in_all)
      : client_id_(client_id), held_in_all_(held_in_all) {}
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session() { held_in_all_ -= held_.size(); }

  [[nodiscard]] const std::string& client_id() const noexcept { return client_id_; }

  [[nodiscard]] held_id* held(std::uint16_t packet_id) noexcept;
  [[nodiscard]] std::size_t held_count() const noexcept { return held_.size(); }
  /// Replaces what was held under this id.
  held_id& hold_id(const held_id& id);
  void let_go(std::uint16_t packet_id) noexcept;

  /// The newest packet with this id, or nullptr.
  [[nodiscard]] redelivery* find_delivery(std::uint16_t packet_id) noexcept;
  /// Notes one more packet and returns its number, by which `delivery` finds it.
  std::uint32_t note_delivery(const redelivery& d, std::size_t most);
  /// nullptr where newer ones have pushed it out.
  [[nodiscard]] redelivery* delivery(std::uint32_t number) noexcept;

  /// Discards the packet ids (MQTT 5.0 section 3.1.2.4). What is pending finds its slot nowhere
  /// then, so a late settlement does not touch what comes after.
  void discard() noexcept;

  /// The value stored under the client id (docs/wire/state.md, dedup_sessions): settled parts only.
  void save(std::string& out) const;
  /// False where the bytes contradict themselves (then nothing changed).
  bool load(byte_view stored);

  model::connection_ref connection;              // generation 0: nobody is connected
  std::uint32_t expiry_s = 0;                    // 0: ends with the connection; 0xFFFFFFFF: never
  std::uint32_t opening = no_slot;               // the newest open mark, while it is pending
  bool known_durably = false;                    // its open mark is on disk, or it came from there
  bool in_store = false;                         // a row may exist
  bool listed = false;                           // waits for the snapshot
  bool ended = false;                            // gone, but for what is pending
  std::uint32_t pins = 0;                        // pending entries and waiters that point here
  std::uint64_t disconnected_ns = 0;             // 0: before this start
  std::optional<expiry_queue::iterator> queued;  // its one place; none while it is connected
  std::uint64_t disconnect = 0;  // the number of its last one; 0: it is connected, or ended

 private:
  [[nodiscard]] std::size_t ring_mask() const noexcept { return deliveries_.size() - 1; }
  void grow_deliveries();
  [[nodiscard]] std::vector<held_id>::iterator place_of_id(std::uint16_t packet_id) noexcept;

  std::string client_id_;
  std::size_t& held_in_all_;
  std::vector<held_id> held_;           // ascending by packet id
  std::vector<redelivery> deliveries_;  // ring; size is a power of two
  std::uint32_t next_delivery_ = 0;
};

}  // namespace fleetgate::dedup
