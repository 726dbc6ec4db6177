#include <atomic>
#include <memory>
#include <random>
#include <utility>

#include "actors/admin/api_routes.hpp"
#include "actors/admin/message_answer.hpp"
#include "protocol/http/message_request.hpp"
#include "protocol/mqtt/forward.hpp"

namespace fleetgate::admin {
namespace {

/// What the requests of one server share.
struct desk_of_requests {
  explicit desk_of_requests(std::size_t limit) : most_open(limit) {}

  /// Those who are refused together do not come back together. On the server's thread.
  std::uint32_t retry_after_ms() {
    return std::uniform_int_distribution<std::uint32_t>(500, 5000)(random);
  }

  const std::size_t most_open;
  std::atomic<std::size_t> open{0};  // taken, and not answered
  std::minstd_rand random{std::random_device{}()};
};

response refused_body(const fault& why, std::uint16_t status) {
  return error_response(status, why, "see docs/reference/http.md for what a message has");
}

contract::loose_message as_loose(http::message from, std::string_view device) {
  contract::loose_message m;
  m.properties = mqtt::kept_content_type(from.content_type);  // subscribers get it too
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
void take(node_access& node, const std::shared_ptr<desk_of_requests>& desk, const request& r,
          const reply& then) {
  const auto encoding = http::encoding_of(r.header("Content-Type"));
  if (!encoding) {
    return then([] {
      return refused_body(fault(fault_code::request_malformed,
                                "its Content-Type is neither application/json nor "
                                "application/msgpack"),
                          415);
    });
  }
  const std::string_view device = r.capture("id");
  auto decoded = http::decode_messages(device, *encoding, r.body);
  if (!decoded) {
    return then(
        [why = decoded.error()] { return refused_body(why, describe(why.code).http_status); });
  }
  const auto refuse = [&](fault why) {
    then([desk, why = std::move(why)] { return refusal(why, desk->retry_after_ms()); });
  };
  if (desk->open.load() >= desk->most_open) {
    return refuse(fault(fault_code::server_busy,
                        std::to_string(desk->most_open) + " requests wait for their receipts"));
  }
  contract::message_request request;
  for (auto& m : decoded->messages) {
    request.messages.push_back(as_loose(std::move(m), device));
  }
  request.answer = [then, desk,
                    is_batch = decoded->is_batch](std::vector<contract::message_fate> fates) {
    --desk->open;
    then([desk, is_batch, fates = std::move(fates)] {
      const auto wait = desk->retry_after_ms();
      return is_batch ? answer_to_batch(fates, wait) : answer_to_one(fates.front(), wait);
    });
  };
  ++desk->open;
  if (auto refused = node.hand_in(device, std::move(request))) {
    --desk->open;
    refuse(std::move(*refused));
  }
}

}  // namespace

void add_message_routes(router& to, node_access& node, std::size_t most_open) {
  to.add_later("POST", "/api/v1/devices/{id}/messages",
               [&node, desk = std::make_shared<desk_of_requests>(most_open)](
                   const request& r, const reply& then) { take(node, desk, r, then); });
}

}  // namespace fleetgate::admin
