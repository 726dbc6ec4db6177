// What a person tells a sink to do. Each is done, or refused, before it is answered.
#include <algorithm>
#include <exception>

#include "actors/runtime/clock.hpp"
#include "actors/sink/sink_actor.hpp"

namespace fleetgate::sink {

contract::sink_state sink_actor::state() const noexcept {
  using contract::sink_state;
  if (brain_.is_paused()) return sink_state::paused;
  if (brain_.is_stopped()) return sink_state::stopped;
  if (brain_.failures() != 0) return sink_state::retrying;
  return brain_.is_running() ? sink_state::running : sink_state::opening;
}

contract::sink_answer sink_actor::report() const {
  const std::uint64_t lag = parts_->reader->lag_records() + undelivered_;
  return {std::nullopt,
          {parts_->name, state(), delivered_, lag, probe_.rows.value(), brain_.failures(),
           last_failure_}};
}

contract::sink_answer sink_actor::refuse(fault why) const {
  contract::sink_answer answer = report();
  answer.refused = std::move(why);
  return answer;
}

contract::sink_answer sink_actor::pause() {
  brain_.pause();
  probe_.paused.set(1);
  log_.warn("sink.paused", {{"sink", parts_->name}, {"next", "resume it, or the spool fills up"}});
  answer_drain();
  return report();
}

contract::sink_answer sink_actor::resume() {
  brain_.resume(runtime::steady_now_ns());
  probe_.paused.set(0);
  log_.info("sink.resumed", {{"sink", parts_->name}});
  return report();
}

contract::sink_answer sink_actor::replay(const contract::replay_request& what) {
  if (!what.allow_duplicates && !parts_->writer->knows_rows_again()) {
    return refuse(fault(fault_code::would_duplicate,
                        parts_->name + " does not know rows again that it has already"));
  }
  if (!brain_.is_running()) {
    return refuse(fault(fault_code::sink_unavailable,
                        parts_->name + " is not open, so nobody knows how far it has come"));
  }
  // The last position before what is wanted; where a lane is not there yet it stays where it is.
  model::position before;
  if (what.from) before = {what.from->incarnation, std::max<std::uint64_t>(what.from->lsn, 1) - 1};
  contract::cursor to = delivered_;
  for (auto& lane : to.lanes) lane = std::min(lane, before);
  try {
    if (const auto gone = go_back(to); !gone) return refuse(gone.error());
  } catch (const std::exception& e) {
    failed(sink_step::open, fault(fault_code::internal, e.what()));
    return refuse(*last_failure_);
  }
  return report();
}

/// The reader first, which knows whether there is such a place; then the spool, so that nothing
/// goes that is wanted again; then the store. Where one of the two does not follow, the sink opens
/// again where its store says, and the next progress tells the spool how far that is.
result<void> sink_actor::go_back(const contract::cursor& to) {
  if (auto sought = parts_->reader->seek(to); !sought) return sought;
  const auto ordinals = parts_->reader->stands_at();
  if (!ordinals) {
    failed(sink_step::open, ordinals.error());  // it opens again, and stands where it stood
    return tl::unexpected(ordinals.error());
  }
  undelivered_ = 0;
  brain_.rewound(runtime::steady_now_ns());
  if (!post_progress(to, true)) {
    return failure(fault_code::mailbox_full, "the journal is behind");
  }
  contract::read_block nothing;
  nothing.end = to;
  nothing.back_to = *ordinals;
  if (auto written = parts_->writer->write(nothing); !written) {
    failed(sink_step::open, written.error());
    return tl::unexpected(written.error());
  }
  log_.warn("sink.replay", {{"sink", parts_->name}});
  delivered_ = to;
  return {};
}

}  // namespace fleetgate::sink
