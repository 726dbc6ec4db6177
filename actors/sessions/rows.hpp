// The rows of the sessions stage in the state store (docs/wire/state.md): sessions with their
// subscriptions, queued messages, wills, retained messages. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/contract/spool_reader.hpp"
#include "actors/sessions/session.hpp"

namespace fleetgate::sessions {

inline constexpr std::string_view sessions_table = "subscribers";
inline constexpr std::string_view queue_table = "subscriber_queue";
inline constexpr std::string_view wills_table = "subscriber_wills";
inline constexpr std::string_view due_wills_table = "subscriber_due_wills";
inline constexpr std::string_view retained_table = "retained";
inline constexpr std::string_view cursor_table = "subscriber_cursor";

/// Expiry, subscriptions.
std::string encode_session(const session& s);
/// False where the bytes contradict themselves.
bool decode_session(byte_view row, session& s);

std::string queue_key(std::string_view client_id, std::uint64_t number);
/// The client id of such a key; nothing where it is none.
std::optional<std::string_view> client_of_queue_key(std::string_view key) noexcept;
std::string encode_entry(const mqtt::outbox::entry& e);
std::optional<mqtt::outbox::entry> decode_entry(byte_view row);

std::string encode_message(const mqtt::forward_message& m);
std::optional<mqtt::forward_message> decode_message(byte_view row);

/// `delay_s` as the session's end bounds it.
std::string encode_will(const contract::will& w, std::uint32_t delay_s);
std::optional<contract::will> decode_will(byte_view row);

std::string due_will_key(std::uint64_t number);
std::string encode_due_will(const contract::due_will& w);
std::optional<contract::due_will> decode_due_will(std::string_view key, byte_view row);

std::string encode_cursor(const contract::cursor& c);
std::optional<contract::cursor> decode_cursor(byte_view row);

}  // namespace fleetgate::sessions
