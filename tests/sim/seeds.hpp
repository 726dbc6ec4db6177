// Which seeds a test runs: FLEETGATE_SEED that one alone, FLEETGATE_SEEDS how many.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

namespace fleetgate::sim {

inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

inline std::vector<std::uint64_t> seeds_to_run(std::uint64_t in_ci) {
  if (const std::uint64_t only = number_from("FLEETGATE_SEED", 0); only != 0) return {only};
  std::vector<std::uint64_t> seeds(number_from("FLEETGATE_SEEDS", in_ci));
  std::iota(seeds.begin(), seeds.end(), std::uint64_t{1});
  return seeds;
}

inline std::string how_to_repeat(const std::string& test, std::uint64_t seed) {
  return "repeat: FLEETGATE_SEED=" + std::to_string(seed) +
         " build/release/bin/test_sim --gtest_filter='" + test + "'";
}

}  // namespace fleetgate::sim
