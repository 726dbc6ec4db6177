#include "deploy/fleetsim/ack_log_format.hpp"

#include <nlohmann/json.hpp>

#include <bit>
#include <cstring>

#include "deploy/fleetsim/dice.hpp"

namespace fleetgate::fleetsim {
namespace {

constexpr std::string_view format_name = "fleetsim-ack-log-1";
constexpr std::size_t check_at = 12;

static_assert(std::endian::native == std::endian::little, "records are copied as they are");

template <class Number>
void put(record_bytes& to, std::size_t at, Number n) noexcept {
  std::memcpy(to.data() + at, &n, sizeof n);
}

template <class Number>
Number get(const char* from, std::size_t at) noexcept {
  Number n;
  std::memcpy(&n, from + at, sizeof n);
  return n;
}

/// Over the record with its check left out.
std::uint32_t check_of(const char* bytes) noexcept {
  std::uint64_t h = mixed(get<std::uint64_t>(bytes, 0));
  h = mixed(h ^ get<std::uint32_t>(bytes, 8));
  h = mixed(h ^ get<std::uint64_t>(bytes, 16));
  h = mixed(h ^ get<std::uint64_t>(bytes, 24));
  return static_cast<std::uint32_t>(h >> 32);
}

bool is_known(std::uint8_t kind) noexcept {
  switch (static_cast<record_kind>(kind)) {
    case record_kind::acknowledged:
    case record_kind::refused:
    case record_kind::boot:
    case record_kind::loss:
      return true;
  }
  return false;
}

}  // namespace

record_bytes encode(const ack_record& r) noexcept {
  record_bytes out{};
  put(out, 0, static_cast<std::uint8_t>(r.kind));
  put(out, 1, r.qos);
  put(out, 2, r.reason);
  put(out, 4, r.device);
  put(out, 8, r.boot);
  put(out, 16, r.sequence);
  put(out, 24, r.unix_ns);
  put(out, check_at, check_of(out.data()));
  return out;
}

std::optional<ack_record> decode_record(const char* bytes) noexcept {
  const auto kind = get<std::uint8_t>(bytes, 0);
  if (!is_known(kind) || get<std::uint32_t>(bytes, check_at) != check_of(bytes)) {
    return std::nullopt;
  }
  ack_record r;
  r.kind = static_cast<record_kind>(kind);
  r.qos = get<std::uint8_t>(bytes, 1);
  r.reason = get<std::uint8_t>(bytes, 2);
  r.device = get<std::uint32_t>(bytes, 4);
  r.boot = get<std::uint32_t>(bytes, 8);
  r.sequence = get<std::uint64_t>(bytes, 16);
  r.unix_ns = get<std::uint64_t>(bytes, 24);
  return r;
}

std::string encode_header(const fleet_identity& fleet) {
  nlohmann::ordered_json j;
  j["format"] = format_name;
  j["seed"] = fleet.seed;
  j["boot"] = fleet.first_boot;
  j["device"] = fleet.device;
  j["topics"] = fleet.topics;
  j["payload_bytes"] = fleet.payload_bytes;
  // Patterns are checked for UTF-8 before; a stray byte must not end the process here.
  std::string line = j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  line.append(record_size - 1 - line.size() % record_size, ' ');
  return line + '\n';
}

result<fleet_identity> decode_header(std::string_view line) {
  const auto j = nlohmann::json::parse(line, nullptr, false);
  const auto is = [&j](const char* name, bool (nlohmann::json::*type)() const noexcept) {
    return j.contains(name) && (j[name].*type)();
  };
  using json = nlohmann::json;
  const bool whole = j.is_object() && is("format", &json::is_string) &&
                     is("seed", &json::is_number_unsigned) &&
                     is("boot", &json::is_number_unsigned) && is("device", &json::is_string) &&
                     is("topics", &json::is_array) &&
                     is("payload_bytes", &json::is_number_unsigned) && !j["topics"].empty();
  if (!whole || j["format"].get<std::string>() != format_name) {
    return failure(fault_code::config_invalid, "its first line is not that of a fleetsim log");
  }
  fleet_identity fleet;
  fleet.seed = j["seed"].get<std::uint64_t>();
  fleet.first_boot = j["boot"].get<std::uint32_t>();
  fleet.device = j["device"].get<std::string>();
  fleet.payload_bytes = j["payload_bytes"].get<std::size_t>();
  fleet.topics.clear();
  for (const json& topic : j["topics"]) {
    if (!topic.is_string()) {
      return failure(fault_code::config_invalid, "its first line names a topic that is no text");
    }
    fleet.topics.push_back(topic.get<std::string>());
  }
  if (const auto complaint = complaint_about(fleet)) {
    return failure(fault_code::config_invalid, "its first line is damaged: " + *complaint);
  }
  return fleet;
}

}  // namespace fleetgate::fleetsim
