#include "actors/admin/message_answer.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace fleetgate::admin {
namespace {

using contract::message_fate;
using model::ack_level;
using model::outcome;

constexpr std::uint32_t wait_ms = 1500;

message_fate stored(ack_level level = ack_level::durable) {
  return {outcome::stored, fault_code::internal, level};
}
message_fate refused(fault_code why) {
  return {outcome::refused, why, ack_level::durable};
}
const message_fate duplicate{outcome::duplicate, fault_code::internal, ack_level::durable};
const message_fate quarantined{outcome::quarantined, fault_code::schema_violation,
                               ack_level::durable};

std::string header(const response& r, std::string_view name) {
  for (const auto& [key, value] : r.headers) {
    if (key == name) return value;
  }
  return {};
}
nlohmann::json body(const response& r) {
  return nlohmann::json::parse(r.body);
}

TEST(answer_to_one_message, has_the_status_of_its_fate) {
  const auto status = [](const message_fate& f) { return answer_to_one(f, wait_ms).status; };
  EXPECT_EQ(status(stored()), 200);
  EXPECT_EQ(status(stored(ack_level::committed)), 200);
  EXPECT_EQ(status(stored(ack_level::received)), 202);
  EXPECT_EQ(status(duplicate), 200);
  EXPECT_EQ(status(quarantined), 422);
  EXPECT_EQ(status(refused(fault_code::spool_budget_full)), 503);
  EXPECT_EQ(status(refused(fault_code::quota_exceeded)), 429);
  EXPECT_EQ(status(refused(fault_code::storage_full)), 507);
  EXPECT_EQ(status(refused(fault_code::no_answer)), 504);
}

TEST(answer_to_one_message, says_when_to_try_again_only_where_that_may_help) {
  const auto full = answer_to_one(refused(fault_code::mailbox_full), wait_ms);
  EXPECT_EQ(header(full, "Retry-After"), "2");  // rounded up
  EXPECT_EQ(body(full)["fault"], "mailbox_full");
  EXPECT_EQ(header(answer_to_one(quarantined, wait_ms), "Retry-After"), "");
  EXPECT_EQ(header(answer_to_one(refused(fault_code::not_authorized), wait_ms), "Retry-After"), "");
}

TEST(answer_to_one_message, does_not_claim_to_know_what_it_does_not) {
  const auto r = answer_to_one(refused(fault_code::no_answer), wait_ms);
  EXPECT_EQ(body(r)["detail"], "it may be stored yet");
  EXPECT_NE(header(r, "Retry-After"), "");
}

TEST(answer_to_a_batch, is_200_or_202_only_where_all_is_taken) {
  EXPECT_EQ(answer_to_batch({stored(), duplicate}, wait_ms).status, 200);
  EXPECT_EQ(answer_to_batch({stored(), stored(ack_level::received)}, wait_ms).status, 202);
  EXPECT_EQ(answer_to_batch({stored(), quarantined}, wait_ms).status, 207);
  EXPECT_EQ(answer_to_batch({quarantined}, wait_ms).status, 207);
  EXPECT_EQ(answer_to_batch({stored(), refused(fault_code::mailbox_full)}, wait_ms).status, 207);
}

TEST(answer_to_a_batch, names_each_result_in_order) {
  const auto r = answer_to_batch({stored(), duplicate, quarantined, stored(ack_level::received),
                                  refused(fault_code::mailbox_full), refused(fault_code::no_answer),
                                  refused(fault_code::not_authorized)},
                                 wait_ms);
  const auto results = body(r)["results"];
  std::vector<std::string> names;
  for (const auto& entry : results) names.push_back(entry["result"]);
  EXPECT_EQ(names, (std::vector<std::string>{"stored", "duplicate", "quarantined", "received",
                                             "refused", "unknown", "refused"}));
  EXPECT_EQ(results[2]["fault"], "schema_violation");
  EXPECT_EQ(results[4]["retry_after_ms"], wait_ms);
  EXPECT_EQ(results[5]["retry_after_ms"], wait_ms);
  EXPECT_FALSE(results[2].contains("retry_after_ms"));
  EXPECT_FALSE(results[6].contains("retry_after_ms"));
  EXPECT_FALSE(results[0].contains("fault"));
}

TEST(answer_to_a_batch, of_which_nothing_is_taken_is_that_of_one) {
  const auto full = refused(fault_code::spool_budget_full);
  const auto r = answer_to_batch({full, full}, wait_ms);
  EXPECT_EQ(r.status, 503);
  EXPECT_EQ(header(r, "Retry-After"), "2");
  EXPECT_EQ(answer_to_batch({refused(fault_code::no_answer)}, wait_ms).status, 504);
  EXPECT_EQ(answer_to_batch({full, refused(fault_code::no_answer)}, wait_ms).status, 207);
}

}  // namespace
}  // namespace fleetgate::admin
