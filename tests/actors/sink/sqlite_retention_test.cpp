#include "actors/sink/sqlite_retention.hpp"

#include "tests/actors/sink/writer_fixture.hpp"

namespace fleetgate::sink {
namespace {

constexpr std::int64_t hour_ns = 3'600'000'000'000;
constexpr std::uint64_t mib = 1024 * 1024;

class sqlite_retention_of : public testing::writer_fixture {
 protected:
  void limit(std::uint64_t bytes, std::chrono::hours age) {
    auto o = options();
    o.retention_bytes = bytes;
    o.retention_age = age;
    limited_ = std::make_unique<sqlite_writer>(o);
    auto opened = limited_->open();
    ASSERT_TRUE(opened) << to_string(opened.error());
  }

  void write(const contract::read_block& block) { ASSERT_TRUE(limited_->write(block)); }

  /// Rows of `payload_bytes`, received at `received_ns`.
  void write_rows(std::size_t count, std::int64_t received_ns, std::size_t payload_bytes = 10) {
    const auto payload = as_bytes(blocks_.keep(std::string(payload_bytes, 'x')));
    for (std::size_t i = 0; i < count; ++i) {
      auto& e = blocks_.add();
      e.received_time_ns = received_ns;
      e.payload = payload;
    }
    write(blocks_.take());
  }

  std::uint64_t step(std::int64_t now_ns = 0) {
    auto removed = limited_->enforce_retention(now_ns);
    EXPECT_TRUE(removed) << to_string(removed.error());
    return removed.value_or(0);
  }

  std::uint64_t enforce(std::int64_t now_ns = 0) {
    std::uint64_t all = 0;
    while (const auto removed = step(now_ns)) all += removed;
    return all;
  }

  [[nodiscard]] std::uint64_t bytes_in_use() const {
    return static_cast<std::uint64_t>(
        number(path(),
               "SELECT (page_count - freelist_count) * page_size"
               " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"));
  }

  std::unique_ptr<sqlite_writer> limited_;
};

using retention = sqlite_retention_of;

TEST_F(retention, keeps_the_newest_within_its_bytes) {
  limit(mib, std::chrono::hours(0));
  for (int i = 0; i < 8; ++i) write_rows(1000, 1, 256);
  ASSERT_GT(bytes_in_use(), 2 * mib);
  enforce();
  EXPECT_LE(bytes_in_use(), mib);
  EXPECT_GT(bytes_in_use(), mib * 3 / 4) << "removed more than it had to";
  EXPECT_EQ(number(path(), "SELECT max(position) FROM messages"), 8000);
  EXPECT_EQ(number(path(), "SELECT max(position) - min(position) + 1 = count(*) FROM messages"), 1);
}

TEST_F(retention, keeps_the_newest_within_its_age) {
  limit(0, std::chrono::hours(2));
  write_rows(100, 10 * hour_ns);
  write_rows(100, 11 * hour_ns);
  write_rows(100, 13 * hour_ns);
  EXPECT_EQ(enforce(13 * hour_ns), 100U);
  EXPECT_EQ(number(path(), "SELECT min(position) FROM messages"), 101);
  EXPECT_EQ(enforce(13 * hour_ns), 0U);
}

TEST_F(retention, without_limits_removes_nothing) {
  limit(0, std::chrono::hours(0));
  write_rows(100, 1);
  EXPECT_EQ(enforce(1'000'000 * hour_ns), 0U);
}

TEST_F(retention, row_from_the_future_holds_up_nothing_but_itself) {
  limit(0, std::chrono::hours(1));
  write_rows(1, 900 * hour_ns);
  write_rows(100, 1 * hour_ns);
  write_rows(1, 10 * hour_ns);
  EXPECT_EQ(enforce(10 * hour_ns), 100U);
}

TEST_F(retention, rows_from_the_future_hold_up_nothing_however_many_they_are) {
  limit(0, std::chrono::hours(1));
  write_rows(2 * retention_step_rows + 10, 900 * hour_ns);
  write_rows(100, 1 * hour_ns);
  write_rows(1, 10 * hour_ns);
  EXPECT_EQ(enforce(10 * hour_ns), 100U);
  write_rows(1, 11 * hour_ns);
  EXPECT_EQ(enforce(20 * hour_ns), 1U);
}

TEST_F(retention, rows_from_the_future_go_when_their_time_has_come) {
  limit(0, std::chrono::hours(1));
  write_rows(retention_step_rows, 50 * hour_ns);
  write_rows(retention_step_rows, 30 * hour_ns);
  write_rows(1, 10 * hour_ns);
  EXPECT_EQ(enforce(10 * hour_ns), 0U);
  write_rows(1, 50 * hour_ns);
  EXPECT_EQ(enforce(51 * hour_ns), 1U) << "the one from hour 10";
  write_rows(1, 52 * hour_ns);
  EXPECT_EQ(enforce(52 * hour_ns), static_cast<std::uint64_t>(2 * retention_step_rows) + 1);
  EXPECT_EQ(rows(), 1);
}

TEST_F(retention, newest_row_stays_so_that_ids_never_start_again) {
  limit(0, std::chrono::hours(1));
  write_rows(10, 1 * hour_ns);
  enforce(100 * hour_ns);
  EXPECT_EQ(rows(), 1);
  write_rows(1, 100 * hour_ns);
  EXPECT_EQ(number(path(), "SELECT max(id) FROM messages"), 11);
}

TEST_F(retention, removes_a_bounded_number_of_rows_at_a_time) {
  limit(0, std::chrono::hours(1));
  write_rows(retention_step_rows + 100, 1 * hour_ns);
  EXPECT_EQ(step(100 * hour_ns), static_cast<std::uint64_t>(retention_step_rows));
  EXPECT_EQ(step(100 * hour_ns), 99U);
  EXPECT_EQ(step(100 * hour_ns), 0U);
}

TEST_F(retention, of_large_rows_removes_fewer_at_a_time) {
  limit(0, std::chrono::hours(1));
  write_rows(100, 1 * hour_ns, mib);
  const auto removed = step(100 * hour_ns);
  EXPECT_GE(removed, 8U);
  EXPECT_LE(removed, 17U) << "about 16 MiB";
}

TEST_F(retention, lets_the_file_stop_growing) {
  limit(mib, std::chrono::hours(0));
  const auto write_and_enforce = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      write_rows(500, 1, 256);
      enforce();
    }
    return number(path(), "PRAGMA page_count");
  };
  const auto pages = write_and_enforce(20);
  EXPECT_LE(write_and_enforce(20), pages + pages / 10);
}

TEST_F(retention, does_not_touch_the_cursor) {
  limit(0, std::chrono::hours(1));
  blocks_.add_many(50);
  const auto block = blocks_.take();
  write(block);
  EXPECT_EQ(enforce(block.records.back().envelope.received_time_ns + 100 * hour_ns), 49U);
  EXPECT_EQ(cursor_in_file(), block.end);
}

}  // namespace
}  // namespace fleetgate::sink
