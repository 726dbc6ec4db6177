#include "protocol/mqtt/forward.hpp"

#include <gtest/gtest.h>

#include "protocol/mqtt/decode.hpp"
#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::mqtt {
namespace {

constexpr std::int64_t s = 1'000'000'000;

forward of(const property_list& props = {}) {
  auto m = std::make_shared<forward_message>();
  m->topic = "a/b";
  m->payload = "p";
  append_kept_properties(props.view(), m->props);
  m->received_ns = 100 * s;
  m->qos = 2;
  return {m, {}, 1, false};
}

struct sent {
  forwarded outcome;
  std::string bytes;
  publish_packet packet() const {
    return std::get<publish_packet>(*decode(frame_of(bytes), version, receiver::client));
  }
  protocol_version version;
};

sent send(const forward& f, forward_terms terms = {}, topic_aliases::use alias = {},
          std::int64_t now_ns = 100 * s, bool dup = false) {
  std::string out = "before";
  const auto outcome = append_publish(f, terms, f.qos == 0 ? 0 : 7, dup, alias, now_ns, out);
  EXPECT_TRUE(out.starts_with("before"));
  return {outcome, out.substr(6), terms.version};
}

TEST(forward, carries_every_property_of_the_message_in_order_and_nothing_of_its_connection) {
  property_list in;
  in.add(property_id::payload_format_indicator, 1)
      .add_user("k", "1")
      .add(property_id::content_type, "text/plain")
      .add(property_id::topic_alias, 3)
      .add_user("a", "2")
      .add(property_id::response_topic, "r/t")
      .add(property_id::correlation_data, std::string_view("\0\xFF", 2))
      .add_user("k", "3");
  const auto got = send(of(in));
  property_list expected;
  expected.add(property_id::payload_format_indicator, 1)
      .add_user("k", "1")
      .add(property_id::content_type, "text/plain")
      .add_user("a", "2")
      .add(property_id::response_topic, "r/t")
      .add(property_id::correlation_data, std::string_view("\0\xFF", 2))
      .add_user("k", "3");
  EXPECT_EQ(hex(as_text(got.packet().props.bytes())), hex(as_text(expected.view().bytes())));
}

TEST(forward, to_3_1_1_has_no_properties) {
  property_list in;
  in.add_user("k", "v");
  auto f = of(in);
  f.identifiers = {5};
  EXPECT_EQ(hex(send(f, {v3}).bytes), hex(bytes_of("32 ## s'a/b' 0007 'p'")));
}

TEST(forward, names_all_matching_subscriptions) {
  auto f = of();
  f.identifiers = {5, 300};
  EXPECT_EQ(hex(send(f).bytes), hex(bytes_of("32 ## s'a/b' 0007 {0B 05 0B AC02} 'p'")));
}

TEST(forward, tells_what_is_left_of_the_expiry_and_sends_nothing_expired) {
  property_list in;
  in.add(property_id::message_expiry_interval, 10);
  const auto f = of(in);
  const auto left = [&](std::int64_t at_s) {
    return *send(f, {}, {}, at_s * s).packet().props.message_expiry_s();
  };
  EXPECT_EQ(left(100), 10u);
  EXPECT_EQ(left(109), 1u);
  EXPECT_EQ(left(90), 10u) << "a clock that went back";
  const auto late = send(f, {}, {}, 110 * s);
  EXPECT_EQ(late.outcome, forwarded::expired);
  EXPECT_EQ(late.bytes, "");
  EXPECT_EQ(send(f, {v3}, {}, 110 * s).outcome, forwarded::expired);
}

TEST(forward, lets_nothing_expire_that_was_sent_before) {
  property_list in;
  in.add(property_id::message_expiry_interval, 10);
  const auto again = send(of(in), {}, {}, 200 * s, true);
  EXPECT_EQ(again.outcome, forwarded::written);
  EXPECT_EQ(again.packet().props.message_expiry_s(), 0u);
}

TEST(forward, leaves_the_topic_out_where_its_alias_is_known) {
  EXPECT_EQ(hex(send(of(), {}, {2, false}).bytes),
            hex(bytes_of("32 ## s'a/b' 0007 {23 0002} 'p'")));
  EXPECT_EQ(hex(send(of(), {}, {2, true}).bytes), hex(bytes_of("32 ## s'' 0007 {23 0002} 'p'")));
}

TEST(forward, is_not_sent_where_it_is_larger_than_the_client_takes) {
  const auto size = static_cast<std::uint32_t>(send(of()).bytes.size());
  EXPECT_EQ(send(of(), {v5, size}).outcome, forwarded::written);
  const auto refused = send(of(), {v5, size - 1});
  EXPECT_EQ(refused.outcome, forwarded::too_large);
  EXPECT_EQ(refused.bytes, "");
}

TEST(forward, bears_the_flags_of_this_delivery) {
  auto f = of();
  f.qos = 0;
  f.retain = true;
  EXPECT_EQ(hex(send(f, {v3}).bytes), hex(bytes_of("31 ## s'a/b' 'p'")));
  EXPECT_TRUE(send(of(), {}, {}, 100 * s, true).packet().dup);
}

TEST(topic_aliases, the_first_topics_have_them_and_each_is_set_once) {
  topic_aliases aliases(2);
  const auto use = [&](std::string_view topic) {
    const auto u = aliases.for_topic(topic);
    return std::pair(u.alias, u.is_set);
  };
  EXPECT_EQ(use("a"), std::pair(std::uint16_t{1}, false));
  EXPECT_EQ(use("a"), std::pair(std::uint16_t{1}, true));
  EXPECT_EQ(use("b"), std::pair(std::uint16_t{2}, false));
  aliases.take_back("b");
  EXPECT_EQ(use("c"), std::pair(std::uint16_t{2}, false)) << "b was not sent";
  EXPECT_EQ(use("b"), std::pair(std::uint16_t{0}, false));
  EXPECT_EQ(topic_aliases(0).for_topic("a").alias, 0);
}

}  // namespace
}  // namespace fleetgate::mqtt
