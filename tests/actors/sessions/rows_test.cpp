#include "actors/sessions/rows.hpp"

#include <gtest/gtest.h>

namespace fleetgate::sessions {
namespace {

mqtt::forward_message message() {
  mqtt::forward_message m;
  m.topic = "a/b";
  m.payload = std::string("\0\xFFx", 3);
  m.props = "\x01\x01";
  m.publisher = "p";
  m.received_ns = -5;
  m.qos = 2;
  m.retain = true;
  return m;
}

void expect_equal(const mqtt::forward_message& a, const mqtt::forward_message& b) {
  EXPECT_EQ(a.topic, b.topic);
  EXPECT_EQ(a.payload, b.payload);
  EXPECT_EQ(a.props, b.props);
  EXPECT_EQ(a.publisher, b.publisher);
  EXPECT_EQ(a.received_ns, b.received_ns);
  EXPECT_EQ(a.qos, b.qos);
  EXPECT_EQ(a.retain, b.retain);
}

mqtt::outbox::entry entry() {
  mqtt::outbox::entry e;
  e.what = {std::make_shared<mqtt::forward_message>(message()), {1, 268'435'455}, 2, true};
  e.number = 77;
  e.packet_id = 9;
  e.released = true;
  return e;
}

contract::due_will due_will() {
  auto what = std::make_shared<contract::will>();
  what->message = message();
  return {7, "c", std::move(what)};
}

session some_session() {
  session s;
  s.expiry_s = 3600;
  s.subscriptions["a/#"] = {{0, 5, 2, true, false}, true};
  s.subscriptions["b"] = {{0, 0, 0, false, true}, false};
  return s;
}

TEST(rows, come_back_as_they_were) {
  session s;
  ASSERT_TRUE(decode_session(as_bytes(encode_session(some_session())), s));
  EXPECT_EQ(s.expiry_s, 3600u);
  EXPECT_EQ(s.subscriptions, some_session().subscriptions);
  ASSERT_TRUE(s.replay);
  EXPECT_EQ(s.replay->owed, 1u);

  const auto e = decode_entry(as_bytes(encode_entry(entry())));
  ASSERT_TRUE(e);
  EXPECT_EQ(e->number, 77u);
  EXPECT_EQ(e->packet_id, 9);
  EXPECT_TRUE(e->released);
  EXPECT_EQ(e->what.qos, 2);
  EXPECT_TRUE(e->what.retain);
  EXPECT_EQ(e->what.identifiers, entry().what.identifiers);
  expect_equal(*e->what.message, message());

  const auto m = decode_message(as_bytes(encode_message(message())));
  ASSERT_TRUE(m);
  expect_equal(*m, message());

  const auto w = decode_will(as_bytes(encode_will({message()}, 30)));
  ASSERT_TRUE(w);
  EXPECT_EQ(w->delay_s, 30u);
  expect_equal(w->message, message());

  const auto d = decode_due_will(due_will_key(7), as_bytes(encode_due_will(due_will())));
  ASSERT_TRUE(d);
  EXPECT_EQ(d->number, 7u);
  EXPECT_EQ(d->client_id, "c");
  expect_equal(d->what->message, message());

  contract::cursor c;
  c.spool.bytes[3] = 7;
  c.lanes[2] = {4, 5};
  EXPECT_EQ(decode_cursor(as_bytes(encode_cursor(c))), c);
}

TEST(rows, that_are_cut_or_longer_or_of_another_version_are_refused) {
  const std::string good[] = {
      encode_session(some_session()), encode_entry(entry()), encode_message(message()),
      encode_will({message()}, 30),   encode_cursor({}),     encode_due_will(due_will())};
  const auto reads = [](std::size_t kind, const std::string& row) {
    session s;
    switch (kind) {
      case 0:
        return decode_session(as_bytes(row), s);
      case 1:
        return decode_entry(as_bytes(row)).has_value();
      case 2:
        return decode_message(as_bytes(row)).has_value();
      case 3:
        return decode_will(as_bytes(row)).has_value();
      case 4:
        return decode_cursor(as_bytes(row)).has_value();
      default:
        return decode_due_will(due_will_key(7), as_bytes(row)).has_value();
    }
  };
  for (std::size_t kind = 0; kind < std::size(good); ++kind) {
    ASSERT_TRUE(reads(kind, good[kind]));
    for (std::size_t n = 0; n < good[kind].size(); ++n) {
      EXPECT_FALSE(reads(kind, good[kind].substr(0, n))) << kind << " cut at " << n;
    }
    EXPECT_FALSE(reads(kind, good[kind] + "x"));
    auto other = good[kind];
    other[0] = 2;
    EXPECT_FALSE(reads(kind, other));
  }
}

TEST(due_will_key, is_a_number_and_nothing_else) {
  EXPECT_LT(due_will_key(255), due_will_key(256));
  EXPECT_FALSE(decode_due_will("7", as_bytes(encode_due_will(due_will()))));
  EXPECT_FALSE(decode_due_will(due_will_key(7) + "x", as_bytes(encode_due_will(due_will()))));
}

TEST(queue_key, sorts_by_client_and_number_and_names_its_client) {
  EXPECT_LT(queue_key("a", 255), queue_key("a", 256));
  EXPECT_LT(queue_key("a", 256), queue_key("ab", 1));
  EXPECT_EQ(client_of_queue_key(queue_key("ab", 1)), "ab");
  EXPECT_EQ(client_of_queue_key(queue_key("", 1)), "");
  EXPECT_FALSE(client_of_queue_key("ab"));
  EXPECT_FALSE(client_of_queue_key(queue_key("ab", 1) + "x"));
}

}  // namespace
}  // namespace fleetgate::sessions
