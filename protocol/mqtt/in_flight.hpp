// The packet identifiers of one connection whose exchange is not over (MQTT 5.0 section 4.3).
// Owned by the session. A flat table: 64 bytes for up to 6 identifiers, 1 MiB for all 65,535;
// a new identifier allocates only where the table must grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace fleetgate::mqtt {

/// How far the exchange is.
enum class exchange : std::uint8_t {
  qos1_unanswered,  // PUBLISH received
  qos2_unanswered,  // PUBLISH received
  qos2_recorded,    // PUBREC sent
  qos2_released,    // PUBREL received
  release_only,     // PUBREL received for a PUBLISH that this connection never saw
};

class in_flight_set {
 public:
  struct alignas(8) entry {       // one word, so that it moves as one
    std::uint16_t packet_id = 0;  // 0: free, as MQTT never uses it
    std::uint16_t repeats = 0;    // further unanswered QoS 1 PUBLISHes with it (3.1.1 clients)
    exchange at = exchange::qos1_unanswered;
  };

  /// An identifier may be in use at QoS 1 and at QoS 2 at a time (3.1.1 clients that err).
  [[nodiscard]] entry* find_qos1(std::uint16_t packet_id) noexcept;
  [[nodiscard]] entry* find_qos2(std::uint16_t packet_id) noexcept;
  [[nodiscard]] bool contains(std::uint16_t packet_id) const noexcept;

  /// Must not be in use at the same QoS. Invalidates entries.
  void insert(std::uint16_t packet_id, exchange at);
  /// One more unanswered PUBLISH under the same QoS 1 entry.
  void repeat(entry& e) noexcept;
  /// A QoS 2 message was recorded or released; it stays in flight.
  void advance(entry& e, exchange at) noexcept {
    if (e.at == exchange::qos2_recorded) --recorded_;
    if (at == exchange::qos2_recorded) ++recorded_;
    e.at = at;
  }
  /// Ends one exchange: takes back a repeat, or frees the entry. Invalidates entries.
  void finish(entry& e) noexcept;

  /// All, repeats included.
  [[nodiscard]] std::size_t size() const noexcept { return messages_ + releases_; }
  /// Those that began with a PUBLISH here: what counts against Receive Maximum (section 4.9).
  [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
  /// Those of them that wait for the client's PUBREL, which may lie behind what it sends next.
  [[nodiscard]] std::size_t recorded() const noexcept { return recorded_; }
  [[nodiscard]] std::size_t releases() const noexcept { return releases_; }
  [[nodiscard]] std::size_t heap_bytes() const noexcept { return capacity_ * sizeof(entry); }
  /// Gives the table back where nothing is in flight.
  void shrink() noexcept;

 private:
  [[nodiscard]] std::uint32_t home(std::uint16_t packet_id) const noexcept {
    return packet_id & (capacity_ - 1);
  }
  [[nodiscard]] std::uint32_t after(std::uint32_t i) const noexcept {
    return (i + 1) & (capacity_ - 1);
  }
  /// How far the entry in a slot stands behind its home.
  [[nodiscard]] std::uint32_t displacement(std::uint32_t i) const noexcept {
    return (i - home(slots_[i].packet_id)) & (capacity_ - 1);
  }
  template <class Wanted>
  entry* find(std::uint16_t packet_id, Wanted wanted) const noexcept;
  void place(entry e) noexcept;
  void grow();

  std::unique_ptr<entry[]> slots_;
  std::uint32_t capacity_ = 0;  // a power of two, or 0
  std::uint32_t used_ = 0;
  std::uint32_t messages_ = 0;
  std::uint32_t recorded_ = 0;
  std::uint32_t releases_ = 0;
};

}  // namespace fleetgate::mqtt
