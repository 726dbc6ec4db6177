#include <memory>
#include <random>
#include <utility>

#include "actors/admin/api_routes.hpp"
#include "actors/admin/message_answer.hpp"
#include "protocol/http/message_request.hpp"
#include "protocol/mqtt/properties.hpp"

namespace fleetgate::admin {
namespace {

using random_source = std::minstd_rand;

/// Those who are refused together do not come back together. On the admin thread.
std::uint32_t retry_after_ms(random_source& random) {
  return std::uniform_int_distribution<std::uint32_t>(500, 5000)(random);
}

response malformed(const fault& why, std::uint16_t status) {
  return error_response(status, why, "see docs/reference/http.md for what a message has");
}

contract::loose_message as_loose(http::message from, std::string_view device) {
  contract::loose_message m;
  if (!from.content_type.empty()) {
    mqtt::property_list kept;  // subscribers get it too
    kept.add(mqtt::property_id::content_type, from.content_type);
    m.properties = as_text(kept.view().bytes());
  }
  m.topic = std::move(from.topic);
  m.payload = std::move(from.payload);
  m.content_type = std::move(from.content_type);
  m.traceparent = std::move(from.traceparent);
  m.device = device;
  m.sequence = from.sequence;
  m.epoch = from.epoch;
  m.device_time_ns = from.device_time_ns;
  return m;
}

/// Decodes, hands in, and answers when every message has its receipt.
void take(node_access& node, const std::shared_ptr<random_source>& random, const request& r,
          const reply& then) {
  const auto encoding = http::encoding_of(r.header("Content-Type"));
  if (!encoding) {
    return then([] {
      return malformed(fault(fault_code::request_malformed,
                             "its Content-Type is neither application/json nor "
                             "application/msgpack"),
                       415);
    });
  }
  const std::string_view device = r.capture("id");
  auto decoded = http::decode_messages(device, *encoding, r.body);
  if (!decoded) {
    return then([why = decoded.error()] { return malformed(why, describe(why.code).http_status); });
  }
  contract::message_request request;
  for (auto& m : decoded->messages) {
    request.messages.push_back(as_loose(std::move(m), device));
  }
  request.answer = [then, random,
                    is_batch = decoded->is_batch](std::vector<contract::message_fate> fates) {
    then([random, is_batch, fates = std::move(fates)] {
      const auto wait = retry_after_ms(*random);
      return is_batch ? answer_to_batch(fates, wait) : answer_to_one(fates.front(), wait);
    });
  };
  if (auto refused = node.hand_in(device, std::move(request))) {
    then([random, why = std::move(*refused)] { return refusal(why, retry_after_ms(*random)); });
  }
}

}  // namespace

void add_message_routes(router& to, node_access& node) {
  to.add_later("POST", "/api/v1/devices/{id}/messages",
               [&node, random = std::make_shared<random_source>(std::random_device{}())](
                   const request& r, const reply& then) { take(node, random, r, then); });
}

}  // namespace fleetgate::admin
