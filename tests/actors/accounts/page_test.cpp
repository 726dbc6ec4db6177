#include "actors/accounts/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "actors/spool/posix_file_layer.hpp"
#include "tests/actors/spool/fault_file_layer.hpp"

namespace fleetgate::accounts {
namespace {

namespace fs = std::filesystem;

class page_of_accounts : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "accounts-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  page create(std::size_t shards, const contract::run_account& run = {}) {
    auto made = page::create(directory_, shards, run);
    EXPECT_TRUE(made.has_value()) << to_string(made.error());
    return std::move(*made);
  }
  fault_code open_fault() {
    const auto said = read_statement(files_, directory_);
    return said ? fault_code::internal : said.error().code;
  }
  void write(const std::string& bytes) {
    std::ofstream(directory_ + "/accounts", std::ios::binary) << bytes;
  }
  statement read() {
    const auto said = read_statement(files_, directory_);
    EXPECT_TRUE(said.has_value()) << to_string(said.error());
    return said.value_or(statement{});
  }

  std::string directory_;
  spool::posix_file_layer files_;
};

TEST_F(page_of_accounts, shows_to_others_what_was_published_and_nothing_before) {
  contract::run_account run;
  run.received = 7;
  page mine = create(2, run);
  contract::shard_book shard;
  shard.show_in(mine.shard_section(1));
  shard.posted(model::traffic_class::event);
  EXPECT_EQ(read().shards[1].posted[2], 0u);
  shard.publish_changes();
  const statement said = read();
  EXPECT_EQ(said.shards[1].posted[2], 1u);
  EXPECT_EQ(said.shards[0].posted[2], 0u);
  EXPECT_EQ(said.run.received, 7u);
}

TEST_F(page_of_accounts, may_be_written_by_its_node_alone) {
  create(1);
  const auto may = fs::status(directory_ + "/accounts").permissions();
  EXPECT_EQ(may & fs::perms::mask, fs::perms::owner_read | fs::perms::group_read);
}

TEST_F(page_of_accounts, is_never_made_of_what_a_start_before_it_left) {
  const std::string left = directory_ + "/accounts.new";
  std::ofstream(left) << "mapped, perhaps";
  fs::create_hard_link(left, directory_ + "/mapped");
  create(1);
  EXPECT_EQ(fs::file_size(directory_ + "/mapped"), 15u);
  ASSERT_EQ(::mkfifo(left.c_str(), 0600), 0);
  create(1);
  EXPECT_EQ(read().shards.size(), 1u);
}

TEST_F(page_of_accounts, that_was_truncated_is_lost_and_ends_nobody) {
  page mine = create(2);
  contract::shard_book shard;
  shard.show_in(mine.shard_section(1));
  EXPECT_FALSE(mine.is_lost());
  ASSERT_EQ(::truncate((directory_ + "/accounts").c_str(), 0), 0);
  shard.posted(model::traffic_class::event);
  shard.publish_changes();
  EXPECT_TRUE(mine.is_lost());
  EXPECT_EQ(open_fault(), fault_code::storage_damaged);
}

TEST_F(page_of_accounts, a_publication_that_was_torn_leaves_the_one_before_it) {
  page mine = create(1);
  contract::journal_book journal(1);
  journal.show_in(mine.journal_section());
  journal.now.kept = 41;
  journal.publish();
  // What a process that was killed in the middle leaves: words of the next value, no number.
  std::uint64_t* const section = mine.journal_section();
  const std::size_t next = contract::value_at(section[0] + 1);
  for (std::size_t i = 0; i < 20; ++i) section[next + i] = 0xdead;
  EXPECT_EQ(read().journal.kept, 41u);
}

TEST_F(page_of_accounts, one_changed_word_is_damage_wherever_it_lies) {
  page mine = create(1);
  std::uint64_t* const section = mine.journal_section();
  const std::size_t at = contract::value_at(section[0]);
  for (std::size_t i = 0; i <= contract::account_book<contract::journal_account>::words + 1; ++i) {
    ++section[at + i];
    ASSERT_EQ(open_fault(), fault_code::storage_damaged) << i;
    --section[at + i];
  }
  read();
}

TEST_F(page_of_accounts, what_is_no_page_is_refused) {
  EXPECT_EQ(open_fault(), fault_code::not_found);
  for (const std::size_t size : {0, 1, 100, 2048, 3 * 2048, 4 * 2048, 5000, 1 << 20}) {
    write(std::string(size, 'x'));
    EXPECT_EQ(open_fault(), fault_code::storage_damaged) << size;
  }
}

TEST_F(page_of_accounts, one_that_is_cut_or_of_another_version_is_refused) {
  create(3);
  fs::resize_file(directory_ + "/accounts", 5 * 2048);
  EXPECT_EQ(open_fault(), fault_code::storage_damaged);
  create(3);
  std::fstream file(directory_ + "/accounts", std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(8).put(3);
  file.close();
  EXPECT_EQ(open_fault(), fault_code::storage_damaged);
}

TEST_F(page_of_accounts, one_of_version_1_is_read_without_the_word_that_it_did_not_know) {
  page mine = create(1);
  contract::journal_book journal(1);
  journal.now.last_lsn = 41;
  journal.show_in(mine.journal_section());
  journal.publish();
  // The same value as version 1 wrote it: one word less, and its checksum there.
  std::uint64_t* const section = mine.journal_section();
  const std::size_t at = contract::value_at(section[0]);
  constexpr std::size_t words = 49;
  contract::word_checksum check;
  for (std::size_t i = 0; i <= words; ++i) check.add(section[at + i]);
  section[at + words + 1] = check.sum();
  std::fstream file(directory_ + "/accounts", std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(8).put(1);
  file.close();
  EXPECT_EQ(read().journal.last_lsn, 41u);
  EXPECT_EQ(read().journal.lsns_given_up, 0u);
}

TEST_F(page_of_accounts, one_that_the_disk_does_not_give_back_is_a_fault_and_no_signal) {
  create(3);
  std::ifstream file(directory_ + "/accounts", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  for (int good = 0; good < 6; ++good) {
    spool::testing::fault_file_layer disk;
    ASSERT_TRUE(disk.make_directory("/data"));
    ASSERT_TRUE((*disk.create("/data/accounts"))->write_at(0, as_bytes(bytes)));
    int left = good;
    disk.before = [&](spool::testing::disk_op op, const std::string&) {
      const bool fails = op == spool::testing::disk_op::read && left-- == 0;
      return fails ? std::optional(fault_code::storage_io) : std::nullopt;
    };
    const auto said = read_statement(disk, "/data");
    ASSERT_FALSE(said) << good;
    EXPECT_EQ(said.error().code, fault_code::storage_io);
  }
}

TEST_F(page_of_accounts, a_new_one_takes_the_place_of_the_old_one_whole) {
  page before = create(4);
  contract::run_account run;
  run.incarnation = 9;
  create(1, run);
  EXPECT_EQ(read().run.incarnation, 9u);
  EXPECT_EQ(read().shards.size(), 1u);
  EXPECT_FALSE(fs::exists(directory_ + "/accounts.new"));
}

TEST_F(page_of_accounts, every_value_that_a_reader_meets_is_whole) {
  page mine = create(1);
  contract::shard_book shard;
  shard.show_in(mine.shard_section(0));
  std::atomic<bool> over{false};
  std::thread writer([&] {
    while (!over.load(std::memory_order_relaxed)) {
      shard.posted(model::traffic_class::control);
      shard.publish();
    }
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto seen = read().shards.at(0);
    EXPECT_EQ(seen.received[0], seen.posted[0]);
    EXPECT_GE(seen.received[0], last);
    last = seen.received[0];
  }
  over.store(true);
  writer.join();
}

}  // namespace
}  // namespace fleetgate::accounts
