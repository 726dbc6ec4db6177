#include "actors/sink/sink_actor.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "tests/actors/observe/pen.hpp"

namespace fleetgate::sink {
namespace {

const model::spool_uuid uuid{{1}};

/// Throws each time it is asked, `times` times.
struct throwing {
  int times = 0;
  void maybe() {
    if (times-- > 0) throw std::runtime_error("a bug");
  }
};

/// What the store has, which outlives the sink.
struct store {
  throwing opens, writes;
  std::optional<contract::cursor> cursor;
  bool locked = false;  // it cannot be opened
  int opened = 0;
  int refuses = 0;                    // so many writes, for ever
  int unavailable = 0;                // so many writes, for now
  contract::missed_by_lane missed{};  // by each write
};

class storing_writer final : public sink_writer {
 public:
  explicit storing_writer(store& s) : store_(s) {}
  result<std::optional<contract::cursor>> open() override {
    store_.opens.maybe();
    if (store_.locked) return failure(fault_code::sink_unavailable, "locked");
    ++store_.opened;
    return store_.cursor;
  }
  result<contract::missed_by_lane> write(const contract::read_block& block) override {
    store_.writes.maybe();
    if (store_.refuses-- > 0) return failure(fault_code::sink_rejected, "by its nature");
    if (store_.unavailable-- > 0) return failure(fault_code::sink_unavailable, "locked");
    store_.cursor = block.end;
    return store_.missed;
  }
  result<std::uint64_t> enforce_retention(std::int64_t) override { return 0; }
  void close() override {}

 private:
  store& store_;
};

/// A spool whose end is one step behind its beginning.
class short_reader final : public contract::spool_reader {
 public:
  static contract::cursor last() {
    contract::cursor at;
    at.spool = uuid;
    at.lanes[0] = {1, 1};
    return at;
  }
  result<void> seek(const contract::cursor& to) override {
    if (to.lanes[0] == nowhere) return failure(fault_code::position_beyond_end, "it never was");
    return {};
  }
  result<void> read(contract::read_block& block, std::size_t, std::size_t) override {
    reads_.maybe();
    block = {};
    block.end = last();
    if (waiting_ == 0) return {};
    block.records.resize(std::exchange(waiting_, 0));
    for (auto& r : block.records) r.envelope.received_time_ns = received_unix_ns;
    return {};
  }
  result<contract::lane_ordinals> stands_at() override { return contract::lane_ordinals{}; }
  [[nodiscard]] model::spool_uuid spool() const override { return uuid; }
  [[nodiscard]] contract::cursor end() const override { return last(); }
  [[nodiscard]] bool has_retained_behind(const contract::cursor&) const override { return false; }
  [[nodiscard]] std::uint64_t lag_records() const override { return waiting_; }

  static constexpr model::position nowhere{1, 0};
  throwing reads_;
  static constexpr std::int64_t received_unix_ns = 77;
  std::size_t waiting_ = 0;  // messages
};

class sink_actor_that : public ::testing::Test {
 protected:
  sink_actor_that() {
    parts_->name = "db";
    parts_->writer = std::make_unique<storing_writer>(store_);
    auto reader = std::make_unique<short_reader>();
    reader_ = reader.get();
    parts_->reader = std::move(reader);
    parts_->news = std::make_shared<contract::spool_news>();
    parts_->policy.backoff_first = std::chrono::milliseconds(1);
    parts_->policy.backoff_longest = std::chrono::milliseconds(1);
  }
  ~sink_actor_that() override {
    self_->send_exit(sink_, caf::exit_reason::user_shutdown);
    self_->wait_for(sink_);
  }

  void start() {
    body_ = std::make_unique<sink_actor>(parts_, mail_, probe_, log_);
    run();
  }
  void run() { sink_ = runtime::run_detached(system_, *body_); }
  /// True where everything is delivered, false while the sink fails.
  bool drain() {
    bool caught_up = false;
    self_->request(sink_, caf::infinite, drain_atom::value)
        .receive([&](bool all) { caught_up = all; },
                 [](const caf::error&) { throw std::runtime_error("the actor is gone"); });
    return caught_up;
  }
  void drain_until_delivered() {
    while (!drain()) {
    }
    EXPECT_EQ(store_.cursor, short_reader::last());
    EXPECT_EQ(probe_.circuit.value(), static_cast<std::int64_t>(observe::circuit_state::closed));
  }
  template <class... Message>
  contract::sink_answer tell(Message&&... message) {
    contract::sink_answer got;
    self_->request(sink_, caf::infinite, std::forward<Message>(message)...)
        .receive([&](contract::sink_answer& a) { got = std::move(a); },
                 [](const caf::error&) { throw std::runtime_error("the actor is gone"); });
    return got;
  }
  observe::log_options options_that_keep() {
    observe::log_options o;
    o.format = observe::log_format::json;
    o.write = [this](std::string_view line) {
      const std::lock_guard hold(logged_lock_);
      logged_ += line;
    };
    return o;
  }
  /// Waits for it: a thread of its own writes lines.
  bool is_logged(std::string_view text) {
    for (int i = 0; i < 5000; ++i) {
      {
        const std::lock_guard hold(logged_lock_);
        if (logged_.find(text) != std::string::npos) return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }
  std::uint64_t bugs() { return probe_.errors[fault_code::internal].value(); }

  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  contract::journal_mail mail_{1, {16, 1 << 20}};
  observe::sink_probe probe_;
  std::mutex logged_lock_;
  std::string logged_;
  observe::logger log_{options_that_keep()};
  std::shared_ptr<sink_parts> parts_ = std::make_shared<sink_parts>();
  store store_;
  short_reader* reader_ = nullptr;
  std::unique_ptr<sink_actor> body_;
  caf::actor sink_;
  caf::scoped_actor self_{system_};
};

using sink_that = sink_actor_that;

TEST_F(sink_that, meets_an_exception_in_a_write_counts_it_and_begins_again_at_its_cursor) {
  store_.writes.times = 1;
  start();
  drain_until_delivered();
  EXPECT_EQ(bugs(), 1u);
  EXPECT_EQ(store_.opened, 2) << "whatever the writer held is not believed any more";
}

TEST_F(sink_that, is_killed_goes_on_in_its_successor_where_it_was) {
  start();
  drain_until_delivered();
  self_->send_exit(sink_, caf::exit_reason::kill);
  self_->wait_for(sink_);
  run();
  drain_until_delivered();
  EXPECT_EQ(store_.opened, 1) << "the writer is as good as it was";
}

TEST_F(sink_that, meets_exceptions_at_open_goes_on_by_itself) {
  store_.opens.times = 3;
  start();
  drain_until_delivered();
  EXPECT_EQ(bugs(), 3u);
}

TEST_F(sink_that, meets_exceptions_in_the_reader_shows_it_and_comes_back) {
  reader_->reads_.times = 7;  // enough to open the circuit
  start();
  drain_until_delivered();
  EXPECT_EQ(bugs(), 7u);
}

TEST_F(sink_that, fails_and_recovers_notes_both_and_the_batch) {
  const observe::testing::pen pen;
  parts_->trace = pen.writer();
  store_.unavailable = 2;
  start();
  drain_until_delivered();
  using model::trace_event;
  const auto failures = pen.noted(trace_event::sink_failed);
  ASSERT_EQ(failures.size(), 2u);
  for (const auto& r : failures) {
    EXPECT_EQ(r.subject, "db");
    EXPECT_EQ(r.note.fault, fault_code::sink_unavailable);
  }
  EXPECT_EQ(pen.noted(trace_event::sink_recovered).size(), 1u);
  const auto batches = pen.noted(trace_event::delivered);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].subject, "db");
  EXPECT_EQ(batches[0].note.last_lsn, short_reader::last().lanes[0].lsn);
}

TEST_F(sink_that, misses_acknowledged_records_counts_logs_and_notes_them) {
  const observe::testing::pen pen;
  parts_->trace = pen.writer();
  store_.missed[model::index(model::lane::event_owed)] = {3, 4};
  store_.missed[model::index(model::lane::event_free)] = {10, 0};
  store_.missed[model::index(model::lane::quarantine)] = {20, 0};
  start();
  drain_until_delivered();
  EXPECT_EQ(probe_.shed.value(), 33u);
  EXPECT_EQ(probe_.damaged.value(), 4u);
  const auto noted = pen.noted(model::trace_event::sink_missed);
  ASSERT_EQ(noted.size(), 2u) << "nothing was promised for what is free or in quarantine";
  for (const auto& r : noted) EXPECT_EQ(r.note.in, model::lane::event_owed);
  EXPECT_TRUE(is_logged(R"("level":"error","event":"sink.missed","sink":"db","lane":"event",)"
                        R"("gone":3,"damaged":4)"))
      << logged_;
}

TEST_F(sink_that, is_optional_and_misses_records_only_warns) {
  parts_->required = false;
  store_.missed[model::index(model::lane::event_owed)] = {3, 0};
  start();
  drain_until_delivered();
  EXPECT_TRUE(is_logged(R"("level":"warn","event":"sink.missed")")) << logged_;
}

TEST_F(sink_that, fails_for_ever_still_answers_a_drain) {
  store_.opens.times = 1'000'000'000;
  parts_->policy.failures_to_open_circuit = 1;
  start();
  EXPECT_FALSE(drain());
  EXPECT_EQ(probe_.circuit.value(), static_cast<std::int64_t>(observe::circuit_state::open));
}

TEST_F(sink_that, never_opened_its_store_shows_what_waits_and_since_when) {
  store_.locked = true;
  reader_->waiting_ = 5;
  start();
  EXPECT_FALSE(drain());
  EXPECT_EQ(tell(report_atom::value).report.lag_records, 5u);
  EXPECT_EQ(probe_.lag_records.value(), 5);
  EXPECT_EQ(probe_.lag_oldest_unix_ns.value(), short_reader::received_unix_ns);
}

TEST_F(sink_that, failed_a_moment_ago_tries_again_when_it_is_drained) {
  parts_->policy.backoff_first = parts_->policy.backoff_longest = std::chrono::hours(1);
  store_.opens.times = 1;
  start();
  while (bugs() == 0) std::this_thread::yield();
  EXPECT_TRUE(drain());
}

TEST_F(sink_that, is_paused_says_so_and_answers_a_drain_that_it_is_not_done) {
  start();
  drain_until_delivered();
  EXPECT_EQ(tell(report_atom::value).report.state, contract::sink_state::running);
  EXPECT_EQ(tell(pause_atom::value).report.state, contract::sink_state::paused);
  EXPECT_FALSE(drain());
  EXPECT_EQ(tell(resume_atom::value).report.state, contract::sink_state::running);
  EXPECT_TRUE(drain());
}

TEST_F(sink_that, was_stopped_by_a_permanent_fault_goes_on_when_it_is_resumed) {
  store_.refuses = 1;
  start();
  while (tell(report_atom::value).report.state != contract::sink_state::stopped) {
  }
  EXPECT_EQ(tell(report_atom::value).report.last_failure->code, fault_code::sink_rejected);
  EXPECT_FALSE(drain());
  tell(resume_atom::value);
  drain_until_delivered();
}

TEST_F(sink_that, would_store_rows_twice_refuses_a_replay_unless_that_is_allowed) {
  start();
  drain_until_delivered();
  const auto refused = tell(replay_atom::value, contract::replay_request{});
  ASSERT_TRUE(refused.refused);
  EXPECT_EQ(refused.refused->code, fault_code::would_duplicate);
  EXPECT_EQ(refused.report.delivered, short_reader::last());
  EXPECT_EQ(store_.opened, 1);
  const auto done = tell(replay_atom::value, contract::replay_request{std::nullopt, true});
  EXPECT_FALSE(done.refused);
  EXPECT_EQ(done.report.delivered.lanes[0], model::position{});
  drain_until_delivered();
  EXPECT_EQ(store_.opened, 2) << "it begins again at the cursor in its store";
}

TEST_F(sink_that, replays_from_a_position_goes_back_to_just_before_it_and_never_forward) {
  start();
  drain_until_delivered();
  const auto later =
      tell(replay_atom::value, contract::replay_request{model::position{9, 9}, true});
  EXPECT_EQ(later.report.delivered, short_reader::last());
  drain_until_delivered();
  const auto same = tell(replay_atom::value, contract::replay_request{model::position{0, 9}, true});
  EXPECT_EQ(same.report.delivered.lanes[0], (model::position{0, 8}));
  bool told = false;
  mail_.progress.read(100, [&](auto, const contract::reader_progress& p) {
    told = told || (p.goes_back && p.at == same.report.delivered);
  });
  EXPECT_TRUE(told) << "the spool must keep what is wanted again";
}

TEST_F(sink_that, finds_an_older_store_tells_the_spool_that_it_goes_back_before_anything_else) {
  start();
  drain_until_delivered();
  mail_.progress.read(100, [](auto, const contract::reader_progress&) {});
  store_.cursor.reset();  // another file lies there
  store_.unavailable = 1;
  parts_->news->durable_records += 1;
  reader_->reads_.times = 1;  // what it met there makes it open again
  drain_until_delivered();
  std::vector<contract::reader_progress> told;
  mail_.progress.read(100,
                      [&](auto, contract::reader_progress&& p) { told.push_back(std::move(p)); });
  ASSERT_GE(told.size(), 3u);
  EXPECT_TRUE(told[0].goes_back);
  EXPECT_EQ(told[0].at.lanes[0], model::position{});
  EXPECT_FALSE(told[1].goes_back);
  EXPECT_EQ(told.back().at, short_reader::last());
}

TEST_F(sink_that, is_sent_to_a_place_that_never_was_stays_where_it_is) {
  start();
  drain_until_delivered();
  const auto lost = tell(replay_atom::value, contract::replay_request{model::position{1, 1}, true});
  ASSERT_TRUE(lost.refused);
  EXPECT_EQ(lost.refused->code, fault_code::position_beyond_end);
  EXPECT_EQ(lost.report.state, contract::sink_state::running);
  drain_until_delivered();
  EXPECT_EQ(store_.opened, 1);
}

TEST_F(sink_that, cannot_move_its_stores_cursor_begins_again_where_the_store_says) {
  start();
  drain_until_delivered();
  store_.unavailable = 1;
  const auto refused = tell(replay_atom::value, contract::replay_request{std::nullopt, true});
  ASSERT_TRUE(refused.refused);
  EXPECT_EQ(refused.report.delivered, short_reader::last());
  drain_until_delivered();
  EXPECT_EQ(store_.opened, 2);
}

}  // namespace
}  // namespace fleetgate::sink
