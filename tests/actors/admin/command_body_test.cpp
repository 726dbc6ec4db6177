#include "actors/admin/command_body.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/actors/admin/moment.hpp"

namespace fleetgate::admin {
namespace {

request make(const std::string& body, const std::string& device = "d1") {
  request r;
  r.method = "POST";
  r.body = body;
  r.captures = {{"id", device}};
  return r;
}

contract::command_request read(const request& r) {
  const auto got = read_command(r, now_ns);
  if (got) return *got;
  ADD_FAILURE() << to_string(got.error());
  return {};
}

/// The body with these members beside a name.
std::string with(const std::string& members) {
  return R"({"name": "reboot", )" + members + "}";
}

/// The name of the fault, "" where it was accepted.
std::string refused(const request& r) {
  const auto got = read_command(r, now_ns);
  return got ? "" : std::string(describe(got.error().code).name);
}

TEST(command_body, a_name_is_enough) {
  const auto c = read(make(R"({"name": "reboot"})"));
  EXPECT_EQ(c.device, "d1");
  EXPECT_EQ(c.name, "reboot");
  EXPECT_EQ(c.payload, "");
  EXPECT_EQ(c.content_type, "");
  EXPECT_EQ(c.idempotency_key, "");
  EXPECT_EQ(c.deadline_ns, now_ns + 3600 * ns_per_s);
}

TEST(command_body, text_is_sent_as_it_is_and_any_other_value_as_compact_json) {
  const auto text = read(make(with(R"("payload": "a \"b\" \u00e9")")));
  EXPECT_EQ(text.payload, "a \"b\" \u00e9");
  EXPECT_EQ(text.content_type, "");
  for (const auto& [given, sent] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({ "b" : [ 1 , 2.50 ], "a c": " \" { \\" })", R"({"b":[1,2.50],"a c":" \" { \\"})"},
           {"123456789012345678901234567890", "123456789012345678901234567890"},
           {"null", "null"},
           {" [ ] ", "[]"},
           {"false", "false"}}) {
    const auto c = read(make(with("\"payload\": " + std::string(given))));
    EXPECT_EQ(c.payload, sent);
    EXPECT_EQ(c.content_type, "application/json") << given;
  }
  EXPECT_EQ(
      read(make(with(R"("payload": {}, "content_type": "application/senml+json")"))).content_type,
      "application/senml+json");
}

TEST(command_body, a_value_is_found_whatever_stands_beside_it) {
  EXPECT_EQ(read(make(R"({"p\u0061yload":[7],"name":"\"payload\": [8]"})")).payload, "[7]");
  EXPECT_EQ(read(make(R"({"payload":[7],"name":"n","payload":[9]})")).payload, "[9]");
}

TEST(command_body, bytes_come_as_base64) {
  EXPECT_EQ(read(make(with(R"("payload_base64": "//4A")"))).payload, std::string("\xFF\xFE\0", 3));
  EXPECT_EQ(read(make(with(R"("payload_base64": "")"))).payload, "");
  for (const auto* bad : {R"("payload_base64": "//4")", R"("payload_base64": 1)",
                          R"("payload_base64": "AA==", "payload": "x")",
                          R"("payload_base64": "AA==", "payload": null)"}) {
    EXPECT_EQ(refused(make(with(bad))), "request_malformed") << bad;
  }
}

TEST(command_body, a_payload_has_at_most_64_kib_however_it_is_written) {
  std::string escaped;
  for (std::size_t i = 0; i < most_command_payload_bytes; ++i) escaped += "\\\"";
  EXPECT_EQ(read(make(with("\"payload\": \"" + escaped + "\""))).payload.size(),
            most_command_payload_bytes);
  EXPECT_EQ(refused(make(with("\"payload\": \"" + escaped + "x\""))), "request_too_large");
  EXPECT_EQ(refused(make(with("\"payload\": [\"" +
                              std::string(most_command_payload_bytes - 3, 'x') + "\"]"))),
            "request_too_large");
  EXPECT_EQ(refused(make(std::string(most_command_body_bytes + 1, ' '))), "request_too_large");
}

TEST(command_body, a_body_that_is_nested_deep_is_refused) {
  const auto nested = [](std::size_t levels) {
    return with("\"payload\": " + std::string(levels, '[') + std::string(levels, ']'));
  };
  EXPECT_EQ(refused(make(nested(60))), "");
  EXPECT_EQ(refused(make(nested(70))), "request_malformed");
  EXPECT_EQ(refused(make(nested(90'000))), "request_malformed");
}

TEST(command_body, a_deadline_is_a_time_to_live_or_a_time) {
  EXPECT_EQ(read(make(with(R"("ttl_s": 1)"))).deadline_ns, now_ns + ns_per_s);
  EXPECT_EQ(read(make(with(R"("ttl_s": 2592000)"))).deadline_ns, now_ns + 2'592'000 * ns_per_s);
  EXPECT_EQ(read(make(with(R"("deadline": "2026-01-31T12:00:00.5Z")"))).deadline_ns,
            now_ns + ns_per_s / 2);
  EXPECT_EQ(read(make(with(R"("deadline": "2026-03-02T13:00:00+01:00")"))).deadline_ns,
            now_ns + 2'592'000 * ns_per_s);
  EXPECT_EQ(read(make(with(R"("ttl_s": null, "deadline": "2026-01-31T12:00:01Z")"))).deadline_ns,
            now_ns + ns_per_s);
  for (const auto* bad :
       {R"("ttl_s": 0)", R"("ttl_s": -1)", R"("ttl_s": 1.5)", R"("ttl_s": "1")",
        R"("ttl_s": 2592001)", R"("ttl_s": 18446744073709551615)", R"("deadline": "tomorrow")",
        R"("deadline": 1769860801)", R"("deadline": "2026-01-31T12:00:00Z")",
        R"("deadline": "2026-03-02T12:00:00.001Z")",
        R"("ttl_s": 5, "deadline": "2026-01-31T12:00:01Z")"}) {
    EXPECT_EQ(refused(make(with(bad))), "request_malformed") << bad;
  }
}

TEST(command_body, an_idempotency_key_stands_in_the_body_or_in_the_header) {
  const auto key = [](const std::string& header, const std::string& members) {
    request r = make(with(members));
    r.headers = {{"idempotency-key", header}};
    const auto got = read_command(r, now_ns);
    return got ? got->idempotency_key : std::string(describe(got.error().code).name);
  };
  const std::string none = R"("payload": null)", k = R"("idempotency_key": "k 1")";
  EXPECT_EQ(key("", none), "");
  EXPECT_EQ(key("", k), "k 1");
  EXPECT_EQ(key("\"k 1\"", none), "k 1");
  EXPECT_EQ(key("k 1", k), "k 1");
  EXPECT_EQ(key(R"("a\"b\\c")", none), "a\"b\\c");
  EXPECT_EQ(key(std::string(128, 'k'), none), std::string(128, 'k'));
  for (const std::string& bad :
       {std::string("\"k"), std::string("\"k\\"), std::string("\"k\\x\""), std::string("\"\""),
        std::string("\"a\"b"), std::string("\""), std::string("\xFF"), std::string(129, 'k')}) {
    EXPECT_EQ(key(bad, none), "request_malformed") << bad;
  }
  EXPECT_EQ(key("other", k), "request_malformed");
  EXPECT_EQ(key("", R"("idempotency_key": "")"), "request_malformed");
  EXPECT_EQ(key("", R"("idempotency_key": ")" + std::string(129, 'k') + "\""), "request_malformed");
}

TEST(command_body, name_and_device_become_levels_of_a_topic) {
  const auto named = [](const std::string& name) {
    return refused(make(nlohmann::json{{"name", name}}.dump()));
  };
  EXPECT_EQ(named(std::string(64, 'n')), "");
  EXPECT_EQ(named("größer $ 1"), "");
  for (const std::string& bad : {std::string(), std::string(65, 'n'), std::string("a/b"),
                                 std::string("+"), std::string("#"), std::string("a\0b", 3)}) {
    EXPECT_EQ(named(bad), "request_malformed") << bad;
  }
  const auto sent_to = [](const std::string& device) {
    return refused(make(R"({"name": "n"})", device));
  };
  EXPECT_EQ(sent_to(std::string(256, 'd')), "");
  for (const std::string& bad :
       {std::string(), std::string(257, 'd'), std::string("a/b"), std::string("+"),
        std::string("#"), std::string("a\0b", 3), std::string("\xFF")}) {
    EXPECT_EQ(sent_to(bad), "request_malformed") << bad;
  }
}

TEST(command_body, what_is_not_understood_is_refused) {
  for (const auto* bad : {"", "{}", "[]", "nonsense", R"({"name": 1})", R"({"name": null})",
                          R"({"name": "n", "unknown": 1})", R"({"name": "n", "content_type": 1})",
                          R"({"name": "n", "content_type": ""})"}) {
    EXPECT_EQ(refused(make(bad)), "request_malformed") << bad;
  }
  EXPECT_EQ(refused(make(with("\"content_type\": \"" + std::string(257, 't') + "\""))),
            "request_malformed");
}

}  // namespace
}  // namespace fleetgate::admin
