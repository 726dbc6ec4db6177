// A connection at its edges, spoken to in MQTT. The test is its client, its ingress actor and the
// rest of its shard: it calls in the order of a round, gives receipts, and owns the clock. Nothing
// runs beside it.
#include "actors/ingress/connection_actor.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "actors/ingress/mqtt_connection.hpp"
#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::ingress {
namespace {

using mqtt::bytes_of;
using mqtt::hex;
using observe::undelivered;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::uint64_t s = 1'000'000'000;
constexpr const char* hello_5 = "10 ## s'MQTT' 05 02 003C 00 s'id'";
constexpr const char* hello_4 = "10 ## s'MQTT' 04 02 003C s'id'";

class connection_that : public testing::Test {
 protected:
  explicit connection_that() {
    settings_.session = mqtt::session_limits{};
    settings_.probe = &probe_;
    shard_.now = {100 * s, 1};
    shard_.sockets.on_event([](const runtime::readiness::event&) {});
  }
  ~connection_that() override {
    shut();
    home_.start();  // for the ends of the actors
    system_.await_all_actors_done();
    home_.stop();
    home_.join();
  }

  /// A client that has just been accepted by the kernel.
  void come() {
    int pair[2];
    shut();
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    client_ = runtime::descriptor(pair[0]);
    ref_ = shard_.table.reserve();
    it_ = runtime::spawn_pinned_as<mqtt_connection>(home_, shard_, settings_,
                                                    runtime::descriptor(pair[1]), ref_);
    shard_.table.put(ref_, runtime::actor_ptr<connection_actor>(it_.get()));
    ++probe_.connections_open;
    it_->start({});
  }
  void shut() {
    if (it_) it_->leave(fault_code::server_shutting_down);
    shard_.readable.clear();
    shard_.unsent.clear();
    shard_.untold.clear();
    it_ = nullptr;
  }
  /// And has been let in.
  void come_in(const char* hello = hello_5, bool session_present = false) {
    come();
    say(hello);
    take(opened(session_present));
    received();
    asked();
    told();
  }

  // The client.
  void say(std::string_view spec) { say_bytes(bytes_of(spec)); }
  void say_bytes(std::string_view bytes) {
    ASSERT_EQ(::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    runtime::readiness::event e;
    e.readable = true;
    it_->on_event(e);
    round();
  }
  void end(bool gone) {
    runtime::readiness::event e;
    e.readable = e.at_end = true;
    e.gone = gone;
    if (gone)
      client_.close();
    else
      ::shutdown(client_.get(), SHUT_WR);
    it_->on_event(e);
    round();
  }
  /// What has arrived since the last time.
  std::string received() {
    std::string all, part(65'536, '\0');
    for (;;) {
      const auto n = ::recv(client_.get(), part.data(), part.size(), 0);
      is_closed_ = n == 0;
      if (n <= 0) return hex(all);
      all.append(part, 0, static_cast<std::size_t>(n));
    }
  }
  bool is_closed() {
    (void)received();
    return is_closed_;
  }

  // The ingress actor.
  void round() {
    auto readable = std::exchange(shard_.readable, {});
    for (auto& c : readable) c->read();
    while (!shard_.untold.empty() && shard_.untold.back()->tell_untold()) shard_.untold.pop_back();
    for (const auto& ref : std::exchange(shard_.paused, {})) {
      if (auto* c = shard_.table.find(ref.slot, ref.generation)) c->go_on();
    }
    while (const auto due = shard_.deadlines.pop_due(shard_.now.steady_ns)) {
      auto* c = shard_.table.find(due->slot, due->generation);
      if (c != nullptr) c->look_at_time(due->at_ns);
    }
    auto unsent = std::exchange(shard_.unsent, {});
    for (auto& c : unsent) c->send_out();
  }
  void pass(std::uint64_t ns) {
    shard_.now.steady_ns += ns;
    round();
  }
  void take(const model::receipt& r) {
    it_->take(r);
    round();
  }

  // The journal and the sessions stage.
  static model::receipt opened(bool session_present = false) {
    model::receipt r;
    r.kind = model::record_kind::session_open;
    r.session_present = session_present;
    return r;
  }
  model::receipt receipt(model::outcome result, std::uint16_t id, std::uint8_t qos = 1,
                         fault_code why = fault_code::internal) {
    model::receipt r;
    r.result = result;
    r.qos = qos;
    r.packet_id = id;
    r.fault = why;
    r.bytes = weights_.empty() ? 0 : weights_.front();
    if (!weights_.empty()) weights_.erase(weights_.begin());
    return r;
  }
  static model::receipt released(model::outcome result, std::uint16_t id, fault_code why) {
    model::receipt r;
    r.kind = model::record_kind::release;
    r.result = result;
    r.packet_id = id;
    r.fault = why;
    return r;
  }
  /// What was asked of the journal, a line each; afterwards there is room again.
  std::vector<std::string> asked() {
    std::vector<std::string> lines;
    shard_.intake.to_parser.read(100'000, [&](auto, const contract::inbound_item& item) {
      if (item.message != nullptr) {
        const auto& m = *item.message;
        weights_.push_back(m.charged_bytes);
        lines.push_back(std::string(m.topic) + " q" + std::to_string(m.qos) + " #" +
                        std::to_string(m.packet_id));
        return;
      }
      const auto& mark = *item.mark;
      if (mark.kind == model::record_kind::session_open) {
        lines.push_back(std::string("open ") + std::string(mark.client_id) +
                        (mark.session.clean_start ? " clean" : "") +
                        (mark.session.only_if_known ? " if known" : ""));
      } else if (mark.kind == model::record_kind::session_close) {
        lines.push_back("close " + std::to_string(mark.session.expiry_interval_s));
      } else {
        lines.push_back("release #" + std::to_string(mark.packet_id));
      }
    });
    for (const auto cls : model::all_traffic_classes) (void)shard_.intake.credit.collect(cls);
    return lines;
  }
  std::vector<std::string> told() {
    std::vector<std::string> lines;
    subscribers_.events.read(1000, [&](auto, const contract::client_event& e) {
      if (const auto* went = std::get_if<contract::client_went>(&e.what)) {
        lines.push_back(std::string("went") + (went->publish_will ? " will " : " ") +
                        std::to_string(went->session_expiry_s));
      } else {
        constexpr const char* names[] = {"came",        "",    "subscribe", "unsubscribe",
                                         "acknowledge", "sent"};
        lines.emplace_back(names[e.what.index()]);
        const auto* came = std::get_if<contract::client_came>(&e.what);
        if (came != nullptr && !came->clean_start) lines.back() += " back";
      }
    });
    return lines;
  }
  std::uint64_t closed_for(fault_code why) { return probe_.connections_closed[why].value(); }
  std::uint64_t rejected_for(fault_code why) { return probe_.connections_rejected[why].value(); }

  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  runtime::memory_budget budget_{4 << 20};
  runtime::unit home_{system_, "shard-0"};  // its thread does not run while the test does
  model::topic_rules rules_;
  contract::subscriber_mail subscribers_{1, 1 << 20};
  contract::command_mail commands_{1, 1 << 20};
  observe::overload_probe overload_;
  observe::logger log_;
  observe::ingress_probe probe_;
  listener_settings settings_;
  shard shard_{0,
               home_,
               budget_,
               rules_,
               {{"low-*", device_priority::low}, {"high-*", device_priority::high}},
               {8, 64 * 1024},
               subscribers_,
               commands_,
               overload_,
               log_};
  runtime::descriptor client_;
  model::connection_ref ref_;
  caf::intrusive_ptr<mqtt_connection> it_;
  std::vector<std::uint32_t> weights_;  // of messages without a receipt
  bool is_closed_ = false;
};

using a_connection = connection_that;

TEST_F(a_connection, is_let_in_by_the_journal) {
  come();
  say(hello_4);
  EXPECT_THAT(asked(), ElementsAre("open id clean"));
  EXPECT_EQ(received(), "");
  EXPECT_FALSE(it_->report());
  take(opened(false));
  EXPECT_EQ(received(), "20 02 00 00");
  EXPECT_THAT(told(), ElementsAre("came"));
  EXPECT_TRUE(it_->report());
}

TEST_F(a_connection, begins_anew_with_its_subscriptions_where_the_journal_has_no_session) {
  const char* hello = "10 ## s'MQTT' 05 00 003C {11 0000000A} s'id'";
  for (const bool present : {false, true}) {
    come();
    say(hello);
    EXPECT_THAT(asked(), ElementsAre("open id"));
    take(opened(present));
    EXPECT_THAT(told(), ElementsAre(present ? "came back" : "came"));
    end(true);
    asked();
    told();
  }
}

TEST_F(a_connection, is_refused_where_the_journal_cannot_open_its_session) {
  come();
  say(hello_5);
  asked();
  auto refused = opened();
  refused.result = model::outcome::refused;
  refused.fault = fault_code::storage_full;
  take(refused);
  EXPECT_THAT(received(), StartsWith("20"));
  EXPECT_TRUE(is_closed());
  EXPECT_THAT(asked(), ElementsAre("close 0"));
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(rejected_for(fault_code::storage_full), 1u);
  EXPECT_EQ(probe_.connections_open.value(), 0);
}

TEST_F(a_connection, is_refused_while_the_node_drains) {
  shard_.draining = true;
  come();
  say(hello_5);
  EXPECT_TRUE(is_closed());
  EXPECT_EQ(rejected_for(fault_code::server_shutting_down), 1u);
}

TEST_F(a_connection, comes_in_under_overload_by_its_priority_or_because_it_is_known) {
  const auto asks_for = [&](const std::string& id) {
    come();
    say("10 ## s'MQTT' 05 02 003C 00 s'" + id + "'");
    return asked().front();  // behind it comes the end of the one before
  };
  const auto at = [&](model::overload_level level) {
    overload_.level.set(static_cast<std::int64_t>(level));
  };
  at(model::overload_level::elevated);
  EXPECT_EQ(asks_for("low-1"), "open low-1 clean");
  at(model::overload_level::high);
  EXPECT_EQ(asks_for("low-2"), "open low-2 clean if known");
  EXPECT_EQ(asks_for("other-1"), "open other-1 clean");
  at(model::overload_level::critical);
  EXPECT_EQ(asks_for("other-2"), "open other-2 clean if known");
  EXPECT_EQ(asks_for("high-1"), "open high-1 clean");
  at(model::overload_level::normal);
  ASSERT_TRUE(budget_.take(model::traffic_class::event, budget_.limit() / 5 * 4));
  EXPECT_EQ(asks_for("low-3"), "open low-3 clean if known");
  EXPECT_EQ(asks_for("other-3"), "open other-3 clean");
}

TEST_F(a_connection, reads_no_more_than_it_must_before_it_is_let_in) {
  come();
  const std::string late(10'000, '\0');
  say_bytes(bytes_of(hello_5) + late);
  EXPECT_EQ(probe_.bytes_in.value(), shard::handshake_read_bytes);
  round();
  EXPECT_EQ(probe_.bytes_in.value(), shard::handshake_read_bytes);
}

TEST_F(a_connection, is_closed_where_no_connect_comes_in_time) {
  come();
  pass(9 * s);
  EXPECT_FALSE(is_closed());
  pass(1 * s);
  EXPECT_TRUE(is_closed());
  EXPECT_EQ(rejected_for(fault_code::connect_timeout), 1u);
  EXPECT_THAT(asked(), IsEmpty()) << "the journal never knew of it";
}

TEST_F(a_connection, is_closed_after_one_and_a_half_keep_alives_of_silence) {
  come_in();
  pass(60 * s);
  say("C0 00");
  EXPECT_EQ(received(), "D0 00");
  pass(89 * s);
  EXPECT_FALSE(is_closed());
  pass(1 * s);
  EXPECT_THAT(received(), StartsWith("E0"));
  EXPECT_TRUE(is_closed_);
  EXPECT_EQ(closed_for(fault_code::keep_alive_timeout), 1u);
}

TEST_F(a_connection, acknowledges_with_the_receipt_and_not_before) {
  come_in();
  say("32 ## s't' 0001 00 'x'");
  say("34 ## s't' 0002 00 'x'");
  EXPECT_THAT(asked(), ElementsAre("t q1 #1", "t q2 #2"));
  EXPECT_EQ(received(), "");
  take(receipt(model::outcome::duplicate, 1));
  EXPECT_EQ(received(), "40 02 00 01");
  take(receipt(model::outcome::stored, 2, 2));
  EXPECT_EQ(received(), "50 02 00 02");
  say("62 02 0002");
  EXPECT_THAT(asked(), ElementsAre("release #2"));
  EXPECT_EQ(received(), "");
  take(released(model::outcome::stored, 2, fault_code::internal));
  EXPECT_EQ(received(), "70 02 00 02");
}

TEST_F(a_connection, says_of_each_message_of_one_reading_what_is_true_of_it) {
  come_in();
  std::string reading;
  for (const auto* packet :
       {"32 ## s'a' 0001 00 'x'", "30 ## s'b' 00 'y'", "32 ## s'a' 0002 00 'z'",
        "31 ## s'a' {03 s'text/plain'} 'w'", "30 ## s'a' 00"}) {
    reading += bytes_of(packet);
  }
  say_bytes(reading);
  std::vector<std::string> lines;
  shard_.intake.to_parser.read(100, [&](auto, const contract::inbound_item& item) {
    const auto& m = *item.message;
    lines.push_back(std::string(m.topic) + " " + std::string(as_text(m.payload)) + " q" +
                    std::to_string(m.qos) + " #" + std::to_string(m.packet_id) +
                    (m.retain ? " retained " : " ") + std::string(m.content_type) + "of " +
                    std::string(m.client_id) + (m.level == model::ack_level::none ? "" : ", owed"));
  });
  EXPECT_THAT(lines,
              ElementsAre("a x q1 #1 of id, owed", "b y q0 #0 of id", "a z q1 #2 of id, owed",
                          "a w q0 #0 retained text/plainof id", "a  q0 #0 of id"));
}

TEST_F(a_connection, tells_the_fault_of_a_quarantined_message_where_the_version_can) {
  for (const auto* hello : {hello_4, hello_5}) {
    come_in(hello);
    say(hello == hello_4 ? "32 ## s't' 0001 'x'" : "32 ## s't' 0001 00 'x'");
    asked();
    take(receipt(model::outcome::quarantined, 1, 1, fault_code::schema_violation));
    EXPECT_THAT(received(), StartsWith(hello == hello_4 ? "40 02 00 01" : "40"));
    EXPECT_FALSE(is_closed());
  }
}

TEST(an_intake, brings_much_in_several_batches_each_with_its_memory_and_charge) {
  constexpr auto cls = model::traffic_class::event;
  constexpr std::size_t large = contract::shard_intake::large_bytes / 2;
  runtime::memory_budget budget(64 << 20);
  contract::shard_intake intake(0, budget, {1000, 64 << 20});
  for (int i = 0; i < 5; ++i) {
    intake.seal_large();
    ASSERT_FALSE(intake.claim(cls, large));
    (void)intake.memory[model::index(cls)].allocate(large);
    contract::inbound_item item;
    ASSERT_TRUE(intake.to_parser.post(cls, item, large));
  }
  intake.seal(cls);
  intake.seal(cls);
  const auto& parts = intake.sealed[model::index(cls)];
  ASSERT_EQ(parts.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t items = i < 2 ? 2 : 1;
    EXPECT_EQ(parts[i].items, items);
    EXPECT_EQ(parts[i].memory.used(), items * large);
    EXPECT_EQ(parts[i].charge.bytes(), items * large);
  }
}

TEST_F(a_connection, says_of_what_is_owed_that_it_waits_for_room) {
  come_in();
  say("30 ## s't' 00 'x'");
  say("32 ## s't' 0001 00 'x'");
  say("62 02 0002");
  std::vector<bool> waits;
  shard_.intake.to_parser.read(10, [&](auto, const contract::inbound_item& item) {
    waits.push_back(item.message != nullptr ? item.message->waits_for_room
                                            : item.mark->waits_for_room);
  });
  EXPECT_THAT(waits, ElementsAre(false, true, true));
}

TEST_F(a_connection, withholds_what_was_refused_and_leaves_within_five_seconds) {
  come_in();
  say("32 ## s't' 0001 00 'x'");
  asked();
  take(receipt(model::outcome::refused, 1, 1, fault_code::spool_budget_full));
  EXPECT_EQ(received(), "");
  pass(5 * s);
  EXPECT_THAT(received(), StartsWith("E0"));
  EXPECT_TRUE(is_closed_);
  EXPECT_EQ(closed_for(fault_code::spool_budget_full), 1u);
}

TEST_F(a_connection, completes_an_unknown_release_and_withholds_one_that_is_not_noted) {
  come_in();
  say("62 02 0001 62 02 0002");
  EXPECT_THAT(asked(), ElementsAre("release #1", "release #2"));
  take(released(model::outcome::refused, 1, fault_code::packet_identifier_not_found));
  EXPECT_THAT(received(), StartsWith("70"));
  take(released(model::outcome::refused, 2, fault_code::storage_full));
  EXPECT_EQ(received(), "");
  pass(5 * s);
  EXPECT_TRUE(is_closed());
}

TEST_F(a_connection, leaves_within_five_seconds_where_another_connection_waits_for_its_message) {
  come_in();
  say("32 ## s't' 0001 00 'x'");
  asked();
  take(receipt(model::outcome::superseded, 1));
  EXPECT_EQ(received(), "");
  pass(5 * s);
  EXPECT_THAT(received(), StartsWith("E0"));
  EXPECT_TRUE(is_closed_);
  EXPECT_EQ(closed_for(fault_code::server_busy), 1u);
}

TEST_F(a_connection, stops_reading_where_too_much_is_unacknowledged_and_goes_on_with_receipts) {
  settings_.max_unacknowledged_bytes = 2'000;
  come_in();
  for (int id = 1; id <= 4; ++id) say("32 ## s't' 000" + std::to_string(id) + " 00 'x'");
  EXPECT_THAT(asked(), ElementsAre("t q1 #1", "t q1 #2", "t q1 #3"));
  EXPECT_EQ(probe_.connections_paused.value(), 1);
  round();
  EXPECT_THAT(asked(), IsEmpty());
  take(receipt(model::outcome::stored, 1));
  EXPECT_THAT(asked(), ElementsAre("t q1 #4"));
  EXPECT_EQ(probe_.connections_paused.value(), 0);
}

TEST_F(a_connection, sheds_and_counts_qos_0_where_the_road_has_no_room) {
  come_in();
  for (int i = 0; i < 10; ++i) say("30 ## s't' 00 'x'");
  EXPECT_EQ(asked().size(), 8u) << "so many its lane holds";
  EXPECT_EQ(probe_.shed[model::traffic_class::telemetry][fault_code::mailbox_full].value(), 2u);
  EXPECT_EQ(probe_.connections_paused.value(), 0);
  for (int i = 1; i <= 9; ++i) say("32 ## s't' 000" + std::to_string(i) + " 00 'x'");
  EXPECT_EQ(probe_.connections_paused.value(), 1) << "what is owed an answer waits unread";
  EXPECT_EQ(asked().size(), 8u);
  round();
  EXPECT_THAT(asked(), ElementsAre("t q1 #9"));
}

TEST_F(a_connection, is_sent_away_where_there_is_no_memory_for_its_unfinished_packet) {
  come_in();
  ASSERT_TRUE(budget_.take(model::traffic_class::telemetry,
                           budget_.limit_now(model::traffic_class::telemetry) - budget_.used()));
  const auto used = budget_.used();
  say_bytes(bytes_of("30 80 80 04") + std::string(20'000, 'x'));
  EXPECT_THAT(received(), StartsWith("E0"));
  EXPECT_TRUE(is_closed_);
  EXPECT_EQ(closed_for(fault_code::memory_budget_full), 1u);
  EXPECT_EQ(budget_.used(), used) << "nothing of it is held any more";
}

TEST_F(a_connection, gives_its_memory_back_when_a_large_packet_is_whole) {
  come_in();
  shard_.intake.credit.trim();
  const auto before = budget_.used();
  say_bytes(bytes_of("30 A6 9C 01 s't' 00") + std::string(10'000, 'x'));
  EXPECT_GT(budget_.used(), before);
  say_bytes(std::string(10'002, 'x'));
  EXPECT_THAT(asked(), ElementsAre("t q0 #0"));
  shard_.intake.credit.trim();
  EXPECT_EQ(budget_.used(), before);
}

TEST_F(a_connection, of_a_client_that_took_over_is_told_and_closed) {
  come_in();
  model::receipt r;
  r.kind = model::record_kind::session_open;
  r.result = model::outcome::taken_over;
  take(r);
  EXPECT_THAT(received(), StartsWith("E0"));
  EXPECT_TRUE(is_closed_);
  EXPECT_EQ(closed_for(fault_code::session_taken_over), 1u);
}

TEST_F(a_connection, tells_of_its_end_and_whether_the_will_is_due) {
  const char* with_will = "10 ## s'MQTT' 05 06 003C {11 0000000A} s'id' 00 s'gone' s'x'";
  come_in(with_will);
  end(true);
  EXPECT_THAT(asked(), ElementsAre("close 10"));
  EXPECT_THAT(told(), ElementsAre("went will 10"));
  EXPECT_EQ(closed_for(fault_code::peer_closed), 1u);
  come_in(with_will);
  say("E0 ## 00 {11 00000000}");
  EXPECT_TRUE(is_closed());
  EXPECT_THAT(asked(), ElementsAre("close 0"));
  EXPECT_THAT(told(), ElementsAre("went 0"));
  EXPECT_EQ(probe_.connections_closed_normally.value(), 1u);
}

TEST_F(a_connection, tells_of_its_end_later_where_there_is_no_room) {
  come_in();
  for (int i = 0; i < 8; ++i) say("30 ## s't' 00 'x'");
  model::envelope filler;  // control is full too
  for (int i = 0; i < 8; ++i) {
    contract::inbound_item item{nullptr, &filler};
    ASSERT_TRUE(shard_.intake.to_parser.post(model::traffic_class::control, item, 1));
  }
  end(true);
  EXPECT_EQ(shard_.untold.size(), 1u);
  asked();
  round();
  EXPECT_TRUE(shard_.untold.empty());
  EXPECT_THAT(asked(), ElementsAre("close 0"));
}

TEST_F(a_connection, keeps_a_peer_that_sends_no_more_for_ten_seconds_where_something_is_owed) {
  settings_.max_unacknowledged_bytes = 600;
  come_in();
  say("32 ## s't' 0001 00 'x'");
  say("32 ## s't' 0002 00 'x'");
  ASSERT_EQ(probe_.connections_paused.value(), 1);
  end(false);
  pass(9 * s);
  EXPECT_FALSE(is_closed());
  pass(1 * s);
  EXPECT_TRUE(is_closed());
  EXPECT_EQ(closed_for(fault_code::peer_closed), 1u);
}

TEST_F(a_connection, of_a_peer_that_was_reset_is_closed_at_once_also_where_it_is_paused) {
  settings_.max_unacknowledged_bytes = 600;
  come_in();
  say("32 ## s't' 0001 00 'x'");
  say("32 ## s't' 0002 00 'x'");
  end(true);
  EXPECT_EQ(closed_for(fault_code::peer_closed), 1u);
  EXPECT_EQ(probe_.connections_paused.value(), 0);
}

TEST_F(a_connection, hands_requests_on_and_packets_to_its_client) {
  come_in();
  it_->deliver("early", false);
  say("82 ## 0001 00 s'a' 00");
  EXPECT_THAT(told(), ElementsAre("came back", "subscribe"));
  say("A2 ## 0001 00 s'a'");
  say("40 02 0001");
  EXPECT_THAT(told(), ElementsAre("unsubscribe", "acknowledge"));
  it_->deliver("!", true);
  round();
  EXPECT_EQ(received(), hex("early!"));
}

TEST_F(a_connection, takes_nothing_for_a_client_that_is_not_let_in_yet) {
  come();
  say(hello_5);
  it_->deliver("too early", false);
  round();
  EXPECT_EQ(received(), "");
}

TEST_F(a_connection, drops_what_may_be_dropped_where_its_client_reads_too_little) {
  come_in();
  const std::string packet(10'000, 'p');
  for (int i = 0; i < 200; ++i) {
    it_->deliver(packet, true);
    round();
  }
  EXPECT_GT(probe_.undelivered_here[undelivered::slow_client].value(), 0u);
  EXPECT_FALSE(is_closed()) << "and is none the worse for it";
  (void)budget_.take(model::traffic_class::control, budget_.limit() / 2);
  it_->deliver("p", true);
  EXPECT_EQ(probe_.undelivered_here[undelivered::no_memory].value(), 1u);
}

TEST_F(a_connection, brings_a_message_of_any_size_to_a_client_that_has_read_all_before) {
  come_in();
  const std::string large(100'000, 'p');
  for (int i = 0; i < 3; ++i) {
    it_->deliver(large, true);
    round();
    EXPECT_EQ(received(), hex(large));
  }
  it_->deliver("p", true);
  it_->deliver(large, true);
  EXPECT_EQ(probe_.undelivered_here[undelivered::slow_client].value(), 1u) << "something waits";
}

TEST_F(a_connection, brings_a_message_that_is_owed_and_larger_than_what_else_may_wait) {
  come_in();
  const std::string large(5 << 18, 'p');
  it_->deliver(large, false);
  say("C0 00");
  constexpr std::size_t ping_answer_bytes = 2, hex_bytes = 3;
  std::size_t got = 0;
  for (int i = 0; i < 100 && got < large.size() + ping_answer_bytes; ++i) {
    got += (received().size() + 1) / hex_bytes;
    runtime::readiness::event room;
    room.writable = true;
    it_->on_event(room);
    round();
  }
  EXPECT_EQ(got, large.size() + ping_answer_bytes);
  EXPECT_FALSE(is_closed());
}

TEST_F(a_connection, says_when_a_delivery_that_wants_a_word_has_left) {
  come_in();
  const std::string large(3 << 18, 'p');
  it_->deliver(large, false);
  it_->want_word();
  it_->deliver(large, false);
  round();
  contract::client_event filler;
  while (subscribers_.events.post(model::traffic_class::control, filler, 1024)) continue;
  EXPECT_TRUE(shard_.untold.empty());
  constexpr std::size_t hex_bytes = 3;
  std::size_t got = 0;
  const auto read_to = [&](std::size_t bytes) {
    for (int i = 0; i < 100 && got < bytes; ++i) {
      got += (received().size() + 1) / hex_bytes;
      runtime::readiness::event room;
      room.writable = true;
      it_->on_event(room);
      round();
    }
  };
  read_to(large.size());
  EXPECT_EQ(shard_.untold.size(), 1u) << "nobody can be told";
  (void)told();
  round();
  EXPECT_THAT(told(), ElementsAre("sent"));
  read_to(2 * large.size());
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(a_connection, is_closed_where_its_client_reads_nothing_at_all) {
  come_in();
  const std::string packet(100'000, 'p');
  for (int i = 0; i < 30 && closed_for(fault_code::quota_exceeded) == 0; ++i) {
    it_->deliver(packet, false);
    round();
  }
  EXPECT_EQ(closed_for(fault_code::quota_exceeded), 1u);
}

TEST_F(a_connection, leaves_when_it_is_asked_to) {
  come_in();
  it_->leave(fault_code::administrative_action);
  it_->leave(fault_code::administrative_action);
  round();
  EXPECT_THAT(received(), StartsWith("E0"));
  EXPECT_TRUE(is_closed_);
  EXPECT_EQ(closed_for(fault_code::administrative_action), 1u);
  take(receipt(model::outcome::stored, 1));
  EXPECT_EQ(probe_.connections_open.value(), 0);
}

}  // namespace
}  // namespace fleetgate::ingress
