#include "actors/dedup/session_table.hpp"

#include <algorithm>
#include <utility>

namespace fleetgate::dedup {
namespace {

constexpr std::uint32_t never = 0xFFFFFFFF;  // MQTT 5.0 section 3.1.2.11.2
constexpr std::uint64_t second_ns = 1'000'000'000;

}  // namespace

std::uint64_t session_table::end_of(const session& s) const noexcept {
  const auto from_ns = s.disconnected_ns != 0 ? s.disconnected_ns : first_sweep_ns_;
  return from_ns + s.expiry_s * second_ns;
}

session* session_table::find(std::string_view client_id) noexcept {
  const auto found = sessions_.find(client_id);
  return found == sessions_.end() || found->second->ended ? nullptr : found->second.get();
}

session* session_table::open(std::string_view client_id) {
  const auto found = sessions_.find(client_id);
  if (found != sessions_.end()) {
    session* const known = found->second.get();
    // What an ended session had listed for the snapshot may be written already.
    if (std::exchange(known->ended, false)) known->listed = false;
    return known;
  }
  if (sessions_.size() >= limits_.sessions && !push_out()) return nullptr;
  auto fresh = std::make_unique<session>(client_id, held_in_all_);
  session* const s = fresh.get();
  sessions_.emplace(std::string(client_id), std::move(fresh));
  counters_.sessions = sessions_.size();
  return s;
}

/// As with one that expires, its end has no mark: what a crash brings back is pushed out again.
bool session_table::push_out() {
  if (unused_.empty()) return false;
  ++counters_.sessions_pushed_out;
  end(*unused_.begin()->second);
  return true;
}

void session_table::end(session& s) {
  leave_queue(s);
  leave_unused(s);
  s.discard();
  s.connection = {};
  s.expiry_s = 0;
  s.known_durably = false;
  s.opening = no_slot;
  s.ended = true;
  changed(s);
  if (s.pins == 0) erase(s);
}

void session_table::pin(session& s) noexcept {
  if (s.pins++ == 0 && s.disconnect != 0) unused_.erase(s.disconnect);
}

void session_table::unpin(session& s) {
  if (--s.pins != 0) return;
  if (s.ended) return erase(s);
  if (s.disconnect != 0) unused_.emplace(s.disconnect, &s);
}

void session_table::erase(session& s) {
  leave_queue(s);
  leave_unused(s);
  sessions_.erase(sessions_.find(std::string_view(s.client_id())));
  counters_.sessions = sessions_.size();
}

void session_table::connected(session& s, const model::connection_ref& by) {
  leave_queue(s);
  leave_unused(s);
  s.connection = by;
}

void session_table::disconnected(session& s, std::uint64_t now_ns) {
  s.connection = {};
  s.disconnected_ns = now_ns;
  queue(s, now_ns == 0 ? 0 : end_of(s));
  leave_unused(s);
  s.disconnect = ++disconnects_;
  if (s.pins == 0) unused_.emplace_hint(unused_.end(), s.disconnect, &s);
}

bool session_table::expired(const session& s, std::uint64_t now_ns) const noexcept {
  const bool is_counted = s.disconnected_ns != 0 || first_sweep_ns_ != 0;
  return s.connection.generation == 0 && s.expiry_s != never && is_counted && end_of(s) <= now_ns;
}

/// A session that never expires does not stand there.
void session_table::queue(session& s, std::uint64_t at_ns) {
  leave_queue(s);
  if (s.expiry_s != never) s.queued = expiries_.emplace(at_ns, &s);
}

void session_table::leave_queue(session& s) noexcept {
  if (s.queued) expiries_.erase(*s.queued);
  s.queued.reset();
}

void session_table::leave_unused(session& s) noexcept {
  if (s.disconnect != 0) unused_.erase(std::exchange(s.disconnect, 0));
}

void session_table::expire(std::uint64_t now_ns, std::size_t most) {
  if (first_sweep_ns_ == 0) first_sweep_ns_ = now_ns;
  for (std::size_t i = 0; i < most && !expiries_.empty(); ++i) {
    const auto [at_ns, s] = *expiries_.begin();
    if (at_ns > now_ns) return;
    if (expired(*s, now_ns)) {
      ++counters_.sessions_expired;
      end(*s);
    } else {
      queue(*s, end_of(*s));
    }
  }
}

void session_table::changed(session& s) {
  if (s.listed || (s.expiry_s == 0 && !s.in_store)) return;
  s.listed = true;
  dirty_.push_back(s.client_id());
}

std::size_t session_table::save(std::vector<contract::state_change>& changes,
                                std::size_t most_sessions, std::size_t most_bytes) {
  std::size_t done = 0, bytes = 0;
  for (; done < std::min(most_sessions, dirty_.size()) && bytes < most_bytes; ++done) {
    std::string& client_id = dirty_[done];
    std::optional<std::string> value;
    session* const s = find(client_id);
    if (s != nullptr) s->listed = false;
    if (s != nullptr && s->expiry_s != 0) {
      s->in_store = true;  // also if this fails: a removal too many does no harm
      value.emplace();
      s->save(*value);
    }
    bytes += client_id.size() + (value ? value->size() : 0);
    changes.push_back({std::string(sessions_table_name), client_id, std::move(value)});
    in_flight_.push_back(std::move(client_id));
  }
  dirty_.erase(dirty_.begin(), dirty_.begin() + static_cast<std::ptrdiff_t>(done));
  return done;
}

void session_table::saved(bool ok) {
  if (!ok) {
    for (const auto& client_id : in_flight_) {
      if (session* const s = find(client_id)) s->listed = true;
      dirty_.push_back(client_id);
    }
  }
  in_flight_.clear();
}

bool session_table::restore(std::string_view client_id, std::string_view value) {
  session* const s = open(client_id);
  if (s == nullptr) return false;
  if (!s->load(as_bytes(value))) {
    erase(*s);
    return false;
  }
  s->known_durably = s->in_store = true;
  disconnected(*s, 0);  // the clock of this process has not started yet
  return true;
}

void session_table::discard_packets() {
  for (auto& [client_id, s] : sessions_) {
    s->discard();
    changed(*s);
  }
}

}  // namespace fleetgate::dedup
