// Decides what a sink does next: open, read and write, write again, remove old rows, wait. Pure:
// the actor asks `next`, does it, and reports what came of it. Times are monotonic nanoseconds.
// Owned by one sink actor, on its thread. It holds at most one block back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "actors/observe/probes.hpp"
#include "actors/runtime/backoff.hpp"
#include "actors/sink/sink_policy.hpp"
#include "protocol/base/fault.hpp"

namespace fleetgate::sink {

enum class sink_step : std::uint8_t {
  open,     // writer.open, reader.seek; report opened or failed
  deliver,  // reader.read within the limits given, writer.write; report delivered, found_nothing
            // or failed
  rewrite,  // writer.write of the block at hand; report delivered or failed
  retain,   // writer.enforce_retention; report retained or failed
  wait,     // until `until_ns` or the next notice
  stopped,  // until `resume`
};

struct sink_action {
  sink_step step = sink_step::wait;
  std::uint64_t until_ns = 0;  // wait
  std::size_t records = 0;     // deliver
  std::size_t bytes = 0;       // deliver
};

class sink_brain {
 public:
  sink_brain(const sink_policy& policy, std::uint64_t seed, std::uint64_t now_ns);

  [[nodiscard]] sink_action next(std::uint64_t now_ns) const;

  /// The spool has `records` more that are durable.
  void notice(std::size_t records, std::uint64_t now_ns);

  void opened(std::uint64_t now_ns);
  /// A block of `records` was committed in `took_ns`; `was_full`: the read came to its limits.
  void delivered(std::size_t records, bool was_full, std::uint64_t took_ns, std::uint64_t now_ns);
  /// The read returned an empty block.
  void found_nothing(std::uint64_t now_ns);
  void retained(std::uint64_t removed, std::uint64_t now_ns);
  /// `step` failed. The block that it had at hand is kept only where `holds_block` says so now.
  void failed(sink_step step, fault_code code, std::uint64_t now_ns);
  /// A person says: do nothing until `resume`. A block at hand is kept.
  void pause() noexcept { paused_ = true; }
  /// A person says: go on, and where it failed try again now.
  void resume(std::uint64_t now_ns);
  /// Whoever drains cannot wait for the end of a backoff.
  void try_now() noexcept { not_before_ns_ = 0; }
  /// The store's cursor was put back: open again and read from there.
  void rewound(std::uint64_t now_ns);

  [[nodiscard]] observe::circuit_state circuit() const noexcept { return circuit_; }
  [[nodiscard]] bool is_stopped() const noexcept { return mode_ == mode::stopped; }
  [[nodiscard]] bool is_paused() const noexcept { return paused_; }
  /// The store is open, and its cursor known.
  [[nodiscard]] bool is_running() const noexcept { return mode_ == mode::running; }
  /// A block was read and waits for another try: keep it.
  [[nodiscard]] bool holds_block() const noexcept { return holds_block_; }
  /// Failures since the last success.
  [[nodiscard]] std::uint32_t failures() const noexcept { return backoff_.failures(); }

 private:
  enum class mode : std::uint8_t { opening, running, stopped };

  [[nodiscard]] sink_action deliver() const;
  [[nodiscard]] std::uint64_t deliver_due_ns() const;
  [[nodiscard]] bool retain_is_due(std::uint64_t now_ns) const;
  void succeeded(std::uint64_t now_ns);

  const sink_policy policy_;
  runtime::backoff backoff_;
  mode mode_ = mode::opening;
  observe::circuit_state circuit_ = observe::circuit_state::closed;
  std::uint64_t not_before_ns_ = 0;  // the end of a backoff
  bool holds_block_ = false;
  bool paused_ = false;

  bool read_at_once_ = true;         // just opened, or the last read was full
  std::size_t pending_records_ = 0;  // by notices; may count some that were read since
  std::uint64_t pending_since_ns_ = 0;
  std::uint64_t last_read_ns_;
  std::uint64_t last_write_ns_ = 0;
  std::uint64_t gather_ns_;

  std::uint64_t retain_due_ns_;
  std::uint64_t records_since_retain_ = 0;
  bool retain_has_more_ = false;
  bool last_step_was_retain_ = false;
};

}  // namespace fleetgate::sink
