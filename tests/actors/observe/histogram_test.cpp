#include "actors/observe/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace fleetgate::observe {
namespace {

using snapshot = histogram_snapshot;

TEST(histogram, every_value_lies_in_its_bucket_and_above_the_one_before) {
  std::vector<std::uint64_t> values;
  for (std::uint64_t v = 0; v < 5000; ++v) values.push_back(v);
  for (unsigned power = 3; power <= snapshot::octaves; ++power) {
    for (const int off : {-1, 0, 1}) {
      values.push_back((std::uint64_t{1} << power) + static_cast<std::uint64_t>(off));
    }
  }
  for (const auto v : values) {
    const auto b = snapshot::bucket_of(v);
    if (b == snapshot::bucket_count - 1) {
      EXPECT_GT(v, std::uint64_t{1} << snapshot::octaves);
      continue;
    }
    EXPECT_LE(v, snapshot::upper_bound(b)) << v;
    if (b == 0) continue;
    EXPECT_GT(v, snapshot::upper_bound(b - 1)) << v;
  }
}

TEST(histogram, what_lies_beyond_the_range_is_counted_in_the_last_bucket) {
  histogram h;
  h.record(std::numeric_limits<std::uint64_t>::max());
  h.record((std::uint64_t{1} << snapshot::octaves) + 1);
  EXPECT_EQ(h.snapshot().count(), 2u);
  EXPECT_EQ(h.snapshot().count_up_to(snapshot::octaves), 0u);
}

TEST(histogram, a_duration_below_zero_counts_as_zero) {
  histogram h;
  h.record(std::chrono::nanoseconds(-5));
  EXPECT_EQ(h.snapshot().count(), 1u);
  EXPECT_EQ(h.snapshot().sum(), 0u);
}

TEST(histogram, a_bound_includes_the_value_that_equals_it) {
  histogram h;
  h.record(std::uint64_t{1024});
  h.record(std::uint64_t{1025});
  EXPECT_EQ(h.snapshot().count_up_to(10), 1u);
  EXPECT_EQ(h.snapshot().count_up_to(11), 2u);
}

TEST(histogram, record_many_is_that_many_records) {
  histogram one;
  histogram many;
  for (int i = 0; i < 7; ++i) one.record(std::uint64_t{900});
  many.record_many(900, 7);
  EXPECT_EQ(one.snapshot().sum(), many.snapshot().sum());
  EXPECT_EQ(one.snapshot().count(), many.snapshot().count());
  EXPECT_EQ(one.snapshot().percentile(0.5), many.snapshot().percentile(0.5));
}

TEST(histogram, percentiles_are_at_most_a_quarter_above_the_exact_ones) {
  constexpr std::uint32_t seed = 4711;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::lognormal_distribution<double> latency(13.0, 1.5);
  histogram h;
  std::vector<std::uint64_t> exact;
  for (int i = 0; i < 10'000; ++i) {
    const auto v = static_cast<std::uint64_t>(latency(random)) + 1;
    exact.push_back(v);
    h.record(v);
  }
  std::sort(exact.begin(), exact.end());
  const auto s = h.snapshot();
  for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(q * 10'000)));
    const std::uint64_t want = exact[rank - 1];
    EXPECT_GE(s.percentile(q), want) << q;
    EXPECT_LE(s.percentile(q), want + want / 4 + 1) << q;
  }
}

TEST(histogram, an_empty_one_has_percentile_zero) {
  EXPECT_EQ(snapshot{}.percentile(0.99), 0u);
}

TEST(histogram, snapshots_of_several_shards_add_up) {
  histogram a;
  histogram b;
  a.record(std::uint64_t{10});
  b.record(std::uint64_t{1000});
  b.record(std::uint64_t{100'000});
  snapshot total = a.snapshot();
  total += b.snapshot();
  EXPECT_EQ(total.count(), 3u);
  EXPECT_EQ(total.sum(), 101'010u);
  EXPECT_EQ(total.count_up_to(4), 1u);
}

}  // namespace
}  // namespace fleetgate::observe
