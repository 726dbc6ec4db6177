// The messages of one connection that are under way: packet ids, QoS 1 and QoS 2 states, and what
// must be sent again after a loss. Pure; owned by its connection; as many slots as --in-flight
// says.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <optional>
#include <vector>

namespace fleetgate::load {

class window {
 public:
  enum class phase : std::uint8_t {
    unused,
    published,  // the server owes PUBACK or PUBREC
    released,   // QoS 2: the server has the message and owes PUBCOMP
  };

  struct slot {
    std::uint64_t sequence = 0;
    std::uint64_t since_ns = 0;  // from where its latency counts
    phase is = phase::unused;
  };

  explicit window(std::uint16_t size) : slots_(size) {
    for (std::uint16_t i = size; i > 0; --i) unused_.push_back(i);
  }

  /// At most this many at one time (MQTT 5: the server's Receive Maximum).
  void limit(std::uint16_t most) noexcept { most_ = most; }

  [[nodiscard]] std::size_t in_flight() const noexcept { return slots_.size() - unused_.size(); }
  [[nodiscard]] bool has_room() const noexcept { return !unused_.empty() && in_flight() < most_; }

  /// Of those in flight, the ones the server has not yet taken responsibility for.
  [[nodiscard]] std::size_t unacknowledged() const noexcept {
    return static_cast<std::size_t>(std::count_if(
        slots_.begin(), slots_.end(), [](const slot& s) { return s.is == phase::published; }));
  }

  /// Takes a packet id; only where has_room().
  std::uint16_t open(std::uint64_t sequence, std::uint64_t since_ns) {
    assert(has_room());
    const std::uint16_t id = unused_.back();
    unused_.pop_back();
    slots_[id - 1U] = {sequence, since_ns, phase::published};
    return id;
  }

  /// The message under `id`, where it is in `wanted`.
  [[nodiscard]] slot* find(std::uint16_t id, phase wanted) noexcept {
    if (id == 0 || id > slots_.size() || slots_[id - 1U].is != wanted) return nullptr;
    return &slots_[id - 1U];
  }

  void close(std::uint16_t id) {
    assert(id > 0 && slots_[id - 1U].is != phase::unused);
    slots_[id - 1U].is = phase::unused;
    unused_.push_back(id);
  }

  /// Ids of all that is under way, in the order in which it was first sent.
  [[nodiscard]] std::vector<std::uint16_t> under_way() const {
    std::vector<std::uint16_t> ids;
    for (std::uint16_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].is != phase::unused) ids.push_back(static_cast<std::uint16_t>(i + 1));
    }
    std::sort(ids.begin(), ids.end(), [this](std::uint16_t a, std::uint16_t b) {
      return slots_[a - 1U].sequence < slots_[b - 1U].sequence;
    });
    return ids;
  }
  [[nodiscard]] slot& at(std::uint16_t id) noexcept { return slots_[id - 1U]; }

 private:
  std::vector<slot> slots_;
  std::vector<std::uint16_t> unused_;  // a stack, so that the same few slots stay in the cache
  std::size_t most_ = 65535;
};

}  // namespace fleetgate::load
