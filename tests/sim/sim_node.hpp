// The brains of a node on one thread with virtual time: what dedup_actor, spool_actor, state_actor
// and sink_actor do, in any order that their mailboxes allow, on a disk in memory. Owned by a test.
// Everything but the disk goes when it goes, as with a process.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/contract/journal_mail.hpp"
#include "actors/dedup/admission.hpp"
#include "actors/dedup/dedup.hpp"
#include "actors/sink/sink_brain.hpp"
#include "actors/sink/sqlite_writer.hpp"
#include "actors/spool/segment_reader.hpp"
#include "actors/spool/spool.hpp"
#include "actors/state/sqlite_state_store.hpp"
#include "tests/sim/disk_vfs.hpp"

namespace fleetgate::sim {

/// Mistakes that a node could have, to see that the oracle finds them.
enum class planted_bug {
  none,
  acknowledges_before_sync,
  reports_progress_before_commit,
  trusts_a_snapshot_before_it_is_stored,
  loses_count_of_a_mark,
};

/// What goes on to the spool at once, and a batch of each class more.
inline constexpr std::uint64_t round_bytes = 4096;

/// So few that what is of level committed has to wait for the sink.
inline constexpr std::size_t most_pending = 64;

inline constexpr const char* sink_path = "/sink/fleet.db";

class sim_node {
 public:
  sim_node(spool::testing::fault_file_layer& disk, disk_vfs& vfs, std::uint64_t seed,
           planted_bug bug, bool has_few_windows = false)
      : disk_(disk), vfs_(vfs), seed_(seed), bug_(bug), has_few_windows_(has_few_windows) {}

  /// As node_start does it. A fault: the node does not come up.
  result<void> start(std::uint64_t now_ns) {
    now_ns_ = now_ns;
    auto store = state::sqlite_state_store::open("/data", vfs_.name());
    if (!store) return tl::unexpected(std::move(store.error()));
    store_ = std::move(*store);
    dedup::dedup_limits limits;
    limits.hash_seed = seed_;
    limits.pending = most_pending;
    if (has_few_windows_) limits.window_bytes = 600;
    dedup_ = std::make_unique<dedup::dedup>(limits, store_.get());
    const auto there = spool::spool::uuid_in(disk_, spool_options().directory);
    if (!there) return tl::unexpected(there.error());
    const auto restored = dedup_->restore(*there);
    if (!restored) return tl::unexpected(restored.error());
    const std::uint64_t covered = restored->covered_lsn;
    auto spool = spool::spool::open(disk_, spool_options(), covered + 1,
                                    [&](const contract::stored_record& r, std::uint64_t durable) {
                                      dedup_->recover(r, durable);
                                    });
    if (!spool) return tl::unexpected(std::move(spool.error()));
    spool_ = std::move(*spool);
    if (auto claimed = dedup_->belong_to(spool_->uuid()); !claimed) return claimed;
    spool_->set_snapshot_floor(covered);
    if (auto known = spool_->register_reader("sink", true, {}); !known) return known;
    reader_ = spool::make_reader(disk_, spool_->view(), [this] { return now_ns_; });
    sink::sqlite_sink_options options;
    options.name = "sink";
    options.path = sink_path;
    options.node = "node";
    options.busy_timeout = std::chrono::milliseconds(0);
    options.vfs = vfs_.name();
    writer_ = std::make_unique<sink::sqlite_writer>(options);
    sink::sink_policy policy;
    policy.batch_records = 48;
    policy.probe_records = 8;
    policy.backoff_longest = std::chrono::seconds(2);
    sink_ = std::make_unique<sink::sink_brain>(policy, seed_, now_ns);
    unsettled_.required_passed = spool_->required_passed();
    post_settlements();
    snapshot_wanted_ = true;
    return {};
  }

  void at(std::uint64_t now_ns) { now_ns_ = now_ns; }
  void hand_in(contract::envelope_batch_ptr batch) { batches_.push_back(std::move(batch)); }
  std::vector<model::receipt> take_receipts() { return std::exchange(receipts_, {}); }

  void dedup_turn() {
    for (const contract::settlement_batch& batch : std::exchange(settlements_, {})) {
      for (const contract::settlement& s : batch.settled) dedup_->settle(s, receipts_);
      if (batch.required_passed && dedup_->recovered_pending() != 0) {
        dedup_->required_passed(*batch.required_passed, receipts_);
      }
    }
    for (const auto cls : model::all_traffic_classes) {
      for (auto& room : dedup_->rooms_of(cls)) {
        while (!room.empty() && may_pass(room.front()) && dedup_->takes(room.front()) &&
               dedup_->has_windows(cls) && has_room(room.front())) {
          admit(room.take(), dedup::pressure::in_turn);
        }
      }
    }
    for (auto& batch : std::exchange(batches_, {})) {
      const bool is_next = dedup_->room_of(batch->cls, model::ack_level::durable).empty();
      if (!may_pass(*batch)) {
        batches_.push_back(std::move(batch));
        continue;
      }
      auto how = is_next && dedup_->has_windows(batch->cls) && has_room(*batch)
                     ? dedup::pressure::none
                     : dedup::pressure::no_room;
      if (batch->cls == model::traffic_class::telemetry && ++telemetry_ % 16 == 0) {
        how = dedup::pressure::gives_way;
      }
      admit(std::move(batch), how);
    }
  }

  void spool_turn() {
    for (const contract::cursor& at : std::exchange(progress_, {})) {
      // A cursor of another spool is refused, and the sink has stopped over it.
      if (spool_->advance_reader("sink", at, unsettled_.settled)) {
        unsettled_.required_passed = spool_->required_passed();
      }
    }
    const std::size_t before = unsettled_.settled.size();
    for (const contract::append_request& request : std::exchange(appends_, {})) {
      spool_->append(request, unsettled_.settled);
      if (bug_ != planted_bug::acknowledges_before_sync) continue;
      for (const contract::append_item& item : request.items) {
        unsettled_.settled.push_back(
            {item.ticket, true, fault_code::internal, {spool_->incarnation(), spool_->last_lsn()}});
      }
    }
    if (bug_ == planted_bug::acknowledges_before_sync && unsettled_.settled.size() != before) {
      return post_settlements();  // the sync comes with the next turn
    }
    const auto due = spool_->next_deadline_ns();
    if (spool_->has_pending() || (due && *due <= now_ns_)) {
      mid_round_ = !mid_round_ && spool_->has_mixed_pending();
      spool_->commit(now_ns_, unsettled_.settled,
                     mid_round_ ? spool::commit_part::urgent : spool::commit_part::all);
    }
    post_settlements();
    const std::uint64_t durable = durable_records();
    if (durable != told_) {
      sink_->notice(static_cast<std::size_t>(durable - told_), now_ns_);
      caught_up_ = false;
    }
    told_ = durable;
  }

  /// The state store's answer comes a step after the snapshot was taken.
  void snapshot_turn() {
    if (snapshot_) {
      const bool stored = store_->apply(*snapshot_).has_value();
      snapshot_.reset();
      dedup_->snapshot_stored(stored);
      if (stored) spool_->set_snapshot_floor(snapshot_covers_);
      return;
    }
    if (!snapshot_wanted_ && !dedup_->snapshot_incomplete() && !dedup_->snapshot_due()) return;
    snapshot_wanted_ = false;
    std::vector<contract::state_change> changes;
    snapshot_covers_ = dedup_->snapshot(changes, 4096);
    snapshot_ = std::move(changes);
    if (bug_ == planted_bug::trusts_a_snapshot_before_it_is_stored) {
      spool_->set_snapshot_floor(snapshot_covers_);
    }
  }
  void want_snapshot() noexcept { snapshot_wanted_ = true; }
  void tick() { dedup_->on_time(now_ns_); }

  /// True where it did something.
  bool sink_turn() {
    const sink::sink_action action = sink_->next(now_ns_);
    switch (action.step) {
      case sink::sink_step::open:
        open_sink();
        return true;
      case sink::sink_step::deliver:
        return deliver(action);
      case sink::sink_step::rewrite:
        write_block();
        return true;
      case sink::sink_step::retain: {
        const auto removed = writer_->enforce_retention(static_cast<std::int64_t>(now_ns_));
        if (removed)
          sink_->retained(*removed, now_ns_);
        else
          sink_failed(sink::sink_step::retain, removed.error());
        return true;
      }
      case sink::sink_step::wait:
      case sink::sink_step::stopped:
        return false;
    }
    return false;
  }

  result<void> close() {
    auto closed = spool_->close(now_ns_, unsettled_.settled);
    post_settlements();
    return closed;
  }

  [[nodiscard]] bool idle() const {
    const bool none_waits = std::all_of(
        model::all_traffic_classes.begin(), model::all_traffic_classes.end(),
        [this](model::traffic_class cls) {
          const auto& rooms = dedup_->rooms_of(cls);
          return std::all_of(rooms.begin(), rooms.end(), [](const auto& r) { return r.empty(); });
        });
    return none_waits && batches_.empty() && appends_.empty() && settlements_.empty() &&
           progress_.empty() && !spool_->has_pending() && caught_up_ && sink_->is_running() &&
           sink_->failures() == 0;
  }
  [[nodiscard]] spool::spool& spool() noexcept { return *spool_; }
  [[nodiscard]] const sink::sink_brain& sink() const noexcept { return *sink_; }
  /// Where the sink goes on; before its first delivery: what its database said.
  [[nodiscard]] const contract::cursor& sink_cursor() const noexcept { return block_.end; }
  [[nodiscard]] const std::optional<fault>& last_sink_fault() const noexcept {
    return last_sink_fault_;
  }
  /// For a person.
  [[nodiscard]] std::string sink_state() const {
    std::string s = sink_->is_stopped() ? "has stopped" : sink_->is_running() ? "runs" : "opens";
    s += ", " + std::to_string(sink_->failures()) + " failures in a row";
    return last_sink_fault_ ? s + ", the last: " + to_string(*last_sink_fault_) : s;
  }
  /// Of one life: what the reader passed over since the start.
  [[nodiscard]] std::uint64_t damaged_read() const noexcept { return damaged_; }

 private:
  spool::spool_options spool_options() const {
    spool::spool_options o;
    o.directory = "/data/spool";
    o.budget_bytes = 96 << 10;
    o.segment_bytes = 4 << 10;
    o.quarantine_budget_bytes = 16 << 10;
    for (std::size_t i = 0; i < o.new_uuid.bytes.size(); ++i) {
      o.new_uuid.bytes[i] = static_cast<std::uint8_t>(1 + (seed_ >> (8 * (i % 8))) + i);
    }
    return o;
  }
  /// About what it is on disk.
  static std::uint64_t bytes_of(const contract::envelope_batch& batch) {
    std::uint64_t bytes = 0;
    for (const model::envelope& e : batch.envelopes) bytes += 256 + e.payload.size();
    return bytes;
  }
  std::uint64_t round() const {
    std::uint64_t bytes = 0;
    for (const contract::append_request& r : appends_) bytes += bytes_of(*r.batch);
    return bytes;
  }
  bool may_pass(const contract::envelope_batch& batch) const {
    if (mid_round_ && batch.cls > model::traffic_class::heartbeat) return false;
    const bool is_first = std::none_of(appends_.begin(), appends_.end(),
                                       [&](const auto& r) { return r.batch->cls == batch.cls; });
    return (is_first || round() < round_bytes) && !spool_->is_stuck(batch.cls);
  }
  bool has_room(const contract::envelope_batch& batch) {
    return dedup_->takes(batch.cls, batch.envelopes.size()) &&
           spool_->make_room(batch.cls, round() + bytes_of(batch));
  }
  void admit(contract::envelope_batch_ptr batch, dedup::pressure how) {
    auto done = dedup::admit(*dedup_, std::move(batch), how, now_ns_, receipts_,
                             [](const model::envelope&, bool, auto) {});
    if (!done.request.items.empty()) appends_.push_back(std::move(done.request));
  }

  std::uint64_t durable_records() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < model::lane_count; ++i) {
      sum += spool_->view()->durable_ordinal(static_cast<model::lane>(i));
    }
    return sum;
  }
  void post_settlements() {
    if (unsettled_.settled.empty() && !unsettled_.required_passed) return;
    settlements_.push_back(std::exchange(unsettled_, {}));
  }

  void open_sink() {
    const auto cursor = writer_->open();
    if (!cursor) return sink_failed(sink::sink_step::open, cursor.error());
    contract::cursor from = cursor->value_or(contract::cursor{});
    if (!*cursor) from.spool = reader_->spool();
    if (const auto sought = reader_->seek(from); !sought) {
      return sink_failed(sink::sink_step::open, sought.error());
    }
    sink_->opened(now_ns_);
    block_ = {};
    block_.end = from;
    progress_.push_back(from);
  }
  bool deliver(const sink::sink_action& action) {
    const contract::cursor before = block_.end;
    const auto read = reader_->read(block_, action.bytes, action.records);
    if (!read) {
      sink_failed(sink::sink_step::deliver, read.error());
      return true;
    }
    if (block_.empty() && block_.end == before) {
      sink_->found_nothing(now_ns_);
      caught_up_ = true;
      return false;
    }
    write_block();
    return true;
  }
  void write_block() {
    if (bug_ == planted_bug::reports_progress_before_commit) progress_.push_back(block_.end);
    if (bug_ == planted_bug::loses_count_of_a_mark) {
      for (contract::lane_passage& p : block_.passed) p.marks -= p.marks == 0 ? 0 : 1;
    }
    const auto written = writer_->write(block_);
    if (!written) return sink_failed(sink::sink_step::rewrite, written.error());
    damaged_ += block_.damaged;
    sink_->delivered(block_.records.size(), block_.records.size() >= 24, 1'000'000, now_ns_);
    progress_.push_back(block_.end);
  }
  void sink_failed(sink::sink_step step, const fault& why) {
    last_sink_fault_ = why;
    sink_->failed(step, why.code, now_ns_);
  }

  spool::testing::fault_file_layer& disk_;
  disk_vfs& vfs_;
  const std::uint64_t seed_;
  const planted_bug bug_;
  const bool has_few_windows_;
  std::uint64_t now_ns_ = 0;

  std::unique_ptr<state::sqlite_state_store> store_;
  std::unique_ptr<dedup::dedup> dedup_;
  std::unique_ptr<spool::spool> spool_;
  std::unique_ptr<contract::spool_reader> reader_;
  std::unique_ptr<sink::sqlite_writer> writer_;
  std::unique_ptr<sink::sink_brain> sink_;
  contract::read_block block_;

  // The mailboxes.
  std::deque<contract::envelope_batch_ptr> batches_;
  std::deque<contract::append_request> appends_;
  std::deque<contract::settlement_batch> settlements_;
  std::deque<contract::cursor> progress_;
  std::optional<std::vector<contract::state_change>> snapshot_;
  contract::settlement_batch unsettled_;
  std::vector<model::receipt> receipts_;

  std::uint64_t snapshot_covers_ = 0;
  bool mid_round_ = false;       // what is urgent is committed
  std::uint64_t telemetry_ = 0;  // batches of it so far
  bool snapshot_wanted_ = false;
  bool caught_up_ = false;
  std::uint64_t told_ = 0;
  std::uint64_t damaged_ = 0;
  std::optional<fault> last_sink_fault_;
};

}  // namespace fleetgate::sim
