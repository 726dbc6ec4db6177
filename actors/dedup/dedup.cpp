#include "actors/dedup/dedup.hpp"

#include <algorithm>
#include <utility>

#include "actors/dedup/identity.hpp"

namespace fleetgate::dedup {
namespace {

constexpr std::size_t expiries_per_tick = 4096;

}  // namespace

dedup::dedup(const dedup_limits& limits, contract::state_store* store)
    : limits_(limits),
      store_(store),
      windows_(limits_, store, counters_),
      sessions_(limits_, counters_),
      quarantine_(limits_),
      key_(limits_.hash_seed) {}

std::optional<std::uint64_t> dedup::decide(model::envelope& e, std::uint64_t now_ns,
                                           receipt_list& receipts, bool has_room) {
  has_room_ = has_room;
  ticket given;
  switch (e.kind) {
    case model::record_kind::message:
      given = decide_message(e, receipts);
      break;
    case model::record_kind::quarantined:
      given = decide_quarantined(e, receipts);
      break;
    case model::record_kind::release:
      given = decide_release(e, receipts);
      break;
    case model::record_kind::session_open:
      given = decide_open(e, now_ns, receipts);
      break;
    case model::record_kind::session_close:
      given = decide_close(e, now_ns, receipts);
      break;
  }
  counters_.pending = pending_.size();
  return given;
}

void dedup::give_up(model::envelope& e, fault_code why, receipt_list& receipts) {
  if (e.trace == model::trace_id{}) {
    key_.set_to(e);
    e.trace = derive_trace(e, key_.name());
  }
  if (e.level != model::ack_level::received) {
    refuse(e, why, receipts);
    return;
  }
  // It was taken into memory, and that is all that this level says.
  answer(e, model::outcome::stored, receipts);
  count_refusal(e.kind, false, e.cls, why);
}

void dedup::wait_instead(model::envelope& waits, const model::envelope& e, receipt_list& receipts) {
  answer(waits, model::outcome::superseded, receipts);
  ++counters_.superseded;
  ++counters_.duplicate_waiting;
  waits.connection = e.connection;
  waits.packet_id = e.packet_id;
  waits.charged_bytes = e.charged_bytes;
  waits.received_steady_ns = e.received_steady_ns;
  waits.dup = e.dup;
}

bool dedup::takes(model::traffic_class cls, std::size_t more) const noexcept {
  constexpr std::size_t kept_part = 16;
  const std::size_t kept = model::is_urgent(cls) ? 0 : limits_.pending / kept_part;
  const std::size_t most = limits_.pending - kept;
  return pending_.size() + more <= most;
}

bool dedup::takes_committed(std::size_t more) const noexcept {
  constexpr std::size_t part = 2;
  return committed_ + more <= limits_.pending / part;
}

bool dedup::takes(const contract::envelope_batch& waited) const noexcept {
  const std::size_t count = waited.envelopes.size();
  const bool committed = waited.envelopes.front().level == model::ack_level::committed;
  return takes(waited.cls, count) && (!committed || takes_committed(count));
}

/// A mark may take any place that is left.
bool dedup::has_place(const model::envelope& e) const noexcept {
  if (!model::is_message(e.kind)) return !full();
  return takes(e.cls, 1) && (e.level != model::ack_level::committed || takes_committed(1));
}

void dedup::settle(const contract::settlement& s, receipt_list& receipts) {
  const std::uint32_t slot = pending_.find_ticket(s.ticket);
  if (slot == no_slot) return;
  finish(slot, s, receipts);
  counters_.pending = pending_.size();
}

void dedup::on_time(std::uint64_t now_ns) {
  sessions_.expire(now_ns, expiries_per_tick);
  windows_.on_time(now_ns);
}

bool dedup::snapshot_due() const noexcept {
  return windows_.short_of_clean();
}

waiter dedup::waiter_of(const model::envelope& e, session* s) {
  waiter w;
  w.answer.to = e.connection;
  w.answer.kind = e.kind;
  w.answer.cls = e.cls;
  w.answer.qos = e.qos;
  w.answer.packet_id = e.packet_id;
  w.answer.bytes = e.charged_bytes;
  w.answer.received_steady_ns = e.received_steady_ns;
  w.owed = true;
  if (s != nullptr) {
    w.of = s;
    sessions_.pin(*s);
  }
  return w;
}

dedup::ticket dedup::answer(const model::envelope& e, model::outcome result,
                            receipt_list& receipts) {
  receipts.push_back(waiter_of(e, nullptr).answer);
  receipts.back().result = result;
  return std::nullopt;
}

dedup::ticket dedup::refuse(const model::envelope& e, fault_code why, receipt_list& receipts) {
  answer(e, model::outcome::refused, receipts);
  receipts.back().fault = why;
  ++counters_.refused;
  count_refusal(e.kind, is_owed(e), e.cls, why);
  return std::nullopt;
}

void dedup::count_refusal(model::record_kind kind, bool promised, model::traffic_class cls,
                          fault_code why) noexcept {
  const auto fault = static_cast<std::size_t>(why);
  const bool message = model::is_message(kind);
  ++refusals_.total;
  if (message) ++refusals_.all_messages;
  ++(!message   ? refusals_.marks[fault]
     : promised ? refusals_.messages[fault]
                : refusals_.given_up[model::index(cls)][fault]);
}

/// Notes an envelope that gets a ticket. The caller has made sure that there is a place.
std::uint32_t dedup::append(const model::envelope& e, session* s) {
  pending p;
  p.kind = e.kind;
  p.promised = is_owed(e);
  p.committed = e.kind == model::record_kind::message && e.level == model::ack_level::committed;
  if (p.committed) ++committed_;
  p.floor_lsn = settled_lsn_;
  p.first = waiter_of(e, s);
  ++counters_.accepted;
  return pending_.add(p);
}

bool dedup::may_wait_for(std::uint32_t slot) {
  return pending_.waiters_to_change(slot).size() < limits_.waiters_per_entry;
}

bool dedup::wait_for(std::uint32_t slot, const model::envelope& e, session* s,
                     receipt_list& receipts) {
  supersede_others(slot, e, receipts);
  if (!may_wait_for(slot)) {
    refuse(e, fault_code::server_busy, receipts);
    return false;
  }
  pending_.waiters_to_change(slot).push_back(waiter_of(e, s));
  return true;
}

/// The newest connection waits; the others are told that they do not. What their sessions hold
/// stays noted: the message is the same.
void dedup::supersede_others(std::uint32_t slot, const model::envelope& e, receipt_list& receipts) {
  const auto leave = [&](waiter& w) {
    if (!w.owed || w.answer.to == e.connection) return;
    w.answer.result = model::outcome::superseded;
    receipts.push_back(w.answer);
    w.owed = false;
    ++counters_.superseded;
  };
  leave(pending_.at(slot).first);
  auto& waiters = pending_.waiters_to_change(slot);
  for (waiter& w : waiters) leave(w);
  waiters.erase(std::remove_if(waiters.begin(), waiters.end(),
                               [](const waiter& w) { return !w.owed && w.of == nullptr; }),
                waiters.end());
}

void dedup::finish(std::uint32_t slot, const contract::settlement& s, receipt_list& receipts) {
  pending& p = pending_.at(slot);
  std::vector<waiter> others = pending_.take_waiters(slot);
  if (s.stored) {
    settled_lsn_ = std::max(settled_lsn_, s.at.lsn);
  } else {
    count_refusal(p.kind, p.promised, p.first.answer.cls, s.fault);
  }
  model::receipt fate;
  fate.result = s.stored ? model::outcome::stored : model::outcome::refused;
  fate.fault = s.fault;
  if (s.stored && p.kind == model::record_kind::quarantined) {
    fate.result = model::outcome::quarantined;
    fate.fault = p.fault;
  }
  finish_state(p, slot, s);
  const auto tell = [&](waiter& w) {
    if (w.owed) {
      w.answer.result = fate.result;
      w.answer.fault = fate.fault;
      // One receipt `stored` for each record, so that receipts can be counted against records.
      if (fate.result == model::outcome::stored && std::exchange(p.counted, true)) {
        w.answer.result = model::outcome::duplicate;
      }
      receipts.push_back(w.answer);
    }
    finish_waiter(w, slot, s.stored);
  };
  tell(p.first);
  for (waiter& w : others) tell(w);
  if (p.committed) --committed_;
  pending_.remove(slot);
}

void dedup::finish_state(pending& p, std::uint32_t slot, const contract::settlement& s) {
  switch (p.kind) {
    case model::record_kind::message:
      finish_message(p, slot, s.stored, s.at.lsn);
      break;
    case model::record_kind::quarantined:
      if (p.bad == nullptr) break;
      if (s.stored) {
        quarantine_.settled(*p.bad);
      } else {
        quarantine_.refused(*p.bad);
      }
      break;
    case model::record_kind::release:
    case model::record_kind::session_open:
      finish_mark(p, slot, s.stored);
      break;
    case model::record_kind::session_close:
      break;
  }
}

void dedup::finish_message(pending& p, std::uint32_t slot, bool stored, std::uint64_t lsn) {
  if (p.where != nullptr) {
    if (epoch_memory* const m = p.where->find(p.epoch, p.epoch_from); stored && m != nullptr) {
      m->note(p.sequence, payload_memory::fold(p.payload_hash), p.promised, limits_);
      p.where->reached(lsn);
      windows_.changed(*p.where);
    }
  }
  session* const s = p.first.of;
  if (!p.has_redelivery) return;
  redelivery* const d = s->delivery(p.redelivery);
  if (d == nullptr || d->slot != slot) return;
  d->slot = no_slot;
  if (!stored) d->packet_id = 0;
  sessions_.changed(*s);
}

void dedup::finish_mark(pending& p, std::uint32_t slot, bool stored) {
  session& s = *p.first.of;
  if (p.kind == model::record_kind::release) {
    held_id* const h = s.held(p.first.answer.packet_id);
    if (h == nullptr || h->release != slot) return;
    h->release = no_slot;
    if (stored || (!h->stored && h->slot == no_slot)) s.let_go(h->packet_id);
    sessions_.changed(s);
    return;
  }
  if (s.opening != slot) return;  // another open came after it
  s.opening = no_slot;
  if (stored) {
    s.known_durably = s.expiry_s != 0;
    sessions_.changed(s);
  } else if (s.connection == p.first.answer.to) {
    // The connection is refused; what was kept before is kept on, from the next sweep's time.
    sessions_.disconnected(s, 0);
    if (!s.known_durably) sessions_.end(s);
  }
}

/// Resolves what a waiting QoS 2 message's session holds.
void dedup::finish_waiter(const waiter& w, std::uint32_t slot, bool stored) {
  if (w.of == nullptr) return;
  session& s = *w.of;
  if (w.answer.kind == model::record_kind::message && w.answer.qos == 2) {
    held_id* const h = s.held(w.answer.packet_id);
    if (h != nullptr && h->slot == slot) {
      h->slot = no_slot;
      h->stored = stored;
      if (!stored && h->release == no_slot) s.let_go(w.answer.packet_id);
      sessions_.changed(s);
    }
  }
  sessions_.unpin(s);
}

}  // namespace fleetgate::dedup
