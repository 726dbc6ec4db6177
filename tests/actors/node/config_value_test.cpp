#include "actors/node/config_value.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "actors/node/config_words.hpp"

namespace fleetgate::node {
namespace {

using testing::HasSubstr;

constexpr bounds<std::uint64_t> anything{0, std::numeric_limits<std::uint64_t>::max()};

raw_value text(const char* s) {
  return {std::string(s), false};
}
raw_value integer(std::int64_t n) {
  return {n, false};
}
raw_value list(text_list l) {
  return {std::move(l), false};
}
raw_value variable(const char* s) {
  return {std::string(s), true};
}

template <class T>
std::string instead_of(const value_result<T>& r) {
  return r ? "accepted" : r.error().instead;
}

TEST(config_value, sizes_are_binary_multiples) {
  EXPECT_EQ(read_size(text("0B"), anything), 0U);
  EXPECT_EQ(read_size(text("3B"), anything), 3U);
  EXPECT_EQ(read_size(text("1KiB"), anything), 1024U);
  EXPECT_EQ(read_size(text("256MiB"), anything), 268'435'456U);
  EXPECT_EQ(read_size(text("4GiB"), anything), 4'294'967'296U);
  EXPECT_EQ(read_size(text("2TiB"), anything), 2'199'023'255'552U);
}

TEST(config_value, durations_are_milliseconds) {
  EXPECT_EQ(read_duration(text("250ms"), anything), 250U);
  EXPECT_EQ(read_duration(text("30s"), anything), 30'000U);
  EXPECT_EQ(read_duration(text("2m"), anything), 120'000U);
  EXPECT_EQ(read_duration(text("1h"), anything), 3'600'000U);
  EXPECT_EQ(read_duration(text("7d"), anything), 604'800'000U);
}

TEST(config_value, a_quantity_that_can_be_guessed_is_suggested_but_never_taken) {
  EXPECT_EQ(instead_of(read_size(integer(268'435'456), anything)), "\"256MiB\"");
  EXPECT_EQ(instead_of(read_size(text("64MB"), anything)), "\"64MiB\"");
  EXPECT_EQ(instead_of(read_size(text("64 mib"), anything)), "\"64MiB\"");
  EXPECT_EQ(instead_of(read_size(text("1.5GiB"), anything)), "\"1536MiB\"");
  EXPECT_EQ(instead_of(read_size(text("1024"), anything)), "\"1KiB\"");
  EXPECT_EQ(instead_of(read_duration(integer(30), anything)), "\"30s\"");
  EXPECT_EQ(instead_of(read_duration(text("1.5h"), anything)), "\"90m\"");
  EXPECT_EQ(instead_of(read_duration(text("5 minutes"), anything)), "\"5m\"");
}

TEST(config_value, what_cannot_be_guessed_gets_no_guess) {
  for (const char* s : {"", "banana", "-5s", "nan", "inf", "1h30m", "1e400s", "s", "5 parsecs"}) {
    EXPECT_EQ(instead_of(read_duration(text(s), anything)), "") << s;
  }
  EXPECT_EQ(instead_of(read_duration(integer(-1), anything)), "");
}

TEST(config_value, a_guess_outside_the_bounds_is_not_made) {
  EXPECT_EQ(instead_of(read_size(text("12"), {1024, 2048})), "");
}

TEST(config_value, bounds_are_inclusive_and_named) {
  EXPECT_TRUE(read_size(text("1KiB"), {1024, 2048}));
  EXPECT_TRUE(read_size(text("2KiB"), {1024, 2048}));
  const auto low = read_size(text("1023B"), {1024, 2048});
  ASSERT_FALSE(low);
  EXPECT_EQ(low.error().message, "1023B is below the least, 1KiB");
  const auto high = read_duration(text("3s"), {0, 2000});
  ASSERT_FALSE(high);
  EXPECT_EQ(high.error().message, "3s is above the most, 2s");
}

TEST(config_value, a_quantity_that_overflows_is_refused) {
  EXPECT_FALSE(read_size(text("16777216TiB"), anything));
  EXPECT_FALSE(read_size(text("18446744073709551616B"), anything));
  EXPECT_TRUE(read_size(text("18446744073709551615B"), anything));
}

TEST(config_value, several_names_are_an_array_or_one_text_or_a_variable_with_commas) {
  const std::vector<std::string_view> names{"aws", "homie", "plain"};
  using indexes = std::vector<std::size_t>;
  EXPECT_EQ(read_choices(list({"plain", "aws"}), names), (indexes{2, 0}));
  EXPECT_EQ(read_choices(list({}), names), indexes{});
  EXPECT_EQ(read_choices(text("homie"), names), indexes{1});
  EXPECT_EQ(read_choices(variable("homie,plain"), names), (indexes{1, 2}));
  EXPECT_FALSE(read_choices(text("homie,plain"), names));
  EXPECT_FALSE(read_choices(integer(1), names));
  EXPECT_FALSE(read_choices(list(text_list(17, "aws")), names));
  EXPECT_EQ(instead_of(read_choices(list({"aws", "plian"}), names)), "\"plain\"");
}

TEST(config_value, quantities_are_written_as_they_are_read) {
  for (const char* s : {"0B", "1023B", "1KiB", "1536MiB", "3TiB"}) {
    EXPECT_EQ(format_size(*read_size(text(s), anything)), s);
  }
  for (const char* s : {"0s", "1500ms", "65535s", "90m", "25h", "7d"}) {
    EXPECT_EQ(format_duration(*read_duration(text(s), anything)), s);
  }
}

TEST(config_value, only_variables_may_write_numbers_and_booleans_as_text) {
  EXPECT_EQ(read_integer(variable("8"), {0, 10}), 8U);
  EXPECT_EQ(instead_of(read_integer(text("8"), {0, 10})), "8");
  EXPECT_EQ(read_boolean(variable("true")), true);
  EXPECT_EQ(instead_of(read_boolean(text("true"))), "true");
  EXPECT_FALSE(read_boolean(variable("yes")));
  EXPECT_FALSE(read_integer(variable("8x"), {0, 10}));
  EXPECT_FALSE(read_integer(variable(""), {0, 10}));
  EXPECT_FALSE(read_integer(integer(-1), {0, 10}));
  EXPECT_FALSE(read_integer(integer(11), {0, 10}));
}

TEST(config_value, a_wrong_kind_is_named) {
  const auto described = [](raw_value v) { return read_name(v).error().message; };
  EXPECT_THAT(described(integer(5)), HasSubstr("found the integer 5"));
  EXPECT_THAT(described({1.5, false}), HasSubstr("found the number 1.5"));
  EXPECT_THAT(described({true, false}), HasSubstr("found true"));
  EXPECT_THAT(described({unusable_value{"an array"}, false}), HasSubstr("found an array"));
}

TEST(config_value, names_are_safe_as_labels_and_columns) {
  EXPECT_EQ(read_name(text("press-hall_1.b")), "press-hall_1.b");
  EXPECT_EQ(instead_of(read_name(text("press hall/1"))), "\"press-hall-1\"");
  EXPECT_TRUE(read_name(text(std::string(64, 'a').c_str())));
  EXPECT_FALSE(read_name(text(std::string(65, 'a').c_str())));
  EXPECT_FALSE(read_name(text("")));
}

TEST(config_value, text_that_would_steer_a_terminal_or_end_a_path_is_refused) {
  EXPECT_FALSE(read_text(text("a\x1B[2J")));
  EXPECT_FALSE(read_text({std::string("a\0b", 3), false}));
  EXPECT_FALSE(read_text(text("\xC3")));
  EXPECT_FALSE(read_text(text(std::string(1025, 'a').c_str())));
  const auto shown = read_text(text("a\x1B[2J"));
  EXPECT_THAT(shown.error().message, HasSubstr("a\\u001b[2J"));
}

TEST(config_value, an_address_that_can_be_guessed_is_suggested) {
  EXPECT_EQ(instead_of(read_endpoint(text("localhost:1883"))), "\"127.0.0.1:1883\"");
  EXPECT_EQ(instead_of(read_endpoint(text("1883"))), "\"127.0.0.1:1883\"");
  EXPECT_EQ(instead_of(read_endpoint(integer(1883))), "\"127.0.0.1:1883\"");
  EXPECT_EQ(instead_of(read_endpoint(text(":1883"))), "\"0.0.0.0:1883\"");
  EXPECT_EQ(instead_of(read_endpoint(text("*:1883"))), "\"0.0.0.0:1883\"");
  EXPECT_EQ(instead_of(read_endpoint(text("::1:1883"))), "\"[::1]:1883\"");
  EXPECT_EQ(instead_of(read_endpoint(text("broker.example:1883"))), "");
}

TEST(config_words, the_nearest_word_is_found_only_when_it_is_near) {
  EXPECT_EQ(nearest("budgett", {"budget", "segment_size"}), "budget");
  EXPECT_EQ(nearest("listeners", {"listener", "sink"}), "listener");
  EXPECT_EQ(nearest("conect_timout", {"connect_timeout", "max_connections"}), "connect_timeout");
  EXPECT_EQ(nearest("zebra", {"budget", "segment_size"}), std::nullopt);
  EXPECT_EQ(nearest("", {"budget"}), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'a'), {"budget"}), std::nullopt);
}

TEST(config_words, quoted_text_is_one_line_of_printable_characters) {
  EXPECT_EQ(quote("a\"b\\c\nd\x01\x7F"), R"("a\"b\\c\nd\u0001\u007f")");
}

TEST(config_words, choices_are_joined_as_a_person_would) {
  EXPECT_EQ(join_or({"a"}), "a");
  EXPECT_EQ(join_or({"a", "b"}), "a or b");
  EXPECT_EQ(join_or({"a", "b", "c"}), "a, b or c");
}

}  // namespace
}  // namespace fleetgate::node
