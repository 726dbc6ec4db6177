#include "actors/admin/api_json.hpp"
#include "actors/admin/api_routes.hpp"
#include "actors/admin/message_answer.hpp"
#include "protocol/mqtt/topic.hpp"

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

json mark_value(const std::optional<contract::replay_mark>& m) {
  if (!m) return nullptr;
  const bool done = m->state == contract::replay_state::done;
  return {{"state", done ? "done" : "unknown"}, {"at", time_value(m->time_ns)}};
}

/// One entry of the list, or all that there is to it.
result<json> entry(node_access& node, const contract::stored_record& r, bool payload) {
  const auto mark = node.replay_mark(r.at);
  if (!mark) return tl::unexpected(mark.error());
  json value = to_json(r, payload);
  value["replay"] = mark_value(*mark);
  return value;
}

response list_quarantine(node_access& node, const request& r) {
  const auto limit = page_limit(r);
  if (!limit) return error_response(limit.error(), "leave limit out, or give a smaller one");
  const auto given = r.query_value("cursor").value_or("0-0");
  const auto after = model::parse_position(given);
  if (!after) return error_response(no_position(given), "leave cursor out to begin at the oldest");
  const auto block = node.quarantine(*after, *limit, page_bytes);
  if (!block) return refused(block.error(), "leave cursor out to begin at the oldest");
  json messages = json::array();
  for (const auto& record : block->records) {
    auto value = entry(node, record, false);
    if (!value) return error_response(value.error(), see_list);
    messages.push_back(std::move(*value));
  }
  const bool more = !block->records.empty();
  return json_response(
      {{"messages", std::move(messages)},
       {"damaged", block->damaged},
       {"next_cursor", more ? json(to_string(block->records.back().at)) : json()}});
}

response show_quarantine(node_access& node, const request& r) {
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
  const auto value = entry(node, block->records.front(), true);
  return value ? json_response(*value) : error_response(value.error(), see_list);
}

std::optional<fault_code> parse_fault(std::string_view name) {
  for (std::size_t i = 0; i < fault_count; ++i) {
    if (describe(static_cast<fault_code>(i)).name == name) return static_cast<fault_code>(i);
  }
  return std::nullopt;
}

/// A text member; nothing where it is absent.
result<std::optional<std::string>> text_of(const json& body, const char* name) {
  if (!body.contains(name)) return std::nullopt;
  if (!body[name].is_string()) return tl::unexpected(malformed(std::string(name) + " is no text"));
  return body[name].get<std::string>();
}

result<void> read_choice(const json& body, contract::quarantine_filter& which) {
  for (const auto* name : {"position", "after"}) {
    const auto text = text_of(body, name);
    if (!text) return tl::unexpected(text.error());
    if (!*text) continue;
    const auto at = model::parse_position(**text);
    if (!at) return tl::unexpected(no_position(**text));
    if (name == std::string_view("after"))
      which.after = *at;
    else
      which.only = *at;
  }
  for (auto [name, to] : {std::pair("device", &which.device), std::pair("topic", &which.topic)}) {
    auto text = text_of(body, name);
    if (!text) return tl::unexpected(text.error());
    if (*text) *to = std::move(**text);
  }
  if (!which.topic.empty() && !mqtt::is_topic_filter(which.topic, false)) {
    return failure(fault_code::topic_filter_invalid, "topic is no topic filter");
  }
  const auto why = text_of(body, "fault");
  if (!why) return tl::unexpected(why.error());
  if (*why) which.why = parse_fault(**why);
  if (*why && !which.why) return tl::unexpected(malformed("fault is not one of the catalogue"));
  return {};
}

result<contract::quarantine_filter> filter_of(const request& r) {
  const auto body =
      body_object(r, {"position", "device", "topic", "fault", "after", "limit", "again"});
  if (!body) return tl::unexpected(body.error());
  contract::quarantine_filter which;
  if (auto read = read_choice(*body, which); !read) return tl::unexpected(read.error());
  const json limit = body->value("limit", json(default_page));
  if (!limit.is_number_unsigned() || limit == 0 || limit > largest_page) {
    return tl::unexpected(
        malformed("limit is a whole number from 1 to " + std::to_string(largest_page)));
  }
  which.most = limit.get<std::size_t>();
  const json again = body->value("again", json(false));
  if (!again.is_boolean()) return tl::unexpected(malformed("again is neither true nor false"));
  which.again = again.get<bool>();
  return which;
}

response replay(node_access& node, const request& r) {
  const auto which = filter_of(r);
  if (!which) {
    return error_response(which.error(), R"(send {"fault": "schema_violation"}, for example)");
  }
  const auto report = node.replay_quarantined(*which);
  if (!report) return refused(report.error(), see_list);
  if (which->only && report->messages.empty() && report->passed_over == 0) {
    return error_response(
        fault(fault_code::not_found, "no quarantined message is at " + to_string(*which->only)),
        see_list);
  }
  json messages = json::array();
  for (const auto& m : report->messages) {
    json value{{"position", to_string(m.at)}};
    value.update(to_json(m.fate, 0));
    messages.push_back(std::move(value));
  }
  return json_response({{"messages", std::move(messages)},
                        {"passed_over", report->passed_over},
                        {"next_cursor", report->next ? json(to_string(*report->next)) : json()}});
}

}  // namespace

void add_quarantine_routes(router& to, node_access& node) {
  to.add(
      "GET", "/api/v1/quarantine", [&node](const request& r) { return list_quarantine(node, r); },
      pace::may_wait);
  to.add(
      "GET", "/api/v1/quarantine/{position}",
      [&node](const request& r) { return show_quarantine(node, r); }, pace::may_wait);
  to.add(
      "POST", "/api/v1/quarantine/replay", [&node](const request& r) { return replay(node, r); },
      pace::may_wait);
}

}  // namespace fleetgate::admin
