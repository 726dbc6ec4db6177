#include "protocol/model/member_path.hpp"

#include <gtest/gtest.h>

namespace fleetgate::model {
namespace {

using names = std::vector<std::string>;

TEST(member_path, names_members_one_below_the_other) {
  EXPECT_EQ(member_path::parse("$.seq")->members(), names({"seq"}));
  EXPECT_EQ(member_path::parse("$.header.boot-id.n_1")->members(),
            names({"header", "boot-id", "n_1"}));
  EXPECT_EQ(member_path::parse("$.zähler")->members(), names({"zähler"}));
}

TEST(member_path, everything_else_is_refused_with_a_reason) {
  for (const std::string text :
       {"", "seq", "$", "$.", "$seq", "$..seq", "$.a.", "$.a[0]", "$.*", "$['a']", "$.a b", "$.a\"",
        "$.a\\u0062", "$.\xff", "$.@", "$.a.b.c.d.e.f.g.h.i"}) {
    const auto path = member_path::parse(text);
    ASSERT_FALSE(path) << text;
    EXPECT_EQ(path.error().code, fault_code::config_invalid);
    EXPECT_FALSE(path.error().detail.empty());
  }
}

TEST(member_path, names_and_depth_are_bounded) {
  EXPECT_TRUE(member_path::parse("$." + std::string(member_path::max_bytes, 'a')));
  EXPECT_FALSE(member_path::parse("$." + std::string(member_path::max_bytes + 1, 'a')));
  EXPECT_TRUE(member_path::parse("$.a.b.c.d.e.f.g.h"));
}

}  // namespace
}  // namespace fleetgate::model
