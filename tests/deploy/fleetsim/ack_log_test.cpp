#include "deploy/fleetsim/ack_log.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "deploy/fleetsim/ack_log_reader.hpp"

namespace fleetgate::fleetsim {
namespace {

ack_record acknowledged(std::uint32_t device, std::uint64_t sequence, std::uint32_t boot = 1) {
  ack_record r;
  r.device = device;
  r.boot = boot;
  r.sequence = sequence;
  r.unix_ns = 1'700'000'000'000'000'000 + sequence;
  return r;
}

class ack_log_file : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "fleetsim-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path = directory_ + "/run.log";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::vector<ack_record>& some) {
    auto log = ack_log::create(path, fleet);
    ASSERT_TRUE(log) << log.error().detail;
    ASSERT_TRUE(log->append(some));
  }
  result<log_reading> read() {
    records.clear();
    seen = {};
    return read_ack_log(
        path, [this](const fleet_identity& f) { seen = f; },
        [this](const ack_record& r) { records.push_back(r); });
  }
  [[nodiscard]] std::string bytes() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put_bytes(const std::string& all) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << all;
  }

  fleet_identity fleet{42, 9, "d-{i}", {"a/{device}", "b/{i}"}, 300};
  std::string path;
  fleet_identity seen;
  std::vector<ack_record> records;

 private:
  std::string directory_;
};

TEST_F(ack_log_file, what_is_written_is_read_and_the_fleet_with_it) {
  const std::vector<ack_record> some{acknowledged(1, 1), acknowledged(2, 1), acknowledged(1, 2)};
  write(some);
  const auto reading = read();
  ASSERT_TRUE(reading);
  EXPECT_EQ(records, some);
  EXPECT_EQ(seen, fleet);
  EXPECT_EQ(reading->torn_bytes, 0U);
  EXPECT_EQ(reading->whole_bytes, bytes().size());
  EXPECT_EQ(reading->whole_bytes % record_size, 0U);
}

TEST_F(ack_log_file, a_torn_tail_of_any_length_is_passed_over_and_cut_off) {
  write({acknowledged(1, 1), acknowledged(1, 2)});
  const std::string whole = bytes();
  for (std::size_t torn = 1; torn < record_size; ++torn) {
    put_bytes(whole.substr(0, whole.size() - record_size + torn));
    const auto reading = read();
    ASSERT_TRUE(reading);
    EXPECT_EQ(records.size(), 1U);
    EXPECT_EQ(reading->torn_bytes, torn);
    auto log = ack_log::resume(path, reading->whole_bytes);
    ASSERT_TRUE(log);
    ASSERT_TRUE(log->append({acknowledged(1, 3)}));
    ASSERT_TRUE(read());
    EXPECT_EQ(records, (std::vector<ack_record>{acknowledged(1, 1), acknowledged(1, 3)}));
  }
}

TEST_F(ack_log_file, a_record_that_is_damaged_ends_the_log) {
  write({acknowledged(1, 1), acknowledged(1, 2), acknowledged(1, 3)});
  const std::string whole = bytes();
  for (std::size_t i = 0; i < record_size; ++i) {
    std::string damaged = whole;
    damaged[whole.size() - 2 * record_size + i] ^= 0x40;
    put_bytes(damaged);
    const auto reading = read();
    ASSERT_TRUE(reading);
    EXPECT_EQ(records.size(), 1U) << "byte " << i;
    EXPECT_EQ(reading->torn_bytes, 2 * record_size);
  }
}

TEST_F(ack_log_file, a_log_killed_within_its_header_holds_nothing) {
  write({});
  const std::string whole = bytes();
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, whole.size() - 1}) {
    put_bytes(whole.substr(0, length));
    const auto reading = read();
    ASSERT_TRUE(reading) << length;
    EXPECT_EQ(reading->whole_bytes, 0U);
    EXPECT_EQ(reading->torn_bytes, length);
  }
}

TEST_F(ack_log_file, another_kind_of_file_is_refused) {
  for (const char* other : {"SQLite format 3\n", "{}\n", "{\"format\":\"fleetsim-ack-log-2\"}\n",
                            "[1,2]\n", "{\"format\":7}\n"}) {
    put_bytes(other);
    const auto reading = read();
    ASSERT_FALSE(reading) << other;
    EXPECT_EQ(reading.error().code, fault_code::config_invalid);
  }
  put_bytes(std::string(2 * longest_header, '{'));
  EXPECT_FALSE(read());
}

TEST_F(ack_log_file, names_in_a_header_are_checked_as_those_of_a_command_line) {
  fleet_identity bad = fleet;
  bad.topics = {"a/#"};
  put_bytes(encode_header(bad));
  EXPECT_FALSE(read());
  bad = fleet;
  bad.device = "no-number";
  put_bytes(encode_header(bad));
  EXPECT_FALSE(read());
}

TEST_F(ack_log_file, a_missing_log_is_told_from_a_bad_one) {
  ASSERT_FALSE(read());
  EXPECT_EQ(read().error().code, fault_code::not_found);
}

TEST_F(ack_log_file, an_existing_log_is_never_begun_anew) {
  write({acknowledged(1, 1)});
  EXPECT_FALSE(ack_log::create(path, fleet));
  ASSERT_TRUE(read());
  EXPECT_EQ(records.size(), 1U);
}

TEST_F(ack_log_file, two_cannot_write_one_log) {
  const auto first = ack_log::create(path, fleet);
  ASSERT_TRUE(first);
  const auto reading = read();
  EXPECT_FALSE(ack_log::resume(path, reading->whole_bytes));
}

TEST(resume_points, a_device_goes_on_behind_its_last_answer_and_owes_the_gaps) {
  resume_points points;
  for (const std::uint64_t n : {1, 2, 5, 6}) points.add(acknowledged(3, n));
  ack_record refused = acknowledged(3, 9);
  refused.kind = record_kind::refused;
  points.add(refused);
  const start_point from = points.of(3, 1);
  EXPECT_EQ(from.boot, 1U);
  EXPECT_EQ(from.next_sequence, 10U);
  EXPECT_EQ(from.missing.ranges(), (std::vector<range_set::range>{{3, 4}, {7, 8}}));
  EXPECT_EQ(points.answered(3), 5U);
}

TEST(resume_points, only_the_newest_boot_goes_on) {
  resume_points points;
  points.add(acknowledged(3, 5, 1));
  ack_record reboot = acknowledged(3, 0, 2);
  reboot.kind = record_kind::boot;
  points.add(reboot);
  EXPECT_EQ(points.of(3, 1).boot, 2U);
  EXPECT_EQ(points.of(3, 1).next_sequence, 1U);
  EXPECT_TRUE(points.of(3, 1).missing.empty());
  points.add(acknowledged(3, 1, 2));
  EXPECT_EQ(points.answered(3), 2U);
}

TEST(resume_points, a_device_that_the_log_does_not_name_begins) {
  const resume_points points;
  EXPECT_EQ(points.of(8, 77).boot, 77U);
  EXPECT_EQ(points.of(8, 77).next_sequence, 1U);
  EXPECT_EQ(points.answered(8), 0U);
}

}  // namespace
}  // namespace fleetgate::fleetsim
