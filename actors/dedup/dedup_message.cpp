// Whether a message is known: by its packet id, by its sequence. The table of verdicts stands in
// docs/adr/0003-dedup.md.
#include "actors/dedup/dedup.hpp"
#include "actors/dedup/identity.hpp"

namespace fleetgate::dedup {
struct dedup::verdict {
  enum class kind : std::uint8_t {
    fresh,       // not known: accept
    known,       // a duplicate of something settled
    waiting,     // a duplicate of what is pending at `slot`
    different,   // its key is known with another payload
    unknown,     // too old to tell
    windowless,  // no window for it before the next snapshot is stored
  };
  kind is = kind::fresh;
  std::uint32_t slot = no_slot;
  window* where = nullptr;
};

dedup::ticket dedup::decide_message(model::envelope& e, receipt_list& receipts) {
  session* s = nullptr;
  std::uint64_t content = 0;
  verdict v;
  if (e.qos == 2 || (e.qos == 1 && !e.sequence)) {
    s = sessions_.find(e.client_id);
    // What came over a connection that is gone, and waited, is still of a session without one.
    const bool is_anothers = s != nullptr && s->connection != e.connection &&
                             (e.qos == 2 || s->connection.generation != 0);
    if (is_anothers) s = nullptr;
    if (s == nullptr && e.qos == 2) return refuse(e, fault_code::session_taken_over, receipts);
    if (s != nullptr && e.qos == 1 && s->expiry_s == 0) s = nullptr;
    if (s != nullptr) {
      content = content_hash(e);
      v = judge_delivery(e, s, content);
    }
  }
  const bool by_packet = v.is != verdict::kind::fresh;
  if (e.sequence) {
    key_.set_to(e);
    if (!by_packet) v = judge_sequence(e);
  }
  const bool is_known = v.is == verdict::kind::known || v.is == verdict::kind::waiting;
  if (!is_known && must_wait(e)) return no_room;  // it has no epoch yet, and so no trace
  if (v.is == verdict::kind::windowless) {
    return e.waits_for_room ? ticket(no_room) : refuse(e, fault_code::server_busy, receipts);
  }
  if (e.trace == model::trace_id{}) e.trace = derive_trace(e, key_.name());
  switch (v.is) {
    case verdict::kind::fresh:
    case verdict::kind::different:
    case verdict::kind::unknown:
      return accept(e, v.where, s, content, receipts);
    case verdict::kind::known:
      if (!answer_known(e, s, content, receipts)) return std::nullopt;
      ++(!by_packet   ? counters_.duplicate_settled
         : e.qos == 2 ? counters_.qos2_duplicate
                      : counters_.redelivered);
      return std::nullopt;
    case verdict::kind::waiting:
    case verdict::kind::windowless:
      break;
  }
  if (!is_owed(e)) {
    // Nothing is promised at this level, so there is nothing to wait for.
    ++counters_.duplicate_settled;
    return answer(e, model::outcome::duplicate, receipts);
  }
  const bool holds = e.qos == 2 && !by_packet;
  if (holds && s->held(e.packet_id) == nullptr && !sessions_.may_hold(*s)) {
    return refuse(e, fault_code::quota_exceeded, receipts);
  }
  if (!wait_for(v.slot, e, e.qos == 2 ? s : nullptr, receipts)) return std::nullopt;
  ++counters_.duplicate_waiting;
  if (holds) s->hold_id({content, v.slot, no_slot, e.packet_id, false});
  return std::nullopt;
}

/// MQTT's own evidence: the packet id, as long as its session has not given it back.
dedup::verdict dedup::judge_delivery(const model::envelope& e, session* s, std::uint64_t content) {
  using kind = verdict::kind;
  if (e.qos == 2) {
    const held_id* const h = s->held(e.packet_id);
    if (h == nullptr) return {};
    if (h->content != content) {
      ++counters_.qos2_conflict;
      return {};
    }
    if (h->stored) return {kind::known, no_slot, nullptr};
    return h->slot == no_slot ? verdict{} : verdict{kind::waiting, h->slot, nullptr};
  }
  if (!e.dup) return {};
  const redelivery* const d = s->find_delivery(e.packet_id);
  if (d == nullptr || d->content != content) return {};
  return d->slot != no_slot ? verdict{kind::waiting, d->slot, nullptr}
                            : verdict{kind::known, no_slot, nullptr};
}

dedup::verdict dedup::judge_sequence(model::envelope& e) {
  window* const w = windows_.open(key_.text(), key_.place());
  if (w == nullptr && is_owed(e) && !has_windows(e.cls)) return {verdict::kind::windowless};
  if (w == nullptr && !must_wait(e)) ++counters_.windows_refused;
  if (e.epoch_from == model::epoch_origin::device) {
    return w == nullptr ? verdict{} : judge_device_epoch(*w, e);
  }
  e.epoch_from = model::epoch_origin::inferred;
  if (w != nullptr) return judge_inferred_epoch(*w, e);
  e.epoch = infer_epoch(e, 0);
  return {};
}

dedup::verdict dedup::judge_device_epoch(window& w, const model::envelope& e) {
  epoch_memory* m = w.use(e.epoch, model::epoch_origin::device);
  if (m == nullptr && w.retired(e.epoch)) {
    ++counters_.older_epoch;
    return {};
  }
  if (m == nullptr) {
    if (!w.empty()) ++counters_.new_epoch_device;
    m = &w.begin(e.epoch, model::epoch_origin::device);
    windows_.changed(w);
  }
  verdict v = judge_in(*m, w, e);
  if (v.is == verdict::kind::unknown && !must_wait(e)) ++counters_.below_window;
  v.where = &w;
  return v;
}

dedup::verdict dedup::judge_inferred_epoch(window& w, model::envelope& e) {
  using kind = verdict::kind;
  const epoch_memory* const current = w.use_inferred();
  if (current == nullptr) {
    if (must_wait(e)) return {kind::fresh, no_slot, &w};
    start_inferred_epoch(w, e, 0);
    return {kind::fresh, no_slot, &w};
  }
  e.epoch = current->id();
  verdict v = judge_in(*current, w, e);
  v.where = &w;
  if (v.is == kind::known || v.is == kind::waiting) return v;
  if (const epoch_memory* const before = w.previous_inferred()) {
    e.epoch = before->id();
    verdict earlier = judge_in(*before, w, e);
    if (earlier.is == kind::known || earlier.is == kind::waiting) return earlier;
    e.epoch = current->id();
  }
  if (v.is != kind::fresh && must_wait(e)) return v;
  // A keyed sink would take the same key for the same row, so where there is doubt the message
  // gets a key of its own.
  if (v.is == kind::unknown) ++counters_.below_window;
  if (v.is != kind::fresh) start_inferred_epoch(w, e, current->id());
  return v;
}

/// What is settled and what is pending in one epoch say about this message, whose epoch is that.
dedup::verdict dedup::judge_in(const epoch_memory& m, window& w, const model::envelope& e) const {
  using kind = verdict::kind;
  const bool owed = is_owed(e);
  const auto slot = pending_.find(&w, m.id(), *e.sequence, owed);
  const auto any = slot != no_slot || !owed ? slot : pending_.find(&w, m.id(), *e.sequence, false);
  if (any != no_slot && m.inferred() && pending_.at(any).payload_hash != e.payload_hash) {
    return {kind::different, no_slot, nullptr};
  }
  if (slot != no_slot) return {kind::waiting, slot, nullptr};
  switch (m.look(*e.sequence, payload_memory::fold(e.payload_hash), owed)) {
    case evidence::none:
      break;
    case evidence::same:
      return {kind::known, no_slot, nullptr};
    case evidence::different:
      return {kind::different, no_slot, nullptr};
    case evidence::unknown:
      return {kind::unknown, no_slot, nullptr};
  }
  return {};
}

void dedup::start_inferred_epoch(window& w, model::envelope& e, std::uint64_t previous) {
  e.epoch = infer_epoch(e, previous);
  if (previous != 0) ++counters_.new_epoch_inferred;
  w.begin(e.epoch, model::epoch_origin::inferred);
  windows_.changed(w);
}

dedup::ticket dedup::accept(const model::envelope& e, window* where, session* s,
                            std::uint64_t content, receipt_list& receipts) {
  if (!has_place(e)) return refuse(e, fault_code::server_busy, receipts);
  if (e.qos == 2 && s->held(e.packet_id) == nullptr && !sessions_.may_hold(*s)) {
    return refuse(e, fault_code::quota_exceeded, receipts);
  }
  const std::uint32_t slot = append(e, s);
  pending& p = pending_.at(slot);
  p.payload_hash = e.payload_hash;
  if (where != nullptr) {
    p.epoch = e.epoch;
    p.epoch_from = e.epoch_from;
    p.sequence = *e.sequence;
    pending_.index(slot, *where);
  }
  if (e.level == model::ack_level::received) {
    p.first.owed = false;
    p.counted = true;
    answer(e, model::outcome::stored, receipts);
  }
  if (e.qos == 2) {
    s->hold_id({content, slot, no_slot, e.packet_id, false});
  } else if (s != nullptr) {
    p.redelivery = s->note_delivery({content, slot, e.packet_id}, limits_.redeliveries);
    p.has_redelivery = true;
  }
  return p.ticket;
}

/// Recognised by its sequence, a QoS 2 message still holds its packet id until its PUBREL.
bool dedup::answer_known(const model::envelope& e, session* s, std::uint64_t content,
                         receipt_list& receipts) {
  if (e.qos == 2) {
    const held_id* const h = s->held(e.packet_id);
    if (h == nullptr && !sessions_.may_hold(*s)) {
      refuse(e, fault_code::quota_exceeded, receipts);
      return false;
    }
    if (h == nullptr || h->content != content) {
      s->hold_id({content, no_slot, no_slot, e.packet_id, true});
      sessions_.changed(*s);
    }
  }
  answer(e, model::outcome::duplicate, receipts);
  return true;
}

}  // namespace fleetgate::dedup
