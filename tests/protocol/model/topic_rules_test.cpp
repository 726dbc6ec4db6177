#include "protocol/model/topic_rules.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace fleetgate::model {
namespace {

topic_rule_spec spec_of(std::string match) {
  topic_rule_spec spec;
  spec.match = std::move(match);
  return spec;
}

topic_rules rules_of(const std::vector<std::string>& matches) {
  std::vector<topic_rule_spec> specs;
  for (const auto& match : matches) specs.push_back(spec_of(match));
  auto rules = topic_rules::compile(specs);
  EXPECT_TRUE(rules) << rules.error().detail;
  return std::move(*rules);
}

bool matches(const std::string& filter, const std::string& topic) {
  return rules_of({filter}).match(topic).rule->index == 0;
}

// --- what a filter matches (MQTT 5.0 section 4.7) -----------------------------------------------

struct filter_case {
  std::string filter;
  std::string topic;
  bool expected;
};

class topic_filter : public testing::TestWithParam<filter_case> {};

TEST_P(topic_filter, matches_as_the_specification_says) {
  const auto& [filter, topic, expected] = GetParam();
  EXPECT_EQ(matches(filter, topic), expected) << filter << " against " << topic;
}

INSTANTIATE_TEST_SUITE_P(
    table, topic_filter,
    testing::Values(filter_case{"a/b", "a/b", true}, filter_case{"a/b", "a/b/", false},
                    filter_case{"a/b", "/a/b", false}, filter_case{"a/b", "a", false},
                    filter_case{"a/b", "A/b", false}, filter_case{"/a", "/a", true},
                    filter_case{"/a", "a", false}, filter_case{"a//b", "a//b", true},
                    filter_case{"a//b", "a/b", false}, filter_case{"/", "/", true},
                    filter_case{"/", "a", false}, filter_case{"a/+", "a/b", true},
                    filter_case{"a/+", "a/", true}, filter_case{"a/+", "a", false},
                    filter_case{"a/+", "a/b/c", false}, filter_case{"+", "a", true},
                    filter_case{"+", "/a", false}, filter_case{"+/+", "/a", true},
                    filter_case{"/+", "/a", true}, filter_case{"a/+/c", "a//c", true},
                    filter_case{"#", "a", true}, filter_case{"#", "a/b/c", true},
                    filter_case{"#", "/", true}, filter_case{"a/#", "a", true},
                    filter_case{"a/#", "a/", true}, filter_case{"a/#", "a/b/c/d", true},
                    filter_case{"a/#", "ab", false}, filter_case{"+/#", "a", true},
                    filter_case{"a/{device}", "a/d1", true}, filter_case{"a/{device}", "a", false},
                    filter_case{"a/{device}/#", "a/d1", true},
                    filter_case{"{tenant}/x/{stream}", "t/x/s", true},
                    // [MQTT-4.7.2-1]: a leading wildcard is nothing for $-topics, a literal is.
                    filter_case{"#", "$SYS/x", false}, filter_case{"+/x", "$SYS/x", false},
                    filter_case{"{device}/x", "$SYS/x", false},
                    filter_case{"{device}/#", "$SYS", false}, filter_case{"$SYS/#", "$SYS/x", true},
                    filter_case{"$SYS/+", "$SYS/x", true}, filter_case{"a/#", "a/$b", true},
                    filter_case{"a/+", "a/$b", true}));

TEST(topic_rules, first_rule_in_file_order_wins_whatever_its_form) {
  const auto rules = rules_of({"a/+/c", "a/b/#", "a/b/c", "#", "a/b/d", "+/b/d"});
  EXPECT_EQ(rules.match("a/b/c").rule->index, 0u);
  EXPECT_EQ(rules.match("a/b/d").rule->index, 1u);
  EXPECT_EQ(rules.match("a/b").rule->index, 1u);
  EXPECT_EQ(rules.match("x/b/d").rule->index, 3u);

  const auto reversed = rules_of({"+/b/d", "a/b/d", "#", "a/b/c", "a/b/#", "a/+/c"});
  EXPECT_EQ(reversed.match("a/b/d").rule->index, 0u);
  EXPECT_EQ(reversed.match("a/b/c").rule->index, 2u);
}

TEST(topic_rules, of_two_equal_filters_the_first_wins) {
  const auto rules = rules_of({"x", "d/{device}", "d/+", "d/#", "d/#"});
  EXPECT_EQ(rules.match("d/1").rule->index, 1u);
  EXPECT_EQ(rules.match("d/1/2").rule->index, 3u);
}

TEST(topic_rules, default_rule_takes_what_is_left) {
  const auto rules = rules_of({"a"});
  for (const std::string topic : {"b", "$SYS/x", "", "a/b/c/d/e/f"}) {
    const auto found = rules.match(topic);
    EXPECT_EQ(found.rule->index, rules.size());
    EXPECT_EQ(found.rule->cls, traffic_class::telemetry);
    EXPECT_EQ(found.rule->format, payload_format::automatic);
    EXPECT_EQ(found.rule->level_for(1), ack_level::durable);
    EXPECT_EQ(found.device, "");
    EXPECT_EQ(found.stream, "");
  }
  EXPECT_EQ(topic_rules().match("anything").rule->index, 0u);
}

TEST(topic_rules, agrees_with_the_definition_on_random_rules_and_topics) {
  const unsigned seed = 20240611;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[random() % from.size()];
  };
  const auto split = [](const std::string& text) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
      if (c == '/')
        parts.emplace_back();
      else
        parts.back().push_back(c);
    }
    return parts;
  };
  const auto by_definition = [&](const std::string& filter, const std::string& topic) {
    const auto f = split(filter), t = split(topic);
    const bool wild = f[0] == "#" || f[0] == "+" || f[0] == "{device}";
    if (wild && t[0].starts_with('$')) return false;
    for (std::size_t i = 0; i < f.size(); ++i) {
      if (f[i] == "#") return true;
      if (i >= t.size()) return false;
      if (f[i] != "+" && f[i] != "{device}" && f[i] != t[i]) return false;
    }
    return f.size() == t.size();
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> filters;
    for (std::size_t i = 0, n = 1 + random() % 12; i < n; ++i) {
      std::string filter = pick({"a", "b", "", "$x", "+", "{device}"});
      for (std::size_t level = 0, depth = random() % 4; level < depth; ++level) {
        filter += "/" + pick({"a", "b", "", "+", "+", "$x"});
      }
      if (random() % 3 == 0) filter += "/#";
      filters.push_back(filter.empty() ? "/" : filter);
    }
    const auto rules = rules_of(filters);
    for (int probe = 0; probe < 60; ++probe) {
      std::string topic = pick({"a", "b", "", "$x", "c"});
      for (std::size_t level = 0, depth = random() % 6; level < depth; ++level) {
        topic += "/" + pick({"a", "b", "", "$x", "c"});
      }
      std::size_t expected = filters.size();
      for (std::size_t i = filters.size(); i-- > 0;) {
        // `x/#` also matches `x` itself: section 4.7.1.2.
        const bool parent = filters[i].ends_with("/#") &&
                            by_definition(filters[i].substr(0, filters[i].size() - 2), topic);
        if (parent || by_definition(filters[i], topic)) expected = i;
      }
      ASSERT_EQ(rules.match(topic).rule->index, expected)
          << topic << " against " << testing::PrintToString(filters);
    }
  }
}

// --- captures and the key's stream ---------------------------------------------------------------

TEST(topic_captures, are_views_into_the_topic) {
  const auto rules = rules_of({"{tenant}/devices/{device}/+/{stream}/#"});
  const std::string topic = "acme/devices/d-17/x/temp/deep/er";
  const auto found = rules.match(topic);
  EXPECT_EQ(found.tenant, "acme");
  EXPECT_EQ(found.device, "d-17");
  EXPECT_EQ(found.stream, "temp");
  EXPECT_EQ(found.device.data(), topic.data() + topic.find("d-17"));
}

TEST(topic_captures, an_empty_level_captures_nothing) {
  const auto rules = rules_of({"devices/{device}/{stream}"});
  const auto found = rules.match("devices//");
  EXPECT_EQ(found.rule->index, 0u);
  EXPECT_TRUE(found.device.empty());
  EXPECT_EQ(found.stream, "devices//") << "a stream that is not captured is the topic";
}

TEST(topic_stream, is_empty_where_the_device_counts_for_all_its_topics) {
  auto spec = spec_of("devices/{device}/{stream}");
  spec.scope = sequence_scope::device;
  EXPECT_EQ(topic_rules::compile({spec})->match("devices/d/temp").stream, "");
  EXPECT_EQ(rules_of({"devices/{device}/#"}).match("devices/d/temp").stream, "");
}

TEST(topic_stream, is_the_whole_topic_where_each_topic_counts) {
  auto spec = spec_of("devices/{device}/#");
  spec.scope = sequence_scope::topic;
  EXPECT_EQ(topic_rules::compile({spec})->match("devices/d/a/b").stream, "devices/d/a/b");
}

TEST(topic_stream, is_the_capture_where_a_stream_is_named) {
  EXPECT_EQ(rules_of({"devices/{device}/{stream}"}).match("devices/d/temp").stream, "temp");
}

// --- acknowledgement level -----------------------------------------------------------------------

TEST(topic_ack_level, is_durable_by_default_and_never_owed_at_qos_0) {
  auto spec = spec_of("a");
  EXPECT_EQ(topic_rules::compile({spec})->rules()[0].level_for(0), ack_level::none);
  EXPECT_EQ(topic_rules::compile({spec})->rules()[0].level_for(1), ack_level::durable);
  spec.level = ack_level::committed;
  EXPECT_EQ(topic_rules::compile({spec})->rules()[0].level_for(0), ack_level::none);
  EXPECT_EQ(topic_rules::compile({spec})->rules()[0].level_for(1), ack_level::committed);
  EXPECT_EQ(topic_rules::compile({spec})->rules()[0].level_for(2), ack_level::committed);
}

// --- what a configuration may not say ------------------------------------------------------------

TEST(topic_rule_check, a_filter_that_is_no_filter_is_refused) {
  std::string deep = "a";
  for (std::size_t i = 1; i < topic_rules::max_levels; ++i) deep += "/a";
  EXPECT_TRUE(topic_rules::check(spec_of(deep)).empty());
  EXPECT_TRUE(topic_rules::check(spec_of("devices/{device}/{stream}/#")).empty());
  for (const std::string& match : {std::string(),
                                   std::string("#/a"),
                                   std::string("a/#/b"),
                                   std::string("a#"),
                                   std::string("a/b#"),
                                   std::string("a+"),
                                   std::string("a/+b/c"),
                                   std::string("##"),
                                   std::string("{}"),
                                   std::string("{Device}"),
                                   std::string("{name}"),
                                   std::string("{device"),
                                   std::string("device}"),
                                   std::string("x{device}"),
                                   std::string("{device}x"),
                                   std::string("{device}/{device}"),
                                   std::string("a/{stream}/{stream}"),
                                   std::string("{tenant}/{tenant}"),
                                   std::string("a\0b", 3),
                                   std::string("a/\xC0\x80"),
                                   deep + "/a",
                                   std::string(65536, 'a')}) {
    const auto faults = topic_rules::check(spec_of(match));
    ASSERT_EQ(faults.size(), 1u) << match.substr(0, 80);
    EXPECT_EQ(faults[0].key, "match");
    EXPECT_FALSE(faults[0].detail.empty());
  }
}

TEST(topic_rule_check, all_that_is_wrong_with_a_rule_is_told_at_once) {
  auto spec = spec_of("a/#/b");
  spec.level = ack_level::none;
  spec.sequence = "seq";
  spec.epoch = "$.a[0]";
  spec.device_time = "$.";
  std::vector<std::string_view> keys;
  for (const auto& fault : topic_rules::check(spec)) keys.push_back(fault.key);
  EXPECT_EQ(keys,
            (std::vector<std::string_view>{"match", "ack", "sequence", "epoch", "device_time"}));
}

TEST(topic_rule_check, a_raw_payload_has_neither_members_nor_a_schema) {
  auto spec = spec_of("a");
  spec.format = payload_format::raw;
  EXPECT_TRUE(topic_rules::check(spec).empty());
  spec.schema = "s.json";
  spec.sequence = "$.seq";
  EXPECT_EQ(topic_rules::check(spec).size(), 2u);
}

TEST(topic_rules_compile, names_the_rule_and_the_key_that_is_wrong) {
  const auto rules = topic_rules::compile({spec_of("a"), spec_of("b/#/c")});
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().code, fault_code::config_invalid);
  EXPECT_EQ(rules.error().detail.find("topic rule 2, match: "), 0u) << rules.error().detail;
}

TEST(topic_rules_compile, the_number_of_rules_is_bounded) {
  std::vector<topic_rule_spec> specs(topic_rules::max_rules, spec_of("a"));
  EXPECT_TRUE(topic_rules::compile(specs));
  specs.push_back(spec_of("a"));
  EXPECT_FALSE(topic_rules::compile(specs));
}

// --- bounds and version --------------------------------------------------------------------------

TEST(topic_rules, a_topic_of_the_greatest_depth_is_matched_by_its_first_levels) {
  const auto rules = rules_of({"a/+/b", "a/{device}/#"});
  const std::string slashes(65533, '/');
  const auto found = rules.match("a/" + slashes);
  EXPECT_EQ(found.rule->index, 1u);
  EXPECT_EQ(rules.match(slashes).rule->index, 2u);
}

TEST(topic_rules, filters_of_the_greatest_depth_capture_their_last_level) {
  std::string deep;
  for (std::size_t i = 1; i < topic_rules::max_levels; ++i) deep += "+/";
  const auto rules = rules_of({deep + "{device}"});
  std::string topic;
  for (std::size_t i = 1; i < topic_rules::max_levels; ++i) topic += "x/";
  EXPECT_EQ(rules.match(topic + "d").device, "d");
  EXPECT_EQ(rules.match(topic + "d/e").rule->index, 1u);
}

TEST(topic_rules_version, is_the_same_for_the_same_rules_only) {
  const auto version = [](auto change) {
    auto spec = spec_of("a/b");
    change(spec);
    return topic_rules::compile({spec, spec_of("c")})->version();
  };
  const auto base = version([](auto&) {});
  EXPECT_EQ(base, version([](auto& s) { s.scope = sequence_scope::device; })) << "the default";
  EXPECT_NE(base, version([](auto& s) { s.match = "a/c"; }));
  EXPECT_NE(base, version([](auto& s) { s.cls = traffic_class::event; }));
  EXPECT_NE(base, version([](auto& s) { s.level = ack_level::received; }));
  EXPECT_NE(base, version([](auto& s) { s.format = payload_format::json; }));
  EXPECT_NE(base, version([](auto& s) { s.schema = "x"; }));
  EXPECT_NE(base, version([](auto& s) { s.schema_hash = 1; }));
  EXPECT_NE(base, version([](auto& s) { s.sequence = "$.a"; }));
  EXPECT_NE(version([](auto& s) { s.epoch = "$.a"; }),
            version([](auto& s) { s.sequence = "$.a"; }));
  EXPECT_NE(base, topic_rules::compile({spec_of("c"), spec_of("a/b")})->version()) << "order";
  EXPECT_EQ(topic_rules().version(), topic_rules::compile({})->version());
}

TEST(topic_rule_names, are_read_back) {
  for (const auto f : {payload_format::automatic, payload_format::json, payload_format::msgpack,
                       payload_format::raw}) {
    EXPECT_EQ(parse_payload_format(to_string(f)), f);
  }
  EXPECT_EQ(parse_payload_format("JSON"), std::nullopt);
  for (const auto s : {sequence_scope::device, sequence_scope::topic}) {
    EXPECT_EQ(parse_sequence_scope(to_string(s)), s);
  }
  EXPECT_EQ(parse_sequence_scope(""), std::nullopt);
}

}  // namespace
}  // namespace fleetgate::model
