#include "actors/sink/sink_actor.hpp"

#include <caf/behavior.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <exception>
#include <utility>

#include "actors/runtime/clock.hpp"
#include "actors/sink/delivery_trace.hpp"

namespace fleetgate::sink {
namespace {

/// Why a spool does not take the cursor that it is sent to, with what to do.
fault of_another_history(fault why) {
  why.detail +=
      ": the database and the spool do not belong together, one of them was replaced or restored;"
      " give the sink a new file, or the database that belongs to this spool, and resume it";
  return why;
}

}  // namespace

sink_actor::sink_actor(std::shared_ptr<sink_parts> parts, contract::journal_mail& mail,
                       observe::sink_probe& probe, observe::logger& log)
    : parts_(std::move(parts)),
      mail_(mail),
      probe_(probe),
      log_(log),
      brain_(parts_->policy, parts_->seed, runtime::steady_now_ns()) {}

caf::behavior sink_actor::make_behavior() {
  waits_until_ns_ = 0;
  caf::anon_send(self(), runtime::wake_atom::value);
  return {
      [this](runtime::wake_atom) { turn(); },
      [this](drain_atom) -> caf::result<bool> {
        drains_.push_back(self()->make_response_promise<bool>());
        caught_up_ = false;
        tried_ = false;
        brain_.try_now();
        turn();
        return caf::delegated<bool>{};
      },
      [this](report_atom) { return report(); },
      [this](pause_atom) { return pause(); },
      [this](resume_atom) {
        caf::anon_send(self(), runtime::wake_atom::value);
        return resume();
      },
      [this](replay_atom, const contract::replay_request& what) {
        caf::anon_send(self(), runtime::wake_atom::value);
        return replay(what);
      },
  };
}

void sink_actor::ended() {
  for (auto& d : drains_) d.deliver(false);
  drains_.clear();
}

/// What is thrown here is a bug or the end of memory: a fault like others, after which the sink
/// opens its store again, at its cursor, when its circuit says so. A supervisor would know less of
/// it.
void sink_actor::turn() {
  try {
    work();
  } catch (const std::exception& e) {
    failed(sink_step::deliver, fault(fault_code::internal, e.what()));
    publish();
    answer_drain();
    caf::anon_send(self(), runtime::wake_atom::value);
  }
}

void sink_actor::work() {
  parts_->news->changed.lower();
  take_news();
  for (int left = steps_per_turn; left != 0; --left) {
    if (!do_next()) {
      look_ahead();
      publish();
      return answer_drain();
    }
  }
  publish();
  caf::anon_send(self(), runtime::wake_atom::value);  // others' messages first, then on
}

void sink_actor::take_news() {
  const std::uint64_t now_has = parts_->news->durable_records.load(std::memory_order_relaxed);
  brain_.notice(static_cast<std::size_t>(now_has - news_seen_), runtime::steady_now_ns());
  news_seen_ = now_has;
}

bool sink_actor::do_next() {
  if (progress_unsent_) report_progress();
  const std::uint64_t now_ns = runtime::steady_now_ns();
  sink_action action = brain_.next(now_ns);
  // Whoever drains does not gather.
  const bool hurries = !drains_.empty() && !caught_up_ && !is_failing();
  if (action.step == sink_step::wait && hurries) {
    action = {sink_step::deliver, 0, parts_->policy.batch_records, parts_->policy.batch_bytes};
  }
  switch (action.step) {
    case sink_step::open:
      open();
      return true;
    case sink_step::deliver:
      deliver(action);
      return true;
    case sink_step::rewrite:
      write();
      return true;
    case sink_step::retain:
      retain();
      return true;
    case sink_step::wait:
      wait_until(action.until_ns);
      return false;
    case sink_step::stopped:
      return false;
  }
  return false;
}

void sink_actor::open() {
  const auto cursor = parts_->writer->open();
  if (!cursor) return failed(sink_step::open, cursor.error());
  contract::cursor from;
  if (*cursor)
    from = **cursor;
  else
    from.spool = parts_->reader->spool();
  if (const auto sought = parts_->reader->seek(from); !sought) {
    return failed(sink_step::open, of_another_history(sought.error()));
  }
  brain_.opened(runtime::steady_now_ns());
  block_ = {};
  block_.end = from;
  delivered_ = from;
  undelivered_ = 0;  // the reader stands before it again
  log_.info("sink.opened", {{"sink", parts_->name}});
  back_untold_ = true;
  report_progress();
}

void sink_actor::deliver(const sink_action& action) {
  const contract::cursor before = block_.end;
  const auto read = parts_->reader->read(block_, action.bytes, action.records);
  if (!read) return failed(sink_step::deliver, read.error());
  if (block_.empty() && block_.end == before) {
    caught_up_ = true;
    return brain_.found_nothing(runtime::steady_now_ns());
  }
  undelivered_ = block_.records.size();
  if (undelivered_ != 0) last_seen_unix_ns_ = block_.records.front().envelope.received_time_ns;
  write();
}

void sink_actor::write() {
  const std::uint64_t start_ns = runtime::steady_now_ns();
  const auto written = parts_->writer->write(block_);
  const std::uint64_t end_ns = runtime::steady_now_ns();
  if (!written) return failed(sink_step::rewrite, written.error());
  note_delivered(parts_->trace,
                 {parts_->name, delivered_, brain_.failures() != 0, end_ns - start_ns}, block_,
                 runtime::unix_now_ns());
  delivered_ = block_.end;
  const std::size_t n = std::exchange(undelivered_, 0);
  // Cut off by a limit, or by the end of what is durable?
  const bool was_full = n >= parts_->policy.batch_records / 2 || block_is_heavy();
  brain_.delivered(n, was_full, end_ns - start_ns, end_ns);
  probe_.commit.record(end_ns - start_ns);
  ++probe_.batches;
  count_missed(*written);
  for (const auto& r : block_.records) {
    if (is_deliverable(r)) {
      ++probe_.rows;
      probe_.bytes.add(r.envelope.payload.size());
    } else {
      ++probe_.filtered;
    }
  }
  report_progress();
}

/// No sink gets these any more. Where they were acknowledged a person must hear of it.
void sink_actor::count_missed(const contract::missed_by_lane& missed) {
  for (std::size_t i = 0; i < missed.size(); ++i) {
    probe_.shed.add(missed[i].shed);
    probe_.damaged.add(missed[i].damaged);
    const auto in = static_cast<model::lane>(i);
    const bool was_owed = model::is_owed(in) && in != model::lane::quarantine;
    if (!was_owed || missed[i] == contract::missed_records{}) continue;
    note_missed(parts_->trace, parts_->name, in, missed[i], runtime::unix_now_ns());
    log_.log_event(
        parts_->required ? observe::log_level::error : observe::log_level::warn, "sink.missed",
        {{"sink", parts_->name},
         {"lane", to_string(in)},
         {"gone", missed[i].shed},
         {"damaged", missed[i].damaged},
         {"next", parts_->required
                      ? "acknowledged, and not in this sink: look at the disk, for segments "
                        "that were removed, for an older database that was put back"
                      : "this optional sink is too slow for the room that the spool has"}});
  }
}

bool sink_actor::block_is_heavy() const {
  std::size_t bytes = 0;
  for (const auto& r : block_.records) bytes += r.envelope.payload.size();
  return bytes >= parts_->policy.batch_bytes / 2;
}

void sink_actor::retain() {
  const auto removed = parts_->writer->enforce_retention(runtime::unix_now_ns());
  if (!removed) return failed(sink_step::retain, removed.error());
  brain_.retained(*removed, runtime::steady_now_ns());
}

void sink_actor::wait_until(std::uint64_t until_ns) {
  const std::uint64_t now_ns = runtime::steady_now_ns();
  if (waits_until_ns_ > now_ns && waits_until_ns_ <= until_ns) return;  // a wake-up comes before
  waits_until_ns_ = until_ns;
  self()->delayed_anon_send(self(),
                            std::chrono::nanoseconds(until_ns > now_ns ? until_ns - now_ns : 0),
                            runtime::wake_atom::value);
}

/// A store that was opened may be an older one than before (a backup, a new file): what it lacks
/// must not go, so the spool hears of that first.
void sink_actor::report_progress() {
  if (back_untold_) back_untold_ = !post_progress(delivered_, true);
  progress_unsent_ = back_untold_ || !post_progress(delivered_, false);
}

/// In one lane, so that the spool hears everything in its order. False: the spool is behind.
bool sink_actor::post_progress(const contract::cursor& at, bool goes_back) {
  contract::reader_progress p{parts_->name, at, goes_back};
  return mail_.progress.post(model::traffic_class::control, p, sizeof p);
}

void sink_actor::failed(sink_step step, const fault& why) {
  brain_.failed(step, why.code, runtime::steady_now_ns());
  tried_ = true;
  last_failure_ = why;
  note_failed(parts_->trace, parts_->name, why.code, runtime::unix_now_ns());
  ++probe_.errors[why.code];
  ++probe_.retries;
  log_.error("sink.failed", {{"sink", parts_->name},
                             {"reason", to_string(why)},
                             {"next", brain_.is_stopped() ? "it stays stopped until a person acts"
                                                          : "it is tried again"}});
}

/// It failed, and not only before somebody drained: what was away may be back.
bool sink_actor::is_failing() const {
  return brain_.failures() != 0 && tried_;
}

void sink_actor::answer_drain() {
  const bool failing = brain_.is_stopped() || brain_.is_paused() || is_failing();
  if (drains_.empty() || !(caught_up_ || failing)) return;
  for (auto& d : drains_) d.deliver(caught_up_ && !failing);
  drains_.clear();
}

/// While its store is not open nothing is read, so the first record that waits tells since when.
/// Whoever opens the store puts the reader back; a fault is met again then.
void sink_actor::look_ahead() {
  if (brain_.is_running() || undelivered_ != 0 || parts_->reader->lag_records() == 0) return;
  if (!parts_->reader->read(block_, 1, 1)) return;
  undelivered_ = block_.records.size();
  if (undelivered_ != 0) last_seen_unix_ns_ = block_.records.front().envelope.received_time_ns;
}

void sink_actor::publish() {
  probe_.set_circuit(brain_.circuit());
  const std::uint64_t lag = parts_->reader->lag_records() + undelivered_;
  probe_.lag_records.set(static_cast<std::int64_t>(lag));
  probe_.lag_oldest_unix_ns.set(lag == 0 ? 0 : last_seen_unix_ns_);
}

}  // namespace fleetgate::sink
