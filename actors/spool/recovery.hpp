// What a start finds on disk: each lane's records in order, what is damaged, where the torn tail
// begins. Used once, by spool::open, on its thread. Limit: one read window a lane in memory, as
// large as the largest record in it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/file_layer.hpp"
#include "actors/contract/spool_reader.hpp"
#include "actors/spool/read_around.hpp"
#include "actors/spool/segment.hpp"
#include "actors/spool/spool_id.hpp"
#include "actors/spool/spool_view.hpp"

namespace fleetgate::spool {

struct lane_recovery_report {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;  // intact
  std::uint64_t bytes = 0;    // of segment files, what is torn left out
  /// Durable once, unreadable now. Exact, but for a ruin about which neither its successor nor
  /// spool.id says where it began: that counts as one.
  std::uint64_t damaged_records = 0;
  std::uint64_t damaged_ranges = 0;    // runs of them
  std::uint64_t torn_bytes = 0;        // behind the watermark and cut off
  std::uint64_t torn_segments = 0;     // at the end, without one intact record; removed
  std::uint64_t unread_segments = 0;   // below the visit bound, not scanned; readers verify them
  std::uint64_t foreign_segments = 0;  // of another spool or lane; left alone, never read
};

struct recovery_report {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged_records = 0;
  std::uint64_t damaged_ranges = 0;
  std::uint64_t torn_bytes = 0;
  std::uint64_t torn_segments = 0;
  std::uint64_t unread_segments = 0;
  std::uint64_t foreign_segments = 0;
  std::array<lane_recovery_report, model::lane_count> lanes{};
};

/// A segment as the journal keeps it.
struct kept_segment {
  segment_ptr shared;
  model::position last;  // of the last record that is readable
  std::uint64_t last_ordinal = 0;
  std::uint64_t bytes = 0;
  std::int64_t first_received_time_ns = 0;
};

struct recovered_lane {
  std::vector<kept_segment> segments;
  std::uint64_t next_ordinal = 1;
};

struct recovered_lanes {
  std::array<recovered_lane, model::lane_count> lanes;
  recovery_report report;
  std::uint64_t highest_lsn = 0;
};

std::string lane_directory(const std::string& spool_directory, model::lane in);

struct recovery_request {
  std::string directory;
  model::spool_uuid uuid;
  std::uint64_t visit_from_lsn = 0;
  spool_extent known;  // from spool.id
};

/// One lane's records from its files, in order.
class lane_recovery {
 public:
  lane_recovery(contract::file_layer& files, model::lane in, const recovery_request& request)
      : files_(files),
        directory_(lane_directory(request.directory, in)),
        in_(in),
        uuid_(request.uuid),
        visit_from_lsn_(request.visit_from_lsn),
        known_(request.known) {}

  /// Reads the segments' headers; one of which nothing can be read counts as damaged. Faults:
  /// storage_io, storage_damaged.
  result<void> open();
  /// The next intact record at or above the visit bound, or null at the end; valid until the next
  /// call.
  result<const contract::stored_record*> next();
  /// After the last record, changes nothing on disk. Faults: storage_io where the end of the lane
  /// may hold what was acknowledged last, and the disk did not give it.
  [[nodiscard]] result<void> check_end() const;
  /// After the last record, changes nothing on disk: counts as damaged what was durable and should
  /// lie behind it; false where nothing should.
  bool count_lost_end();
  /// After the last record: cuts the torn tail, removes what is void, makes the rest durable.
  /// Faults: storage_io, storage_full.
  result<void> finish();

  [[nodiscard]] const lane_recovery_report& report() const noexcept { return report_; }
  [[nodiscard]] std::size_t found_segments() const noexcept { return found_.size(); }
  /// After open: of how many of them nothing can be read.
  [[nodiscard]] std::size_t unreadable_segments() const noexcept;
  /// Where the lane begins, as far as the walk has come: 0 where nothing has told yet.
  [[nodiscard]] std::uint64_t begins_at() const noexcept { return begins_at_; }
  /// Of what `next` gave last; after `count_lost_end`, of the last record there should be.
  [[nodiscard]] std::uint64_t last_ordinal() const noexcept { return expected_ordinal_ - 1; }
  [[nodiscard]] std::uint64_t highest_lsn() const noexcept { return highest_lsn_; }
  /// Of what `next` gave, everything up to this lsn was durable when something later was written.
  [[nodiscard]] std::uint64_t surely_durable() const noexcept {
    return first_unsure_lsn_ == 0 ? highest_count : first_unsure_lsn_ - 1;
  }
  [[nodiscard]] recovered_lane take() noexcept { return std::move(result_); }

 private:
  struct found_segment {
    std::string path;
    std::uint64_t name_lsn = 0;
    std::uint64_t size = 0;
    std::optional<segment_header> header;
    std::uint64_t scan_end = 0;        // where the next segment says that this one ends
    std::uint64_t ordinal_bound = 0;   // records from here on are void: a later segment has them
    std::uint64_t unread_until = 0;    // not 0: not scanned, the next segment's first ordinal
    std::uint64_t next_first_lsn = 0;  // only where unread_until != 0
    bool is_unreadable = false;        // the disk gives nothing of it
    block_set unread;                  // what the disk did not give, at any time
    bool closed = false;               // it had records, for its successor says nothing else
    std::uint64_t told_ordinal = 0;    // its first one as the next segment says; 0: it does not
    // What the scan found.
    std::uint64_t first_ordinal = 0;
    std::uint64_t intact_end = segment_header_bytes;
    std::uint64_t records = 0;
    std::uint32_t incarnation = 0;
    model::position last;
    std::uint64_t last_ordinal = 0;
    std::int64_t first_received_time_ns = 0;
  };

  result<void> inspect(const std::string& name, std::uint64_t name_lsn);
  void bound_segments();
  result<void> enter_segment();
  bool take_record(const record_header& header, byte_view bytes);
  void expect_from(std::uint64_t ordinal);
  [[nodiscard]] std::uint64_t noted_first_ordinal() const noexcept;
  [[nodiscard]] std::uint64_t first_ordinal_unseen() const noexcept;
  void place_ruins();
  void pass_unread(found_segment& s);
  void cut_tail();
  result<void> make_tail_durable();
  result<std::uint64_t> tail_offset(const found_segment& s);
  void keep(const found_segment& s);

  contract::file_layer& files_;
  std::string directory_;
  model::lane in_;
  model::spool_uuid uuid_;
  std::uint64_t visit_from_lsn_;
  spool_extent known_;
  std::vector<found_segment> found_;
  std::vector<std::string> void_paths_;
  std::size_t current_ = 0;
  std::unique_ptr<contract::file> file_;
  std::optional<segment_walk> walk_;
  std::vector<std::byte> window_;
  contract::stored_record record_;
  std::uint64_t expected_ordinal_ = 0;  // 0: not known yet
  std::uint64_t begins_at_ = 0;         // the first it was, not 0
  std::uint64_t watermark_ = 0;         // the highest ordinal that is known to have been durable
  std::uint64_t highest_lsn_ = 0;
  std::uint64_t first_unsure_lsn_ = 0;  // of a record that may be in the page cache only; 0: none
  lane_recovery_report report_;
  recovered_lane result_;
};

/// Records in the order of their positions. Those above `durable_lsn` may be in the page cache
/// only, as long as the start has not finished.
using recovered_visitor =
    std::function<void(const contract::stored_record&, std::uint64_t durable_lsn)>;

/// All lanes, their records merged by position. What was recovered is durable when this returns,
/// also what a killed process had written and not synced.
result<recovered_lanes> recover_lanes(contract::file_layer& files, const recovery_request& request,
                                      const recovered_visitor& visit);

/// Of the spool that lies there, by spool.id or else by its segments; nothing: none. Faults:
/// storage_io, storage_damaged (segments, and nothing says whose).
result<std::optional<spool_id>> find_spool_id(contract::file_layer& files,
                                              const std::string& directory);

}  // namespace fleetgate::spool
