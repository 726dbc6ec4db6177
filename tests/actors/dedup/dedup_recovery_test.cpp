// Snapshot, crash, restore, replay: what comes back behaves as what never crashed.
#include <algorithm>
#include <random>
#include <set>

#include "tests/actors/dedup/dedup_fixture.hpp"

namespace fleetgate::dedup {
namespace {

using model::record_kind;

/// The spool as dedup sees it: records in order of lsn.
class spool_of_records : public dedup_test {
 protected:
  struct record {
    owned_envelope envelope;  // epoch and trace as decided
    model::position at;
  };

  void keep(const owned_envelope& o, const model::envelope& decided, std::uint64_t lsn) {
    owned_envelope r = o;
    r.e.epoch = decided.epoch;
    r.e.epoch_from = decided.epoch_from;
    r.e.trace = decided.trace;
    r.e.session = decided.session;
    records_.push_back({std::move(r), {1, lsn}});
  }
  /// Decides and, where it is accepted, writes and settles.
  bool store(const owned_envelope& o) {
    const auto ticket = decide(o);
    if (!ticket) return false;
    settle(*ticket);
    keep(o, last_, lsn_);
    return true;
  }
  void replay(std::uint64_t after) {
    std::sort(records_.begin(), records_.end(),
              [](const record& a, const record& b) { return a.at < b.at; });
    for (const auto& r : records_) {
      if (r.at.lsn <= after) continue;
      contract::stored_record found;
      found.envelope = r.envelope.view();
      found.at = r.at;
      found.in = model::lane_of(found.envelope.cls, found.envelope.level);
      brain_->recover(found, found.at.lsn);
    }
  }
  std::vector<record> records_;
};

class recovery : public spool_of_records {};

TEST_F(recovery, from_the_spool_alone) {
  store(opening(1, false, hour));
  store(in_epoch(1, 1));
  store(message(1, "a"));
  store(qos2(5));
  store(qos2(6));
  store(mark(record_kind::release, 1, 6));
  auto plain = message(std::nullopt);
  plain.e.packet_id = 9;
  store(plain);
  EXPECT_EQ(restart(), 0u);
  replay(0);
  EXPECT_FALSE(pass(in_epoch(1, 1)));
  EXPECT_FALSE(pass(message(1, "a")));
  answers();
  EXPECT_FALSE(decide(opening(2, false, hour)));
  EXPECT_TRUE(only_answer().session_present);
  EXPECT_FALSE(pass(qos2(5, "p", 2)));
  EXPECT_TRUE(pass(qos2(6, "p", 2)));
  plain.e.dup = true;
  plain.e.connection = connection(2);
  EXPECT_FALSE(pass(plain));
}

TEST_F(recovery, a_snapshot_covers_only_what_is_settled) {
  store(in_epoch(1, 1));
  const auto pending = decide(in_epoch(1, 2));
  store(in_epoch(1, 3));
  take_snapshot();
  EXPECT_EQ(restart(), 1u);
  EXPECT_FALSE(pass(in_epoch(1, 3))) << "later entries may already be in it";
  EXPECT_TRUE(pass(in_epoch(1, 2))) << "what was pending is not";
  EXPECT_TRUE(pending);
}

TEST_F(recovery, a_snapshot_in_parts_covers_nothing_before_its_last_part) {
  for (int n = 0; n < 50; ++n) {
    auto m = in_epoch(1, 1);
    m.device = "d" + std::to_string(n);
    store(m);
  }
  int parts = 0;
  do {
    std::vector<contract::state_change> changes;
    const auto covers = brain_->snapshot(changes, 200);
    EXPECT_EQ(covers, brain_->snapshot_incomplete() ? 0u : 50u);
    EXPECT_TRUE(store_.apply(changes));
    brain_->snapshot_stored(true);
    ++parts;
    auto again = in_epoch(1, 2);
    again.device = "d0";
    store(again);
  } while (brain_->snapshot_incomplete());
  EXPECT_GT(parts, 10);
  EXPECT_EQ(restart(), 50u);
}

TEST_F(recovery, a_failed_part_starts_the_snapshot_anew) {
  for (int n = 0; n < 50; ++n) {
    auto m = in_epoch(1, 1);
    m.device = "d" + std::to_string(n);
    store(m);
  }
  std::vector<contract::state_change> lost;
  brain_->snapshot(lost, 200);
  brain_->snapshot_stored(false);
  EXPECT_FALSE(brain_->snapshot_incomplete());
  take_snapshot();
  EXPECT_EQ(restart(), 50u);
  for (int n = 0; n < 50; ++n) {
    auto m = in_epoch(1, 1);
    m.device = "d" + std::to_string(n);
    ASSERT_FALSE(pass(m)) << n;
  }
}

TEST_F(recovery, level_committed_comes_back_pending_until_the_readers_have_passed) {
  auto m = in_epoch(1, 1);
  m.e.level = model::ack_level::committed;
  auto second = in_epoch(1, 2);
  second.e.level = model::ack_level::committed;
  for (const auto* o : {&m, &second}) {
    decide(*o);
    keep(*o, last_, ++lsn_);
  }
  restart();
  replay(0);
  EXPECT_EQ(brain_->recovered_pending(), 2u);
  EXPECT_FALSE(decide(m));
  EXPECT_FALSE(decide(second));
  EXPECT_TRUE(answers().empty()) << "no sink has it: not committed";
  std::array<model::position, model::lane_count> passed{};
  passed[model::index(model::lane_of(m.e.cls, m.e.level))] = {1, 1};
  brain_->required_passed(passed, receipts_);
  EXPECT_EQ(only_answer().result, outcome::duplicate);
  EXPECT_FALSE(decide(m));
  EXPECT_EQ(only_answer().result, outcome::duplicate);
  take_snapshot();
  brain_->required_passed(dedup::nobody_required(), receipts_);
  EXPECT_EQ(only_answer().result, outcome::duplicate);
  EXPECT_EQ(brain_->recovered_pending(), 0u);
  EXPECT_EQ(restart(), 1u) << "the snapshot stopped before what was pending";
}

TEST_F(recovery, what_comes_back_pending_counts_as_committed) {
  const auto committed = [](std::uint64_t sequence) {
    auto o = in_epoch(1, sequence);
    o.e.level = model::ack_level::committed;
    o.e.waits_for_room = true;
    return o;
  };
  limits_.pending = 8;
  brain_ = std::make_unique<dedup>(limits_, &store_);
  for (std::uint64_t n = 1; n <= 4; ++n) {
    const auto o = committed(n);
    decide(o);
    keep(o, last_, ++lsn_);
  }
  EXPECT_EQ(decide(committed(5)), dedup::no_room);
  restart();
  replay(0);
  EXPECT_EQ(decide(committed(5)), dedup::no_room);
  EXPECT_NE(decide(in_epoch(1, 6)).value_or(dedup::no_room), dedup::no_room);
  brain_->required_passed(dedup::nobody_required(), receipts_);
  EXPECT_NE(decide(committed(5)).value_or(dedup::no_room), dedup::no_room);
}

TEST_F(recovery, replaying_what_the_snapshot_holds_changes_nothing) {
  store(message(1, "a"));
  store(message(1, "b"));
  store(message(1, "c"));
  store(message(2, "c2"));
  take_snapshot();
  restart();
  const auto before = store_.tables;
  replay(0);
  EXPECT_EQ(counted().new_epoch_inferred, 0u);
  take_snapshot();
  EXPECT_EQ(store_.tables, before);
  EXPECT_FALSE(pass(message(2, "c2")));
  EXPECT_FALSE(pass(message(1, "b")));
}

TEST_F(recovery, an_ended_session_stays_ended) {
  store(opening(1, false, hour));
  store(qos2(5));
  take_snapshot();
  store(closing(1, 0));
  restart();
  replay(2);
  EXPECT_TRUE(decide(opening(2, false, hour)));
  take_snapshot();
  EXPECT_EQ(counted().sessions, 1u);
}

TEST_F(recovery, packet_ids_of_an_expired_session_stay_gone) {
  for (const bool swept : {false, true}) {
    SCOPED_TRACE(swept);
    brain_ = std::make_unique<dedup>(limits_, nullptr);
    records_.clear();
    store(opening(1, false, 10));
    store(qos2(5));
    pass(closing(1, 10));
    now_ += 10'000'000'000;
    if (swept) brain_->on_time(now_);
    answers();
    EXPECT_TRUE(store(opening(2, false, 10)));
    EXPECT_FALSE(only_answer().session_present);
    restart();
    replay(0);
    answers();
    EXPECT_FALSE(decide(opening(3, false, 10)));
    EXPECT_TRUE(only_answer().session_present) << "the newer one is there";
    EXPECT_TRUE(pass(qos2(5, "p", 3))) << "a new message, to be stored";
  }
}

TEST_F(recovery, a_session_that_is_resumed_with_another_expiry_keeps_its_packet_ids) {
  store(opening(1, false, hour));
  store(qos2(5));
  pass(closing(1, hour));
  EXPECT_TRUE(store(opening(2, false, 2 * hour)));
  restart();
  replay(0);
  decide(opening(3, false, 2 * hour));
  EXPECT_FALSE(pass(qos2(5, "p", 3)));
}

TEST_F(recovery, a_restored_session_expires_from_the_start) {
  store(opening(1, false, 10));
  take_snapshot();
  restart();
  brain_->on_time(now_);
  brain_->on_time(now_ + 9'000'000'000);
  EXPECT_EQ(counted().sessions, 1u);
  brain_->on_time(now_ + 10'000'000'000);
  EXPECT_EQ(counted().sessions, 0u);
  take_snapshot();
  EXPECT_TRUE(store_.tables["dedup_sessions"].empty());
}

TEST_F(recovery, of_another_spool_knows_sessions_and_no_message) {
  ASSERT_TRUE(brain_->belong_to({{1}}));
  store(opening(1, false, hour));
  store(qos2(5));
  store(in_epoch(1, 1));
  take_snapshot();
  store_.tables["quarantine_replays"]["1-1"] = "of a bad message";
  for (const auto& there : {std::optional<model::spool_uuid>({{2}}), {}}) {
    SCOPED_TRACE(there ? "another" : "none");
    const auto kept = store_.tables;
    spool_ = there;
    EXPECT_EQ(restart(), 0u);
    EXPECT_TRUE(store_.tables["dedup_windows"].empty());
    EXPECT_TRUE(store_.tables["quarantine_replays"].empty()) << "another message has its position";
    EXPECT_EQ(store_.tables["dedup_meta"].count("covered_lsn"), 0u);
    EXPECT_EQ(counted().sessions, 1u);
    EXPECT_TRUE(pass(in_epoch(1, 1))) << "what was stored is gone";
    decide(opening(2, false, hour));
    EXPECT_TRUE(pass(qos2(5, "p", 2))) << "and so is what was held";
    store_.tables = kept;
  }
  spool_ = model::spool_uuid{{1}};
  EXPECT_NE(restart(), 0u);
  EXPECT_FALSE(pass(in_epoch(1, 1)));
}

TEST_F(recovery, a_removal_cut_short_is_finished_by_the_next_start) {
  ASSERT_TRUE(brain_->belong_to({{1}}));
  store(opening(1, false, hour));
  store(qos2(5));
  store(in_epoch(1, 1));
  take_snapshot();
  spool_ = model::spool_uuid{{2}};
  const auto kept = store_.tables;
  for (int applied = 0; applied < 3; ++applied) {
    SCOPED_TRACE(applied);
    store_.tables = kept;
    store_.applies_left = applied;
    restart();
    store_.applies_left = -1;
    restart();
    ASSERT_TRUE(brain_->belong_to({{2}}));
    restart();
    decide(opening(2, false, hour));
    EXPECT_TRUE(pass(qos2(5, "p", 2)));
    EXPECT_TRUE(pass(in_epoch(1, 1)));
  }
}

TEST_F(recovery, damaged_rows_cost_recognition_and_nothing_else) {
  store(opening(1, false, hour));
  store(in_epoch(1, 1));
  take_snapshot();
  for (auto& [name, table] : store_.tables) {
    for (auto& [key, value] : table) value = value.substr(0, value.size() / 2);
  }
  restart();
  EXPECT_GT(counted().cold_faults, 0u);
  EXPECT_TRUE(pass(in_epoch(1, 1)));
  EXPECT_FALSE(pass(in_epoch(1, 1)));
}

TEST_F(recovery, a_store_that_cannot_be_read_is_an_error) {
  store_.broken = true;
  EXPECT_FALSE(brain_->restore(spool_));
}

class recovery_of_few_sessions : public spool_of_records {
 protected:
  recovery_of_few_sessions() {
    brain_ = std::make_unique<dedup>(limits_ = {.sessions = 2}, &store_);
  }
};

TEST_F(recovery_of_few_sessions, keeps_no_more_of_them_than_there_were) {
  store(opening(1, false, hour));
  auto second = opening(2, false, hour);
  second.client = "c2";
  store(second);
  auto of_second = closing(2, hour);
  of_second.client = "c2";
  pass(of_second);
  store(qos2(5));
  pass(closing(1, hour));
  auto third = opening(3, false, hour);
  third.client = "c3";
  store(third);
  EXPECT_EQ(counted().sessions_pushed_out, 1u);
  restart();
  replay(0);
  EXPECT_EQ(counted().sessions, 2u);
  decide(opening(4, false, hour));
  EXPECT_TRUE(answers().back().session_present);
  EXPECT_FALSE(pass(qos2(5, "p", 4)));
}

// Random traffic on one brain that never crashes and one that does, again and again: everything
// that was settled is known to both, everything else to neither.
class crashes : public spool_of_records, public testing::WithParamInterface<unsigned> {
 protected:
  crashes() : steady_({}, nullptr) {}

  owned_envelope random_envelope();
  void settle_pending();
  void crash();
  void offer(const owned_envelope& o);

  struct in_flight {
    std::uint64_t ticket = 0, steady_ticket = 0;
    owned_envelope envelope;
    model::envelope decided;
    std::uint64_t lsn = 0;  // given in the order of appends
  };
  std::mt19937_64 random_{GetParam()};
  dedup steady_;
  std::vector<model::receipt> steady_receipts_;
  std::vector<in_flight> flying_;
  std::uint64_t next_lsn_ = 0, generation_ = 1;
  std::uint64_t boot_ = 1, next_sequence_ = 0;
  std::uint64_t differences_ = 0, compared_ = 0;
};

owned_envelope crashes::random_envelope() {
  std::string device = "d" + std::to_string(random_() % 6);
  owned_envelope o;
  switch (random_() % 8) {
    case 0: {
      const auto id = static_cast<std::uint16_t>(1 + random_() % 8);
      o = qos2(id, std::to_string(id));
      break;
    }
    case 1:
      o = mark(record_kind::release, 1, static_cast<std::uint16_t>(1 + random_() % 8));
      break;
    case 2:
      o = message(std::nullopt, std::to_string(random_() % 4));
      o.e.packet_id = static_cast<std::uint16_t>(1 + random_() % 20);
      o.e.dup = random_() % 2 == 0;
      break;
    case 3:
    case 4: {
      const auto s = random_() % 60;
      o = message(s, std::to_string(boot_) + "/" + std::to_string(s));
      device = "inferred-" + device;
      break;
    }
    default: {
      next_sequence_ += random_() % 3;
      const auto back = random_() % 30;
      o = in_epoch(boot_, next_sequence_ - std::min(back, next_sequence_));
      break;
    }
  }
  o.device = device;
  o.e.connection = connection(generation_);
  return o;
}

void crashes::settle_pending() {
  std::shuffle(flying_.begin(), flying_.end(), random_);
  const std::size_t keep_flying = random_() % 4;
  while (flying_.size() > keep_flying) {
    const in_flight f = std::move(flying_.back());
    flying_.pop_back();
    const bool stored = random_() % 12 != 0;
    const contract::settlement s{f.ticket, stored, fault_code::storage_io, {1, stored ? f.lsn : 0}};
    brain_->settle(s, receipts_);
    contract::settlement same = s;
    same.ticket = f.steady_ticket;
    steady_.settle(same, steady_receipts_);
    if (stored) keep(f.envelope, f.decided, f.lsn);
  }
}

void crashes::offer(const owned_envelope& o) {
  model::envelope here = o.view(), there = o.view();
  const auto ticket = brain_->decide(here, now_, receipts_);
  const auto other = steady_.decide(there, now_, steady_receipts_);
  ++compared_;
  if (ticket.has_value() != other.has_value()) {
    ++differences_;
    ADD_FAILURE() << "seed " << GetParam() << " step " << compared_ << ": kind "
                  << static_cast<int>(o.e.kind) << " qos " << int{o.e.qos} << " sequence "
                  << o.e.sequence.value_or(0) << " device " << o.device << ": "
                  << (ticket ? "kept" : "duplicate") << " by the one that crashed, "
                  << (other ? "kept" : "duplicate") << " by the other";
  }
  if (ticket && other) flying_.push_back({*ticket, *other, o, here, ++next_lsn_});
}

/// Both lose what is in flight (nobody was promised it); one loses its memory as well.
void crashes::crash() {
  for (const auto& f : std::exchange(flying_, {})) {
    steady_.settle({f.steady_ticket, false, fault_code::storage_io, {}}, steady_receipts_);
  }
  replay(restart());
  brain_->required_passed(dedup::nobody_required(), receipts_);
  ++generation_;
  for (auto* brain : {brain_.get(), &steady_}) {
    auto o = opening(generation_, false, hour);
    auto e = o.view();
    ASSERT_FALSE(brain->decide(e, now_, receipts_)) << "the session is known durably";
  }
}

TEST_P(crashes, are_not_noticed) {
  offer(opening(1, false, hour));
  ASSERT_EQ(flying_.size(), 1u);
  const auto first = flying_.front();
  brain_->settle({first.ticket, true, fault_code::internal, {1, 1}}, receipts_);
  steady_.settle({first.steady_ticket, true, fault_code::internal, {1, 1}}, steady_receipts_);
  keep(first.envelope, first.decided, 1);
  flying_.clear();
  for (int i = 0; i < 6000 && differences_ == 0; ++i) {
    offer(random_envelope());
    if (random_() % 6 == 0) settle_pending();
    if (random_() % 40 == 0 || brain_->snapshot_due()) {
      std::vector<contract::state_change> changes;
      brain_->snapshot(changes, random_() % 2 == 0 ? 300 : 1 << 20);
      const bool ok = random_() % 5 != 0;
      if (ok) {
        ASSERT_TRUE(store_.apply(changes));
      }
      // A crash may come before the answer.
      if (random_() % 4 == 0) {
        crash();
      } else {
        brain_->snapshot_stored(ok);
      }
    }
    if (random_() % 300 == 0) crash();
    if (random_() % 500 == 0) {
      ++boot_;
      next_sequence_ = random_() % 5;
    }
  }
  EXPECT_GT(compared_, 5000u);
}

INSTANTIATE_TEST_SUITE_P(seeds, crashes, testing::Range(1u, 25u));

}  // namespace
}  // namespace fleetgate::dedup
