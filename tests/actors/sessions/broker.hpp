// A broker without threads: the sessions brain with its store in memory, virtual time, and what
// each client was sent, written down a packet a line. For the tests of actors/sessions.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/sessions/copied_message.hpp"
#include "actors/sessions/sessions.hpp"
#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"
#include "tests/actors/sessions/table_store.hpp"

namespace fleetgate::sessions {

using mqtt::packet_type;
using mqtt::protocol_version;

inline constexpr std::int64_t s = 1'000'000'000;

struct client {
  model::connection_ref ref;
  std::string id;
  protocol_version version = protocol_version::v5;
};

class a_broker : public testing::Test {
 protected:
  a_broker() { start(); }

  void start() {
    under_way.clear();
    probe = std::make_unique<observe::sessions_probe>();
    brain = std::make_unique<sessions>(limits, 2, *probe, [this](const model::envelope& e) {
      return has_memory ? std::make_shared<mqtt::forward_message>(copied(e)) : nullptr;
    });
    EXPECT_EQ(brain->restore(store, steady_ns()), 0u);
  }
  /// kill -9: what was stored is what is left.
  void restart() {
    settle();
    start();
  }

  struct coming {
    bool clean_start = true;
    std::uint32_t expiry_s = 0;
    protocol_version version = protocol_version::v5;
    std::uint16_t receive_maximum = 100;
    std::uint32_t maximum_packet_size = 0xFFFF'FFFF;
    std::uint16_t aliases = 0;
    std::shared_ptr<const contract::will> will;
  };
  client connect(std::string id, const coming& how) {
    client c{{next_slot_++, 1, next_generation_++}, std::move(id), how.version};
    ids[c.ref.generation] = c.id;
    contract::client_came came;
    came.terms = {how.version, how.maximum_packet_size};
    came.receive_maximum = how.receive_maximum;
    came.topic_alias_maximum = how.aliases;
    came.session_expiry_s = how.expiry_s;
    came.clean_start = how.clean_start;
    came.last_will = how.will;
    came.opened = c.ref.generation;
    tell(c, came);
    const bool is_kept = !how.clean_start || how.expiry_s != 0 || how.will;
    if (!is_kept) {
      came.clean_start = false;
      tell(c, came);
    }
    return c;
  }
  client connect(std::string id) { return connect(std::move(id), coming{}); }
  static coming persistent() {
    coming c;
    c.clean_start = false;
    c.expiry_s = 1000;
    return c;
  }
  static coming of_3_1_1() {
    coming c;
    c.version = protocol_version::v3_1_1;
    return c;
  }

  void tell(const client& c, decltype(contract::client_event::what) what) {
    brain->take({c.ref, c.id, std::move(what)}, {steady_ns(), now_ns});
    settle();
  }
  void go(const client& c, bool with_will = true, std::uint32_t expiry_s = 0) {
    tell(c, contract::client_went{with_will, expiry_s});
  }
  void subscribe(const client& c, const mqtt::subscription& sub, std::uint32_t identifier = 0) {
    std::string filters;
    append(sub, filters);
    tell(c, contract::subscribe_request{10, identifier, filters});
  }
  void subscribe(const client& c, std::string_view filter, std::uint8_t qos = 0) {
    mqtt::subscription sub;
    sub.filter = filter;
    sub.maximum_qos = qos;
    subscribe(c, sub);
    take_sent(c);
  }
  void publish(std::string topic, std::uint8_t qos = 0, bool retain = false,
               std::string payload = "p", std::string from = "publisher") {
    model::envelope e;
    e.topic = topic;
    e.payload = as_bytes(payload);
    e.client_id = from;
    e.qos = qos;
    e.retain = retain;
    e.properties = props;
    e.received_time_ns = now_ns;
    brain->publish(e, now_ns);
    settle();
  }
  void ack(const client& c, packet_type type, std::uint16_t id, std::uint8_t reason = 0) {
    tell(c, contract::acknowledgement{type, id, reason});
  }
  /// Whatever is set as Unix time, it goes on with `now_ns`.
  [[nodiscard]] std::uint64_t steady_ns() const {
    return static_cast<std::uint64_t>(now_ns - clock_step_ns);
  }
  void at(std::int64_t ns) {
    now_ns = ns;
    brain->on_time(steady_ns());
    settle();
  }

  /// Does what the actor does: changes first, then what goes out. Wills have their receipts at
  /// once.
  void settle() {
    do settle_part();
    while (brain->replay(now_ns) || !brain->out().deliveries.empty());
  }
  void settle_part() {
    auto& out = brain->out();
    std::vector<model::connection_ref> words;
    ASSERT_TRUE(store.apply(out.changes));
    out.changes.clear();
    for (const auto& [shard, d] : out.deliveries) {
      for (const auto& ref : d.to) {
        EXPECT_EQ(ref.shard, shard);
        wire[ref.generation] += *d.packets;
        if (d.wants_word) words.push_back(ref);
      }
    }
    out.deliveries.clear();
    out.bytes = 0;
    for (const auto& ref : words) {
      if (words_come) word(ref);
    }
    for (const auto& [shard, w] : std::exchange(out.wills, {})) {
      wills.push_back(w.what->message.topic);
      under_way.push_back(w.number);
    }
    if (!will_receipts_come) return;
    for (const auto number : std::exchange(under_way, {})) receipt_of_will(number, true);
  }
  /// The connection has sent what it was to say a word of.
  void word(const model::connection_ref& ref) {
    brain->take({ref, ids[ref.generation], contract::delivery_sent{}}, {steady_ns(), now_ns});
  }
  void receipt_of_will(std::uint64_t number, bool kept) {
    auto& out = brain->out();
    brain->take(contract::will_settled{number, kept}, steady_ns());
    ASSERT_TRUE(store.apply(out.changes));
    out.changes.clear();
  }

  /// What was sent to the client since the last time, a packet a line.
  std::vector<std::string> take_sent(const client& c) {
    std::vector<std::string> lines;
    std::string bytes = std::exchange(wire[c.ref.generation], {});
    byte_view rest = as_bytes(bytes);
    while (!rest.empty()) {
      const auto f = std::get<mqtt::frame>(mqtt::next_frame(rest, 1 << 28));
      lines.push_back(line_of(*mqtt::decode(f, c.version, mqtt::receiver::client)));
      rest = rest.subspan(f.size());
    }
    return lines;
  }
  static std::string line_of(const mqtt::packet& p) {
    if (const auto* m = std::get_if<mqtt::publish_packet>(&p)) {
      std::string line = std::string(m->topic) + " q" + std::to_string(m->qos);
      if (m->qos != 0) line += " #" + std::to_string(m->packet_id);
      if (m->dup) line += " dup";
      if (m->retain) line += " retain";
      for (const auto& one : m->props) {
        if (one.id == mqtt::property_id::subscription_identifier) {
          line += " id" + std::to_string(one.number);
        }
        if (one.id == mqtt::property_id::topic_alias) line += " alias" + std::to_string(one.number);
      }
      return line;
    }
    if (const auto* a = std::get_if<mqtt::ack_packet>(&p)) {
      return std::string(to_string(a->type)) + " #" + std::to_string(a->packet_id) + " " +
             std::to_string(a->reason);
    }
    const auto& a = std::get<mqtt::suback_packet>(p);
    std::string line(to_string(a.type));
    for (const std::byte r : a.reasons) line += " " + std::to_string(static_cast<unsigned>(r));
    return line;
  }

  sessions_limits limits;
  std::string props;
  bool has_memory = true;
  std::int64_t now_ns = 1'000 * s;  // Unix time
  std::int64_t clock_step_ns = 0;   // by which the wall clock was set forward
  table_store store;
  std::unique_ptr<observe::sessions_probe> probe;
  std::unique_ptr<sessions> brain;
  std::map<std::uint64_t, std::string> wire;  // by generation
  std::map<std::uint64_t, std::string> ids;   // the same, client ids
  bool words_come = true;
  std::vector<std::string> wills;  // topics of those that were due
  bool will_receipts_come = true;
  std::vector<std::uint64_t> under_way;  // wills without a receipt

 private:
  std::uint32_t next_slot_ = 0;
  std::uint64_t next_generation_ = 1;
};

inline std::shared_ptr<const contract::will> will(std::uint32_t delay_s = 0) {
  auto w = std::make_shared<contract::will>();
  w->message.topic = "gone";
  w->delay_s = delay_s;
  return w;
}

}  // namespace fleetgate::sessions
