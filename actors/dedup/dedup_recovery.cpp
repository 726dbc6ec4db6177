// Snapshot, and the way back from it. What makes it right: a snapshot covers an lsn only when
// everything up to it is settled and noted; and noting a record again, on top of anything later,
// changes nothing.
#include <algorithm>
#include <charconv>
#include <limits>

#include "actors/dedup/dedup.hpp"
#include "actors/dedup/identity.hpp"
#include "actors/dedup/snapshot_owner.hpp"

namespace fleetgate::dedup {
namespace {

constexpr std::size_t quarantined_per_part = 4096;

}  // namespace

std::array<model::position, model::lane_count> dedup::nobody_required() noexcept {
  std::array<model::position, model::lane_count> passed{};
  passed.fill(
      {std::numeric_limits<std::uint32_t>::max(), std::numeric_limits<std::uint64_t>::max()});
  return passed;
}

result<restored_snapshot> dedup::restore(const std::optional<model::spool_uuid>& there) {
  restored_snapshot found;
  if (store_ == nullptr) return found;
  const auto foreign = is_foreign(*store_, there);
  if (!foreign) return tl::unexpected(foreign.error());
  if (*foreign) {
    const auto removed = remove_messages(*store_);
    if (!removed) return tl::unexpected(removed.error());
    found.of_another_spool = *removed;
  }
  auto covered = store_->get(meta_table_name, covered_key);
  if (!covered) return tl::unexpected(std::move(covered.error()));
  if (*covered) {
    const std::string& text = **covered;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), snapshot_lsn_);
    // Without it the whole spool is read again, which is slow and right.
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) snapshot_lsn_ = 0;
  }
  auto done = store_->scan(
      windows_table_name,
      [this](std::string_view key, std::string_view value) { windows_.restore(key, value); });
  if (!done) return tl::unexpected(std::move(done.error()));
  done = store_->scan(sessions_table_name, [this](std::string_view key, std::string_view value) {
    if (!sessions_.restore(key, value)) ++counters_.cold_faults;
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  done = store_->scan(quarantine_table_name, [this](std::string_view key, std::string_view value) {
    if (!quarantine_.restore(key, value)) ++counters_.cold_faults;
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  if (*foreign) {
    if (auto discarded = discard_packets(); !discarded) {
      return tl::unexpected(std::move(discarded.error()));
    }
    // Windows of the one that is there may be stored while it is read.
    if (there) {
      if (auto claimed = claim(*store_, *there); !claimed) return tl::unexpected(claimed.error());
    }
  }
  settled_lsn_ = found.covered_lsn = snapshot_lsn_;
  return found;
}

/// The packets that sessions remember are in a spool that is gone. In the store as well, before it
/// says that it belongs to another.
result<void> dedup::discard_packets() {
  constexpr std::size_t part_bytes = 1 << 20;
  sessions_.discard_packets();
  while (sessions_.dirty() != 0) {
    std::vector<contract::state_change> changes;
    sessions_.save(changes, sessions_.dirty(), part_bytes);
    if (auto stored = store_->apply(changes); !stored) return stored;
    sessions_.saved(true);
  }
  return {};
}

result<void> dedup::belong_to(const model::spool_uuid& spool) {
  if (recovery_fault_) return tl::unexpected(*recovery_fault_);
  return store_ == nullptr ? result<void>{} : claim(*store_, spool);
}

void dedup::recover(const contract::stored_record& record, std::uint64_t durable_lsn) {
  const model::envelope& e = record.envelope;
  session* const s = sessions_.find(e.client_id);
  switch (e.kind) {
    case model::record_kind::message:
      recover_message(record, durable_lsn);
      break;
    case model::record_kind::quarantined:
      recover_quarantined(e);
      break;
    case model::record_kind::release:
      if (s == nullptr) break;
      s->let_go(e.packet_id);
      sessions_.disconnected(*s, 0);
      sessions_.changed(*s);
      break;
    case model::record_kind::session_open:
      recover_open(e);
      break;
    case model::record_kind::session_close:
      if (s != nullptr) sessions_.end(*s);
      break;
  }
  settled_lsn_ = std::max(settled_lsn_, record.at.lsn);
  if (windows_.short_of_clean()) store_windows(durable_lsn);
}

/// Where the records are of more devices than memory has windows for, windows go to the store while
/// they are read: the store may be ahead of what it covers, as noting a record again changes
/// nothing; but not ahead of what is on disk. Where it fails once, the start does.
void dedup::store_windows(std::uint64_t durable_lsn) {
  constexpr std::size_t part_bytes = 1 << 20;
  const bool is_news = durable_lsn != stored_through_lsn_ || durable_lsn >= settled_lsn_;
  if (store_ == nullptr || !is_news) return;
  while (!recovery_fault_) {
    std::vector<contract::state_change> changes;
    windows_.save(changes, windows_.dirty(), part_bytes, durable_lsn);
    if (changes.empty()) break;
    const auto stored = store_->apply(changes);
    windows_.saved(stored.has_value());
    if (!stored) recovery_fault_ = stored.error();
  }
  stored_through_lsn_ = durable_lsn;
}

/// A record that has reached its level is noted; one that must wait for the sinks is pending again.
void dedup::recover_message(const contract::stored_record& record, std::uint64_t durable_lsn) {
  const model::envelope& e = record.envelope;
  window* const w = e.sequence ? recover_window(record, durable_lsn) : nullptr;
  session* s = e.qos != 0 && (e.qos == 2 || !e.sequence) ? sessions_.find(e.client_id) : nullptr;
  if (s != nullptr && s->expiry_s == 0) s = nullptr;
  std::uint32_t slot = no_slot;
  if (e.level == model::ack_level::committed && (w != nullptr || s != nullptr)) {
    slot = recover_pending(record, w, s);
  } else if (w != nullptr) {
    w->find(e.epoch, e.epoch_from)
        ->note(*e.sequence, payload_memory::fold(e.payload_hash), is_owed(e), limits_);
    w->reached(record.at.lsn);
    windows_.changed(*w);
  }
  if (s != nullptr) recover_delivery(*s, e, slot);
}

/// The window in which this record's epoch is remembered, or nullptr. An epoch that is not there
/// starts only if the record is newer than all that the window has seen: else it was here and has
/// been pushed out.
window* dedup::recover_window(const contract::stored_record& record, std::uint64_t durable_lsn) {
  const model::envelope& e = record.envelope;
  key_.set_to(e);
  window* w = windows_.open(key_.text(), key_.place());
  if (w == nullptr) {
    store_windows(durable_lsn);
    w = windows_.open(key_.text(), key_.place());
  }
  if (w == nullptr) ++counters_.windows_refused;
  if (w == nullptr || w->use(e.epoch, e.epoch_from) != nullptr) return w;
  if (w->retired(e.epoch) || record.at.lsn <= w->newest_lsn()) return nullptr;
  w->begin(e.epoch, e.epoch_from);
  return w;
}

void dedup::recover_delivery(session& s, const model::envelope& e, std::uint32_t slot) {
  if (e.qos == 2) {
    s.hold_id({content_hash(e), slot, no_slot, e.packet_id, slot == no_slot});
  } else {
    const auto number = s.note_delivery({content_hash(e), slot, e.packet_id}, limits_.redeliveries);
    if (slot != no_slot) {
      pending_.at(slot).redelivery = number;
      pending_.at(slot).has_redelivery = true;
    }
  }
  // Nobody is, but it was used later than those that the spool says nothing of.
  sessions_.disconnected(s, 0);
  sessions_.changed(s);
}

std::uint32_t dedup::recover_pending(const contract::stored_record& record, window* where,
                                     session* s) {
  const model::envelope& e = record.envelope;
  pending p;
  p.own_lsn = record.at.lsn;
  p.own_incarnation = record.at.incarnation;
  p.promised = true;
  p.committed = true;
  ++committed_;
  p.counted = true;
  p.payload_hash = e.payload_hash;
  p.epoch = e.epoch;
  p.epoch_from = e.epoch_from;
  p.sequence = e.sequence.value_or(0);
  p.first = waiter_of(e, s);
  p.first.owed = false;
  const std::uint32_t slot = pending_.add_recovered(p);
  if (where != nullptr) pending_.index(slot, *where);
  recovered_[model::index(record.in)].push_back(slot);
  return slot;
}

void dedup::recover_open(const model::envelope& e) {
  session* s = sessions_.find(e.client_id);
  if (e.session.expiry_interval_s == 0) {
    if (s != nullptr) sessions_.end(*s);  // it ended with the process that served it
    return;
  }
  s = sessions_.open(e.client_id);
  if (s == nullptr) return;
  if (e.session.clean_start) s->discard();
  s->expiry_s = e.session.expiry_interval_s;
  s->known_durably = true;
  sessions_.disconnected(*s, 0);
  sessions_.changed(*s);
}

void dedup::recover_quarantined(const model::envelope& e) {
  quarantine_key(e, scratch_);
  if (quarantine_.find(scratch_) != nullptr) return;
  if (quarantine_entry* const entry = quarantine_.add(scratch_, e.fault)) {
    quarantine_.settled(*entry);
  }
}

void dedup::required_passed(const std::array<model::position, model::lane_count>& passed,
                            receipt_list& receipts) {
  for (std::size_t lane = 0; lane < model::lane_count; ++lane) {
    auto& waiting = recovered_[lane];
    while (!waiting.empty()) {
      const pending& p = pending_.at(waiting.front());
      contract::settlement s;
      s.stored = true;
      s.at = {p.own_incarnation, p.own_lsn};
      if (s.at > passed[lane]) break;
      finish(waiting.front(), s, receipts);
      waiting.pop_front();
    }
  }
  counters_.pending = pending_.size();
}

std::size_t dedup::recovered_pending() const noexcept {
  std::size_t count = 0;
  for (const auto& lane : recovered_) count += lane.size();
  return count;
}

/// The highest lsn up to which everything is settled. What is pending got its lsn after it passed
/// here, so above all that were settled then.
std::uint64_t dedup::covered() const noexcept {
  std::uint64_t lsn = std::min(settled_lsn_, pending_.oldest_floor().value_or(settled_lsn_));
  for (const auto& lane : recovered_) {
    if (!lane.empty()) lsn = std::min(lsn, pending_.at(lane.front()).own_lsn - 1);
  }
  return lsn;
}

std::uint64_t dedup::snapshot(std::vector<contract::state_change>& changes,
                              std::size_t most_bytes) {
  if (!round_open_) {
    round_ = {covered(), windows_.dirty(), sessions_.dirty(), quarantine_.dirty()};
    round_open_ = true;
  }
  round_.windows -= windows_.save(changes, round_.windows, most_bytes);
  if (round_.windows == 0) {
    round_.sessions -= sessions_.save(changes, round_.sessions, most_bytes);
  }
  if (round_.windows == 0 && round_.sessions == 0) {
    round_.quarantined -=
        quarantine_.save(changes, std::min(round_.quarantined, quarantined_per_part));
  }
  if (round_.windows + round_.sessions + round_.quarantined != 0) return snapshot_lsn_;
  round_open_ = false;
  round_closing_ = true;
  if (round_.lsn != snapshot_lsn_) {
    changes.push_back(
        {std::string(meta_table_name), std::string(covered_key), std::to_string(round_.lsn)});
  }
  return round_.lsn;
}

void dedup::snapshot_stored(bool ok) {
  windows_.saved(ok);
  sessions_.saved(ok);
  quarantine_.saved(ok);
  if (ok && round_closing_) snapshot_lsn_ = round_.lsn;
  // A part that is missing breaks the whole: the next one begins anew, with all that is dirty.
  if (!ok) round_open_ = false;
  round_closing_ = false;
}

}  // namespace fleetgate::dedup
