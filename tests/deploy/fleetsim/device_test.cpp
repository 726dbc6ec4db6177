#include "deploy/fleetsim/device.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fleetgate::fleetsim {
namespace {

using sequences = std::vector<std::uint64_t>;

habits with_window(std::uint16_t in_flight, bool newest_first = false) {
  habits h;
  h.in_flight = in_flight;
  h.newest_first = newest_first;
  return h;
}

outgoing send(device& d, std::uint64_t now_ns = 100) {
  return d.send(now_ns, [now_ns](std::optional<std::uint64_t>) { return now_ns; });
}

/// Sends all that the window allows.
sequences send_all(device& d) {
  sequences out;
  while (d.can_send()) out.push_back(send(d).sequence);
  return out;
}

sequences resend_all(device& d) {
  sequences out;
  d.resume(
      200,
      [&](const outgoing& o) {
        EXPECT_TRUE(o.again);
        out.push_back(o.sequence);
      },
      [](std::uint16_t) { ADD_FAILURE() << "nothing was acknowledged"; });
  return out;
}

TEST(device, sequences_begin_at_one_and_have_no_gaps) {
  device d(with_window(4), {});
  d.produce(3);
  EXPECT_EQ(send_all(d), (sequences{1, 2, 3}));
  EXPECT_EQ(d.produced(), 3U);
  EXPECT_FALSE(d.is_done());
}

TEST(device, it_sends_no_more_than_its_window_and_the_servers_limit_allow) {
  device d(with_window(4), {});
  d.produce(10);
  EXPECT_EQ(send_all(d).size(), 4U);
  device limited(with_window(4), {});
  limited.limit_in_flight(2);
  limited.produce(10);
  EXPECT_EQ(send_all(limited).size(), 2U);
  EXPECT_EQ(limited.owed(), 8U);
}

TEST(device, an_acknowledged_message_keeps_its_identifier_until_it_is_settled) {
  device d(with_window(1), {});
  d.produce(2);
  const outgoing first = send(d);
  EXPECT_FALSE(d.settle(first.id)) << "not before it is acknowledged";
  ASSERT_TRUE(d.acknowledge(first.id));
  EXPECT_FALSE(d.acknowledge(first.id)) << "the second time it answers nothing";
  EXPECT_TRUE(d.is_acknowledged(first.id));
  EXPECT_FALSE(d.can_send());
  ASSERT_TRUE(d.settle(first.id));
  EXPECT_TRUE(d.can_send());
}

TEST(device, an_answer_to_nothing_is_told) {
  device d(with_window(2), {});
  for (const int id : {0, 1, 2, 3, 65'535}) {
    EXPECT_FALSE(d.acknowledge(static_cast<std::uint16_t>(id)));
    EXPECT_FALSE(d.settle(static_cast<std::uint16_t>(id)));
  }
}

TEST(device, newest_first_sends_the_newest_of_what_it_owes) {
  device d(with_window(2, true), {});
  d.produce(5);
  EXPECT_EQ(send_all(d), (sequences{5, 4}));
}

TEST(device, a_kept_session_resends_in_the_order_of_the_first_sending) {
  device d(with_window(8, true), {});
  d.produce(2);
  EXPECT_EQ(send_all(d), (sequences{2, 1}));
  d.produce(1);
  EXPECT_EQ(send_all(d), (sequences{3}));
  EXPECT_EQ(resend_all(d), (sequences{2, 1, 3}));
}

TEST(device, a_kept_session_finishes_what_was_acknowledged) {
  device d(with_window(8), {});
  d.produce(1);
  const outgoing o = send(d);
  ASSERT_TRUE(d.acknowledge(o.id));
  std::vector<std::uint16_t> finished;
  d.resume(
      200, [](const outgoing&) { ADD_FAILURE() << "it was acknowledged"; },
      [&](std::uint16_t id) { finished.push_back(id); });
  EXPECT_EQ(finished, std::vector<std::uint16_t>{o.id});
}

TEST(device, after_a_lost_session_what_was_not_acknowledged_is_owed_anew) {
  device d(with_window(3), {});
  d.produce(4);
  const std::uint16_t first = send(d).id;
  send_all(d);
  ASSERT_TRUE(d.acknowledge(first));
  d.forget_session();
  EXPECT_EQ(d.under_way().in_flight(), 0U);
  EXPECT_EQ(send_all(d), (sequences{2, 3, 4}));
}

TEST(device, what_was_sent_back_goes_first_and_in_order) {
  device d(with_window(4), {});
  d.produce(6);
  const std::uint16_t first = send(d).id;
  send(d);
  const std::uint16_t third = send(d).id;
  EXPECT_FALSE(d.send_back(0));
  ASSERT_TRUE(d.send_back(third));
  ASSERT_TRUE(d.send_back(first));
  EXPECT_FALSE(d.send_back(first)) << "the second time it answers nothing";
  EXPECT_FALSE(d.acknowledge(first));
  EXPECT_FALSE(d.can_send()) << "nothing newer before them";
  EXPECT_EQ(d.under_way().unacknowledged(), 3U);
  sequences again;
  int allowed = 1;
  const auto may_send = [&allowed] { return allowed-- > 0; };
  const auto note = [&again](const outgoing& o) {
    EXPECT_TRUE(o.again);
    again.push_back(o.sequence);
  };
  d.send_again(200, may_send, note);
  EXPECT_EQ(again, (sequences{1}));
  EXPECT_FALSE(d.can_send());
  allowed = 5;
  d.send_again(200, may_send, note);
  EXPECT_EQ(again, (sequences{1, 3}));
  EXPECT_EQ(send_all(d), (sequences{4}));
}

TEST(device, what_was_sent_back_is_owed_anew_after_a_loss) {
  device d(with_window(4), {});
  d.produce(2);
  ASSERT_TRUE(d.send_back(send(d).id));
  d.forget_session();
  EXPECT_EQ(send_all(d), (sequences{1, 2}));
}

TEST(device, there_is_room_for_a_batch_or_for_what_the_server_ever_allows) {
  device d(with_window(8), {});
  EXPECT_TRUE(d.has_room(8));
  d.produce(1);
  send(d);
  EXPECT_TRUE(d.has_room(7));
  EXPECT_FALSE(d.has_room(8));
  d.limit_in_flight(3);
  EXPECT_TRUE(d.has_room(2));
  EXPECT_FALSE(d.has_room(8)) << "three is the most there ever is";
  d.limit_in_flight(1);
  EXPECT_FALSE(d.has_room());
}

TEST(device, a_reboot_forgets_all_counts_the_boot_and_begins_at_one) {
  device d(with_window(2), {});
  d.produce(5);
  const std::uint16_t first = send(d).id;
  send(d);
  ASSERT_TRUE(d.acknowledge(first));
  EXPECT_EQ(d.reboot(), 4U) << "the acknowledged one is not forgotten by the server";
  EXPECT_EQ(d.boot(), 2U);
  EXPECT_TRUE(d.is_done());
  d.produce(1);
  const outgoing o = send(d);
  EXPECT_EQ(o.boot, 2U);
  EXPECT_EQ(o.sequence, 1U);
}

TEST(device, it_goes_on_where_a_log_ended_with_the_missing_first) {
  start_point from;
  from.boot = 7;
  from.next_sequence = 10;
  from.missing.insert(3);
  device d(with_window(8), std::move(from));
  d.produce(1);
  EXPECT_EQ(d.boot(), 7U);
  EXPECT_EQ(send_all(d), (sequences{3, 10}));
}

TEST(device, a_messages_place_in_the_schedule_survives_reboots) {
  std::vector<std::optional<std::uint64_t>> places;
  const auto note = [&](std::optional<std::uint64_t> place) {
    places.push_back(place);
    return std::uint64_t{0};
  };
  start_point from;
  from.next_sequence = 10;
  from.missing.insert(3);
  device d(with_window(8), std::move(from));
  d.produce(2);
  while (d.can_send()) d.send(0, note);
  d.reboot();
  d.produce(1);
  d.send(0, note);
  EXPECT_EQ(places, (std::vector<std::optional<std::uint64_t>>{std::nullopt, 0, 1, 2}));
}

TEST(device, without_acknowledgements_nothing_is_ever_under_way) {
  habits h = with_window(2);
  h.awaits_acknowledgements = false;
  device d(h, {});
  d.produce(100);
  EXPECT_EQ(send_all(d).size(), 100U);
  EXPECT_TRUE(d.is_done());
}

TEST(device, the_longest_wait_is_that_of_the_oldest_unacknowledged_sending) {
  device d(with_window(4), {});
  EXPECT_EQ(d.under_way().waiting_since_ns(), 0U);
  d.produce(2);
  const std::uint16_t first = send(d, 100).id;
  send(d, 300);
  EXPECT_EQ(d.under_way().waiting_since_ns(), 100U);
  ASSERT_TRUE(d.acknowledge(first));
  EXPECT_EQ(d.under_way().waiting_since_ns(), 300U);
}

}  // namespace
}  // namespace fleetgate::fleetsim
