#include "protocol/mqtt/outbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetgate::mqtt {
namespace {

using answer = outbox::answer;

forward of(std::string topic, std::uint8_t qos = 1) {
  auto m = std::make_shared<forward_message>();
  m->topic = std::move(topic);
  m->qos = qos;
  return {m, {}, qos, false};
}

struct outbox_that : testing::Test {
  outbox_limits limits{8, 100, 3};
  outbox box{limits};
  std::optional<outbox::entry> finished;

  void push(std::string topic, std::uint8_t qos = 1) { ASSERT_TRUE(box.push(of(topic, qos))); }
  /// Topics of all that can be sent now, with "'" where DUP is set and "!" for a PUBREL.
  std::string sendable() {
    std::string out;
    while (const auto* e = box.next()) {
      out += e->what.message->topic + (e->dup ? "'" : "") + (e->released ? "!" : "");
    }
    return out;
  }
  answer ack(packet_type type, std::uint16_t id, std::uint8_t reason = 0) {
    return box.acknowledge(type, id, reason, finished);
  }
};

using an_outbox = outbox_that;

TEST_F(an_outbox, sends_in_order_as_far_as_the_window_goes) {
  for (const char* t : {"a", "b", "c", "d"}) push(t);
  EXPECT_EQ(sendable(), "") << "nobody is connected";
  box.connected(2);
  EXPECT_EQ(sendable(), "ab");
  EXPECT_EQ(ack(packet_type::puback, 1), answer::done);
  EXPECT_EQ(finished->what.message->topic, "a");
  EXPECT_EQ(sendable(), "c");
  box.connected(65'535);
  EXPECT_EQ(sendable(), "b'c'd") << "its own limit of 3 binds too";
}

TEST_F(an_outbox, sends_no_more_bytes_at_once_than_its_limit_but_always_one_message) {
  limits.in_flight_bytes = 3;
  for (const char* t : {"long topic", "a", "bb", "c"}) push(t);
  box.connected(10);
  EXPECT_EQ(sendable(), "long topic");
  ack(packet_type::puback, 1);
  EXPECT_EQ(sendable(), "abb");
  ack(packet_type::puback, 3);
  EXPECT_EQ(sendable(), "c");
  box.connected(10);
  EXPECT_EQ(sendable(), "a'c'") << "and so it is over another connection";
  limits.in_flight_bytes = 1;
  box.connected(10);
  EXPECT_EQ(sendable(), "a'");
  ack(packet_type::puback, 2);
  EXPECT_EQ(sendable(), "c'");
}

TEST_F(an_outbox, sends_again_over_another_connection_what_was_not_answered) {
  push("a");
  push("b", 2);
  push("c", 2);
  box.connected(10);
  EXPECT_EQ(sendable(), "abc");
  EXPECT_EQ(ack(packet_type::pubrec, 2), answer::release);
  box.disconnected();
  push("d");
  EXPECT_EQ(sendable(), "");
  box.connected(10);
  EXPECT_EQ(sendable(), "a'b!c'");
  EXPECT_EQ(ack(packet_type::pubcomp, 2), answer::done);
  EXPECT_EQ(sendable(), "d");
}

TEST_F(an_outbox, takes_each_answer_once_and_only_where_it_fits_the_exchange) {
  push("a");
  push("b", 2);
  box.connected(10);
  EXPECT_EQ(ack(packet_type::puback, 1), answer::unknown) << "not sent yet";
  EXPECT_EQ(sendable(), "ab");
  EXPECT_EQ(ack(packet_type::pubrec, 1), answer::unknown);
  EXPECT_EQ(ack(packet_type::pubcomp, 1), answer::unknown);
  EXPECT_EQ(ack(packet_type::puback, 2), answer::unknown);
  EXPECT_EQ(ack(packet_type::pubcomp, 2), answer::unknown) << "before its PUBREC";
  EXPECT_EQ(ack(packet_type::puback, 9), answer::unknown);
  EXPECT_EQ(ack(packet_type::puback, 1), answer::done);
  EXPECT_EQ(ack(packet_type::puback, 1), answer::unknown);
  EXPECT_EQ(ack(packet_type::pubrec, 2), answer::release);
  EXPECT_EQ(ack(packet_type::pubrec, 2), answer::release) << "a repeated PUBREC is answered";
  EXPECT_EQ(ack(packet_type::pubcomp, 2), answer::done);
  EXPECT_EQ(box.size(), 0u);
  EXPECT_EQ(box.bytes(), 0u);
  EXPECT_EQ(box.in_flight(), 0u);
}

TEST_F(an_outbox, ends_an_exchange_that_the_client_refuses) {
  push("a", 2);
  box.connected(10);
  sendable();
  EXPECT_EQ(ack(packet_type::pubrec, 1, 0x97), answer::done);
  EXPECT_EQ(finished->what.message->topic, "a");
  EXPECT_EQ(box.size(), 0u);
}

TEST_F(an_outbox, refuses_what_does_not_fit) {
  for (int i = 0; i < 8; ++i) push("t");
  EXPECT_EQ(box.push(of("t")), nullptr) << "messages";
  outbox heavy(limits);
  ASSERT_TRUE(heavy.push(of(std::string(60, 'x'))));
  EXPECT_EQ(heavy.push(of(std::string(60, 'x'))), nullptr) << "bytes";
  ASSERT_TRUE(heavy.push(of(std::string(40, 'x'))));
}

TEST_F(an_outbox, never_gives_an_identifier_that_is_in_use) {
  limits.messages = 200'000;
  limits.bytes = 1 << 20;
  push("kept");
  box.connected(10);
  sendable();
  for (int i = 0; i < 70'000; ++i) {
    push("t");
    const auto* e = box.next();
    ASSERT_NE(e, nullptr);
    ASSERT_NE(e->packet_id, 0);
    ASSERT_NE(e->packet_id, 1) << "that one is in flight";
    ASSERT_EQ(ack(packet_type::puback, e->packet_id), answer::done);
  }
}

TEST_F(an_outbox, goes_on_from_what_was_stored) {
  push("a");
  push("b", 2);
  push("c");
  box.connected(2);
  sendable();
  ack(packet_type::pubrec, 2);
  outbox again(limits);
  for (const auto& e : box.entries()) again.restore(e);
  std::swap(box, again);
  EXPECT_EQ(sendable(), "");
  box.connected(3);
  EXPECT_EQ(sendable(), "a'b!c");
  push("d");
  EXPECT_EQ(box.entries().back().number, 4u);
}

TEST_F(an_outbox, gives_up_what_cannot_be_sent) {
  push("a");
  push("b");
  box.connected(1);
  const auto* e = box.next();
  box.give_up(e->packet_id);
  EXPECT_EQ(sendable(), "b");
  EXPECT_EQ(box.size(), 1u);
}

}  // namespace
}  // namespace fleetgate::mqtt
