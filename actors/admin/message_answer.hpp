// What an HTTP client hears of the messages it has handed in (docs/reference/http.md). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/admin/api_json.hpp"
#include "actors/admin/http_message.hpp"
#include "actors/contract/loose_message.hpp"

namespace fleetgate::admin {

/// May pass by itself: the same message can be sent again.
bool is_worth_another_try(fault_code why) noexcept;

/// As a result in a list; `retry_after_ms` 0: does not say when to send it again.
json to_json(const contract::message_fate& fate, std::uint32_t retry_after_ms);

/// With Retry-After where another try is worth it; `retry_after_ms` then says when.
response refusal(const fault& why, std::uint32_t retry_after_ms);

/// 200, 202, or the fault's status.
response answer_to_one(const contract::message_fate& fate, std::uint32_t retry_after_ms);

/// 200 or 202 where all are taken, 207 where some are not; where not one is and all may be sent
/// again, as for one. A batch has at least one message.
response answer_to_batch(const std::vector<contract::message_fate>& fates,
                         std::uint32_t retry_after_ms);

}  // namespace fleetgate::admin
