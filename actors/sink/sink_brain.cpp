#include "actors/sink/sink_brain.hpp"

#include <algorithm>

namespace fleetgate::sink {
namespace {

std::uint64_t ns(std::chrono::nanoseconds d) noexcept {
  return static_cast<std::uint64_t>(d.count());
}

}  // namespace

sink_brain::sink_brain(const sink_policy& policy, std::uint64_t seed, std::uint64_t now_ns)
    : policy_(policy),
      backoff_(policy.backoff_first, policy.backoff_longest, seed),
      last_read_ns_(now_ns),
      gather_ns_(ns(policy.gather_least)),
      retain_due_ns_(now_ns + ns(policy.retain_every)) {}

sink_action sink_brain::next(std::uint64_t now_ns) const {
  if (mode_ == mode::stopped || paused_) return {sink_step::stopped};
  if (now_ns < not_before_ns_) return {sink_step::wait, not_before_ns_};
  if (mode_ == mode::opening) return {sink_step::open};
  if (holds_block_) return {sink_step::rewrite};
  const std::uint64_t due_ns = deliver_due_ns();
  const bool deliver_is_due = due_ns <= now_ns;
  // In turns, so that neither a backlog nor much to remove starves the other.
  if (retain_is_due(now_ns) && !(deliver_is_due && last_step_was_retain_)) {
    return {sink_step::retain};
  }
  if (deliver_is_due) return deliver();
  return {sink_step::wait, std::min(due_ns, retain_due_ns_)};
}

sink_action sink_brain::deliver() const {
  const bool is_probe = circuit_ == observe::circuit_state::half_open;
  return {sink_step::deliver, 0, is_probe ? policy_.probe_records : policy_.batch_records,
          policy_.batch_bytes};
}

std::uint64_t sink_brain::deliver_due_ns() const {
  if (read_at_once_ || pending_records_ >= policy_.batch_records) return 0;
  if (pending_records_ == 0) return last_read_ns_ + ns(policy_.poll_every);
  const std::uint64_t gathered =
      std::max(pending_since_ns_ + ns(policy_.gather_least), last_write_ns_ + gather_ns_);
  return std::min(gathered, pending_since_ns_ + ns(policy_.gather_most));
}

bool sink_brain::retain_is_due(std::uint64_t now_ns) const {
  return retain_has_more_ || now_ns >= retain_due_ns_ ||
         records_since_retain_ >= policy_.retain_records;
}

void sink_brain::notice(std::size_t records, std::uint64_t now_ns) {
  if (records == 0) return;
  if (pending_records_ == 0) pending_since_ns_ = now_ns;
  pending_records_ += records;
}

void sink_brain::opened(std::uint64_t now_ns) {
  mode_ = mode::running;
  if (circuit_ == observe::circuit_state::open) circuit_ = observe::circuit_state::half_open;
  // The backlog must flow although nothing new may ever come.
  read_at_once_ = true;
  last_read_ns_ = now_ns;
}

void sink_brain::delivered(std::size_t records, bool was_full, std::uint64_t took_ns,
                           std::uint64_t now_ns) {
  // A probe is small by intent: whatever it held, a backlog may lie behind it.
  read_at_once_ = was_full || circuit_ == observe::circuit_state::half_open;
  succeeded(now_ns);
  last_write_ns_ = now_ns;
  gather_ns_ = std::clamp(took_ns * static_cast<std::uint64_t>(policy_.gather_factor),
                          ns(policy_.gather_least), ns(policy_.gather_most));
  records_since_retain_ += records;
}

void sink_brain::found_nothing(std::uint64_t now_ns) {
  succeeded(now_ns);
  read_at_once_ = false;
}

void sink_brain::succeeded(std::uint64_t now_ns) {
  circuit_ = observe::circuit_state::closed;
  backoff_.reset();
  holds_block_ = false;
  last_step_was_retain_ = false;
  pending_records_ = 0;
  last_read_ns_ = now_ns;
}

void sink_brain::retained(std::uint64_t removed, std::uint64_t now_ns) {
  retain_has_more_ = removed != 0;
  last_step_was_retain_ = true;
  records_since_retain_ = 0;
  retain_due_ns_ = now_ns + ns(policy_.retain_every);
}

void sink_brain::failed(sink_step step, fault_code code, std::uint64_t now_ns) {
  const remedy what = remedy_for(code);
  holds_block_ = false;
  if (what == remedy::stop) {
    mode_ = mode::stopped;
    circuit_ = observe::circuit_state::open;
    return;
  }
  not_before_ns_ = now_ns + ns(backoff_.next());
  const bool gave_up = circuit_ != observe::circuit_state::closed ||
                       backoff_.failures() >= policy_.failures_to_open_circuit;
  if (gave_up) circuit_ = observe::circuit_state::open;
  if (gave_up || what == remedy::reopen) {
    mode_ = mode::opening;
    return;
  }
  if (step == sink_step::retain) {
    retained(0, now_ns);  // messages first; old rows can wait
  } else {
    holds_block_ = step == sink_step::deliver || step == sink_step::rewrite;
  }
}

void sink_brain::resume(std::uint64_t now_ns) {
  if (mode_ == mode::stopped) mode_ = mode::opening;
  paused_ = false;
  not_before_ns_ = now_ns;
  backoff_.reset();
}

void sink_brain::rewound(std::uint64_t now_ns) {
  mode_ = mode::opening;
  holds_block_ = false;
  not_before_ns_ = now_ns;
}

}  // namespace fleetgate::sink
