#include "deploy/fleetsim/payload.hpp"

#include <algorithm>
#include <charconv>

#include "deploy/fleetsim/dice.hpp"

namespace fleetgate::fleetsim {
namespace {

constexpr std::size_t offsets = 64;  // where in the padding a payload's stretch may begin
constexpr std::string_view before_padding = ",\"pad\":\"";
constexpr std::string_view after_padding = "\"}";

void append_number(std::uint64_t n, std::string& out) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

}  // namespace

payload_writer::payload_writer(std::uint64_t seed, std::size_t bytes)
    : seed_(seed), bytes_(std::min(bytes, largest_bytes)) {
  constexpr std::string_view letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  dice d(seed, 0);
  padding_.resize(bytes_ + offsets);
  for (char& c : padding_) c = letters[d.next() % letters.size()];
}

void payload_writer::append(std::string_view name, std::uint32_t device, std::uint32_t boot,
                            std::uint64_t sequence, std::string& out) const {
  const std::size_t begin = out.size();
  const std::uint64_t chance =
      mixed(mixed(seed_ ^ device) ^ mixed(std::uint64_t{boot} << 32) ^ sequence);
  out += "{\"device\":\"";
  out += name;
  out += "\",\"boot\":";
  append_number(boot, out);
  out += ",\"seq\":";
  append_number(sequence, out);
  out += ",\"value\":";
  append_number(chance % 100, out);
  out += '.';
  out += static_cast<char>('0' + chance / 100 % 10);
  out += static_cast<char>('0' + chance / 1000 % 10);
  const std::size_t least = out.size() - begin + before_padding.size() + after_padding.size();
  if (least >= bytes_) {
    out += '}';
    return;
  }
  out += before_padding;
  out.append(padding_, chance % offsets, bytes_ - least);
  out += after_padding;
}

}  // namespace fleetgate::fleetsim
