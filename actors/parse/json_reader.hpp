// Reads a JSON document once: validates all of it, and picks out the wanted members. Stricter than
// RFC 8259 where a database behind us would choke: no U+0000, no half surrogates, depth 64. Numbers
// may be of any size. One per shard, on its thread; no allocation once it has seen the largest
// payload up to keep_bytes (a larger one gets its own memory, which goes with it).
#pragma once

#include <cstddef>
#include <memory>

#include "actors/parse/wanted_members.hpp"
#include "protocol/base/bytes.hpp"

namespace fleetgate::parse {

inline constexpr std::size_t max_payload_depth = 64;

class json_reader {
 public:
  static constexpr std::size_t keep_bytes = 1024 * 1024;

  json_reader();
  json_reader(json_reader&&) noexcept;
  json_reader& operator=(json_reader&&) noexcept;
  ~json_reader();

  /// True where `payload`, which has arena::padding readable bytes behind it, is one JSON value.
  /// What `wanted` then holds is valid until the next call.
  [[nodiscard]] bool read(byte_view payload, wanted_members& wanted);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace fleetgate::parse
