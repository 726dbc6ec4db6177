#include "actors/ingress/open_requests.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace fleetgate::ingress {
namespace {

using contract::message_fate;
using model::outcome;

class a_request : public testing::Test {
 protected:
  model::connection_ref open(std::uint32_t count) {
    return all.open(count,
                    [this](std::vector<message_fate> fates) { answered = std::move(fates); });
  }
  void store(const model::connection_ref& of, std::uint32_t index) {
    all.settle(of, index, outcome::stored, fault_code::internal);
  }

  open_requests all{3};
  std::optional<std::vector<message_fate>> answered;
};

TEST_F(a_request, is_answered_once_with_the_last_receipt) {
  const auto ref = open(3);
  EXPECT_EQ(ref.shard, 3);
  EXPECT_GE(ref.slot, open_requests::first_slot);
  all.note_level(ref, 1, model::ack_level::received);
  store(ref, 2);
  all.settle(ref, 0, outcome::quarantined, fault_code::schema_violation);
  EXPECT_FALSE(answered);
  store(ref, 1);
  ASSERT_TRUE(answered);
  ASSERT_EQ(answered->size(), 3u);
  EXPECT_EQ((*answered)[0].result, outcome::quarantined);
  EXPECT_EQ((*answered)[0].fault, fault_code::schema_violation);
  EXPECT_EQ((*answered)[1].level, model::ack_level::received);
  EXPECT_EQ((*answered)[2].result, outcome::stored);
  EXPECT_EQ(all.size(), 0u);
  EXPECT_FALSE(all.has(ref.slot, ref.generation));
  answered.reset();
  store(ref, 1);
  EXPECT_FALSE(answered);
}

TEST_F(a_request, counts_a_message_once_however_often_it_is_told) {
  const auto ref = open(2);
  store(ref, 0);
  store(ref, 0);
  store(ref, 7);
  EXPECT_FALSE(answered);
  store(ref, 1);
  EXPECT_TRUE(answered);
}

TEST_F(a_request, that_expires_is_answered_with_what_is_known) {
  const auto ref = open(2);
  store(ref, 1);
  all.expire(ref.slot, ref.generation);
  ASSERT_TRUE(answered);
  EXPECT_EQ((*answered)[0].result, outcome::refused);
  EXPECT_EQ((*answered)[0].fault, fault_code::no_answer);
  EXPECT_EQ((*answered)[1].result, outcome::stored);
  answered.reset();
  all.expire(ref.slot, ref.generation);
  EXPECT_FALSE(answered);
}

TEST_F(a_request, that_another_connection_overtakes_may_come_again) {
  const auto ref = open(1);
  all.settle(ref, 0, outcome::superseded, fault_code::internal);
  ASSERT_TRUE(answered);
  EXPECT_EQ((*answered)[0].result, outcome::refused);
  EXPECT_EQ((*answered)[0].fault, fault_code::server_busy);
}

TEST_F(a_request, is_never_taken_for_an_earlier_one_in_its_slot) {
  const auto first = open(1);
  store(first, 0);
  answered.reset();
  const auto second = open(1);
  EXPECT_EQ(second.slot, first.slot);
  store(first, 0);
  all.expire(first.slot, first.generation);
  EXPECT_FALSE(answered);
  EXPECT_FALSE(all.has(0, 0));
  EXPECT_FALSE(all.has(open_requests::first_slot + 9, 1));
  store(second, 0);
  EXPECT_TRUE(answered);
}

TEST_F(a_request, may_open_another_one_from_its_answer) {
  const auto ref = all.open(1, [this](const auto&) { open(1); });
  store(ref, 0);
  EXPECT_EQ(all.size(), 1u);
}

}  // namespace
}  // namespace fleetgate::ingress
