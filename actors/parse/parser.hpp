// Turns what a connection read into an envelope: decodes the payload once, takes sequence, epoch
// and device time from where the topic rule says, validates against the rule's schema. The payload
// itself is kept byte for byte. One per shard, on the shard's thread; no clock, no I/O. Allocates
// nothing for JSON once it has seen the largest payload. Limits: payload depth max_payload_depth,
// texts model::max_text_bytes.
#pragma once

#include <cstdint>

#include "actors/contract/inbound_message.hpp"
#include "actors/parse/content_kind.hpp"
#include "actors/parse/json_reader.hpp"
#include "actors/parse/schema.hpp"
#include "actors/parse/wanted_members.hpp"
#include "protocol/model/envelope.hpp"
#include "protocol/model/topic_rules.hpp"

namespace fleetgate::parse {

class parser {
 public:
  /// Both outlive the parser; every message's rule is one of `rules`.
  parser(const model::topic_rules& rules, const schema_set& schemas);

  /// Fills `out`: kind `message`, or `quarantined` with payload_format_invalid, schema_violation,
  /// sequence_invalid or text_too_long: then without the texts that no record holds. Views of `out`
  /// are those of `in`, or constants. Never fails otherwise.
  void parse(const contract::inbound_message& in, model::envelope& out);

  /// For a message over which `parse` threw: quarantined, fault internal.
  void give_up(const contract::inbound_message& in, model::envelope& out) const;

  /// Messages whose device time was there but could not be read (their device time is 0).
  [[nodiscard]] std::uint64_t unreadable_times() const noexcept { return unreadable_times_; }

 private:
  /// `parse`, but for the length of texts.
  void look(const contract::inbound_message& in, model::envelope& out);
  /// The encoding that the payload has been checked to have; `unknown` where it is kept as it is.
  content_kind decode(const contract::inbound_message& in, wanted_members& wanted);
  void fill_device_time(const wanted_members& found, model::envelope& out) noexcept;

  json_reader json_;
  const schema_set& schemas_;
  std::uint32_t rule_version_;
  std::uint64_t unreadable_times_ = 0;
};

}  // namespace fleetgate::parse
