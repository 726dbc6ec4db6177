// The session's life: CONNECT and its answer, topic aliases, subscriptions, goodbyes, limits.
#include "protocol/mqtt/session.hpp"

#include <gtest/gtest.h>

#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::mqtt {
namespace {

using state = session::progress::state;

connack_packet connack_in(const std::string& bytes, protocol_version version) {
  return std::get<connack_packet>(*decode(frame_of(bytes), version, receiver::client));
}

TEST(session_size, idle_session_is_small) {
  EXPECT_LE(sizeof(session), 256u);
  wire w;
  w.open(v5);
  for (int i = 1; i <= 64; ++i) {
    publish_packet p;
    p.topic = "t";
    p.qos = 1;
    p.packet_id = static_cast<std::uint16_t>(i);
    w.feed(encoded(p, v5));
  }
  EXPECT_EQ(w.it.in_flight(), 64u);
  for (std::uint16_t i = 1; i <= 64; ++i) w.it.settle(i, 1, std::nullopt, w.out);
  w.feed_spec("C0 00");
  EXPECT_LE(sizeof(session) + w.it.heap_bytes(), 256u);
}

TEST(session_connect, version_5_hears_what_is_in_force) {
  session_limits limits;
  limits.receive_maximum = 20;
  limits.maximum_packet_size = 0x10000;
  limits.topic_alias_maximum = 7;
  wire w(limits);
  EXPECT_EQ(w.feed_spec("10 ## s'MQTT' 05 02 003C 00 s'id'"), state::need_more);
  EXPECT_TRUE(w.it.connected());
  EXPECT_EQ(w.it.version(), v5);
  EXPECT_EQ(w.sent(), hex(bytes_of("20 ## 00 00 {21 0014 27 00010000 22 0007 2A 00}")));
}

TEST(session_connect, version_3_hears_two_bytes) {
  wire w;
  w.feed_spec("10 ## s'MQTT' 04 02 003C s'id'");
  EXPECT_EQ(w.it.version(), v3);
  EXPECT_EQ(w.sent(), "20 02 00 00");
}

TEST(session_connect, request_carries_every_field) {
  wire w;
  bool seen = false;
  w.handler.connect = [&](const connect_request& r) {
    seen = true;
    EXPECT_EQ(r.version, v5);
    EXPECT_EQ(r.client_id, "id");
    EXPECT_FALSE(r.client_id_assigned_needed);
    EXPECT_FALSE(r.clean_start);
    EXPECT_EQ(r.keep_alive_s, 10);
    EXPECT_EQ(r.session_expiry_s, 3600u);
    EXPECT_EQ(r.receive_maximum, 5);
    EXPECT_EQ(r.maximum_packet_size, 4096u);
    EXPECT_EQ(r.topic_alias_maximum, 3);
    EXPECT_EQ(r.user_name, "u");
    EXPECT_EQ(text(*r.password), "p");
    ASSERT_TRUE(r.will);
    EXPECT_EQ(r.will->topic, "gone");
    EXPECT_EQ(r.will->qos, 1);
    EXPECT_EQ(r.will->delay_s(), 9u);
    EXPECT_EQ(r.props.user_properties().begin()->value, "v");
  };
  w.feed_spec(
      "10 ## s'MQTT' 05 CC 000A {11 00000E10 21 0005 27 00001000 22 0003 26 s'k' s'v'} s'id'"
      "{18 00000009} s'gone' s'x' s'u' s'p'");
  EXPECT_TRUE(seen);
}

TEST(session_connect, empty_client_id_asks_for_an_assigned_one) {
  for (const auto* spec : {"10 ## s'MQTT' 05 00 003C 00 s''", "10 ## s'MQTT' 05 02 003C 00 s''"}) {
    wire w;
    w.feed_spec(spec);
    EXPECT_EQ(connack_in(w.out, v5).props.text(property_id::assigned_client_identifier),
              "assigned");
  }
  wire old;  // 3.1.1 cannot be told
  old.feed_spec("10 ## s'MQTT' 04 02 003C s''");
  EXPECT_EQ(old.sent(), "20 02 00 00");
}

TEST(session_connect, client_ids_of_1_to_23_letters_and_digits_are_taken) {
  const std::string_view all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::vector<std::string> ids = {std::string(all.substr(0, 23)), std::string(all.substr(23, 23)),
                                  std::string(all.substr(39))};
  for (const char c : all) ids.emplace_back(1, c);
  for (const auto v : {v3, v5}) {
    for (const auto& id : ids) {
      wire w;
      connect_packet c;
      c.version = v;
      c.client_id = id;
      w.feed(encoded(c, v));
      EXPECT_TRUE(w.it.connected()) << id;
      EXPECT_EQ(w.handler.log.front(), "connect " + id);
    }
  }
}

TEST(session_connect, client_ids_of_more_than_1024_bytes_are_refused) {
  for (const auto v : {v3, v5}) {
    for (const std::size_t bytes : {1024u, 1025u}) {
      wire w;
      connect_packet c;
      const std::string id(bytes, 'i');
      c.version = v;
      c.client_id = id;
      w.feed(encoded(c, v));
      EXPECT_EQ(w.it.connected(), bytes == 1024);
      if (bytes != 1024) {
        EXPECT_EQ(connack_in(w.out, v).reason, v == v5 ? 0x85 : 2);
      }
    }
  }
}

TEST(session_connect, connack_is_sent_once) {
  for (const auto v : {v3, v5}) {
    wire w;
    w.open(v);
    w.it.accept("", true, w.out);
    EXPECT_EQ(w.sent(), "");
  }
}

TEST(session_connect, session_expiry_is_capped_and_told) {
  session_limits limits;
  limits.maximum_session_expiry_s = 100;
  struct sample {
    const char* spec;
    std::uint32_t granted;
    bool told;
  };
  for (const auto& s : {sample{"10 ## s'MQTT' 05 02 003C {11 FFFFFFFF} s'id'", 100, true},
                        {"10 ## s'MQTT' 05 02 003C {11 00000064} s'id'", 100, false},
                        {"10 ## s'MQTT' 05 02 003C 00 s'id'", 0, false},
                        {"10 ## s'MQTT' 04 00 003C s'id'", 100, false},
                        {"10 ## s'MQTT' 04 02 003C s'id'", 0, false}}) {
    wire w(limits);
    w.handler.connect = [&](const connect_request& r) {
      EXPECT_EQ(r.session_expiry_s, s.granted);
      w.it.accept("", false, w.out);
    };
    w.feed_spec(s.spec);
    EXPECT_EQ(connack_in(w.out, w.it.version()).props.has(property_id::session_expiry_interval),
              s.told);
  }
}

TEST(session_connect, session_present_only_where_the_client_wanted_its_session) {
  for (const auto& [spec, present] : {std::pair{"10 ## s'MQTT' 05 00 003C 00 s'id'", true},
                                      {"10 ## s'MQTT' 05 02 003C 00 s'id'", false},
                                      {"10 ## s'MQTT' 04 00 003C s'id'", true},
                                      {"10 ## s'MQTT' 04 02 003C s'id'", false}}) {
    wire w;
    w.handler.connect = [&](const connect_request&) { w.it.accept("", true, w.out); };
    w.feed_spec(spec);
    EXPECT_EQ(connack_in(w.out, w.it.version()).session_present, present) << spec;
  }
}

TEST(session_connect, nothing_more_is_taken_until_the_answer) {
  wire w;
  w.handler.connect = [](const connect_request&) {};
  EXPECT_EQ(w.feed_spec("10 ## s'MQTT' 05 02 003C 00 s'id'"), state::waiting);
  EXPECT_EQ(w.feed_spec("32 ## s't' 0001 00 'x'"), state::waiting);
  EXPECT_EQ(w.handler.log.size(), 1u);
  EXPECT_FALSE(w.it.connected());
  EXPECT_EQ(w.sent(), "");
  w.it.accept("", false, w.out);
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_EQ(w.handler.log.back(), "publish t x q1 #1");
}

TEST(session_connect, refusal_speaks_the_version) {
  struct sample {
    const char* spec;
    fault_code why;
    int reason;  // -1: closed in silence
  };
  const auto* five = "10 ## s'MQTT' 05 02 003C 00 s'id'";
  const auto* three = "10 ## s'MQTT' 04 02 003C s'id'";
  for (const auto& s : {sample{five, fault_code::bad_user_name_or_password, 0x86},
                        {five, fault_code::not_authorized, 0x87},
                        {five, fault_code::server_busy, 0x89},
                        {five, fault_code::server_shutting_down, 0x88},
                        {five, fault_code::quota_exceeded, 0x97},
                        {three, fault_code::bad_user_name_or_password, 4},
                        {three, fault_code::not_authorized, 5},
                        {three, fault_code::server_busy, 3},
                        {three, fault_code::protocol_error, -1}}) {
    for (const bool later : {false, true}) {
      wire w;
      w.handler.connect = [&](const connect_request&) {
        if (!later) w.it.refuse(s.why, w.out);
      };
      const auto got = w.feed_spec(s.spec);
      EXPECT_EQ(got, later ? state::waiting : state::closed);
      if (later) w.it.refuse(s.why, w.out);
      EXPECT_TRUE(w.it.closed());
      EXPECT_EQ(w.it.closed_for()->code, s.why);
      if (s.reason < 0) {
        EXPECT_EQ(w.sent(), "");
      } else {
        EXPECT_EQ(connack_in(w.out, w.it.version()).reason, s.reason);
      }
    }
  }
}

TEST(session_connect, answer_after_the_end_changes_nothing) {
  wire w;
  w.handler.connect = [](const connect_request&) {};
  w.feed_spec("10 ## s'MQTT' 05 02 003C 00 s'id'");
  w.it.disconnect(fault_code::server_shutting_down, w.out);
  EXPECT_EQ(connack_in(w.out, v5).reason, 0x88);  // a DISCONNECT must not come before CONNACK
  w.out.clear();
  w.it.accept("", false, w.out);
  w.it.refuse(fault_code::server_busy, w.out);
  EXPECT_EQ(w.out, "");
  EXPECT_TRUE(w.it.closed());
  EXPECT_EQ(w.it.closed_for()->code, fault_code::server_shutting_down);
}

TEST(session, a_connect_that_is_too_large_is_answered_however_it_was_cut) {
  wire w;
  const auto packet = bytes_of("10 FDFF03 s'MQTT' 05 02 003C");
  for (std::size_t n = 0; n < 12; ++n) {
    w.feed(packet.substr(n, 1));
    EXPECT_FALSE(w.it.closed()) << n;
  }
  w.feed(packet.substr(12));
  EXPECT_TRUE(w.it.closed());
  EXPECT_EQ(w.out.substr(0, 1), "\x20");
  EXPECT_EQ(w.out.at(3), '\x95');
}

TEST(session_limits_of_the_client, reason_string_goes_first_then_the_packet) {
  wire w;
  w.feed_spec("10 ## s'MQTT' 05 02 003C {27 00000018} s'id'");
  EXPECT_TRUE(w.it.connected());
  w.out.clear();
  w.it.disconnect(fault_code::server_shutting_down, w.out);
  EXPECT_EQ(w.sent(), "E0 01 8B");

  wire tiny;
  tiny.feed_spec("10 ## s'MQTT' 05 02 003C {27 00000004} s'id'");
  EXPECT_EQ(tiny.sent(), "");
  EXPECT_TRUE(tiny.it.closed());
  EXPECT_EQ(tiny.it.closed_for()->code, fault_code::packet_too_large);
}

TEST(session_limits_of_the_client, no_answer_has_a_reason_string_that_makes_it_too_large) {
  wire refused;
  refused.handler.connect = [&](const connect_request&) {
    refused.it.refuse(fault_code::server_busy, refused.out);
  };
  refused.feed_spec("10 ## s'MQTT' 05 02 003C {27 0000000A} s'id'");
  EXPECT_EQ(refused.sent(), "20 03 00 89 00");

  wire w;
  w.feed_spec("10 ## s'MQTT' 05 02 003C {27 00000018} s'id'");
  w.out.clear();
  for (const auto* spec : {"32 ## s't' 0001 00", "34 ## s't' 0002 00", "62 02 0003"}) {
    w.feed_spec(spec);
  }
  w.it.settle(1, 1, fault_code::payload_format_invalid, w.out);
  EXPECT_EQ(w.sent(), "40 03 00 01 99");
  w.it.settle(2, 2, fault_code::payload_format_invalid, w.out);
  EXPECT_EQ(w.sent(), "50 03 00 02 99");
  w.it.complete(3, fault_code::packet_identifier_not_found, w.out);
  EXPECT_EQ(w.sent(), "70 03 00 03 92");
}

TEST(session_limits_of_the_client, requests_whose_answer_would_be_too_large_end_the_session) {
  for (const auto& [first, options] : {std::pair{"82", "00"}, {"A2", ""}}) {
    for (const int filters : {19, 20}) {  // an answer of 24 and of 25 bytes
      wire w;
      w.feed_spec("10 ## s'MQTT' 05 02 003C {27 00000018} s'id'");
      w.out.clear();
      w.handler.log.clear();
      std::string spec = std::string(first) + " ## 000A 00";
      for (int i = 0; i < filters; ++i) spec += std::string(" s'a' ") + options;
      const auto got = w.feed(bytes_of(spec));
      if (filters == 19) {
        EXPECT_EQ(got, state::need_more);
        EXPECT_EQ(w.handler.log.size(), 1u);
        continue;
      }
      EXPECT_EQ(got, state::closed);
      EXPECT_TRUE(w.handler.log.empty());
      EXPECT_EQ(w.sent(), "E0 01 95");
    }
  }
}

TEST(session_limits_of_the_client, publish_errors_are_bare_without_problem_information) {
  wire w;
  w.feed_spec("10 ## s'MQTT' 05 02 003C {17 00} s'id'");
  w.out.clear();
  w.feed_spec("32 ## s't' 0001 00");
  w.it.settle(1, 1, fault_code::payload_format_invalid, w.out);
  EXPECT_EQ(w.sent(), "40 03 00 01 99");
}

TEST(session_alias, is_resolved_and_can_be_set_anew) {
  wire w;
  w.open(v5);
  w.feed_spec("30 ## s'long/topic' {23 0010} '1'");
  w.feed_spec("30 ## s'' {23 0010} '2'");
  w.feed_spec("30 ## s'other' {23 0010} '3'");
  w.feed_spec("32 ## s'' 0001 {23 0010} '4'");
  w.feed_spec("30 ## s'first' {23 0001} '5'");
  EXPECT_EQ(w.handler.log,
            (std::vector<std::string>{"publish long/topic 1 q0 #0", "publish long/topic 2 q0 #0",
                                      "publish other 3 q0 #0", "publish other 4 q1 #1",
                                      "publish first 5 q0 #0"}));
}

TEST(session_alias, memory_is_bounded_by_the_maximum) {
  wire w;
  w.open(v5);
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t alias = 1; alias <= 16; ++alias) {
      property_list props;
      props.add(property_id::topic_alias, alias);
      publish_packet p;
      const std::string topic(1'000, static_cast<char>('a' + round));
      p.topic = topic;
      p.props = props.view();
      w.feed(encoded(p, v5));
    }
  }
  EXPECT_LE(w.it.heap_bytes(), 16u * (1'100 + sizeof(std::string)) + 1'024);
  w.feed_spec("E0 00");
  EXPECT_EQ(w.it.heap_bytes(), 0u);
}

TEST(session_subscribe, requests_go_to_whoever_keeps_subscriptions) {
  wire w;
  w.open(v5);
  w.feed_spec("82 ## 000A {0B 05} s'a/#' 02 s'$share/g/a' 01 s'+' 2C");
  w.feed_spec("A2 ## 000B 00 s'a/#' s'b'");
  EXPECT_EQ(w.handler.log, (std::vector<std::string>{"subscribe #10 a/# q2 $share/g/a q1 + q0",
                                                     "unsubscribe #11 a/# b"}));
  EXPECT_EQ(w.sent(), "");
  wire old;
  old.open(v3);
  old.feed_spec("82 ## 000A s'a/#' 02");
  EXPECT_EQ(old.handler.log.back(), "subscribe #10 a/# q2");
}

TEST(session_subscribe, a_pause_brings_the_same_packet_again) {
  for (const std::string spec : {"82 ## 000A 00 s'a' 00", "A2 ## 000A 00 s'a'", "40 02 000A"}) {
    wire w;
    w.open(v5);
    w.handler.answered = flow::pause;
    EXPECT_EQ(w.feed_spec(spec), state::paused);
    w.handler.answered = flow::go_on;
    EXPECT_EQ(w.feed(""), state::need_more);
    ASSERT_EQ(w.handler.log.size(), 2u);
    EXPECT_EQ(w.handler.log[0], w.handler.log[1]);
  }
}

TEST(session_acknowledge, what_was_published_to_the_client_is_acknowledged_to_its_keeper) {
  wire w;
  w.open(v5);
  w.feed_spec("40 02 0001 50 03 0002 80 70 02 0003");
  EXPECT_EQ(w.handler.log,
            (std::vector<std::string>{"PUBACK #1 0", "PUBREC #2 128", "PUBCOMP #3 0"}));
  EXPECT_EQ(w.sent(), "");
}

TEST(session_subscribe, identifier_of_a_message_in_flight_is_in_use) {
  wire w;
  w.open(v5);
  w.feed_spec("32 ## s't' 000A 00");
  w.feed_spec("82 ## 000A 00 s'a' 00");
  EXPECT_EQ(w.sent(), hex(bytes_of("90 ## 000A 00 91")));
  w.feed_spec("A2 ## 000A 00 s'a'");
  EXPECT_EQ(w.sent(), hex(bytes_of("B0 ## 000A 00 91")));
}

TEST(session_text, byte_order_mark_is_a_character_like_others) {
  for (const auto v : {v3, v5}) {
    wire w;
    w.open(v);
    publish_packet p;
    p.topic = "\xEF\xBB\xBFt\xEF\xBB\xBF";
    w.feed(encoded(p, v));
    EXPECT_EQ(w.handler.log.back(), "publish \xEF\xBB\xBFt\xEF\xBB\xBF  q0 #0");
  }
}

TEST(session_ping, is_answered) {
  for (const auto v : {v3, v5}) {
    wire w;
    w.open(v);
    w.feed_spec("C0 00 C0 00");
    EXPECT_EQ(w.sent(), "D0 00 D0 00");
  }
}

TEST(session_end, goodbye_of_the_client_is_no_fault) {
  for (const auto& [spec, line] :
       {std::pair{"E0 00", "disconnect 0"}, {"E0 01 04", "disconnect 4"}}) {
    wire w;
    w.open(v5);
    EXPECT_EQ(w.feed_spec(spec), state::closed);
    EXPECT_EQ(w.handler.log.back(), line);
    EXPECT_FALSE(w.it.closed_for());
    EXPECT_TRUE(w.it.closed());
    EXPECT_EQ(w.feed_spec("C0 00"), state::closed);
    EXPECT_EQ(w.sent(), "");
    EXPECT_EQ(w.it.deadline_ns(), ~std::uint64_t{0});
  }
  wire old;
  old.open(v3);
  old.feed_spec("E0 00");
  EXPECT_EQ(old.handler.log.back(), "disconnect 0");
}

TEST(session_end, client_may_change_its_session_expiry) {
  wire w;
  w.feed_spec("10 ## s'MQTT' 05 02 003C {11 00000001} s'id'");
  w.feed_spec("E0 ## 00 {11 FFFFFFFF}");
  EXPECT_EQ(w.handler.log.back(), "disconnect 0 expiry " + std::to_string(7 * 24 * 3600));
  wire to_zero;
  to_zero.open(v5);
  to_zero.feed_spec("E0 ## 00 {11 00000000}");
  EXPECT_EQ(to_zero.handler.log.back(), "disconnect 0 expiry 0");
}

TEST(session_end, server_says_why_where_the_version_can) {
  wire w;
  w.open(v5);
  w.it.disconnect(fault_code::session_taken_over, w.out);
  const auto p = *decode(frame_of(w.out), v5, receiver::client);
  EXPECT_EQ(std::get<farewell_packet>(p).reason, 0x8E);
  EXPECT_EQ(std::get<farewell_packet>(p).props.text(property_id::reason_string),
            "session taken over");
  w.out.clear();
  w.it.disconnect(fault_code::server_busy, w.out);  // once is enough
  EXPECT_EQ(w.out, "");

  wire old;
  old.open(v3);
  old.it.disconnect(fault_code::session_taken_over, old.out);
  EXPECT_EQ(old.out, "");
  EXPECT_EQ(old.it.closed_for()->code, fault_code::session_taken_over);

  wire fresh;
  fresh.it.disconnect(fault_code::server_shutting_down, fresh.out);
  EXPECT_EQ(fresh.out, "");
  EXPECT_TRUE(fresh.it.closed());
}

TEST(session_end, handler_may_end_it_within_a_call) {
  for (const auto answer : {flow::go_on, flow::pause}) {
    for (const auto* spec : {"30 ## s't' 00", "32 ## s't' 0001 00", "34 ## s't' 0001 00"}) {
      wire w;
      w.open(v5);
      w.handler.publish = [&](const publish_view&) {
        w.it.disconnect(fault_code::not_authorized, w.out);
        return answer;
      };
      EXPECT_EQ(w.feed_spec(spec), state::closed);
      EXPECT_EQ(w.it.in_flight(), 0u);
      EXPECT_EQ(w.out[0], '\xE0');
    }
    wire w;
    w.open(v5);
    w.handler.release = [&](std::uint16_t) {
      w.it.disconnect(fault_code::not_authorized, w.out);
      return answer;
    };
    EXPECT_EQ(w.feed_spec("62 02 0001"), state::closed);
  }
}

TEST(session_time, connect_must_come_whole_and_in_time) {
  session_limits limits;
  limits.connect_timeout = std::chrono::milliseconds(100);
  wire w(limits);
  EXPECT_EQ(w.it.deadline_ns(), 100'000'000u);
  const auto bytes = bytes_of("10 ## s'MQTT' 05 02 003C 00 s'id'");
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {  // dripping is no life sign
    w.now_ns = i * 5'000'000;
    w.feed(bytes.substr(i, 1));
    EXPECT_EQ(w.it.deadline_ns(), 100'000'000u);
  }
  EXPECT_FALSE(w.it.on_time(99'999'999, w.out));
  EXPECT_TRUE(w.it.on_time(100'000'000, w.out));
  EXPECT_EQ(w.it.closed_for()->code, fault_code::connect_timeout);
  EXPECT_EQ(w.sent(), "");
  EXPECT_TRUE(w.it.on_time(100'000'001, w.out));
}

constexpr std::uint64_t second = 1'000'000'000;

TEST(session_time, silence_of_one_and_a_half_keep_alives_ends_it) {
  for (const auto v : {v3, v5}) {
    wire w;
    w.open(v);  // keep alive 60 s
    EXPECT_EQ(w.it.deadline_ns(), 90 * second);
    w.now_ns = 50 * second;
    w.feed_spec("C0 00");
    EXPECT_EQ(w.it.deadline_ns(), 140 * second);
    w.now_ns = 100 * second;
    w.feed_spec("C0");  // half a packet
    EXPECT_EQ(w.it.deadline_ns(), 140 * second);
    w.out.clear();
    EXPECT_FALSE(w.it.on_time(140 * second - 1, w.out));
    EXPECT_TRUE(w.it.on_time(140 * second, w.out));
    EXPECT_EQ(w.it.closed_for()->code, fault_code::keep_alive_timeout);
    if (v == v5) {
      EXPECT_EQ(static_cast<unsigned char>(w.out[2]), 0x8D);
    } else {
      EXPECT_EQ(w.out, "");
    }
  }
}

TEST(session_time, keep_alive_zero_never_ends_it) {
  wire w;
  w.feed_spec("10 ## s'MQTT' 05 02 0000 00 s'id'");
  EXPECT_EQ(w.it.deadline_ns(), ~std::uint64_t{0});
  EXPECT_FALSE(w.it.on_time(~std::uint64_t{0} - 1, w.out));
}

TEST(session_time, server_keep_alive_binds_version_5_which_is_told) {
  session_limits limits;
  limits.maximum_keep_alive_s = 30;
  for (const auto* spec :
       {"10 ## s'MQTT' 05 02 003C 00 s'id'", "10 ## s'MQTT' 05 02 0000 00 s'id'"}) {
    wire w(limits);
    w.feed_spec(spec);
    EXPECT_EQ(connack_in(w.out, v5).props.number(property_id::server_keep_alive), 30u);
    EXPECT_EQ(w.it.deadline_ns(), 45 * second);
  }
  wire shorter(limits);
  shorter.feed_spec("10 ## s'MQTT' 05 02 000A 00 s'id'");
  EXPECT_FALSE(connack_in(shorter.out, v5).props.has(property_id::server_keep_alive));
  wire old(limits);
  old.feed_spec("10 ## s'MQTT' 04 02 003C s'id'");
  EXPECT_EQ(old.it.deadline_ns(), 90 * second);
}

TEST(session_time, client_is_not_blamed_while_it_waits_for_us) {
  wire w;
  w.handler.connect = [](const connect_request&) {};
  w.feed_spec("10 ## s'MQTT' 05 02 0001 00 s'id'");
  EXPECT_FALSE(w.it.on_time(1'000 * second, w.out));
  EXPECT_FALSE(w.it.on_time(2'000 * second, w.out));
  w.it.accept("", false, w.out);
  EXPECT_FALSE(w.it.on_time(3'000 * second, w.out));  // its keep alive begins now
  EXPECT_EQ(w.it.deadline_ns(), 3'000 * second + 3 * second / 2);
  EXPECT_TRUE(w.it.on_time(3'000 * second + 3 * second / 2, w.out));
}

TEST(session_time, keep_alive_begins_when_reading_does) {
  wire w;
  w.handler.connect = [](const connect_request&) {};
  w.feed_spec("10 ## s'MQTT' 05 02 0001 00 s'id'");
  w.it.accept("", false, w.out);
  w.now_ns = 500 * second;
  w.feed("");
  EXPECT_EQ(w.it.deadline_ns(), 500 * second + 3 * second / 2);
}

TEST(session_time, client_is_not_blamed_while_paused) {
  wire w;
  w.open(v5);
  bool full = true;
  w.handler.publish = [&](const publish_view&) { return full ? flow::pause : flow::go_on; };
  EXPECT_EQ(w.feed_spec("30 ## s't' 00 'x'"), state::paused);
  EXPECT_FALSE(w.it.on_time(1'000 * second, w.out));
  EXPECT_FALSE(w.it.on_time(2'000 * second, w.out));
  full = false;
  w.now_ns = 2'001 * second;
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_EQ(w.it.deadline_ns(), 2'091 * second);
}

}  // namespace
}  // namespace fleetgate::mqtt
