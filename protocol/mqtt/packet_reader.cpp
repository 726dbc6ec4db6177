#include "protocol/mqtt/packet_reader.hpp"

#include "protocol/base/utf8.hpp"
#include "protocol/mqtt/topic.hpp"
#include "protocol/mqtt/variable_int.hpp"

namespace fleetgate::mqtt {

packet_reader::packet_reader(const frame& f, protocol_version version) noexcept
    : in_(f.body), base_(f.header_size), version_(version), shortest_length_(f.shortest_length) {
  if (f.type != packet_type::connect) speak(version);
}

void packet_reader::speak(protocol_version version) noexcept {
  version_ = version;
  // 3.1.1 does not ask for the shortest form.
  require(shortest_length_ || !v5(), fault_code::malformed_packet,
          "Remaining Length is not the shortest [MQTT-1.5.5-1]");
}

void packet_reader::fail(fault_code code, std::string_view what) noexcept {
  if (failed_) return;
  failed_ = true;
  fault_ = {code, base_ + in_.offset(), what};
  base_ += in_.offset();
  in_ = byte_reader({});
}

std::uint8_t packet_reader::u8() noexcept {
  return value(in_.u8());
}

std::uint16_t packet_reader::u16() noexcept {
  return value(in_.u16());
}

std::uint16_t packet_reader::packet_id() noexcept {
  const auto id = u16();
  require(id != 0, fault_code::protocol_error, "packet identifier 0 [MQTT-2.2.1-3]");
  return id;
}

std::string_view packet_reader::text() noexcept {
  const auto s = as_text(data());
  require(is_clean_utf8(s), fault_code::malformed_packet,
          "ill-formed UTF-8 or U+0000 [MQTT-1.5.4-1], [MQTT-1.5.4-2]");
  return s;
}

byte_view packet_reader::data() noexcept {
  const auto bytes = in_.take(u16());
  if (bytes) [[likely]]
    return *bytes;
  fail(fault_code::malformed_packet, "a length exceeds what holds it");
  return {};
}

byte_view packet_reader::rest() noexcept {
  return in_.take(in_.remaining()).value_or(byte_view{});
}

std::optional<std::uint32_t> packet_reader::variable() noexcept {
  const auto v = read_variable_int(in_.rest());
  if (v.what != variable_int::state::complete || !v.shortest) {
    fail(fault_code::malformed_packet, "Variable Byte Integer [MQTT-1.5.5-1]");
    return std::nullopt;
  }
  (void)in_.take(v.size);
  return v.value;
}

properties packet_reader::some_props(property_place place) noexcept {
  const auto length = variable();
  if (!length) return {};
  const auto block = in_.take(*length);
  if (!block) {
    fail(fault_code::malformed_packet, "Property Length exceeds the packet (section 2.2.2.1)");
    return {};
  }
  // From here to the end of the block this reader is the block's: no property can leave it.
  const auto after = in_;
  const auto base = base_;
  base_ += after.offset() - block->size();
  in_ = byte_reader(*block);
  std::uint64_t present = 0;
  for (std::size_t count = 0; !in_.empty(); ++count) {
    require(count < maximum_property_count, fault_code::quota_exceeded,
            "more than the 64 properties a packet may have here");
    check_property(place, present);
  }
  if (failed_) return {};
  in_ = after;
  base_ = base;
  return {*block, present};
}

void packet_reader::check_property(property_place place, std::uint64_t& present) noexcept {
  if (failed_) return;
  const auto raw = static_cast<std::uint8_t>(*in_.rest().data());
  const auto& rule = rule_of(raw);
  require(rule.type != property_type::none && rule.allowed_in(place), fault_code::malformed_packet,
          "property is not allowed here (section 2.2.2.2)");
  const auto id = static_cast<property_id>(raw);
  const auto bit = std::uint64_t{1} << (raw & 63);
  // A server may send several subscription identifiers with one PUBLISH (section 3.3.2.3.8).
  const bool repeatable =
      id == property_id::user_property ||
      (id == property_id::subscription_identifier && place == property_place::publish);
  require(repeatable || (present & bit) == 0, fault_code::protocol_error,
          "property twice (section 2.2.2.2)");
  present |= bit;
  (void)u8();
  switch (rule.type) {
    case property_type::none:
      break;
    case property_type::flag: {
      const auto v = u8();
      require(v <= 1, fault_code::protocol_error, "property is neither 0 nor 1");
      break;
    }
    case property_type::two_byte:
      check_number(id, u16());
      break;
    case property_type::four_byte:
      check_number(id, value(in_.u32()));
      break;
    case property_type::variable:
      check_number(id, variable().value_or(1));
      break;
    case property_type::text: {
      const auto s = text();
      require(id != property_id::response_topic || !ok() || is_topic_name(s),
              fault_code::protocol_error, "response topic [MQTT-3.3.2-14]");
      break;
    }
    case property_type::binary:
      (void)data();
      break;
    case property_type::pair:
      (void)text();
      (void)text();
      break;
  }
}

void packet_reader::check_number(property_id id, std::uint32_t n) noexcept {
  if (n != 0 || failed_) return;
  if (id == property_id::receive_maximum || id == property_id::maximum_packet_size ||
      id == property_id::subscription_identifier) {
    fail(fault_code::protocol_error, "property must not be 0");
  }
  if (id == property_id::topic_alias) {
    fail(fault_code::topic_alias_invalid, "topic alias 0 [MQTT-3.3.2-8]");
  }
}

}  // namespace fleetgate::mqtt
