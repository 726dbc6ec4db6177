#include "actors/node/quarantine_replay.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "protocol/mqtt/properties.hpp"

namespace fleetgate::node {
namespace {

using contract::message_fate;
using contract::quarantine_filter;
using contract::replay_state;
using model::outcome;

class memory_store final : public contract::state_store {
 public:
  result<void> apply(const std::vector<contract::state_change>& changes) override {
    if (applies_left-- == 0) return failure(fault_code::storage_io, "the disk is gone");
    for (const auto& c : changes) {
      if (c.value)
        rows[c.key] = *c.value;
      else
        rows.erase(c.key);
    }
    return {};
  }
  result<std::optional<std::string>> get(std::string_view, std::string_view key) override {
    const auto at = rows.find(std::string(key));
    if (at == rows.end()) return std::nullopt;
    return at->second;
  }
  result<void> scan(std::string_view,
                    const std::function<void(std::string_view, std::string_view)>& visit) override {
    for (const auto& [key, value] : rows) visit(key, value);
    return {};
  }

  std::map<std::string, std::string> rows;
  int applies_left = 1000;
};

const message_fate stored{outcome::stored, fault_code::internal, model::ack_level::durable};
const message_fate bad_again{outcome::quarantined, fault_code::schema_violation, {}};
const message_fate full{outcome::refused, fault_code::mailbox_full, {}};
const message_fate not_known{};

class replay : public testing::Test {
 protected:
  /// The next quarantined message, at 1-1, 1-2, ...
  model::envelope& quarantine(std::string_view device, fault_code why,
                              std::string_view topic = "devices/d/t") {
    contract::stored_record& r = kept.emplace_back();
    r.at = {1, kept.size()};
    r.envelope.kind = model::record_kind::quarantined;
    r.envelope.device = device;
    r.envelope.topic = topic;
    r.envelope.fault = why;
    return r.envelope;
  }

  contract::replay_report run(const quarantine_filter& which = {}) {
    sent.clear();
    auto r = all().run(which, 77);
    if (r) return *r;
    ADD_FAILURE() << to_string(r.error());
    return {};
  }

  quarantine_replay all() {
    return quarantine_replay(
        [this](const model::position& after, std::size_t most) -> result<contract::read_block> {
          contract::read_block b;
          for (const auto& r : kept) {
            if (r.at > after && b.records.size() < most) b.records.push_back(r);
          }
          return b;
        },
        [this](std::vector<contract::loose_message> messages) {
          std::vector<message_fate> fates;
          for (auto& m : messages) {
            fates.push_back(next_fates.empty() ? stored : next_fates.front());
            if (!next_fates.empty()) next_fates.pop_front();
            sent.push_back(std::move(m));
          }
          return fates;
        },
        store);
  }

  std::optional<contract::replay_mark> mark(std::uint64_t lsn) {
    return *replay_marks(store).of({1, lsn});
  }

  std::deque<contract::stored_record> kept;
  std::deque<message_fate> next_fates;
  std::vector<contract::loose_message> sent;
  memory_store store;
};

TEST_F(replay, sends_each_message_once) {
  for (int i = 0; i < 3; ++i) quarantine("d", fault_code::schema_violation);
  const auto first = run();
  EXPECT_EQ(first.messages.size(), 3u);
  EXPECT_EQ(first.next, std::nullopt);
  EXPECT_EQ(mark(1)->state, replay_state::done);
  EXPECT_EQ(mark(1)->time_ns, 77);
  const auto second = run();
  EXPECT_EQ(second.messages.size(), 0u);
  EXPECT_EQ(second.passed_over, 3u);
  EXPECT_TRUE(sent.empty());
  quarantine_filter again;
  again.again = true;
  EXPECT_EQ(run(again).messages.size(), 3u);
}

TEST_F(replay, may_come_again_for_what_did_not_pass_and_not_for_what_nobody_knows_of) {
  for (int i = 0; i < 4; ++i) quarantine("d", fault_code::schema_violation);
  next_fates = {bad_again, full, not_known, stored};
  run();
  EXPECT_FALSE(mark(1));
  EXPECT_FALSE(mark(2));
  EXPECT_EQ(mark(3)->state, replay_state::unknown);
  EXPECT_EQ(mark(4)->state, replay_state::done);
  const auto second = run();
  ASSERT_EQ(second.messages.size(), 2u);
  EXPECT_EQ(second.messages[0].at, (model::position{1, 1}));
  EXPECT_EQ(second.messages[1].at, (model::position{1, 2}));
  EXPECT_EQ(second.passed_over, 2u);
}

TEST_F(replay, notes_down_what_it_sends_before_it_does) {
  quarantine("d", fault_code::schema_violation);
  store.applies_left = 0;
  EXPECT_FALSE(all().run({}, 1));
  EXPECT_TRUE(sent.empty());
  store.applies_left = 1;  // the node ends before it can note the outcome
  EXPECT_FALSE(all().run({}, 1));
  EXPECT_EQ(sent.size(), 1u);
  store.applies_left = 1000;
  EXPECT_EQ(mark(1)->state, replay_state::unknown);
  EXPECT_EQ(run().passed_over, 1u);
}

TEST_F(replay, takes_what_lost_a_text_only_where_it_is_asked_for) {
  quarantine("d", fault_code::text_too_long);
  EXPECT_TRUE(run().messages.empty());
  quarantine_filter f;
  f.device = "d";
  EXPECT_TRUE(run(f).messages.empty());
  f.why = fault_code::text_too_long;
  EXPECT_EQ(run(f).messages.size(), 1u);
  f = {};
  f.only = model::position{1, 1};
  f.again = true;
  EXPECT_EQ(run(f).messages.size(), 1u);
}

TEST_F(replay, chooses_by_position_device_topic_and_fault) {
  quarantine("a", fault_code::schema_violation, "x/1");
  quarantine("b", fault_code::schema_violation, "x/2");
  quarantine("b", fault_code::sequence_invalid, "y/2");
  const auto count = [&](auto&& change) {
    quarantine_filter f;
    f.again = true;
    change(f);
    return run(f).messages.size();
  };
  EXPECT_EQ(count([](auto& f) { f.only = model::position{1, 2}; }), 1u);
  EXPECT_EQ(count([](auto& f) { f.only = model::position{1, 9}; }), 0u);
  EXPECT_EQ(count([](auto& f) { f.after = {1, 1}; }), 2u);
  EXPECT_EQ(count([](auto& f) { f.device = "b"; }), 2u);
  EXPECT_EQ(count([](auto& f) { f.topic = "x/#"; }), 2u);
  EXPECT_EQ(count([](auto& f) { f.why = fault_code::sequence_invalid; }), 1u);
  EXPECT_EQ(count([](auto& f) { f.device = "a", f.topic = "y/+"; }), 0u);
}

TEST_F(replay, is_bounded_and_says_where_to_go_on) {
  for (int i = 0; i < 700; ++i) quarantine("d", fault_code::schema_violation);
  quarantine_filter f;
  f.most = 300;
  std::size_t total = 0, calls = 0;
  do {
    const auto r = run(f);
    total += r.messages.size();
    EXPECT_LE(r.messages.size(), 300u);
    f.after = r.next.value_or(model::position{});
    ++calls;
  } while (f.after != model::position{});
  EXPECT_EQ(total, 700u);
  EXPECT_EQ(calls, 3u);
}

TEST_F(replay, sends_about_a_mebibyte_and_never_nothing) {
  const std::string large(quarantine_replay::most_sent_bytes, 'x');
  for (int i = 0; i < 2; ++i) {
    quarantine("d", fault_code::schema_violation).payload = as_bytes(large);
  }
  const auto r = run();
  EXPECT_EQ(r.messages.size(), 1u);
  EXPECT_EQ(r.next, (model::position{1, 1}));
}

TEST_F(replay, forgets_what_quarantine_has_no_more) {
  quarantine("d", fault_code::schema_violation);
  quarantine("d", fault_code::schema_violation);
  run();
  kept.pop_front();
  run();
  EXPECT_FALSE(mark(1));
  EXPECT_TRUE(mark(2));
}

TEST(replayed_message, keeps_its_key_its_trace_and_its_time) {
  model::envelope e;
  e.topic = "devices/d1/t";
  e.device = "d1";
  e.client_id = "c1";
  e.payload = as_bytes("{}");
  e.content_type = "application/json";
  e.sequence = 7;
  e.epoch = 3;
  e.epoch_from = model::epoch_origin::device;
  e.trace = {1, 2};
  e.attributes = R"({"k":"v"})";
  e.received_time_ns = 9;
  e.device_time_ns = 8;
  e.qos = 2;
  e.retain = true;
  const auto m = as_loose(e);
  EXPECT_EQ(m.topic, "devices/d1/t");
  EXPECT_EQ(m.payload, "{}");
  EXPECT_EQ(m.device, "d1");
  EXPECT_EQ(m.client_id, "c1");
  EXPECT_EQ(m.content_type, "application/json");
  EXPECT_EQ(m.sequence, 7u);
  EXPECT_EQ(m.epoch, 3u);
  EXPECT_EQ(model::parse_traceparent(m.traceparent), e.trace);
  EXPECT_EQ(m.attributes, R"({"k":"v"})");
  EXPECT_EQ(m.received_time_ns, 9);
  EXPECT_EQ(m.device_time_ns, 8);
  EXPECT_EQ(m.qos, 1);
  EXPECT_FALSE(m.retain);
}

TEST(replayed_message, says_again_what_its_sender_said) {
  mqtt::property_list said;
  said.add(mqtt::property_id::payload_format_indicator, 1);
  said.add(mqtt::property_id::content_type, "application/json");
  said.add_user("seq", "twelve");
  said.add_user("epoch", "4");
  model::envelope e;
  e.content_type = "text/plain";  // the parser's word for what is no JSON
  e.properties = as_text(said.view().bytes());
  e.epoch = 5;
  e.epoch_from = model::epoch_origin::inferred;
  const auto m = as_loose(e);
  EXPECT_EQ(m.content_type, "application/json");
  EXPECT_TRUE(m.payload_is_utf8);
  EXPECT_EQ(m.user_seq, "twelve");
  EXPECT_EQ(m.user_epoch, "4");
  EXPECT_EQ(m.epoch, std::nullopt);
  EXPECT_EQ(m.properties, e.properties);
  e.properties = {};
  EXPECT_EQ(as_loose(e).content_type, "");
}

}  // namespace
}  // namespace fleetgate::node
