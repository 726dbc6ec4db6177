#include "actors/node/config_keys.hpp"

#include "actors/node/config_key_kinds.hpp"

namespace fleetgate::node {
namespace {

using namespace keys;  // the whole file is made of them
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t tib = 1024 * gib;

}  // namespace

const config_table<node_config>& node_table() {
  using s = node_config;
  static const config_table<s> table{
      "node",
      "This node.",
      {name_key<s>({"name", "\"press-hall-1\"",
                    "Name of this node in metrics, logs and rows; unique in its site."},
                   &s::name),
       name_key<s>({"site", "\"factory-7\"", "Name of the place where the node stands."}, &s::site),
       path_key<s>({"data_dir", "\"/var/lib/fleetgate\"",
                    "Where the node keeps its spool and its state; created where it is missing."},
                   &s::data_dir),
       integer_key<s>(
           {"shards", "4",
            "Threads that serve connections; 0 takes one for each processor but one, which the "
            "journal has."},
           &s::shards, {0, 256})}};
  return table;
}

const config_table<memory_config>& memory_table() {
  using s = memory_config;
  static const config_table<s> table{
      "memory",
      "Messages on their way to disk.",
      {size_key<s>(
          {"budget", "\"512MiB\"",
           "All messages in memory together; each class has a sixteenth of it for itself."},
          &s::budget, {16 * mib, tib})}};
  return table;
}

const config_table<spool_config>& spool_table() {
  using s = spool_config;
  static const config_table<s> table{
      "spool",
      "Messages on disk, until every required sink has them.",
      {size_key<s>({"budget", "\"20GiB\"", "All segments together."}, &s::budget,
                   {64 * mib, 1024 * tib}),
       size_key<s>({"segment_size", "\"64MiB\"",
                    "One file of the spool; space is given back file by file."},
                   &s::segment_size, {mib, 4 * gib}),
       size_key<s>({"quarantine_budget", "\"256MiB\"",
                    "The part of the budget for messages that can never pass."},
                   &s::quarantine_budget, {mib, 1024 * tib})}};
  return table;
}

const config_table<dedup_config>& dedup_table() {
  using s = dedup_config;
  static const config_table<s> table{
      "dedup",
      "How duplicates are recognised.",
      {size_key<s>({"window_budget", "\"256MiB\"",
                    "Memory for the windows of known devices, beside [memory] budget; the coldest "
                    "go to disk."},
                   &s::window_budget, {mib, tib}),
       integer_key<s>({"sessions", "1000000",
                       "Client ids whose MQTT packet ids are remembered; the longest unused go "
                       "first."},
                      &s::sessions, {1, 100'000'000})}};
  return table;
}

const config_table<subscriptions_config>& subscriptions_table() {
  using s = subscriptions_config;
  static const config_table<s> table{
      "subscriptions",
      "What is kept for MQTT subscribers on this node.",
      {integer_key<s>({"queue_messages", "10000",
                       "QoS 1 and 2 messages that wait for one client; what comes beyond is "
                       "counted, and the client does not get it."},
                      &s::queue_messages, {1, 1'000'000}),
       size_key<s>({"queue_size", "\"8MiB\"", "The bytes of what waits for one client."},
                   &s::queue_size, {1024, gib}),
       integer_key<s>({"retained_messages", "1000000",
                       "Topics with a retained message; what comes beyond is not retained."},
                      &s::retained_messages, {0, 100'000'000}),
       size_key<s>({"retained_size", "\"256MiB\"", "The bytes of retained messages."},
                   &s::retained_size, {0, 64 * gib})}};
  return table;
}

const config_table<commands_config>& commands_table() {
  using s = commands_config;
  static const config_table<s> table{
      "commands",
      "Commands to devices, and what has become of them.",
      {integer_key<s>({"open_per_device", "1000",
                       "Commands that wait for one device or its answer; more are refused."},
                      &s::open_per_device, {1, 100'000}),
       size_key<s>({"size", "\"64MiB\"",
                    "All commands together; finished ones make room, the oldest first."},
                   &s::size, {64 * kib, 64 * gib}),
       duration_key<s>({"keep", "\"7d\"", "How long a finished command can be asked for."},
                       &s::keep, {seconds(0), days(3650)})}};
  return table;
}

const config_table<listener_config>& listener_table() {
  using s = listener_config;
  static const config_table<s> table{
      "listener",
      "A port that devices connect to.",
      {name_key<s>({"name", "\"plant\"", "Name in metrics and logs.", true}, &s::name),
       choice_key<s>({"protocol", "\"mqtt\"",
                      "What is spoken over TCP: MQTT 3.1.1 and 5.0, fleetgate's native protocol, "
                      "or HTTP ingest."},
                     &s::protocol,
                     std::vector{listener_protocol::mqtt, listener_protocol::native,
                                 listener_protocol::http}),
       endpoint_key<s>(
           {"bind", "\"0.0.0.0:1883\"", "Address and port; nobody else may listen there."},
           &s::bind),
       boolean_key<s>({"allow_anonymous", "true",
                       "Devices need no credentials; without it only loopback can be bound."},
                      &s::allow_anonymous),
       integer_key<s>({"max_connections", "20000",
                       "More of this listener are refused; all together there are never more than "
                       "the limit of open files leaves."},
                      &s::max_connections, {1, 10'000'000}),
       duration_key<s>({"connect_timeout", "\"5s\"",
                        "A connection that has not completed CONNECT by then is closed."},
                       &s::connect_timeout, {milliseconds(100), minutes(5)}),
       size_key<s>(
           {"max_packet_size", "\"256KiB\"",
            "Larger packets or frames close the connection; larger HTTP bodies are refused."},
           &s::max_packet_size, {kib, 16 * mib}),
       integer_key<s>({"receive_maximum", "64",
                       "Messages at QoS 1 and 2 that a device may have unacknowledged."},
                      &s::receive_maximum, {1, 65'535}),
       integer_key<s>({"topic_alias_maximum", "64",
                       "Topic aliases that an MQTT device may use; 0 allows none."},
                      &s::topic_alias_maximum, {0, 65'535}),
       duration_key<s>({"max_keep_alive", "\"10m\"",
                        "MQTT 5 devices that ask for more, or for none, are told this; 0s asks "
                        "nothing of them."},
                       &s::max_keep_alive, {seconds(0), seconds(65'535)}),
       duration_key<s>(
           {"session_expiry_max", "\"1d\"", "Sessions of absent devices are kept no longer."},
           &s::session_expiry_max, {seconds(0), days(3650)})}};
  return table;
}

const config_table<sink_config>& sink_table() {
  using s = sink_config;
  static const config_table<s> table{
      "sink",
      "Where messages go.",
      {name_key<s>({"name", "\"fleet\"", "Name in metrics, logs and the sink's cursor.", true},
                   &s::name),
       choice_key<s>({"type", "\"sqlite\"", "sqlite: a table of messages in one file."}, &s::type,
                     std::vector{sink_type::sqlite}),
       path_key<s>({"path", "\"/var/lib/fleetgate/fleet.db\"", "The database file.", true},
                   &s::path),
       boolean_key<s>(
           {"required", "false",
            "The spool waits for this sink; one that is not required loses the oldest when "
            "it is full."},
           &s::required),
       duration_key<s>({"retention", "\"30d\"", "Older rows are removed; 0s keeps them for ever."},
                       &s::retention, {seconds(0), days(3650)}),
       size_key<s>({"retention_size", "\"50GiB\"",
                    "The oldest rows are removed beyond this size; 0B sets no limit."},
                   &s::retention_size, {0, 1024 * tib})}};
  return table;
}

const config_table<topic_config>& topic_table() {
  using s = topic_config;
  using model::ack_level;
  using model::payload_format;
  using model::sequence_scope;
  using model::traffic_class;
  static const config_table<s> table{
      "topic",
      "What a topic means; the first rule that matches decides.",
      {text_key<s>({"match", "\"devices/{device}/events\"",
                    "An MQTT filter in which a level may be a capture: {device}, {stream} or "
                    "{tenant}.",
                    true},
                   &s::match),
       choice_key<s>({"class", "\"event\"", "Traffic class: who goes first, who is shed first."},
                     &s::cls,
                     std::vector{traffic_class::control, traffic_class::heartbeat,
                                 traffic_class::event, traffic_class::telemetry}),
       choice_key<s>(
           {"ack", "\"committed\"",
            "An acknowledgement means: in memory, on this node's disk, or in every required "
            "sink."},
           &s::ack, std::vector{ack_level::received, ack_level::durable, ack_level::committed}),
       choice_key<s>({"format", "\"json\"",
                      "What payloads are; auto looks at the content type and the first byte."},
                     &s::format,
                     std::vector{payload_format::automatic, payload_format::json,
                                 payload_format::msgpack, payload_format::raw}),
       path_key<s>({"schema", "\"schemas/event.json\"",
                    "A JSON Schema; payloads that do not match it are quarantined."},
                   &s::schema),
       text_key<s>(
           {"sequence", "\"$.seq\"", "Where a payload has its sequence; never read unless given."},
           &s::sequence),
       choice_key<s>({"sequence_scope", "\"device\"",
                      "Whose sequence it is: one counter a device, or one a topic."},
                     &s::scope, std::vector{sequence_scope::device, sequence_scope::topic}),
       text_key<s>({"epoch", "\"$.boot\"", "Where a payload has the number of the device's boot."},
                   &s::epoch),
       text_key<s>({"device_time", "\"$.ts\"", "Where a payload has the device's own time."},
                   &s::device_time)},
      true};
  return table;
}

const config_table<topics_config>& topics_table() {
  using s = topics_config;
  static const config_table<s> table{
      "topics",
      "Rules for topic layouts that are well known, tried after those of [[topic]].",
      {choices_key<s>({"preset", "[\"sparkplug\", \"plain\"]",
                       "Whose topics devices use; their order does not matter, plain comes last."},
                      &s::presets,
                      std::vector{topic_preset::aws, topic_preset::azure, topic_preset::sparkplug,
                                  topic_preset::homie, topic_preset::plain})}};
  return table;
}

const config_table<device_config>& device_table() {
  using s = device_config;
  static const config_table<s> table{
      "device",
      "How some devices are treated; the first entry that matches decides.",
      {live(text_key<s>(
           {"match", "\"press-*\"", "Device id or client id; * stands for any characters.", true},
           &s::match)),
       live(choice_key<s>(
           {"priority", "\"high\"",
            "Under overload new low devices are refused first, then normal ones; high ones never."},
           &s::priority,
           std::vector{device_priority::low, device_priority::normal, device_priority::high}))},
      true};
  return table;
}

const config_table<admin_config>& admin_table() {
  using s = admin_config;
  static const config_table<s> table{
      "admin",
      "Health, metrics and the API over HTTP.",
      {endpoint_key<s>({"bind", "\"127.0.0.1:9600\"", "Address and port."}, &s::bind),
       boolean_key<s>({"allow_anonymous", "true",
                       "Anyone who reaches the port may read and command; without it only "
                       "loopback can be bound."},
                      &s::allow_anonymous)}};
  return table;
}

const config_table<shutdown_config>& shutdown_table() {
  using s = shutdown_config;
  static const config_table<s> table{
      "shutdown",
      "How the node goes.",
      {live(duration_key<s>({"drain_timeout", "\"60s\"",
                             "After that the node exits with 75; everything acknowledged as "
                             "durable stays in the spool."},
                            &s::drain_timeout, {milliseconds(0), hours(1)})),
       live(integer_key<s>({"disconnect_rate", "500",
                            "Devices told to go each second, so that they do not all come back "
                            "at once."},
                           &s::disconnect_rate, {1, 1'000'000}))}};
  return table;
}

const config_table<recorder_config>& recorder_table() {
  using s = recorder_config;
  static const config_table<s> table{
      "recorder",
      "What happened of late, for `fleetgate trace` and `fleetgate explain`.",
      {size_key<s>({"size", "\"256MiB\"",
                    "The files of the last four starts together, and a quarter more while the "
                    "node starts; the oldest entries are overwritten. 0B writes none."},
                   &s::size, {0, tib})}};
  return table;
}

const config_table<log_config>& log_table() {
  using s = log_config;
  static const config_table<s> table{
      "log",
      "One event a line on standard error.",
      {live(choice_key<s>({"level", "\"debug\"", "The least that is written."}, &s::level,
                          std::vector{log_level::trace, log_level::debug, log_level::info,
                                      log_level::warn, log_level::error})),
       choice_key<s>({"format", "\"json\"", "auto is logfmt on a terminal and JSON otherwise."},
                     &s::format,
                     std::vector{log_format::automatic, log_format::logfmt, log_format::json})}};
  return table;
}

}  // namespace fleetgate::node
