// Seeded random packets: encoded, decoded and encoded again they are the same, whole or in pieces.
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "protocol/mqtt/property_rules.hpp"
#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::mqtt {
namespace {

class generator {
 public:
  explicit generator(unsigned seed) : random_(seed) {}

  packet any(protocol_version version, receiver side) {
    v5_ = version == protocol_version::v5;
    kept_.clear();
    lists_.clear();
    if (side == receiver::server) {
      switch (below(v5_ ? 8 : 7)) {
        case 0:
          return connect(version);
        case 1:
          return publish(side);
        case 2:
          return ack();
        case 3:
          return subscribe();
        case 4:
          return unsubscribe();
        case 5:
          return ping_packet{packet_type::pingreq};
        case 6:
          return farewell(packet_type::disconnect, v5_ ? 0x04 : 0, property_place::disconnect);
        default:
          return farewell(packet_type::auth, 0x18, property_place::auth);
      }
    }
    switch (below(v5_ ? 7 : 6)) {
      case 0:
        return connack();
      case 1:
        return publish(side);
      case 2:
        return ack();
      case 3:
        return suback();
      case 4:
        return ping_packet{packet_type::pingresp};
      case 5:
        return farewell(packet_type::disconnect, v5_ ? 0x8B : 0, property_place::disconnect,
                        property_id::session_expiry_interval);
      default:
        return farewell(packet_type::auth, 0x00, property_place::auth);
    }
  }

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

 private:
  bool coin() { return below(2) == 0; }
  std::uint16_t id() { return static_cast<std::uint16_t>(1 + below(65'535)); }

  std::string_view text(std::size_t least = 0) {
    static constexpr std::string_view letters[] = {
        "a", "Z", "/", "0", " ", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x7F"};
    std::string s;
    const auto n = least + (below(20) == 0 ? below(2'000) : below(12));
    for (std::size_t i = 0; i < n; ++i) s += letters[below(9)];
    return kept_.emplace_back(std::move(s));
  }
  byte_view bytes() {
    std::string s;
    for (auto n = below(20) == 0 ? below(20'000) : below(40); n > 0; --n) {
      s.push_back(static_cast<char>(below(256)));
    }
    return as_bytes(kept_.emplace_back(std::move(s)));
  }

  properties props(property_place place, std::optional<property_id> without = std::nullopt) {
    if (!v5_) return {};
    auto& list = lists_.emplace_back();
    for (int raw = 0; raw < 0x2B; ++raw) {
      const auto rule = rule_of(static_cast<std::uint8_t>(raw));
      const auto which = static_cast<property_id>(raw);
      if (rule.type == property_type::none || !rule.allowed_in(place)) continue;
      if (which == without || coin()) continue;
      // Alone this is a protocol error; the method is not.
      if (which == property_id::authentication_data && place == property_place::connect) continue;
      switch (rule.type) {
        case property_type::none:
          break;
        case property_type::flag:
          list.add(which, below(2));
          break;
        case property_type::two_byte:
          list.add(which, id());
          break;
        case property_type::four_byte:
          list.add(which, 1 + below(0xFFFF'FFFF));
          break;
        case property_type::variable:
          list.add(which, 1 + below(1u << (7 * (1 + below(4))) >> 1));
          break;
        case property_type::text:
          list.add(which, text(1));
          break;
        case property_type::binary:
          list.add(which, as_text(bytes()));
          break;
        case property_type::pair:
          for (auto n = 1 + below(5); n > 0; --n) list.add_user(text(), text());
          break;
      }
    }
    return list.view();
  }

  connect_packet connect(protocol_version version) {
    connect_packet p;
    p.version = version;
    p.clean_start = coin();
    p.keep_alive_s = static_cast<std::uint16_t>(below(65'536));
    p.props = props(property_place::connect);
    p.client_id = text();
    if (coin()) {
      p.will.emplace();
      p.will->qos = static_cast<std::uint8_t>(below(3));
      p.will->retain = coin();
      p.will->props = props(property_place::will);
      p.will->topic = text(1);
      p.will->payload = bytes();
    }
    if (coin()) p.user_name = text();
    if ((v5_ || p.user_name) && coin()) p.password = bytes();
    return p;
  }
  connack_packet connack() {
    connack_packet p;
    p.reason = coin() ? 0 : v5_ ? 0x97 : 3;
    p.session_present = p.reason == 0 && coin();
    p.props = props(property_place::connack);
    return p;
  }
  publish_packet publish(receiver side) {
    publish_packet p;
    p.qos = static_cast<std::uint8_t>(below(3));
    p.dup = p.qos != 0 && coin();
    p.retain = coin();
    p.topic = text(1);
    if (p.qos != 0) p.packet_id = id();
    p.props = props(property_place::publish,
                    side == receiver::server ? std::optional(property_id::subscription_identifier)
                                             : std::nullopt);
    p.payload = bytes();
    return p;
  }
  ack_packet ack() {
    static constexpr packet_type types[] = {packet_type::puback, packet_type::pubrec,
                                            packet_type::pubrel, packet_type::pubcomp};
    static constexpr property_place places[] = {property_place::puback, property_place::pubrec,
                                                property_place::pubrel, property_place::pubcomp};
    const auto which = below(4);
    ack_packet p;
    p.type = types[which];
    p.packet_id = id();
    if (v5_ && coin()) p.reason = which < 2 ? 0x97 : 0x92;
    p.props = props(places[which]);
    return p;
  }
  subscribe_packet subscribe() {
    static constexpr std::string_view filters[] = {"#", "+", "a/+/c", "/", "$share/g/a/#", "x y/#"};
    subscribe_packet p;
    p.packet_id = id();
    p.props = props(property_place::subscribe);
    auto& payload = kept_.emplace_back();
    for (auto n = 1 + below(10); n > 0; --n) {
      subscription s;
      s.filter = filters[below(6)];
      s.maximum_qos = static_cast<std::uint8_t>(below(3));
      s.no_local = v5_ && s.filter[0] != '$' && coin();
      s.retain_as_published = v5_ && coin();
      s.retain_handling = static_cast<std::uint8_t>(v5_ ? below(3) : 0);
      append(s, payload);
    }
    p.filters = as_bytes(payload);
    return p;
  }
  unsubscribe_packet unsubscribe() {
    unsubscribe_packet p;
    p.packet_id = id();
    p.props = props(property_place::unsubscribe);
    auto& payload = kept_.emplace_back();
    for (auto n = 1 + below(10); n > 0; --n) append_filter(text(1), payload);
    p.filters = as_bytes(payload);
    return p;
  }
  suback_packet suback() {
    suback_packet p;
    p.type = coin() ? packet_type::suback : packet_type::unsuback;
    p.packet_id = id();
    p.props =
        props(p.type == packet_type::suback ? property_place::suback : property_place::unsuback);
    if (!v5_ && p.type == packet_type::unsuback) return p;
    auto& reasons = kept_.emplace_back();
    for (auto n = 1 + below(10); n > 0; --n) reasons.push_back(coin() ? '\x00' : '\x80');
    p.reasons = as_bytes(reasons);
    return p;
  }
  farewell_packet farewell(packet_type type, std::uint8_t reason, property_place place,
                           std::optional<property_id> without = property_id::server_reference) {
    return {type, coin() ? reason : std::uint8_t{0}, props(place, without)};
  }

  std::mt19937 random_;
  bool v5_ = true;
  std::deque<std::string> kept_;
  std::deque<property_list> lists_;
};

TEST(round_trip, encoded_decoded_and_encoded_again_is_the_same) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    generator make(seed);
    for (int i = 0; i < 250; ++i) {
      const auto version = i % 2 == 0 ? protocol_version::v5 : protocol_version::v3_1_1;
      const auto side = i % 4 < 2 ? receiver::server : receiver::client;
      const auto p = make.any(version, side);
      if (std::holds_alternative<farewell_packet>(p) && side == receiver::server &&
          std::get<farewell_packet>(p).reason == 0x00 &&
          std::get<farewell_packet>(p).type == packet_type::auth) {
        continue;  // a client's AUTH is never a success
      }
      const auto bytes = encoded(p, version);
      const auto got = decode(frame_of(bytes), version, side);
      ASSERT_TRUE(got) << got.error().what << "\n" << hex(bytes);
      ASSERT_EQ(got->index(), p.index());
      ASSERT_EQ(encoded(*got, version), bytes);
    }
  }
}

TEST(round_trip, stream_in_pieces_gives_the_same_calls_and_answers) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    generator make(seed);
    const auto version = seed % 2 == 0 ? protocol_version::v5 : protocol_version::v3_1_1;
    std::string stream = encoded(
        [&] {
          connect_packet c;
          c.version = version;
          c.client_id = "device";
          return c;
        }(),
        version);
    for (int i = 0; i < 40; ++i) {
      auto p = make.any(version, receiver::server);
      if (std::holds_alternative<connect_packet>(p) || std::holds_alternative<farewell_packet>(p)) {
        continue;  // they would end it
      }
      if (auto* one = std::get_if<publish_packet>(&p)) {
        one->packet_id = static_cast<std::uint16_t>(one->qos == 0 ? 0 : i + 1);
      }
      encode(p, version, stream);
    }
    stream += bytes_of("C0 00 E0 00");

    const auto run = [&](auto next_size) {
      session_limits limits;
      limits.topic_alias_maximum = 65'535;
      wire w(limits);
      w.handler.publish = [&](const publish_view& p) {
        if (p.qos != 0) w.it.settle(p.packet_id, p.qos, std::nullopt, w.out);
        return flow::go_on;
      };
      w.handler.release = [&](std::uint16_t id) {
        w.it.complete(id, std::nullopt, w.out);
        return flow::go_on;
      };
      for (std::size_t at = 0; at < stream.size();) {
        const auto n = std::min<std::size_t>(next_size(), stream.size() - at);
        w.feed(std::string_view(stream).substr(at, n));
        at += n;
      }
      EXPECT_TRUE(w.it.closed());
      EXPECT_FALSE(w.it.closed_for()) << to_string(*w.it.closed_for());
      w.handler.log.push_back(hex(w.out));
      return w.handler.log;
    };
    const auto whole = run([&] { return stream.size(); });
    EXPECT_GT(whole.size(), 5u);
    EXPECT_EQ(run([] { return std::size_t{1}; }), whole);
    EXPECT_EQ(run([&] { return std::size_t{1} + make.below(700); }), whole);
  }
}

}  // namespace
}  // namespace fleetgate::mqtt
