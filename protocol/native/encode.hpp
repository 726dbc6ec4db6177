// Packet to bytes, the mirror image of decode.hpp. Appends to a buffer the caller owns and reuses.
// Text must be within the limits of packets.hpp, which is the caller's to see to.
#pragma once

#include <string>

#include "protocol/native/packets.hpp"

namespace fleetgate::native {

void encode(const hello_packet& p, std::string& out);
void encode(const welcome_packet& p, std::string& out);
void encode(const publish_packet& p, std::string& out);
void encode(const batch_packet& p, std::string& out);
void encode(const ack_packet& p, std::string& out);
void encode(const command_packet& p, std::string& out);
void encode(const command_ack_packet& p, std::string& out);
void encode(const ping_packet& p, std::string& out);
void encode(const redirect_packet& p, std::string& out);
void encode(const goodbye_packet& p, std::string& out);
void encode(const packet& p, std::string& out);

/// The bytes of a list, which `of` gives a view of.
struct list_bytes {
  std::uint32_t count = 0;
  std::string elements;

  [[nodiscard]] list of() const noexcept { return {count, as_bytes(elements)}; }
  void clear() noexcept {
    count = 0;
    elements.clear();
  }
};

void append_stream(std::string_view stream, list_bytes& resume);
void append_settled(const settled_stream& s, list_bytes& settled);
void append_range(const sequence_range& r, list_bytes& ranges);
void append_nack(const nack& n, list_bytes& nacks);
void append_sequence(std::uint64_t sequence, list_bytes& sequences);
void append_payload(byte_view payload, list_bytes& payloads);
void append_device_time(std::optional<std::uint64_t> ns, list_bytes& device_times);
void append_traceparent(std::string_view traceparent, list_bytes& traceparents);

}  // namespace fleetgate::native
