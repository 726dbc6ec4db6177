// What connections and requests note in the flight recorder. The test is the client, the shard and
// the journal, as in connection_actor_test.cpp; nothing runs beside it.
#include "actors/ingress/connection_trace.hpp"

#include <sys/socket.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "actors/ingress/loose_message.hpp"
#include "actors/ingress/mqtt_connection.hpp"
#include "actors/ingress/native_connection.hpp"
#include "tests/actors/observe/pen.hpp"
#include "tests/protocol/mqtt/support.hpp"
#include "tests/protocol/native/support.hpp"

namespace fleetgate::ingress {
namespace {

using model::trace_event;

constexpr std::int64_t now_unix_ns = 1'700'000'000'000'000'000;
constexpr std::size_t most_items = 8;  // that a lane of the road to the parser takes

class what_is_noted : public testing::Test {
 protected:
  what_is_noted() {
    settings_.probe = &probe_;
    shard_.loose_probe = &probe_;
    shard_.now = {1, now_unix_ns};
    shard_.trace = pen_.writer();
    shard_.sockets.on_event([](const runtime::readiness::event&) {});
  }
  ~what_is_noted() override {
    leave(fault_code::server_shutting_down);
    shard_.readable.clear();
    shard_.unsent.clear();
    shard_.untold.clear();
    it_ = nullptr;
    home_.start();  // for the ends of the actors
    system_.await_all_actors_done();
    home_.stop();
    home_.join();
  }

  static model::topic_rules rules() {
    model::topic_rule_spec event;
    event.match = "devices/{device}/event";
    event.cls = model::traffic_class::event;
    return std::move(*model::topic_rules::compile({event}));
  }

  template <class Connection>
  void come(const std::string& hello) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    client_ = runtime::descriptor(pair[0]);
    const auto ref = shard_.table.reserve();
    it_ = runtime::spawn_pinned_as<Connection>(home_, shard_, settings_,
                                               runtime::descriptor(pair[1]), ref);
    shard_.table.put(ref, it_);
    it_->start({});
    say(hello);
  }
  void let_in() {
    model::receipt opened;
    opened.kind = model::record_kind::session_open;
    it_->take(opened);
    make_room();
  }
  void come_by_mqtt() {
    settings_.session = mqtt::session_limits{};
    come<mqtt_connection>(mqtt::bytes_of("10 ## s'MQTT' 05 02 003C 00 s'client-1'"));
  }
  void come_by_native() {
    native::session_limits limits;
    limits.node = "node-1";
    settings_.session = limits;
    native::hello_packet hello;
    hello.device = "press-1";
    hello.boot = 4;
    come<native_connection>(native::encoded(hello));
  }
  void say(const std::string& bytes) {
    ASSERT_EQ(::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    runtime::readiness::event e;
    e.readable = true;
    it_->on_event(e);
    auto readable = std::exchange(shard_.readable, {});
    for (auto& c : readable) c->read();
  }
  void leave(fault_code why) {
    if (it_) it_->leave(why);
  }
  void make_room() {
    shard_.intake.to_parser.read(1000, [](auto, const contract::inbound_item&) {});
    for (const auto cls : model::all_traffic_classes) (void)shard_.intake.credit.collect(cls);
  }
  /// The only one of its event.
  observe::trace_record only(trace_event event) {
    const auto all = pen_.noted(event);
    EXPECT_EQ(all.size(), 1u) << describe(event).name;
    return all.empty() ? observe::trace_record{} : all.front();
  }

  observe::testing::pen pen_;
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  runtime::memory_budget budget_{4 << 20};
  runtime::unit home_{system_, "shard-0"};  // its thread does not run while the test does
  model::topic_rules rules_ = rules();
  contract::subscriber_mail subscribers_{1, 1 << 20};
  contract::command_mail commands_{1, 1 << 20};
  observe::overload_probe overload_;
  observe::logger log_;
  observe::ingress_probe probe_;
  listener_settings settings_;
  shard shard_{0,         home_,     budget_, rules_, {}, {most_items, 64 * 1024}, subscribers_,
               commands_, overload_, log_};
  runtime::descriptor client_;
  runtime::actor_ptr<connection_actor> it_;
};

TEST_F(what_is_noted, a_session_that_opens_and_a_goodbye_are_ordinary) {
  come_by_mqtt();
  EXPECT_TRUE(pen_.noted().empty()) << "it is not accepted yet";
  let_in();
  const auto opened = only(trace_event::connected);
  EXPECT_EQ(opened.subject, "client-1");
  EXPECT_EQ(opened.time_ns, now_unix_ns);
  say(mqtt::bytes_of("E0 00"));
  const auto closed = only(trace_event::disconnected);
  EXPECT_EQ(closed.subject, "client-1");
  EXPECT_FALSE(closed.note.fault);
  EXPECT_EQ(pen_.noted().size(), 2u);
}

TEST_F(what_is_noted, a_client_that_is_refused_before_its_session_is_an_anomaly) {
  come_by_mqtt();
  model::receipt refused;
  refused.kind = model::record_kind::session_open;
  refused.result = model::outcome::refused;
  refused.fault = fault_code::server_busy;
  it_->take(refused);
  const auto r = only(trace_event::connection_rejected);
  EXPECT_EQ(r.subject, "client-1");
  EXPECT_EQ(r.note.fault, fault_code::server_busy);
  EXPECT_EQ(pen_.noted().size(), 1u);
}

TEST_F(what_is_noted, a_session_that_is_closed_for_a_fault_is_an_anomaly) {
  come_by_mqtt();
  let_in();
  say(mqtt::bytes_of("00 00"));
  const auto r = only(trace_event::connection_lost);
  EXPECT_EQ(r.subject, "client-1");
  EXPECT_EQ(r.note.fault, fault_code::malformed_packet);
}

TEST_F(what_is_noted, a_peer_that_is_gone_and_a_node_that_ends_are_ordinary) {
  note_closed(shard_, "client-1", true, fault_code::peer_closed);
  note_closed(shard_, "", false, fault_code::peer_closed);
  note_closed(shard_, "client-2", true, fault_code::server_shutting_down);
  EXPECT_EQ(pen_.noted(trace_event::disconnected).size(), 3u);
  EXPECT_EQ(pen_.noted().size(), 3u);
}

TEST_F(what_is_noted, a_qos_0_message_without_room_is_shed_with_its_device_and_why) {
  come_by_mqtt();
  let_in();
  for (std::size_t i = 0; i < most_items; ++i) {
    say(mqtt::bytes_of("30 ## s'devices/press-7/event' 00 'x'"));
  }
  EXPECT_TRUE(pen_.noted(trace_event::shed).empty());
  say(mqtt::bytes_of("30 ## s'devices/press-7/event' 00 'x'"));
  const auto r = only(trace_event::shed);
  EXPECT_EQ(r.subject, "press-7");
  EXPECT_EQ(r.note.cls, model::traffic_class::event);
  EXPECT_EQ(r.note.fault, fault_code::mailbox_full);
  EXPECT_FALSE(r.note.sequence) << "nobody has read the payload";
  EXPECT_FALSE(r.note.epoch);
  EXPECT_EQ(r.note.count, 1u);
  EXPECT_EQ(r.time_ns, now_unix_ns);
}

TEST_F(what_is_noted, a_device_without_a_rule_is_its_client) {
  come_by_mqtt();
  let_in();
  for (std::size_t i = 0; i <= most_items; ++i) say(mqtt::bytes_of("30 ## s't' 00 'x'"));
  EXPECT_EQ(only(trace_event::shed).subject, "client-1");
}

TEST_F(what_is_noted, an_owed_message_without_room_waits_and_is_not_noted) {
  come_by_mqtt();
  let_in();
  for (std::size_t i = 0; i <= most_items; ++i) {
    say(mqtt::bytes_of("32 ## s't' 000" + std::to_string(i + 1) + " 00 'x'"));
  }
  EXPECT_TRUE(pen_.noted(trace_event::shed).empty());
  EXPECT_TRUE(pen_.noted(trace_event::sent_back).empty());
}

TEST_F(what_is_noted, a_native_message_that_is_sent_back_is_noted_with_its_key) {
  come_by_native();
  let_in();
  for (std::uint64_t n = 1; n <= most_items + 1; ++n) say(native::publication(n));
  const auto r = only(trace_event::sent_back);
  EXPECT_EQ(r.subject, "press-1");
  EXPECT_EQ(r.note.cls, model::traffic_class::telemetry);
  EXPECT_EQ(r.note.fault, fault_code::mailbox_full);
  EXPECT_EQ(r.note.epoch, 4u);
  EXPECT_EQ(r.note.sequence, most_items + 1);
}

TEST_F(what_is_noted, a_message_of_a_request_that_is_sent_back_is_noted_with_its_topics_device) {
  contract::message_request request;
  for (const char* topic : {"devices/press-7/event", "t"}) {
    contract::loose_message m;
    m.topic = topic;
    m.device = "of-request";
    m.sequence = 5;
    m.epoch = 6;
    request.messages.push_back(m);
  }
  request.answer = [](const std::vector<contract::message_fate>&) {};
  shard_.draining = true;
  take_request(shard_, std::move(request));
  const auto all = pen_.noted(trace_event::sent_back);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].subject, "press-7");
  EXPECT_EQ(all[0].note.cls, model::traffic_class::event);
  EXPECT_EQ(all[0].note.sequence, 5u);
  EXPECT_EQ(all[0].note.epoch, 6u);
  EXPECT_EQ(all[0].note.fault, fault_code::server_shutting_down);
  EXPECT_EQ(all[1].subject, "of-request");
  EXPECT_EQ(all[1].note.cls, model::traffic_class::telemetry);
}

}  // namespace
}  // namespace fleetgate::ingress
