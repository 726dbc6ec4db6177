// What the parser's tests share: a rule set of one rule, and messages as a connection makes them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "actors/contract/inbound_message.hpp"
#include "actors/parse/parser.hpp"
#include "actors/runtime/arena.hpp"
#include "protocol/model/envelope.hpp"

namespace fleetgate::parse {

/// Keeps everything alive that the envelopes it returns point into.
class one_rule {
 public:
  explicit one_rule(model::topic_rule_spec spec = {}) {
    spec.match = "devices/{device}/t";
    auto compiled = model::topic_rules::compile({spec});
    if (!compiled) throw std::invalid_argument(compiled.error().detail);
    rules_ = std::move(*compiled);
    auto loaded = schema_set::load(rules_);
    if (!loaded) throw std::invalid_argument(loaded.error().detail);
    schemas_ = std::move(*loaded);
    parser_ = std::make_unique<parser>(rules_, schemas_);
  }

  /// A message with this payload; the test sets the rest.
  contract::inbound_message message(std::string_view payload) {
    contract::inbound_message in;
    in.topic = "devices/d1/t";
    in.payload = as_bytes(memory_.copy(payload));
    in.rule = &rules_.rules()[0];
    in.device = "d1";
    in.level = model::ack_level::durable;
    in.qos = 1;
    return in;
  }

  model::envelope parse(const contract::inbound_message& in) {
    model::envelope out;
    parser_->parse(in, out);
    return out;
  }
  model::envelope parse(std::string_view payload) { return parse(message(payload)); }

  parser& brain() { return *parser_; }
  const model::topic_rules& rules() const { return rules_; }

 private:
  model::topic_rules rules_;
  schema_set schemas_;
  std::unique_ptr<parser> parser_;
  runtime::arena memory_;
};

inline model::topic_rule_spec with_format(model::payload_format format) {
  model::topic_rule_spec spec;
  spec.format = format;
  return spec;
}

/// Sequence at $.seq, epoch at $.boot, device time at $.ts.
inline model::topic_rule_spec with_paths(
    model::payload_format format = model::payload_format::automatic) {
  model::topic_rule_spec spec = with_format(format);
  spec.sequence = "$.seq";
  spec.epoch = "$.boot";
  spec.device_time = "$.ts";
  return spec;
}

inline bool is_quarantined_as(const model::envelope& e, fault_code why) {
  return e.kind == model::record_kind::quarantined && e.fault == why;
}

}  // namespace fleetgate::parse
