#include "actors/admin/api_json.hpp"
#include "actors/admin/api_routes.hpp"
#include "actors/admin/command_body.hpp"

namespace fleetgate::admin {
namespace {

/// A page is asked for in steps and ends early where its payloads are many bytes.
constexpr std::size_t step_commands = 64;
constexpr std::size_t page_bytes = 4 * 1024 * 1024;

constexpr std::string_view see_commands =
    "see GET /api/v1/devices/{id}/commands (fleetgate commands ls DEVICE)";
constexpr std::string_view see_example =
    R"(send {"name": "reboot", "payload": {"delay_s": 5}, "ttl_s": 3600}, for example)";

/// What to do after a refusal of the ledger.
std::string_view next_step(const fault& f) {
  if (f.code == fault_code::quota_exceeded) {
    return "wait until some of its commands are answered or expired (fleetgate commands ls "
           "DEVICE), then send it again with the same idempotency key";
  }
  if (f.code == fault_code::key_reused) {
    return "send it with an idempotency key of its own; to repeat a command, repeat it unchanged";
  }
  if (f.code == fault_code::no_answer) {
    return "send it again with the same idempotency key: it is taken once; without a key, look "
           "first whether it is there";
  }
  if (f.code == fault_code::storage_full) {
    return "make room on the disk of the node's data directory, then send it again";
  }
  return "look into the node's log, then send it again with the same idempotency key";
}

response send(node_access& node, const unix_clock_source& now, const request& r) {
  const auto what = read_command(r, now());
  if (!what) return error_response(what.error(), see_example);
  const auto taken = node.submit_command(*what);
  if (!taken) return error_response(taken.error(), next_step(taken.error()));
  response answer = json_response(to_json(taken->command), taken->is_new ? 201 : 200);
  if (taken->is_new) answer.headers.emplace_back("Location", r.path + "/" + taken->command.id);
  return answer;
}

result<contract::command_page> read_page(node_access& node, const std::string& device,
                                         std::string after, std::size_t limit) {
  contract::command_page page;
  std::size_t bytes = 0;
  bool goes_on = true;
  while (goes_on && page.commands.size() < limit && bytes < page_bytes) {
    auto step = node.commands(device, after, std::min(limit - page.commands.size(), step_commands));
    if (!step) return step;
    for (auto& c : step->commands) {
      bytes += c.request.payload.size() + c.answer.size();
      page.commands.push_back(std::move(c));
    }
    goes_on = step->next && !step->commands.empty();
    page.next = std::move(step->next);
    after = page.next.value_or("");
  }
  return page;
}

response list_commands(node_access& node, const request& r) {
  const auto limit = page_limit(r);
  if (!limit) return error_response(limit.error(), "leave limit out, or give a smaller one");
  const auto device = command_device(r);
  if (!device) return error_response(device.error(), "give the id as the device's own");
  const auto page =
      read_page(node, *device, std::string(r.query_value("cursor").value_or("")), *limit);
  if (!page) return error_response(page.error(), "list the commands again without a cursor");
  json commands = json::array();
  for (const auto& c : page->commands) commands.push_back(to_json(c));
  return json_response({{"commands", std::move(commands)},
                        {"next_cursor", page->next ? json(*page->next) : json()}});
}

response show_command(node_access& node, const request& r) {
  const auto device = command_device(r);
  if (!device) return error_response(device.error(), "give the id as the device's own");
  const auto found = node.command(*device, std::string(r.capture("command")));
  return found ? json_response(to_json(*found)) : error_response(found.error(), see_commands);
}

}  // namespace

void add_command_routes(router& to, node_access& node, unix_clock_source now) {
  to.add(
      "POST", "/api/v1/devices/{id}/commands",
      [&node, now = std::move(now)](const request& r) { return send(node, now, r); },
      pace::may_wait);
  to.add(
      "GET", "/api/v1/devices/{id}/commands",
      [&node](const request& r) { return list_commands(node, r); }, pace::may_wait);
  to.add(
      "GET", "/api/v1/devices/{id}/commands/{command}",
      [&node](const request& r) { return show_command(node, r); }, pace::may_wait);
}

}  // namespace fleetgate::admin
