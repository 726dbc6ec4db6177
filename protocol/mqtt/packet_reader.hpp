// Reads the body of one packet in specification order. The first fault sticks: what is read after
// it is empty, and finish() reports it, so that a decoder reads as the specification does.
// Pure; lives for one call of a decoder.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/base/bytes.hpp"
#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/property_rules.hpp"

namespace fleetgate::mqtt {

class packet_reader {
 public:
  packet_reader(const frame& f, protocol_version version) noexcept;

  std::uint8_t u8() noexcept;
  std::uint16_t u16() noexcept;
  /// Never 0. [MQTT-2.2.1-3]
  std::uint16_t packet_id() noexcept;
  /// UTF-8 Encoded String, section 1.5.4.
  std::string_view text() noexcept;
  /// Binary Data, section 1.5.6.
  byte_view data() noexcept;
  /// Section 2.2.2. Nothing in 3.1.1.
  properties props(property_place place) noexcept {
    if (!v5()) return {};
    if (in_.remaining() != 0 && in_.rest().front() == std::byte{0}) {
      (void)in_.take(1);
      return {};
    }
    return some_props(place);
  }
  /// All that is left.
  byte_view rest() noexcept;

  /// A CONNECT learns its version on the way.
  void speak(protocol_version version) noexcept;
  [[nodiscard]] bool v5() const noexcept { return version_ == protocol_version::v5; }
  [[nodiscard]] std::size_t remaining() const noexcept { return in_.remaining(); }
  [[nodiscard]] bool ok() const noexcept { return !failed_; }

  /// Records a fault at the byte that is next.
  void fail(fault_code code, std::string_view what) noexcept;
  void require(bool holds, fault_code code, std::string_view what) noexcept {
    if (!holds) [[unlikely]]
      fail(code, what);
  }
  /// Turns `result` into the fault, where something was wrong or is left over. The packet is built
  /// in the place it is returned from: it is large enough for a copy to be seen.
  template <class Packet>
  void finish(decoded<Packet>& result) noexcept {
    require(in_.empty(), fault_code::malformed_packet, "bytes after the packet's end");
    if (failed_) [[unlikely]]
      result = tl::unexpected<decode_fault>(fault_);
  }

 private:
  template <class Int>
  Int value(std::optional<Int> v) noexcept {
    if (v) [[likely]]
      return *v;
    fail(fault_code::malformed_packet, "the packet ends within a field");
    return 0;
  }
  std::optional<std::uint32_t> variable() noexcept;
  properties some_props(property_place place) noexcept;
  void check_property(property_place place, std::uint64_t& present) noexcept;
  void check_number(property_id id, std::uint32_t n) noexcept;

  byte_reader in_;
  std::size_t base_;  // of in_ within the packet
  protocol_version version_;
  bool shortest_length_;
  bool failed_ = false;
  decode_fault fault_;
};

}  // namespace fleetgate::mqtt
