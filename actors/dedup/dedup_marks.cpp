// Sessions, releases and quarantined payloads on their way through dedup.
#include <algorithm>

#include "actors/dedup/dedup.hpp"
#include "actors/dedup/identity.hpp"

namespace fleetgate::dedup {

dedup::ticket dedup::decide_quarantined(model::envelope& e, receipt_list& receipts) {
  if (e.trace == model::trace_id{}) {
    key_.set_to(e);
    e.trace = derive_trace(e, key_.name());
  }
  quarantine_key(e, scratch_);
  if (const quarantine_entry* const known = quarantine_.find(scratch_)) {
    if (!known->settled && may_wait_for(known->slot)) {
      if (wait_for(known->slot, e, nullptr, receipts)) ++counters_.quarantine_repeats;
      return std::nullopt;
    }
    // Beyond what may wait, a copy more is kept: that is better than to send its device away.
    if (!known->settled) return full() ? refuse(e, fault_code::server_busy, receipts) : keep_bad(e);
    ++counters_.quarantine_repeats;
    answer(e, model::outcome::quarantined, receipts);
    receipts.back().fault = e.fault;  // by the rules and schemas of now
    return std::nullopt;
  }
  if (full()) return refuse(e, fault_code::server_busy, receipts);
  const ticket kept = keep_bad(e);
  const std::uint32_t slot = pending_.find_ticket(*kept);
  pending& p = pending_.at(slot);
  p.bad = quarantine_.add(scratch_, e.fault);
  if (p.bad != nullptr) p.bad->slot = slot;
  return kept;
}

dedup::ticket dedup::keep_bad(const model::envelope& e) {
  pending& p = pending_.at(append(e, nullptr));
  p.fault = e.fault;
  return p.ticket;
}

void dedup::tell_taken_over(const session& s, receipt_list& receipts) {
  model::receipt lost;
  lost.to = s.connection;
  lost.result = model::outcome::taken_over;
  lost.fault = fault_code::session_taken_over;
  lost.kind = model::record_kind::session_open;
  receipts.push_back(lost);
  ++counters_.taken_over;
}

/// Only by windows in memory: names from outside bring nothing in and push nothing out. Nor is a
/// window looked for that another tenant's rule would have given this stream: what is not found is
/// not claimed.
void dedup::tell_settled(const model::envelope& open, receipt_list& receipts) {
  model::envelope of;
  of.device = open.client_id;
  std::string_view left = open.session.resume;
  for (std::uint16_t number = 0; !left.empty(); ++number) {
    of.stream = left.substr(0, left.find('\0'));
    left.remove_prefix(std::min(left.size(), of.stream.size() + 1));
    key_.set_to(of);
    const window* const w = windows_.peek(key_.text(), key_.place());
    const auto* const memory =
        w == nullptr ? nullptr : w->find(open.epoch, model::epoch_origin::device);
    const auto up_to = memory == nullptr ? std::nullopt : memory->settled_up_to();
    if (!up_to) continue;
    answer(open, model::outcome::resumed, receipts);
    receipts.back().packet_id = number;
    receipts.back().number = *up_to;
  }
}

/// MQTT 5.0 section 3.1.4: a known client id is taken over; clean start discards what was kept.
/// Only what must outlive this process needs a mark: a session that is kept as it was needs none.
/// One that has ended without a mark (its time was over, or it made room) is still on disk, so the
/// mark of the next says that it begins anew, whatever its client asked for.
dedup::ticket dedup::decide_open(model::envelope& e, std::uint64_t now_ns, receipt_list& receipts) {
  session* s = sessions_.find(e.client_id);
  if (e.session.only_if_known && s == nullptr && !windows_.may_know(e.client_id)) {
    return refuse(e, fault_code::server_busy, receipts);
  }
  tell_settled(e, receipts);
  const bool was_kept = s != nullptr && s->expiry_s != 0;
  const bool alive = was_kept && !sessions_.expired(*s, now_ns);
  const bool resumes = alive && !e.session.clean_start;
  const std::uint32_t expiry_s = e.session.expiry_interval_s;
  const bool unchanged =
      resumes && s->known_durably && s->opening == no_slot && s->expiry_s == expiry_s;
  const bool needs_mark = !unchanged && (was_kept || expiry_s != 0);
  if (needs_mark && full()) return refuse(e, fault_code::server_busy, receipts);
  s = sessions_.open(e.client_id);
  if (s == nullptr) return refuse(e, fault_code::quota_exceeded, receipts);
  if (s->connection.generation != 0 && s->connection != e.connection) {
    tell_taken_over(*s, receipts);
  }
  if (!resumes) {
    s->discard();
    s->known_durably = false;
  }
  sessions_.connected(*s, e.connection);
  s->expiry_s = expiry_s;
  s->opening = no_slot;
  if (!unchanged) sessions_.changed(*s);
  if (!needs_mark) {
    answer(e, model::outcome::stored, receipts);
    receipts.back().session_present = resumes;
    receipts.back().number = ++opens_;
    return std::nullopt;
  }
  e.session.clean_start = !resumes;
  s->opening = append(e, s);
  pending& p = pending_.at(s->opening);
  p.first.answer.session_present = resumes;
  p.first.answer.number = ++opens_;
  return p.ticket;
}

dedup::ticket dedup::decide_close(const model::envelope& e, std::uint64_t now_ns,
                                  receipt_list& receipts) {
  session* const s = sessions_.find(e.client_id);
  if (s == nullptr || s->connection != e.connection) {
    return answer(e, model::outcome::stored, receipts);
  }
  const bool was_kept = s->expiry_s != 0;
  if (was_kept && e.session.expiry_interval_s != 0) {
    if (s->expiry_s != e.session.expiry_interval_s) {
      s->expiry_s = e.session.expiry_interval_s;
      sessions_.changed(*s);
    }
    sessions_.disconnected(*s, now_ns);
    return answer(e, model::outcome::stored, receipts);
  }
  if (!was_kept) {
    sessions_.end(*s);
    return answer(e, model::outcome::stored, receipts);
  }
  if (full()) {
    // Without its mark the end would not last: the session stays until it expires.
    sessions_.disconnected(*s, now_ns);
    return refuse(e, fault_code::server_busy, receipts);
  }
  sessions_.end(*s);
  return pending_.at(append(e, nullptr)).ticket;
}

dedup::ticket dedup::decide_release(const model::envelope& e, receipt_list& receipts) {
  session* const s = sessions_.find(e.client_id);
  if (s == nullptr || s->connection != e.connection) {
    return refuse(e, fault_code::session_taken_over, receipts);
  }
  held_id* const h = s->held(e.packet_id);
  if (h == nullptr) return refuse(e, fault_code::packet_identifier_not_found, receipts);
  if (h->release != no_slot) {
    wait_for(h->release, e, nullptr, receipts);
    return std::nullopt;
  }
  if (must_wait(e)) return no_room;
  if (full()) return refuse(e, fault_code::server_busy, receipts);
  h->release = append(e, s);
  return pending_.at(h->release).ticket;
}

model::connection_ref dedup::connection_of(std::string_view client_id) noexcept {
  const session* s = sessions_.find(client_id);
  return s == nullptr ? model::connection_ref{} : s->connection;
}

}  // namespace fleetgate::dedup
