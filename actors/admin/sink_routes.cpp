#include "actors/admin/api_json.hpp"
#include "actors/admin/api_routes.hpp"

namespace fleetgate::admin {
namespace {

constexpr std::string_view see_sinks = "see GET /api/v1/sinks (fleetgate sinks ls)";

response list_sinks(node_access& node) {
  json sinks = json::array();
  for (const sink_entry& s : node.sinks()) {
    json entry = s.report ? to_json(*s.report) : json{{"name", s.name}, {"state", "no_answer"}};
    entry["required"] = s.required;
    sinks.push_back(std::move(entry));
  }
  return json_response({{"sinks", std::move(sinks)}});
}

/// What to do after a refusal.
std::string_view next_step(const fault& f) {
  if (f.code == fault_code::would_duplicate) {
    return "say allow_duplicates (--allow-duplicates) if rows may be stored twice";
  }
  if (f.code == fault_code::sink_unavailable) {
    return "mend what last_failure says, resume the sink, and try again";
  }
  if (f.code == fault_code::no_answer) {
    return "it is busy with its store: look at its state, then try again";
  }
  return see_sinks;
}

response answer(const result<contract::sink_report>& got) {
  if (got) return json_response(to_json(*got));
  const fault& why = got.error();
  const bool never_was = why.code == fault_code::position_beyond_end;
  return never_was ? error_response(404, why, "take a position from GET /api/v1/spool or /sinks")
                   : error_response(why, next_step(why));
}

/// {"from": "beginning" or a position, "allow_duplicates": bool}
result<contract::replay_request> replay_of(const request& r) {
  const auto body = body_object(r, {"from", "allow_duplicates"});
  if (!body) return tl::unexpected(body.error());
  contract::replay_request what;
  const json from = body->value("from", json());
  if (!from.is_string()) {
    return failure(fault_code::request_malformed,
                   "from is not given: \"beginning\", or a position such as \"1-42\"");
  }
  if (from != "beginning") {
    what.from = model::parse_position(from.get<std::string>());
    if (!what.from) {
      return failure(fault_code::request_malformed,
                     "from is neither \"beginning\" nor a position such as \"1-42\"");
    }
  }
  const json allow = body->value("allow_duplicates", json(false));
  if (!allow.is_boolean()) {
    return failure(fault_code::request_malformed, "allow_duplicates is neither true nor false");
  }
  what.allow_duplicates = allow.get<bool>();
  return what;
}

response replay(node_access& node, const request& r) {
  const auto what = replay_of(r);
  if (!what) {
    return error_response(what.error(),
                          R"(send {"from": "beginning", "allow_duplicates": true}, for example)");
  }
  return answer(node.replay_sink(r.capture("name"), *what));
}

}  // namespace

void add_sink_routes(router& to, node_access& node) {
  to.add(
      "GET", "/api/v1/sinks", [&node](const request&) { return list_sinks(node); }, pace::may_wait);
  to.add(
      "POST", "/api/v1/sinks/{name}/pause",
      [&node](const request& r) { return answer(node.pause_sink(r.capture("name"))); },
      pace::may_wait);
  to.add(
      "POST", "/api/v1/sinks/{name}/resume",
      [&node](const request& r) { return answer(node.resume_sink(r.capture("name"))); },
      pace::may_wait);
  to.add(
      "POST", "/api/v1/sinks/{name}/replay", [&node](const request& r) { return replay(node, r); },
      pace::may_wait);
}

}  // namespace fleetgate::admin
