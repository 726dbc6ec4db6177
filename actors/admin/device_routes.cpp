#include <charconv>

#include "actors/admin/api_json.hpp"
#include "actors/admin/api_routes.hpp"

namespace fleetgate::admin {
namespace {

constexpr std::string_view list_again = "list the devices again without a cursor";
constexpr std::string_view see_devices =
    "see who is connected with GET /api/v1/devices (fleetgate devices ls)";

/// "shard.slot"; nothing where it is not one.
std::optional<device_cursor> parse_cursor(std::string_view text) {
  device_cursor at;
  const char* const end = text.data() + text.size();
  const auto shard = std::from_chars(text.data(), end, at.shard);
  if (shard.ec != std::errc() || shard.ptr == end || *shard.ptr != '.') return std::nullopt;
  const auto slot = std::from_chars(shard.ptr + 1, end, at.slot);
  if (slot.ec != std::errc() || slot.ptr != end) return std::nullopt;
  return at;
}

std::string cursor_text(const device_cursor& at) {
  return std::to_string(at.shard) + "." + std::to_string(at.slot);
}

response list_devices(node_access& node, const request& r) {
  const auto limit = page_limit(r);
  if (!limit) return error_response(limit.error(), "leave limit out, or give a smaller one");
  const auto from = parse_cursor(r.query_value("cursor").value_or("0.0"));
  if (!from) {
    return error_response(fault(fault_code::request_malformed,
                                "cursor is not one that next_cursor of another page gave"),
                          list_again);
  }
  const auto page = node.devices(*from, *limit);
  if (!page) return error_response(page.error(), list_again);
  json devices = json::array();
  for (const auto& d : page->devices) devices.push_back(to_json(d));
  return json_response({{"devices", std::move(devices)},
                        {"next_cursor", page->next ? json(cursor_text(*page->next)) : json()}});
}

response show_device(node_access& node, const request& r) {
  const auto found = node.device(std::string(r.capture("id")));
  return found ? json_response(to_json(*found)) : error_response(found.error(), see_devices);
}

response kick(node_access& node, const request& r) {
  const auto closed = node.close_connection(std::string(r.capture("id")));
  if (!closed) return error_response(closed.error(), see_devices);
  return json_response({{"client_id", r.capture("id")}, {"closed", true}});
}

}  // namespace

void add_device_routes(router& to, node_access& node) {
  const auto ask = [&](auto answer) {
    return [&node, answer](const request& r) { return answer(node, r); };
  };
  to.add("GET", "/api/v1/devices", ask(list_devices), pace::may_wait);
  to.add("GET", "/api/v1/devices/{id}", ask(show_device), pace::may_wait);
  to.add("DELETE", "/api/v1/devices/{id}/connection", ask(kick), pace::may_wait);
}

}  // namespace fleetgate::admin
