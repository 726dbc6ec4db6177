// The two encodings of a request's body: one object with a message's fields, or one with the single
// member "messages", an array of these. Pure.
#pragma once

#include <string_view>

#include "protocol/http/message_fields.hpp"

namespace fleetgate::http {

inline constexpr std::string_view batch_member = "messages";

result<message_request> read_json(std::string_view device, std::string_view body);
result<message_request> read_msgpack(std::string_view device, byte_view body);

/// `f` with the place before its detail: "messages[3]." in a batch.
fault at_message(fault f, bool is_batch, std::size_t index);
fault unknown_member(std::string_view name);
fault no_object();
fault not_a_batch();
fault too_many_messages();

}  // namespace fleetgate::http
