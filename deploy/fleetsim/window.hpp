// The messages of one device that are under way: their identifiers, how far each is, and what has
// to go out again after a loss. Pure; owned by its device; as many slots as --in-flight says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fleetgate::fleetsim {

class window {
 public:
  enum class phase : std::uint8_t {
    unused,
    sent,          // the server owes its acknowledgement
    sent_back,     // the server had no room for it: it is to be sent again
    acknowledged,  // the server has it; the protocol's second half (QoS 2) is not over
  };
  struct slot {
    std::uint64_t sequence = 0;
    std::uint64_t since_ns = 0;  // from where its latency counts
    std::uint64_t sent_ns = 0;   // when it last went out
    std::uint32_t order = 0;     // counts the first sendings
    phase is = phase::unused;
  };

  explicit window(std::uint16_t slots);

  /// At most this many at one time: the server's Receive Maximum.
  void limit(std::uint16_t most) noexcept { most_ = most; }

  [[nodiscard]] std::size_t in_flight() const noexcept { return slots_.size() - unused_.size(); }
  /// How many more may be under way now, and how many at most.
  [[nodiscard]] std::size_t room() const noexcept {
    return in_flight() < most_ ? std::min<std::size_t>(unused_.size(), most_ - in_flight()) : 0;
  }
  [[nodiscard]] std::size_t most_room() const noexcept {
    return std::min<std::size_t>(slots_.size(), most_);
  }
  /// Those that the server has not yet taken responsibility for.
  [[nodiscard]] std::size_t unacknowledged() const noexcept;
  /// When the longest-waiting of those that were not sent back went out; 0 where there is none.
  [[nodiscard]] std::uint64_t waiting_since_ns() const noexcept;

  /// Takes an identifier (1 and on); only where there is room().
  std::uint16_t open(std::uint64_t sequence, std::uint64_t since_ns, std::uint64_t now_ns);
  /// The message under `id` where it is in `wanted`; else null. `id` may be anything.
  [[nodiscard]] slot* find(std::uint16_t id, phase wanted) noexcept;
  [[nodiscard]] slot& at(std::uint16_t id) noexcept { return slots_[id - 1U]; }
  /// Gives the identifier of a message that is under way back.
  void close(std::uint16_t id);
  /// Identifiers of all that is under way, in the order in which they were first sent.
  [[nodiscard]] std::vector<std::uint16_t> under_way() const;

 private:
  std::vector<slot> slots_;
  std::vector<std::uint16_t> unused_;  // a stack, so that the same few slots stay in the cache
  std::uint32_t next_order_ = 0;
  std::uint16_t most_ = 65'535;
};

}  // namespace fleetgate::fleetsim
