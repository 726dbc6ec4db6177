// The sessions actor at its edges: what it reads of the road, the order of storing and showing,
// shards that are full, a store and a spool that fail.
#include "actors/sessions/sessions_actor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <mutex>
#include <stdexcept>

#include "actors/sessions/rows.hpp"
#include "protocol/mqtt/encode.hpp"
#include "tests/actors/sessions/table_store.hpp"

namespace fleetgate::sessions {
namespace {

using observe::undelivered;
using testing::ElementsAre;
using testing::IsEmpty;

const model::spool_uuid uuid{{1}};

/// What the spool holds: one lane of messages, to which the test appends while the actor reads.
class road {
 public:
  struct message {
    std::string topic;
    std::uint8_t qos = 0;
    bool retain = false;
    std::string payload = "p";
  };
  void add(std::string topic, std::uint8_t qos = 0, bool retain = false,
           std::string payload = "p") {
    std::lock_guard hold(lock_);
    durable_.push_back({std::move(topic), qos, retain, std::move(payload)});
  }
  /// Those from `at` on, at most so many.
  [[nodiscard]] std::vector<message> from(std::size_t at, std::size_t most) const {
    std::lock_guard hold(lock_);
    at = std::min(at, durable_.size());
    const auto begin = durable_.begin() + static_cast<std::ptrdiff_t>(at);
    return {begin, begin + static_cast<std::ptrdiff_t>(std::min(most, durable_.size() - at))};
  }
  [[nodiscard]] std::size_t size() const {
    std::lock_guard hold(lock_);
    return durable_.size();
  }

  std::atomic<bool> throws{false}, refuses{false};  // each read, while it is so
  std::atomic<std::size_t> reads{0};                // messages that were handed out
  std::atomic<std::uint64_t> damaged{0}, shed{0};   // told with the next read

 private:
  mutable std::mutex lock_;
  std::vector<message> durable_;
};

contract::cursor behind(std::size_t messages) {
  contract::cursor c;
  c.spool = uuid;
  c.lanes[0] = {1, messages};
  return c;
}

class road_reader final : public contract::spool_reader {
 public:
  explicit road_reader(road& r) : road_(r) {}

  result<void> seek(const contract::cursor& from) override {
    if (from.spool != uuid) return failure(fault_code::foreign_spool, "another spool's");
    at_ = from.lanes[0].lsn;
    return {};
  }
  result<void> read(contract::read_block& block, std::size_t, std::size_t most) override {
    if (road_.throws) throw std::runtime_error("a bug");
    if (road_.refuses) return failure(fault_code::storage_io, "as it was told to");
    block = {};
    block.damaged = road_.damaged.exchange(0);
    block.shed = road_.shed.exchange(0);
    read_ = road_.from(at_, most);
    for (const auto& m : read_) {
      contract::stored_record r;
      r.envelope.topic = m.topic;
      r.envelope.payload = as_bytes(m.payload);
      r.envelope.qos = m.qos;
      r.envelope.retain = m.retain;
      r.envelope.client_id = "publisher";
      block.records.push_back(r);
    }
    at_ += read_.size();
    road_.reads += read_.size();
    block.end = behind(at_);
    return {};
  }
  result<contract::lane_ordinals> stands_at() override { return contract::lane_ordinals{at_}; }
  [[nodiscard]] model::spool_uuid spool() const override { return uuid; }
  [[nodiscard]] contract::cursor end() const override { return behind(road_.size()); }
  [[nodiscard]] bool has_retained_behind(const contract::cursor& c) const override {
    for (const auto& m : road_.from(c.lanes[0].lsn, road_.size())) {
      if (m.retain) return true;
    }
    return false;
  }
  [[nodiscard]] std::uint64_t lag_records() const override { return road_.size() - at_; }

 private:
  road& road_;
  std::vector<road::message> read_;  // what the block's views point into
  std::size_t at_ = 0;
};

class sessions_actor_that : public testing::Test {
 protected:
  ~sessions_actor_that() override { stop(); }

  void start() {
    parts_ = std::make_shared<sessions_parts>();
    parts_->reader = std::make_unique<road_reader>(road_);
    parts_->news = std::make_shared<contract::spool_news>();
    parts_->from = *stored_cursor(store_);
    body_ = std::make_unique<sessions_actor>(parts_, limits_, *mail_, commands_, journal_, store_,
                                             budget_, probe_, log_);
    EXPECT_TRUE(body_->restore());
    run();
    drain();
  }
  void run() { it_ = runtime::run_detached(system_, *body_); }
  /// Somebody sends it what ends it.
  void wait_for_end() {
    caf::anon_send(it_, runtime::wake_atom::value);
    self_->wait_for(it_);
  }
  void stop() {
    if (!it_) return;
    parts_->news->changed.disconnect();
    mail_->disconnect();
    self_->send_exit(it_, caf::exit_reason::user_shutdown);
    self_->wait_for(it_);
    it_ = nullptr;
  }
  /// kill -9: what was stored is what is left.
  void restart() {
    stop();
    mail_ = std::make_unique<contract::subscriber_mail>(1, mail_bytes_);
    start();
  }
  /// Until the stage is at rest, but for what it does again in a second; true where everything is
  /// stored and handed over. The second turn is behind the one that the first may have asked for.
  bool drain() {
    (void)turn();
    return turn();
  }
  bool turn() {
    bool done = false;
    self_->request(it_, caf::infinite, drain_atom::value)
        .receive([&](bool all) { done = all; },
                 [](const caf::error&) { throw std::runtime_error("the actor is gone"); });
    return done;
  }

  void tell(std::string id, decltype(contract::client_event::what) what) {
    contract::client_event e{{0, 0, 1}, std::move(id), std::move(what)};
    ASSERT_TRUE(mail_->events.post(model::traffic_class::control, e, 1));
  }
  void connect(std::string id, std::uint32_t expiry_s = 1000) {
    contract::client_came came;
    came.clean_start = false;
    came.session_expiry_s = expiry_s;
    tell(std::move(id), came);
  }
  void subscribe(std::string id, std::string_view filter, std::uint8_t qos) {
    std::string filters;
    append(mqtt::subscription{filter, qos, false, false, 0}, filters);
    tell(std::move(id), contract::subscribe_request{10, 0, filters});
  }
  /// A client that is there and has what came before behind it.
  void subscribed(std::string_view filter, std::uint8_t qos) {
    connect("a");
    subscribe("a", filter, qos);
    ASSERT_TRUE(drain());
    ASSERT_THAT(take_sent(), ElementsAre("SUBACK"));
  }

  void die_with_will(std::string id) {
    auto will = std::make_shared<contract::will>();
    will->message.topic = "gone";
    contract::client_came came;
    came.last_will = will;
    tell(id, came);
    tell(std::move(id), contract::client_went{});
  }
  /// Numbers of the wills that the shard finds in its mailbox.
  std::vector<std::uint64_t> take_wills() {
    std::vector<std::uint64_t> numbers;
    mail_->to_shards[0]->wills.read(
        10'000, [&](auto, const contract::due_will& w) { numbers.push_back(w.number); });
    return numbers;
  }

  /// What the shard finds in its mailbox: SUBACK, PUBLISH by topic.
  std::vector<std::string> take_sent() {
    std::vector<std::string> lines;
    mail_->to_shards[0]->deliveries.read(1000, [&](auto, contract::delivery&& d) {
      auto rest = as_bytes(*d.packets);
      while (!rest.empty()) {
        const auto f = std::get<mqtt::frame>(mqtt::next_frame(rest, 1 << 28));
        if (f.type != mqtt::packet_type::publish) {
          lines.emplace_back(to_string(f.type));
        } else {
          byte_reader in(f.body);
          lines.emplace_back(as_text(*in.take(*in.u16())));
        }
        rest = rest.subspan(f.size());
      }
    });
    return lines;
  }
  std::uint64_t undelivered_for(undelivered why) { return probe_.undelivered_there[why].value(); }
  contract::cursor reported() {
    contract::cursor last;
    journal_.progress.read(1000, [&](auto, const contract::reader_progress& p) {
      EXPECT_EQ(p.reader, reader_name);
      last = p.at;
    });
    return last;
  }

  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  road road_;
  table_store store_;
  sessions_limits limits_;
  std::size_t mail_bytes_ = 1 << 20;
  contract::command_mail commands_{1, 1 << 20};
  std::unique_ptr<contract::subscriber_mail> mail_ =
      std::make_unique<contract::subscriber_mail>(1, mail_bytes_);
  contract::journal_mail journal_{1, {16, 1 << 20}};
  runtime::memory_budget budget_{1 << 20};
  observe::sessions_probe probe_;
  observe::logger log_{observe::log_options{}};
  std::shared_ptr<sessions_parts> parts_;
  std::unique_ptr<sessions_actor> body_;
  caf::actor it_;
  caf::scoped_actor self_{system_};
};

using sessions_stage = sessions_actor_that;

TEST_F(sessions_stage, reads_nothing_while_nobody_subscribes_and_notes_where_it_would_go_on) {
  start();
  for (int i = 0; i < 5; ++i) road_.add("x", 1);
  EXPECT_TRUE(drain());
  EXPECT_EQ(road_.reads, 0u);
  restart();
  EXPECT_EQ(road_.reads, 0u) << "it had gone along with the spool's end";
}

TEST_F(sessions_stage, shows_the_first_subscriber_what_comes_from_now_on) {
  start();
  road_.add("before", 1);
  connect("a");
  subscribe("a", "#", 1);
  EXPECT_TRUE(drain());
  road_.add("after", 1);
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_sent(), ElementsAre("SUBACK", "after"));
}

TEST_F(sessions_stage, never_jumps_over_what_is_to_be_retained) {
  start();
  road_.add("x", 0);
  road_.add("state", 0, true, "on");
  EXPECT_TRUE(drain());
  EXPECT_EQ(store_.size("retained"), 1u);
  EXPECT_EQ(*stored_cursor(store_), behind(2));
  const std::size_t read = road_.reads;
  road_.add("x", 0);
  EXPECT_TRUE(drain());
  EXPECT_EQ(road_.reads, read) << "and nothing is read for its sake any more";
}

TEST_F(sessions_stage, retains_what_became_durable_before_it_was_started) {
  start();
  stop();
  road_.add("x", 0);
  road_.add("state", 0, true, "on");
  restart();
  EXPECT_EQ(store_.size("retained"), 1u);
}

TEST_F(sessions_stage, shows_nothing_before_it_is_stored) {
  start();
  subscribed("#", 1);
  store_.fails = true;  // first: a turn may be under way
  road_.add("x", 1);
  EXPECT_FALSE(drain());
  EXPECT_FALSE(drain());
  EXPECT_THAT(take_sent(), IsEmpty());
  road_.add("y", 1);
  store_.fails = false;
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_sent(), ElementsAre("x", "y"));
  EXPECT_EQ(store_.size("subscriber_queue"), 2u);
}

TEST_F(sessions_stage, reports_to_the_spool_no_more_than_what_is_stored) {
  start();
  subscribed("#", 1);
  (void)reported();
  store_.fails = true;  // first: a turn may be under way
  road_.add("x", 1);
  EXPECT_FALSE(drain());
  EXPECT_NE(reported(), behind(1));
  store_.fails = false;
  EXPECT_TRUE(drain());
  EXPECT_TRUE(drain());
  EXPECT_EQ(reported(), behind(1));
  EXPECT_EQ(*stored_cursor(store_), behind(1));
}

TEST_F(sessions_stage, goes_on_where_it_was_and_routes_nothing_twice) {
  start();
  subscribed("#", 1);
  road_.add("x", 1);
  EXPECT_TRUE(drain());
  restart();
  road_.add("y", 1);
  EXPECT_TRUE(drain());
  connect("a");
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_sent(), ElementsAre("x", "y"));
}

TEST_F(sessions_stage, begins_at_the_end_where_its_cursor_is_of_another_spool) {
  contract::cursor foreign = behind(7);
  foreign.spool = model::spool_uuid{{9}};
  store_.rows["subscriber_cursor"]["cursor"] = encode_cursor(foreign);
  road_.add("old", 1);
  start();
  EXPECT_EQ(road_.reads, 0u);
  subscribed("#", 1);
  road_.add("new", 1);
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_sent(), ElementsAre("new"));
}

TEST_F(sessions_stage, stops_reading_where_a_shard_takes_no_more_and_loses_nothing) {
  mail_bytes_ = 16 * 1024;  // 1 KiB of deliveries
  restart();
  subscribed("#", 1);
  const std::string large(700, 'p');
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) {
    expected.push_back("x" + std::to_string(i));
    road_.add(expected.back(), 1, false, large);
  }
  EXPECT_FALSE(drain());
  road_.add("later", 1);
  expected.emplace_back("later");
  const std::size_t read = road_.reads;
  EXPECT_FALSE(drain());
  EXPECT_EQ(road_.reads, read);
  EXPECT_TRUE(mail_->room_wanted.load());
  std::vector<std::string> got;
  for (int round = 0; round < 20 && got.size() < expected.size(); ++round) {
    for (auto& line : take_sent()) got.push_back(std::move(line));
    (void)drain();
  }
  EXPECT_EQ(got, expected);
  EXPECT_TRUE(drain());
}

TEST_F(sessions_stage, drops_and_counts_at_qos_0_what_a_shard_does_not_take) {
  mail_bytes_ = 16 * 1024;
  restart();
  subscribed("#", 0);
  for (int i = 0; i < 5; ++i) road_.add("x", 0, false, std::string(700, 'p'));
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_sent(), ElementsAre("x"));
  EXPECT_EQ(undelivered_for(undelivered::mailbox_full), 4u);
}

TEST_F(sessions_stage, takes_no_more_events_where_they_have_brought_enough) {
  mail_bytes_ = 64 << 20;  // 4 MiB of deliveries
  restart();
  constexpr std::size_t clients = 40;
  for (std::size_t i = 0; i < clients; ++i) {
    connect(std::to_string(i));
    subscribe(std::to_string(i), "#", 1);
    tell(std::to_string(i), contract::client_went{false, 1000});
  }
  EXPECT_TRUE(drain());
  EXPECT_EQ(take_sent().size(), clients) << "SUBACK";
  road_.add("x", 1, false, std::string(400 * 1024, 'p'));
  EXPECT_TRUE(drain());
  for (std::size_t i = 0; i < clients; ++i) connect(std::to_string(i));
  EXPECT_FALSE(turn()) << "the shard's mailbox is full";
  const auto waiting = [&] {
    return mail_->events.box().depth(model::traffic_class::control).items;
  };
  EXPECT_GT(waiting(), clients / 2);
  std::size_t sent = 0;
  for (int round = 0; round < 40 && sent < clients; ++round) {
    sent += take_sent().size();
    (void)turn();
  }
  EXPECT_EQ(sent, clients);
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(sessions_stage, brings_more_retained_messages_than_a_turn_does) {
  road_.add("x", 1, true);
  start();
  constexpr std::size_t messages = 3000;
  for (std::size_t i = 0; i < messages; ++i) road_.add("r/" + std::to_string(i), 0, true);
  EXPECT_TRUE(drain());
  connect("a");
  subscribe("a", "r/#", 0);
  std::size_t sent = 0;
  for (int round = 0; round < 100 && sent < 1 + messages; ++round) {
    (void)drain();
    sent += take_sent().size();
    tell("a", contract::delivery_sent{});
  }
  EXPECT_EQ(sent, 1 + messages);
}

TEST_F(sessions_stage, holds_messages_within_the_lower_half_of_memory_and_gives_them_back) {
  start();
  subscribed("#", 1);
  road_.add("x", 1);
  EXPECT_TRUE(drain());
  EXPECT_GT(budget_.used(), 0u);
  const auto rest = budget_.limit() / 2 - budget_.used();
  ASSERT_TRUE(budget_.take(model::traffic_class::telemetry, rest));
  road_.add("y", 1);
  EXPECT_TRUE(drain());
  EXPECT_EQ(undelivered_for(undelivered::no_memory), 1u);
  budget_.give_back(model::traffic_class::telemetry, rest);
  EXPECT_THAT(take_sent(), ElementsAre("x"));
  tell("a", contract::acknowledgement{mqtt::packet_type::puback, 1, 0});
  EXPECT_TRUE(drain());
  EXPECT_EQ(budget_.used(), 0u);
}

TEST_F(sessions_stage, hands_a_will_that_is_due_to_a_shard_and_keeps_its_row_until_it_is_stored) {
  start();
  die_with_will("a");
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_wills(), ElementsAre(1u));
  EXPECT_EQ(store_.size("subscriber_due_wills"), 1u);
  restart();
  EXPECT_THAT(take_wills(), ElementsAre(1u)) << "it had no receipt";
  contract::will_settled kept{1, true};
  ASSERT_TRUE(mail_->settled_wills.post(model::traffic_class::control, kept, 1));
  EXPECT_TRUE(drain());
  EXPECT_EQ(store_.size("subscriber_due_wills"), 0u);
  EXPECT_EQ(probe_.wills_published.value(), 1u);
}

TEST_F(sessions_stage, takes_no_more_events_while_it_is_full_of_wills) {
  limits_.due_wills = 1;
  start();
  die_with_will("a");
  EXPECT_TRUE(drain());
  die_with_will("b");
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_wills(), ElementsAre(1u));
  contract::will_settled kept{1, true};
  ASSERT_TRUE(mail_->settled_wills.post(model::traffic_class::control, kept, 1));
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_wills(), ElementsAre(2u));
}

TEST_F(sessions_stage, has_taken_all_that_clients_did_when_it_is_drained) {
  start();
  constexpr std::size_t more_than_a_turn_takes = 3000;
  for (std::size_t i = 0; i < more_than_a_turn_takes; ++i) die_with_will(std::to_string(i));
  std::size_t due = 0;
  for (int rounds = 0; due != more_than_a_turn_takes && rounds < 100; ++rounds) {
    (void)turn();
    due += take_wills().size();
  }
  EXPECT_EQ(due, more_than_a_turn_takes);
  for (std::uint64_t number = 1; number <= due; ++number) {
    contract::will_settled kept{number, true};
    ASSERT_TRUE(mail_->settled_wills.post(model::traffic_class::control, kept, 1));
  }
  EXPECT_TRUE(turn());
  EXPECT_EQ(store_.size("subscriber_due_wills"), 0u);
}

TEST_F(sessions_stage, goes_on_in_a_successor_where_its_reader_throws_and_waits_where_it_fails) {
  start();
  subscribed("#", 1);
  road_.throws = true;
  road_.add("x", 1);
  wait_for_end();
  road_.refuses = true;
  road_.throws = false;
  run();
  (void)drain();
  EXPECT_THAT(take_sent(), IsEmpty());
  road_.refuses = false;
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_sent(), ElementsAre("x"));
}

TEST_F(sessions_stage, counts_records_that_the_spool_lost) {
  start();
  subscribed("#", 1);
  road_.damaged = 3;
  road_.shed = 2;
  road_.add("x", 1);
  EXPECT_TRUE(drain());
  EXPECT_EQ(probe_.damaged.value(), 3u);
  EXPECT_EQ(probe_.shed.value(), 2u);
}

TEST_F(sessions_stage, goes_on_with_the_rest_where_rows_are_damaged) {
  start();
  subscribed("#", 1);
  stop();
  store_.rows["subscribers"]["b"] = "damaged";
  restart();
  road_.add("x", 1);
  EXPECT_TRUE(drain());
  connect("a");
  EXPECT_TRUE(drain());
  EXPECT_THAT(take_sent(), ElementsAre("x"));
}

TEST_F(sessions_stage, works_through_more_events_than_a_turn_takes) {
  start();
  constexpr int clients = 3000;
  for (int i = 0; i < clients; ++i) {
    connect(std::to_string(i));
    subscribe(std::to_string(i), "#", 0);
  }
  for (int turns = 0; probe_.subscriptions.value() != clients && turns < 100; ++turns) {
    (void)drain();
    (void)take_sent();
  }
  EXPECT_EQ(probe_.subscriptions.value(), clients);
}

TEST_F(sessions_stage, is_woken_by_events_and_by_news_of_the_spool) {
  start();
  const auto self = caf::actor_cast<caf::actor>(self_.ptr());
  const auto wait_for_delivery = [&] {
    bool woken = false;
    self_->receive([&](runtime::wake_atom) { woken = true; },
                   caf::after(std::chrono::seconds(60)) >> [] {});
    ASSERT_TRUE(woken);
  };
  mail_->to_shards[0]->deliveries.connect(self);
  wait_for_delivery();  // the bell rings once for what a predecessor may have missed
  EXPECT_THAT(take_sent(), IsEmpty());
  parts_->news->changed.connect(it_);
  mail_->events.connect(it_);
  connect("a");
  subscribe("a", "#", 1);
  wait_for_delivery();
  EXPECT_THAT(take_sent(), ElementsAre("SUBACK"));
  (void)drain();
  road_.add("x", 1);
  parts_->news->changed.raise();
  wait_for_delivery();
  EXPECT_THAT(take_sent(), ElementsAre("x"));
}

}  // namespace
}  // namespace fleetgate::sessions
