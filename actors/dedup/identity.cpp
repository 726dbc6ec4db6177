#include "actors/dedup/identity.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <bit>
#include <charconv>

namespace fleetgate::dedup {
namespace {

constexpr std::uint64_t mask63 = (std::uint64_t{1} << 63) - 1;

void append_sized(std::string& out, std::string_view text) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), text.size()).ptr;
  out.append(digits.data(), end).push_back(':');
  out.append(text).push_back(',');
}

/// Integers as the hash sees them: little-endian, on every machine.
template <std::size_t N>
std::array<unsigned char, N * 8> little_endian(
    const std::array<std::uint64_t, N>& numbers) noexcept {
  using bytes = std::array<unsigned char, N * 8>;
  if constexpr (std::endian::native == std::endian::little) return std::bit_cast<bytes>(numbers);
  bytes swapped{};
  for (std::size_t i = 0; i < swapped.size(); ++i) {
    swapped[i] = static_cast<unsigned char>(numbers[i / 8] >> (i % 8 * 8));
  }
  return swapped;
}

template <std::size_t N>
std::uint64_t hash_numbers(const std::array<std::uint64_t, N>& numbers) noexcept {
  const auto bytes = little_endian(numbers);
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t hash_text(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size());
}

/// The other way of append_sized: cuts "<bytes>:text," off; "" where that is not what is there.
std::string_view take_sized(std::string_view& from) noexcept {
  std::size_t bytes = 0;
  const auto* const end = from.data() + from.size();
  const auto [at, error] = std::from_chars(from.data(), end, bytes);
  const auto left = static_cast<std::size_t>(end - at);
  if (error != std::errc{} || left < 2 || *at != ':' || bytes > left - 2) return {};
  const std::string_view text(at + 1, bytes);
  from.remove_prefix(from.size() - left + 1 + bytes + 1);
  return text;
}

name_hash hash_name(std::string_view name) noexcept {
  const auto hash = XXH3_128bits(name.data(), name.size());
  return {hash.low64, hash.high64};
}

}  // namespace

void window_key::set_to(const model::envelope& e) {
  if (device_ == e.device && stream_ == e.stream && tenant_ == e.tenant) return;
  tenant_ = e.tenant;
  device_ = e.device;
  stream_ = e.stream;
  compute();
}

void window_key::compute() {
  text_.clear();
  append_sized(text_, tenant_);
  append_sized(text_, device_);
  text_.append(stream_);
  place_ = place_of(text_, seed_);
  name_ = hash_name(text_);
}

std::string_view device_in(std::string_view window_key) noexcept {
  (void)take_sized(window_key);  // the tenant
  return take_sized(window_key);
}

void quarantine_key(const model::envelope& e, std::string& out) {
  out.clear();
  append_sized(out, e.tenant);
  append_sized(out, e.device);
  const std::uint64_t message = hash_numbers(std::array{content_hash(e), e.sequence.value_or(0)});
  for (int shift = 60; shift >= 0; shift -= 4) {
    out.push_back("0123456789abcdef"[message >> shift & 15]);
  }
}

std::uint64_t place_of(std::string_view key, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed);
}

std::uint64_t infer_epoch(const model::envelope& e, std::uint64_t previous) noexcept {
  const std::uint64_t id =
      hash_numbers(std::array{hash_text(e.device), hash_text(e.stream), previous,
                              e.sequence.value_or(0), e.payload_hash}) &
      mask63;
  return id == 0 ? 1 : id;
}

std::uint64_t content_hash(const model::envelope& e) noexcept {
  return hash_numbers(std::array{hash_text(e.topic), e.payload_hash});
}

model::trace_id derive_trace(const model::envelope& e, const name_hash& window_name) noexcept {
  const name_hash name = e.sequence ? window_name : hash_name(e.client_id);
  std::array<unsigned char, 48> rest{};
  if (e.sequence) {
    rest = little_endian(std::array<std::uint64_t, 6>{name.low, name.high, e.epoch, *e.sequence});
  } else {
    rest = little_endian(std::array<std::uint64_t, 6>{
        name.low, name.high, content_hash(e), static_cast<std::uint64_t>(e.received_time_ns),
        e.connection.generation, e.packet_id});
  }
  const auto hash = XXH3_128bits(rest.data(), rest.size());
  if (hash.low64 == 0 && hash.high64 == 0) return {0, 1};
  return {hash.high64, hash.low64};
}

}  // namespace fleetgate::dedup
