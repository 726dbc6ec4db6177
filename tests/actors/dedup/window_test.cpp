#include "actors/dedup/window.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fleetgate::dedup {
namespace {

using model::epoch_origin;

const dedup_limits limits;

std::uint32_t hash_of(std::uint64_t n) {
  return payload_memory::fold(n * 0x9E3779B97F4A7C15ull);
}

TEST(window, of_a_counting_device_with_its_own_epochs_fits_256_bytes) {
  window w("0:,20:press-hall-3-unit-17,vibration", 1);
  auto& m = w.begin(1, epoch_origin::device);
  for (std::uint64_t s = 0; s < 10'000; ++s) m.note(s, 0, true, limits);
  EXPECT_LE(w.bytes(), 256u);
}

TEST(window, remembers_the_payloads_of_the_newest_sequences_of_an_inferred_epoch) {
  epoch_memory m(9, epoch_origin::inferred);
  for (std::uint64_t s = 0; s < 2000; ++s) m.note(s, hash_of(s), true, limits);
  for (std::uint64_t s = 2000 - limits.remembered_hashes; s < 2000; ++s) {
    ASSERT_EQ(m.look(s, hash_of(s), true), evidence::same) << s;
    ASSERT_EQ(m.look(s, hash_of(s + 1), true), evidence::different) << s;
  }
  EXPECT_EQ(m.look(1999 - limits.remembered_hashes, hash_of(1999 - limits.remembered_hashes), true),
            evidence::unknown);
  EXPECT_EQ(m.look(2000, hash_of(2000), true), evidence::none);
}

TEST(window, a_late_sequence_never_takes_the_hash_of_a_newer_one) {
  epoch_memory m(9, epoch_origin::inferred);
  m.note(10, hash_of(10), true, limits);
  m.note(10 + limits.remembered_hashes * 4, hash_of(1), true, limits);
  m.note(11, hash_of(11), true, limits);
  EXPECT_EQ(m.look(11, hash_of(11), true), evidence::unknown);
  EXPECT_EQ(m.look(10 + limits.remembered_hashes * 4, hash_of(1), true), evidence::same);
}

TEST(window, what_was_promised_to_nobody_is_no_evidence_against_a_promise) {
  epoch_memory m(1, epoch_origin::device);
  m.note(5, 0, false, limits);
  EXPECT_EQ(m.look(5, 0, false), evidence::same);
  EXPECT_EQ(m.look(5, 0, true), evidence::none);
  m.note(5, 0, true, limits);
  EXPECT_EQ(m.look(5, 0, true), evidence::same);
}

TEST(window, keeps_the_previous_epoch_and_the_names_of_older_ones) {
  window w("k", 1);
  w.begin(1, epoch_origin::device);
  w.begin(2, epoch_origin::device);
  w.begin(3, epoch_origin::device);
  EXPECT_TRUE(w.find(3, epoch_origin::device));
  EXPECT_TRUE(w.find(2, epoch_origin::device));
  EXPECT_FALSE(w.find(1, epoch_origin::device));
  EXPECT_TRUE(w.retired(1));
  EXPECT_FALSE(w.retired(2));
}

TEST(window, an_epoch_in_use_is_not_pushed_out_by_a_straggler) {
  window w("k", 1);
  w.begin(7, epoch_origin::device);
  w.begin(3, epoch_origin::device);
  ASSERT_TRUE(w.use(7, epoch_origin::device));
  w.begin(8, epoch_origin::device);
  EXPECT_TRUE(w.find(7, epoch_origin::device));
  EXPECT_FALSE(w.find(3, epoch_origin::device));
}

TEST(window, survives_its_stored_form) {
  window w("k", 1);
  auto& first = w.begin(11, epoch_origin::inferred);
  for (std::uint64_t s = 0; s < 40; ++s) first.note(s, hash_of(s), s % 5 != 0, limits);
  auto& second = w.begin(12, epoch_origin::inferred);
  second.note(3, hash_of(99), true, limits);
  w.begin(13, epoch_origin::device).note(1'000'000, 0, true, limits);
  w.reached(77);
  std::string stored;
  w.save(stored);
  window again("k", 1);
  ASSERT_TRUE(again.load(as_bytes(stored)));
  std::string twice;
  again.save(twice);
  EXPECT_EQ(stored, twice);
  EXPECT_EQ(again.newest_lsn(), 77u);
  EXPECT_TRUE(again.retired(11));
  EXPECT_EQ(again.find(12, epoch_origin::inferred)->look(3, hash_of(99), true), evidence::same);
  for (std::size_t cut = 0; cut < stored.size(); ++cut) {
    EXPECT_FALSE(window("k", 1).load(as_bytes(std::string_view(stored).substr(0, cut)))) << cut;
  }
}

}  // namespace
}  // namespace fleetgate::dedup
