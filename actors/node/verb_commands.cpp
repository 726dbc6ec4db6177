#include <fstream>
#include <iostream>

#include "actors/admin/api_json.hpp"
#include "actors/admin/command_body.hpp"
#include "actors/node/admin_client.hpp"
#include "actors/node/config_value.hpp"
#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"
#include "protocol/base/utf8.hpp"

namespace fleetgate::node {
namespace {

const verb_option device{"device", "DEVICE", "The device's id (MQTT: its client id)", true, ""};

std::string commands_path(const verb_call& call) {
  return "/api/v1/devices/" + percent_encoded(call.get("device")) + "/commands";
}

/// What is wrong with what was given, and what to give.
struct mistake {
  exit_code status = exit_code::usage;
  std::string what;
  std::string next;
};

/// All of it, but one byte more than may be sent at most.
tl::expected<std::string, mistake> read_all(std::istream& in, const std::string& name) {
  std::string bytes(admin::most_command_payload_bytes + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.bad()) {
    return tl::unexpected(
        mistake{exit_code::not_found, name + " cannot be read", "Give a file that you may read."});
  }
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

tl::expected<std::string, mistake> payload_of(const verb_call& call) {
  const std::string payload(call.get("payload")), file(call.get("--file"));
  if (!payload.empty() && !file.empty()) {
    return tl::unexpected(mistake{exit_code::usage, "PAYLOAD and --file are both given",
                                  "Give one of them; the payload can be in the file."});
  }
  if (payload == "-") return read_all(std::cin, "standard input");
  if (file.empty()) return payload;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    return tl::unexpected(mistake{exit_code::not_found, "--file: " + file + " cannot be read",
                                  "Give a file that you may read, or - for standard input."});
  }
  return read_all(in, "--file: " + file);
}

tl::expected<std::uint64_t, mistake> ttl_seconds_of(const verb_call& call) {
  const std::string given(call.get("--ttl"));
  constexpr std::uint64_t most_ms = std::chrono::milliseconds(admin::most_command_ttl).count();
  const auto ms = read_duration(raw_value{given, true}, {1000, most_ms});
  if (ms && *ms % 1000 == 0) return *ms / 1000;
  return tl::unexpected(
      mistake{exit_code::usage,
              "--ttl: " + (ms ? given + " is not a whole number of seconds" : ms.error().message),
              "Give it as in: --ttl 90s, --ttl 15m, --ttl 12h or --ttl 7d"});
}

/// The body of the request.
tl::expected<std::string, mistake> body_of(const verb_call& call) {
  const auto payload = payload_of(call);
  if (!payload) return tl::unexpected(payload.error());
  if (payload->size() > admin::most_command_payload_bytes) {
    return tl::unexpected(mistake{exit_code::usage, "the payload has more than 64 KiB",
                                  "Send what the device can fetch the rest by."});
  }
  const auto ttl_s = ttl_seconds_of(call);
  if (!ttl_s) return tl::unexpected(ttl_s.error());
  json body{{"name", call.get("name")}, {"ttl_s", *ttl_s}};
  if (is_clean_utf8(*payload)) {
    body["payload"] = *payload;
  } else {
    body["payload_base64"] = admin::base64(as_bytes(*payload));
  }
  const auto add = [&](std::string_view option, const char* member) {
    if (const auto given = call.get(option); !given.empty()) body[member] = given;
  };
  add("--content-type", "content_type");
  add("--idempotency-key", "idempotency_key");
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

exit_code send(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto body = body_of(call);
  if (!body) {
    complain(call, body.error().what, body.error().next, err);
    return body.error().status;
  }
  const auto got = ask_node(call, "POST", commands_path(call), err, *body);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  print_members(*got,
                {{"command", "id"},
                 {"device", "device"},
                 {"name", "name"},
                 {"state", "state"},
                 {"result", "result"},
                 {"created", "created_time"},
                 {"deadline", "deadline"}},
                out);
  return exit_code::ok;
}

exit_code list_commands(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto got = ask_pages(call, commands_path(call), "commands", err);
  if (!got) return got.error();
  if (call.format == output_format::json) {
    print_json(*got, out);
    return exit_code::ok;
  }
  print_table((*got)["commands"],
              {{"COMMAND", "id"},
               {"NAME", "name"},
               {"STATE", "state"},
               {"RESULT", "result"},
               {"SENT", "sent"},
               {"CREATED", "created_time"},
               {"CHANGED", "changed_time"},
               {"DEADLINE", "deadline"}},
              out);
  return exit_code::ok;
}

}  // namespace

verb_group command_verbs() {
  return {
      "commands",
      "Send commands to devices, and see what became of them",
      R"(Examples:
  fleetgate commands send press-1 reboot
  fleetgate commands send press-1 set '{"bar": 4.2}' --content-type application/json --ttl 10m
  fleetgate commands send press-1 firmware --file manifest.cbor --idempotency-key fw-2.1
  echo on | fleetgate commands send lamp-7 power -
  fleetgate commands ls press-1
  fleetgate commands ls press-1 -o json | jq -r '.commands[0] | .result + " " + .answer'

A command waits for its device until its time to live is over. With an idempotency key it may be
sent again, unchanged, after a failure: the device gets it as one command. A payload that looks like
an option stands behind two dashes: commands send press-1 run -- -v
)",
      {{"send",
        "Send one; its payload is text, a file or standard input",
        {device,
         {"name", "NAME", "What the device is to do: at most 64 bytes, no + # /", true, ""},
         {"payload", "PAYLOAD", "Sent as it stands, at most 64 KiB; -: standard input", false, ""},
         {"--file", "FILE", "Its bytes are the payload", false, ""},
         {"--content-type", "TYPE", "What the payload is: application/json", false, ""},
         {"--ttl", "TIME", "Expires then: 1s to 30d", false, "1h"},
         {"--idempotency-key", "KEY", "The same key is the same command of a device", false, ""}},
        true,
        send},
       {"ls",
        "List a device's, the newest first",
        {device, {"--limit", "N", "At most so many", false, "1000"}},
        true,
        list_commands}}};
}

}  // namespace fleetgate::node
