#include "actors/sessions/sessions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/sessions/broker.hpp"

namespace fleetgate::sessions {
namespace {

using observe::undelivered;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t later_than_dedup = 30 * s;

TEST_F(a_broker, sends_a_message_to_whom_it_matches_at_the_lower_of_both_qualities) {
  const auto a = connect("a"), b = connect("b"), c = connect("c");
  subscribe(a, "x/#", 0);
  subscribe(b, "x/y", 2);
  subscribe(c, "z", 2);
  publish("x/y", 1);
  EXPECT_THAT(take_sent(a), ElementsAre("x/y q0"));
  EXPECT_THAT(take_sent(b), ElementsAre("x/y q1 #1"));
  EXPECT_THAT(take_sent(c), IsEmpty());
  EXPECT_EQ(probe->routed.value(), 2u);
}

TEST_F(a_broker, answers_each_filter_with_what_it_grants) {
  limits.subscriptions_per_session = 2;
  start();
  const auto v5 = connect("a"), v3 = connect("b", of_3_1_1());
  std::string deep = "a";
  for (std::size_t i = 0; i < mqtt::maximum_filter_levels; ++i) deep += "/a";
  std::string filters;
  for (const std::string& f :
       {std::string("a"), std::string("$share/g/a"), deep, std::string("b"), std::string("c")}) {
    mqtt::subscription sub;
    sub.filter = f;
    sub.maximum_qos = 2;
    append(sub, filters);
  }
  tell(v5, contract::subscribe_request{10, 0, filters});
  EXPECT_THAT(take_sent(v5), ElementsAre("SUBACK 2 158 143 2 151"));
  tell(v3, contract::subscribe_request{10, 0, filters});
  EXPECT_THAT(take_sent(v3), ElementsAre("SUBACK 2 128 128 2 128"));
}

TEST_F(a_broker, takes_no_more_filters_of_a_packet_than_a_session_may_have) {
  limits.subscriptions_per_session = 3;
  start();
  publish("x", 0, true);
  std::string filters;
  for (int i = 0; i < 5; ++i) append(mqtt::subscription{"#", 0, false, false, 0}, filters);
  const auto a = connect("a");
  tell(a, contract::subscribe_request{10, 0, filters});
  EXPECT_THAT(take_sent(a), ElementsAre("SUBACK 0 0 0 151 151", "x q0 retain"))
      << "retained messages come once a filter";
  subscribe(a, "x", 0);
  EXPECT_EQ(probe->subscriptions.value(), 2);
}

TEST_F(a_broker, sends_one_copy_where_filters_overlap_with_all_identifiers) {
  const auto a = connect("a");
  mqtt::subscription sub;
  sub.filter = "x/#";
  sub.maximum_qos = 1;
  subscribe(a, sub, 5);
  sub.filter = "x/+";
  sub.maximum_qos = 2;
  subscribe(a, sub, 6);
  sub.filter = "+/y";
  sub.maximum_qos = 0;
  subscribe(a, sub);
  take_sent(a);
  publish("x/y", 2);
  EXPECT_THAT(take_sent(a), ElementsAre("x/y q2 #1 id5 id6"));
}

TEST_F(a_broker, sends_nothing_back_where_no_local_is_asked_for) {
  const auto a = connect("a"), b = connect("b");
  mqtt::subscription sub;
  sub.filter = "x";
  sub.no_local = true;
  subscribe(a, sub);
  subscribe(b, sub);
  take_sent(a), take_sent(b);
  publish("x", 0, false, "p", "a");
  EXPECT_THAT(take_sent(a), IsEmpty());
  EXPECT_THAT(take_sent(b), ElementsAre("x q0"));
}

/// A stall, and the client comes again over another shard, which is quicker to tell.
TEST_F(a_broker, takes_a_connection_that_was_lost_to_another_for_no_newer_one) {
  const auto newer = connect("a", persistent());
  const client older{{99, 0, 1'000}, "a", newer.version};
  contract::client_came came;
  came.clean_start = false;
  came.session_expiry_s = 1'000;
  came.opened = 0;
  tell(older, came);
  go(older);
  subscribe(newer, "x");
  publish("x");
  EXPECT_THAT(take_sent(newer), ElementsAre("x q0"));
}

TEST_F(a_broker, stops_at_unsubscribe_and_says_what_was_not_there) {
  const auto a = connect("a");
  subscribe(a, "x");
  std::string filters;
  mqtt::append_filter("x", filters);
  mqtt::append_filter("y", filters);
  tell(a, contract::unsubscribe_request{11, filters});
  EXPECT_THAT(take_sent(a), ElementsAre("UNSUBACK 0 17"));
  publish("x");
  EXPECT_THAT(take_sent(a), IsEmpty());
  EXPECT_FALSE(brain->has_subscriptions());
}

TEST_F(a_broker, keeps_within_the_clients_window_and_goes_on_with_its_answers) {
  auto how = coming{};
  how.receive_maximum = 2;
  const auto a = connect("a", how);
  subscribe(a, "#", 2);
  for (int i = 0; i < 4; ++i) publish("x", 2);
  EXPECT_THAT(take_sent(a), ElementsAre("x q2 #1", "x q2 #2"));
  ack(a, packet_type::pubrec, 1);
  EXPECT_THAT(take_sent(a), ElementsAre("PUBREL #1 0"));
  ack(a, packet_type::pubcomp, 1);
  EXPECT_THAT(take_sent(a), ElementsAre("x q2 #3"));
  ack(a, packet_type::pubrec, 77);
  EXPECT_THAT(take_sent(a), ElementsAre("PUBREL #77 146"));
  ack(a, packet_type::puback, 77);
  ack(a, packet_type::pubcomp, 77);
  EXPECT_THAT(take_sent(a), IsEmpty());
}

TEST_F(a_broker, brings_a_large_queue_to_its_client_a_part_at_a_time) {
  limits.queue.bytes = 8 << 20;
  start();
  auto a = connect("a", persistent());
  subscribe(a, "x", 1);
  go(a, true, 1000);
  constexpr std::size_t most_at_once = 512 * 1024;
  constexpr int messages = 64;
  const std::string large(32 * 1024, 'p');
  for (int i = 0; i < messages; ++i) publish("x", 1, false, large);
  a = connect("a", persistent());
  std::uint16_t id = 0;
  while (id < messages) {
    ASSERT_FALSE(wire[a.ref.generation].empty());
    EXPECT_LE(wire[a.ref.generation].size(), most_at_once);
    for (auto left = take_sent(a).size(); left != 0; --left) {
      ++id;
      brain->take({a.ref, a.id, contract::acknowledgement{packet_type::puback, id, 0}},
                  {steady_ns(), now_ns});
    }
    settle();
  }
  EXPECT_EQ(probe->queued.value(), 0);
}

TEST_F(a_broker, keeps_messages_for_a_session_that_is_away_and_nothing_at_qos_0) {
  const auto a = connect("a", persistent());
  subscribe(a, "x", 1);
  publish("x", 1);
  EXPECT_THAT(take_sent(a), ElementsAre("x q1 #1"));
  go(a, true, 1000);
  publish("x", 1);
  publish("x", 0);
  const auto again = connect("a", persistent());
  EXPECT_THAT(take_sent(again), ElementsAre("x q1 #1 dup", "x q1 #2"));
}

TEST_F(a_broker, has_everything_of_a_session_again_after_kill_9) {
  const auto a = connect("a", persistent());
  subscribe(a, "x", 2);
  publish("x", 2);
  publish("x", 1);
  publish("x", 2);
  ack(a, packet_type::pubrec, 1);
  ack(a, packet_type::puback, 2);
  restart();
  publish("x", 1);
  const auto again = connect("a", persistent());
  EXPECT_THAT(take_sent(again), ElementsAre("PUBREL #1 0", "x q2 #3 dup", "x q1 #4"));
  ack(again, packet_type::pubcomp, 1);
  ack(again, packet_type::pubrec, 3);
  ack(again, packet_type::pubcomp, 3);
  ack(again, packet_type::puback, 4);
  EXPECT_THAT(store.rows["subscriber_queue"], IsEmpty());
}

TEST_F(a_broker, forgets_a_session_at_a_clean_start_and_when_it_expires) {
  auto a = connect("a", persistent());
  subscribe(a, "x", 1);
  go(a, true, 1000);
  publish("x", 1);
  a = connect("a");
  EXPECT_THAT(take_sent(a), IsEmpty());
  publish("x", 1);
  EXPECT_THAT(take_sent(a), IsEmpty());
  EXPECT_EQ(store.size(), 0u);

  const auto b = connect("b", persistent());
  subscribe(b, "x", 1);
  go(b, true, 10);
  publish("x", 1);
  at(now_ns + 10 * s + later_than_dedup - 1);
  EXPECT_TRUE(brain->has_subscriptions());
  EXPECT_EQ(*brain->next_deadline_ns(), steady_ns() + 1);
  at(now_ns + 1);
  EXPECT_FALSE(brain->has_subscriptions());
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(probe->queued.value(), 0);
}

TEST_F(a_broker, keeps_a_session_as_long_as_dedup_whatever_the_wall_clock_says) {
  const auto a = connect("a", persistent());
  subscribe(a, "x", 1);
  go(a, true, 1000);
  clock_step_ns = 5000 * s;
  at(now_ns + clock_step_ns + 999 * s);
  publish("x", 1);
  EXPECT_THAT(take_sent(connect("a", persistent())), ElementsAre("x q1 #1"));
}

TEST_F(a_broker, counts_the_expiry_anew_after_a_restart_as_dedup_does) {
  const auto a = connect("a", persistent());
  subscribe(a, "x", 1);
  go(a, true, 1000);
  now_ns += 5000 * s;  // while the node was down
  restart();
  at(now_ns + 1000 * s);
  publish("x", 1);
  EXPECT_THAT(take_sent(connect("a", persistent())), ElementsAre("x q1 #1"));
  const auto b = connect("b", persistent());
  subscribe(b, "x", 1);
  restart();
  at(now_ns + 1000 * s + later_than_dedup);
  EXPECT_FALSE(brain->has_subscriptions());
}

TEST_F(a_broker, ends_a_session_with_its_connection_where_it_has_no_expiry) {
  const auto a = connect("a");
  subscribe(a, "x", 1);
  publish("x", 1);
  go(a);
  EXPECT_FALSE(brain->has_subscriptions());
  EXPECT_EQ(probe->sessions.value(), 0);
  EXPECT_EQ(probe->queued.value(), 0);
  EXPECT_EQ(store.size(), 0u);
}

TEST_F(a_broker, listens_to_the_newest_connection_of_a_client_only) {
  const auto old = connect("a", persistent());
  subscribe(old, "x", 1);
  const auto fresh = connect("a", persistent());
  go(old, true, 0);  // comes late
  publish("x", 1);
  EXPECT_THAT(take_sent(old), IsEmpty());
  EXPECT_THAT(take_sent(fresh), ElementsAre("x q1 #1"));
  ack(old, packet_type::puback, 1);
  EXPECT_EQ(probe->queued.value(), 1);
}

TEST_F(a_broker, counts_what_does_not_fit_into_a_queue) {
  limits.queue.messages = 2;
  start();
  const auto a = connect("a", persistent());
  subscribe(a, "x", 1);
  go(a, true, 1000);
  for (int i = 0; i < 5; ++i) publish("x", 1);
  EXPECT_EQ(probe->undelivered_there[undelivered::queue_full].value(), 3u);
  EXPECT_EQ(probe->queued.value(), 2);
  has_memory = false;
  publish("x", 1);
  EXPECT_EQ(probe->undelivered_there[undelivered::no_memory].value(), 1u);
}

TEST_F(a_broker, sends_nothing_larger_than_a_client_takes_and_goes_on) {
  auto how = coming{};
  how.maximum_packet_size = 30;
  how.aliases = 1;
  const auto a = connect("a", how);
  subscribe(a, "#", 1);
  const std::string large(40, 'p');
  publish("x", 1, false, large);
  publish("x", 0, false, large);
  publish("x", 1);
  publish("x", 1);
  EXPECT_THAT(take_sent(a), ElementsAre("x q1 #2 alias1", " q1 #3 alias1"));
  EXPECT_EQ(probe->undelivered_there[undelivered::too_large].value(), 2u);
}

TEST_F(a_broker, sends_nothing_that_expired_while_it_waited) {
  mqtt::property_list expiry;
  expiry.add(mqtt::property_id::message_expiry_interval, 5);
  mqtt::append_kept_properties(expiry.view(), props);
  const auto a = connect("a", persistent());
  subscribe(a, "x", 1);
  go(a, true, 1000);
  publish("x", 1);
  now_ns += 5 * s;
  publish("x", 1);
  const auto again = connect("a", persistent());
  EXPECT_THAT(take_sent(again), ElementsAre("x q1 #2"));
  EXPECT_EQ(probe->undelivered_there[undelivered::expired].value(), 1u);
  EXPECT_EQ(store.rows["subscriber_queue"].size(), 1u);
}

TEST_F(a_broker, shows_retained_messages_to_new_subscriptions) {
  publish("x/a", 1, true, "1");
  publish("x/a", 1, true, "2");
  publish("x/b", 0, true);
  publish("x/gone", 1, true);
  publish("x/gone", 1, true, "");
  publish("x/live", 1);
  const auto a = connect("a");
  subscribe(a, mqtt::subscription{"x/#", 2, false, false, 0});
  EXPECT_THAT(take_sent(a), ElementsAre("SUBACK 2", "x/a q1 #1 retain", "x/b q0 retain"));
  EXPECT_EQ(probe->retained.value(), 2);
  restart();
  const auto b = connect("b");
  subscribe(b, mqtt::subscription{"x/a", 0, false, false, 0});
  EXPECT_THAT(take_sent(b), ElementsAre("SUBACK 0", "x/a q0 retain"));
}

TEST_F(a_broker, follows_retain_handling_and_retain_as_published) {
  publish("x", 0, true);
  const auto a = connect("a");
  for (const auto& [handling, expected] :
       {std::pair<std::uint8_t, std::size_t>{2, 1}, {1, 1}, {0, 2}}) {
    subscribe(a, mqtt::subscription{"x", 0, false, true, handling});
    EXPECT_EQ(take_sent(a).size(), expected) << int(handling);
  }
  const auto b = connect("b");
  subscribe(b, mqtt::subscription{"x", 0, false, false, 1});
  EXPECT_THAT(take_sent(b), ElementsAre("SUBACK 0", "x q0 retain")) << "it is new";
  publish("x", 0, true);
  EXPECT_THAT(take_sent(a), ElementsAre("x q0 retain"));
  EXPECT_THAT(take_sent(b), ElementsAre("x q0"));
}

TEST_F(a_broker, retains_within_its_limits_and_keeps_what_it_had) {
  limits.retained_messages = 1;
  limits.retained_bytes = 20;
  start();
  publish("x", 0, true, "1");
  publish("y", 0, true, "1");
  publish("x", 0, true, std::string(30, 'p'));
  EXPECT_EQ(probe->retained_refused.value(), 2u);
  EXPECT_EQ(probe->retained.value(), 1);
  publish("x", 0, true, "3");
  EXPECT_EQ(probe->retained_refused.value(), 2u);
}

TEST_F(a_broker, retains_and_forgets_where_there_is_no_memory_for_live_messages) {
  publish("x", 0, true, "1");
  publish("y", 0, true, "1");
  const auto a = connect("a");
  subscribe(a, "live/#", 0);
  has_memory = false;
  publish("x", 0, true, "2");
  publish("y", 0, true, "");
  publish("live/z", 0, true, "1");
  EXPECT_EQ(probe->undelivered_there[undelivered::no_memory].value(), 1u) << "live/z to a";
  restart();
  EXPECT_EQ(probe->retained.value(), 2);
  const auto b = connect("b");
  subscribe(b, mqtt::subscription{"#", 0, false, false, 0});
  EXPECT_THAT(wire[b.ref.generation], testing::HasSubstr(std::string("x\0"
                                                                     "2",
                                                                     3)))
      << "the update";
  EXPECT_THAT(take_sent(b), ElementsAre("SUBACK 0", "live/z q0 retain", "x q0 retain"));
}

TEST_F(a_broker, publishes_a_will_unless_the_client_said_goodbye) {
  auto how = coming{};
  how.will = will();
  go(connect("a", how), false);
  EXPECT_THAT(wills, IsEmpty());
  go(connect("b", how), true);
  EXPECT_THAT(wills, ElementsAre("gone"));
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(probe->wills_published.value(), 1u);
}

TEST_F(a_broker, publishes_a_delayed_will_when_it_is_due_or_the_session_ends) {
  auto how = persistent();
  how.will = will(10);
  go(connect("a", how), true, 1000);
  at(now_ns + 9 * s);
  EXPECT_THAT(wills, IsEmpty());
  at(now_ns + 1 * s);
  EXPECT_THAT(wills, ElementsAre("gone"));
  go(connect("b", how), true, 3);
  at(now_ns + 3 * s);
  EXPECT_EQ(wills.size(), 2u) << "its session has ended before";
  go(connect("c", how), true, 1000);
  connect("c");
  EXPECT_EQ(wills.size(), 3u) << "a clean start ends the session";
}

TEST_F(a_broker, keeps_a_delayed_will_back_where_the_client_is_here_again) {
  auto how = persistent();
  how.will = will(10);
  go(connect("a", how), true, 1000);
  connect("a", persistent());
  at(now_ns + 100 * s);
  EXPECT_THAT(wills, IsEmpty());
  connect("b", how);
  connect("b", persistent());  // takes over
  at(now_ns + 100 * s);
  EXPECT_THAT(wills, IsEmpty());
}

TEST_F(a_broker, publishes_after_kill_9_the_wills_of_those_who_do_not_come_back) {
  auto how = persistent();
  how.will = will(10);
  connect("a", how);
  connect("b", how);
  auto at_once = coming{};
  at_once.will = will();
  connect("c", at_once);
  restart();
  at(now_ns);
  EXPECT_THAT(wills, ElementsAre("gone")) << "c";
  connect("a", persistent());
  at(now_ns + 10 * s);
  EXPECT_EQ(wills.size(), 2u) << "b";
  EXPECT_EQ(store.size(), 0u);
}

TEST_F(a_broker, publishes_a_will_after_kill_9_no_later_than_its_session_would_have_ended) {
  auto how = coming{};
  how.will = will(1000);
  connect("a", how);
  how.expiry_s = 5;
  connect("b", how);
  how.expiry_s = 500;
  go(connect("c", how), true, 7);
  restart();
  at(now_ns);
  EXPECT_EQ(wills.size(), 1u) << "a: it ended with its connection";
  at(now_ns + 5 * s);
  EXPECT_EQ(wills.size(), 2u) << "b";
  at(now_ns + 2 * s);
  EXPECT_EQ(wills.size(), 3u) << "c: as its DISCONNECT said";
}

TEST_F(a_broker, keeps_a_will_that_is_due_until_the_spool_has_it) {
  will_receipts_come = false;
  auto how = coming{};
  how.will = will();
  go(connect("a", how));
  EXPECT_EQ(store.rows["subscriber_due_wills"].size(), 1u);
  EXPECT_EQ(probe->wills_published.value(), 0u);
  restart();
  settle();
  EXPECT_EQ(wills.size(), 2u) << "nobody knows whether the first is stored";
  receipt_of_will(under_way.front(), true);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(probe->wills_published.value(), 1u);
}

TEST_F(a_broker, sends_a_will_that_found_no_room_again_after_a_wait_and_counts_it_once) {
  will_receipts_come = false;
  auto how = coming{};
  how.will = will();
  go(connect("a", how));
  constexpr std::int64_t longest_wait = 16 * s;
  for (int refusals = 0; refusals < 10; ++refusals) {
    receipt_of_will(under_way.front(), false);
    under_way.clear();
    EXPECT_THAT(under_way, IsEmpty());
    ASSERT_TRUE(brain->next_deadline_ns());
    const auto wait = static_cast<std::int64_t>(*brain->next_deadline_ns() - steady_ns());
    EXPECT_GT(wait, 0);
    EXPECT_LE(wait, longest_wait);
    at(now_ns + wait);
    ASSERT_EQ(under_way.size(), 1u);
    EXPECT_FALSE(brain->next_deadline_ns());
  }
  EXPECT_EQ(store.rows["subscriber_due_wills"].size(), 1u);
  receipt_of_will(under_way.front(), true);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(probe->wills_published.value(), 1u);
}

TEST_F(a_broker, keeps_a_newer_will_where_an_older_one_of_its_client_is_settled) {
  will_receipts_come = false;
  auto how = coming{};
  how.will = will();
  go(connect("a", how));
  const auto older = under_way.front();
  const auto again = connect("a", how);
  receipt_of_will(older, true);
  EXPECT_EQ(store.rows["subscriber_wills"].size(), 1u) << "of the connection that is here";
  go(again);
  ASSERT_EQ(under_way.size(), 2u);
  receipt_of_will(older, true);
  EXPECT_EQ(store.rows["subscriber_due_wills"].size(), 1u);
  receipt_of_will(under_way.back(), true);
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(probe->wills_published.value(), 2u);
}

TEST_F(a_broker, keeps_no_session_that_has_nothing) {
  for (int n = 0; n < 100; ++n) go(connect("c" + std::to_string(n), persistent()), true, 1000);
  EXPECT_EQ(probe->sessions.value(), 0);
  EXPECT_FALSE(brain->next_deadline_ns());
}

TEST_F(a_broker, has_one_timer_a_session_and_none_while_its_client_is_here) {
  auto how = persistent();
  how.will = will(10);
  for (int n = 0; n < 100; ++n) {
    const auto a = connect("a", how);
    EXPECT_FALSE(brain->next_deadline_ns());
    subscribe(a, "x", 1);
    go(a, true, 1000);
    EXPECT_EQ(*brain->next_deadline_ns(), steady_ns() + 10 * s);
    at(now_ns + 1 * s);
  }
  at(now_ns + 9 * s);
  EXPECT_THAT(wills, ElementsAre("gone"));
  EXPECT_EQ(probe->waiting_will_bytes.value(), 0);
  connect("a", persistent());
  EXPECT_FALSE(brain->next_deadline_ns());
}

TEST_F(a_broker, publishes_a_will_at_once_where_too_many_wait) {
  limits.waiting_will_bytes = 1;
  start();
  auto how = persistent();
  how.will = will(10);
  go(connect("a", how), true, 1000);
  EXPECT_THAT(wills, IsEmpty());
  go(connect("b", how), true, 1000);
  EXPECT_THAT(wills, ElementsAre("gone"));
  at(now_ns + 10 * s);
  EXPECT_THAT(wills, ElementsAre("gone", "gone"));
}

TEST_F(a_broker, is_full_of_wills_until_some_are_settled) {
  will_receipts_come = false;
  limits.due_wills = 2;
  start();
  auto how = coming{};
  how.will = will();
  go(connect("a", how));
  EXPECT_FALSE(brain->full_of_wills());
  go(connect("b", how));
  EXPECT_TRUE(brain->full_of_wills());
  receipt_of_will(under_way.front(), true);
  EXPECT_FALSE(brain->full_of_wills());
  limits.due_will_bytes = 5;  // a client id and a topic
  restart();
  settle();
  EXPECT_TRUE(brain->full_of_wills());
}

TEST_F(a_broker, remembers_nothing_of_a_client_that_only_publishes) {
  const auto a = connect("a");
  (void)a;
  const auto b = connect("b", persistent());
  EXPECT_EQ(store.size(), 0u);
  go(b, true, 1000);
  EXPECT_EQ(store.size(), 0u);
}

TEST_F(a_broker, lets_plain_subscribers_of_both_versions_share_their_bytes) {
  const auto a = connect("a"), b = connect("b", of_3_1_1());
  subscribe(a, "x");
  subscribe(b, "x");
  model::envelope e;
  e.topic = "x";
  brain->publish(e, now_ns);
  EXPECT_EQ(brain->out().deliveries.size(), 2u);
  settle();
  EXPECT_THAT(take_sent(a), ElementsAre("x q0"));
  EXPECT_THAT(take_sent(b), ElementsAre("x q0"));
}

TEST_F(a_broker, tells_of_damaged_rows_and_goes_on_with_the_rest) {
  const auto a = connect("a", persistent());
  subscribe(a, "x", 1);
  store.rows["subscribers"]["b"] = "damaged";
  store.rows["subscriber_queue"]["no key"] = "damaged";
  store.rows["subscriber_due_wills"]["no key"] = "damaged";
  observe::sessions_probe other;
  sessions again(limits, 2, other, [](const model::envelope&) { return nullptr; });
  EXPECT_EQ(again.restore(store, steady_ns()), 3u);
  EXPECT_TRUE(again.has_subscriptions());
}

TEST_F(a_broker, is_not_restored_from_a_store_that_cannot_be_read) {
  store.fails = true;
  observe::sessions_probe other;
  sessions again(limits, 2, other, [](const model::envelope&) { return nullptr; });
  const auto restored = again.restore(store, steady_ns());
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, fault_code::storage_io);
}

}  // namespace
}  // namespace fleetgate::sessions
