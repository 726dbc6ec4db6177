// The elements of one array as fields, in the order of the wire document: those that are missing
// at its end are absent, as nil is; those that this version does not know are passed over.
// Pure; lives for one call of a decoder.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/native/packets.hpp"
#include "protocol/native/value_reader.hpp"

namespace fleetgate::native {

class field_reader {
 public:
  field_reader(value_reader& in, std::uint32_t fields) noexcept : in_(in), left_(fields) {}

  /// Where the next field is not there, it is consumed.
  bool has() noexcept {
    if (left_ == 0 || !in_.ok()) return false;
    --left_;
    return !in_.nil();
  }

  std::uint64_t number(std::uint64_t most) noexcept { return must() ? in_.number(most) : 0; }
  std::string_view text(std::size_t most) noexcept {
    return must() ? in_.text(most) : std::string_view{};
  }
  byte_view binary() noexcept { return must() ? in_.binary(in_.remaining()) : byte_view{}; }

  std::optional<std::uint64_t> optional_number(std::uint64_t most) noexcept {
    if (!has()) return std::nullopt;
    return in_.number(most);
  }
  std::optional<std::uint32_t> optional_ms() noexcept {
    if (!has()) return std::nullopt;
    return static_cast<std::uint32_t>(in_.number(maximum_ms));
  }
  std::string_view optional_text(std::size_t most) noexcept {
    return has() ? in_.text(most) : std::string_view{};
  }
  byte_view optional_binary(std::size_t most) noexcept {
    return has() ? in_.binary(most) : byte_view{};
  }
  /// An array of at most `most` elements, each checked by `check`, which reads `width` of them.
  template <class Check>
  list optional_list(std::size_t most, std::uint32_t width, Check check) noexcept {
    return has() ? elements(most, width, check) : list{};
  }
  template <class Check>
  list required_list(std::size_t most, Check check) noexcept {
    return must() ? elements(most, 1, check) : list{};
  }

  bool must() noexcept {
    const bool there = has();
    in_.require(there, fault_code::malformed_packet, "a field that must be there is missing");
    return there;
  }
  /// What a later version has added.
  void pass_rest() noexcept {
    in_.skip(left_);
    left_ = 0;
  }

  template <class Check>
  list elements(std::size_t most, std::uint32_t width, Check check) noexcept {
    list l;
    l.count = in_.array();
    in_.require(l.count <= most, fault_code::quota_exceeded, "too many elements");
    in_.require(l.count % width == 0, fault_code::malformed_packet, "an element lacks its other");
    const auto before = in_.rest();
    for (std::uint32_t i = 0; i < l.count && in_.ok(); i += width) check(in_);
    if (!in_.ok()) return {};
    l.elements = before.first(before.size() - in_.remaining());
    return l;
  }

 private:
  value_reader& in_;
  std::uint32_t left_;
};

}  // namespace fleetgate::native
