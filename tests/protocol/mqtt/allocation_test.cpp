// The road of a message through the session makes no allocation once its buffers have grown.
#include <gtest/gtest.h>

#include "tests/counted_allocations.hpp"
#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::mqtt {
namespace {

struct collector final : session_handler {
  std::vector<std::uint16_t> ids;
  void on_connect(const connect_request&) override {}
  flow on_publish(const publish_view& p) override {
    std::size_t users = 0;
    for (const auto& u : p.props.user_properties()) users += u.text.size();
    if (p.props.has(property_id::user_property) != (users != 0)) std::abort();
    ids.push_back(p.packet_id);
    return flow::go_on;
  }
  void on_repeat() override {}
  flow on_release(std::uint16_t) override { return flow::go_on; }
  flow on_subscribe(const subscribe_packet&) override { return flow::go_on; }
  flow on_unsubscribe(const unsubscribe_packet&) override { return flow::go_on; }
  flow on_acknowledge(const ack_packet&) override { return flow::go_on; }
  void on_disconnect(std::uint8_t, std::optional<std::uint32_t>) override {}
};

TEST(allocation, steady_state_makes_none) {
  for (const auto version : {protocol_version::v3_1_1, protocol_version::v5}) {
    for (const unsigned window : {1u, 16u, 64u, 1024u}) {
      wire w;
      w.open(version);
      property_list props;
      if (version == protocol_version::v5)
        props.add_user("seq", "1").add(property_id::topic_alias, 1);
      std::string stream;
      for (unsigned id = 1; id <= window; ++id) {
        publish_packet p;
        p.topic = "devices/some-device/telemetry";
        p.payload = as_bytes("{}");
        p.qos = 1;
        p.packet_id = static_cast<std::uint16_t>(id);
        p.props = props.view();
        encode(p, version, stream);
      }
      collector handler;
      handler.ids.reserve(window);
      std::size_t before = 0;
      for (int round = 0; round < 5; ++round) {
        if (round == 1)
          before = counted::allocations;  // the first may grow the table and the buffer
        handler.ids.clear();
        w.out.clear();
        ASSERT_EQ(w.it.consume(as_bytes(stream), handler, w.out, 1).consumed, stream.size());
        for (const auto id : handler.ids) w.it.settle(id, 1, std::nullopt, w.out);
        ASSERT_EQ(w.out.size(), std::size_t{window} * 4);
      }
      EXPECT_EQ(counted::allocations, before) << window;
    }
  }
}

}  // namespace
}  // namespace fleetgate::mqtt
