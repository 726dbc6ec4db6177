#include "tests/actors/dedup/dedup_fixture.hpp"

namespace fleetgate::dedup {
namespace {

using model::record_kind;
constexpr std::uint64_t second_ns = 1'000'000'000;

class sessions : public dedup_test {
 protected:
  bool open(std::uint64_t generation, bool clean_start, std::uint32_t expiry_s) {
    const bool marked = pass(opening(generation, clean_start, expiry_s));
    opened_ = receipts_.empty() ? model::receipt{} : receipts_.back();
    receipts_.clear();
    return marked;
  }
  bool present() const { return opened_.session_present; }
  owned_envelope redelivered(std::uint16_t packet_id, std::string payload = "p") {
    auto m = message(std::nullopt, std::move(payload));
    m.e.packet_id = packet_id;
    m.e.dup = true;
    return m;
  }
  model::receipt opened_;
};

TEST_F(sessions, that_keep_nothing_are_opened_without_a_record) {
  EXPECT_FALSE(open(1, true, 0));
  EXPECT_EQ(opened_.result, outcome::stored);
  EXPECT_FALSE(present());
  EXPECT_FALSE(open(2, false, 0));
}

TEST_F(sessions, that_outlive_their_connection_are_marked_once) {
  EXPECT_TRUE(open(1, false, hour));
  EXPECT_FALSE(present());
  EXPECT_FALSE(open(2, false, hour)) << "nothing changed that must be durable";
  EXPECT_TRUE(present());
  EXPECT_TRUE(open(3, false, 2 * hour));
  EXPECT_TRUE(present());
  EXPECT_TRUE(open(4, true, hour)) << "clean start discards what was kept, durably";
  EXPECT_FALSE(present());
}

TEST_F(sessions, opens_are_numbered_in_their_order_with_and_without_a_mark) {
  std::uint64_t last = 0;
  for (std::uint64_t n = 1; n < 5; ++n) {
    open(n, n == 3, n == 4 ? 2 * hour : hour);
    EXPECT_GT(opened_.number, last) << n;
    last = opened_.number;
  }
}

TEST_F(sessions, an_open_that_came_later_is_not_vouched_for_by_an_earlier_one) {
  const auto first = decide(opening(1, false, hour));
  const auto second = decide(opening(2, true, hour));
  ASSERT_TRUE(first && second);
  settle(*first);
  EXPECT_TRUE(decide(opening(3, false, hour))) << "the second's mark is not durable yet";
  settle(*second);
  EXPECT_TRUE(decide(opening(4, false, hour)));
}

TEST_F(sessions, that_nothing_is_known_of_are_refused_where_only_known_ones_may_come) {
  auto newcomer = opening(1, true, hour);
  newcomer.e.session.only_if_known = true;
  EXPECT_FALSE(decide(newcomer));
  const auto all = answers();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].result, outcome::refused);
  EXPECT_EQ(all[0].fault, fault_code::server_busy);
  EXPECT_EQ(brain_->refusals().marks[static_cast<std::size_t>(fault_code::server_busy)], 1u);
}

TEST_F(sessions, with_a_session_come_in_where_only_known_ones_may) {
  EXPECT_TRUE(open(1, false, hour));
  auto back = opening(2, false, hour);
  back.e.session.only_if_known = true;
  decide(back);
  EXPECT_NE(answers().back().result, outcome::refused);
}

TEST_F(sessions, of_a_device_with_a_window_come_in_where_only_known_ones_may) {
  auto seen = message(1);
  seen.client = "somebody else";
  EXPECT_TRUE(decide(seen));
  auto back = opening(2, true, 0);
  back.client = seen.device;
  back.e.session.only_if_known = true;
  decide(back);
  EXPECT_NE(answers().back().result, outcome::refused);
}

TEST_F(sessions, the_older_connection_hears_of_the_takeover) {
  open(1, true, 0);
  decide(opening(2, true, 0));
  const auto all = answers();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].result, outcome::taken_over);
  EXPECT_EQ(all[0].to, connection(1));
  EXPECT_EQ(all[1].result, outcome::stored);
  EXPECT_EQ(all[1].to, connection(2));
  decide(qos2(1, "p", 1));
  EXPECT_EQ(only_answer().fault, fault_code::session_taken_over);
  EXPECT_TRUE(decide(qos2(1, "p", 2)));
}

TEST_F(sessions, are_told_up_to_where_their_streams_are_settled) {
  const auto publish = [&](const char* stream, std::uint64_t sequence) {
    auto m = in_epoch(7, sequence);
    m.device = "press";
    m.stream = stream;
    return m;
  };
  for (const std::uint64_t s : {1, 2, 3, 5}) pass(publish("a", s));
  pass(publish("late", 17));
  (void)decide(publish("pending", 1));
  answers();
  auto open = opening(2, true, 0);
  open.client = "press";
  open.e.epoch = 7;
  const std::string asked("pending\0late\0unknown\0a\0", 23);
  open.e.session.resume = asked;
  pass(open);
  const auto told = answers();
  ASSERT_EQ(told.size(), 2u) << "one stream is known, and the session is open";
  EXPECT_EQ(told[0].result, outcome::resumed);
  EXPECT_EQ(told[0].to, connection(2));
  EXPECT_EQ(told[0].packet_id, 3);
  EXPECT_EQ(told[0].number, 3u);
  EXPECT_EQ(told[1].result, outcome::stored);
  open.e.epoch = 8;
  pass(open);
  EXPECT_EQ(only_answer().result, outcome::stored) << "another boot has settled nothing";
}

TEST_F(sessions, qos2_is_a_duplicate_until_it_is_released) {
  open(1, true, 0);
  EXPECT_TRUE(pass(qos2(5)));
  EXPECT_FALSE(pass(qos2(5)));
  EXPECT_EQ(counted().qos2_duplicate, 1u);
  EXPECT_TRUE(pass(mark(record_kind::release, 1, 5)));
  EXPECT_TRUE(pass(qos2(5)));
}

TEST_F(sessions, qos2_resend_of_a_pending_message_waits) {
  open(1, false, hour);
  const auto ticket = decide(qos2(5));
  open(2, false, hour);
  EXPECT_FALSE(decide(qos2(5, "p", 2)));
  EXPECT_EQ(only_answer().result, outcome::superseded);
  settle(*ticket);
  EXPECT_EQ(only_answer().to, connection(2));
  EXPECT_FALSE(pass(qos2(5, "p", 2)));
}

TEST_F(sessions, qos2_other_content_under_a_held_id_is_kept_and_counted) {
  open(1, true, 0);
  const auto first = decide(qos2(5, "a"));
  const auto second = decide(qos2(5, "b"));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(counted().qos2_conflict, 1u);
  settle(*first);
  EXPECT_FALSE(decide(qos2(5, "b"))) << "waits for the second, which holds the id now";
  EXPECT_EQ(answers().size(), 1u);
  settle(*second);
  EXPECT_EQ(answers().size(), 2u);
}

TEST_F(sessions, a_refused_qos2_message_does_not_hold_its_id) {
  open(1, true, 0);
  refuse(*decide(qos2(5)));
  answers();
  EXPECT_FALSE(decide(mark(record_kind::release, 1, 5)));
  EXPECT_EQ(only_answer().fault, fault_code::packet_identifier_not_found);
  EXPECT_TRUE(decide(qos2(5)));
}

TEST_F(sessions, a_release_is_answered_when_it_is_durable_and_a_second_one_waits) {
  open(1, true, 0);
  pass(qos2(5));
  answers();
  const auto ticket = decide(mark(record_kind::release, 1, 5));
  ASSERT_TRUE(ticket);
  EXPECT_FALSE(decide(mark(record_kind::release, 1, 5)));
  EXPECT_TRUE(answers().empty());
  settle(*ticket);
  EXPECT_EQ(answers().size(), 2u);
  EXPECT_FALSE(decide(mark(record_kind::release, 1, 5)));
  EXPECT_EQ(only_answer().fault, fault_code::packet_identifier_not_found);
}

TEST_F(sessions, a_refused_release_leaves_the_id_held) {
  open(1, true, 0);
  pass(qos2(5));
  refuse(*decide(mark(record_kind::release, 1, 5)));
  EXPECT_FALSE(pass(qos2(5)));
  EXPECT_TRUE(pass(mark(record_kind::release, 1, 5)));
}

TEST_F(sessions, level_received_can_be_released_before_it_is_settled) {
  open(1, true, 0);
  auto m = qos2(5);
  m.e.level = model::ack_level::received;
  const auto ticket = decide(m);
  EXPECT_TRUE(pass(mark(record_kind::release, 1, 5)));
  settle(*ticket);
  EXPECT_TRUE(decide(m)) << "the id is free for the next message";
}

TEST_F(sessions, a_release_that_overtakes_a_refused_message_leaves_nothing_behind) {
  open(1, true, 0);
  const auto message = decide(qos2(5));
  const auto release = decide(mark(record_kind::release, 1, 5));
  ASSERT_TRUE(message && release);
  refuse(*message);
  refuse(*release);
  EXPECT_TRUE(decide(qos2(5))) << "it was never stored";
}

TEST_F(sessions, qos2_with_a_sequence_is_recognised_by_either) {
  open(1, false, hour);
  auto m = qos2(5);
  m.e.sequence = 1;
  m.e.epoch = 1;
  m.e.epoch_from = model::epoch_origin::device;
  EXPECT_TRUE(pass(m));
  m.e.packet_id = 6;
  EXPECT_FALSE(pass(m)) << "by its sequence";
  EXPECT_TRUE(pass(mark(record_kind::release, 1, 6))) << "its packet id is held all the same";
  m.e.packet_id = 5;
  m.e.sequence = 2;
  EXPECT_FALSE(pass(m)) << "by its packet id";
}

TEST_F(sessions, clean_start_forgets_held_ids) {
  open(1, false, hour);
  pass(qos2(5));
  open(2, true, 0);
  EXPECT_TRUE(pass(qos2(5, "p", 2)));
}

TEST_F(sessions, a_settlement_after_clean_start_does_not_touch_the_new_state) {
  open(1, false, hour);
  const auto old = decide(qos2(5));
  open(2, true, hour);
  const auto fresh = decide(qos2(5, "p", 2));
  ASSERT_TRUE(fresh);
  refuse(*old);
  answers();
  EXPECT_FALSE(decide(qos2(5, "p", 2))) << "waits for the new one";
  EXPECT_TRUE(answers().empty());
  settle(*fresh);
  EXPECT_EQ(answers().size(), 2u);
}

TEST_F(sessions, state_ends_with_the_connection_where_expiry_is_0) {
  open(1, true, 0);
  pass(qos2(5));
  EXPECT_FALSE(pass(closing(1, 0))) << "it never was durable";
  EXPECT_EQ(counted().sessions, 0u);
  open(2, false, hour);
  EXPECT_FALSE(present());
  EXPECT_TRUE(pass(closing(2, 0))) << "the end must last";
  EXPECT_TRUE(open(3, false, hour));
  EXPECT_FALSE(present());
}

TEST_F(sessions, state_outlives_the_connection_until_it_expires) {
  open(1, false, 10);
  pass(qos2(5));
  EXPECT_FALSE(pass(closing(1, 10)));
  now_ += 9 * second_ns;
  open(2, false, 10);
  EXPECT_TRUE(present());
  EXPECT_FALSE(pass(qos2(5, "p", 2)));
  pass(closing(2, 10));
  now_ += 10 * second_ns;
  open(3, false, 10);
  EXPECT_FALSE(present());
  EXPECT_TRUE(pass(qos2(5, "p", 3)));
}

TEST_F(sessions, the_sweep_ends_what_has_expired_and_nothing_else) {
  open(1, false, 10);
  pass(closing(1, 10));
  auto other = opening(2, false, hour);
  other.client = "c2";
  pass(other);
  now_ += 10 * second_ns;
  brain_->on_time(now_);
  EXPECT_EQ(counted().sessions_expired, 1u);
  EXPECT_EQ(counted().sessions, 1u);
}

TEST_F(sessions, the_close_of_a_lost_connection_does_not_end_its_successor) {
  open(1, false, hour);
  open(2, false, hour);
  EXPECT_FALSE(pass(closing(1, 0)));
  EXPECT_EQ(answers().size(), 1u);
  EXPECT_TRUE(decide(qos2(1, "p", 2)));
}

TEST_F(sessions, a_refused_open_leaves_what_was_kept) {
  open(1, false, hour);
  pass(qos2(5));
  pass(closing(1, hour));
  refuse(*decide(opening(2, false, 2 * hour)));
  EXPECT_EQ(answers().back().result, outcome::refused);
  open(3, false, hour);
  EXPECT_TRUE(present());
  EXPECT_FALSE(pass(qos2(5, "p", 3)));
}

TEST_F(sessions, qos1_without_a_sequence_is_recognised_when_it_is_redelivered) {
  open(1, false, hour);
  auto m = redelivered(5);
  m.e.dup = false;
  EXPECT_TRUE(pass(m));
  EXPECT_FALSE(pass(redelivered(5)));
  EXPECT_EQ(counted().redelivered, 1u);
  EXPECT_TRUE(pass(m)) << "without DUP it is a new message";
  EXPECT_TRUE(pass(redelivered(5, "other")));
  EXPECT_TRUE(pass(redelivered(6)));
}

TEST_F(sessions, qos1_redelivery_of_a_pending_message_waits) {
  open(1, false, hour);
  const auto ticket = decide(redelivered(5));
  ASSERT_TRUE(ticket);
  EXPECT_FALSE(decide(redelivered(5)));
  EXPECT_TRUE(answers().empty());
  refuse(*ticket);
  EXPECT_EQ(answers().size(), 2u);
  EXPECT_TRUE(decide(redelivered(5))) << "refused is not known";
}

TEST_F(sessions, only_the_newest_redeliveries_are_remembered) {
  open(1, false, hour);
  for (std::uint16_t id = 1; id <= limits_.redeliveries + 1; ++id) pass(redelivered(id));
  EXPECT_FALSE(pass(redelivered(2)));
  EXPECT_TRUE(pass(redelivered(1)));
}

class few_sessions : public dedup_test {
 protected:
  few_sessions() : dedup_test({.sessions = 1, .held_packet_ids = 2}) {}
};

TEST_F(few_sessions, beyond_the_limit_are_refused) {
  pass(opening(1, true, 0));
  answers();
  auto second = opening(2, true, 0);
  second.client = "c2";
  EXPECT_FALSE(decide(second));
  EXPECT_EQ(only_answer().fault, fault_code::quota_exceeded);
  pass(closing(1, 0));
  answers();
  EXPECT_FALSE(decide(second));
  EXPECT_EQ(only_answer().result, outcome::stored);
}

TEST_F(few_sessions, that_nobody_uses_make_room_for_a_newcomer) {
  pass(opening(1, false, hour));
  pass(closing(1, hour));
  answers();
  auto second = opening(2, false, hour);
  second.client = "c2";
  EXPECT_TRUE(pass(second));
  EXPECT_EQ(only_answer().result, outcome::stored);
  EXPECT_FALSE(decide(opening(3, false, hour)));
  EXPECT_EQ(only_answer().fault, fault_code::quota_exceeded) << "the newcomer is connected";
  EXPECT_EQ(counted().sessions, 1u);
}

TEST_F(few_sessions, with_a_message_that_is_not_settled_make_no_room) {
  pass(opening(1, false, hour));
  const auto ticket = decide(qos2(1));
  pass(closing(1, hour));
  answers();
  auto second = opening(2, false, hour);
  second.client = "c2";
  EXPECT_FALSE(decide(second));
  EXPECT_EQ(only_answer().fault, fault_code::quota_exceeded);
  settle(*ticket);
  answers();
  EXPECT_TRUE(decide(second));
}

TEST_F(few_sessions, held_packet_ids_are_bounded) {
  pass(opening(1, true, 0));
  pass(qos2(1));
  pass(qos2(2));
  answers();
  EXPECT_FALSE(decide(qos2(3)));
  EXPECT_EQ(only_answer().fault, fault_code::quota_exceeded);
  EXPECT_FALSE(decide(qos2(2)));
  EXPECT_EQ(only_answer().result, outcome::duplicate);
}

class few_held_ids : public dedup_test {
 protected:
  few_held_ids() : dedup_test({.held_in_all_sessions = 3}) {}

  owned_envelope of_client(int client, owned_envelope o) {
    o.client = "c" + std::to_string(client);
    o.e.connection = connection(static_cast<std::uint64_t>(client));
    return o;
  }
};

TEST_F(few_held_ids, packet_ids_of_all_sessions_together_are_bounded) {
  for (const int client : {1, 2}) pass(of_client(client, opening(1, true, 60)));
  EXPECT_TRUE(pass(of_client(1, qos2(1))));
  EXPECT_TRUE(pass(of_client(1, qos2(2))));
  EXPECT_TRUE(pass(of_client(2, qos2(1))));
  answers();
  EXPECT_FALSE(decide(of_client(2, qos2(2))));
  EXPECT_EQ(only_answer().fault, fault_code::quota_exceeded);
  EXPECT_FALSE(decide(of_client(1, qos2(2)))) << "a resend needs no room";
  EXPECT_EQ(only_answer().result, outcome::duplicate);
  EXPECT_TRUE(pass(of_client(1, mark(record_kind::release, 1, 1))));
  EXPECT_TRUE(pass(of_client(2, qos2(2)))) << "PUBREL has made room";
}

TEST_F(few_held_ids, session_that_ends_gives_its_packet_ids_back) {
  for (const int client : {1, 2}) pass(of_client(client, opening(1, true, 0)));
  for (std::uint16_t id = 1; id <= 3; ++id) EXPECT_TRUE(pass(of_client(1, qos2(id))));
  EXPECT_FALSE(decide(of_client(2, qos2(1))));
  pass(of_client(1, closing(1, 0)));
  for (std::uint16_t id = 1; id <= 3; ++id) EXPECT_TRUE(pass(of_client(2, qos2(id))));
}

TEST_F(few_held_ids, duplicate_that_waits_and_would_hold_one_more_is_refused) {
  pass(opening(1, true, 60));
  for (std::uint16_t id = 1; id <= 3; ++id) pass(qos2(id));
  ASSERT_TRUE(decide(in_epoch(1, 1)));
  answers();
  auto again = in_epoch(1, 1);
  again.e.qos = 2;
  again.e.packet_id = 4;
  EXPECT_FALSE(decide(again));
  EXPECT_EQ(only_answer().fault, fault_code::quota_exceeded);
}

TEST_F(few_held_ids, what_was_restored_counts) {
  pass(opening(1, true, 60));
  for (std::uint16_t id = 1; id <= 3; ++id) pass(qos2(id));
  take_snapshot();
  restart();
  pass(opening(1, false, 60));
  answers();
  EXPECT_FALSE(decide(qos2(4)));
  EXPECT_EQ(only_answer().fault, fault_code::quota_exceeded);
}

class quarantine : public dedup_test {
 protected:
  owned_envelope bad(std::string payload) {
    auto m = message(std::nullopt, std::move(payload));
    m.e.kind = record_kind::quarantined;
    m.e.fault = fault_code::schema_violation;
    return m;
  }
  quarantine() : dedup_test({.quarantine_entries = 2}) {}
};

TEST_F(quarantine, a_bad_payload_is_kept_once_and_its_repeats_counted) {
  const auto ticket = decide(bad("x"));
  EXPECT_FALSE(decide(bad("x")));
  settle(*ticket);
  for (const auto& r : answers()) {
    EXPECT_EQ(r.result, outcome::quarantined);
    EXPECT_EQ(r.fault, fault_code::schema_violation);
  }
  EXPECT_FALSE(decide(bad("x")));
  const auto r = only_answer();
  EXPECT_EQ(r.result, outcome::quarantined);
  EXPECT_EQ(r.fault, fault_code::schema_violation);
  EXPECT_EQ(counted().quarantine_repeats, 2u);
}

TEST_F(quarantine, a_repeat_hears_why_it_does_not_pass_now) {
  pass(bad("x"));
  answers();
  auto again = bad("x");
  again.e.fault = fault_code::sequence_invalid;
  EXPECT_FALSE(decide(std::move(again)));
  EXPECT_EQ(only_answer().fault, fault_code::sequence_invalid);
}

// A message more is one more to replay, though its payload is the same.
TEST_F(quarantine, is_known_by_device_topic_sequence_and_payload) {
  pass(bad("x"));
  EXPECT_TRUE(pass(bad("y")));
  auto of_another_device = bad("x");
  of_another_device.device = "d2";
  EXPECT_TRUE(pass(of_another_device));
  auto on_another_topic = bad("x");
  on_another_topic.topic = "devices/d1/other";
  EXPECT_TRUE(pass(on_another_topic));
  auto numbered = bad("x");
  numbered.e.sequence = 7;
  EXPECT_TRUE(pass(numbered));
}

TEST_F(quarantine, a_refused_one_is_not_known) {
  refuse(*decide(bad("x")));
  EXPECT_TRUE(decide(bad("x")));
}

TEST_F(quarantine, memory_is_bounded_and_forgets_the_oldest) {
  pass(bad("x"));
  pass(bad("y"));
  pass(bad("z"));
  EXPECT_FALSE(pass(bad("z")));
  EXPECT_FALSE(pass(bad("y")));
  EXPECT_TRUE(pass(bad("x")));
}

TEST_F(quarantine, many_equal_ones_at_once_are_all_kept_or_answered) {
  std::vector<std::uint64_t> kept;
  for (int i = 0; i < 100; ++i) {
    if (const auto t = decide(bad("x"))) kept.push_back(*t);
  }
  EXPECT_TRUE(answers().empty()) << "none is sent away";
  for (const auto t : kept) settle(t);
  const auto told = answers();
  EXPECT_EQ(told.size(), 100u);
  for (const auto& r : told) EXPECT_EQ(r.result, outcome::quarantined);
  EXPECT_FALSE(pass(bad("x")));
}

TEST_F(quarantine, beyond_a_memory_full_of_pending_ones_is_still_kept) {
  const auto a = decide(bad("x")), b = decide(bad("y")), c = decide(bad("z"));
  ASSERT_TRUE(a && b && c);
  settle(*c);
  settle(*b);
  settle(*a);
  EXPECT_EQ(answers().size(), 3u);
}

TEST_F(quarantine, survives_a_restart) {
  pass(bad("x"));
  take_snapshot();
  restart();
  EXPECT_FALSE(pass(bad("x")));
  EXPECT_EQ(only_answer().fault, fault_code::schema_violation);
}

}  // namespace
}  // namespace fleetgate::dedup
