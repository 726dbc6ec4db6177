// The configuration of one node as plain values: every default is named here and nowhere else.
// Made by config_file.hpp (a file) or dev_config.hpp (none); read at start by actors/node, and
// again by a reload. Sizes are bytes, durations std::chrono, paths absolute or relative to the
// working directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/node/endpoint.hpp"
#include "protocol/model/topic_rules.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::node {

inline constexpr std::uint64_t kib = 1024;
inline constexpr std::uint64_t mib = 1024 * kib;
inline constexpr std::uint64_t gib = 1024 * mib;

using days = std::chrono::duration<std::int64_t, std::ratio<86400>>;

/// Where a table of the configuration was written; file is "" for what is built in.
struct config_origin {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct node_config {
  std::string name = "node-1";
  std::string site = "site-1";
  std::string data_dir = "/var/lib/fleetgate";
  std::uint32_t shards = 0;  // 0: one a processor
};

struct memory_config {
  std::uint64_t budget = 256 * mib;
};

struct spool_config {
  std::uint64_t budget = 4 * gib;
  std::uint64_t segment_size = 16 * mib;
  std::uint64_t quarantine_budget = 64 * mib;
};

struct dedup_config {
  std::uint64_t window_budget = 64 * mib;
  std::uint64_t sessions = 100'000;  // client ids whose packet ids are remembered
};

struct subscriptions_config {
  std::uint64_t queue_messages = 1000;  // of one client
  std::uint64_t queue_size = mib;
  std::uint64_t retained_messages = 100'000;
  std::uint64_t retained_size = 64 * mib;
};

struct commands_config {
  std::uint32_t open_per_device = 100;
  std::uint64_t size = 16 * mib;
  std::chrono::seconds keep = days(1);  // of finished ones
};

struct recorder_config {
  std::uint64_t size = 64 * mib;  // of the last starts' files together; 0: none
};

enum class listener_protocol : std::uint8_t { mqtt, native, http };

struct listener_config {
  std::string name;
  listener_protocol protocol = listener_protocol::mqtt;
  endpoint bind{"127.0.0.1", 1883};
  bool allow_anonymous = false;  // without it only loopback may be bound
  std::uint32_t max_connections = 100'000;
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(10);
  std::uint32_t max_packet_size = static_cast<std::uint32_t>(mib);
  std::uint16_t receive_maximum = 128;
  std::uint16_t topic_alias_maximum = 16;
  std::chrono::seconds max_keep_alive{0};  // 0: as long as the device asks for
  std::chrono::seconds session_expiry_max = days(7);
  config_origin origin;
};

enum class sink_type : std::uint8_t { sqlite };

struct sink_config {
  std::string name;
  sink_type type = sink_type::sqlite;
  std::string path;
  bool required = true;
  std::chrono::seconds retention = days(7);  // 0: for ever
  std::uint64_t retention_size = 10 * gib;   // 0: without limit
  config_origin origin;
};

struct topic_config {
  std::string match;
  model::traffic_class cls = model::traffic_class::telemetry;
  model::ack_level ack = model::ack_level::durable;
  model::payload_format format = model::payload_format::automatic;
  std::string schema;    // path of a JSON Schema; "": none
  std::string sequence;  // "$.seq"; "": not read from payloads
  std::optional<model::sequence_scope>
      scope;                // nothing: topic if {stream} is captured, else device
  std::string epoch;        // "$.boot"; "": not read from payloads
  std::string device_time;  // "$.ts"; "": not read from payloads
  config_origin origin;
  std::uint64_t schema_hash = 0;  // of what stood in the schema's file; 0: not read
};

/// Topic layouts that devices already speak, in the order in which their rules are tried: what is
/// particular comes before what is wide.
enum class topic_preset : std::uint8_t { aws, azure, sparkplug, homie, plain };

struct topics_config {
  std::vector<topic_preset> presets;  // rules behind those of [[topic]]; see topic_presets.hpp
};

enum class device_priority : std::uint8_t { low, normal, high };

struct device_config {
  std::string match;  // of the device id or client id; * stands for any characters
  device_priority priority = device_priority::normal;
  config_origin origin;
};

struct admin_config {
  endpoint bind{"127.0.0.1", 9600};
  bool allow_anonymous = false;  // without it only loopback may be bound
};

struct shutdown_config {
  std::chrono::milliseconds drain_timeout = std::chrono::seconds(30);
  std::uint32_t disconnect_rate = 2'000;  // devices a second
};

enum class log_level : std::uint8_t { trace, debug, info, warn, error };
enum class log_format : std::uint8_t { automatic, logfmt, json };

struct log_config {
  log_level level = log_level::info;
  log_format format = log_format::automatic;  // logfmt on a terminal, JSON otherwise
};

struct config {
  node_config node;
  memory_config memory;
  spool_config spool;
  dedup_config dedup;
  subscriptions_config subscriptions;
  commands_config commands;
  std::vector<listener_config> listeners;
  std::vector<sink_config> sinks;
  std::vector<topic_config> topics;  // the user's own; topic_presets.hpp adds those of presets
  topics_config topic_presets;
  std::vector<device_config> devices;
  admin_config admin;
  shutdown_config shutdown;
  recorder_config recorder;
  log_config log;
};

/// Files under data_dir that belong to the node alone.
std::string spool_directory(const config& c);
std::string state_path(const config& c);

/// `t` as the topic rules take it; schema_hash is left to whoever reads the schema.
model::topic_rule_spec rule_spec(const topic_config& t);

std::string_view to_string(listener_protocol v) noexcept;
std::string_view to_string(sink_type v) noexcept;
std::string_view to_string(topic_preset v) noexcept;
std::string_view to_string(device_priority v) noexcept;
std::string_view to_string(log_level v) noexcept;
std::string_view to_string(log_format v) noexcept;

}  // namespace fleetgate::node
