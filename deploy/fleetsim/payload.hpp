// What a device says: one JSON object that is the same for the same (seed, device, boot, sequence),
// so that a resend, also by a later process, is byte for byte the first one. Pure; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fleetgate::fleetsim {

/// {"device":"sim-3","boot":1,"seq":42,"value":21.37,"pad":"..."}
class payload_writer {
 public:
  static constexpr std::size_t largest_bytes = 1'048'576;
  /// No payload that is asked to have `bytes` is longer, for a device whose name is that long.
  static constexpr std::size_t longest(std::size_t bytes, std::size_t name) noexcept {
    constexpr std::size_t object = 80;  // without the name, its numbers as long as they can be
    return bytes > name + object ? bytes : name + object;
  }

  /// Payloads are padded to `bytes`; they are longer where the object itself is.
  payload_writer(std::uint64_t seed, std::size_t bytes);

  /// Appends the object. `name` needs no escaping in JSON.
  void append(std::string_view name, std::uint32_t device, std::uint32_t boot,
              std::uint64_t sequence, std::string& out) const;

 private:
  std::uint64_t seed_;
  std::size_t bytes_;
  std::string padding_;  // letters, from which each payload takes a stretch
};

}  // namespace fleetgate::fleetsim
