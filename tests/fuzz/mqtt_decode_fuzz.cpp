// Any bytes as a stream of MQTT packets, for both versions and both sides. What decodes can be
// walked to its end, and encodes to bytes that decode and encode to themselves.
// Input: one byte of options (bit 0 MQTT 5, bit 1 towards the client), then the stream.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"

namespace {

using namespace fleetgate;
using namespace fleetgate::mqtt;

void require(bool holds) {
  if (!holds) std::abort();
}

void walk(const properties& props) {
  std::size_t all = 0, users = 0, seen = 0;
  for (const auto& p : props) {
    require(props.has(p.id));
    require(props.number(p.id).has_value() && props.text(p.id).has_value());
    users += p.id == property_id::user_property ? 1 : 0;
    ++all;
  }
  for (const auto& u : props.user_properties()) seen += u.id == property_id::user_property ? 1 : 0;
  require(users == seen);
  require(all <= maximum_property_count);
  require((all == 0) == props.empty());
}

struct walker {
  void operator()(const connect_packet& p) const {
    walk(p.props);
    if (p.will) walk(p.will->props);
  }
  void operator()(const subscribe_packet& p) const {
    walk(p.props);
    auto filters = p.filters;
    while (next_subscription(filters)) {
    }
    require(filters.empty());
  }
  void operator()(const unsubscribe_packet& p) const {
    walk(p.props);
    auto filters = p.filters;
    while (next_filter(filters)) {
    }
    require(filters.empty());
  }
  void operator()(const ping_packet&) const {}
  template <class Packet>
  void operator()(const Packet& p) const {
    walk(p.props);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto version = (data[0] & 1) != 0 ? protocol_version::v5 : protocol_version::v3_1_1;
  const auto side = (data[0] & 2) != 0 ? receiver::client : receiver::server;
  byte_view rest(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  for (;;) {
    const auto next = next_frame(rest, 1 << 20);
    const auto* f = std::get_if<frame>(&next);
    if (f == nullptr) return 0;
    require(f->size() <= rest.size());
    rest = rest.subspan(f->size());
    const auto got = decode(*f, version, side);
    if (!got) {
      require(got.error().offset <= f->size());
      continue;
    }
    std::visit(walker{}, *got);
    std::string once, twice;
    encode(*got, version, once);
    const auto again = next_frame(as_bytes(once), 1 << 21);
    const auto* g = std::get_if<frame>(&again);
    require(g != nullptr && g->size() == once.size());
    const auto redecoded = decode(*g, version, side);
    require(redecoded.has_value());
    encode(*redecoded, version, twice);
    require(once == twice);
  }
}
