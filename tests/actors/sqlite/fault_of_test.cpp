#include "actors/sqlite/fault_of.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace fleetgate::sqlite {
namespace {

fault_code of(int code) {
  return fault_code_of(code, fault_code::sink_unavailable);
}

TEST(fault_of, a_lock_held_by_another_is_whatever_the_owner_calls_unavailable) {
  for (const int code :
       {SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT, SQLITE_LOCKED, SQLITE_CANTOPEN, SQLITE_READONLY}) {
    EXPECT_EQ(of(code), fault_code::sink_unavailable) << code;
  }
  for (const int code : {SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT, SQLITE_LOCKED}) {
    EXPECT_EQ(fault_code_of(code, fault_code::storage_io), fault_code::storage_busy) << code;
  }
  EXPECT_EQ(fault_code_of(SQLITE_CANTOPEN, fault_code::storage_io), fault_code::storage_io);
}

TEST(fault_of, a_full_disk_and_a_failing_one_are_told_apart) {
  EXPECT_EQ(of(SQLITE_FULL), fault_code::storage_full);
  EXPECT_EQ(of(SQLITE_IOERR_FSYNC), fault_code::storage_io);
  EXPECT_EQ(of(SQLITE_IOERR_WRITE), fault_code::storage_io);
}

TEST(fault_of, damage_is_permanent) {
  for (const int code : {SQLITE_CORRUPT, SQLITE_CORRUPT_VTAB, SQLITE_NOTADB}) {
    EXPECT_EQ(of(code), fault_code::storage_damaged) << code;
    EXPECT_EQ(describe(of(code)).cls, fault_class::permanent) << code;
  }
}

TEST(fault_of, a_moved_database_is_lost_not_merely_read_only) {
  EXPECT_EQ(of(SQLITE_READONLY_DBMOVED), fault_code::sink_lost);
}

TEST(fault_of, what_the_database_refuses_of_a_row_is_rejected) {
  for (const int code : {SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_TRIGGER, SQLITE_TOOBIG,
                         SQLITE_MISMATCH, SQLITE_ERROR}) {
    EXPECT_EQ(of(code), fault_code::sink_rejected) << code;
  }
}

TEST(fault_of, an_unknown_code_is_internal) {
  EXPECT_EQ(of(200), fault_code::internal);
}

}  // namespace
}  // namespace fleetgate::sqlite
