#include "actors/admin/api_json.hpp"
#include "actors/admin/api_routes.hpp"

namespace fleetgate::admin {
namespace {

/// Payloads of a page are read with it, though they are not shown.
constexpr std::size_t page_bytes = 8 * 1024 * 1024;
constexpr std::string_view see_list = "see GET /api/v1/quarantine (fleetgate quarantine ls)";

fault no_position(std::string_view given) {
  return fault(fault_code::request_malformed,
               "\"" + std::string(given) + "\" is not a position such as 1-42");
}

/// What somebody asks for and never was is not damage.
response refused(const fault& f, std::string_view next) {
  const bool never_was = f.code == fault_code::position_beyond_end;
  return never_was ? error_response(404, f, next) : error_response(f, next);
}

response list(node_access& node, const request& r) {
  const auto limit = page_limit(r);
  if (!limit) return error_response(limit.error(), "leave limit out, or give a smaller one");
  const auto given = r.query_value("cursor").value_or("0-0");
  const auto after = model::parse_position(given);
  if (!after) return error_response(no_position(given), "leave cursor out to begin at the oldest");
  const auto block = node.quarantine(*after, *limit, page_bytes);
  if (!block) return refused(block.error(), "leave cursor out to begin at the oldest");
  json messages = json::array();
  for (const auto& record : block->records) messages.push_back(to_json(record, false));
  const bool more = !block->records.empty();
  return json_response(
      {{"messages", std::move(messages)},
       {"damaged", block->damaged},
       {"next_cursor", more ? json(to_string(block->records.back().at)) : json()}});
}

response show(node_access& node, const request& r) {
  const auto at = model::parse_position(r.capture("position"));
  if (!at) return error_response(no_position(r.capture("position")), see_list);
  const model::position before{at->incarnation, at->lsn == 0 ? 0 : at->lsn - 1};
  const auto block = node.quarantine(before, 1, 1);
  if (!block && block.error().code != fault_code::position_beyond_end) {
    return error_response(block.error(), see_list);
  }
  if (!block || block->records.empty() || block->records.front().at != *at) {
    return error_response(
        fault(fault_code::not_found, "no quarantined message is at " + to_string(*at)), see_list);
  }
  return json_response(to_json(block->records.front(), true));
}

}  // namespace

void add_quarantine_routes(router& to, node_access& node) {
  to.add(
      "GET", "/api/v1/quarantine", [&node](const request& r) { return list(node, r); },
      pace::may_wait);
  to.add(
      "GET", "/api/v1/quarantine/{position}", [&node](const request& r) { return show(node, r); },
      pace::may_wait);
}

}  // namespace fleetgate::admin
