// When the fleet's messages fall due. Pure: time since the start comes in, numbers go out. Message
// 0 is the fleet's first; message j belongs to device j modulo the number of devices. Latency
// counts from here however late a message is sent, or a slow server would look fast.
#pragma once

#include <cstdint>

namespace fleetgate::fleetsim {

class schedule {
 public:
  /// The steady grid: what falls due within one step is sent at its beginning, so that a high rate
  /// does not wake the process for each message.
  static constexpr std::uint64_t grid_ns = 100'000;

  /// As fast as acknowledgements come: nothing is ever due, nothing is ever late.
  static schedule flat_out() noexcept { return {}; }
  /// `rate` messages a second over the whole fleet, above 0.
  static schedule steady(double rate) noexcept;
  /// `size` messages at once, at the start and then every `every_ns`.
  static schedule bursts(std::uint64_t every_ns, std::uint64_t size) noexcept;

  /// True where time decides, false where acknowledgements do.
  [[nodiscard]] bool is_open_loop() const noexcept { return kind_ != kind::flat_out; }
  /// How many have fallen due `elapsed_ns` after the start: those with due_at_ns <= elapsed_ns.
  [[nodiscard]] std::uint64_t due(std::uint64_t elapsed_ns) const noexcept;
  /// When message `j` falls due, in ns after the start. 0 where nothing is ever due.
  [[nodiscard]] std::uint64_t due_at_ns(std::uint64_t j) const noexcept;
  /// How many fall due before `length_ns` have passed.
  [[nodiscard]] std::uint64_t total(std::uint64_t length_ns) const noexcept {
    return length_ns == 0 ? 0 : due(length_ns - 1);
  }

 private:
  enum class kind : std::uint8_t { flat_out, steady, bursts };

  kind kind_ = kind::flat_out;
  double rate_ = 0;
  std::uint64_t every_ns_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace fleetgate::fleetsim
