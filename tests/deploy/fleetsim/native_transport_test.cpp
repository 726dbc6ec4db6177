#include "deploy/fleetsim/native_transport.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "protocol/native/decode.hpp"

namespace fleetgate::fleetsim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* telemetry = "devices/sim-1/telemetry";
constexpr const char* door = "plants/7/event/door";

class native_transport_of : public testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override {
    transport.connect({"sim-1", 7, true}, out);
    out.clear();
    native::welcome_packet w;
    w.keep_alive_s = 20;
    w.maximum_frame = 1000;
    w.credits = {{{64, 1 << 20}, {64, 1 << 20}, {8, 1 << 20}, {1024, 5000}}};
    welcome = meaning(w);
  }

  /// The packets that the server gets.
  std::vector<native::packet> received() {
    std::vector<native::packet> packets;
    for (byte_view rest = as_bytes(out); !rest.empty();) {
      const auto framed = native::next_frame(rest, 1 << 20);
      const auto* f = std::get_if<native::frame>(&framed);
      const auto p = f != nullptr ? native::decode(*f, native::receiver::server)
                                  : tl::unexpected(native::decode_fault{});
      EXPECT_TRUE(p) << "not a frame that a server may be sent";
      if (!p) break;
      packets.push_back(*p);
      rest = rest.subspan(f->size());
    }
    return packets;
  }
  template <class Packet>
  Packet only_received() {
    const auto packets = received();
    EXPECT_EQ(packets.size(), 1U);
    const bool is_it = packets.size() == 1 && std::holds_alternative<Packet>(packets[0]);
    EXPECT_TRUE(is_it);
    return is_it ? std::get<Packet>(packets[0]) : Packet{};
  }

  /// What the device makes of a frame, which comes a byte at a time.
  std::vector<event> meanings(const native::packet& p) {
    std::string bytes;
    native::encode(p, bytes);
    std::vector<event> events;
    for (std::size_t n = 1; n < bytes.size(); ++n) {
      EXPECT_EQ(transport.take(as_bytes(bytes).first(n), events, out), std::size_t{0});
    }
    EXPECT_EQ(transport.take(as_bytes(bytes), events, out), bytes.size());
    return events;
  }
  event meaning(const native::packet& p) {
    const auto events = meanings(p);
    EXPECT_EQ(events.size(), 1U);
    return events.empty() ? event{} : events.front();
  }
  static std::vector<std::uint16_t> ids(const std::vector<event>& events, event::kind of) {
    std::vector<std::uint16_t> found;
    for (const event& e : events) {
      if (e.is == of && !e.is_refusal()) found.push_back(e.id);
    }
    return found;
  }

  void send(std::uint64_t sequence, const char* topic = telemetry, bool again = false) {
    transport.send({{static_cast<std::uint16_t>(100 + sequence), 7, sequence, again}, topic, "{}"},
                   out);
  }
  static native::ack_packet ack_of_telemetry() {
    native::ack_packet a;
    a.stream = "telemetry";
    return a;
  }

  connection_settings connection;
  native_transport transport{
      connection, native_settings{GetParam(), 256}, {telemetry, door, telemetry}};
  event welcome;
  std::string out;
};

TEST_P(native_transport_of, hello_names_device_boot_and_credentials) {
  connection.user_name = "acme";
  connection.password = "s3cret";
  transport.connect({"sim-1", 9, false}, out);
  const auto p = only_received<native::hello_packet>();
  EXPECT_EQ(p.device, "sim-1");
  EXPECT_EQ(p.boot, 9U);
  EXPECT_EQ(p.user, "acme");
  EXPECT_EQ(as_text(p.token), "s3cret");
  EXPECT_EQ(p.keep_alive_s, 60);
}

TEST_P(native_transport_of,
       welcome_limits_the_window_to_the_smallest_credit_of_the_classes_in_use) {
  EXPECT_EQ(welcome.is, event::kind::connected);
  EXPECT_EQ(welcome.keep_alive_s, 20);
  EXPECT_EQ(welcome.most_in_flight, 8) << "of event; the bytes of telemetry would do for 19";
  native::welcome_packet again;
  EXPECT_EQ(meaning(again).is, event::kind::unexpected);
}

TEST_P(native_transport_of, a_class_without_room_for_one_message_still_lets_it_be_tried) {
  transport.connect({"sim-1", 7, true}, out);
  native::welcome_packet w;
  w.credits = {{{1, 1}, {1, 1}, {1, 1}, {1, 1}}};
  EXPECT_EQ(meaning(w).most_in_flight, 1);
}

TEST_P(native_transport_of, all_that_was_sent_arrives_in_frames_of_the_batch_and_within_the_limit) {
  for (std::uint64_t n = 1; n <= 7; ++n) send(n);
  transport.complete(out);
  std::vector<std::uint64_t> sequences;
  for (const auto& p : received()) {
    if (const auto* one = std::get_if<native::publish_packet>(&p)) {
      EXPECT_EQ(GetParam(), 1U);
      EXPECT_EQ(one->header.stream, "telemetry");
      EXPECT_EQ(one->header.topic, "") << "the server makes it from device and stream";
      sequences.push_back(one->message.sequence);
      continue;
    }
    const auto& several = std::get<native::batch_packet>(p);
    EXPECT_LE(several.payloads.count, GetParam());
    native::batch_cursor messages(several);
    while (const auto m = messages.next()) {
      EXPECT_EQ(as_text(m->payload), "{}");
      sequences.push_back(m->sequence);
    }
  }
  EXPECT_THAT(sequences, ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST_P(native_transport_of, topics_are_streams_with_their_own_class_and_frames) {
  for (std::uint64_t n = 1; n <= 4; ++n) send(n, n % 2 != 0 ? telemetry : door);
  transport.complete(out);
  std::map<std::string, std::vector<std::uint64_t>> by_stream;
  for (const auto& p : received()) {
    const auto* one = std::get_if<native::publish_packet>(&p);
    const auto* several = std::get_if<native::batch_packet>(&p);
    const auto& h = one != nullptr ? one->header : several->header;
    auto& sequences = by_stream[std::string(h.stream)];
    EXPECT_EQ(h.cls == model::traffic_class::event, h.stream == door);
    EXPECT_EQ(h.topic, h.stream == door ? door : "");
    if (one != nullptr) {
      sequences.push_back(one->message.sequence);
      continue;
    }
    native::batch_cursor messages(*several);
    while (const auto m = messages.next()) sequences.push_back(m->sequence);
  }
  EXPECT_THAT(by_stream["telemetry"], ElementsAre(1, 3));
  EXPECT_THAT(by_stream[door], ElementsAre(2, 4));
}

TEST_P(native_transport_of, no_frame_is_longer_than_the_server_takes) {
  const std::string payload(400, 'x');
  for (std::uint16_t n = 1; n <= 6; ++n)
    transport.send({{n, 7, n, false}, telemetry, payload}, out);
  transport.complete(out);
  std::size_t frames = 0;
  for (byte_view rest = as_bytes(out); !rest.empty(); ++frames) {
    const auto framed = native::next_frame(rest, 1000);
    ASSERT_TRUE(std::holds_alternative<native::frame>(framed));
    rest = rest.subspan(std::get<native::frame>(framed).size());
  }
  EXPECT_EQ(frames, GetParam() == 1 ? 6U : 3U);
}

TEST_P(native_transport_of, up_to_and_ranges_acknowledge_what_they_cover_once) {
  for (const std::uint64_t n : {2, 3, 5, 8, 9}) send(n);
  auto a = ack_of_telemetry();
  native::list_bytes ranges;
  native::append_range({8, 8}, ranges);
  a.ranges = ranges.of();
  a.up_to = 4;
  EXPECT_THAT(ids(meanings(a), event::kind::acknowledged), ElementsAre(108, 102, 103));
  EXPECT_THAT(meanings(a), IsEmpty()) << "said again it means nothing";
  a.up_to = 9;
  EXPECT_THAT(ids(meanings(a), event::kind::acknowledged), ElementsAre(105, 109));
}

TEST_P(native_transport_of, a_final_nack_is_a_refusal_also_where_up_to_passes_it) {
  send(1);
  send(2);
  send(3);
  native::list_bytes nacks;
  native::append_nack({1, 0x99, "schema_violation", {}}, nacks);
  native::append_nack({3, 0, "would_duplicate", {}}, nacks);
  auto a = ack_of_telemetry();
  a.nacks = nacks.of();
  a.up_to = 3;
  const auto events = meanings(a);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].reason, 0x99);
  EXPECT_TRUE(events[1].is_refusal()) << "whatever its code";
  EXPECT_THAT(ids(events, event::kind::acknowledged), ElementsAre(102));
}

TEST_P(native_transport_of, a_message_that_was_sent_back_goes_again_and_is_acknowledged_then) {
  send(1);
  send(2);
  native::list_bytes nacks;
  native::append_nack({1, 0x97, "memory_budget_full", 1500}, nacks);
  auto a = ack_of_telemetry();
  a.nacks = nacks.of();
  const event e = meaning(a);
  EXPECT_EQ(e.is, event::kind::sent_back);
  EXPECT_EQ(e.id, 101);
  EXPECT_EQ(e.retry_after_ms, 1500U);
  transport.complete(out);
  out.clear();
  send(1, telemetry, true);
  transport.complete(out);
  EXPECT_FALSE(out.empty());
  a.nacks = {};
  a.up_to = 2;
  EXPECT_THAT(ids(meanings(a), event::kind::acknowledged), ElementsAre(101, 102));
}

TEST_P(native_transport_of, an_answer_to_nothing_is_told) {
  native::ack_packet a;
  a.stream = "another";
  a.up_to = 5;
  EXPECT_EQ(meaning(a).is, event::kind::unexpected);
  a = ack_of_telemetry();
  native::list_bytes nacks;
  native::append_nack({4, 0x97, "", 1}, nacks);
  a.nacks = nacks.of();
  EXPECT_EQ(meaning(a).is, event::kind::unexpected);
}

TEST_P(native_transport_of, nothing_outlives_a_connection) {
  send(1);
  transport.connect({"sim-1", 7, false}, out);
  out.clear();
  transport.complete(out);
  EXPECT_EQ(out, "") << "what was gathered is the device's to send again";
  auto a = ack_of_telemetry();
  a.up_to = 1;
  EXPECT_THAT(meanings(a), IsEmpty());
}

TEST_P(native_transport_of, a_goodbye_turns_away_before_the_welcome_and_closes_after_it) {
  const event late = meaning(native::goodbye_packet{0x8B, "server_shutting_down", 250, ""});
  EXPECT_EQ(late.is, event::kind::closing);
  EXPECT_EQ(late.retry_after_ms, 250U);
  transport.connect({"sim-1", 7, false}, out);
  const event busy = meaning(native::goodbye_packet{0x89, "server_busy", {}, ""});
  EXPECT_EQ(busy.is, event::kind::turned_away);
  EXPECT_FALSE(busy.for_good);
  EXPECT_TRUE(meaning(native::goodbye_packet{0x87, "not_authorized", {}, ""}).for_good);
  EXPECT_EQ(meaning(native::redirect_packet{"elsewhere:1", 9, ""}).reason, 0x9C);
}

TEST_P(native_transport_of, pings_are_answered_and_commands_are_unknown) {
  EXPECT_EQ(meaning(native::ping_packet{native::frame_type::ping, 5}).is, event::kind::alive);
  const auto pong = only_received<native::ping_packet>();
  EXPECT_EQ(pong.type, native::frame_type::pong);
  EXPECT_EQ(pong.number, 5U);
  out.clear();
  EXPECT_EQ(meaning(native::command_packet{"c-1", "reboot", {}, {}, ""}).is, event::kind::alive);
  const auto answer = only_received<native::command_ack_packet>();
  EXPECT_EQ(answer.id, "c-1");
  EXPECT_EQ(answer.status, native::command_status::unknown);
}

TEST_P(native_transport_of, bytes_that_are_no_frames_are_a_fault) {
  std::vector<event> events;
  EXPECT_FALSE(transport.take(as_bytes("HTTP/1.1 400 Bad Request\r\n"), events, out));
  native::encode(native::hello_packet{}, out);
  EXPECT_FALSE(transport.take(as_bytes(out), events, out)) << "only a server may be sent this";
}

INSTANTIATE_TEST_SUITE_P(batches_of, native_transport_of, testing::Values(1, 3, 64));

}  // namespace
}  // namespace fleetgate::fleetsim
