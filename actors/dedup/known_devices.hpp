// Which devices have, or had, a window: a bitmap of hashes (a Bloom filter), so that a device is
// told from a newcomer without a look into the store. A newcomer may be taken for a known one (one
// in twenty at a million devices), never the other way. Owned by the window table; journal's
// thread. Limit: 1 MiB.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "actors/dedup/identity.hpp"

namespace fleetgate::dedup {

class known_devices {
 public:
  explicit known_devices(std::uint64_t seed) : seed_(seed), words_(bits / 64) {}

  void add(std::string_view device) noexcept {
    const places at(device, seed_);
    word(at.first) |= mask(at.first);
    word(at.second) |= mask(at.second);
  }
  [[nodiscard]] bool may_have(std::string_view device) const noexcept {
    const places at(device, seed_);
    return (words_[at.first / 64] & mask(at.first)) != 0 &&
           (words_[at.second / 64] & mask(at.second)) != 0;
  }

 private:
  static constexpr std::uint64_t bits = std::uint64_t{8} << 20;

  struct places {
    places(std::string_view device, std::uint64_t seed) noexcept {
      const std::uint64_t hash = place_of(device, seed);
      first = hash % bits;
      second = (hash >> 32) % bits;
    }
    std::uint64_t first, second;
  };
  static std::uint64_t mask(std::uint64_t bit) noexcept { return std::uint64_t{1} << (bit % 64); }
  std::uint64_t& word(std::uint64_t bit) noexcept { return words_[bit / 64]; }

  const std::uint64_t seed_;
  std::vector<std::uint64_t> words_;
};

}  // namespace fleetgate::dedup
