#include <ostream>

#include "actors/node/admin_client.hpp"
#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

exit_code list(const verb_call& call, std::ostream& out, std::ostream& err) {
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
               {"SIZE", "payload_bytes"}},
              out);
  return exit_code::ok;
}

exit_code show(const verb_call& call, std::ostream& out, std::ostream& err) {
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
       {is_text ? "payload" : "payload, base64", is_text ? "payload_text" : "payload_base64"}},
      out);
  if ((*got)["payload_truncated"] == true) out << "(only the first 64 KiB of the payload)\n";
  return exit_code::ok;
}

}  // namespace

verb_group quarantine_verbs() {
  return {"quarantine",
          "See the messages that can never pass, and why",
          R"(Examples:
  fleetgate quarantine ls
  fleetgate quarantine show 1-42
  fleetgate quarantine show 1-42 -o json | jq -r .payload_base64 | base64 -d
)",
          {{"ls",
            "List them, the oldest first",
            {{"--limit", "N", "At most so many", false, "1000"}},
            true,
            list},
           {"show",
            "Show one of them with its payload",
            {{"position", "POSITION", "As the list gives it", true, ""}},
            true,
            show}}};
}

}  // namespace fleetgate::node
