#include "protocol/mqtt/topic.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fleetgate::mqtt {
namespace {

TEST(topic_name, is_anything_without_wildcards) {
  for (const auto* good :
       {"a", "/", "a/b", "/a/", "a//b", "$SYS/x", "Accounts payable", "\xC3\xA9"}) {
    EXPECT_TRUE(is_topic_name(good)) << good;
  }
  for (const auto* bad : {"", "+", "#", "a/+", "a/#", "a+b", "a#"}) {
    EXPECT_FALSE(is_topic_name(bad)) << bad;
  }
}

TEST(topic_name, wildcard_is_found_at_every_place) {
  for (std::size_t size = 1; size <= 40; ++size) {
    const std::string clean(size, 'x');
    EXPECT_TRUE(is_topic_name(clean));
    for (std::size_t at = 0; at < size; ++at) {
      for (const char c : {'+', '#'}) {
        auto bad = clean;
        bad[at] = c;
        EXPECT_FALSE(is_topic_name(bad)) << bad;
      }
      for (const char c : {'*', ',', '"', '$', '\xA3', '\xAB', '\x01'}) {
        auto near = clean;
        near[at] = c;
        EXPECT_TRUE(is_topic_name(near)) << near;
      }
    }
  }
}

TEST(topic_filter, wildcards_fill_whole_levels) {
  for (const auto* good : {"#", "+", "a", "a/#", "a/+/b", "+/+", "/+", "+/", "/", "a/+/#", "+/#"}) {
    EXPECT_TRUE(is_topic_filter(good, true)) << good;
  }
  for (const auto* bad :
       {"", "a#", "a/#/b", "#/", "##", "a+", "+a", "a/b+/c", "a/+b", "++", "#+"}) {
    EXPECT_FALSE(is_topic_filter(bad, true)) << bad;
  }
}

TEST(topic_filter, share_name_and_filter_are_both_needed) {
  for (const auto* good : {"$share/g/a", "$share/g/#", "$share/g//", "$share/g/+/b"}) {
    EXPECT_TRUE(is_topic_filter(good, true)) << good;
    EXPECT_TRUE(is_shared_filter(good));
  }
  for (const auto* bad : {"$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a",
                          "$share/g#/a", "$share/g/a#"}) {
    EXPECT_FALSE(is_topic_filter(bad, true)) << bad;
  }
  EXPECT_FALSE(is_shared_filter("$share"));
  EXPECT_FALSE(is_shared_filter("$shared/g/a"));
}

TEST(topic_filter, shares_are_plain_text_to_version_3) {
  EXPECT_TRUE(is_topic_filter("$share/g", false));
  EXPECT_TRUE(is_topic_filter("$share/+/a", false));
}

}  // namespace
}  // namespace fleetgate::mqtt
