// The session's life: hello and its answers, keep alive, commands, goodbyes, limits.
#include "protocol/native/session.hpp"

#include <gtest/gtest.h>

#include "tests/protocol/native/support.hpp"

namespace fleetgate::native {
namespace {

using state = session::progress::state;
using words = std::vector<std::string>;
constexpr std::uint64_t second_ns = 1'000'000'000;

TEST(session_size, idle_session_is_small) {
  EXPECT_LE(sizeof(session), 256u);
  wire w;
  w.open();
  for (unsigned i = 1; i <= 64; ++i) w.feed(publication(i));
  for (std::size_t i = 0; i < 64; ++i) w.settle(i);
  w.it.flush(w.out);
  w.feed(encoded(ping_packet{}));
  EXPECT_LE(sizeof(session) + w.it.heap_bytes(), 1280u);
}

TEST(session_hello, is_answered_with_what_is_granted) {
  session_limits limits;
  limits.node = "node-a";
  limits.maximum_frame = 99'999;
  limits.credits[2] = {7, 4096};
  wire w(limits);
  EXPECT_EQ(w.say_hello(), state::need_more);
  EXPECT_TRUE(w.it.connected());
  const auto p = std::get<welcome_packet>(*decode_one(w.out));
  EXPECT_EQ(p.node, "node-a");
  EXPECT_EQ(p.version, 1);
  EXPECT_EQ(p.maximum_frame, 99'999u);
  EXPECT_EQ(p.credits[2].messages, 7u);
  EXPECT_EQ(p.credits[2].bytes, 4096u);
  EXPECT_EQ(p.keep_alive_s, 60);
}

TEST(session_hello, is_answered_within_the_frames_that_the_device_takes) {
  wire w;
  hello_packet h;
  h.device = "d1";
  h.maximum_frame = minimum_frame_limit;
  std::vector<settled_stream> known;
  const std::string name(maximum_stream_bytes, 's');
  for (std::uint64_t i = 0; i < maximum_resumed_streams; ++i) known.push_back({name, i});
  w.handler.hello = [&](const hello_request&) { w.it.accept(known, w.out); };
  w.feed(encoded(h));
  EXPECT_LE(w.out.size(), minimum_frame_limit);
  const auto p = std::get<welcome_packet>(*decode_one(w.out));
  EXPECT_GE(p.settled.count, 10u);
  EXPECT_LT(p.settled.count, maximum_resumed_streams);
}

TEST(session_hello, brings_every_field_to_the_handler) {
  wire w;
  list_bytes resume;
  append_stream("vibration", resume);
  hello_packet h;
  h.device = "d1";
  h.boot = 9;
  h.user = "u";
  h.token = as_bytes("t");
  h.resume = resume.of();
  h.highest = 200;
  w.handler.hello = [&](const hello_request& r) {
    EXPECT_EQ(r.version, highest_version);
    EXPECT_EQ(r.hello.device, "d1");
    EXPECT_EQ(r.hello.boot, 9u);
    EXPECT_EQ(r.hello.user, "u");
    EXPECT_EQ(text(r.hello.token), "t");
    auto asked = r.hello.resume;
    EXPECT_EQ(next_stream(asked), "vibration");
    const settled_stream known[] = {{"vibration", 41}};
    w.it.accept(known, w.out);
  };
  w.feed(encoded(h));
  auto settled = std::get<welcome_packet>(*decode_one(w.out)).settled;
  EXPECT_EQ(next_settled(settled)->up_to, 41u);
}

TEST(session_hello, keep_alive_is_capped_and_told) {
  session_limits limits;
  limits.maximum_keep_alive_s = 30;
  for (const std::uint16_t wanted : {std::uint16_t{0}, std::uint16_t{31}, std::uint16_t{60}}) {
    wire w(limits);
    w.say_hello(wanted);
    EXPECT_EQ(words_of(w.out), words{"welcome v1 node alive 30"}) << wanted;
  }
  wire w(limits);
  w.say_hello(10);
  EXPECT_EQ(words_of(w.out), words{"welcome v1 node alive 10"});
}

TEST(session_hello, nothing_more_is_taken_until_the_answer) {
  wire w;
  w.handler.hello = [](const hello_request&) {};
  EXPECT_EQ(w.say_hello(), state::waiting);
  EXPECT_EQ(w.feed(publication(1)), state::waiting);
  EXPECT_EQ(w.handler.log, words{"hello d1"});
  w.it.accept({}, w.out);
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_EQ(w.handler.log.back(), "devices/d1/s #1 x");
}

TEST(session_hello, may_be_refused_at_once_or_later) {
  for (const bool later : {false, true}) {
    wire w;
    w.handler.hello = [&](const hello_request&) {
      if (!later) w.it.refuse(fault_code::server_busy, 250, w.out);
    };
    EXPECT_EQ(w.say_hello(), later ? state::waiting : state::closed);
    if (later) w.it.refuse(fault_code::server_busy, 250, w.out);
    EXPECT_TRUE(w.it.closed());
    EXPECT_EQ(words_of(w.out), words{"goodbye server_busy (server busy) retry 250"});
    w.out.clear();
    w.it.accept({}, w.out);
    EXPECT_EQ(w.out, "");
  }
}

TEST(session_hello, may_be_sent_elsewhere) {
  wire w;
  w.handler.hello = [&](const hello_request&) { w.it.redirect("b:1884", {}, w.out); };
  EXPECT_EQ(w.say_hello(), state::closed);
  EXPECT_EQ(words_of(w.out), words{"redirect b:1884"});
  EXPECT_FALSE(w.it.closed_for());
}

TEST(session_hello, version_without_an_overlap_is_told_why) {
  wire w;
  EXPECT_EQ(w.feed(bytes_of("## 95 01 02 09 A1 'd' 01")), state::closed);
  EXPECT_EQ(words_of(w.out)[0].rfind("goodbye unsupported_protocol_version", 0), 0u);
}

TEST(session_hello, must_come_first_and_once) {
  wire w;
  EXPECT_EQ(w.feed(bytes_of("00 00 40 00 9F 03")), state::closed) << "its body is not waited for";
  EXPECT_EQ(w.it.closed_for()->code, fault_code::protocol_error);
  wire twice;
  twice.open();
  EXPECT_EQ(twice.say_hello(), state::closed);
  EXPECT_EQ(twice.it.closed_for()->code, fault_code::protocol_error);
  wire server_frame;
  server_frame.open();
  EXPECT_EQ(server_frame.feed(encoded(ack_packet{})), state::closed);
  wire http;
  EXPECT_EQ(http.feed("GET / HTTP/1.1\r\n\r\n"), state::closed);
  EXPECT_EQ(http.it.closed_for()->code, fault_code::packet_too_large);
}

TEST(session_hello, long_frames_are_refused_before_and_after_it) {
  wire w;
  EXPECT_EQ(w.feed(bytes_of("00 00 FF FD")), state::closed);
  EXPECT_EQ(w.it.closed_for()->code, fault_code::packet_too_large);
  wire open;
  open.open();
  EXPECT_EQ(open.feed(bytes_of("00 0F FF FC")), state::need_more);
  wire over;
  over.open();
  EXPECT_EQ(over.feed(bytes_of("00 0F FF FD")), state::closed);
}

TEST(session_time, hello_must_come_in_time) {
  wire w;
  EXPECT_EQ(w.it.deadline_ns(), 10 * second_ns);
  w.feed(bytes_of("00 00 00 10 95"));  // what drips is no hello
  EXPECT_FALSE(w.it.on_time(10 * second_ns - 1, w.out));
  EXPECT_TRUE(w.it.on_time(10 * second_ns, w.out));
  EXPECT_EQ(w.it.closed_for()->code, fault_code::connect_timeout);
  EXPECT_EQ(words_of(w.out)[0].rfind("goodbye connect_timeout", 0), 0u);
}

TEST(session_time, keep_alive_counts_whole_frames) {
  wire w;
  w.open(10);
  EXPECT_EQ(w.it.deadline_ns(), 15 * second_ns);
  w.now_ns = 9 * second_ns;
  w.feed(encoded(ping_packet{frame_type::ping, 7}));
  EXPECT_EQ(words_of(w.out), words{"pong 7"});
  EXPECT_EQ(w.it.deadline_ns(), 24 * second_ns);
  w.now_ns = 20 * second_ns;
  w.feed(bytes_of("00 00 00 10 95"));
  EXPECT_EQ(w.it.deadline_ns(), 24 * second_ns);
  EXPECT_TRUE(w.it.on_time(24 * second_ns, w.out));
  EXPECT_EQ(w.it.closed_for()->code, fault_code::keep_alive_timeout);
  wire never;
  never.open(0);
  EXPECT_EQ(never.it.deadline_ns(), ~std::uint64_t{0});
}

TEST(session_time, who_is_not_read_is_not_blamed) {
  wire w;
  w.open(10);
  w.handler.publish = [](const publish_view&) { return flow::pause; };
  EXPECT_EQ(w.feed(publication(1)), state::paused);
  EXPECT_FALSE(w.it.on_time(100 * second_ns, w.out));
  EXPECT_EQ(w.it.deadline_ns(), 115 * second_ns);
}

TEST(session_command, goes_out_and_its_answer_comes_in) {
  wire w;
  EXPECT_EQ(w.it.command({"c1", "reboot", {}, {}, {}}, w.out), session::sending::not_connected);
  w.open();
  EXPECT_EQ(w.it.command({"c1", "reboot", as_bytes("now"), 100, {}}, w.out),
            session::sending::sent);
  EXPECT_EQ(words_of(w.out), words{"command c1 reboot now"});
  w.feed(encoded(command_ack_packet{"c1", command_status::failed, as_bytes("no"), {}}));
  EXPECT_EQ(w.handler.log, words{"answer c1 2 no"});
}

TEST(session_command, what_the_device_cannot_take_is_not_sent) {
  wire w;
  hello_packet h;
  h.device = "d1";
  h.maximum_frame = 4096;
  w.feed(encoded(h));
  w.out.clear();
  const std::string large(4096, 'x');
  EXPECT_EQ(w.it.command({"c1", "load", as_bytes(large), {}, {}}, w.out),
            session::sending::too_large);
  EXPECT_EQ(w.out, "");
}

TEST(session_goodbye, of_the_device_closes_without_an_answer) {
  wire w;
  w.open();
  EXPECT_EQ(w.feed(encoded(goodbye_packet{}) + publication(1)), state::closed);
  EXPECT_EQ(w.handler.log, words{"goodbye 0"});
  EXPECT_FALSE(w.it.closed_for());
  EXPECT_EQ(w.out, "");
}

TEST(session_goodbye, comes_behind_what_was_settled) {
  wire w;
  w.open();
  w.feed(publication(1) + publication(2));
  w.settle(0);
  w.it.disconnect(fault_code::server_shutting_down, 1000, w.out);
  EXPECT_EQ(words_of(w.out),
            (words{"ack telemetry s ..1",
                   "goodbye server_shutting_down (server shutting down) retry 1000"}));
  w.out.clear();
  w.settle(1);
  w.it.flush(w.out);
  EXPECT_EQ(w.out, "");
}

TEST(session_goodbye, malformed_frame_names_the_offset) {
  wire w;
  w.open();
  EXPECT_EQ(w.feed(bytes_of("## 95 03 03 A0 01 A0")), state::closed);
  EXPECT_EQ(
      words_of(w.out),
      words{"goodbye malformed_packet (malformed packet: bytes (bin) belong here at byte 10)"});
}

TEST(session_pieces, one_byte_at_a_time_is_the_same) {
  const auto stream = [] {
    hello_packet h;
    h.device = "d1";
    return encoded(h) + publication(1) + batch_of(2, 5) + encoded(ping_packet{}) +
           publication(7, "y", "t") + encoded(goodbye_packet{});
  }();
  wire whole, pieces;
  EXPECT_EQ(whole.feed(stream), state::closed);
  for (const char c : stream) pieces.feed(std::string_view(&c, 1));
  EXPECT_EQ(whole.handler.log, pieces.handler.log);
  EXPECT_EQ(whole.out, pieces.out);
  EXPECT_TRUE(pieces.it.closed());
}

}  // namespace
}  // namespace fleetgate::native
