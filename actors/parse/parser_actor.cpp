#include "actors/parse/parser_actor.hpp"

#include <algorithm>
#include <caf/behavior.hpp>
#include <exception>
#include <new>
#include <utility>

#include "actors/runtime/clock.hpp"

namespace fleetgate::parse {
namespace {

observe::payload_format format_of(std::string_view content_type) noexcept {
  if (content_type == "application/json") return observe::payload_format::json;
  if (content_type == "application/msgpack") return observe::payload_format::messagepack;
  return observe::payload_format::raw;
}

}  // namespace

parser_actor::parser_actor(contract::shard_intake& intake, contract::journal_mail& journal,
                           const model::topic_rules& rules, const schema_set& schemas,
                           observe::parse_probe& probe, observe::logger& log)
    : intake_(intake), journal_(journal), probe_(probe), log_(log), brain_(rules, schemas) {}

caf::behavior parser_actor::make_behavior() {
  return {
      [this](runtime::wake_atom) { turn(); },
      [this](flush_atom) {
        turn();
        return holds_nothing();
      },
  };
}

bool parser_actor::holds_nothing() const {
  return std::all_of(batches_.begin(), batches_.end(), [](const auto& b) { return !b; });
}

void parser_actor::turn() {
  journal_.room[intake_.shard].changed.lower();
  const std::uint64_t start_ns = runtime::steady_now_ns();
  for (const auto cls : model::all_traffic_classes) {
    bool blocked = batches_[model::index(cls)] && !hand_over(cls);
    if (!blocked) intake_.seal(cls);
    while (!blocked && !intake_.sealed[model::index(cls)].empty()) blocked = !make_batch(cls);
  }
  intake_.to_parser.doze();
  probe_.duration.record(runtime::steady_now_ns() - start_ns);
}

/// One part of what has come, together with the memory it lies in. False: the journal is full.
bool parser_actor::make_batch(model::traffic_class cls) {
  auto& parts = intake_.sealed[model::index(cls)];
  contract::shard_intake::part part = std::move(parts.front());
  parts.pop_front();
  auto& batch = batches_[model::index(cls)];
  batch = std::make_unique<contract::envelope_batch>();
  batch->cls = cls;
  batch->envelopes.reserve(part.items);
  intake_.to_parser.read_lane(cls, part.items,
                              [&](const contract::inbound_item& item) { take(*batch, item); });
  batch->memory = std::move(part.memory);
  batch->charge = std::move(part.charge);
  batch->shard = intake_.shard;
  batch->messages_so_far = intake_.account.now.batched[model::index(cls)];
  // Before the journal can count any of them.
  intake_.account.publish();
  return hand_over(cls);
}

void parser_actor::take(contract::envelope_batch& batch, const contract::inbound_item& item) {
  if (item.mark != nullptr) {
    batch.envelopes.push_back(*item.mark);
    return;
  }
  auto& envelope = batch.envelopes.emplace_back();
  try {
    brain_.parse(*item.message, envelope);
  } catch (const std::bad_alloc&) {
    throw;  // that is no fault of the message
  } catch (const std::exception& e) {
    log_.error("message.broken", {{"reason", e.what()},
                                  {"topic", item.message->topic},
                                  {"why", "a fault of this program; it is in the quarantine"}});
    brain_.give_up(*item.message, envelope);  // kept apart: the device would send it for ever
  }
  envelope.charged_bytes = item.message->charged_bytes;
  envelope.waits_for_room = item.message->waits_for_room;
  ++intake_.account.now.batched[model::index(batch.cls)];
  ++probe_.messages[format_of(envelope.content_type)];
  if (envelope.kind == model::record_kind::quarantined) ++probe_.quarantined[envelope.fault];
}

/// False: the journal is full; it wakes us when it has room.
bool parser_actor::hand_over(model::traffic_class cls) {
  auto& batch = batches_[model::index(cls)];
  const std::size_t bytes = batch->charge.bytes();
  if (journal_.batches.post(cls, batch, bytes)) return true;
  journal_.room[intake_.shard].wanted.store(true);
  return journal_.batches.post(cls, batch, bytes);
}

}  // namespace fleetgate::parse
