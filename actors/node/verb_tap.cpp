#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <random>

#include "actors/admin/api_json.hpp"
#include "actors/node/admin_client.hpp"
#include "actors/node/config_value.hpp"
#include "actors/node/tap_connection.hpp"
#include "actors/node/verb_text.hpp"
#include "actors/node/verbs.hpp"
#include "actors/runtime/clock.hpp"
#include "protocol/base/utf8.hpp"
#include "protocol/mqtt/topic.hpp"

namespace fleetgate::node {
namespace {

constexpr std::size_t most_shown_bytes = 200;
constexpr std::uint64_t longest_ms = 30ull * 24 * 3600 * 1000;

/// "2026-01-31T12:00:00.123Z"
std::string time_now() {
  return admin::time_value(runtime::unix_now_ns()).get<std::string>();
}

std::string preview(byte_view payload) {
  const auto shown = as_text(payload.first(std::min(payload.size(), most_shown_bytes)));
  if (!is_clean_utf8(shown)) return "(" + std::to_string(payload.size()) + " bytes, not text)";
  return harmless(shown) + (shown.size() == payload.size() ? "" : "...");
}

void print_line(const mqtt::publish_packet& m, std::ostream& out) {
  // The time of the day is enough for who looks on.
  out << time_now().substr(11, 12) << "  " << harmless(m.topic) << "  "
      << cell_text("bytes", m.payload.size()) << "  " << preview(m.payload) << "\n";
}

/// One object a line.
void print_object(const mqtt::publish_packet& m, std::ostream& out) {
  json properties = json::object();
  for (const auto& p : m.props.user_properties()) {
    properties[std::string(p.text)].push_back(p.value);
  }
  const auto text = as_text(m.payload);
  json line{{"at", time_now()}, {"topic", m.topic}, {"payload_bytes", m.payload.size()}};
  if (is_clean_utf8(text))
    line["payload_text"] = text;
  else
    line["payload_base64"] = admin::base64(m.payload);
  if (!m.props.content_type().empty()) line["content_type"] = m.props.content_type();
  if (!properties.empty()) line["user_properties"] = std::move(properties);
  out << line.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
}

std::optional<exit_code> complain_of_use(const verb_call& call, const std::string& what,
                                         std::string_view next, std::ostream& err) {
  complain(call, what, next, err);
  return exit_code::usage;
}

/// Of the node's first MQTT listener. One that listens everywhere is reached where its admin API
/// is.
tl::expected<tap_target, exit_code> find_listener(const verb_call& call, std::ostream& err) {
  const auto status = ask_node(call, "GET", "/api/v1/status", err);
  if (!status) return tl::unexpected(status.error());
  for (const json& a : (*status)["addresses"]) {
    if (a["protocol"] != "mqtt") continue;
    const auto at = parse_endpoint(a["address"].get<std::string>());
    if (!at) continue;
    tap_target to{at->address, std::to_string(at->port)};
    if (is_any_address(*at)) to.host = host_of(call.admin);
    return to;
  }
  complain(call, "the node has no MQTT listener to look through",
           "Give it a [[listener]] with protocol = \"mqtt\".", err);
  return tl::unexpected(exit_code::not_found);
}

struct limits {
  std::size_t count = ~std::size_t{0};
  std::optional<std::chrono::milliseconds> time;
};

std::optional<exit_code> read_limits(const verb_call& call, limits& to, std::ostream& err) {
  if (!mqtt::is_topic_filter(call.get("pattern"), false)) {
    return complain_of_use(call, "the pattern is no topic filter",
                           "+ fills one level, # the last one: fleetgate tap 'devices/+/events/#'",
                           err);
  }
  if (mqtt::is_shared_filter(call.get("pattern"))) {
    return complain_of_use(call, "the gateway has no shared subscriptions",
                           "Look at all messages: fleetgate tap 'devices/#'", err);
  }
  if (!call.get("--count").empty()) {
    const auto count = count_of(call, "--count", err);
    if (!count) return count.error();
    to.count = *count;
  }
  if (call.get("--for").empty()) return std::nullopt;
  raw_value given;
  given.is = std::string(call.get("--for"));
  given.untyped = true;
  const auto ms = read_duration(given, {1, longest_ms});
  if (!ms) {
    return complain_of_use(call, "--for: " + ms.error().message, "Give it as in: --for 10s", err);
  }
  to.time = std::chrono::milliseconds(*ms);
  return std::nullopt;
}

exit_code run(const verb_call& call, std::ostream& out, std::ostream& err) {
  limits most;
  if (const auto wrong = read_limits(call, most, err)) return *wrong;
  const auto to = find_listener(call, err);
  if (!to) return to.error();
  tap_session session(
      "fleetgate-tap-" + std::to_string(::getpid()) + "-" + std::to_string(std::random_device{}()),
      std::string(call.get("pattern")));
  std::optional<std::chrono::steady_clock::time_point> until;
  if (most.time) until = std::chrono::steady_clock::now() + *most.time;
  std::size_t left = most.count;
  const auto show = [&](const mqtt::publish_packet& m) {
    if (call.format == output_format::json)
      print_object(m, out);
    else
      print_line(m, out);
    --left;
  };
  const auto ended = tap(
      *to, session, until, show, [&] { return left != 0 && out.good(); }, [&] { out.flush(); });
  out.flush();
  if (!ended) return exit_code::ok;
  complain(call,
           (ended->connected ? "" : "no look at " + to->host + ":" + to->port + ": ") + ended->why,
           "See fleetgate status; then run the same command again.", err);
  return exit_code::upstream_unavailable;
}

}  // namespace

verb_group tap_verb() {
  return {"tap",
          "Look at messages while they pass",
          R"(Examples:
  fleetgate tap '#'
  fleetgate tap 'devices/+/events/#' --count 10
  fleetgate tap 'devices/press-1/#' --for 30s -o json | jq -r .payload_text

It subscribes at QoS 0 on the node's MQTT listener, and sees what has become durable. What it does
not take in time the node drops and counts: looking never slows the devices.
)",
          {{"",
            "",
            {{"pattern", "PATTERN", "An MQTT topic filter", true, ""},
             {"--count", "N", "End after so many messages", false, ""},
             {"--for", "TIME", "End after this time, as in 10s, 5m", false, ""}},
            true,
            run}}};
}

}  // namespace fleetgate::node
