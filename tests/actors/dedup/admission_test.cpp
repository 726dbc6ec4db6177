// What becomes of a batch: what goes on, what waits for room, what gives way.
#include "actors/dedup/admission.hpp"

#include <gmock/gmock.h>

#include "tests/actors/dedup/dedup_fixture.hpp"

namespace fleetgate::dedup {
namespace {

using testing::ElementsAre;

class admission_test : public dedup_test {
 protected:
  explicit admission_test(dedup_limits limits = {}) : dedup_test(limits) {}

  static owned_envelope telemetry(std::uint64_t sequence, model::ack_level level) {
    auto o = in_epoch(1, sequence, "payload " + std::to_string(sequence));
    o.e.level = level;
    o.e.qos = level == model::ack_level::none ? 0 : 1;
    o.e.waits_for_room = level == model::ack_level::durable;
    return o;
  }
  static owned_envelope owed(std::uint64_t sequence) {
    return telemetry(sequence, model::ack_level::durable);
  }
  static owned_envelope loose(std::uint64_t sequence) {
    return telemetry(sequence, model::ack_level::none);
  }
  /// Told when there is no room, as over HTTP.
  static owned_envelope impatient(std::uint64_t sequence) {
    auto o = owed(sequence);
    o.e.waits_for_room = false;
    return o;
  }

  admitted admit(const std::vector<owned_envelope>& those, pressure how) {
    auto batch = std::make_unique<contract::envelope_batch>();
    for (const auto& o : those) batch->envelopes.push_back(o.view());
    batch->charge = charge(those.size() * 1000);
    return admit(std::move(batch), how);
  }
  admitted admit(contract::envelope_batch_ptr batch, pressure how) {
    decided_.clear();
    return fleetgate::dedup::admit(*brain_, std::move(batch), how, now_, receipts_,
                                   [this](const model::envelope& e, bool goes_on, auto) {
                                     decided_.emplace_back(e.sequence.value_or(0), goes_on);
                                   });
  }
  runtime::memory_charge charge(std::size_t bytes) {
    EXPECT_TRUE(memory_.take(model::traffic_class::telemetry, bytes));
    return {memory_, model::traffic_class::telemetry, bytes};
  }
  waiting_room& room(model::ack_level level = model::ack_level::durable) {
    return brain_->room_of(model::traffic_class::telemetry, level);
  }
  /// Of what comes next.
  std::vector<std::uint64_t> waiting() {
    std::vector<std::uint64_t> found;
    if (room().empty()) return found;
    for (const auto& e : room().front().envelopes) found.push_back(e.sequence.value_or(0));
    return found;
  }
  admitted take_waiting(model::ack_level level = model::ack_level::durable) {
    return admit(room(level).take(), pressure::in_turn);
  }
  std::uint64_t given_up(fault_code why) const {
    const auto& all = brain_->refusals().given_up;
    return all[model::index(model::traffic_class::telemetry)][static_cast<std::size_t>(why)];
  }

  runtime::memory_budget memory_{1 << 20};
  std::vector<std::pair<std::uint64_t, bool>> decided_;
};

TEST_F(admission_test, with_room_everything_new_goes_on) {
  const auto done = admit({owed(1), loose(2), owed(1)}, pressure::none);
  EXPECT_EQ(done.request.items.size(), 2u);
  EXPECT_TRUE(room().empty());
  EXPECT_EQ(done.messages, 3u);
  EXPECT_EQ(done.passed_on, 2u);
  EXPECT_EQ(done.put_aside, 0u);
}

TEST_F(admission_test, without_room_what_is_owed_waits_and_is_neither_answered_nor_decided) {
  auto done = admit({owed(1), loose(2), impatient(3), owed(4)}, pressure::no_room);
  EXPECT_THAT(waiting(), ElementsAre(1u, 4u));
  EXPECT_EQ(done.put_aside, 2u);
  EXPECT_EQ(done.messages, 2u);
  EXPECT_EQ(done.passed_on, 2u) << "these hear it from the spool";
  EXPECT_TRUE(answers().empty());
  EXPECT_THAT(decided_, ElementsAre(std::pair{2ul, true}, std::pair{3ul, true}));

  const auto later = take_waiting();
  EXPECT_EQ(later.passed_on, 2u);
  for (const auto& item : later.request.items) settle(item.ticket);
  EXPECT_EQ(answers().size(), 2u);
}

TEST_F(admission_test, without_room_what_is_known_is_answered) {
  ASSERT_TRUE(pass(owed(1)));
  answers();
  const auto done = admit({owed(1)}, pressure::no_room);
  EXPECT_TRUE(room().empty());
  EXPECT_EQ(only_answer().result, outcome::duplicate);
}

TEST_F(admission_test, what_is_sent_again_while_it_waits_is_one_message_for_the_newest_connection) {
  admit({owed(1), owed(2)}, pressure::no_room);
  auto again = owed(1);
  again.e.connection = connection(2);
  again.e.packet_id = 9;
  const auto done = admit({again}, pressure::no_room);
  EXPECT_EQ(done.messages, 1u);
  EXPECT_EQ(done.put_aside, 0u);
  EXPECT_EQ(counted().duplicate_waiting, 1u);
  const auto left = only_answer();
  EXPECT_EQ(left.result, outcome::superseded);
  EXPECT_EQ(left.to, connection(1));
  EXPECT_EQ(room().messages(), 2u);
  for (const auto& item : take_waiting().request.items) settle(item.ticket);
  const auto told = answers();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].to, connection(2));
  EXPECT_EQ(told[0].packet_id, 9u);
  EXPECT_TRUE(room().empty());
}

TEST_F(admission_test, what_is_not_the_same_message_waits_beside_it) {
  admit({owed(1)}, pressure::no_room);
  auto other = owed(1);
  other.e.connection = connection(2);
  other.payload = "another payload";
  auto of_another_life = owed(1);
  of_another_life.e.connection = connection(2);
  of_another_life.e.epoch = 2;
  auto of_another_client = owed(1);
  of_another_client.e.connection = connection(2);
  of_another_client.client = "c2";
  admit({other, of_another_life, of_another_client, owed(1)}, pressure::no_room);
  EXPECT_EQ(room().messages(), 5u);
  EXPECT_TRUE(answers().empty());
}

TEST_F(admission_test, without_a_sequence_a_resend_is_known_by_its_packet_id) {
  auto first = message(std::nullopt);
  first.e.cls = model::traffic_class::telemetry;
  first.e.waits_for_room = true;
  auto again = first;
  again.e.connection = connection(2);
  again.e.dup = true;
  auto other = again;
  other.e.packet_id = 2;
  auto new_one = again;
  new_one.e.dup = false;  // its client has begun anew, and says the same
  admit({first}, pressure::no_room);
  admit({other, again}, pressure::no_room);
  EXPECT_EQ(room().messages(), 2u);
  admit({new_one}, pressure::no_room);
  EXPECT_EQ(room().messages(), 3u);
}

TEST_F(admission_test, an_epoch_that_nobody_named_begins_when_its_first_message_is_accepted) {
  ASSERT_TRUE(pass(message(50, "of one life")));
  auto of_the_next = message(50, "of the next");
  of_the_next.e.cls = model::traffic_class::telemetry;
  of_the_next.e.waits_for_room = true;
  admit({of_the_next}, pressure::no_room);
  EXPECT_EQ(room().messages(), 1u);
  EXPECT_EQ(counted().new_epoch_inferred, 0u) << "it is judged again";
}

TEST_F(admission_test, what_waits_keeps_its_part_of_the_charge_and_the_rest_goes) {
  auto done = admit({owed(1), loose(2)}, pressure::no_room);
  EXPECT_EQ(memory_.used(), 2000u);
  const std::size_t kept = room().front().charge.bytes();
  EXPECT_GE(kept, 512u);
  done.request.batch = nullptr;  // written, as far as the spool is concerned
  EXPECT_EQ(memory_.used(), kept);
  EXPECT_EQ(as_text(room().front().envelopes[0].payload), "payload 1") << "in memory of its own";
  room().take();
  EXPECT_EQ(memory_.used(), 0u);
}

TEST_F(admission_test, in_need_what_nobody_was_promised_gives_way_and_is_counted) {
  auto done =
      admit({loose(1), owed(2), telemetry(3, model::ack_level::received)}, pressure::gives_way);
  EXPECT_THAT(waiting(), ElementsAre(2u));
  EXPECT_TRUE(done.request.items.empty());
  EXPECT_EQ(done.messages, 2u);
  EXPECT_EQ(given_up(fault_code::mailbox_full), 2u);
  EXPECT_EQ(brain_->refusals().all_messages, 2u);
  const auto told = answers();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].result, outcome::refused);
  EXPECT_EQ(told[1].result, outcome::stored) << "level received: it was taken into memory";
}

TEST_F(admission_test, a_release_waits_behind_its_message) {
  ASSERT_FALSE(decide(opening(1, true, 0)));
  auto message = qos2(7);
  message.e.waits_for_room = true;
  ASSERT_TRUE(pass(message));
  answers();
  auto release = mark(model::record_kind::release, 1, 7);
  release.e.waits_for_room = true;
  auto done = admit({release}, pressure::no_room);
  ASSERT_FALSE(room().empty());
  EXPECT_EQ(done.put_aside, 0u) << "no message";
  EXPECT_TRUE(answers().empty());
  done = take_waiting();
  EXPECT_EQ(done.request.items.size(), 1u);
}

class full_admission_test : public admission_test {
 protected:
  static dedup_limits few() {
    dedup_limits l;
    l.pending = 32;
    return l;
  }
  full_admission_test() : admission_test(few()) {}
};

TEST_F(full_admission_test, beyond_what_may_be_pending_who_can_only_wait_waits) {
  EXPECT_TRUE(brain_->takes(model::traffic_class::telemetry, 30));
  EXPECT_FALSE(brain_->takes(model::traffic_class::telemetry, 31));
  EXPECT_TRUE(brain_->takes(model::traffic_class::control, 32)) << "it has what is kept for it";
  for (std::uint64_t n = 1; n <= 30; ++n) ASSERT_TRUE(decide(impatient(n)));
  const auto done = admit({owed(33), impatient(34)}, pressure::none);
  EXPECT_THAT(waiting(), ElementsAre(33u));
  EXPECT_EQ(only_answer().fault, fault_code::server_busy);
}

TEST_F(full_admission_test, who_does_not_wait_leaves_what_is_kept_for_control_too) {
  std::uint64_t n = 0;
  while (n < 40 && decide(impatient(n + 1))) ++n;
  EXPECT_EQ(n, 30u);
  auto urgent = impatient(100);
  urgent.e.cls = model::traffic_class::control;
  EXPECT_TRUE(decide(urgent));
  EXPECT_TRUE(decide(opening(1, false, 60))) << "a mark may take the last place";
  answers();
  urgent = impatient(101);
  urgent.e.cls = model::traffic_class::control;
  EXPECT_FALSE(decide(urgent));
  EXPECT_EQ(only_answer().fault, fault_code::server_busy);
}

class committed_admission_test : public full_admission_test {
 protected:
  static constexpr auto committed = model::ack_level::committed;

  static owned_envelope to_sink(std::uint64_t sequence) {
    auto o = telemetry(sequence, committed);
    o.e.waits_for_room = true;
    return o;
  }
  /// As many as may be pending; their tickets.
  std::vector<std::uint64_t> fill() {
    std::vector<std::uint64_t> tickets;
    for (std::uint64_t n = 1; n <= 16; ++n) tickets.push_back(decide(to_sink(n)).value_or(0));
    return tickets;
  }
};

TEST_F(committed_admission_test, while_no_sink_takes_it_half_is_left_for_all_else) {
  fill();
  auto impatient_one = to_sink(18);
  impatient_one.e.waits_for_room = false;
  const auto done = admit({to_sink(17), impatient_one, owed(19), loose(20)}, pressure::none);
  EXPECT_EQ(room(committed).messages(), 1u);
  EXPECT_TRUE(room().empty()) << "others of its class need not wait behind it";
  EXPECT_EQ(done.put_aside, 1u);
  EXPECT_EQ(done.passed_on, 2u);
  EXPECT_EQ(only_answer().fault, fault_code::server_busy) << "who can be told is told";
}

TEST_F(committed_admission_test, what_waits_for_the_sink_goes_on_in_its_order) {
  const auto tickets = fill();
  admit({to_sink(17), to_sink(18)}, pressure::none);
  EXPECT_FALSE(brain_->takes(room(committed).front()));
  settle(tickets[0]);
  EXPECT_FALSE(brain_->takes(room(committed).front())) << "both go on, or none";
  settle(tickets[1]);
  EXPECT_TRUE(brain_->takes(room(committed).front()));
  admit({to_sink(19)}, pressure::none);
  EXPECT_EQ(room(committed).messages(), 3u) << "there is a place, and others were before it";
  settle(tickets[2]);
  const auto later = take_waiting(committed);
  EXPECT_EQ(later.passed_on, 3u);
  EXPECT_TRUE(room(committed).empty());
}

TEST_F(committed_admission_test, a_refused_one_gives_its_place_back) {
  const auto tickets = fill();
  EXPECT_EQ(decide(to_sink(17)), dedup::no_room);
  refuse(tickets[3]);
  EXPECT_NE(decide(to_sink(17)).value_or(dedup::no_room), dedup::no_room);
}

TEST_F(committed_admission_test, what_is_known_is_answered_or_waits_for_the_first_all_the_same) {
  const auto tickets = fill();
  settle(tickets[0]);
  ASSERT_TRUE(decide(to_sink(17)));
  answers();
  const auto done = admit({to_sink(1), to_sink(2)}, pressure::none);
  EXPECT_TRUE(room(committed).empty());
  EXPECT_EQ(only_answer().result, outcome::duplicate);
  EXPECT_EQ(counted().duplicate_waiting, 1u);
}

class few_windows_admission_test : public admission_test {
 protected:
  few_windows_admission_test() : admission_test({.window_bytes = 30'000}) {}
  owned_envelope of_device(int device, std::uint64_t sequence) {
    auto o = owed(sequence);
    o.device = "device-" + std::to_string(device);
    return o;
  }
};

TEST_F(few_windows_admission_test, what_waited_and_must_wait_on_keeps_its_order) {
  std::vector<owned_envelope> first;
  std::vector<owned_envelope> second;
  for (int n = 0; n < 300; ++n) first.push_back(of_device(n, 1));
  for (int n = 0; n < 300; ++n) second.push_back(of_device(n, 2));
  admit(first, pressure::no_room);
  admit(second, pressure::no_room);
  std::map<std::string, std::uint64_t> last;
  for (int turns = 0; !room().empty(); ++turns) {
    ASSERT_LT(turns, 1000);
    const auto done = take_waiting();
    for (const auto& item : done.request.items) {
      const model::envelope& e = done.request.batch->envelopes[item.index];
      EXPECT_EQ(++last[std::string(e.device)], *e.sequence) << e.device;
      settle(item.ticket);
    }
    take_snapshot();
  }
  EXPECT_EQ(last.size(), 300u);
  EXPECT_EQ(counted().windows_refused, 0u);
}

}  // namespace
}  // namespace fleetgate::dedup
