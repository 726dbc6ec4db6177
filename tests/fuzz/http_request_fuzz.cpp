// Any body, in both encodings: no crash, nothing beyond the limits, and what is taken keeps what
// HTTP ingest says of it.
#include <cstdint>
#include <cstdlib>

#include "protocol/base/utf8.hpp"
#include "protocol/http/message_request.hpp"
#include "protocol/mqtt/topic.hpp"

namespace {

using namespace fleetgate;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const http::message_request& r) {
  require(!r.messages.empty() && r.messages.size() <= http::most_messages);
  require(r.is_batch || r.messages.size() == 1);
  for (const auto& m : r.messages) {
    require(mqtt::is_topic_name(m.topic) && is_clean_utf8(m.topic));
    require(m.sequence.value_or(0) >> 63 == 0 && m.epoch.value_or(0) >> 63 == 0);
    require(m.device_time_ns >= 0);
    require(m.content_type.size() <= http::most_text_bytes && is_clean_utf8(m.content_type));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto encoding : {http::body_encoding::json, http::body_encoding::msgpack}) {
    const auto taken = http::decode_messages("d1", encoding, body);
    if (taken)
      check(*taken);
    else
      require(!taken.error().detail.empty());
  }
  return 0;
}
