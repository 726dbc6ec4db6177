#include "actors/spool/spool_report.hpp"

#include "tests/actors/spool/spool_fixture.hpp"

namespace fleetgate::spool::testing {
namespace {

using spool_report_test = spool_fixture;

std::uint64_t explained_lsn(const contract::journal_account& a) {
  std::uint64_t lsn = a.lsns_given_up;
  for (const std::uint64_t appended : a.appended) lsn += appended;
  return lsn;
}

TEST_F(spool_report_test, account_explains_each_lsn_whenever_it_says_that_there_is_news) {
  open();
  contract::journal_account account;
  append(1);
  append(2, traffic_class::event);
  commit();
  ASSERT_TRUE(account_of(*brain, account));
  EXPECT_EQ(account.last_lsn, explained_lsn(account));
  EXPECT_EQ(account.lsns_given_up, 0U);
  append(3);
  append(4);
  append(5, traffic_class::telemetry, ack_level::none);
  ASSERT_TRUE(account_of(*brain, account));
  files.before = [](disk_op op, const std::string&) {
    return op == disk_op::write ? std::optional(fault_code::storage_io) : std::nullopt;
  };
  commit();
  EXPECT_TRUE(account_of(*brain, account)) << "three records bear other lsns now";
  EXPECT_EQ(account.last_lsn, 8U);
  EXPECT_EQ(account.lsns_given_up, 3U);
  commit(*brain->next_deadline_ns());
  EXPECT_TRUE(account_of(*brain, account));
  EXPECT_EQ(account.lsns_given_up, 6U) << "it failed once more";
  files.before = nullptr;
  append(6);
  commit(*brain->next_deadline_ns());
  ASSERT_TRUE(stored(3) && stored(4) && stored(5) && stored(6));
  EXPECT_TRUE(account_of(*brain, account));
  EXPECT_EQ(account.last_lsn, explained_lsn(account));
  EXPECT_FALSE(account_of(*brain, account));
}

}  // namespace
}  // namespace fleetgate::spool::testing
