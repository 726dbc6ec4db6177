// Any bytes as a stream of native frames, towards either side. What decodes can be walked to its
// end, and encodes to bytes that decode and encode to themselves.
// Input: one byte of options (bit 0: towards the device), then the stream.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>

#include "protocol/native/decode.hpp"
#include "protocol/native/encode.hpp"

namespace {

using namespace fleetgate;
using namespace fleetgate::native;

void require(bool holds) {
  if (!holds) std::abort();
}

template <class Next>
void walk(list l, std::uint32_t width, Next next) {
  const auto count = l.count;
  std::uint32_t seen = 0;
  while (next(l)) seen += width;
  require(seen == count && l.elements.empty());
}

struct walker {
  void operator()(const hello_packet& p) const { walk(p.resume, 1, next_stream); }
  void operator()(const welcome_packet& p) const { walk(p.settled, 1, next_settled); }
  void operator()(const batch_packet& p) const {
    std::uint32_t count = 0;
    std::uint64_t before = 0;
    for (batch_cursor c(p); const auto m = c.next(); ++count) {
      require(count == 0 || m->sequence > before);
      before = m->sequence;
    }
    require(count == p.payloads.count && count != 0);
  }
  void operator()(const ack_packet& p) const {
    walk(p.ranges, 2, next_range);
    walk(p.nacks, 1, next_nack);
  }
  template <class Packet>
  void operator()(const Packet&) const {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto side = (data[0] & 1) != 0 ? receiver::client : receiver::server;
  byte_view rest(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  for (;;) {
    const auto next = next_frame(rest, 1 << 20);
    const auto* f = std::get_if<frame>(&next);
    if (f == nullptr) return 0;
    require(f->size() <= rest.size() && announced_type(rest) == f->type);
    rest = rest.subspan(f->size());
    const auto got = decode(*f, side);
    if (!got) {
      require(got.error().offset <= f->size());
      continue;
    }
    std::visit(walker{}, *got);
    std::string once, twice;
    encode(*got, once);
    const auto again = next_frame(as_bytes(once), 1 << 21);
    const auto* g = std::get_if<frame>(&again);
    require(g != nullptr && g->size() == once.size());
    const auto redecoded = decode(*g, side);
    require(redecoded.has_value());
    encode(*redecoded, twice);
    require(once == twice);
  }
}
