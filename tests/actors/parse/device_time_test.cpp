#include "actors/parse/device_time.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "protocol/model/device_time.hpp"

namespace fleetgate::parse {
namespace {

using model::parse_rfc3339_ns;

constexpr std::int64_t base_ns = 1'700'000'000'000'000'000;  // 2023-11-14T22:13:20Z

std::optional<std::int64_t> of_integer(std::uint64_t n) {
  found_value v;
  v.kind = value_kind::integer;
  v.integer = n;
  return device_time_ns(v);
}

std::optional<std::int64_t> of_decimal(double d) {
  found_value v;
  v.kind = value_kind::decimal;
  v.decimal = d;
  return device_time_ns(v);
}

TEST(device_time, the_size_of_a_number_tells_its_unit) {
  EXPECT_EQ(of_integer(1'700'000'000), base_ns);
  EXPECT_EQ(of_integer(1'700'000'000'000), base_ns);
  EXPECT_EQ(of_integer(1'700'000'000'000'000), base_ns);
  EXPECT_EQ(of_integer(1'700'000'000'000'000'000), base_ns);
  EXPECT_EQ(of_integer(9'000'000'000'000), 9'000'000'000'000'000'000) << "the year 2255 in ms";
}

TEST(device_time, a_fraction_of_a_unit_counts) {
  EXPECT_EQ(of_decimal(1'700'000'000.5), base_ns + 500'000'000);
  EXPECT_EQ(of_decimal(1'700'000'000'000.25), base_ns + 250'000);
}

TEST(device_time, what_no_clock_says_is_nothing) {
  EXPECT_EQ(of_integer(0), std::nullopt);
  EXPECT_EQ(of_integer(99'999'999'999), std::nullopt) << "seconds beyond 2262";
  EXPECT_EQ(of_integer(99'999'999'999'999), std::nullopt) << "milliseconds beyond 2262";
  EXPECT_EQ(of_integer(0x8000000000000000), std::nullopt);
  EXPECT_EQ(of_integer(0x7FFFFFFFFFFFFFFF), 0x7FFFFFFFFFFFFFFF);
  EXPECT_EQ(of_decimal(-1), std::nullopt);
  EXPECT_EQ(of_decimal(1e300), std::nullopt);
  EXPECT_EQ(of_decimal(9.9e10), std::nullopt);
  EXPECT_EQ(of_decimal(std::numeric_limits<double>::quiet_NaN()), std::nullopt);
  EXPECT_EQ(of_decimal(std::numeric_limits<double>::infinity()), std::nullopt);
  for (const auto kind : {value_kind::absent, value_kind::null, value_kind::other}) {
    found_value v;
    v.kind = kind;
    EXPECT_EQ(device_time_ns(v), std::nullopt);
  }
}

TEST(device_time, rfc_3339_text_is_read) {
  EXPECT_EQ(parse_rfc3339_ns("2023-11-14T22:13:20Z"), base_ns);
  EXPECT_EQ(parse_rfc3339_ns("2023-11-14t22:13:20z"), base_ns);
  EXPECT_EQ(parse_rfc3339_ns("2023-11-14 22:13:20Z"), base_ns);
  EXPECT_EQ(parse_rfc3339_ns("2023-11-14T22:13:20.5Z"), base_ns + 500'000'000);
  EXPECT_EQ(parse_rfc3339_ns("2023-11-14T22:13:20.123456789999Z"), base_ns + 123'456'789);
  EXPECT_EQ(parse_rfc3339_ns("2023-11-15T00:13:20+02:00"), base_ns);
  EXPECT_EQ(parse_rfc3339_ns("2023-11-14T18:43:20-03:30"), base_ns);
  EXPECT_EQ(parse_rfc3339_ns("2023-11-14T22:13:20-00:00"), base_ns);
  EXPECT_EQ(parse_rfc3339_ns("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339_ns("2016-12-31T23:59:60Z"), parse_rfc3339_ns("2017-01-01T00:00:00Z"));
  EXPECT_TRUE(parse_rfc3339_ns("2024-02-29T00:00:00Z"));
}

TEST(device_time, text_that_is_not_rfc_3339_is_nothing) {
  for (const std::string text : {"",
                                 "2023",
                                 "2023-11-14",
                                 "2023-11-14T22:13:20",
                                 "2023-11-14T22:13Z",
                                 "2023-11-14T22:13:20+0200",
                                 "2023-11-14T22:13:20.Z",
                                 "2023-11-14T22:13:20Z ",
                                 " 2023-11-14T22:13:20Z",
                                 "2023-13-14T22:13:20Z",
                                 "2023-00-14T22:13:20Z",
                                 "2023-02-29T00:00:00Z",
                                 "2023-11-31T00:00:00Z",
                                 "2023-11-14T24:00:00Z",
                                 "2023-11-14T22:60:00Z",
                                 "2023-11-14T22:13:61Z",
                                 "1969-12-31T23:59:59Z",
                                 "1970-01-01T00:30:00+01:00",
                                 "2262-01-01T00:00:00Z",
                                 "2023-11-14T22:13:20+24:00",
                                 "2023-11-14T22:13:20*02:00",
                                 "+023-11-14T22:13:20Z",
                                 "2023-11-1aT22:13:20Z",
                                 "2023-11-14T22:13:20.5",
                                 "1700000000"}) {
    EXPECT_EQ(parse_rfc3339_ns(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace fleetgate::parse
