#include "actors/spool/patient_reading.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "tests/actors/spool/fault_file_layer.hpp"

namespace fleetgate::spool::testing {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

class patient_reading_test : public ::testing::Test {
 protected:
  patient_reading_test() {
    files.put("/f", std::string(10 * block_bytes, 'x'));
    file = std::move(*files.open_for_reading("/f"));
  }
  /// How many zeroes it reads in blocks 1 to 4; nothing where it fails.
  std::optional<std::size_t> zeroes(std::uint64_t segment = 7) {
    std::vector<std::byte> into(4 * block_bytes);
    const auto got = reading.read(*file, segment, block_bytes, into, [this] {
      ++looks;
      return is_disk_there;
    });
    if (!got) return std::nullopt;
    return static_cast<std::size_t>(std::count(into.begin(), into.end(), std::byte{0}));
  }
  void spoil(std::uint64_t number) {
    files.spoil("/f", number * block_bytes, (number + 1) * block_bytes);
  }

  fault_file_layer files;
  std::unique_ptr<contract::file> file;
  std::uint64_t now_ns = 0;
  bool is_disk_there = true;
  int looks = 0;
  patient_reading reading{patience{[this] { return now_ns; }}};
};

TEST_F(patient_reading_test, a_block_is_damaged_after_four_tries_ten_seconds_apart) {
  EXPECT_EQ(zeroes(), 0U);
  spoil(2);
  for (int i = 0; i < 30; ++i, now_ns += second_ns) EXPECT_EQ(zeroes(), std::nullopt) << i;
  EXPECT_EQ(looks, 3);
  EXPECT_EQ(zeroes(), block_bytes);
  EXPECT_EQ(zeroes(), block_bytes) << "and stays so";
  EXPECT_EQ(looks, 4);
}

TEST_F(patient_reading_test, few_tries_are_not_enough_however_long_they_take) {
  spoil(2);
  for (int i = 0; i < 3; ++i, now_ns += 3600 * second_ns) EXPECT_EQ(zeroes(), std::nullopt);
}

TEST_F(patient_reading_test, each_block_has_its_own_tries) {
  spoil(2);
  for (int i = 0; i < 3; ++i, now_ns += 10 * second_ns) EXPECT_EQ(zeroes(), std::nullopt);
  spoil(3);
  for (int i = 0; i < 3; ++i, now_ns += 10 * second_ns) EXPECT_EQ(zeroes(), std::nullopt);
  EXPECT_EQ(zeroes(), 2 * block_bytes);
}

TEST_F(patient_reading_test, what_was_read_meanwhile_begins_anew) {
  for (int times = 0; times < 3; ++times) {
    spoil(2);
    for (int i = 0; i < 3; ++i, now_ns += 10 * second_ns) EXPECT_EQ(zeroes(), std::nullopt);
    files.heal();
    EXPECT_EQ(zeroes(), 0U);
  }
}

TEST_F(patient_reading_test, a_disk_that_is_gone_for_a_while_begins_anew) {
  spoil(2);
  for (int i = 0; i < 3; ++i, now_ns += 10 * second_ns) EXPECT_EQ(zeroes(), std::nullopt);
  is_disk_there = false;
  for (int i = 0; i < 100; ++i, now_ns += 10 * second_ns) EXPECT_EQ(zeroes(), std::nullopt);
  is_disk_there = true;
  for (int i = 0; i < 3; ++i, now_ns += 10 * second_ns) EXPECT_EQ(zeroes(), std::nullopt);
  EXPECT_EQ(zeroes(), block_bytes);
}

TEST_F(patient_reading_test, forgets_the_segments_that_are_done_with) {
  spoil(2);
  for (int i = 0; i < 3; ++i, now_ns += 10 * second_ns) EXPECT_EQ(zeroes(), std::nullopt);
  reading.forget_before(7);
  EXPECT_EQ(zeroes(), block_bytes);
  reading.forget_before(8);
  EXPECT_EQ(zeroes(), std::nullopt);
}

TEST_F(patient_reading_test, another_fault_is_told_at_once) {
  files.before = [](disk_op, const std::string&) { return std::optional(fault_code::not_found); };
  EXPECT_EQ(zeroes(), std::nullopt);
  EXPECT_EQ(files.count(disk_op::read), 1U);
}

}  // namespace
}  // namespace fleetgate::spool::testing
