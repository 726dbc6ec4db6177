#include "actors/spool/recovery.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace fleetgate::spool {
namespace {

result<std::optional<segment_header>> read_header(contract::file& file, block_set& unread) {
  std::array<std::byte, segment_header_bytes> bytes{};
  const auto got = read_around(file, 0, bytes, unread);
  if (!got) return tl::unexpected<fault>(got.error());
  return decode_segment_header(byte_view(bytes).first(*got));
}

result<std::vector<std::string>> list_lane(contract::file_layer& files,
                                           const std::string& directory) {
  auto names = files.list(directory);
  if (!names && names.error().code == fault_code::not_found) return std::vector<std::string>{};
  return names;
}

result<void> write_all_but(const block_set& left_out, contract::file& file, std::uint64_t offset,
                           byte_view bytes) {
  const std::uint64_t end = offset + bytes.size();
  std::uint64_t from = offset;
  const auto write_up_to = [&](std::uint64_t to) -> result<void> {
    if (from >= to) return {};
    return file.write_at(from, bytes.subspan(from - offset, to - from));
  };
  for (const std::uint64_t block : left_out) {
    if (auto written = write_up_to(block * block_bytes); !written) return written;
    from = (block + 1) * block_bytes;
  }
  return write_up_to(end);
}

}  // namespace

std::string lane_directory(const std::string& spool_directory, model::lane in) {
  return spool_directory + "/" + std::string(to_string(in));
}

result<void> lane_recovery::open() {
  const auto names = list_lane(files_, directory_);
  if (!names) return tl::unexpected<fault>(names.error());
  for (const std::string& name : *names) {
    const auto lsn = parse_segment_name(name);
    if (!lsn) continue;
    if (auto done = inspect(name, *lsn); !done) return done;
  }
  bound_segments();
  begins_at_ = expected_ordinal_ = noted_first_ordinal();
  watermark_ = known_.last_ordinals[model::index(in_)];
  return {};
}

result<void> lane_recovery::inspect(const std::string& name, std::uint64_t name_lsn) {
  found_segment s;
  s.path = directory_ + "/" + name;
  s.name_lsn = name_lsn;
  const auto file = files_.open_for_reading(s.path);
  if (!file) return tl::unexpected<fault>(file.error());
  const auto size = (*file)->size();
  if (!size) return tl::unexpected<fault>(size.error());
  const auto header = read_header(**file, s.unread);
  s.is_unreadable = !header && header.error().code == fault_code::storage_io;
  if (!header && !s.is_unreadable) return tl::unexpected<fault>(header.error());
  s.size = *size;
  if (header) s.header = *header;
  if (name_lsn > highest_count || (s.header && (s.header->spool != uuid_ || s.header->in != in_ ||
                                                s.header->first_lsn != name_lsn))) {
    ++report_.foreign_segments;
    return {};
  }
  if (s.header && s.header->version != format_version) {
    return failure(fault_code::storage_damaged,
                   s.path + " has format " + std::to_string(s.header->version) +
                       ", this program knows " + std::to_string(format_version));
  }
  highest_lsn_ = std::max(highest_lsn_, name_lsn);
  found_.push_back(std::move(s));
  return {};
}

std::size_t lane_recovery::unreadable_segments() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(found_.begin(), found_.end(), [](const auto& s) { return s.is_unreadable; }));
}

void lane_recovery::bound_segments() {
  std::vector<found_segment> kept;  // newest first
  std::uint64_t bound = std::numeric_limits<std::uint64_t>::max();
  std::uint32_t bound_by = 0;  // the start
  for (auto s = found_.rbegin(); s != found_.rend(); ++s) {
    if (s->header && s->header->first_ordinal >= bound) {
      // What a failed write left is of the same start. All else somebody has brought back.
      if (s->header->incarnation == bound_by)
        void_paths_.push_back(s->path);
      else
        ++report_.foreign_segments;
      continue;
    }
    s->ordinal_bound = bound;
    s->scan_end = s->size;
    const auto& next = kept.empty() ? std::nullopt : kept.back().header;
    const bool named = next && next->previous_first_lsn == s->name_lsn;
    // What a failed write left behind is named by no one.
    s->closed = named || (!kept.empty() && !next);
    if (named && next->previous_first_ordinal <= next->first_ordinal) {
      s->told_ordinal = next->previous_first_ordinal;
    }
    if (named && next->previous_end <= s->size) {
      s->scan_end = next->previous_end;
      if (s->header && next->first_lsn <= visit_from_lsn_) {
        s->unread_until = next->first_ordinal;
        s->next_first_lsn = next->first_lsn;
      }
    }
    if (s->header) {
      bound = s->header->first_ordinal;
      bound_by = s->header->incarnation;
    }
    kept.push_back(std::move(*s));
  }
  found_.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
}

result<const contract::stored_record*> lane_recovery::next() {
  for (;;) {
    if (!walk_) {
      if (current_ == found_.size()) return nullptr;
      if (auto entered = enter_segment(); !entered) return tl::unexpected<fault>(entered.error());
      continue;
    }
    const auto found = walk_->next_in(window_);
    // Nothing behind can be read: as if it were cut off there.
    if (!found && found.error().code != fault_code::storage_io) {
      return tl::unexpected<fault>(found.error());
    }
    const bool at_end =
        !found || !*found || walk_->header().stamp.ordinal >= found_[current_].ordinal_bound;
    if (at_end) {
      walk_.reset();
      ++current_;
    } else if (take_record(walk_->header(), walk_->bytes())) {
      return &record_;
    }
  }
}

result<void> lane_recovery::enter_segment() {
  found_segment& s = found_[current_];
  if (s.header) {
    expect_from(s.header->first_ordinal);
    // Its writer had everything before it on disk.
    watermark_ = std::max(watermark_, s.header->first_ordinal - 1);
    s.incarnation = s.header->incarnation;
    s.first_received_time_ns = s.header->first_received_time_ns;
  } else {
    if (current_ > 0) s.incarnation = found_[current_ - 1].incarnation;
    if (s.told_ordinal != 0) {
      expect_from(s.told_ordinal);
      watermark_ = std::max(watermark_, s.told_ordinal - 1);
    }
  }
  s.first_ordinal = expected_ordinal_;
  if (s.unread_until != 0) {
    pass_unread(s);
    ++current_;
    return {};
  }
  if (s.is_unreadable) {
    ++current_;
    return {};
  }
  auto file = files_.open_for_reading(s.path);
  if (!file) return tl::unexpected<fault>(file.error());
  file_ = std::move(*file);
  const auto read = [&file = *file_, &unread = s.unread](std::uint64_t offset,
                                                         std::span<std::byte> into) {
    return read_around(file, offset, into, unread);
  };
  walk_.emplace(read, segment_seed(uuid_, s.name_lsn), segment_header_bytes, s.scan_end);
  return {};
}

void lane_recovery::pass_unread(found_segment& s) {
  s.records = s.unread_until - s.first_ordinal;
  s.intact_end = s.scan_end;
  s.last = {s.incarnation, s.next_first_lsn - 1};
  s.last_ordinal = s.unread_until - 1;
  expected_ordinal_ = s.unread_until;
  report_.records += s.records;
  ++report_.unread_segments;
}

void lane_recovery::expect_from(std::uint64_t ordinal) {
  if (expected_ordinal_ == 0 && current_ > 0 && found_[current_ - 1].closed) {
    // The segment before this one held something durable, and nothing of it is left.
    ++report_.damaged_records;
    ++report_.damaged_ranges;
  }
  if (expected_ordinal_ != 0 && ordinal > expected_ordinal_) {
    report_.damaged_records += ordinal - expected_ordinal_;
    ++report_.damaged_ranges;
  }
  expected_ordinal_ = std::max(expected_ordinal_, ordinal);
  if (begins_at_ == 0) begins_at_ = expected_ordinal_;
}

bool lane_recovery::take_record(const record_header& header, byte_view bytes) {
  found_segment& s = found_[current_];
  const record_stamp& stamp = header.stamp;
  highest_lsn_ = std::max(highest_lsn_, stamp.lsn);
  watermark_ = std::max(watermark_, stamp.durable_ordinal);
  if (expected_ordinal_ == 0) {
    begins_at_ = expected_ordinal_ = s.first_ordinal = stamp.segment_ordinal;
  }
  if (stamp.ordinal < expected_ordinal_) return false;
  if (!decode_record(bytes, header, in_, record_)) return false;
  expect_from(stamp.ordinal);
  expected_ordinal_ = stamp.ordinal + 1;
  if (watermark_ + 1 >= stamp.ordinal) first_unsure_lsn_ = 0;
  if (watermark_ < stamp.ordinal && first_unsure_lsn_ == 0) first_unsure_lsn_ = stamp.lsn;
  if (s.records == 0) {
    s.incarnation = stamp.incarnation;
    s.first_received_time_ns = record_.envelope.received_time_ns;
  }
  ++s.records;
  ++report_.records;
  s.intact_end = walk_->offset();
  s.last = record_.at;
  s.last_ordinal = stamp.ordinal;
  return stamp.lsn >= visit_from_lsn_;
}

/// Where the lane begins by the note; 0 where the note cannot say, because the oldest segments may
/// have been removed since.
std::uint64_t lane_recovery::noted_first_ordinal() const noexcept {
  const std::size_t i = model::index(in_);
  const bool same_oldest = !found_.empty() && found_.front().name_lsn == known_.first_lsns[i];
  return known_.clean || same_oldest ? known_.first_ordinals[i] : 0;
}

/// Where the lane begins, if neither a note nor a header told: what is there is the torn beginning
/// of a segment made after the note, or, if older than the note, a ruin of unknown size.
std::uint64_t lane_recovery::first_ordinal_unseen() const noexcept {
  const std::size_t i = model::index(in_);
  const std::uint64_t last = known_.last_ordinals[i];
  if (!found_.empty() && found_.front().name_lsn > known_.highest_lsn) return last + 1;
  return std::clamp<std::uint64_t>(known_.first_ordinals[i], 1, last + 1);
}

/// What is cut off was seen to be no record. What the disk did not give may be one that was
/// acknowledged last, even if it gives it by now; and where a note counts some of it as damaged,
/// nothing counts what came after the note. But not in a lane that is owed nothing, nor after a
/// clean close, behind which nothing came.
result<void> lane_recovery::check_end() const {
  if (!model::is_owed(in_) || known_.clean) return {};
  for (auto s = found_.rbegin(); s != found_.rend(); ++s) {
    const std::uint64_t end = s->records == 0 ? 0 : s->intact_end;
    if (end < s->size && !s->unread.empty() && (*s->unread.rbegin() + 1) * block_bytes > end) {
      return failure(fault_code::storage_io,
                     "the end of " + s->path +
                         " may hold what was acknowledged last, and could not be read: mend the "
                         "disk, or move the file away to start without it");
    }
    // All before it was durable, and is counted.
    if (s->records != 0 || s->header) break;
  }
  return {};
}

result<void> lane_recovery::finish() {
  file_.reset();
  // What is void or torn is named so by the next segment's header too: where it cannot be removed
  // now, the next start finds it again and no reader ever sees it.
  for (const std::string& path : void_paths_) (void)files_.remove(path);
  if (!count_lost_end()) cut_tail();
  if (auto done = make_tail_durable(); !done) return done;
  place_ruins();
  for (const found_segment& s : found_) keep(s);
  result_.next_ordinal = expected_ordinal_;
  return {};
}

bool lane_recovery::count_lost_end() {
  if (expected_ordinal_ == 0) begins_at_ = expected_ordinal_ = first_ordinal_unseen();
  if (watermark_ < expected_ordinal_) return false;
  expect_from(watermark_ + 1);
  return true;
}

/// Where nothing tells where a segment began, it counts as empty.
void lane_recovery::place_ruins() {
  std::uint64_t next = expected_ordinal_;
  for (auto s = found_.rbegin(); s != found_.rend(); ++s) {
    if (s->first_ordinal == 0) s->first_ordinal = next;
    next = s->first_ordinal;
  }
}

void lane_recovery::cut_tail() {
  while (!found_.empty() && found_.back().records == 0) {
    ++report_.torn_segments;
    report_.torn_bytes += found_.back().size;
    (void)files_.remove(found_.back().path);
    found_.pop_back();
  }
  if (found_.empty()) return;
  found_segment& s = found_.back();
  if (s.scan_end != s.size || s.intact_end == s.size) return;
  report_.torn_bytes += s.size - s.intact_end;
  if (const auto file = files_.open_for_writing(s.path)) (void)(*file)->truncate(s.intact_end);
}

/// A killed process may have written the tail and not synced it; and where its sync had failed,
/// the kernel may call pages clean that never reached the disk. So the tail is written once more,
/// but for what the disk has not given: that may come back.
result<void> lane_recovery::make_tail_durable() {
  // Nothing that was cut off may come back beside what this start writes.
  if (found_.empty()) return files_.sync_directory(directory_);
  const found_segment& s = found_.back();
  if (s.last_ordinal <= watermark_) return files_.sync_directory(directory_);
  auto file = files_.open_for_writing(s.path);
  if (!file) return tl::unexpected<fault>(file.error());
  const auto tail = tail_offset(s);
  if (!tail) return tl::unexpected<fault>(tail.error());
  for (std::uint64_t offset = *tail; offset < s.intact_end; offset += window_.size()) {
    window_.resize(
        static_cast<std::size_t>(std::min<std::uint64_t>(read_chunk_bytes, s.intact_end - offset)));
    block_set unread;
    const auto got = read_around(**file, offset, window_, unread);
    if (!got) return tl::unexpected<fault>(got.error());
    if (*got != window_.size()) return failure(fault_code::storage_io, s.path + " became shorter");
    if (!std::includes(s.unread.begin(), s.unread.end(), unread.begin(), unread.end())) {
      return failure(fault_code::storage_io, s.path + " can be read no more");
    }
    if (auto written = write_all_but(unread, **file, offset, window_); !written) return written;
  }
  if (auto synced = (*file)->sync(); !synced) return synced;
  return files_.sync_directory(directory_);
}

/// Where the first record lies that no later one calls durable; 0 where not even the segment's
/// header is known to be.
result<std::uint64_t> lane_recovery::tail_offset(const found_segment& s) {
  if (s.first_ordinal > watermark_) return std::uint64_t{0};
  const auto file = files_.open_for_reading(s.path);
  if (!file) return tl::unexpected<fault>(file.error());
  segment_walk walk(reading_around(**file), segment_seed(uuid_, s.name_lsn), segment_header_bytes,
                    s.intact_end, true);
  std::uint64_t before = segment_header_bytes;
  for (;; before = walk.offset()) {
    const auto found = walk.next_in(window_);
    if (!found && found.error().code != fault_code::storage_io) {
      return tl::unexpected<fault>(found.error());
    }
    if (!found || !*found || walk.header().stamp.ordinal > watermark_) return before;
  }
}

void lane_recovery::keep(const found_segment& s) {
  kept_segment kept;
  kept.shared = std::make_shared<segment>();
  kept.shared->path = s.path;
  kept.shared->in = in_;
  kept.shared->incarnation = s.incarnation;
  kept.shared->first_lsn = s.name_lsn;
  kept.shared->first_ordinal = std::max<std::uint64_t>(s.first_ordinal, 1);
  kept.shared->readable_end = s.intact_end;
  kept.last = s.records == 0 ? model::position{s.incarnation, s.name_lsn} : s.last;
  kept.last_ordinal = s.records == 0 ? kept.shared->first_ordinal - 1 : s.last_ordinal;
  kept.shared->last_lsn = kept.last.lsn;
  kept.shared->last_ordinal = kept.last_ordinal;
  kept.bytes = s.intact_end;
  kept.first_received_time_ns = s.first_received_time_ns;
  report_.bytes += kept.bytes;
  ++report_.segments;
  result_.segments.push_back(std::move(kept));
}

namespace {

/// Hands the heads of all lanes to `visit` in the order of their positions.
result<void> merge(std::vector<lane_recovery>& lanes, const recovered_visitor& visit) {
  std::vector<const contract::stored_record*> heads;
  for (lane_recovery& lane : lanes) {
    const auto head = lane.next();
    if (!head) return tl::unexpected<fault>(head.error());
    heads.push_back(*head);
  }
  for (;;) {
    std::size_t first = heads.size();
    for (std::size_t i = 0; i < heads.size(); ++i) {
      if (heads[i] == nullptr) continue;
      if (first == heads.size() || heads[i]->at < heads[first]->at) first = i;
    }
    if (first == heads.size()) return {};
    std::uint64_t durable_lsn = highest_count;
    for (const lane_recovery& lane : lanes) {
      durable_lsn = std::min(durable_lsn, lane.surely_durable());
    }
    visit(*heads[first], durable_lsn);
    const auto head = lanes[first].next();
    if (!head) return tl::unexpected<fault>(head.error());
    heads[first] = *head;
  }
}

void add_lane(recovery_report& all, model::lane in, const lane_recovery_report& lane) {
  all.segments += lane.segments;
  all.records += lane.records;
  all.bytes += lane.bytes;
  all.damaged_records += lane.damaged_records;
  all.damaged_ranges += lane.damaged_ranges;
  all.torn_bytes += lane.torn_bytes;
  all.torn_segments += lane.torn_segments;
  all.unread_segments += lane.unread_segments;
  all.foreign_segments += lane.foreign_segments;
  all.lanes[model::index(in)] = lane;
}

}  // namespace

result<recovered_lanes> recover_lanes(contract::file_layer& files, const recovery_request& request,
                                      const recovered_visitor& visit) {
  std::vector<lane_recovery> lanes;
  lanes.reserve(model::lane_count);
  std::size_t segments = 0;
  std::size_t unreadable = 0;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    lanes.emplace_back(files, in, request);
    if (auto opened = lanes.back().open(); !opened) return tl::unexpected<fault>(opened.error());
    segments += lanes.back().found_segments();
    unreadable += lanes.back().unreadable_segments();
  }
  if (segments != 0 && unreadable == segments) {
    return failure(fault_code::storage_io, "nothing can be read of any segment under " +
                                               request.directory + "; is the disk there?");
  }
  if (auto merged = merge(lanes, visit); !merged) return tl::unexpected<fault>(merged.error());
  for (const lane_recovery& lane : lanes) {
    if (auto whole = lane.check_end(); !whole) return tl::unexpected<fault>(whole.error());
  }
  recovered_lanes out;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    if (auto done = lanes[i].finish(); !done) {
      return tl::unexpected<fault>(done.error());
    }
    add_lane(out.report, static_cast<model::lane>(i), lanes[i].report());
    out.highest_lsn = std::max(out.highest_lsn, lanes[i].highest_lsn());
    out.lanes[i] = lanes[i].take();
  }
  return out;
}

namespace {

/// The uuid that most segments name and their highest incarnation, for when spool.id is lost;
/// incarnation 0 where no segment bears a valid header.
struct segment_identity {
  model::spool_uuid uuid;
  std::uint32_t incarnation = 0;
};

result<segment_identity> identity_from_segments(contract::file_layer& files,
                                                const std::string& directory) {
  std::map<model::spool_uuid, std::uint64_t> votes;
  std::map<model::spool_uuid, std::uint32_t> incarnations;
  std::optional<fault> unreadable;
  std::string nobodys;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const std::string lane = lane_directory(directory, static_cast<model::lane>(i));
    const auto names = list_lane(files, lane);
    if (!names) return tl::unexpected<fault>(names.error());
    for (const std::string& name : *names) {
      if (!parse_segment_name(name)) continue;
      const auto file = files.open_for_reading(lane + "/" + name);
      if (!file) return tl::unexpected<fault>(file.error());
      block_set unread;
      const auto header = read_header(**file, unread);
      if (!header) unreadable = header.error();
      if (!header || !*header) {
        const auto size = (*file)->size();
        if (!size) return tl::unexpected<fault>(size.error());
        if (*size != 0) nobodys = lane + "/" + name;
        continue;
      }
      ++votes[(*header)->spool];
      auto& highest = incarnations[(*header)->spool];
      highest = std::max(highest, (*header)->incarnation);
    }
  }
  // Not a new spool: one of which nothing can be read.
  if (votes.empty() && unreadable) return tl::unexpected<fault>(*std::move(unreadable));
  if (votes.empty() && !nobodys.empty()) {
    return failure(fault_code::storage_damaged,
                   nobodys +
                       " says not whose it is, nor does another segment or spool.id: put "
                       "spool.id back, or move the segments away to begin a new spool");
  }
  segment_identity found;
  std::uint64_t most = 0;
  for (const auto& [uuid, count] : votes) {
    if (count <= most) continue;
    most = count;
    found = {uuid, incarnations[uuid]};
  }
  return found;
}

}  // namespace

result<std::optional<spool_id>> find_spool_id(contract::file_layer& files,
                                              const std::string& directory) {
  auto known = spool_id_file(directory).read(files);
  if (!known || *known) return known;
  const auto named = identity_from_segments(files, directory);
  if (!named) return tl::unexpected<fault>(named.error());
  if (named->incarnation == 0) return std::nullopt;
  spool_id id;
  id.uuid = named->uuid;
  id.incarnation = named->incarnation;
  return id;
}

}  // namespace fleetgate::spool
