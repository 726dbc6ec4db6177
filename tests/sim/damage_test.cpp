// Promise T19 for a whole node: while it is down bits flip, files become shorter, and blocks of the
// disk can be read no more, or not for a while. All that was damaged is counted, all the rest is
// delivered, nothing wrong is. FLEETGATE_SEEDS: how many.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>

#include "actors/spool/inspection.hpp"
#include "actors/spool/recovery.hpp"
#include "actors/spool/segment.hpp"
#include "tests/sim/seeds.hpp"
#include "tests/sim/sim_fleet.hpp"

namespace fleetgate::sim {
namespace {

struct stored {
  std::string path;
  std::uint64_t offset = 0, end = 0;
  std::string payload;  // "": a mark
};

class damaged_node {
 public:
  explicit damaged_node(std::uint64_t seed) : random_(seed), seed_(seed), fleet_(seed) {
    disk_.random.seed(seed);
  }

  /// The sink stands still, so that everything stays in the spool.
  void fill(std::uint64_t rounds) {
    start();
    for (; rounds != 0; --rounds) {
      node_->at(now_ns_ += 10'000'000);
      fleet_.step(*node_, now_ns_);
      node_->dedup_turn();
      node_->spool_turn();
      fleet_.take(node_->take_receipts());
    }
  }
  void close() { ASSERT_TRUE(node_->close()); }
  void end_process() {
    vfs_.stop();
    disk_.kill();
    node_.reset();
    vfs_.restart();
    disk_.settle_by_hand();
  }
  void start() {
    node_ = std::make_unique<sim_node>(disk_, vfs_, seed_, planted_bug::none);
    const auto up = node_->start(now_ns_ += 1'000'000'000);
    ASSERT_TRUE(up) << to_string(up.error());
  }

  /// What lies in the files, found by their headers alone.
  std::vector<stored> catalog() {
    std::vector<stored> found;
    for (const std::string& path : disk_.paths(".seg")) {
      const auto header = spool::decode_segment_header(as_bytes(disk_.bytes(path)));
      EXPECT_TRUE(header) << path;
      if (!header) continue;
      const auto file = disk_.open_for_reading(path);
      spool::segment_walk walk(spool::reading_around(**file),
                               spool::segment_seed(header->spool, header->first_lsn),
                               spool::segment_header_bytes, disk_.bytes(path).size());
      std::vector<std::byte> memory;
      for (auto more = walk.next_in(memory); more && *more; more = walk.next_in(memory)) {
        contract::stored_record r;
        EXPECT_TRUE(spool::decode_record(walk.bytes(), walk.header(), header->in, r)) << path;
        const bool is_message = sink::is_deliverable(r);
        found.push_back({path, walk.offset() - walk.header().total_bytes(), walk.offset(),
                         is_message ? std::string(as_text(r.envelope.payload)) : ""});
      }
    }
    return found;
  }

  /// Flips a bit in some of the records, cuts a file, or spoils a block; returns the indices of
  /// what it hit.
  std::set<std::size_t> damage(const std::vector<stored>& records) {
    std::set<std::size_t> hit;
    const std::uint64_t kind = random_() % 4;
    if (kind == 0) {
      const stored& at = records[random_() % records.size()];
      constexpr std::uint64_t block = 4096;
      const std::uint64_t from = (at.end - 1) / block * block;
      // Where a segment's header is lost, the oldest of a lane is not counted to the last record.
      if (from == 0) return hit;
      for (std::size_t i = 0; i < records.size(); ++i) {
        const stored& r = records[i];
        if (r.path == at.path && has_bytes(r, from, from + block)) hit.insert(i);
      }
      disk_.spoil(at.path, from, from + block);
    } else if (kind == 1) {
      const stored& at = records[random_() % records.size()];
      // Never exactly between two records, which looks like nothing at all in a last segment.
      const std::uint64_t size = at.offset + random_() % (at.end - at.offset) / 8 * 8 + 4;
      for (std::size_t i = 0; i < records.size(); ++i) {
        if (records[i].path == at.path && records[i].end > size) hit.insert(i);
      }
      disk_.bytes(at.path).resize(static_cast<std::size_t>(size));
    } else {
      for (std::uint64_t n = 1 + random_() % 6; n != 0; --n) {
        const std::size_t i = random_() % records.size();
        const stored& at = records[i];
        // Half of them in the header, where the lengths are.
        const std::uint64_t within =
            random_() % 2 == 0 ? spool::record_header_bytes : at.end - at.offset;
        const auto byte = static_cast<std::size_t>(at.offset + random_() % within);
        if (!hit.insert(i).second) continue;
        disk_.bytes(at.path)[byte] ^= static_cast<char>(1 << random_() % 8);
      }
    }
    disk_.settle_by_hand();
    return hit;
  }

  /// The disk does not give the end of a lane that is owed something, for some reads.
  void spoil_an_end() {
    std::vector<std::string> lasts;
    for (std::size_t i = 0; i < model::lane_count; ++i) {
      const auto in = static_cast<model::lane>(i);
      const auto there = disk_.paths(spool::lane_directory("/data/spool", in) + "/");
      if (model::is_owed(in) && !there.empty()) lasts.push_back(there.back());
    }
    const std::string& last = lasts[random_() % lasts.size()];
    const std::uint64_t size = disk_.bytes(last).size();
    disk_.spoil(last, random_() % size, size);
    disk_.before = [this, left = random_() % 256](spool::testing::disk_op op,
                                                  const std::string&) mutable {
      if (op == spool::testing::disk_op::read && left-- == 0) disk_.heal();
      return std::optional<fault_code>();
    };
  }
  /// True where the node came up.
  bool try_start() {
    node_ = std::make_unique<sim_node>(disk_, vfs_, seed_, planted_bug::none);
    return node_->start(now_ns_ += 1'000'000'000).has_value();
  }
  void heal() {
    disk_.before = nullptr;
    disk_.heal();
  }

  std::uint64_t inspected_damage() {
    const auto found = spool::inspect(disk_, "/data/spool");
    EXPECT_TRUE(found);
    std::uint64_t sum = 0;
    for (const spool::lane_inspection& l : found->lanes) sum += l.damaged_records;
    return sum;
  }
  std::multiset<std::string> delivered() {
    for (int i = 0; i < 20'000 && !(node_->sink().is_running() && node_->idle()); ++i) {
      node_->at(now_ns_ += 200'000'000);
      node_->dedup_turn();
      node_->spool_turn();
      node_->sink_turn();
    }
    EXPECT_TRUE(node_->idle()) << node_->sink_state();
    std::multiset<std::string> found;
    auto db = sqlite::database::open({sink_path, {}, fault_code::sink_unavailable, vfs_.name()});
    auto select = db->prepare("SELECT payload FROM messages");
    for (auto row = select->step(); row && *row; row = select->step()) {
      found.emplace(select->bytes(0));
    }
    return found;
  }
  sim_node& node() { return *node_; }

 private:
  /// Whether zeroes from `from` to before `to` would change it.
  bool has_bytes(const stored& r, std::uint64_t from, std::uint64_t to) {
    from = std::max(from, r.offset);
    to = std::min(to, r.end);
    return from < to && disk_.bytes(r.path).substr(from, to - from) != std::string(to - from, '\0');
  }

  std::mt19937_64 random_;
  const std::uint64_t seed_;
  spool::testing::fault_file_layer disk_;
  disk_vfs vfs_{disk_};
  sim_fleet fleet_;
  std::unique_ptr<sim_node> node_;
  std::uint64_t now_ns_ = 1'000'000'000;
};

TEST(damage, is_counted_to_the_last_record_and_the_rest_is_delivered) {
  std::uint64_t hit = 0, counted = 0, torn = 0, kept = 0;
  for (const std::uint64_t seed : seeds_to_run(60)) {
    SCOPED_TRACE(how_to_repeat("damage.*", seed));
    const bool clean = seed % 2 == 0;
    damaged_node n(seed);
    n.fill(60 + seed % 60);
    if (clean) n.close();
    n.end_process();
    const auto records = n.catalog();
    ASSERT_GT(records.size(), 50U);
    const auto damaged = n.damage(records);
    if (clean) {
      EXPECT_EQ(n.inspected_damage(), damaged.size());
    }
    n.start();
    const spool::recovery_report& report = n.node().spool().recovered();
    const bool tail = report.torn_bytes != 0 || report.torn_segments != 0;
    EXPECT_LE(report.damaged_records, damaged.size());
    // Only what lay at the very end of a lane that was not closed may have become a torn tail.
    EXPECT_TRUE(report.damaged_records == damaged.size() || (tail && !clean));
    EXPECT_EQ(report.records + damaged.size(), records.size()) << "the rest was not recovered";
    std::multiset<std::string> expected;
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (damaged.count(i) == 0 && !records[i].payload.empty()) expected.insert(records[i].payload);
    }
    EXPECT_EQ(n.delivered(), expected);
    hit += damaged.size();
    counted += report.damaged_records;
    torn += tail ? 1 : 0;
    kept += expected.size();
    if (HasFailure()) return;
  }
  std::cout << hit << " records damaged, " << counted << " counted, the others in " << torn
            << " torn tails; " << kept << " messages delivered\n";
}

TEST(damage, that_the_disk_takes_back_has_cost_nothing) {
  std::uint64_t refused = 0;
  for (const std::uint64_t seed : seeds_to_run(60)) {
    SCOPED_TRACE(how_to_repeat("damage.*", seed));
    damaged_node n(seed);
    n.fill(60 + seed % 60);
    n.end_process();
    const auto records = n.catalog();
    n.spoil_an_end();
    const bool is_up = n.try_start();
    n.heal();
    if (!is_up) {
      ++refused;
      n.end_process();
      n.start();
    }
    EXPECT_EQ(n.node().spool().recovered().records, records.size());
    std::multiset<std::string> expected;
    for (const stored& r : records) {
      if (!r.payload.empty()) expected.insert(r.payload);
    }
    EXPECT_EQ(n.delivered(), expected);
    if (HasFailure()) return;
  }
  std::cout << refused << " starts refused\n";
}

}  // namespace
}  // namespace fleetgate::sim
