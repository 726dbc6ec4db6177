#include "tests/actors/sessions/broker.hpp"

namespace fleetgate::sessions {
namespace {

using contract::command_answer;
using contract::command_result;
using contract::command_sent;
using testing::ElementsAre;
using testing::IsEmpty;

class a_broker_of_commands : public a_broker {
 protected:
  void command(std::string device, std::string id) {
    contract::command_delivery d;
    d.device = device;
    d.id = id;
    d.name = "reboot";
    d.payload = payload;
    d.deadline_ns = now_ns + 60 * s;
    d.topics = {"first/" + device, "devices/" + device + "/commands/reboot/" + id};
    brain->command(d, now_ns);
    settle();
  }
  /// What the commands stage was told since the last time.
  std::vector<std::string> told() {
    std::vector<std::string> lines;
    for (const auto& e : brain->out().told) {
      if (const auto* sent = std::get_if<command_sent>(&e.what))
        lines.push_back(e.device + " sent " + sent->id);
      else if (const auto* a = std::get_if<command_answer>(&e.what))
        lines.push_back(e.device + " " + std::string(to_string(a->result)) + " " + a->id);
    }
    brain->out().told.clear();
    return lines;
  }
  std::vector<std::string> ready() { return std::exchange(brain->out().ready, {}); }

  std::string payload = "{}";
};

TEST_F(a_broker_of_commands, sends_one_to_the_client_of_that_name_and_hears_its_puback) {
  const auto device = connect("press");
  const auto other = connect("other");
  subscribe(device, "devices/press/commands/#", 1);
  subscribe(other, "#", 1);
  EXPECT_THAT(ready(), ElementsAre("press", "other"));
  command("press", "c1");
  EXPECT_THAT(take_sent(device), ElementsAre("devices/press/commands/reboot/c1 q1 #1"));
  EXPECT_THAT(take_sent(other), IsEmpty()) << "who only watches must not answer for a device";
  EXPECT_THAT(told(), ElementsAre("press sent c1"));
  ack(device, packet_type::puback, 1);
  EXPECT_THAT(told(), ElementsAre("press received c1"));
}

TEST_F(a_broker_of_commands, says_that_the_client_refused) {
  const auto device = connect("press");
  subscribe(device, "devices/press/commands/#", 1);
  command("press", "c1");
  told();
  ack(device, packet_type::puback, 1, 0x83);
  EXPECT_THAT(told(), ElementsAre("press refused c1"));
}

TEST_F(a_broker_of_commands, takes_the_first_topic_that_the_client_wants) {
  const auto device = connect("press");
  subscribe(device, "first/+", 1);
  subscribe(device, "devices/press/commands/#", 1);
  command("press", "c1");
  EXPECT_THAT(take_sent(device), ElementsAre("first/press q1 #1"));
}

TEST_F(a_broker_of_commands, is_silent_for_whom_is_away_or_has_not_subscribed) {
  command("nobody", "c1");
  const auto device = connect("press", persistent());
  command("press", "c2");
  subscribe(device, "something/else", 1);
  command("press", "c3");
  go(device);
  command("press", "c4");
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_THAT(take_sent(device), IsEmpty());
}

TEST_F(a_broker_of_commands, does_not_send_twice_what_is_under_way) {
  const auto device = connect("press", persistent());
  subscribe(device, "devices/press/commands/#", 1);
  command("press", "c1");
  command("press", "c1");
  EXPECT_THAT(take_sent(device), ElementsAre("devices/press/commands/reboot/c1 q1 #1"));
  go(device, true, 1000);
  ready();
  const auto back = connect("press", persistent());
  EXPECT_THAT(take_sent(back), ElementsAre("devices/press/commands/reboot/c1 q1 #1 dup"));
  EXPECT_THAT(ready(), ElementsAre("press"));
  command("press", "c1");
  EXPECT_THAT(take_sent(back), IsEmpty());
  ack(back, packet_type::puback, 1);
  EXPECT_THAT(told(), ElementsAre("press sent c1", "press received c1"));
}

/// Offered once more before the ledger heard of the answer.
TEST_F(a_broker_of_commands, does_not_send_again_what_was_answered_on_this_connection) {
  auto device = connect("press");
  subscribe(device, "devices/press/commands/#", 1);
  command("press", "c1");
  take_sent(device);
  ack(device, packet_type::puback, 1);
  told();
  command("press", "c1");
  EXPECT_THAT(take_sent(device), IsEmpty());
  EXPECT_THAT(told(), ElementsAre("press received c1"));
  go(device);
  device = connect("press");
  subscribe(device, "devices/press/commands/#", 1);
  command("press", "c1");
  EXPECT_THAT(take_sent(device), ElementsAre("devices/press/commands/reboot/c1 q1 #1"));
}

TEST_F(a_broker_of_commands, keeps_no_row_of_what_the_ledger_keeps) {
  const auto device = connect("press", persistent());
  subscribe(device, "devices/press/commands/#", 1);
  const auto rows = store.size();
  command("press", "c1");
  EXPECT_EQ(store.size(), rows);
  restart();
  const auto back = connect("press", persistent());
  EXPECT_THAT(take_sent(back), IsEmpty());
  EXPECT_THAT(ready(), ElementsAre("press")) << "the ledger sends it again";
}

TEST_F(a_broker_of_commands, asks_again_when_a_full_queue_has_room) {
  limits.queue.messages = 1;
  start();
  const auto device = connect("press");
  subscribe(device, "devices/press/commands/#", 1);
  ready();
  command("press", "c1");
  command("press", "c2");
  EXPECT_THAT(told(), ElementsAre("press sent c1"));
  EXPECT_THAT(ready(), IsEmpty());
  ack(device, packet_type::puback, 1);
  EXPECT_THAT(ready(), ElementsAre("press"));
}

TEST_F(a_broker_of_commands, says_that_one_is_too_large_for_the_client) {
  coming small;
  small.maximum_packet_size = 64;
  const auto device = connect("press", small);
  subscribe(device, "devices/press/commands/#", 1);
  payload = std::string(100, 'x');
  command("press", "c1");
  EXPECT_THAT(take_sent(device), IsEmpty());
  EXPECT_THAT(told(), ElementsAre("press failed c1", "press sent c1"))
      << "the ledger hears the answer first, and nothing changes it";
}

TEST_F(a_broker_of_commands, says_so_too_where_the_client_takes_qos_0) {
  coming small;
  small.maximum_packet_size = 64;
  const auto device = connect("press", small);
  subscribe(device, "devices/press/commands/#", 0);
  ready();
  payload = std::string(100, 'x');
  command("press", "c1");
  EXPECT_THAT(told(), ElementsAre("press failed c1"));
  EXPECT_THAT(ready(), IsEmpty());
}

TEST_F(a_broker_of_commands, does_not_send_what_is_too_late) {
  const auto device = connect("press");
  subscribe(device, "devices/press/commands/#", 1);
  contract::command_delivery d;
  d.device = "press";
  d.id = "c1";
  d.deadline_ns = now_ns;
  d.topics = {"devices/press/commands/x/c1"};
  brain->command(d, now_ns);
  settle();
  EXPECT_THAT(take_sent(device), IsEmpty());
}

TEST_F(a_broker_of_commands, sends_again_what_was_under_way_though_its_deadline_has_passed) {
  // [MQTT-4.4.0-1]: only its expiry says that it is late.
  auto device = connect("press", persistent());
  subscribe(device, "devices/press/commands/#", 1);
  command("press", "c1");
  take_sent(device);
  go(device, true, 1000);
  now_ns += 61 * s;
  device = connect("press", persistent());
  const std::string no_time_left("\x02\0\0\0\0", 5);  // Message Expiry Interval
  EXPECT_THAT(wire[device.ref.generation], testing::HasSubstr(no_time_left));
  EXPECT_THAT(take_sent(device), ElementsAre("devices/press/commands/reboot/c1 q1 #1 dup"));
}

TEST_F(a_broker_of_commands, sends_at_qos_0_where_no_more_was_asked_for) {
  const auto device = connect("press");
  subscribe(device, "devices/press/commands/#", 0);
  command("press", "c1");
  EXPECT_THAT(take_sent(device), ElementsAre("devices/press/commands/reboot/c1 q0"));
  EXPECT_THAT(told(), ElementsAre("press sent c1"));
}

}  // namespace
}  // namespace fleetgate::sessions
