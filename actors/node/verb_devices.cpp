#include <ostream>

#include "actors/node/admin_client.hpp"
#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

const verb_option client_id{"client-id", "CLIENT-ID", "The MQTT client id", true, ""};

std::string device_path(const verb_call& call) {
  return "/api/v1/devices/" + percent_encoded(call.get("client-id"));
}

exit_code list_devices(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_pages(call, "/api/v1/devices", "devices", err);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  print_table((*got)["devices"],
              {{"CLIENT ID", "client_id"},
               {"PEER", "peer"},
               {"PROTOCOL", "protocol"},
               {"LISTENER", "listener"},
               {"CONNECTED", "connected_at"},
               {"UNACKED", "unacknowledged_bytes"},
               {"WITHHELD", "withheld"}},
              out);
  return exit_code::ok;
}

exit_code show_device(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_node(call, "GET", device_path(call), err);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  print_members(*got,
                {{"client id", "client_id"},
                 {"peer", "peer"},
                 {"protocol", "protocol"},
                 {"listener", "listener"},
                 {"connected", "connected_at"},
                 {"session expiry s", "session_expiry_seconds"},
                 {"unacknowledged", "unacknowledged_bytes"},
                 {"withheld", "withheld"}},
                out);
  return exit_code::ok;
}

exit_code kick(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_node(call, "DELETE", device_path(call) + "/connection", err);
  if (!got) return got.error();
  if (call.format == output_format::json)
    print_json(*got, out);
  else
    out << "closed the connection of " << cell_text({}, (*got)["client_id"])
        << "; it may come back\n";
  return exit_code::ok;
}

}  // namespace

verb_group device_verbs() {
  return {"devices",
          "List, show and disconnect the clients of a node",
          R"(Examples:
  fleetgate devices ls --limit 20
  fleetgate devices show press-1
  fleetgate devices kick press-1
  fleetgate devices ls -o json | jq -r '.devices[] | select(.withheld) | .client_id'
)",
          {{"ls",
            "List the clients that are connected",
            {{"--limit", "N", "At most so many", false, "1000"}},
            true,
            list_devices},
           {"show", "Show one of them", {client_id}, true, show_device},
           {"kick",
            "Close its connection (MQTT 5 reason 0x98); its session stays",
            {client_id},
            true,
            kick}}};
}

}  // namespace fleetgate::node
