// Frame to packet, for both sides. The checks that one frame alone decides are made here; those
// that need the session's state in session_packets.cpp.
// Pure, allocates nothing; linear in the frame's size.
#pragma once

#include <tl/expected.hpp>

#include "protocol/native/frame.hpp"
#include "protocol/native/packets.hpp"
#include "protocol/native/value_reader.hpp"

namespace fleetgate::native {

template <class T>
using decoded = tl::expected<T, decode_fault>;

// `f` comes from next_frame and has the type that the function names.
/// Where the peer speaks none of our versions, nothing behind them is looked at
/// (unsupported_protocol_version).
decoded<hello_packet> decode_hello(const frame& f) noexcept;
decoded<welcome_packet> decode_welcome(const frame& f) noexcept;
decoded<publish_packet> decode_publish(const frame& f) noexcept;
decoded<batch_packet> decode_batch(const frame& f) noexcept;
decoded<ack_packet> decode_ack(const frame& f) noexcept;
decoded<command_packet> decode_command(const frame& f) noexcept;
decoded<command_ack_packet> decode_command_ack(const frame& f) noexcept;
decoded<ping_packet> decode_ping(const frame& f) noexcept;
decoded<redirect_packet> decode_redirect(const frame& f) noexcept;
decoded<goodbye_packet> decode_goodbye(const frame& f) noexcept;

/// Any packet that `side` may be sent.
decoded<packet> decode(const frame& f, receiver side) noexcept;

// One element of the lists of welcome and ack.
settled_stream read_settled(value_reader& in) noexcept;
sequence_range read_range(value_reader& in) noexcept;
nack read_nack(value_reader& in) noexcept;

}  // namespace fleetgate::native
