// Statements of the specifications that the scenarios of sessions_test.cpp do not show; which test
// shows which stands in docs/mqtt-conformance.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/sessions/sessions.hpp"
#include "tests/actors/sessions/broker.hpp"

namespace fleetgate::sessions {
namespace {

using observe::undelivered;
using testing::ElementsAre;
using testing::IsEmpty;

std::string filters_of(std::initializer_list<std::string_view> all) {
  std::string filters;
  for (const auto f : all) mqtt::append_filter(f, filters);
  return filters;
}

TEST_F(a_broker, answers_under_the_identifier_of_the_request) {
  const auto a = connect("a");
  std::string wanted;
  append(mqtt::subscription{"x", 0, false, false, 0}, wanted);
  tell(a, contract::subscribe_request{0x1234, 0, wanted});
  EXPECT_EQ(std::exchange(wire[a.ref.generation], {}), std::string("\x90\x04\x12\x34\0\0", 6));
  tell(a, contract::unsubscribe_request{0x4321, filters_of({"y"})});
  EXPECT_EQ(wire[a.ref.generation], std::string("\xB0\x04\x43\x21\0\x11", 6));
}

TEST_F(a_broker, shows_an_empty_retained_message_to_who_is_there_and_to_nobody_later) {
  publish("x", 1, true, "1");
  const auto there = connect("there");
  subscribe(there, "x", 1);
  publish("x", 1, true, "");
  EXPECT_THAT(take_sent(there), ElementsAre("x q1 #2"));
  const auto later = connect("later");
  subscribe(later, mqtt::subscription{"x", 1, false, false, 0});
  EXPECT_THAT(take_sent(later), ElementsAre("SUBACK 1"));
}

TEST_F(a_broker, replaces_what_is_retained_by_what_is_to_be_retained_only) {
  publish("x", 1, true, "1");
  publish("x", 0, true, "2");
  publish("x", 1, false, "3");
  publish("x", 1, false, "");
  const auto a = connect("a");
  subscribe(a, mqtt::subscription{"x", 1, false, false, 0});
  const auto bytes = wire[a.ref.generation];
  EXPECT_THAT(take_sent(a), ElementsAre("SUBACK 1", "x q0 retain"));
  EXPECT_EQ(bytes.back(), '2');
}

TEST_F(a_broker, tells_3_1_1_by_retain_what_it_missed_and_what_is_live) {
  publish("x", 1, true);
  const auto a = connect("a", of_3_1_1());
  for (int again = 0; again < 2; ++again) {
    subscribe(a, mqtt::subscription{"x", 0, false, false, 0});
    EXPECT_THAT(take_sent(a), ElementsAre("SUBACK 0", "x q0 retain"));
    publish("x", 1, true);
    EXPECT_THAT(take_sent(a), ElementsAre("x q0"));
  }
}

TEST_F(a_broker, sets_aliases_anew_on_each_connection) {
  auto how = persistent();
  how.aliases = 5;
  auto a = connect("a", how);
  subscribe(a, "x", 1);
  for (int connection = 0; connection < 2; ++connection) {
    publish("x", 1);
    publish("x", 1);
    const auto sent = take_sent(a);
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_TRUE(sent[0].starts_with("x q1") && sent[0].ends_with(" alias1")) << sent[0];
    EXPECT_TRUE(sent[1].starts_with(" q1") && sent[1].ends_with(" alias1")) << sent[1];
    const auto first = static_cast<std::uint16_t>(1 + 2 * connection);
    ack(a, packet_type::puback, first);
    ack(a, packet_type::puback, static_cast<std::uint16_t>(first + 1));
    go(a, true, 1000);
    a = connect("a", how);
  }
}

TEST_F(a_broker, holds_up_nothing_else_where_the_window_is_full) {
  auto how = coming{};
  how.receive_maximum = 1;
  const auto a = connect("a", how);
  subscribe(a, "#", 2);
  publish("x", 2);
  publish("x", 2);
  EXPECT_THAT(take_sent(a), ElementsAre("x q2 #1"));
  publish("y", 0);
  EXPECT_THAT(take_sent(a), ElementsAre("y q0"));
  tell(a, contract::unsubscribe_request{11, filters_of({"#"})});
  EXPECT_THAT(take_sent(a), ElementsAre("UNSUBACK 0"));
  ack(a, packet_type::pubrec, 1);
  EXPECT_THAT(take_sent(a), ElementsAre("PUBREL #1 0"));
}

TEST_F(a_broker, takes_new_options_for_a_filter_it_has_and_loses_nothing) {
  auto how = coming{};
  how.receive_maximum = 1;
  const auto a = connect("a", how);
  subscribe(a, "x", 1);
  publish("x", 1);
  publish("x", 1);
  subscribe(a, "x", 2);
  publish("x", 2);
  ack(a, packet_type::puback, 1);
  EXPECT_THAT(take_sent(a), ElementsAre("x q1 #2"));
  ack(a, packet_type::puback, 2);
  EXPECT_THAT(take_sent(a), ElementsAre("x q2 #3")) << "once, at the new quality";
  EXPECT_EQ(probe->subscriptions.value(), 1);
}

TEST_F(a_broker, compares_filters_to_unsubscribe_character_by_character) {
  const auto a = connect("a");
  subscribe(a, "x/y");
  tell(a, contract::unsubscribe_request{11, filters_of({"#", "x/+", "X/y", "x/y/", "/x/y"})});
  EXPECT_THAT(take_sent(a), ElementsAre("UNSUBACK 17 17 17 17 17"));
  publish("x/y");
  EXPECT_THAT(take_sent(a), ElementsAre("x/y q0"));
}

TEST_F(a_broker, completes_after_unsubscribe_what_it_had_begun_and_adds_nothing) {
  auto a = connect("a", persistent());
  subscribe(a, "x", 2);
  publish("x", 2);
  publish("x", 1);
  tell(a, contract::unsubscribe_request{11, filters_of({"x"})});
  publish("x", 1);
  take_sent(a);
  ack(a, packet_type::pubrec, 1);
  EXPECT_THAT(take_sent(a), ElementsAre("PUBREL #1 0"));
  restart();
  a = connect("a", persistent());
  EXPECT_THAT(take_sent(a), ElementsAre("PUBREL #1 0", "x q1 #2 dup"));
}

TEST_F(a_broker, keeps_a_session_as_long_as_its_client_is_connected) {
  auto how = persistent();
  how.expiry_s = 10;
  const auto a = connect("a", how);
  subscribe(a, "x", 1);
  go(a, true, 10);
  const auto again = connect("a", how);
  at(now_ns + 1000 * s);
  publish("x", 1);
  EXPECT_THAT(take_sent(again), ElementsAre("x q1 #1"));
}

TEST_F(a_broker, lets_no_expiry_end_an_exchange_that_has_begun) {
  mqtt::property_list expiry;
  expiry.add(mqtt::property_id::message_expiry_interval, 5);
  mqtt::append_kept_properties(expiry.view(), props);
  auto how = persistent();
  how.receive_maximum = 2;
  auto a = connect("a", how);
  subscribe(a, "x", 2);
  publish("x", 1);
  publish("x", 2);
  publish("x", 2);
  EXPECT_THAT(take_sent(a), ElementsAre("x q1 #1", "x q2 #2"));
  go(a, true, 1000);
  now_ns += 10 * s;
  a = connect("a", how);
  EXPECT_THAT(take_sent(a), ElementsAre("x q1 #1 dup", "x q2 #2 dup"));
  ack(a, packet_type::puback, 1);
  EXPECT_THAT(take_sent(a), IsEmpty()) << "the third was never sent, and has expired";
  EXPECT_EQ(probe->undelivered_there[undelivered::expired].value(), 1u);
}

TEST_F(a_broker, sends_nothing_again_that_the_client_has_answered_with_an_error) {
  auto a = connect("a", persistent());
  subscribe(a, "x", 2);
  publish("x", 1);
  publish("x", 2);
  take_sent(a);
  ack(a, packet_type::puback, 1, 0x97);
  ack(a, packet_type::pubrec, 2, 0x80);
  EXPECT_THAT(take_sent(a), IsEmpty()) << "and no PUBREL";
  go(a, true, 1000);
  EXPECT_THAT(take_sent(connect("a", persistent())), IsEmpty());
}

TEST_F(a_broker, publishes_no_will_where_none_was_asked_for) {
  auto how = persistent();
  how.will = will();
  go(connect("a", how), false, 1000);
  go(connect("a", persistent()), true, 1000);
  EXPECT_THAT(wills, IsEmpty());
}

TEST_F(a_broker, leaves_nothing_of_a_session_whose_client_ends_it) {
  const auto a = connect("a", persistent()), b = connect("b", persistent());
  for (const auto& c : {a, b}) subscribe(c, "x", 2);
  publish("x", 2);
  publish("x", 1);
  EXPECT_EQ(store.rows["subscriber_queue"].size(), 4u);
  go(a, true, 0);  // DISCONNECT with another expiry
  go(b, true, 1000);
  auto how = persistent();
  how.expiry_s = 0;
  const auto again = connect("b", how);
  EXPECT_EQ(take_sent(again).size(), 2u) << "it has its session for the last time";
  EXPECT_EQ(store.size(), 0u);
  go(again);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(probe->queued.value(), 0);
}

}  // namespace
}  // namespace fleetgate::sessions
