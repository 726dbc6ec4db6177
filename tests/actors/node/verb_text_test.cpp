#include "actors/node/verb_text.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "actors/node/admin_client.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

std::string table(const json& objects) {
  std::ostringstream out;
  print_table(objects, {{"NAME", "name"}, {"SIZE", "bytes"}, {"WHY", "trouble.detail"}}, out);
  return out.str();
}

TEST(verb_text, columns_are_as_wide_as_what_is_in_them) {
  const json objects{{{"name", "a"}, {"bytes", 5}, {"trouble", {{"detail", "full"}}}},
                     {{"name", "größer"}, {"bytes", 1536}, {"trouble", nullptr}}};
  EXPECT_EQ(table(objects),
            "NAME    SIZE     WHY\n"
            "a       5 B      full\n"
            "größer  1.5 KiB  -\n");
}

TEST(verb_text, what_would_steer_a_terminal_is_shown_as_a_question_mark) {
  EXPECT_EQ(cell_text("name", "a\x1b[31m\nb\x7f"), "a?[31m?b?");
  std::ostringstream err;
  verb_call call;
  call.words = "fleetgate x";
  complain(call, "bad\x07", "next", err);
  EXPECT_EQ(err.str(), "fleetgate x: bad?\nnext\n");
}

TEST(verb_text, members_that_are_missing_or_of_another_kind_are_no_end) {
  EXPECT_EQ(table(json{{{"trouble", 7}}, 5, "text", nullptr}),
            "NAME  SIZE  WHY\n-     -     -\n-     -     -\n-     -     -\n-     -     -\n");
}

TEST(admin_client, an_address_that_is_none_is_told_before_anything_is_tried) {
  for (const auto* base : {"", "localhost:1", "https://h:1", "http://", "http://:1", "http://h:x",
                           "http://h:1/path", "http://user@h:1", "http://h:"}) {
    const auto answer = ask_http(base, "GET", "/", {});
    ASSERT_FALSE(answer) << base;
    EXPECT_TRUE(answer.error().bad_address) << base;
  }
}

TEST(admin_client, names_are_escaped_byte_by_byte) {
  EXPECT_EQ(percent_encoded("a-b.c_d~E/ %\xFF"), "a-b.c_d~E%2F%20%25%FF");
}

TEST(verbs, each_has_a_function_and_each_group_examples) {
  for (const verb_group& group : verb_groups()) {
    EXPECT_NE(group.examples.find("fleetgate " + std::string(group.name)), std::string::npos);
    for (const verb& v : group.verbs) {
      EXPECT_NE(v.run, nullptr) << group.name;
      EXPECT_EQ(v.name.empty(), group.verbs.size() == 1) << group.name;
    }
  }
}

}  // namespace
}  // namespace fleetgate::node
