#include "protocol/mqtt/properties.hpp"

#include <cassert>

#include "protocol/mqtt/property_rules.hpp"
#include "protocol/mqtt/variable_int.hpp"

namespace fleetgate::mqtt {
namespace {

/// A length and that many bytes, taken off checked bytes.
std::string_view take_text(byte_reader& in) noexcept {
  return as_text(in.take(in.u16().value_or(0)).value_or(byte_view{}));
}

/// The first property of checked bytes.
property take_property(byte_reader& in) noexcept {
  property p;
  const auto id = in.u8().value_or(0);
  p.id = static_cast<property_id>(id);
  switch (rule_of(id).type) {
    case property_type::none:
      break;
    case property_type::flag:
      p.number = in.u8().value_or(0);
      break;
    case property_type::two_byte:
      p.number = in.u16().value_or(0);
      break;
    case property_type::four_byte:
      p.number = in.u32().value_or(0);
      break;
    case property_type::variable: {
      const auto v = read_variable_int(in.rest());
      (void)in.take(v.size);
      p.number = v.value;
      break;
    }
    case property_type::text:
    case property_type::binary:
      p.text = take_text(in);
      break;
    case property_type::pair:
      p.text = take_text(in);
      p.value = take_text(in);
      break;
  }
  return p;
}

}  // namespace

properties::iterator& properties::iterator::operator++() noexcept {
  at_end_ = next_.empty();
  if (at_end_) {
    current_ = {};
    return *this;
  }
  byte_reader in(next_);
  current_ = take_property(in);
  next_ = in.rest();
  return *this;
}

properties::iterator properties::iterator::operator++(int) noexcept {
  auto before = *this;
  ++*this;
  return before;
}

properties::user_iterator& properties::user_iterator::operator++() noexcept {
  ++at_;
  skip_others();
  return *this;
}

properties::user_iterator properties::user_iterator::operator++(int) noexcept {
  auto before = *this;
  ++*this;
  return before;
}

void properties::user_iterator::skip_others() noexcept {
  while (at_ != iterator{} && at_->id != property_id::user_property) ++at_;
}

std::optional<std::uint32_t> properties::number(property_id id) const noexcept {
  if (!has(id)) return std::nullopt;
  for (const auto& p : *this) {
    if (p.id == id) return p.number;
  }
  return std::nullopt;
}

std::optional<std::string_view> properties::text(property_id id) const noexcept {
  if (!has(id)) return std::nullopt;
  for (const auto& p : *this) {
    if (p.id == id) return p.text;
  }
  return std::nullopt;
}

bool properties::payload_is_utf8() const noexcept {
  return number(property_id::payload_format_indicator) == 1u;
}

std::optional<std::uint32_t> properties::message_expiry_s() const noexcept {
  return number(property_id::message_expiry_interval);
}

std::string_view properties::content_type() const noexcept {
  return text(property_id::content_type).value_or(std::string_view{});
}

std::optional<std::string_view> properties::response_topic() const noexcept {
  return text(property_id::response_topic);
}

std::optional<byte_view> properties::correlation_data() const noexcept {
  if (const auto t = text(property_id::correlation_data)) return as_bytes(*t);
  return std::nullopt;
}

properties::user_range properties::user_properties() const noexcept {
  if (!has(property_id::user_property)) return {};
  return {user_iterator(begin())};
}

void property_list::begin(property_id id) {
  bytes_.push_back(static_cast<char>(id));
  present_ |= std::uint64_t{1} << static_cast<unsigned>(id);
}

property_list& property_list::add(property_id id, std::uint32_t value) {
  begin(id);
  byte_writer out(bytes_);
  switch (rule_of(static_cast<std::uint8_t>(id)).type) {
    case property_type::flag:
      out.u8(static_cast<std::uint8_t>(value));
      break;
    case property_type::two_byte:
      out.u16(static_cast<std::uint16_t>(value));
      break;
    case property_type::four_byte:
      out.u32(value);
      break;
    case property_type::variable:
      write_variable_int(value, bytes_);
      break;
    case property_type::none:
    case property_type::text:
    case property_type::binary:
    case property_type::pair:
      assert(false && "not an integer property");
      break;
  }
  return *this;
}

property_list& property_list::add(property_id id, std::string_view value) {
  assert(value.size() <= 0xFFFF);
  begin(id);
  byte_writer out(bytes_);
  out.u16(static_cast<std::uint16_t>(value.size()));
  out.raw(value);
  return *this;
}

property_list& property_list::add_user(std::string_view name, std::string_view value) {
  assert(value.size() <= 0xFFFF);
  add(property_id::user_property, name);
  byte_writer out(bytes_);
  out.u16(static_cast<std::uint16_t>(value.size()));
  out.raw(value);
  return *this;
}

}  // namespace fleetgate::mqtt
