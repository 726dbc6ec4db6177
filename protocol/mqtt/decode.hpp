// Frame to packet, for both sides and both versions. The receiving side's normative checks that
// one packet alone decides are made here; those that need the session's state in session.cpp.
// Pure, allocates nothing; linear in the packet's size.
#pragma once

#include <cstdint>
#include <optional>

#include <tl/expected.hpp>

#include "protocol/mqtt/frame.hpp"
#include "protocol/mqtt/packets.hpp"

namespace fleetgate::mqtt {

template <class T>
using decoded = tl::expected<T, decode_fault>;

// `f` comes from next_frame and has the type that the function names.
decoded<connect_packet> decode_connect(const frame& f) noexcept;
decoded<connack_packet> decode_connack(const frame& f, protocol_version version) noexcept;
decoded<publish_packet> decode_publish(const frame& f, protocol_version version,
                                       receiver side) noexcept;
decoded<ack_packet> decode_ack(const frame& f, protocol_version version) noexcept;
decoded<subscribe_packet> decode_subscribe(const frame& f, protocol_version version) noexcept;
decoded<suback_packet> decode_suback(const frame& f, protocol_version version) noexcept;
decoded<unsubscribe_packet> decode_unsubscribe(const frame& f, protocol_version version) noexcept;
decoded<ping_packet> decode_ping(const frame& f, protocol_version version) noexcept;
decoded<farewell_packet> decode_farewell(const frame& f, protocol_version version,
                                         receiver side) noexcept;

/// Any packet that `side` may be sent. CONNECT brings its own version.
decoded<packet> decode(const frame& f, protocol_version version, receiver side) noexcept;

/// The version byte in the body of a CONNECT that may otherwise be nonsense or not all there, so
/// that the answer can be put in words its sender understands.
std::optional<std::uint8_t> announced_version(byte_view connect_body) noexcept;

}  // namespace fleetgate::mqtt
