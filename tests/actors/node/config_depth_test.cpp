#include "actors/node/config_depth.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fleetgate::node {
namespace {

const std::string fits(most_dots_in_line, '.');
const std::string too_many = fits + ".";
constexpr auto last = static_cast<std::uint32_t>(most_dots_in_line);

using at = text_position;

TEST(config_depth, counts_the_dots_of_each_line) {
  EXPECT_EQ(first_dot_too_many(""), std::nullopt);
  EXPECT_EQ(first_dot_too_many(fits + "\n" + fits + "\r\n" + fits), std::nullopt);
  EXPECT_EQ(first_dot_too_many(fits + "\na" + too_many), (at{2, last + 2}));
}

TEST(config_depth, does_not_count_in_strings_and_comments) {
  for (const std::string& text :
       {"#" + too_many, "'" + too_many + "'", "\"" + too_many + "\"", "\"\\\"" + too_many + "\"",
        "\"\"\"\n\"" + too_many + "\n\"\"\"", "'''\n''" + too_many + "'''", "\"" + too_many}) {
    EXPECT_EQ(first_dot_too_many(text), std::nullopt) << text;
  }
}

TEST(config_depth, counts_again_behind_strings_and_comments) {
  EXPECT_EQ(first_dot_too_many("#\n" + too_many), (at{2, last + 1}));
  EXPECT_EQ(first_dot_too_many("'#'" + too_many), (at{1, last + 4}));
  EXPECT_EQ(first_dot_too_many("'\\'" + too_many), (at{1, last + 4}));
  EXPECT_EQ(first_dot_too_many("\"\"" + too_many), (at{1, last + 3}));
  EXPECT_EQ(first_dot_too_many("'open\n" + too_many), (at{2, last + 1}));
  // Five quotes end a string; the fourth and the fifth are in it.
  EXPECT_EQ(first_dot_too_many("\"\"\"\n\"\"\"\"\"" + too_many), (at{2, last + 6}));
  EXPECT_EQ(first_dot_too_many("'''\n\n'''" + too_many), (at{3, last + 4}));
}

}  // namespace
}  // namespace fleetgate::node
