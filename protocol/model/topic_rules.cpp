#include "protocol/model/topic_rules.hpp"

#include <algorithm>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "protocol/base/utf8.hpp"
#include "protocol/model/enum_names.hpp"

namespace fleetgate::model {
namespace {

constexpr std::array<std::string_view, 4> format_names{"auto", "json", "msgpack", "raw"};
constexpr std::array<std::string_view, 2> scope_names{"device", "topic"};

/// Longest topic filter (MQTT 5.0 section 1.5.4: a UTF-8 string).
constexpr std::size_t max_filter_bytes = 65535;

/// Calls `visit(level, number)` for each level of a filter or topic, until it returns false.
template <class Visit>
void for_each_level(std::string_view text, Visit visit) {
  for (std::size_t number = 0;; ++number) {
    const std::size_t slash = text.find('/');
    if (!visit(text.substr(0, slash), number) || slash == std::string_view::npos) return;
    text.remove_prefix(slash + 1);
  }
}

bool is_capture(std::string_view level) noexcept {
  return level.size() >= 2 && level.front() == '{' && level.back() == '}';
}

/// The rule's field for a capture's level, null where there is no capture of this name.
std::uint8_t* capture_field(topic_rule& rule, std::string_view level) noexcept {
  const std::string_view name = level.substr(1, level.size() - 2);
  if (name == "device") return &rule.device_level;
  if (name == "stream") return &rule.stream_level;
  if (name == "tenant") return &rule.tenant_level;
  return nullptr;
}

std::string quoted(std::string_view text) {
  return "`" + std::string(text) + "`";
}

/// Why one level cannot stand in a filter, "" where it can. Notes captures in `seen`.
std::string check_level(std::string_view level, std::size_t number, topic_rule& seen) {
  if (is_capture(level)) {
    std::uint8_t* const field = capture_field(seen, level);
    if (field == nullptr) {
      return quoted(level) + " is not known; captures are {device}, {stream} and {tenant}";
    }
    if (*field != topic_rule::not_captured) return quoted(level) + " is captured twice";
    *field = static_cast<std::uint8_t>(number);
    return {};
  }
  if (level.find_first_of("{}") != std::string_view::npos) {
    return quoted(level) + ": a capture takes a whole level, as in devices/{device}";
  }
  if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos) {
    return quoted(level) + ": a wildcard takes a whole level";
  }
  return {};
}

/// MQTT 5.0 section 4.7, with captures; "" where `match` is right.
std::string check_match(std::string_view match) {
  if (match.empty()) return "the filter is empty";  // [MQTT-4.7.3-1]
  if (match.size() > max_filter_bytes) return "the filter is longer than 65535 bytes";
  if (!is_clean_utf8(match)) return "the filter is not UTF-8, or holds U+0000";  // [MQTT-4.7.3-2]
  std::string why;
  topic_rule seen;
  bool ended = false;
  for_each_level(match, [&](std::string_view level, std::size_t number) {
    if (ended)
      why = "`#` stands before the last level";  // [MQTT-4.7.1-1]
    else if (number == topic_rules::max_levels)
      why = "the filter has more than 32 levels";
    else
      why = check_level(level, number, seen);
    ended = level == "#";
    return why.empty();
  });
  return why;
}

/// Fields one behind the other, each with its length, so that no two rule sets read alike.
void append_field(std::string& out, std::string_view field) {
  out.append(std::to_string(field.size())).append(":").append(field);
}

void append_canonical(std::string& out, const topic_rule_spec& spec, const topic_rule& rule) {
  append_field(out, spec.match);
  append_field(out, to_string(rule.cls));
  append_field(out, to_string(rule.level));
  append_field(out, to_string(rule.format));
  append_field(out, spec.schema);
  append_field(out, std::to_string(spec.schema_hash));
  append_field(out, spec.sequence);
  append_field(out, to_string(rule.scope));
  append_field(out, spec.epoch);
  append_field(out, spec.device_time);
}

std::optional<member_path> path_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return *member_path::parse(text);  // check() has parsed it before
}

topic_rule compile_rule(const topic_rule_spec& spec, std::size_t index) {
  topic_rule rule;
  rule.index = index;
  rule.match = spec.match;
  rule.cls = spec.cls;
  rule.level = spec.level.value_or(ack_level::durable);
  rule.format = spec.format;
  rule.schema = spec.schema;
  rule.sequence = path_of(spec.sequence);
  rule.epoch = path_of(spec.epoch);
  rule.device_time = path_of(spec.device_time);
  for_each_level(spec.match, [&](std::string_view level, std::size_t number) {
    if (is_capture(level)) *capture_field(rule, level) = static_cast<std::uint8_t>(number);
    return true;
  });
  // Who names a stream says that the device counts per stream; a wrong guess in this direction
  // leaves gaps in windows, in the other it would take different messages for duplicates.
  const bool has_stream = rule.stream_level != topic_rule::not_captured;
  rule.scope = spec.scope.value_or(has_stream ? sequence_scope::topic : sequence_scope::device);
  return rule;
}

bool shorter_or_less(std::string_view a, std::string_view b) noexcept {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace

std::string_view to_string(payload_format f) noexcept {
  return format_names[static_cast<std::size_t>(f)];
}
std::optional<payload_format> parse_payload_format(std::string_view s) noexcept {
  return find_by_name<payload_format>(format_names, s);
}
std::string_view to_string(sequence_scope s) noexcept {
  return scope_names[static_cast<std::size_t>(s)];
}
std::optional<sequence_scope> parse_sequence_scope(std::string_view s) noexcept {
  return find_by_name<sequence_scope>(scope_names, s);
}

std::vector<topic_rule_fault> topic_rules::check(const topic_rule_spec& spec) {
  std::vector<topic_rule_fault> faults;
  if (std::string why = check_match(spec.match); !why.empty()) {
    faults.push_back({"match", std::move(why)});
  }
  if (spec.level == ack_level::none) {
    faults.push_back({"ack", "is received, durable or committed; QoS 0 is never owed"});
  }
  const bool raw = spec.format == payload_format::raw;
  if (raw && !spec.schema.empty()) faults.push_back({"schema", "format raw is not decoded"});
  for (const auto& [key, text] :
       {std::pair<std::string_view, const std::string&>{"sequence", spec.sequence},
        {"epoch", spec.epoch},
        {"device_time", spec.device_time}}) {
    if (text.empty()) continue;
    if (raw)
      faults.push_back({key, "format raw is not decoded"});
    else if (auto path = member_path::parse(text); !path)
      faults.push_back({key, path.error().detail});
  }
  return faults;
}

result<topic_rules> topic_rules::compile(const std::vector<topic_rule_spec>& specs) {
  if (specs.size() > max_rules) {
    return failure(fault_code::config_invalid, "more than 4096 topic rules");
  }
  topic_rules made;
  made.rules_.clear();
  made.rules_.reserve(specs.size() + 1);
  std::string canonical;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (const auto faults = check(specs[i]); !faults.empty()) {
      return failure(fault_code::config_invalid, "topic rule " + std::to_string(i + 1) + ", " +
                                                     std::string(faults.front().key) + ": " +
                                                     faults.front().detail);
    }
    made.add(specs[i]);
    append_canonical(canonical, specs[i], made.rules_.back());
  }
  topic_rule fallback;
  fallback.index = specs.size();
  made.rules_.push_back(std::move(fallback));
  made.version_ = static_cast<std::uint32_t>(XXH3_64bits(canonical.data(), canonical.size()));
  return made;
}

topic_rules::topic_rules() : rules_(1), nodes_(1) {
  version_ = static_cast<std::uint32_t>(XXH3_64bits("", 0));
}

void topic_rules::add(const topic_rule_spec& spec) {
  const auto number = static_cast<std::uint32_t>(rules_.size());
  rules_.push_back(compile_rule(spec, number));
  std::uint32_t at = 0;
  bool many = false;
  std::size_t depth = 0;
  for_each_level(spec.match, [&](std::string_view level, std::size_t) {
    nodes_[at].lowest = std::min(nodes_[at].lowest, number);
    many = level == "#";
    if (many) return false;
    at = child(at, level);
    ++depth;
    return true;
  });
  node& last = nodes_[at];
  last.lowest = std::min(last.lowest, number);
  std::uint32_t& end = many ? last.ends_many : last.ends;
  end = std::min(end, number);
  deepest_ = std::max(deepest_, depth);
}

std::uint32_t topic_rules::child(std::uint32_t parent, std::string_view level) {
  const auto next = static_cast<std::uint32_t>(nodes_.size());
  if (level == "+" || is_capture(level)) {
    if (nodes_[parent].any != none) return nodes_[parent].any;
    nodes_[parent].any = next;
  } else {
    auto& literals = nodes_[parent].literals;
    const auto it = std::lower_bound(
        literals.begin(), literals.end(), level,
        [](const edge& e, std::string_view l) { return shorter_or_less(e.level, l); });
    if (it != literals.end() && it->level == level) return it->node;
    literals.insert(it, {std::string(level), next});
  }
  nodes_.emplace_back();
  return next;
}

std::uint32_t topic_rules::literal_child(const node& n, std::string_view level) const noexcept {
  const auto it = std::lower_bound(
      n.literals.begin(), n.literals.end(), level,
      [](const edge& e, std::string_view l) { return shorter_or_less(e.level, l); });
  return it != n.literals.end() && it->level == level ? it->node : none;
}

/// Goes where a lower rule than `best` may still be found: a level has at most two ways on, its
/// own text and the wildcard, and the one with the lower rules is tried first.
void topic_rules::search(std::uint32_t at, const levels& parts, std::size_t depth,
                         std::size_t count, std::uint32_t& best) const noexcept {
  const node& n = nodes_[at];
  if (n.lowest >= best) return;
  // A filter that begins with a wildcard does not match $SYS and its like [MQTT-4.7.2-1].
  const bool wildcards = depth != 0 || !parts[0].starts_with('$');
  if (wildcards) best = std::min(best, n.ends_many);
  if (depth == count) {
    best = std::min(best, n.ends);
    return;
  }
  std::uint32_t first = literal_child(n, parts[depth]);
  std::uint32_t second = wildcards ? n.any : none;
  if (first != none && second != none && nodes_[second].lowest < nodes_[first].lowest) {
    std::swap(first, second);
  }
  if (first != none) search(first, parts, depth + 1, count, best);
  if (second != none) search(second, parts, depth + 1, count, best);
}

topic_match topic_rules::match(std::string_view topic) const noexcept {
  levels parts;
  std::size_t count = 0;
  // One level more than any filter has is enough to know that the topic is longer.
  for_each_level(topic, [&](std::string_view level, std::size_t) {
    parts[count++] = level;
    return count <= deepest_;
  });
  auto best = static_cast<std::uint32_t>(rules_.size() - 1);
  search(0, parts, 0, count, best);

  const topic_rule& rule = rules_[best];
  const auto captured = [&](std::uint8_t level) {
    return level == topic_rule::not_captured ? std::string_view{} : parts[level];
  };
  topic_match found{&rule, captured(rule.device_level), {}, captured(rule.tenant_level)};
  if (rule.scope == sequence_scope::topic) {
    found.stream = captured(rule.stream_level);
    if (found.stream.empty()) found.stream = topic;
  }
  return found;
}

}  // namespace fleetgate::model
