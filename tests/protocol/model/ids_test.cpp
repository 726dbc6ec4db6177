#include "protocol/model/ids.hpp"

#include <gtest/gtest.h>

namespace fleetgate::model {
namespace {

TEST(ids, a_position_is_read_as_it_is_written) {
  for (const position p :
       {position{0, 0}, position{1, 42}, position{0xFFFFFFFF, ~std::uint64_t{0}}}) {
    EXPECT_EQ(parse_position(to_string(p)), p);
  }
}

TEST(ids, what_is_no_position_is_refused) {
  for (const auto* text : {"", "-", "1", "1-", "-1", "1--1", "1-2-3", " 1-2", "1-2 ", "+1-2", "a-b",
                           "4294967296-1", "1-18446744073709551616"}) {
    EXPECT_EQ(parse_position(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace fleetgate::model
