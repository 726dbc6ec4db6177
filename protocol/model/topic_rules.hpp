// What a topic means: traffic class, acknowledgement level, payload format, and where the identity
// of a message is found. The first matching rule in the order of the configuration wins; a default
// rule matches whatever is left. Compiled once, immutable, read on every shard without a lock.
// Limits: max_rules rules of max_levels levels; a match looks at no more levels than the rules
// have.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/model/member_path.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::model {

enum class payload_format : std::uint8_t { automatic, json, msgpack, raw };

/// Whose sequence it is: one counter for the device, or one for each of its topics.
enum class sequence_scope : std::uint8_t { device, topic };

/// "auto", "json", "msgpack", "raw".
std::string_view to_string(payload_format f) noexcept;
std::optional<payload_format> parse_payload_format(std::string_view s) noexcept;
/// "device", "topic".
std::string_view to_string(sequence_scope s) noexcept;
std::optional<sequence_scope> parse_sequence_scope(std::string_view s) noexcept;

/// One [[topic]] as it is configured. Empty text means not given.
struct topic_rule_spec {
  std::string match;
  traffic_class cls = traffic_class::telemetry;
  std::optional<ack_level> level;
  payload_format format = payload_format::automatic;
  std::string schema;             // path of a JSON Schema
  std::uint64_t schema_hash = 0;  // of the schema's text, so that the version tells of its changes
  std::string sequence;           // "$.seq"
  std::optional<sequence_scope> scope;  // not given: topic where {stream} is captured, else device
  std::string epoch;                    // "$.boot"
  std::string device_time;              // "$.ts"
};

/// What is wrong with one rule: the key it was given under, and why.
struct topic_rule_fault {
  std::string_view key;  // "match", "ack", "schema", "sequence", "epoch", "device_time"
  std::string detail;
};

/// A compiled rule.
struct topic_rule {
  static constexpr std::uint8_t not_captured = 0xFF;

  std::size_t index = 0;  // place in the configuration; topic_rules::size() for the default rule
  std::string match;
  traffic_class cls = traffic_class::telemetry;
  ack_level level = ack_level::durable;
  payload_format format = payload_format::automatic;
  sequence_scope scope = sequence_scope::device;
  std::string schema;
  std::optional<member_path> sequence;
  std::optional<member_path> epoch;
  std::optional<member_path> device_time;
  std::uint8_t device_level = not_captured;
  std::uint8_t stream_level = not_captured;
  std::uint8_t tenant_level = not_captured;

  /// What is owed for a message of this rule: nothing at QoS 0, whatever the rule says.
  [[nodiscard]] ack_level level_for(std::uint8_t qos) const noexcept {
    return qos == 0 ? ack_level::none : level;
  }
};

/// Views point into the topic that was matched; "" where nothing was captured.
struct topic_match {
  const topic_rule* rule = nullptr;  // never null; lives as long as the topic_rules
  std::string_view device;
  std::string_view stream;  // of the key: "" with scope device; with scope topic the {stream}
                            // capture, or the whole topic where there is none
  std::string_view tenant;
};

class topic_rules {
 public:
  static constexpr std::size_t max_rules = 4096;
  static constexpr std::size_t max_levels = 32;

  /// Everything that is wrong with `spec`; empty where it can be compiled.
  static std::vector<topic_rule_fault> check(const topic_rule_spec& spec);

  /// Faults: config_invalid with the number of the rule, its key and why.
  static result<topic_rules> compile(const std::vector<topic_rule_spec>& specs);

  /// Only the default rule.
  topic_rules();

  /// `topic` is a topic name: no wildcards. No allocation.
  [[nodiscard]] topic_match match(std::string_view topic) const noexcept;

  /// Hash of the canonical text of all rules; the same rules have the same version on every node.
  [[nodiscard]] std::uint32_t version() const noexcept { return version_; }

  /// Number of configured rules, without the default rule.
  [[nodiscard]] std::size_t size() const noexcept { return rules_.size() - 1; }
  /// Configured rules in order, and behind them the default rule.
  [[nodiscard]] const std::vector<topic_rule>& rules() const noexcept { return rules_; }

 private:
  using levels = std::array<std::string_view, max_levels + 1>;
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  struct edge {
    std::string level;
    std::uint32_t node;
  };
  /// One level of the filters. Rule numbers are the lowest of all that end here.
  struct node {
    std::vector<edge> literals;      // by length, then text
    std::uint32_t any = none;        // child for `+` and captures
    std::uint32_t ends = none;       // rule whose filter ends here
    std::uint32_t ends_many = none;  // rule whose filter ends here with `#`
    std::uint32_t lowest = none;     // lowest rule in this subtree
  };

  void add(const topic_rule_spec& spec);
  std::uint32_t child(std::uint32_t parent, std::string_view level);
  [[nodiscard]] std::uint32_t literal_child(const node& n, std::string_view level) const noexcept;
  void search(std::uint32_t at, const levels& parts, std::size_t depth, std::size_t count,
              std::uint32_t& best) const noexcept;

  std::vector<topic_rule> rules_;
  std::vector<node> nodes_;
  std::size_t deepest_ = 0;  // levels of the longest filter
  std::uint32_t version_ = 0;
};

}  // namespace fleetgate::model
