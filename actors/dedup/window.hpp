// What is remembered of one (tenant, device, stream): the current epoch and the one before. Owned
// by window_table; journal's thread. Limit: two epochs, each bounded by sequence_set and
// payload_memory; a window that counts without holes in an epoch from the device is under 256
// bytes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "actors/dedup/limits.hpp"
#include "actors/dedup/payload_memory.hpp"
#include "actors/dedup/sequence_set.hpp"
#include "protocol/model/envelope.hpp"

namespace fleetgate::dedup {

/// What the memory of an epoch says about one message.
enum class evidence : std::uint8_t {
  none,       // not seen: accept
  same,       // seen, and the payload is the same where it is remembered: a duplicate
  different,  // seen with another payload
  unknown,    // seen or below the window, and nothing is remembered to compare with
};

/// One epoch of one window. Records that were promised to nobody (levels none and received) may be
/// shed later, so they are noted apart: they are no evidence against a message that is owed a
/// promise.
class epoch_memory {
 public:
  epoch_memory() = default;
  epoch_memory(std::uint64_t id, model::epoch_origin origin) noexcept : id_(id), origin_(origin) {}

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] model::epoch_origin origin() const noexcept { return origin_; }
  [[nodiscard]] bool inferred() const noexcept { return origin_ == model::epoch_origin::inferred; }

  [[nodiscard]] evidence look(std::uint64_t sequence, std::uint32_t folded,
                              bool owed) const noexcept;
  void note(std::uint64_t sequence, std::uint32_t folded, bool owed, const dedup_limits& limits);
  /// Everything from sequence 1 up to here was stored as it was promised; nothing where that is not
  /// known.
  [[nodiscard]] std::optional<std::uint64_t> settled_up_to() const noexcept {
    return promised_.set.seen_from(1);
  }
  [[nodiscard]] std::size_t heap_bytes() const noexcept;

  void save(byte_writer& out) const;
  static std::optional<epoch_memory> load(byte_reader& in);

 private:
  struct seen {
    sequence_set set;
    payload_memory payloads;  // inferred epochs only
  };
  [[nodiscard]] evidence look_in(const seen& s, std::uint64_t sequence,
                                 std::uint32_t folded) const noexcept;
  static void save(byte_writer& out, const seen& s);
  static bool load(byte_reader& in, seen& s);

  seen promised_;
  std::unique_ptr<seen> unpromised_;
  std::uint64_t id_ = 0;
  model::epoch_origin origin_ = model::epoch_origin::none;
};

class window {
 public:
  window(std::string_view key, std::uint64_t hash);

  [[nodiscard]] std::string_view key() const noexcept { return {key_.get(), key_size_}; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

  /// The current or previous epoch with this id and origin, else nullptr.
  epoch_memory* find(std::uint64_t id, model::epoch_origin origin) noexcept;
  [[nodiscard]] const epoch_memory* find(std::uint64_t id,
                                         model::epoch_origin origin) const noexcept;
  /// The same; where the device gives the epoch, it becomes the current one, so that the one used
  /// last is never pushed out by a straggler.
  epoch_memory* use(std::uint64_t id, model::epoch_origin origin) noexcept;
  /// The newest inferred epoch, which is current from now on; nullptr where there is none.
  epoch_memory* use_inferred() noexcept;
  /// The inferred epoch before the current inferred one, or nullptr.
  [[nodiscard]] const epoch_memory* previous_inferred() const noexcept;
  /// Whether the epoch was here and has been pushed out.
  [[nodiscard]] bool retired(std::uint64_t id) const noexcept;
  /// Starts an epoch; the current one becomes the previous one, the previous one is forgotten.
  epoch_memory& begin(std::uint64_t id, model::epoch_origin origin);
  [[nodiscard]] bool empty() const noexcept {
    return current_.origin() == model::epoch_origin::none;
  }

  /// The highest lsn noted here: what is older cannot start an epoch when it is replayed.
  [[nodiscard]] std::uint64_t newest_lsn() const noexcept { return newest_lsn_; }
  void reached(std::uint64_t lsn) noexcept { newest_lsn_ = lsn > newest_lsn_ ? lsn : newest_lsn_; }

  /// All memory behind this window, itself and its place in the table included.
  [[nodiscard]] std::size_t bytes() const noexcept;

  /// The value stored under key() (docs/wire/state.md, dedup_windows).
  void save(std::string& out) const;
  /// Takes over a stored value; false where the bytes contradict themselves (then nothing changed).
  bool load(byte_view stored);

  // Bookkeeping of window_table and pending_table.
  std::uint32_t place = 0;      // in window_table's ring
  std::uint32_t pending = 0;    // entries that wait for a settlement: must stay in memory
  std::uint32_t accounted = 0;  // bytes counted for it
  bool touched = true;
  bool dirty = false;      // changed since it was last handed to a snapshot
  bool in_store = false;   // a row exists
  bool in_flight = false;  // handed to a snapshot that is not confirmed

 private:
  static constexpr std::size_t retired_epochs = 2;
  struct older {
    epoch_memory previous;
    std::array<std::uint64_t, retired_epochs> retired{};
  };

  epoch_memory current_;
  std::unique_ptr<older> older_;
  std::unique_ptr<char[]> key_;
  std::uint64_t hash_;
  std::uint64_t newest_lsn_ = 0;
  std::uint32_t key_size_;
};

}  // namespace fleetgate::dedup
