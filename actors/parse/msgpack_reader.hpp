// Reads a MessagePack document once: validates all of it, and picks out the wanted members (names
// are strings). Pure; any thread; allocates by what stands there, never by what is declared.
// Limit: max_payload_depth (json_reader.hpp).
#pragma once

#include "actors/parse/wanted_members.hpp"
#include "protocol/base/bytes.hpp"

namespace fleetgate::parse {

/// True where `payload` is one MessagePack value and nothing else. Text in `wanted` points into it.
[[nodiscard]] bool read_msgpack(byte_view payload, wanted_members& wanted);

}  // namespace fleetgate::parse
