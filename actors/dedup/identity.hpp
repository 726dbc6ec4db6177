// Names that are computed from what they name, alike on every node: keys, inferred epochs, trace
// ids, content hashes. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/model/envelope.hpp"

namespace fleetgate::dedup {

/// Whether its level is a promise: durable or committed.
inline bool is_owed(const model::envelope& e) noexcept {
  return model::is_owed(model::lane_of(e.cls, e.level));
}

/// XXH3-128 of a name.
struct name_hash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

/// Key of the window of the message at hand, "<bytes>:tenant,<bytes>:device,stream", and what is
/// computed from it. Lengths make it unambiguous, so that two devices can never share a window,
/// whatever characters their names hold. Messages of a device come in runs: the last key is kept.
class window_key {
 public:
  explicit window_key(std::uint64_t place_seed) noexcept : seed_(place_seed) { compute(); }

  void set_to(const model::envelope& e);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::uint64_t place() const noexcept { return place_; }  // place_of(text())
  [[nodiscard]] const name_hash& name() const noexcept { return name_; }

 private:
  void compute();

  const std::uint64_t seed_;
  std::string tenant_, device_, stream_;
  std::string text_;
  std::uint64_t place_ = 0;
  name_hash name_;
};

/// The device in the text of a window_key; "" where it is none.
std::string_view device_in(std::string_view window_key) noexcept;

/// Key of a quarantined message: "<bytes>:tenant,<bytes>:device,<16 hex digits>", the digits by its
/// topic, payload and, where it is known, sequence. Replaces `out`.
void quarantine_key(const model::envelope& e, std::string& out);

/// Where a key lies in a hash map. Only a place: keys are compared in full.
std::uint64_t place_of(std::string_view key, std::uint64_t seed) noexcept;

/// place_of for maps whose keys are strings.
struct key_hasher {
  using is_transparent = void;
  using is_avalanching = void;
  std::uint64_t seed = 0;
  std::size_t operator()(std::string_view key) const noexcept { return place_of(key, seed); }
};

/// Id of an inferred epoch: a hash of device, stream, previous epoch (0: none), first sequence and
/// payload. 63 bits, never 0.
std::uint64_t infer_epoch(const model::envelope& e, std::uint64_t previous) noexcept;

/// What makes a redelivered packet the same one: topic and payload.
std::uint64_t content_hash(const model::envelope& e) noexcept;

/// Of a message with a sequence: from its key, so that a resend bears the same. Without: from its
/// arrival. `window_name` is that of the window_key of `e`. Never all zero.
model::trace_id derive_trace(const model::envelope& e, const name_hash& window_name) noexcept;

}  // namespace fleetgate::dedup
