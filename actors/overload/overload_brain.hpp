// Decides how pressed the node is: from how full memory, the journal's queue and the spool are, and
// from how fast the spool fills. Pure. Owned by the node, used by the thread that reviews it, once
// a second. Limit: the readings of the last `window` seconds.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "actors/observe/overload_probe.hpp"
#include "protocol/model/class_shares.hpp"
#include "protocol/model/overload_level.hpp"

namespace fleetgate::overload {

/// Bytes in a resource, and how many there may be when a class asks for more.
struct fill {
  std::uint64_t used = 0;
  model::class_bytes limits{};
};

struct reading {
  std::uint64_t at_ns = 0;                                 // monotonic
  std::array<fill, observe::pressed_resource_count> of{};  // by pressed_resource
};

struct assessment {
  model::overload_level level = model::overload_level::normal;
  std::string reason;  // "" at normal
  std::array<std::uint32_t, observe::pressed_resource_count> fill_permille{};
  /// When the spool has no room for a class; nothing where it does not fill.
  std::array<std::optional<std::chrono::seconds>, model::traffic_class_count> full_in{};
};

class overload_brain {
 public:
  /// Memory and queues are there for peaks: they count with their least fill of so many readings.
  static constexpr std::size_t sustained = 3;
  /// The spool's rate is taken over so many readings.
  static constexpr std::size_t window = 10;

  assessment review(const reading& now);

 private:
  struct pressure {
    std::uint32_t permille = 0;
    observe::pressed_resource of = observe::pressed_resource::memory;
  };
  [[nodiscard]] std::uint32_t fill_of(observe::pressed_resource r) const noexcept;
  [[nodiscard]] pressure worst() const noexcept;
  [[nodiscard]] std::optional<std::chrono::seconds> full_in(
      model::traffic_class cls) const noexcept;
  [[nodiscard]] const reading& newest() const noexcept { return readings_[(next_ - 1) % window]; }

  std::array<reading, window> readings_{};  // a ring
  std::size_t next_ = 0;                    // readings so far
  model::overload_level level_ = model::overload_level::normal;
};

}  // namespace fleetgate::overload
