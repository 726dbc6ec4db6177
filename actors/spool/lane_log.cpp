#include "actors/spool/lane_log.hpp"

#include <cassert>
#include <utility>

namespace fleetgate::spool {
namespace {

// A group that grew in an outage does not keep its memory.
constexpr std::size_t kept_group_capacity = 8 * 1024 * 1024;

// Readers that keep up find what they read in the page cache; those that do not read the disk.
constexpr std::uint64_t cached_tail_bytes = 4 * 1024 * 1024;

}  // namespace

lane_log::lane_log(lane_context context, model::lane in, recovered_lane recovered)
    : context_(std::move(context)),
      in_(in),
      directory_(lane_directory(context_.spool_directory, in)),
      next_ordinal_(recovered.next_ordinal),
      durable_ordinal_(recovered.next_ordinal - 1) {
  context_.view->set_durable_ordinal(in_, durable_ordinal_);
  for (kept_segment& s : recovered.segments) {
    kept_bytes_ += s.bytes;
    context_.view->add(s.shared);
    segments_.push_back(std::move(s));
  }
}

void lane_log::append(const model::envelope& e, std::size_t bytes, std::uint64_t ticket) {
  if (group_.empty()) choose_target(e.received_time_ns);
  const std::uint64_t lsn = (*context_.next_lsn)++;
  const record_stamp stamp{lsn, next_ordinal_++, durable_ordinal_, target_first_ordinal_,
                           context_.incarnation};
  const std::uint64_t offset = group_offset_ + group_.size();
  encode_record(e, stamp, target_seed_, offset, bytes, group_.grow(bytes));
  const bool waits =
      e.level == model::ack_level::committed && e.kind == model::record_kind::message;
  tickets_.push_back({ticket, lsn, waits});
  group_has_retained_ |= e.retain && e.kind == model::record_kind::message;
}

/// The group that begins now goes behind the active segment's durable end, or to a new segment.
void lane_log::choose_target(std::int64_t received_time_ns) {
  if (active_file_ && group_offset_ < context_.segment_bytes) return;
  close_active();
  target_first_lsn_ = *context_.next_lsn;
  target_first_ordinal_ = next_ordinal_;
  target_seed_ = segment_seed(context_.uuid, target_first_lsn_);
  target_received_time_ns_ = received_time_ns;
  group_offset_ = segment_header_bytes;
}

result<void> lane_log::flush(bool sync) {
  if (group_.empty()) return {};
  auto done = write_group();
  if (done && sync) done = sync_group();
  if (!done) {
    abandon_segment();
    restamp_group();
  }
  return done;
}

result<void> lane_log::create_segment() {
  active_path_ = directory_ + "/" + segment_name(target_first_lsn_);
  auto file = context_.files->create(active_path_);
  if (!file) return tl::unexpected<fault>(file.error());
  active_file_ = std::move(*file);
  active_is_kept_ = false;
  segment_header header;
  header.in = in_;
  header.spool = context_.uuid;
  header.incarnation = context_.incarnation;
  header.first_lsn = target_first_lsn_;
  header.first_ordinal = target_first_ordinal_;
  header.first_received_time_ns = target_received_time_ns_;
  if (!segments_.empty()) {
    header.previous_first_lsn = segments_.back().shared->first_lsn;
    header.previous_end = segments_.back().bytes;
    header.previous_first_ordinal = segments_.back().shared->first_ordinal;
  }
  const std::string bytes = encode_segment_header(header);
  return active_file_->write_at(0, as_bytes(bytes));
}

result<void> lane_log::write_group() {
  if (!active_file_) {
    if (auto created = create_segment(); !created) return created;
  }
  if (written_ == group_.size()) return {};
  const byte_view rest = group_.bytes().subspan(static_cast<std::size_t>(written_));
  if (auto written = active_file_->write_at(group_offset_ + written_, rest); !written) {
    return written;
  }
  written_ = group_.size();
  return {};
}

result<void> lane_log::sync_group() {
  if (auto synced = active_file_->sync(); !synced) return synced;
  if (!active_is_kept_) {
    if (auto synced = context_.files->sync_directory(directory_); !synced) return synced;
  }
  publish();
  return {};
}

/// Everything written is durable: readers may have it.
void lane_log::publish() {
  group_offset_ += group_.size();
  durable_ordinal_ = next_ordinal_ - 1;
  if (!active_is_kept_) {
    kept_segment made;
    made.shared = std::make_shared<segment>();
    made.shared->path = active_path_;
    made.shared->in = in_;
    made.shared->incarnation = context_.incarnation;
    made.shared->first_lsn = target_first_lsn_;
    made.shared->first_ordinal = target_first_ordinal_;
    made.first_received_time_ns = target_received_time_ns_;
    segments_.push_back(std::move(made));
    active_is_kept_ = true;
  }
  kept_segment& active = segments_.back();
  kept_bytes_ += group_offset_ - active.bytes;
  active.bytes = group_offset_;
  active.last = {context_.incarnation, tickets_.back().lsn};
  active.last_ordinal = durable_ordinal_;
  if (std::exchange(group_has_retained_, false)) {
    context_.view->set_retained_lsn(in_, active.last.lsn);
  }
  context_.view->set_durable_lsn(in_, active.last.lsn);
  context_.view->set_durable_ordinal(in_, durable_ordinal_);
  const bool is_new = active.shared->readable_end.load(std::memory_order_relaxed) == 0;
  active.shared->last_lsn.store(active.last.lsn, std::memory_order_release);
  active.shared->last_ordinal.store(durable_ordinal_, std::memory_order_release);
  active.shared->readable_end.store(group_offset_, std::memory_order_release);
  if (is_new) context_.view->add(active.shared);
  if (group_offset_ > cached_tail_bytes) {
    active_file_->forget_cached(group_offset_ - cached_tail_bytes);
  }
  group_.clear();
  if (group_.capacity() > kept_group_capacity) group_ = {};
  written_ = 0;
}

void lane_log::take_settled(std::vector<pending_ticket>& out) {
  const bool all_durable = group_.empty();
  const bool enough = all_durable || (!is_owed(in_) && written_ == group_.size());
  if (!enough) return;
  out.insert(out.end(), tickets_.begin() + static_cast<std::ptrdiff_t>(settled_), tickets_.end());
  settled_ = tickets_.size();
  if (all_durable) {
    tickets_.clear();
    settled_ = 0;
  }
}

std::optional<std::uint64_t> lane_log::first_pending_lsn() const noexcept {
  if (group_.empty()) return std::nullopt;
  return tickets_.front().lsn;
}

std::int64_t lane_log::oldest_received_time_ns() const noexcept {
  if (!segments_.empty()) return segments_.front().first_received_time_ns;
  return group_.empty() ? 0 : target_received_time_ns_;
}

/// After a failed write or sync nothing of this file's unsynced bytes may be believed. What can be
/// cut off is cut off; where that fails too, the next segment's header says where this one ends.
void lane_log::abandon_segment() {
  if (!active_file_) return;
  if (active_is_kept_) {
    (void)active_file_->truncate(segments_.back().bytes);
  } else {
    (void)context_.files->remove(active_path_);
  }
  close_active();
}

/// The same records with new lsns, so that the new segment's name is free whatever is left of the
/// old one. Ordinals stay: they are what makes the old copies void.
void lane_log::restamp_group() {
  assert(!group_.empty());
  written_ = 0;
  target_first_lsn_ = *context_.next_lsn;
  target_first_ordinal_ = durable_ordinal_ + 1;
  target_seed_ = segment_seed(context_.uuid, target_first_lsn_);
  group_offset_ = segment_header_bytes;
  std::size_t at = 0;
  for (pending_ticket& t : tickets_) {
    t.lsn = (*context_.next_lsn)++;
    ++lsns_given_up_;
    at += restamp_record(group_.data() + at, t.lsn, target_first_ordinal_, target_seed_,
                         group_offset_ + at);
  }
}

void lane_log::close_active() noexcept {
  if (active_is_kept_) active_file_->forget_cached(segments_.back().bytes);
  active_file_.reset();
  active_is_kept_ = false;
}

result<void> lane_log::remove_oldest() {
  assert(!segments_.empty() && !oldest_is_active());
  const kept_segment& oldest = segments_.front();
  // Readers are told first: a file that is gone without a word would be damage to them.
  oldest.shared->going.store(true, std::memory_order_release);
  const auto removed = context_.files->remove(oldest.shared->path);
  if (!removed && removed.error().code != fault_code::not_found) {
    oldest.shared->going.store(false, std::memory_order_release);
    return removed;
  }
  oldest.shared->removed.store(true, std::memory_order_release);
  kept_bytes_ -= oldest.bytes;
  context_.view->remove_oldest(in_);
  segments_.pop_front();
  // One at a time: were a later removal durable before an earlier one, that would look like damage.
  return context_.files->sync_directory(directory_);
}

}  // namespace fleetgate::spool
