// QoS 1 and 2 on one connection: what is passed on, what is answered, and what is in flight.
#include <gtest/gtest.h>

#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::mqtt {
namespace {

using state = session::progress::state;
using lines = std::vector<std::string>;

std::string publish(int qos, int id, protocol_version v, bool dup = false) {
  publish_packet p;
  p.topic = "t";
  p.payload = as_bytes("x");
  p.qos = static_cast<std::uint8_t>(qos);
  p.packet_id = static_cast<std::uint16_t>(id);
  p.dup = dup;
  return encoded(p, v);
}

struct exchange_test : testing::TestWithParam<protocol_version> {
  exchange_test() { w.open(GetParam()); }
  [[nodiscard]] bool is_v5() const { return GetParam() == v5; }
  state publish_now(int qos, int id, bool dup = false) {
    return w.feed(publish(qos, id, GetParam(), dup));
  }
  wire w;
};

INSTANTIATE_TEST_SUITE_P(both, exchange_test, testing::Values(v3, v5),
                         [](const auto& i) { return i.param == v5 ? "v5" : "v3"; });

TEST_P(exchange_test, qos_1_is_answered_once_when_settled) {
  publish_now(1, 7);
  EXPECT_EQ(w.sent(), "");
  EXPECT_EQ(w.it.in_flight(), 1u);
  w.it.settle(7, 1, std::nullopt, w.out);
  EXPECT_EQ(w.sent(), "40 02 00 07");
  EXPECT_EQ(w.it.in_flight(), 0u);
  w.it.settle(7, 1, std::nullopt, w.out);
  EXPECT_EQ(w.sent(), "");
}

TEST_P(exchange_test, identifier_is_free_after_its_answer_whatever_dup_says) {
  for (int round = 0; round < 2; ++round) {
    publish_now(1, 7, round != 0);
    w.it.settle(7, 1, std::nullopt, w.out);
  }
  EXPECT_EQ(w.sent(), "40 02 00 07 40 02 00 07");
  EXPECT_EQ(w.handler.log, (lines{"publish t x q1 #7", "publish t x q1 #7 dup"}));
  if (!is_v5()) return;
  w.handler.log.clear();
  for (int round = 0; round < 2; ++round) {
    publish_now(2, 8, round != 0);
    w.it.settle(8, 2, fault_code::not_authorized, w.out);  // no PUBREL comes after this
  }
  EXPECT_EQ(w.handler.log, (lines{"publish t x q2 #8", "publish t x q2 #8 dup"}));
}

TEST_P(exchange_test, acknowledgements_may_overtake_each_other) {
  for (std::uint16_t id = 1; id <= 3; ++id) publish_now(1, id);
  for (const std::uint16_t id : std::vector<std::uint16_t>{3, 1, 2})
    w.it.settle(id, 1, std::nullopt, w.out);
  EXPECT_EQ(w.sent(), "40 02 00 03 40 02 00 01 40 02 00 02");
}

TEST_P(exchange_test, qos_0_is_never_in_flight) {
  publish_now(0, 0);
  EXPECT_EQ(w.it.in_flight(), 0u);
  EXPECT_EQ(w.handler.log, lines{"publish t x q0 #0"});
}

TEST_P(exchange_test, qos_2_goes_through_its_four_steps) {
  publish_now(2, 9);
  EXPECT_EQ(w.sent(), "");
  w.it.settle(9, 2, std::nullopt, w.out);
  EXPECT_EQ(w.sent(), "50 02 00 09");
  EXPECT_EQ(w.it.in_flight(), 1u);
  w.feed_spec("62 02 0009");
  EXPECT_EQ(w.sent(), "");
  w.it.complete(9, std::nullopt, w.out);
  EXPECT_EQ(w.sent(), "70 02 00 09");
  EXPECT_EQ(w.it.in_flight(), 0u);
  EXPECT_EQ(w.handler.log, (lines{"publish t x q2 #9", "release #9"}));
}

TEST_P(exchange_test, repeated_qos_2_message_is_passed_on_once) {
  publish_now(2, 9);
  publish_now(2, 9, true);  // before its PUBREC: the one that comes answers both
  w.it.settle(9, 2, std::nullopt, w.out);
  EXPECT_EQ(w.sent(), "50 02 00 09");
  publish_now(2, 9, true);  // after it: PUBREC again
  EXPECT_EQ(w.sent(), "50 02 00 09");
  EXPECT_EQ(w.handler.log, (lines{"publish t x q2 #9", "repeat", "repeat"}));
  EXPECT_EQ(w.it.in_flight(), 1u);
}

TEST_P(exchange_test, completed_identifier_is_a_new_message) {
  for (int round = 0; round < 3; ++round) {
    publish_now(2, 9);
    w.it.settle(9, 2, std::nullopt, w.out);
    w.feed_spec("62 02 0009");
    w.it.complete(9, std::nullopt, w.out);
  }
  EXPECT_EQ(w.handler.log.size(), 6u);
}

TEST_P(exchange_test, unknown_release_is_passed_on_and_completed) {
  w.feed_spec("62 02 0009 62 02 0009");
  EXPECT_EQ(w.handler.log, lines{"release #9"});  // once; the answer that comes is for both
  w.it.complete(9, std::nullopt, w.out);
  EXPECT_EQ(w.sent(), "70 02 00 09");
  w.feed_spec("62 02 0009");
  w.it.complete(9, fault_code::packet_identifier_not_found, w.out);
  if (!is_v5()) {
    EXPECT_EQ(w.sent(), "70 02 00 09");
    return;
  }
  const auto got = *decode(frame_of(w.out), v5, receiver::client);
  EXPECT_EQ(std::get<ack_packet>(got).reason, 0x92);
}

TEST_P(exchange_test, release_before_its_pubrec_is_out_of_step) {
  publish_now(2, 9);
  if (is_v5()) {
    EXPECT_EQ(w.feed_spec("62 02 0009"), state::closed);
    EXPECT_EQ(w.it.closed_for()->code, fault_code::protocol_error);
    return;
  }
  EXPECT_EQ(w.feed_spec("62 02 0009"), state::paused);
  w.it.settle(9, 2, std::nullopt, w.out);
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_EQ(w.handler.log.back(), "release #9");
}

TEST_P(exchange_test, identifier_used_between_release_and_completion_is_out_of_step) {
  publish_now(2, 9);
  w.it.settle(9, 2, std::nullopt, w.out);
  w.feed_spec("62 02 0009");
  const auto got = publish_now(2, 9);
  if (is_v5()) {
    EXPECT_EQ(got, state::closed);
    EXPECT_EQ(w.it.closed_for()->code, fault_code::protocol_error);
    return;
  }
  EXPECT_EQ(got, state::paused);
  w.it.complete(9, std::nullopt, w.out);
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_EQ(w.handler.log.size(), 3u);
}

TEST_P(exchange_test, qos_1_identifier_in_flight_is_answered_each_time_or_refused) {
  publish_now(1, 7);
  const auto got = publish_now(1, 7, true);
  if (is_v5()) {  // [MQTT-4.4.0-1]: no resend within a connection
    EXPECT_EQ(got, state::closed);
    EXPECT_EQ(w.it.closed_for()->code, fault_code::protocol_error);
    EXPECT_EQ(static_cast<unsigned char>(w.out[2]), 0x82);
    return;
  }
  EXPECT_EQ(w.handler.log, (lines{"publish t x q1 #7", "publish t x q1 #7 dup"}));
  EXPECT_EQ(w.it.in_flight(), 2u);
  w.it.settle(7, 1, std::nullopt, w.out);
  w.it.settle(7, 1, std::nullopt, w.out);
  w.it.settle(7, 1, std::nullopt, w.out);
  EXPECT_EQ(w.sent(), "40 02 00 07 40 02 00 07");
}

TEST_P(exchange_test, identifier_at_two_qos_at_once_is_refused_by_version_5) {
  publish_now(1, 7);
  const auto got = publish_now(2, 7);
  EXPECT_EQ(got, is_v5() ? state::closed : state::need_more);
  wire other;
  other.open(GetParam());
  other.feed(publish(2, 7, GetParam()));
  EXPECT_EQ(other.feed(publish(1, 7, GetParam())), is_v5() ? state::closed : state::need_more);
}

TEST_P(exchange_test, failed_messages_hear_it_where_the_version_can) {
  publish_now(1, 1);
  publish_now(2, 2);
  w.it.settle(1, 1, fault_code::payload_format_invalid, w.out);
  if (is_v5()) {
    const auto got = *decode(frame_of(w.out), v5, receiver::client);
    EXPECT_EQ(std::get<ack_packet>(got).reason, 0x99);
    EXPECT_EQ(std::get<ack_packet>(got).props.text(property_id::reason_string),
              "payload format invalid");
  } else {
    EXPECT_EQ(hex(w.out), "40 02 00 01");
  }
  w.out.clear();
  w.it.settle(2, 2, fault_code::not_authorized, w.out);
  if (is_v5()) {
    const auto got = *decode(frame_of(w.out), v5, receiver::client);
    EXPECT_EQ(std::get<ack_packet>(got).type, packet_type::pubrec);
    EXPECT_EQ(std::get<ack_packet>(got).reason, 0x87);
    EXPECT_EQ(w.it.in_flight(), 0u);  // that ends the exchange
  } else {
    EXPECT_EQ(hex(w.out), "50 02 00 02");
    EXPECT_EQ(w.it.in_flight(), 1u);  // its PUBREL is still to come
  }
}

TEST_P(exchange_test, answer_within_the_call_is_as_good) {
  w.handler.publish = [&](const publish_view& p) {
    w.it.settle(p.packet_id, p.qos, std::nullopt, w.out);
    return flow::go_on;
  };
  w.handler.release = [&](std::uint16_t id) {
    w.it.complete(id, std::nullopt, w.out);
    return flow::go_on;
  };
  publish_now(1, 1);
  publish_now(2, 2);
  w.feed_spec("62 02 0002");
  EXPECT_EQ(w.sent(), "40 02 00 01 50 02 00 02 70 02 00 02");
  EXPECT_EQ(w.it.in_flight(), 0u);
}

TEST_P(exchange_test, paused_packet_comes_again_with_the_same_bytes) {
  for (const int qos : {0, 1, 2}) {
    wire one;
    one.open(GetParam());
    int refusals = 2;
    one.handler.publish = [&](const publish_view&) {
      return refusals-- > 0 ? flow::pause : flow::go_on;
    };
    const auto bytes = publish(qos, qos == 0 ? 0 : 5, GetParam());
    EXPECT_EQ(one.feed(bytes + bytes_of("C0 00")), state::paused);
    EXPECT_EQ(one.pending.size(), bytes.size() + 2);
    EXPECT_EQ(one.it.in_flight(), 0u);
    EXPECT_EQ(one.feed(""), state::paused);
    EXPECT_EQ(one.feed(""), state::need_more);
    EXPECT_EQ(one.handler.log.size(), 3u);
    EXPECT_EQ(one.it.in_flight(), qos == 0 ? 0u : 1u);
    EXPECT_EQ(one.sent(), "D0 00");
  }
}

TEST_P(exchange_test, paused_release_comes_again) {
  bool busy = true;
  w.handler.release = [&](std::uint16_t) { return busy ? flow::pause : flow::go_on; };
  EXPECT_EQ(w.feed_spec("62 02 0001"), state::paused);  // unknown here
  EXPECT_EQ(w.it.in_flight(), 0u);
  busy = false;
  EXPECT_EQ(w.feed(""), state::need_more);
  busy = true;
  publish_now(2, 9);
  w.it.settle(9, 2, std::nullopt, w.out);
  EXPECT_EQ(w.feed_spec("62 02 0009"), state::paused);
  w.it.complete(9, std::nullopt, w.out);  // not released yet
  EXPECT_EQ(w.it.in_flight(), 2u);
  busy = false;
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_EQ(w.handler.log.back(), "release #9");
}

TEST_P(exchange_test, acknowledgements_of_nothing_are_harmless) {
  w.feed_spec("40 02 0001 70 02 0001");
  EXPECT_EQ(w.sent(), "");
  w.feed_spec("50 02 0001");
  EXPECT_EQ(w.sent(), "") << "whoever publishes to the client answers";
  if (is_v5()) w.feed_spec("50 03 0001 97");  // an error ends the exchange
  EXPECT_EQ(w.sent(), "");
  EXPECT_TRUE(w.it.connected());
}

TEST_P(exchange_test, end_forgets_what_was_in_flight) {
  publish_now(1, 1);
  w.feed_spec("E0 00");
  EXPECT_EQ(w.it.in_flight(), 0u);
  EXPECT_EQ(w.it.heap_bytes(), 0u);
  w.it.settle(1, 1, std::nullopt, w.out);
  EXPECT_EQ(w.sent(), "");
}

struct window_test : testing::TestWithParam<protocol_version> {
  window_test() : w(limits()) { w.open(GetParam()); }
  static session_limits limits() {
    session_limits l;
    l.receive_maximum = 3;
    return l;
  }
  state publish_now(int qos, int id) { return w.feed(publish(qos, id, GetParam())); }
  wire w;
};

INSTANTIATE_TEST_SUITE_P(both, window_test, testing::Values(v3, v5),
                         [](const auto& i) { return i.param == v5 ? "v5" : "v3"; });

TEST_P(window_test, receive_maximum_binds_version_5_and_holds_up_version_3) {
  publish_now(1, 1);
  publish_now(2, 2);
  EXPECT_EQ(publish_now(1, 3), state::need_more);
  EXPECT_EQ(publish_now(0, 0), state::need_more);  // QoS 0 does not count
  if (GetParam() == v5) {
    EXPECT_EQ(publish_now(1, 4), state::closed);
    EXPECT_EQ(w.it.closed_for()->code, fault_code::receive_maximum_exceeded);
    EXPECT_EQ(static_cast<unsigned char>(w.out[2]), 0x93);
    return;
  }
  EXPECT_EQ(publish_now(1, 4), state::paused);
  w.it.settle(1, 1, std::nullopt, w.out);
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_EQ(w.it.in_flight(), 3u);
}

TEST_P(window_test, qos_2_counts_until_its_pubcomp) {
  for (std::uint16_t id = 1; id <= 3; ++id) {
    publish_now(2, id);
    w.it.settle(id, 2, std::nullopt, w.out);
    w.feed(encoded(ack_packet{packet_type::pubrel, id, 0, {}}, GetParam()));
  }
  EXPECT_EQ(publish_now(2, 3), GetParam() == v5 ? state::closed : state::paused);
  wire other(limits());
  other.open(GetParam());
  for (std::uint16_t id = 1; id <= 30; ++id) {
    EXPECT_EQ(other.feed(publish(2, id, GetParam())), state::need_more);
    other.it.settle(id, 2, std::nullopt, other.out);
    other.feed(encoded(ack_packet{packet_type::pubrel, id, 0, {}}, GetParam()));
    other.it.complete(id, std::nullopt, other.out);
  }
  EXPECT_EQ(other.it.in_flight(), 0u);
}

TEST_P(window_test, repeats_of_a_recorded_message_do_not_count) {
  for (std::uint16_t id = 1; id <= 3; ++id) {
    publish_now(2, id);
    w.it.settle(id, 2, std::nullopt, w.out);
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(publish_now(2, 2), state::need_more);
  EXPECT_EQ(w.it.in_flight(), 3u);
}

TEST_P(window_test, releases_of_a_resumed_session_do_not_count_but_are_bounded) {
  w.feed_spec("62 02 0065 62 02 0066 62 02 0067");
  for (std::uint16_t id = 1; id <= 3; ++id) EXPECT_EQ(publish_now(1, id), state::need_more);
  EXPECT_EQ(w.it.in_flight(), 6u);
  EXPECT_EQ(w.feed_spec("62 02 0068"), state::paused);
  w.it.complete(0x65, std::nullopt, w.out);
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_TRUE(w.it.connected());
}

}  // namespace
}  // namespace fleetgate::mqtt
