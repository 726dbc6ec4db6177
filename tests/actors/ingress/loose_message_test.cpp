// Wills on their way into the road, and what the sessions stage hears of them. The test is the
// journal; nothing runs beside it.
#include "actors/ingress/loose_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

namespace fleetgate::ingress {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

contract::due_will will(std::uint64_t number, std::uint8_t qos = 1) {
  auto what = std::make_shared<contract::will>();
  what->message.topic = "gone";
  what->message.payload = "p";
  what->message.qos = qos;
  return {number, "c", std::move(what)};
}

class a_will : public testing::Test {
 protected:
  /// What the parser is given: slot, generation, and whether it waits for room in the spool.
  std::vector<std::string> posted() {
    std::vector<std::string> lines;
    shard_.intake.to_parser.read(100, [&](auto, const contract::inbound_item& item) {
      const auto& m = *item.message;
      lines.push_back(std::string(m.topic) + " of " + std::string(m.client_id) +
                      (m.connection.slot == will_slot ? " #" : " ?") +
                      std::to_string(m.connection.generation) + (m.waits_for_room ? " waits" : ""));
    });
    return lines;
  }
  /// What the sessions stage is told.
  std::vector<std::string> told() {
    std::vector<std::string> lines;
    subscribers_.settled_wills.read(100, [&](auto, const contract::will_settled& s) {
      lines.push_back(std::to_string(s.number) + (s.kept ? " kept" : " not kept"));
    });
    return lines;
  }

  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  runtime::memory_budget budget_{4 << 20};
  runtime::unit home_{system_, "shard-0"};  // its thread does not run
  model::topic_rules rules_;
  contract::subscriber_mail subscribers_{1, 1 << 20};
  contract::command_mail commands_{1, 1 << 20};
  observe::overload_probe overload_;
  observe::logger log_;
  shard shard_{0,         home_,     budget_, rules_, {}, {2, 64 * 1024}, subscribers_,
               commands_, overload_, log_};
};

TEST_F(a_will, goes_the_road_as_its_clients_message_and_waits_for_room_in_the_spool) {
  take_will(shard_, will(7));
  EXPECT_THAT(posted(), ElementsAre("gone of c #7 waits"));
  take_will(shard_, will(8, 0));
  EXPECT_THAT(posted(), ElementsAre("gone of c #8")) << "at QoS 0 nothing waits";
  EXPECT_THAT(told(), IsEmpty()) << "there is no receipt yet";
}

TEST_F(a_will, that_finds_no_room_on_the_road_is_not_kept) {
  for (std::uint64_t number = 1; number <= 3; ++number) take_will(shard_, will(number));
  EXPECT_EQ(posted().size(), 2u);
  EXPECT_THAT(told(), ElementsAre("3 not kept"));
}

TEST_F(a_will, goes_the_road_while_the_shard_sends_its_devices_away) {
  shard_.draining = true;
  take_will(shard_, will(7));
  EXPECT_EQ(posted().size(), 1u);
}

TEST_F(a_will, is_kept_where_it_is_stored_known_or_quarantined_and_not_where_it_was_refused) {
  using model::outcome;
  std::uint64_t number = 0;
  for (const auto result : {outcome::stored, outcome::duplicate, outcome::quarantined,
                            outcome::refused, outcome::superseded}) {
    settle_will(shard_, ++number, result);
  }
  EXPECT_THAT(told(), ElementsAre("1 kept", "2 kept", "3 kept", "4 not kept", "5 not kept"));
}

}  // namespace
}  // namespace fleetgate::ingress
