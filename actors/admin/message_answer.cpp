#include "actors/admin/message_answer.hpp"

#include <algorithm>

namespace fleetgate::admin {
namespace {

using contract::message_fate;

constexpr std::uint16_t status_ok = 200;
constexpr std::uint16_t status_accepted = 202;
constexpr std::uint16_t status_mixed = 207;  // RFC 4918 section 11.1

bool is_taken(const message_fate& f) noexcept {
  return f.result == model::outcome::stored || f.result == model::outcome::duplicate;
}

bool is_known(const message_fate& f) noexcept {
  return is_taken(f) || f.fault != fault_code::no_answer;
}

/// Taken into memory, and not more.
bool is_received_only(const message_fate& f) noexcept {
  return is_taken(f) && f.level == model::ack_level::received;
}

std::string_view name_of(const message_fate& f) noexcept {
  if (f.result == model::outcome::duplicate) return "duplicate";
  if (is_taken(f)) return is_received_only(f) ? "received" : "stored";
  if (f.result == model::outcome::quarantined) return "quarantined";
  return is_known(f) ? "refused" : "unknown";
}

std::uint16_t status_of(bool received_only) noexcept {
  return received_only ? status_accepted : status_ok;
}

}  // namespace

bool is_worth_another_try(fault_code why) noexcept {
  const auto cls = describe(why).cls;
  return cls == fault_class::overload || cls == fault_class::transient;
}

json to_json(const message_fate& f, std::uint32_t retry_after_ms) {
  json out{{"result", name_of(f)}};
  if (is_taken(f)) return out;
  out["fault"] = describe(f.fault).name;
  out["reason"] = describe(f.fault).text;
  const bool again = f.result != model::outcome::quarantined && is_worth_another_try(f.fault);
  if (again && retry_after_ms != 0) {
    out["retry_after_ms"] = retry_after_ms;
  }
  return out;
}

response refusal(const fault& why, std::uint32_t retry_after_ms) {
  if (!is_worth_another_try(why.code)) {
    return error_response(why, "mend the message: sent again as it is, it fares the same");
  }
  response r = error_response(
      why, "send it again, with the same sequence, when Retry-After says: it is stored once");
  r.headers.emplace_back("Retry-After", std::to_string((retry_after_ms + 999) / 1000));
  return r;
}

response answer_to_one(const message_fate& fate, std::uint32_t retry_after_ms) {
  if (is_taken(fate)) {
    return json_response(to_json(fate, retry_after_ms), status_of(is_received_only(fate)));
  }
  if (fate.result == model::outcome::quarantined) {
    return error_response(fault(fate.fault, "it is kept in quarantine, and need not be sent again"),
                          "see fleetgate quarantine ls; mend what sends it, or its rule or schema");
  }
  if (!is_known(fate)) {
    return refusal(fault(fate.fault, "it may be stored yet"), retry_after_ms);
  }
  return refusal(fault(fate.fault, "it was not stored"), retry_after_ms);
}

response answer_to_batch(const std::vector<message_fate>& fates, std::uint32_t retry_after_ms) {
  const bool all_taken = std::all_of(fates.begin(), fates.end(), is_taken);
  const bool all_again = std::all_of(fates.begin(), fates.end(), [&](const message_fate& f) {
    return f.result == model::outcome::refused && is_worth_another_try(f.fault) &&
           is_known(f) == is_known(fates.front());
  });
  if (all_again) return answer_to_one(fates.front(), retry_after_ms);
  json results = json::array();
  for (const auto& f : fates) results.push_back(to_json(f, retry_after_ms));
  const auto status = all_taken
                          ? status_of(std::any_of(fates.begin(), fates.end(), is_received_only))
                          : status_mixed;
  return json_response({{"results", std::move(results)}}, status);
}

}  // namespace fleetgate::admin
