// Packet to bytes, the mirror image of decode.hpp. Appends to a buffer the caller owns and reuses.
// Text and binary fields are at most 65,535 bytes, which is the caller's to see to.
#pragma once

#include <string>

#include "protocol/mqtt/frame.hpp"
#include "protocol/mqtt/packets.hpp"

namespace fleetgate::mqtt {

void encode(const connect_packet& p, std::string& out);
void encode(const connack_packet& p, protocol_version version, std::string& out);
void encode(const publish_packet& p, protocol_version version, std::string& out);
void encode(const ack_packet& p, protocol_version version, std::string& out);
void encode(const subscribe_packet& p, protocol_version version, std::string& out);
void encode(const suback_packet& p, protocol_version version, std::string& out);
void encode(const unsubscribe_packet& p, protocol_version version, std::string& out);
void encode(const ping_packet& p, protocol_version version, std::string& out);
void encode(const farewell_packet& p, protocol_version version, std::string& out);
void encode(const packet& p, protocol_version version, std::string& out);

/// One entry of subscribe_packet::filters, and one of unsubscribe_packet::filters.
void append(const subscription& s, std::string& filters);
void append_filter(std::string_view filter, std::string& filters);

}  // namespace fleetgate::mqtt
