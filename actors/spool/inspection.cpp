#include "actors/spool/inspection.hpp"

#include <algorithm>

#include "actors/spool/recovery.hpp"

namespace fleetgate::spool {
namespace {

constexpr int tries = 3;

/// Counts the segments' files, the foreign ones too.
result<void> count_files(contract::file_layer& files, const std::string& directory,
                         lane_inspection& into) {
  const auto names = files.list(directory);
  if (!names && names.error().code == fault_code::not_found) return {};
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (!parse_segment_name(name)) continue;
    const auto file = files.open_for_reading(directory + "/" + name);
    if (!file) return tl::unexpected(file.error());
    const auto size = (*file)->size();
    if (!size) return tl::unexpected(size.error());
    into.bytes += *size;
    ++into.segments;
  }
  return {};
}

result<lane_inspection> inspect_lane(contract::file_layer& files, model::lane in,
                                     const recovery_request& request,
                                     const inspected_visitor& visit) {
  lane_inspection found;
  found.in = in;
  lane_recovery scan(files, in, request);
  if (auto opened = scan.open(); !opened) return tl::unexpected(opened.error());
  if (auto counted = count_files(files, lane_directory(request.directory, in), found); !counted) {
    return tl::unexpected(counted.error());
  }
  for (;;) {
    const auto record = scan.next();
    if (!record) return tl::unexpected(record.error());
    if (*record == nullptr) break;
    found.last = (*record)->at;
    if (visit) visit(**record);
    if (!found.first) found.first = found.last;
  }
  scan.count_lost_end();
  found.records = scan.report().records;
  found.damaged_records = scan.report().damaged_records;
  found.foreign_segments = scan.report().foreign_segments;
  return found;
}

/// How many of the ordinals behind `from` and up to `to` are not above `up_to`.
std::uint64_t count_between(std::uint64_t from, std::uint64_t to, std::uint64_t up_to) {
  const std::uint64_t end = std::min(to, up_to);
  return end > from ? end - from : 0;
}

/// Counts what lies behind one reader's place while the lane's records go by.
class behind_count {
 public:
  behind_count(const lane_place& place, std::uint64_t up_to) noexcept
      : place_(place), base_(place.ordinal), up_to_(up_to) {}

  /// The lane begins after the record `before`.
  void begin(std::uint64_t before) noexcept { found_.gone = count_between(base_, before, up_to_); }
  void take(const model::position& at, std::uint64_t before, std::uint64_t ordinal) {
    if (at == place_.at) {
      found_.ordinal = base_ = ordinal;
      found_.gone = 0;
    }
    if (at <= place_.at) return;
    found_.damaged += count_between(std::max(before, base_), ordinal - 1, up_to_);
    if (ordinal <= up_to_) ++found_.intact;
  }
  void end(std::uint64_t before, std::uint64_t last) noexcept {
    found_.damaged += count_between(std::max(before, base_), last, up_to_);
  }
  [[nodiscard]] const lane_behind& found() const noexcept { return found_; }

 private:
  lane_place place_;
  std::uint64_t base_;
  std::uint64_t up_to_;
  lane_behind found_;
};

result<lane_recount> recount_lane(contract::file_layer& files, model::lane in,
                                  const recovery_request& request, std::uint64_t up_to,
                                  const std::vector<reader_place>& readers) {
  lane_recount found;
  std::vector<behind_count> behind;
  for (const reader_place& r : readers) behind.emplace_back(r[model::index(in)], up_to);
  lane_recovery scan(files, in, request);
  if (auto opened = scan.open(); !opened) return tl::unexpected(opened.error());
  std::uint64_t before = 0;
  const auto begin = [&] {
    before = scan.begins_at() == 0 ? 0 : scan.begins_at() - 1;
    found.gone = std::min(before, up_to);
    for (behind_count& b : behind) b.begin(before);
  };
  for (bool begun = false;; begun = true) {
    const auto record = scan.next();
    if (!record) return tl::unexpected(record.error());
    if (!begun) begin();
    if (*record == nullptr) break;
    const std::uint64_t ordinal = scan.last_ordinal();
    found.damaged += count_between(before, ordinal - 1, up_to);
    if (ordinal <= up_to) ++found.intact;
    for (behind_count& b : behind) b.take((*record)->at, before, ordinal);
    found.last = before = ordinal;
  }
  const bool was_empty = scan.begins_at() == 0;
  const bool lost_end = scan.count_lost_end();
  if (was_empty) begin();
  if (lost_end) {
    found.damaged += count_between(before, scan.last_ordinal(), up_to);
    for (behind_count& b : behind) b.end(before, scan.last_ordinal());
  }
  for (const behind_count& b : behind) found.behind.push_back(b.found());
  return found;
}

/// A running node may remove a segment between the look at the directory and at the file.
template <class Read>
auto read_lane(Read&& read) {
  auto got = read();
  for (int left = tries - 1; left != 0 && !got && got.error().code == fault_code::not_found;
       --left) {
    got = read();
  }
  return got;
}

result<spool_id> read_id(contract::file_layer& files, const std::string& directory) {
  auto found = find_spool_id(files, directory);
  if (!found) return tl::unexpected(found.error());
  if (*found) return std::move(**found);
  return failure(fault_code::not_found, directory + " holds no spool: no spool.id, no segment");
}

}  // namespace

bool inspection::damaged() const noexcept {
  return std::any_of(lanes.begin(), lanes.end(), [](const lane_inspection& l) {
    return l.damaged_records != 0 || l.foreign_segments != 0;
  });
}

result<inspection> inspect(contract::file_layer& files, const std::string& directory,
                           const inspected_visitor& visit) {
  const auto id = read_id(files, directory);
  if (!id) return tl::unexpected(id.error());
  inspection all;
  all.uuid = id->uuid;
  all.incarnation = id->incarnation;
  const recovery_request request{directory, all.uuid, 0, id->extent};
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    auto lane = read_lane([&] { return inspect_lane(files, in, request, visit); });
    if (!lane) return tl::unexpected(lane.error());
    all.lanes.push_back(std::move(*lane));
  }
  return all;
}

result<spool_recount> recount(contract::file_layer& files, const std::string& directory,
                              const std::array<std::uint64_t, model::lane_count>& up_to,
                              const std::vector<reader_place>& readers) {
  const auto id = read_id(files, directory);
  if (!id) return tl::unexpected(id.error());
  const recovery_request request{directory, id->uuid, 0, id->extent};
  spool_recount all;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    auto lane = read_lane([&] { return recount_lane(files, in, request, up_to[i], readers); });
    if (!lane) return tl::unexpected(lane.error());
    all[i] = std::move(*lane);
  }
  return all;
}

}  // namespace fleetgate::spool
