// MQTT sessions by client id, with their expiry and their snapshot. Owned by the dedup brain;
// journal's thread. Limit: dedup_limits::sessions; beyond it the one that was disconnected longest
// ago ends, as if it had expired, and where all are in use a new client id is refused.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/contract/state_store.hpp"
#include "actors/dedup/identity.hpp"
#include "actors/dedup/limits.hpp"
#include "actors/dedup/session.hpp"

namespace fleetgate::dedup {

inline constexpr std::string_view sessions_table_name = "dedup_sessions";

class session_table {
 public:
  session_table(const dedup_limits& limits, dedup_counters& counters)
      : limits_(limits), counters_(counters), sessions_(0, key_hasher{limits.hash_seed}) {}

  /// Whether `s` may hold one more packet id.
  [[nodiscard]] bool may_hold(const session& s) const noexcept {
    return s.held_count() < limits_.held_packet_ids && held_in_all_ < limits_.held_in_all_sessions;
  }

  [[nodiscard]] session* find(std::string_view client_id) noexcept;
  /// The session of this client id, made where there is none, which may end another one; nullptr
  /// where too many are in use.
  session* open(std::string_view client_id);
  /// The session's state ends. The object goes when nothing points to it any more.
  void end(session& s);
  void pin(session& s) noexcept;
  void unpin(session& s);

  void connected(session& s, const model::connection_ref& by);
  /// The connection is gone; the state stays until `expiry_s` has passed. `now_ns` 0: before this
  /// start, and that begins with the first sweep, whenever its turn comes.
  void disconnected(session& s, std::uint64_t now_ns);
  [[nodiscard]] bool expired(const session& s, std::uint64_t now_ns) const noexcept;
  /// Ends up to `most` sessions whose time is over.
  void expire(std::uint64_t now_ns, std::size_t most);

  /// How many have a time at which they end.
  [[nodiscard]] std::size_t queued() const noexcept { return expiries_.size(); }

  /// To be called after anything in `s` changed that is stored.
  void changed(session& s);
  [[nodiscard]] std::size_t dirty() const noexcept { return dirty_.size(); }
  std::size_t save(std::vector<contract::state_change>& changes, std::size_t most_sessions,
                   std::size_t most_bytes);
  void saved(bool ok);
  /// Start-up: one row of the store. False where it is damaged.
  bool restore(std::string_view client_id, std::string_view value);
  /// Start-up: the packets that all of them remember are gone.
  void discard_packets();

 private:
  [[nodiscard]] std::uint64_t end_of(const session& s) const noexcept;
  void queue(session& s, std::uint64_t at_ns);
  void leave_queue(session& s) noexcept;
  void leave_unused(session& s) noexcept;
  bool push_out();
  void erase(session& s);

  const dedup_limits& limits_;
  dedup_counters& counters_;
  std::size_t held_in_all_ = 0;
  boost::unordered_flat_map<std::string, std::unique_ptr<session>, key_hasher, std::equal_to<>>
      sessions_;
  expiry_queue expiries_;
  std::map<std::uint64_t, session*> unused_;  // by their last disconnect: nothing points to them
  std::uint64_t disconnects_ = 0;
  std::uint64_t first_sweep_ns_ = 0;
  std::vector<std::string> dirty_;
  std::vector<std::string> in_flight_;
};

}  // namespace fleetgate::dedup
