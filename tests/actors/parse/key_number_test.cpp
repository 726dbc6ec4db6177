#include "actors/parse/key_number.hpp"

#include <gtest/gtest.h>

namespace fleetgate::parse {
namespace {

constexpr std::uint64_t most = 0x7FFFFFFFFFFFFFFF;

found_value whole(std::uint64_t n) {
  found_value v;
  v.kind = value_kind::integer;
  v.integer = n;
  return v;
}

found_value text(std::string_view s) {
  found_value v;
  v.kind = value_kind::text;
  v.text = s;
  return v;
}

found_value of_kind(value_kind kind) {
  found_value v;
  v.kind = kind;
  return v;
}

TEST(key_number, whole_numbers_below_2_to_63_are_taken_as_they_are) {
  for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{7}, most}) {
    EXPECT_EQ(sequence_from(whole(n)).value, n);
    EXPECT_EQ(epoch_from(whole(n)).value, n);
  }
  EXPECT_FALSE(sequence_from(whole(most + 1)).valid);
  EXPECT_FALSE(epoch_from(whole(most + 1)).valid);
}

TEST(key_number, absent_and_null_say_nothing) {
  for (const auto kind : {value_kind::absent, value_kind::null}) {
    EXPECT_TRUE(sequence_from(of_kind(kind)).valid);
    EXPECT_FALSE(sequence_from(of_kind(kind)).value);
    EXPECT_TRUE(epoch_from(of_kind(kind)).valid);
    EXPECT_FALSE(epoch_from(of_kind(kind)).value);
  }
  EXPECT_TRUE(sequence_from(std::string_view()).valid);
  EXPECT_FALSE(sequence_from(std::string_view()).value);
}

TEST(key_number, everything_but_numbers_and_text_is_no_good) {
  for (const auto kind : {value_kind::decimal, value_kind::time, value_kind::other}) {
    EXPECT_FALSE(sequence_from(of_kind(kind)).valid);
    EXPECT_FALSE(epoch_from(of_kind(kind)).valid);
  }
}

TEST(key_number, digits_count_as_the_number_they_write) {
  EXPECT_EQ(sequence_from(text("123")).value, 123u);
  EXPECT_EQ(sequence_from("0042").value, 42u);
  EXPECT_EQ(epoch_from(text("123")).value, 123u);
  EXPECT_EQ(epoch_from("9223372036854775807").value, most);
}

TEST(key_number, a_sequence_of_other_text_is_no_good) {
  for (const auto* s : {"abc", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "9223372036854775808",
                        "99999999999999999999"}) {
    EXPECT_FALSE(sequence_from(std::string_view(s)).valid) << s;
    EXPECT_FALSE(sequence_from(text(s)).valid) << s;
  }
  EXPECT_FALSE(sequence_from(text("")).valid);
}

TEST(key_number, an_epoch_of_other_text_is_its_hash_below_2_to_63) {
  const auto a = epoch_from("b0a1d1e0-0000-4000-8000-000000000001");
  const auto b = epoch_from("b0a1d1e0-0000-4000-8000-000000000002");
  ASSERT_TRUE(a.value && b.value);
  EXPECT_NE(*a.value, *b.value);
  EXPECT_LE(*a.value, most);
  EXPECT_LE(*b.value, most);
  EXPECT_EQ(a.value, epoch_from(text("b0a1d1e0-0000-4000-8000-000000000001")).value);
  EXPECT_TRUE(epoch_from("99999999999999999999").valid) << "digits of a UUID without letters";
  EXPECT_FALSE(epoch_from(text("")).valid);
}

TEST(key_number, the_hash_of_an_epoch_never_changes) {
  // Stored with every row: another value here would make every device's window a new one.
  EXPECT_EQ(epoch_from("boot-1").value, 241'893'527'121'777'833u);
}

}  // namespace
}  // namespace fleetgate::parse
