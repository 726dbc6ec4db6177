// Publications and what is told of them: acks, ranges, nacks, credit, pauses, sequences.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/protocol/native/support.hpp"

namespace fleetgate::native {
namespace {

using state = session::progress::state;
using words = std::vector<std::string>;

TEST(exchange, settlements_of_a_round_become_one_cumulative_ack) {
  wire w;
  w.open();
  w.feed(batch_of(1, 100));
  for (std::size_t i = 0; i < 100; ++i) w.settle(i);
  EXPECT_TRUE(w.it.has_news());
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..100"});
  EXPECT_FALSE(w.it.has_news());
  EXPECT_EQ(w.flushed(), words{});
}

TEST(exchange, cumulative_ack_stops_before_what_waits) {
  wire w;
  w.open();
  w.feed(batch_of(1, 9));
  for (const std::size_t i : {0, 1, 3, 4, 5, 8}) w.settle(i);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..2 4-6 9-9"});
  w.settle(6);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..2 4-7"});
  w.settle(2);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..7"});
  w.settle(7);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..9"});
}

TEST(exchange, gaps_are_no_reason_to_wait) {
  wire w;
  w.open();
  w.feed(publication(5) + publication(900) + publication(1'000'000));
  w.settle(0);
  w.settle(1);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..900"});
}

TEST(exchange, final_refusal_is_settled_and_told_with_its_reason) {
  wire w;
  w.open();
  w.feed(batch_of(1, 3));
  w.settle(0);
  w.settle(1, fault_code::schema_violation);
  w.settle(2);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..3 !2 schema_violation"});
}

TEST(exchange, what_is_to_be_sent_again_is_never_passed) {
  wire w;
  w.open();
  w.feed(batch_of(1, 3));
  w.settle(0);
  w.settle(1, fault_code::memory_budget_full, 500);
  w.settle(2);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..1 3-3 !2 memory_budget_full retry 500"});
  EXPECT_EQ(w.it.in_flight(), 0u);
  EXPECT_EQ(w.feed(publication(4)), state::need_more);
  w.settle(3);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..1 3-4"});
  EXPECT_EQ(w.feed(publication(2, "again")), state::need_more);
  EXPECT_EQ(w.handler.log.back(), "devices/d1/s #2 again");
  w.settle(4);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..4"});
}

TEST(exchange, sequence_that_does_not_rise_is_an_error) {
  for (const std::uint64_t sequence : {3u, 2u, 1u}) {
    wire w;
    w.open();
    w.feed(batch_of(1, 3));
    w.settle(0);
    EXPECT_EQ(w.feed(publication(sequence)), state::closed) << sequence;
    EXPECT_EQ(w.it.closed_for()->code, fault_code::protocol_error);
  }
  wire w;
  w.open();
  w.feed(batch_of(1, 1));
  w.settle(0, fault_code::server_busy, 1);
  EXPECT_EQ(w.feed(publication(1)), state::need_more);
  EXPECT_EQ(w.feed(publication(1)), state::closed) << "it is in flight again";
}

TEST(exchange, unknown_tickets_change_nothing) {
  wire w;
  w.open();
  w.feed(publication(1));
  w.it.settle(0, {}, {}, w.out);
  w.it.settle(999, {}, {}, w.out);
  w.settle(0);
  w.settle(0);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..1"});
}

TEST(exchange, streams_are_told_of_apart) {
  wire w;
  w.open();
  publish_packet other;
  other.header.stream = "s";
  other.header.device = "d2";
  other.header.boot = 77;
  other.message.sequence = 1;
  w.feed(publication(1) + publication(1, "x", "t", model::traffic_class::event) + encoded(other));
  EXPECT_EQ(w.handler.log, (words{"devices/d1/s #1 x", "devices/d1/t #1 x", "devices/d2/s #1 "}));
  for (std::size_t i = 0; i < 3; ++i) w.settle(i);
  EXPECT_EQ(w.flushed(),
            (words{"ack telemetry s ..1", "ack event t ..1", "ack telemetry s of d2 boot 77 ..1"}));
}

TEST(exchange, header_reaches_the_handler_filled_in) {
  wire w;
  w.open();
  w.handler.publish = [](const publish_view& p) {
    EXPECT_EQ(p.header.device, "d1");
    EXPECT_EQ(p.header.boot, 5u);
    EXPECT_NE(p.ticket, 0);
    return flow::go_on;
  };
  w.feed(publication(1) + publication(1, "x", ""));
  publish_packet p;
  p.header.stream = "s";
  p.header.topic = "own/topic";
  p.message.sequence = 2;
  w.feed(encoded(p) + batch_of(3, 2));
  EXPECT_EQ(w.handler.log, (words{"devices/d1/s #1 x", "devices/d1 #1 x", "own/topic #2 ",
                                  "devices/d1/s #3 x", "devices/d1/s #4 x"}));
}

TEST(exchange, stream_keeps_its_class) {
  wire w;
  w.open();
  w.feed(publication(1));
  EXPECT_EQ(w.feed(publication(2, "x", "s", model::traffic_class::event)), state::closed);
  EXPECT_EQ(w.it.closed_for()->code, fault_code::protocol_error);
}

session_limits small_credit() {
  session_limits l;
  l.credits[3] = {4, 100};
  return l;
}

TEST(credit, more_messages_than_granted_end_the_session) {
  wire w(small_credit());
  w.open();
  EXPECT_EQ(w.feed(batch_of(1, 4)), state::need_more);
  w.settle(0);
  EXPECT_EQ(w.feed(publication(5)), state::need_more);
  EXPECT_EQ(w.feed(publication(6)), state::closed);
  EXPECT_EQ(w.handler.tickets.size(), 5u);
  EXPECT_EQ(words_of(w.out),
            (words{"ack telemetry s ..1",
                   "goodbye receive_maximum_exceeded (receive maximum exceeded: class telemetry "
                   "has credit for 4 messages in flight)"}));
}

TEST(credit, batch_that_exceeds_it_by_itself_is_refused_whole) {
  wire w(small_credit());
  w.open();
  EXPECT_EQ(w.feed(batch_of(1, 5)), state::closed);
  EXPECT_EQ(w.handler.tickets.size(), 0u);
  EXPECT_EQ(w.it.closed_for()->code, fault_code::receive_maximum_exceeded);
}

TEST(credit, more_bytes_than_granted_end_the_session) {
  wire w(small_credit());
  w.open();
  EXPECT_EQ(w.feed(publication(1, std::string(60, 'x'))), state::need_more);
  EXPECT_EQ(w.feed(publication(2, std::string(40, 'x'))), state::need_more);
  EXPECT_EQ(w.feed(publication(3, "x")), state::closed);
  EXPECT_EQ(w.it.closed_for()->code, fault_code::receive_maximum_exceeded);
}

TEST(credit, classes_have_their_own) {
  wire w(small_credit());
  w.open();
  EXPECT_EQ(w.feed(batch_of(1, 4)), state::need_more);
  EXPECT_EQ(w.feed(publication(1, "x", "c", model::traffic_class::control)), state::need_more);
}

TEST(credit, what_is_to_be_sent_again_keeps_its_place) {
  wire w(small_credit());
  w.open();
  w.feed(batch_of(1, 4));
  for (std::size_t i = 0; i < 4; ++i) w.settle(i, fault_code::server_busy, 10);
  for (unsigned i = 1; i <= 4; ++i) EXPECT_EQ(w.feed(publication(i)), state::need_more);
  EXPECT_EQ(w.feed(publication(5)), state::closed);
  wire other(small_credit());
  other.open();
  other.feed(batch_of(1, 4));
  other.settle(0, fault_code::server_busy, 10);
  EXPECT_EQ(other.feed(publication(5)), state::closed);
}

TEST(credit, streams_with_messages_in_flight_are_bounded_and_idle_ones_give_way) {
  session_limits l;
  l.maximum_streams = 3;
  wire w(l);
  w.open();
  for (int i = 0; i < 100; ++i) {
    w.feed(publication(1, "x", "s" + std::to_string(i)));
    w.settle(static_cast<std::size_t>(i));
    EXPECT_EQ(w.flushed().size(), 1u);
  }
  for (const auto* s : {"a", "b", "c"}) EXPECT_EQ(w.feed(publication(1, "x", s)), state::need_more);
  EXPECT_EQ(w.feed(publication(1, "x", "d")), state::closed);
  EXPECT_EQ(w.it.closed_for()->code, fault_code::quota_exceeded);
}

TEST(pause, message_comes_again_and_nothing_is_charged_for_it) {
  wire w(small_credit());
  w.open();
  w.handler.publish = [](const publish_view&) { return flow::pause; };
  EXPECT_EQ(w.feed(publication(1)), state::paused);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(w.feed(""), state::paused);
  EXPECT_EQ(w.it.in_flight(), 0u);
  w.handler.publish = [](const publish_view&) { return flow::go_on; };
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_EQ(w.handler.log, words{"devices/d1/s #1 x"});
  EXPECT_EQ(w.it.in_flight(), 1u);
}

TEST(pause, batch_goes_on_where_it_stopped) {
  wire w;
  w.open();
  int room = 2;
  w.handler.publish = [&](const publish_view&) { return room-- > 0 ? flow::go_on : flow::pause; };
  EXPECT_EQ(w.feed(batch_of(1, 5) + publication(6)), state::paused);
  for (int i = 0; i < 3; ++i) {
    room = 1;
    EXPECT_EQ(w.feed(""), state::paused);
  }
  room = 9;
  EXPECT_EQ(w.feed(""), state::need_more);
  EXPECT_EQ(w.handler.log.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_NE(w.handler.log[i].find("#" + std::to_string(i + 1) + " "), std::string::npos);
    w.settle(i);
  }
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..6"});
}

TEST(pause, of_a_message_sent_again_leaves_it_to_be_sent_again) {
  wire w;
  w.open();
  w.feed(publication(1));
  w.settle(0, fault_code::server_busy, 10);
  (void)w.flushed();
  bool full = true;
  w.handler.publish = [&](const publish_view&) { return full ? flow::pause : flow::go_on; };
  EXPECT_EQ(w.feed(publication(1)), state::paused);
  EXPECT_EQ(w.feed(""), state::paused);
  full = false;
  EXPECT_EQ(w.feed(""), state::need_more);
  w.settle(1);
  EXPECT_EQ(w.flushed(), words{"ack telemetry s ..1"});
}

TEST(pause, handler_may_close_within_a_batch) {
  wire w;
  w.open();
  w.handler.publish = [&](const publish_view&) {
    w.it.disconnect(fault_code::server_shutting_down, {}, w.out);
    return flow::go_on;
  };
  EXPECT_EQ(w.feed(batch_of(1, 5)), state::closed);
  EXPECT_EQ(w.handler.tickets.size(), 1u);
}

TEST(acks, fit_the_smallest_frame_that_a_device_may_ask_for) {
  session_limits l;
  l.credits[3] = {1024, 1 << 20};
  wire w(l);
  w.open();
  const std::string name(maximum_stream_bytes, 's'), device(maximum_device_bytes, 'd');
  const std::uint64_t base = 1ull << 62;
  for (unsigned i = 0; i < 1024; ++i) {
    publish_packet p;
    p.header.stream = name;
    p.header.device = device;
    p.header.boot = base;
    p.message.sequence = base + i;
    ASSERT_EQ(w.feed(encoded(p)), state::need_more);
  }
  const auto frames = [&] {
    w.it.flush(w.out);
    std::size_t count = 0;
    for (std::string_view rest = w.out; !rest.empty(); ++count) {
      const auto f = std::get<frame>(next_frame(as_bytes(rest), minimum_frame_limit));
      rest.remove_prefix(f.size());
    }
    w.out.clear();
    return count;
  };
  for (std::size_t i = 1; i < 1024; i += 2) w.settle(i);
  EXPECT_EQ(frames(), 512u / in_flight::maximum_ranges);
  for (std::size_t i = 0; i < 1024; i += 2) {
    w.settle(i, fault_code::wildcard_subscriptions_not_supported, 0xFFFF'FFFF);
  }
  EXPECT_EQ(frames(), 512u / in_flight::maximum_nacks);
}

/// A device that believes every word, against answers in any order: what it takes for settled has
/// been settled, all is told in the end, and what is held stays bounded.
TEST(acks, tell_exactly_what_was_settled_in_whatever_order) {
  std::mt19937 random(4242);
  for (int run = 0; run < 50; ++run) {
    session_limits l;
    l.credits[3] = {32, 1 << 20};
    wire w(l);
    w.open();
    std::map<std::uint64_t, std::uint16_t> at_server;  // unsettled
    std::set<std::uint64_t> on_the_way, again, settled;
    std::uint64_t next = 1;
    w.handler.publish = [&](const publish_view& p) {
      if (random() % 8 == 0) return flow::pause;
      EXPECT_TRUE(at_server.emplace(p.message.sequence, p.ticket).second);
      return flow::go_on;
    };
    const auto believe = [&] {
      w.it.flush(w.out);
      std::string_view rest = w.out;
      while (!rest.empty()) {
        const auto f = std::get<frame>(next_frame(as_bytes(rest), 1 << 20));
        rest.remove_prefix(f.size());
        const auto a = std::get<ack_packet>(decode(f, receiver::client).value());
        auto nacks = a.nacks;
        while (const auto n = next_nack(nacks)) {
          ASSERT_EQ(on_the_way.erase(n->sequence), 1u);
          if (n->retry_after_ms) again.insert(n->sequence);
        }
        const auto done = [&](std::uint64_t first, std::uint64_t last) {
          for (auto i = on_the_way.lower_bound(first); i != on_the_way.end() && *i <= last;) {
            ASSERT_TRUE(settled.count(*i)) << *i;
            i = on_the_way.erase(i);
          }
        };
        if (a.up_to) {
          ASSERT_TRUE(again.empty() || *again.begin() > *a.up_to);
          done(0, *a.up_to);
        }
        auto ranges = a.ranges;
        while (const auto r = next_range(ranges)) done(r->first, r->last);
      }
      w.out.clear();
    };
    for (int step = 0; step < 400; ++step) {
      const bool end = step >= 300;
      if (!end && on_the_way.size() + again.size() < 32 && random() % 2 == 0) {
        on_the_way.insert(next);
        ASSERT_NE(w.feed(publication(next)), state::closed) << w.it.closed_for()->detail;
        next += 1 + random() % 3;
      }
      if (!again.empty() && (end || random() % 2 == 0)) {
        const auto n = *again.begin();
        again.erase(again.begin());
        on_the_way.insert(n);
        ASSERT_NE(w.feed(publication(n)), state::closed) << w.it.closed_for()->detail;
      }
      w.feed("");
      if (!at_server.empty()) {
        auto i = at_server.begin();
        std::advance(i, static_cast<std::ptrdiff_t>(random() % at_server.size()));
        const auto [n, ticket] = *i;
        at_server.erase(i);
        const auto mood = end ? 9 : random() % 10;
        if (mood >= 2) settled.insert(n);
        if (mood == 0) w.it.settle(ticket, fault_code::server_busy, 5, w.out);
        if (mood == 1) w.it.settle(ticket, fault_code::schema_violation, {}, w.out);
        if (mood >= 2) w.it.settle(ticket, {}, {}, w.out);
      }
      if (end || random() % 3 == 0) believe();
      ASSERT_LT(w.it.heap_bytes(), 16'384u);
    }
    EXPECT_TRUE(on_the_way.empty() && again.empty()) << "run " << run;
  }
}

}  // namespace
}  // namespace fleetgate::native
