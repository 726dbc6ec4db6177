// Every message that dedup decides is counted once: as a duplicate, as not kept, or by its record.
#include <random>

#include "tests/actors/dedup/dedup_fixture.hpp"

namespace fleetgate::dedup {
namespace {

class dedup_counting_test : public dedup_test {
 protected:
  explicit dedup_counting_test(dedup_limits limits = {}) : dedup_test(limits) {}

  static constexpr auto full = static_cast<std::size_t>(fault_code::spool_budget_full);
  static constexpr auto busy = static_cast<std::size_t>(fault_code::server_busy);
  const refusal_counts& refused() const { return brain_->refusals(); }
  std::uint64_t duplicates() const {
    const auto& c = counted();
    return c.duplicate_settled + c.duplicate_waiting + c.redelivered + c.qos2_duplicate +
           c.quarantine_repeats;
  }
  static std::uint64_t sum(const refusal_counts::by_fault& faults) {
    std::uint64_t n = 0;
    for (const auto one : faults) n += one;
    return n;
  }
  std::uint64_t not_kept() const {
    std::uint64_t n = sum(refused().messages);
    for (const auto& faults : refused().given_up) n += sum(faults);
    return n;
  }
  static owned_envelope at_level(std::uint64_t sequence, model::ack_level level) {
    auto o = in_epoch(1, sequence);
    o.e.level = level;
    o.e.cls = model::traffic_class::event;
    if (level == model::ack_level::none) o.e.qos = 0;
    return o;
  }
  static owned_envelope bad(std::string payload) {
    auto o = message(std::nullopt, std::move(payload));
    o.e.kind = model::record_kind::quarantined;
    o.e.fault = fault_code::schema_violation;
    return o;
  }
};

TEST_F(dedup_counting_test, message_at_level_received_that_the_spool_refuses_is_given_up) {
  const auto ticket = decide(at_level(1, model::ack_level::received));
  EXPECT_EQ(only_answer().result, outcome::stored);
  refuse(*ticket);
  EXPECT_TRUE(answers().empty()) << "it has its receipt";
  EXPECT_EQ(refused().given_up[model::index(model::traffic_class::event)][full], 1u);
  EXPECT_EQ(sum(refused().messages), 0u);
}

TEST_F(dedup_counting_test, message_that_nothing_was_promised_for_is_given_up_not_refused) {
  refuse(*decide(at_level(1, model::ack_level::none)));
  EXPECT_EQ(refused().given_up[model::index(model::traffic_class::event)][full], 1u);
  EXPECT_EQ(sum(refused().messages), 0u);
}

TEST_F(dedup_counting_test, refused_record_counts_once_however_many_wait_for_it) {
  const auto ticket = decide(in_epoch(1, 1));
  decide(in_epoch(1, 1));
  decide(in_epoch(1, 1));
  refuse(*ticket);
  EXPECT_EQ(answers().size(), 3u);
  EXPECT_EQ(refused().messages[full], 1u);
  EXPECT_EQ(duplicates(), 2u);
}

TEST_F(dedup_counting_test, refused_record_counts_though_its_first_sender_was_superseded) {
  const auto ticket = decide(in_epoch(1, 1));
  auto again = in_epoch(1, 1);
  again.e.connection = connection(2);
  decide(again);
  refuse(*ticket);
  EXPECT_EQ(not_kept(), 1u);
}

TEST_F(dedup_counting_test, mark_that_is_refused_is_no_message) {
  refuse(*decide(opening(1, false, 60)));
  EXPECT_EQ(refused().marks[full], 1u);
  EXPECT_EQ(not_kept(), 0u);
}

class dedup_counting_at_the_limits : public dedup_counting_test {
 protected:
  dedup_counting_at_the_limits() : dedup_counting_test(limits()) {}
  static dedup_limits limits() {
    dedup_limits l;
    l.waiters_per_entry = 1;
    l.held_packet_ids = 1;
    l.pending = 8;
    return l;
  }
};

TEST_F(dedup_counting_at_the_limits, duplicate_without_room_for_its_packet_id_is_only_refused) {
  pass(opening(1, true, 60));
  pass(in_epoch(1, 1));
  pass(qos2(7, "holds the only place"));
  auto again = in_epoch(1, 1);
  again.e.qos = 2;
  again.e.packet_id = 8;
  const auto before = duplicates();
  decide(again);
  EXPECT_EQ(duplicates(), before);
  EXPECT_EQ(refused().messages[static_cast<std::size_t>(fault_code::quota_exceeded)], 1u);
}

TEST_F(dedup_counting_at_the_limits,
       repeat_of_a_pending_bad_payload_that_may_not_wait_is_kept_again) {
  EXPECT_TRUE(decide(bad("x")));
  EXPECT_FALSE(decide(bad("x")));
  EXPECT_TRUE(decide(bad("x")));
  EXPECT_EQ(counted().quarantine_repeats, 1u);
  EXPECT_EQ(counted().accepted, 2u);
  EXPECT_EQ(refused().messages[busy], 0u);
}

/// Whatever comes, in whatever order: messages = duplicates + not kept + records + pending.
TEST_F(dedup_counting_at_the_limits, every_message_is_counted_exactly_once) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    brain_ = std::make_unique<dedup>(limits_, nullptr);
    std::mt19937_64 random(seed);
    std::uint64_t messages = 0, records = 0;
    std::map<std::uint64_t, bool> pending;  // ticket: is a message
    const auto take = [&](const owned_envelope& o, bool is_message) {
      messages += is_message ? 1 : 0;
      if (const auto ticket = decide(o)) pending[*ticket] = is_message;
    };
    take(opening(1, true, 60), false);
    for (int step = 0; step < 300; ++step) {
      switch (random() % 5) {
        case 0:
          take(at_level(1 + random() % 20, static_cast<model::ack_level>(random() % 4)), true);
          break;
        case 1:
          take(bad(std::to_string(random() % 10)), true);
          break;
        case 2: {
          auto o = qos2(static_cast<std::uint16_t>(1 + random() % 3), std::to_string(random() % 3));
          if (random() % 2 == 0) {
            o.e.sequence = 1 + random() % 20;
            o.e.epoch = 1;
            o.e.epoch_from = model::epoch_origin::device;
          }
          take(o, true);
          break;
        }
        case 3:
          take(mark(model::record_kind::release, 1, static_cast<std::uint16_t>(1 + random() % 3)),
               false);
          break;
        default: {
          auto o = message(std::nullopt, std::to_string(random() % 3));
          o.e.dup = true;
          o.e.connection = connection(1 + random() % 2);
          take(o, true);
        }
      }
      while (!pending.empty() && random() % 3 != 0) {
        const auto [ticket, is_message] = *pending.begin();
        pending.erase(pending.begin());
        if (random() % 4 == 0) {
          refuse(ticket);
        } else {
          settle(ticket);
          records += is_message ? 1 : 0;
        }
      }
      std::uint64_t waiting = 0;
      for (const auto& [ticket, is_message] : pending) waiting += is_message ? 1 : 0;
      ASSERT_EQ(messages, duplicates() + not_kept() + records + waiting) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace fleetgate::dedup
