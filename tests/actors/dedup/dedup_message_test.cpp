#include "tests/actors/dedup/dedup_fixture.hpp"

namespace fleetgate::dedup {
namespace {

class messages : public dedup_test {};
using model::ack_level;

constexpr std::uint64_t last_sequence = sequence_set::end - 1;

TEST_F(messages, a_new_one_is_answered_when_it_is_settled) {
  const auto ticket = decide(in_epoch(1, 1));
  ASSERT_EQ(ticket, 1u);
  EXPECT_TRUE(answers().empty());
  settle(*ticket);
  const auto r = only_answer();
  EXPECT_EQ(r.result, outcome::stored);
  EXPECT_EQ(r.to, connection(1));
  EXPECT_EQ(r.bytes, 100u);
  EXPECT_EQ(r.packet_id, 1);
}

TEST_F(messages, a_settled_one_is_a_duplicate_at_once) {
  pass(in_epoch(1, 1));
  answers();
  EXPECT_FALSE(decide(in_epoch(1, 1)));
  EXPECT_EQ(only_answer().result, outcome::duplicate);
  EXPECT_EQ(counted().duplicate_settled, 1u);
}

TEST_F(messages, the_first_and_the_last_sequence_work) {
  for (const std::uint64_t s : {std::uint64_t{0}, last_sequence}) {
    EXPECT_TRUE(pass(in_epoch(1, s)));
    EXPECT_FALSE(pass(in_epoch(1, s)));
    EXPECT_TRUE(pass(message(s)));
    EXPECT_FALSE(pass(message(s)));
  }
}

TEST_F(messages, duplicate_of_a_pending_message_waits_for_the_same_receipt) {
  const auto ticket = decide(in_epoch(1, 1));
  auto again = in_epoch(1, 1);
  again.e.packet_id = 9;
  EXPECT_FALSE(decide(again));
  EXPECT_TRUE(answers().empty());
  settle(*ticket);
  const auto all = answers();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].result, outcome::stored);
  EXPECT_EQ(all[1].result, outcome::duplicate);
  EXPECT_EQ(all[1].packet_id, 9);
}

TEST_F(messages, a_newer_connection_takes_the_place_of_those_that_wait) {
  const auto ticket = decide(in_epoch(1, 1));
  decide(in_epoch(1, 1));
  auto moved = in_epoch(1, 1);
  moved.e.connection = connection(2);
  decide(moved);
  auto all = answers();
  ASSERT_EQ(all.size(), 2u);
  for (const auto& r : all) {
    EXPECT_EQ(r.result, outcome::superseded);
    EXPECT_EQ(r.to, connection(1));
  }
  settle(*ticket);
  const auto r = only_answer();
  EXPECT_EQ(r.to, connection(2));
  EXPECT_EQ(r.result, outcome::stored) << "one receipt `stored` for each record";
  EXPECT_EQ(counted().superseded, 2u);
}

TEST_F(messages, a_refusal_answers_every_waiter_alike_and_forgets_the_message) {
  const auto ticket = decide(in_epoch(1, 1));
  decide(in_epoch(1, 1));
  refuse(*ticket);
  const auto all = answers();
  ASSERT_EQ(all.size(), 2u);
  for (const auto& r : all) {
    EXPECT_EQ(r.result, outcome::refused);
    EXPECT_EQ(r.fault, fault_code::spool_budget_full);
  }
  EXPECT_TRUE(pass(in_epoch(1, 1)));
}

TEST_F(messages, waiters_are_bounded) {
  const auto ticket = decide(in_epoch(1, 1));
  for (std::size_t i = 0; i < limits_.waiters_per_entry; ++i) decide(in_epoch(1, 1));
  EXPECT_TRUE(answers().empty());
  decide(in_epoch(1, 1));
  EXPECT_EQ(only_answer().result, outcome::refused);
  settle(*ticket);
  EXPECT_EQ(answers().size(), limits_.waiters_per_entry + 1);
}

TEST_F(messages, devices_streams_tenants_and_epochs_do_not_meet) {
  EXPECT_TRUE(pass(in_epoch(1, 1)));
  auto other = in_epoch(1, 1);
  other.device = "d2";
  EXPECT_TRUE(pass(other));
  other = in_epoch(1, 1);
  other.stream = "t";
  EXPECT_TRUE(pass(other));
  other = in_epoch(1, 1);
  other.e.tenant = "acme";
  EXPECT_TRUE(pass(other));
  EXPECT_TRUE(pass(in_epoch(2, 1)));
  // Names that would run into each other without their lengths.
  other = in_epoch(1, 1);
  other.device = "d1,s";
  other.stream = "";
  EXPECT_TRUE(pass(other));
}

TEST_F(messages, of_the_previous_epoch_are_still_recognised) {
  pass(in_epoch(1, 1));
  pass(in_epoch(2, 1));
  EXPECT_FALSE(pass(in_epoch(1, 1)));
  EXPECT_FALSE(pass(in_epoch(2, 1)));
  EXPECT_TRUE(pass(in_epoch(1, 2)));
  EXPECT_EQ(counted().new_epoch_device, 1u);
}

TEST_F(messages, of_older_epochs_are_kept_and_counted) {
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) pass(in_epoch(epoch, 1));
  EXPECT_TRUE(pass(in_epoch(1, 1)));
  EXPECT_EQ(counted().older_epoch, 1u);
  EXPECT_FALSE(pass(in_epoch(3, 1))) << "an old message must not push the current epoch out";
  EXPECT_FALSE(pass(in_epoch(2, 1)));
}

TEST_F(messages, an_epoch_need_not_be_higher_to_be_new) {
  pass(in_epoch(500, 1));
  EXPECT_TRUE(pass(in_epoch(20, 1)));
  EXPECT_FALSE(pass(in_epoch(20, 1)));
  EXPECT_FALSE(pass(in_epoch(500, 1)));
}

TEST_F(messages, below_the_window_are_kept_and_counted) {
  for (std::uint64_t s = 0; s <= limits_.gaps_per_epoch + 1; ++s) pass(in_epoch(1, s * 10'000));
  EXPECT_TRUE(pass(in_epoch(1, 0)));
  EXPECT_EQ(counted().below_window, 1u);
  EXPECT_EQ(last_.epoch, 1u) << "the device's epoch is exact: its key stays";
}

TEST_F(messages, same_sequence_with_another_payload_is_a_new_inferred_epoch) {
  pass(message(1, "a"));
  const auto first = last_.epoch;
  EXPECT_EQ(last_.epoch_from, model::epoch_origin::inferred);
  EXPECT_TRUE(pass(message(1, "b")));
  EXPECT_NE(last_.epoch, first);
  EXPECT_EQ(counted().new_epoch_inferred, 1u);
  EXPECT_FALSE(pass(message(1, "b")));
  EXPECT_FALSE(pass(message(1, "a"))) << "the previous epoch still knows it";
}

TEST_F(messages, another_payload_does_not_wait_for_a_pending_one_of_the_same_sequence) {
  const auto first = decide(message(1, "a"));
  const auto epoch = last_.epoch;
  const auto second = decide(message(1, "b"));
  ASSERT_TRUE(first && second);
  EXPECT_NE(last_.epoch, epoch);
  settle(*first);
  settle(*second);
  EXPECT_FALSE(pass(message(1, "a")));
  EXPECT_FALSE(pass(message(1, "b")));
}

TEST_F(messages, a_reboot_that_starts_over_far_below_gets_keys_of_its_own) {
  for (std::uint64_t s = 1; s <= 2000; ++s) pass(message(s, "a" + std::to_string(s)));
  const auto first = last_.epoch;
  std::set<std::uint64_t> epochs;
  for (std::uint64_t s = 1; s <= 50; ++s) {
    EXPECT_TRUE(pass(message(s, "b" + std::to_string(s)))) << s;
    epochs.insert(last_.epoch);
  }
  EXPECT_EQ(epochs.count(first), 0u) << "a keyed sink would take it for the old row";
  EXPECT_EQ(epochs.size(), 1u);
  EXPECT_EQ(counted().below_window, 1u);
  EXPECT_FALSE(pass(message(2000, "a2000")));
}

TEST_F(messages, inferred_epochs_are_the_same_on_every_node) {
  pass(message(1, "a"));
  pass(message(1, "b"));
  const auto here = last_.epoch;
  dedup other({.hash_seed = 99}, nullptr);
  std::vector<model::receipt> receipts;
  auto a = message(1, "a");
  auto b = message(1, "b");
  auto e = a.view();
  other.settle({*other.decide(e, 1, receipts), true, fault_code::internal, {1, 1}}, receipts);
  e = b.view();
  other.decide(e, 1, receipts);
  EXPECT_EQ(e.epoch, here);
  EXPECT_LT(here, sequence_set::end);
}

TEST_F(messages, with_and_without_an_epoch_live_side_by_side) {
  pass(message(1, "a"));
  pass(in_epoch(7, 1));
  EXPECT_FALSE(pass(message(1, "a")));
  EXPECT_FALSE(pass(in_epoch(7, 1)));
  EXPECT_TRUE(pass(message(2, "c")));
  EXPECT_TRUE(pass(in_epoch(7, 2)));
}

TEST_F(messages, level_received_is_answered_when_accepted_and_only_then) {
  auto m = in_epoch(1, 1);
  m.e.level = ack_level::received;
  const auto ticket = decide(m);
  EXPECT_EQ(only_answer().result, outcome::stored);
  EXPECT_FALSE(decide(m));
  EXPECT_EQ(only_answer().result, outcome::duplicate);
  refuse(*ticket);
  EXPECT_TRUE(answers().empty());
  EXPECT_TRUE(decide(m)) << "what was shed is not known any more";
}

TEST_F(messages, level_none_is_answered_when_its_fate_is_known) {
  auto m = in_epoch(1, 1);
  m.e.level = ack_level::none;
  m.e.qos = 0;
  const auto ticket = decide(m);
  EXPECT_TRUE(answers().empty());
  refuse(*ticket);
  EXPECT_EQ(only_answer().result, outcome::refused);
}

TEST_F(messages, what_may_be_shed_is_no_duplicate_of_what_is_promised) {
  auto unpromised = message(1, "a");
  unpromised.e.level = ack_level::none;
  unpromised.e.qos = 0;
  pass(unpromised);
  const auto epoch = last_.epoch;
  EXPECT_TRUE(pass(message(1, "a")));
  EXPECT_EQ(last_.epoch, epoch) << "it is the same message, with the same key";
  EXPECT_FALSE(pass(message(1, "a")));
  EXPECT_FALSE(pass(unpromised));
  // And while the first is pending.
  auto pending = message(2, "a");
  pending.e.level = ack_level::none;
  EXPECT_TRUE(decide(pending));
  EXPECT_TRUE(decide(message(2, "a")));
  EXPECT_TRUE(decide(message(2, "b")));
  EXPECT_NE(last_.epoch, epoch);
}

TEST_F(messages, without_a_sequence_are_all_kept) {
  auto m = message(std::nullopt);
  EXPECT_TRUE(pass(m));
  EXPECT_TRUE(pass(m));
  m.e.dup = true;
  EXPECT_TRUE(pass(m)) << "nothing is known of this session";
}

TEST_F(messages, the_trace_id_comes_from_the_key_so_that_a_resend_bears_the_same) {
  decide(in_epoch(1, 1));
  const auto trace = last_.trace;
  EXPECT_NE(trace, model::trace_id{});
  auto later = in_epoch(1, 1);
  later.e.received_time_ns = 5;
  later.e.connection = connection(3);
  decide(later);
  EXPECT_EQ(last_.trace, trace);
  decide(in_epoch(1, 2));
  EXPECT_NE(last_.trace, trace);
  auto given = in_epoch(1, 3);
  given.e.trace = {1, 2};
  decide(given);
  EXPECT_EQ(last_.trace, (model::trace_id{1, 2}));
  auto bare = message(std::nullopt);
  decide(bare);
  const auto first = last_.trace;
  bare.e.received_time_ns = 5;
  decide(bare);
  EXPECT_NE(last_.trace, first);
}

class few_pending : public dedup_test {
 protected:
  few_pending() : dedup_test({.pending = 2}) {}
};

TEST_F(few_pending, beyond_the_limit_messages_are_refused_and_duplicates_still_answered) {
  pass(in_epoch(1, 1));
  decide(in_epoch(1, 2));
  const auto third = decide(in_epoch(1, 3));
  answers();
  EXPECT_FALSE(decide(in_epoch(1, 4)));
  const auto r = only_answer();
  EXPECT_EQ(r.result, outcome::refused);
  EXPECT_EQ(describe(r.fault).cls, fault_class::overload);
  EXPECT_FALSE(decide(in_epoch(1, 1)));
  EXPECT_EQ(only_answer().result, outcome::duplicate);
  settle(*third);
  EXPECT_TRUE(decide(in_epoch(1, 4)));
}

TEST_F(messages, an_unknown_ticket_is_ignored) {
  settle(17);
  settle(0);
  const auto ticket = decide(in_epoch(1, 1));
  settle(*ticket);
  answers();
  settle(*ticket);
  EXPECT_TRUE(answers().empty());
}

}  // namespace
}  // namespace fleetgate::dedup
