// The parser of one shard: drains what its connections put together, decodes, and hands the journal
// batches of one class each. Runs on its shard.
//   (wake_atom)            the shard's intake has mail, or the journal has room again
//   (flush_atom) -> bool   hand over what is there; true where nothing is left
// Limit: one batch a class that the journal has not taken; then the intake fills and connections
// pause.
#pragma once

#include <array>

#include "actors/contract/journal_mail.hpp"
#include "actors/contract/shard_intake.hpp"
#include "actors/observe/log.hpp"
#include "actors/observe/probes.hpp"
#include "actors/parse/parser.hpp"
#include "actors/runtime/actor_body.hpp"

namespace fleetgate::parse {

using flush_atom = caf::atom_constant<caf::atom("flush")>;

class parser_actor final : public runtime::actor_body {
 public:
  parser_actor(contract::shard_intake& intake, contract::journal_mail& journal,
               const model::topic_rules& rules, const schema_set& schemas,
               observe::parse_probe& probe, observe::logger& log);
  const char* name() const override { return "parser"; }

 private:
  caf::behavior make_behavior() override;
  void turn();
  [[nodiscard]] bool holds_nothing() const;
  bool make_batch(model::traffic_class cls);
  void take(contract::envelope_batch& batch, const contract::inbound_item& item);
  bool hand_over(model::traffic_class cls);

  contract::shard_intake& intake_;
  contract::journal_mail& journal_;
  observe::parse_probe& probe_;
  observe::logger& log_;
  parser brain_;
  std::array<contract::envelope_batch_ptr, model::traffic_class_count>
      batches_;  // not handed over yet
};

}  // namespace fleetgate::parse
