#include <algorithm>

#include "actors/admin/api_json.hpp"
#include "actors/admin/api_routes.hpp"

namespace fleetgate::admin {
namespace {

using contract::change_effect;
using contract::config_change;

/// A person reads them; the counts are of all.
constexpr std::size_t most_changes = 1000;

/// Texts come from a file that people write: what is no UTF-8 is replaced where it is dumped.
json or_null(const std::optional<std::string>& text) {
  return text ? json(*text) : json();
}

response taken(const std::vector<config_change>& changes) {
  json listed = json::array();
  for (const config_change& c : changes) {
    if (listed.size() == most_changes) break;
    listed.push_back({{"key", c.key},
                      {"was", or_null(c.was)},
                      {"now", or_null(c.now)},
                      {"effect", to_string(c.effect)}});
  }
  const auto applied = std::count_if(changes.begin(), changes.end(), [](const config_change& c) {
    return c.effect == change_effect::applied;
  });
  const std::size_t left_out = changes.size() - listed.size();
  return json_response({{"changes", std::move(listed)},
                        {"applied", applied},
                        {"needs_restart", changes.size() - static_cast<std::size_t>(applied)},
                        {"left_out", left_out}});
}

/// The request was right; what stands in the node's file was not.
std::uint16_t status_of(fault_code why) noexcept {
  return why == fault_code::config_invalid ? 409 : describe(why).http_status;
}

response refused(const contract::reload_refusal& r) {
  response answer = error_response(status_of(r.why.code), r.why, r.next);
  if (r.errors.empty()) return answer;
  json body = json::parse(answer.body);
  body["errors"] = r.errors;
  answer.body = body.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
  return answer;
}

}  // namespace

void add_reload_route(router& to, node_access& node) {
  to.add_later("POST", "/api/v1/reload", [&node](const request&, const reply& then) {
    node.reload([then](contract::reload_outcome became) {
      then([became = std::move(became)] {
        return became ? taken(*became) : refused(became.error());
      });
    });
  });
}

}  // namespace fleetgate::admin
