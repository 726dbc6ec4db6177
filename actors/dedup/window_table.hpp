// All windows in memory, and the way to those that are not: a window that is stored and idle may
// leave; it is looked up again in the state store. Owned by the dedup brain; journal's thread.
// Limit: `window_bytes`; when nothing may leave, new devices wait until the store has some windows
// (is_full), or, where it has failed for longer than store_patience_ns, get none: kept, never
// recognised. Those that are there grow on meanwhile, each up to its own bound.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/contract/state_store.hpp"
#include "actors/dedup/known_devices.hpp"
#include "actors/dedup/limits.hpp"
#include "actors/dedup/window.hpp"

namespace fleetgate::dedup {

inline constexpr std::string_view windows_table_name = "dedup_windows";
/// How long a store that fails is waited for: a lock on its file passes, and costs no duplicate.
inline constexpr std::uint64_t store_patience_ns = 60'000'000'000;

class window_table {
 public:
  window_table(const dedup_limits& limits, contract::state_store* store, dedup_counters& counters)
      : limits_(limits), store_(store), counters_(counters), devices_(limits.hash_seed) {}

  /// The window with this key: from memory, from the store, or new. nullptr where memory is full of
  /// windows that may not leave, and is_full() says whether it is worth waiting; or where the store
  /// does not give its row.
  window* open(std::string_view key, std::uint64_t hash);

  /// The window where it is in memory, else nullptr: nothing is loaded, made or kept from leaving.
  [[nodiscard]] const window* peek(std::string_view key, std::uint64_t hash) const;

  /// Whether a window of this device is, or was, in memory or in the store; known_devices.hpp says
  /// how sure that is.
  [[nodiscard]] bool may_know(std::string_view device) const noexcept {
    return devices_.may_have(device);
  }

  /// To be called after anything in `w` changed: counts its bytes and marks it for the snapshot.
  void changed(window& w);

  /// Start-up: one row of the store. Beyond the memory limit it stays cold.
  void restore(std::string_view key, std::string_view value);

  /// Windows waiting for the snapshot.
  [[nodiscard]] std::size_t dirty() const noexcept { return dirty_.size(); }
  /// Moves up to `most_windows` dirty windows into `changes`, about `most_bytes`; returns how many.
  /// Those that note something above `up_to_lsn` stay.
  std::size_t save(std::vector<contract::state_change>& changes, std::size_t most_windows,
                   std::size_t most_bytes,
                   std::uint64_t up_to_lsn = static_cast<std::uint64_t>(-1));
  /// The outcome of the last `save`.
  void saved(bool ok);

  /// To be called about once a second: when to wait no more for a store that fails. Monotonic.
  void on_time(std::uint64_t now_ns);

  /// Few may leave, and what is dirty should be saved now.
  [[nodiscard]] bool short_of_clean() const noexcept;
  /// A window was not opened, and a `saved` that is worth waiting for lets some leave.
  [[nodiscard]] bool is_full() const noexcept { return is_full_; }
  /// The last `save` did not reach the store.
  [[nodiscard]] bool store_fails() const noexcept { return store_fails_; }

 private:
  struct probe {
    std::string_view key;
    std::uint64_t hash;
  };
  struct hasher {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(const std::unique_ptr<window>& w) const noexcept { return w->hash(); }
    std::size_t operator()(const probe& p) const noexcept { return p.hash; }
  };
  // Keys are compared in full: hashes may collide, windows never do.
  struct equal {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<window>& a,
                    const std::unique_ptr<window>& b) const noexcept {
      return a->key() == b->key();
    }
    bool operator()(const probe& p, const std::unique_ptr<window>& w) const noexcept {
      return p.hash == w->hash() && p.key == w->key();
    }
    bool operator()(const std::unique_ptr<window>& w, const probe& p) const noexcept {
      return (*this)(p, w);
    }
  };

  window* insert(std::unique_ptr<window> w);
  result<void> load_cold(window& w);
  bool make_room_for(std::size_t bytes);
  bool evict_one();
  void evict(window& w);
  void join_ring(window& w);
  void leave_ring(window& w);

  const dedup_limits& limits_;
  contract::state_store* store_;
  dedup_counters& counters_;
  known_devices devices_;
  boost::unordered_flat_set<std::unique_ptr<window>, hasher, equal> windows_;
  std::vector<window*> ring_;  // what may leave once nothing is pending in it, for the clock hand
  std::size_t hand_ = 0;
  std::vector<window*> dirty_;  // oldest change first; they stay in memory until saved
  std::vector<window*> in_flight_;
  bool is_full_ = false;
  bool store_fails_ = false;
  std::optional<std::uint64_t> failing_since_ns_;
  bool goes_without_ = false;  // the store has failed for too long
};

}  // namespace fleetgate::dedup
