#include <algorithm>
#include <map>
#include <ostream>

#include "actors/node/admin_client.hpp"
#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

exit_code list_quarantine(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_pages(call, "/api/v1/quarantine", "messages", err);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  print_table((*got)["messages"],
              {{"POSITION", "position"},
               {"RECEIVED", "received_at"},
               {"FAULT", "fault"},
               {"DEVICE", "device"},
               {"TOPIC", "topic"},
               {"SIZE", "payload_bytes"},
               {"REPLAYED", "replay.at"}},
              out);
  return exit_code::ok;
}

exit_code show_quarantined(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got =
      ask_node(call, "GET", "/api/v1/quarantine/" + percent_encoded(call.get("position")), err);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  const bool is_text = !(*got)["payload_text"].is_null();
  print_members(
      *got,
      {{"position", "position"},
       {"received", "received_at"},
       {"fault", "fault"},
       {"reason", "reason"},
       {"device", "device"},
       {"client id", "client_id"},
       {"tenant", "tenant"},
       {"topic", "topic"},
       {"class", "class"},
       {"content type", "content_type"},
       {"trace id", "trace_id"},
       {"size", "payload_bytes"},
       {"replayed", "replay.at"},
       {"replay", "replay.state"},
       {is_text ? "payload" : "payload, base64", is_text ? "payload_text" : "payload_base64"}},
      out);
  if ((*got)["payload_truncated"] == true) out << "(only the first 64 KiB of the payload)\n";
  return exit_code::ok;
}

/// What one request of a replay asks for.
json choice_of(const verb_call& call) {
  json body = json::object();
  const auto add = [&](const char* name, std::string_view option) {
    if (!call.get(option).empty()) body[name] = call.get(option);
  };
  add("position", "position");
  add("device", "--device");
  add("topic", "--topic");
  add("fault", "--fault");
  body["again"] = call.get("--again") == "true";
  return body;
}

void print_summary(const json& all, std::ostream& out) {
  std::map<std::string, std::size_t> counts;
  for (const json& m : all["messages"]) ++counts[m["result"]];
  const std::size_t passed = counts["stored"] + counts["duplicate"] + counts["received"];
  out << passed << " passed, " << counts["quarantined"] << " stay in quarantine, "
      << counts["refused"] << " refused, " << counts["unknown"] << " without an answer; "
      << all["passed_over"] << " were replayed before and left out\n";
}

/// One request after the other, each bounded by the node.
exit_code replay_quarantined(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto limit = count_of(call, "--limit", err);
  if (!limit) return limit.error();
  json body = choice_of(call);
  json all{{"messages", json::array()}, {"passed_over", 0}};
  std::size_t left = *limit;
  bool is_refused = false;
  do {
    body["limit"] = std::min<std::size_t>(left, 500);
    const auto got = ask_node(call, "POST", "/api/v1/quarantine/replay", err,
                              body.dump(-1, ' ', false, json::error_handler_t::replace));
    if (!got) return got.error();
    for (const json& m : (*got)["messages"]) {
      all["messages"].push_back(m);
      is_refused |= m["result"] == "refused" || m["result"] == "unknown";
    }
    all["passed_over"] =
        all["passed_over"].get<std::size_t>() + (*got)["passed_over"].get<std::size_t>();
    left -= std::min(left, (*got)["messages"].size());
    body["after"] = (*got)["next_cursor"];
  } while (left != 0 && !is_refused && body["after"].is_string());
  if (call.format == output_format::json) {
    print_json(all, out);
  } else {
    print_table(all["messages"],
                {{"POSITION", "position"}, {"RESULT", "result"}, {"FAULT", "fault"}}, out);
    print_summary(all, out);
  }
  if (!is_refused) {
    if (body["after"].is_string()) err << call.words << ": there may be more; raise --limit\n";
    return exit_code::ok;
  }
  complain(call, "the node did not take all of it",
           "Next: look at fleetgate status, and run the same command again", err);
  return exit_code::upstream_unavailable;
}

}  // namespace

verb_group quarantine_verbs() {
  return {
      "quarantine",
      "See the messages that can never pass, and why; send them again once it is mended",
      R"(Examples:
  fleetgate quarantine ls
  fleetgate quarantine show 1-42
  fleetgate quarantine show 1-42 -o json | jq -r .payload_base64 | base64 -d
  fleetgate quarantine replay --fault schema_violation --topic 'devices/+/events'
  fleetgate quarantine replay 1-42 --again

A message that is replayed keeps its key, and passes the parser as it is now: mend the rule or the
schema, start the node, then replay. What has passed is not replayed again unless --again says so.
)",
      {{"ls",
        "List them, the oldest first",
        {{"--limit", "N", "At most so many", false, "1000"}},
        true,
        list_quarantine},
       {"show",
        "Show one of them with its payload",
        {{"position", "POSITION", "As the list gives it", true, ""}},
        true,
        show_quarantined},
       {"replay",
        "Send them through the parser again",
        {{"position", "POSITION", "This one; without it all that the options choose", false, ""},
         {"--device", "ID", "Of this device", false, ""},
         {"--topic", "FILTER", "With a topic that this filter matches", false, ""},
         {"--fault", "NAME", "Quarantined for this fault", false, ""},
         {"--limit", "N", "At most so many", false, "1000"},
         {"--again", "", "Those too that were replayed before", false, ""}},
        true,
        replay_quarantined}}};
}

}  // namespace fleetgate::node
