// A topic's JSON Schema (draft 7), and the schemas of a rule set. Loaded with the
// configuration, immutable afterwards, used by the parser of every shard. Limits: max_file_bytes of
// text, max_depth of nesting, max_expanded subschemas with every $ref followed, max_payload_bytes
// of what is validated; no remote $ref, no recursion, no keyword whose cost has no bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/bytes.hpp"
#include "protocol/base/result.hpp"
#include "protocol/model/topic_rules.hpp"

namespace fleetgate::parse {

class schema {
 public:
  static constexpr std::size_t max_file_bytes = 1024 * 1024;
  static constexpr std::size_t max_depth = 64;
  static constexpr std::size_t max_expanded = 4096;
  static constexpr std::size_t max_payload_bytes = 256 * 1024;

  /// Reads `path`. Faults: config_invalid, with the path and why.
  static result<schema> load(const std::string& path);
  static result<schema> compile(std::string_view text);

  schema(schema&&) noexcept;
  schema& operator=(schema&&) noexcept;
  ~schema();

  /// True where the payload, known to be well-formed JSON, has the form the schema asks for.
  [[nodiscard]] bool accepts_json(byte_view payload) const;
  /// The same for MessagePack that is known to be well-formed. Binary values are refused, as JSON
  /// has none.
  [[nodiscard]] bool accepts_msgpack(byte_view payload) const;

  /// XXH3-64 of the text it was made from.
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

 private:
  struct compiled;
  schema(std::unique_ptr<compiled> made, std::uint64_t hash) noexcept;

  std::unique_ptr<compiled> made_;
  std::uint64_t hash_ = 0;
};

/// The schemas of a rule set, by rule.
class schema_set {
 public:
  schema_set() = default;
  /// Loads every schema that `rules` name, each file once. Faults: config_invalid.
  static result<schema_set> load(const model::topic_rules& rules);

  /// Null where the rule has none.
  [[nodiscard]] const schema* of(const model::topic_rule& rule) const noexcept {
    return rule.index < by_rule_.size() ? by_rule_[rule.index].get() : nullptr;
  }

 private:
  std::vector<std::shared_ptr<const schema>> by_rule_;
};

}  // namespace fleetgate::parse
