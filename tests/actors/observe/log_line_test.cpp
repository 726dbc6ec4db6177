#include "actors/observe/log_line.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace fleetgate::observe {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::system_clock::time_point at{1714533120042ms};

std::string json(log_fields fields) {
  return format_line(log_format::json, at, log_level::info, "listener.started", fields);
}
std::string logfmt(log_fields fields) {
  return format_line(log_format::logfmt, at, log_level::warn, "listener.started", fields);
}

TEST(log_line, time_is_rfc_3339_in_utc_with_milliseconds) {
  EXPECT_EQ(format_time(at), "2024-05-01T03:12:00.042Z");
  EXPECT_EQ(format_time(std::chrono::system_clock::time_point{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(std::chrono::system_clock::time_point{-1ms}), "1969-12-31T23:59:59.999Z");
}

TEST(log_line, json_has_time_level_event_and_then_the_fields_in_order) {
  EXPECT_EQ(json({{"listener", "mqtt"}, {"port", 1883}, {"tls", false}, {"load", 0.5}}),
            R"({"time":"2024-05-01T03:12:00.042Z","level":"info","event":"listener.started",)"
            R"("listener":"mqtt","port":1883,"tls":false,"load":0.5})");
}

TEST(log_line, logfmt_quotes_only_what_needs_it) {
  EXPECT_EQ(logfmt({{"bind", "127.0.0.1:1883"},
                    {"why", "a b"},
                    {"q", "say \"x\""},
                    {"e", ""},
                    {"eq", "a=b"}}),
            "time=2024-05-01T03:12:00.042Z level=warn event=listener.started bind=127.0.0.1:1883 "
            "why=\"a b\" q=\"say \\\"x\\\"\" e=\"\" eq=\"a=b\"");
}

TEST(log_line, a_value_can_not_start_a_new_line_or_a_new_field) {
  const std::string hostile = "x\"\nevent=forged level=error \x1B[2J\r\xFF";
  const std::string text = logfmt({{"client", hostile}});
  EXPECT_EQ(text.find_first_of("\n\r\x1B"), std::string::npos);
  EXPECT_NE(text.find("client=\"x\\\"\\nevent=forged"), std::string::npos);
  const auto read = nlohmann::json::parse(json({{"client", hostile}}));
  EXPECT_EQ(read.size(), 4u);
  EXPECT_EQ(read["client"], "x\"\nevent=forged level=error \x1B[2J\r\uFFFD");
}

TEST(log_line, numbers_of_every_width_are_exact) {
  const auto read = nlohmann::json::parse(json({
      {"least", std::numeric_limits<std::int64_t>::min()},
      {"most", std::numeric_limits<std::uint64_t>::max()},
      {"small", std::uint8_t{200}},
      {"size", std::size_t{7}},
  }));
  EXPECT_EQ(read["least"], std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(read["most"], std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read["small"], 200);
  EXPECT_EQ(read["size"], 7);
}

TEST(log_line, numbers_that_json_does_not_have_become_text) {
  const auto read = nlohmann::json::parse(
      json({{"a", std::nan("")}, {"b", std::numeric_limits<double>::infinity()}}));
  EXPECT_EQ(read["a"], "NaN");
  EXPECT_EQ(read["b"], "+Inf");
}

TEST(log_line, long_text_is_cut_between_characters) {
  std::string text(log_text_limit - 1, 'a');
  text += "€€€";
  const auto read = nlohmann::json::parse(json({{"text", text}}));
  EXPECT_EQ(read["text"], std::string(log_text_limit - 1, 'a'));
}

}  // namespace
}  // namespace fleetgate::observe
