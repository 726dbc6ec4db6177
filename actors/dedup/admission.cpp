#include "actors/dedup/admission.hpp"

#include <utility>

#include "actors/dedup/identity.hpp"

namespace fleetgate::dedup {
namespace {

/// What a record is beside its topic and payload, about.
constexpr std::uint64_t record_overhead_bytes = 192;

}  // namespace

admitted admit(dedup& brain, contract::envelope_batch_ptr batch, pressure how, std::uint64_t now_ns,
               std::vector<model::receipt>& receipts, const verdict_visitor& visit) {
  admitted out;
  out.request.items.reserve(batch->envelopes.size());
  bool is_split = false;  // of what waited before, the rest waits on, in its order
  for (std::uint32_t i = 0; i < batch->envelopes.size(); ++i) {
    model::envelope& e = batch->envelopes[i];
    const std::uint64_t counted = model::is_message(e.kind) ? 1 : 0;
    const std::size_t answered = receipts.size();
    waiting_room& room = brain.room_of(batch->cls, e.level);
    const bool waited = how == pressure::in_turn;
    const bool has_room = waited ? !is_split : how == pressure::none && room.empty();
    bool goes_on = false;
    const bool in_need =
        how == pressure::gives_way && e.kind == model::record_kind::message && e.qos != 2;
    // Whoever speaks another protocol than MQTT waits as well: a round has its size.
    if (in_need && is_owed(e)) e.waits_for_room = true;
    if (in_need && !is_owed(e)) {
      brain.give_up(e, fault_code::mailbox_full, receipts);
    } else if (const auto ticket = brain.decide(e, now_ns, receipts, has_room)) {
      if (*ticket == dedup::no_room) {
        model::envelope* const waits = room.find_resent(e);
        if (waits == nullptr) {
          if (waited)
            room.put_back(*batch, e, !std::exchange(is_split, true));
          else
            room.put(*batch, e);
          out.put_aside += counted;
          continue;
        }
        brain.wait_instead(*waits, e, receipts);
      } else {
        goes_on = true;
        out.request.items.push_back({i, *ticket});
        out.bytes += record_overhead_bytes + e.topic.size() + e.payload.size();
      }
    }
    out.messages += counted;
    if (goes_on) out.passed_on += counted;
    visit(e, goes_on, std::span(receipts).subspan(answered));
  }
  out.request.batch = std::move(batch);
  return out;
}

}  // namespace fleetgate::dedup
