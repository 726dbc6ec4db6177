// One seed's story: a fleet, a node, a disk, its faults, and the oracle that looks at what is left
// after each of them. Owned by a test; one thread.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/accounts/sink_audit.hpp"
#include "actors/sink/sqlite_counts.hpp"
#include "actors/spool/inspection.hpp"
#include "tests/sim/sim_fleet.hpp"

namespace fleetgate::sim {

using spool::testing::disk_op;

/// What may go wrong; how often each did.
enum class trouble : std::size_t {
  cut,              // power goes in the middle of an operation
  cut_while_quiet,  // between two
  cut_at_start,     // while the node recovers
  kill,             // what was written stays
  failed_sync,      // its dirty pages are dropped, and the next sync succeeds
  failed_write,
  full_disk,  // and room again
  stall,      // one stage stands still while time goes on
};
inline constexpr std::array<const char*, 8> trouble_names{
    "cut",         "cut while quiet", "cut at start", "kill",
    "failed sync", "failed write",    "full disk",    "stall"};
inline constexpr std::size_t troubles = trouble_names.size();
using trouble_counts = std::array<std::uint64_t, troubles>;

struct verdict {
  std::vector<std::string> violations;
  trouble_counts met{};
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t rows = 0;
  /// Records that are counted as damaged: of a torn group a later record may be whole, and then
  /// nothing tells the missing one from one that was durable.
  std::uint64_t gaps = 0;
  std::uint64_t resends = 0;
  std::uint64_t refusals = 0;
};

class sim_world {
 public:
  explicit sim_world(std::uint64_t seed, planted_bug bug = planted_bug::none)
      : random_(seed), seed_(seed), bug_(bug), vfs_(disk_), fleet_(seed * 7919 + 1) {
    disk_.random.seed(seed * 31 + 7);
    disk_.before = [this](disk_op op, const std::string& path) { return weather(op, path); };
  }
  ~sim_world() { end_process(true); }
  sim_world(const sim_world&) = delete;
  sim_world& operator=(const sim_world&) = delete;

  /// Several lives, then everything that is owed is delivered, then one more cut.
  verdict run() {
    bring_up();
    for (std::uint64_t lives = 3 + random_() % 3; lives != 0 && clean(); --lives) {
      live();
      bring_up();
    }
    if (clean()) drain();
    if (clean()) check_delivered();
    if (clean()) {
      end_process(false);
      bring_up();
    }
    return finish();
  }

  // The steps of it, for tests with a plot of their own.
  void bring_up();
  /// Without a look at what is there.
  result<void> start();
  void open_sink();
  void act(std::uint64_t steps);
  void drain();
  void check_delivered();
  void end_process(bool killed);
  verdict finish();

  [[nodiscard]] bool clean() const { return verdict_.violations.empty(); }
  [[nodiscard]] sim_node& node() { return *node_; }
  [[nodiscard]] sim_fleet& fleet() { return fleet_; }
  [[nodiscard]] spool::testing::fault_file_layer& disk() { return disk_; }
  void step();
  /// Payloads in the sink's database, with how often.
  std::map<std::string, int> rows();
  /// In these runs memory holds two or three windows: nothing may be lost then, but what is pending
  /// for long leaves no room, and some is stored twice.
  [[nodiscard]] bool has_few_windows() const noexcept { return seed_ % 8 == 0; }
  /// Payloads that a reader still finds in the spool behind `from`.
  std::set<std::string> readable(const contract::cursor& from);

 private:
  struct condition {
    std::uint64_t steps = 0;  // left
    std::optional<fault_code> sync, write;
    std::string where;
    std::uint64_t one_in = 1;
    int standing = -1;  // the stage that does nothing
  };

  void live();
  void change_weather();
  std::optional<fault_code> weather(disk_op op, const std::string& path);
  void check();
  void check_rows(const std::map<std::string, int>& found);
  void check_account();
  void violated(std::string what) { verdict_.violations.push_back(std::move(what)); }
  void met(trouble t) { ++verdict_.met[static_cast<std::size_t>(t)]; }

  std::mt19937_64 random_;
  const std::uint64_t seed_;
  const planted_bug bug_;
  spool::testing::fault_file_layer disk_;
  disk_vfs vfs_;
  sim_fleet fleet_;
  std::unique_ptr<sim_node> node_;
  std::uint64_t now_ns_ = 1'000'000'000;
  std::uint64_t starts_ = 0;
  condition weather_;
  bool calm_ = true;
  verdict verdict_;
};

inline std::optional<fault_code> sim_world::weather(disk_op op, const std::string& path) {
  if (calm_ || weather_.steps == 0 || path.find(weather_.where) == std::string::npos) return {};
  if (random_() % weather_.one_in != 0) return {};
  if (op == disk_op::sync || op == disk_op::sync_directory) {
    if (weather_.sync && op == disk_op::sync) met(trouble::failed_sync);
    return weather_.sync;
  }
  if (op == disk_op::write || op == disk_op::create) {
    if (weather_.write == fault_code::storage_full) met(trouble::full_disk);
    if (weather_.write == fault_code::storage_io) met(trouble::failed_write);
    return weather_.write;
  }
  const bool changes = op == disk_op::truncate || op == disk_op::remove;
  return changes && weather_.write == fault_code::storage_io ? weather_.write : std::nullopt;
}

inline void sim_world::change_weather() {
  if (weather_.steps != 0) {
    --weather_.steps;
    return;
  }
  if (random_() % 40 != 0) return;
  weather_ = {};
  weather_.steps = 5 + random_() % 60;
  weather_.one_in = 1 + random_() % 3;
  constexpr std::array<const char*, 5> places{"", "/data/spool", "/data/state.db", "/sink/",
                                              "-wal"};
  weather_.where = places[random_() % places.size()];
  switch (random_() % 4) {
    case 0:
      weather_.sync = fault_code::storage_io;
      break;
    case 1:
      weather_.write = fault_code::storage_io;
      break;
    case 2:
      weather_.write = fault_code::storage_full;
      break;
    case 3:
      weather_.standing = static_cast<int>(random_() % 4);
      met(trouble::stall);
      break;
  }
}

/// One move of one stage. What the node says after the power went is not heard.
inline void sim_world::step() {
  now_ns_ += random_() % 20'000'000;
  if (weather_.standing >= 0 && weather_.steps != 0) now_ns_ += 100'000'000;
  node_->at(now_ns_);
  const auto stage = static_cast<int>(random_() % 12);
  if (stage == weather_.standing && weather_.steps != 0) return;
  switch (stage) {
    case 0:
      node_->dedup_turn();
      break;
    case 1:
      node_->spool_turn();
      break;
    case 2:
      node_->sink_turn();
      break;
    case 3:
      node_->snapshot_turn();
      break;
    case 4:
      fleet_.step(*node_, now_ns_);
      break;
    case 5:
      node_->tick();
      if (random_() % 8 == 0) node_->want_snapshot();
      break;
    default:  // a round as the real one goes, all in their places
      fleet_.step(*node_, now_ns_);
      node_->dedup_turn();
      node_->spool_turn();
      if (weather_.standing != 2 || weather_.steps == 0) node_->sink_turn();
      node_->snapshot_turn();
      break;
  }
  if (disk_.crashed()) return;
  fleet_.take(node_->take_receipts());
}

inline void sim_world::act(std::uint64_t steps) {
  for (; steps != 0 && !disk_.crashed(); --steps) {
    if (!calm_) change_weather();
    step();
  }
}

inline void sim_world::live() {
  calm_ = random_() % 3 == 0;
  const std::uint64_t steps = 40 + random_() % 160;
  const std::uint64_t end = random_() % 5;
  if (end >= 2) disk_.crash_at = disk_.operations() + 1 + random_() % 600;
  act(steps);
  if (disk_.crashed())
    met(trouble::cut);
  else
    met(end == 0 ? trouble::kill : trouble::cut_while_quiet);
  const bool killed = end == 0 && !disk_.crashed();
  end_process(killed);
  if (random_() % 4 == 0) disk_.crash_at = 1 + random_() % 60;  // also while it starts
}

inline void sim_world::end_process(bool killed) {
  vfs_.stop();
  const bool settle = !killed;
  disk_.kill();  // from here on no handle changes anything
  node_.reset();
  fleet_.disconnect();
  if (settle) disk_.cut_power();
  vfs_.restart();
}

inline result<void> sim_world::start() {
  node_ =
      std::make_unique<sim_node>(disk_, vfs_, seed_ * 1000 + ++starts_, bug_, has_few_windows());
  now_ns_ += 1'000'000'000;
  return node_->start(now_ns_);
}

inline void sim_world::bring_up() {
  calm_ = true;
  weather_ = {};
  for (int tries = 0; tries < 20; ++tries) {
    const auto up = start();
    if (up && !disk_.crashed()) {
      disk_.crash_at = 0;
      return check();
    }
    if (!disk_.crashed()) {
      return violated("start " + std::to_string(starts_) +
                      " fails: " + (up ? std::string() : to_string(up.error())));
    }
    met(trouble::cut_at_start);
    end_process(false);
  }
}

/// Until nothing is on its way any more.
inline void sim_world::drain() {
  calm_ = true;
  weather_ = {};
  fleet_.finish();
  for (int rounds = 0; rounds < 4000; ++rounds) {
    act(5);
    if (!fleet_.waits() && node_->idle()) break;
  }
  const std::string sink = node_->sink_state();
  if (fleet_.waits()) violated("some messages are never acknowledged; the sink " + sink);
  if (!node_->idle()) violated("the sink does not catch up: it " + sink);
  verdict_.gaps += node_->damaged_read();
}

inline void sim_world::check_delivered() {
  const auto in_database = rows();
  check_rows(in_database);
  check_account();
  for (const auto& [payload, m] : fleet_.sent()) {
    if (m.acknowledged && in_database.count(payload) == 0) {
      ++verdict_.lost;
      violated("acknowledged and not delivered: " + payload.substr(0, 12));
    }
  }
}

inline std::map<std::string, int> sim_world::rows() {
  std::map<std::string, int> found;
  std::set<std::string> keys;
  auto db = sqlite::database::open({sink_path, {}, fault_code::sink_unavailable, vfs_.name()});
  if (!db) {
    violated("the sink's database: " + to_string(db.error()));
    return found;
  }
  auto select = db->prepare("SELECT payload, device_id, epoch, sequence FROM messages ORDER BY id");
  if (!select) {
    violated("the sink's database: " + to_string(select.error()));
    return found;
  }
  for (;;) {
    const auto row = select->step();
    if (!row) violated("the sink's database: " + to_string(row.error()));
    if (!row || !*row) return found;
    const std::string payload(select->bytes(0));
    ++found[payload];
    const auto sent = fleet_.sent().find(payload);
    if (sent == fleet_.sent().end()) {
      violated("a row that nobody sent: " + payload.substr(0, 12));
    } else if (sent->second.sequence) {
      const std::string key = std::string(select->bytes(1)) + "/" +
                              std::to_string(select->integer(2)) + "/" +
                              std::to_string(select->integer(3));
      if (!keys.insert(key).second && !has_few_windows()) {
        ++verdict_.duplicates;
        violated("two rows of key " + key);
      }
      if (static_cast<std::uint64_t>(select->integer(3)) != *sent->second.sequence) {
        violated("a row with another one's sequence: " + payload.substr(0, 12));
      }
    }
  }
}

inline std::set<std::string> sim_world::readable(const contract::cursor& from) {
  std::set<std::string> found;
  const auto reader = spool::make_reader(disk_, node_->spool().view());
  if (const auto sought = reader->seek(from); !sought) {
    violated("the sink's cursor: " + to_string(sought.error()));
    return found;
  }
  contract::read_block block;
  for (;;) {
    const auto read = reader->read(block, 1 << 20, 1000);
    if (!read) violated("the spool: " + to_string(read.error()));
    if (!read || block.empty()) return found;
    for (const contract::stored_record& r : block.records) {
      if (!sink::is_deliverable(r)) continue;
      const std::string payload(as_text(r.envelope.payload));
      const auto sent = fleet_.sent().find(payload);
      if (sent == fleet_.sent().end())
        violated("a record that nobody sent: " + payload.substr(0, 12));
      else if (!found.insert(payload).second && sent->second.once && !has_few_windows())
        violated("two records of " + payload.substr(0, 12));
    }
  }
}

inline void sim_world::check_rows(const std::map<std::string, int>& found) {
  if (has_few_windows()) return;
  for (const auto& [payload, count] : found) {
    const auto sent = fleet_.sent().find(payload);
    if (sent == fleet_.sent().end() || !sent->second.once || count == 1) continue;
    ++verdict_.duplicates;
    violated("two rows of " + payload.substr(0, 12));
  }
}

/// As `fleetgate audit` compares: what the sink counted, what it really has, and what is left.
inline void sim_world::check_account() {
  const auto counts = sink::read_counts(sink_path, vfs_.name());
  if (!counts) return violated("the sink's counts: " + to_string(counts.error()));
  if (counts->readers.empty()) return;  // it has delivered nothing yet
  const sink::reader_counts& reader = counts->readers.front();
  accounts::statement said;
  accounts::sink_statement sink{reader.name,       reader.lanes,    {}, counts->rows,
                                counts->uncounted, counts->removed, 0};
  spool::reader_place place;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    said.journal.durable[i] = said.journal.last[i] = node_->spool().durable_ordinal(in);
    place[i] = {reader.at.lanes[i], reader.lanes[i].ordinal.value_or(0)};
    // Where spool.id is lost, and the lane's end with it, the lane counts from 1 again. The
    // journal's account tells; the sink's follows with the next record.
    if (said.journal.durable[i] < place[i].ordinal) sink.lanes[i].ordinal.reset();
    sink.delivered += reader.lanes[i].delivered;
  }
  const auto found = spool::recount(disk_, "/data/spool", said.journal.durable, {place});
  if (!found) return violated("the spool's recount: " + to_string(found.error()));
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const spool::lane_behind& b = (*found)[i].behind.front();
    sink.behind[i] = {b.gone, b.intact, b.damaged, b.ordinal};
  }
  for (const auto& e : accounts::audit_sink(said, sink)) {
    if (e.balanced()) continue;
    std::string terms;
    for (const auto* side : {&e.left, &e.right}) {
      for (const auto& t : *side) terms += " " + t.name + " " + std::to_string(t.value);
      terms += side == &e.left ? " =" : "";
    }
    violated(e.name + " at start " + std::to_string(starts_) + ":" + terms);
  }
}

inline void sim_world::open_sink() {
  for (int tries = 0; tries < 20 && !node_->sink().is_running(); ++tries) {
    now_ns_ += 3'000'000'000;
    node_->at(now_ns_);
    node_->sink_turn();
  }
}

/// After a start, before anything is delivered: what is owed is in the database or can still come,
/// and not both.
inline void sim_world::check() {
  open_sink();
  if (!node_->sink().is_running()) {
    return violated("the sink does not open: it " + node_->sink_state());
  }
  const auto in_database = rows();
  const auto in_spool = readable(node_->sink_cursor());
  check_rows(in_database);
  check_account();
  for (const auto& [payload, m] : fleet_.sent()) {
    const bool delivered = in_database.count(payload) != 0;
    const bool waiting = in_spool.count(payload) != 0;
    if (delivered && waiting && m.once && !has_few_windows()) {
      ++verdict_.duplicates;
      violated("delivered, and to be delivered again: " + payload.substr(0, 12));
    }
    if (!m.acknowledged) continue;
    if (!delivered && (!waiting || m.level == ack_level::committed)) {
      ++verdict_.lost;
      violated("acknowledged and lost at start " + std::to_string(starts_) + ": " +
               std::string(model::to_string(m.level)) + " " + payload.substr(0, 12));
    }
  }
}

inline verdict sim_world::finish() {
  for (const auto& [payload, m] : fleet_.sent()) {
    if (m.acknowledged) ++verdict_.acknowledged;
  }
  if (clean()) {
    for (const auto& [payload, count] : rows()) {
      verdict_.rows += static_cast<std::uint64_t>(count);
    }
  }
  verdict_.resends = fleet_.resends();
  verdict_.refusals = fleet_.refusals();
  return verdict_;
}

}  // namespace fleetgate::sim
