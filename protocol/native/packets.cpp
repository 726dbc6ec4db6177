#include "protocol/native/packets.hpp"

#include "protocol/native/decode.hpp"

namespace fleetgate::native {
namespace {

/// Takes `width` elements off `from` by `read`, which gets a reader at the first.
template <class Read>
auto next(list& from, std::uint32_t width, Read read) noexcept
    -> std::optional<decltype(read(std::declval<value_reader&>()))> {
  if (from.count < width) return std::nullopt;
  value_reader in(from.elements, 0);
  auto v = read(in);
  if (!in.ok()) return std::nullopt;
  from.count -= width;
  from.elements = in.rest();
  return v;
}

}  // namespace

std::optional<std::string_view> next_stream(list& streams) noexcept {
  return next(streams, 1, [](value_reader& in) { return in.text(maximum_stream_bytes); });
}

std::optional<settled_stream> next_settled(list& settled) noexcept {
  return next(settled, 1, read_settled);
}

std::optional<sequence_range> next_range(list& ranges) noexcept {
  return next(ranges, 2, read_range);
}

std::optional<nack> next_nack(list& nacks) noexcept {
  return next(nacks, 1, read_nack);
}

batch_cursor::batch_cursor(const batch_packet& b) noexcept
    : left_(b.payloads.count),
      listed_(!b.sequences.empty()),
      timed_(!b.device_times.empty()),
      traced_(!b.traceparents.empty()),
      sequence_(b.first_sequence),
      sequences_(b.sequences.elements, 0),
      payloads_(b.payloads.elements, 0),
      device_times_(b.device_times.elements, 0),
      traceparents_(b.traceparents.elements, 0) {}

std::optional<message> batch_cursor::next() noexcept {
  if (left_ == 0) return std::nullopt;
  --left_;
  message m;
  m.sequence = listed_ ? sequences_.number(maximum_key_number) : sequence_++;
  m.payload = payloads_.binary(payloads_.remaining());
  if (timed_ && !device_times_.nil()) m.device_time_ns = device_times_.number(maximum_key_number);
  if (traced_ && !traceparents_.nil())
    m.traceparent = traceparents_.text(maximum_traceparent_bytes);
  return m;
}

}  // namespace fleetgate::native
