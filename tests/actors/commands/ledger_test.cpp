#include "actors/commands/ledger.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>

#include "actors/commands/rows.hpp"
#include "actors/commands/topic.hpp"

namespace fleetgate::commands {
namespace {

using contract::command_answer;
using contract::command_result;
using contract::command_state;

constexpr std::int64_t second = 1'000'000'000;

/// The state store as a table in memory.
class table_store final : public contract::state_store {
 public:
  result<void> apply(const std::vector<contract::state_change>& changes) override {
    for (const auto& c : changes) {
      if (c.value)
        rows[c.key] = *c.value;
      else
        rows.erase(c.key);
    }
    return {};
  }
  result<std::optional<std::string>> get(std::string_view, std::string_view) override {
    return std::nullopt;
  }
  result<void> scan(std::string_view,
                    const std::function<void(std::string_view, std::string_view)>& visit) override {
    for (const auto& [key, value] : rows) visit(key, value);
    if (fails) return failure(fault_code::storage_io, "as it was told to");
    return {};
  }
  bool fails = false;
  std::map<std::string, std::string> rows;
};

class a_ledger : public testing::Test {
 protected:
  a_ledger() {
    limits.open_per_device = 3;
    limits.bytes = 8'000;
    limits.keep_ns = 1000 * second;
    start();
  }

  void start() { brain = std::make_unique<ledger>(limits); }
  void store() { ASSERT_TRUE(disk.apply(std::exchange(brain->changes(), {}))); }
  void restart() {
    store();
    start();
    ASSERT_EQ(brain->restore(disk), 0u);
  }

  contract::command_request request(std::string device = "d", std::string key = {}) const {
    contract::command_request r;
    r.device = std::move(device);
    r.name = "reboot";
    r.payload = "{}";
    r.idempotency_key = std::move(key);
    r.deadline_ns = now + 100 * second;
    return r;
  }
  result<contract::submitted_command> submit(const contract::command_request& r) {
    return brain->submit(r, "c" + std::to_string(++ids), now);
  }
  std::string taken(std::string device = "d") {
    const auto got = submit(request(std::move(device)));
    return got ? got->command.id : "refused";
  }
  command_state state(const std::string& id, std::string_view device = "d") const {
    const auto* c = brain->find(device, id);
    return c == nullptr ? command_state::expired : c->state;
  }
  static command_answer answer(std::string id, command_result r) {
    command_answer a;
    a.id = std::move(id);
    a.result = r;
    return a;
  }
  std::vector<std::string> open(std::string_view device = "d") const {
    std::vector<std::string> ids_of;
    for (const auto* c : brain->waiting_of(device, {})) ids_of.push_back(c->id);
    return ids_of;
  }

  commands_limits limits;
  table_store disk;
  std::unique_ptr<ledger> brain;
  std::int64_t now = 1'700'000'000 * second;
  int ids = 0;
};

TEST_F(a_ledger, follows_a_command_from_queued_to_acknowledged) {
  const auto id = taken();
  EXPECT_EQ(state(id), command_state::queued);
  brain->sent("d", id, now + 1);
  EXPECT_EQ(state(id), command_state::sent);
  brain->answered("d", answer(id, command_result::taken), now + 2);
  EXPECT_EQ(state(id), command_state::sent) << "an end follows";
  auto done = answer(id, command_result::done);
  done.payload = "ok";
  brain->answered("d", done, now + 3);
  const auto* c = brain->find("d", id);
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(c->state, command_state::acknowledged);
  EXPECT_EQ(c->result, command_result::done);
  EXPECT_EQ(c->answer, "ok");
  EXPECT_EQ(c->sent, 1u);
  EXPECT_EQ(c->changed_time_ns, now + 3);
  EXPECT_FALSE(brain->has_open());
}

TEST_F(a_ledger, hears_nothing_of_what_is_finished_or_of_another_device) {
  const auto id = taken();
  brain->answered("other", answer(id, command_result::done), now);
  EXPECT_EQ(state(id), command_state::queued);
  brain->answered("d", answer(id, command_result::failed), now);
  brain->answered("d", answer(id, command_result::done), now);
  brain->sent("d", id, now);
  EXPECT_EQ(brain->find("d", id)->result, command_result::failed);
  EXPECT_EQ(state(id), command_state::acknowledged);
}

TEST_F(a_ledger, keeps_an_answer_that_came_before_the_news_of_the_sending) {
  const auto id = taken();
  brain->answered("d", answer(id, command_result::done), now);
  brain->sent("d", id, now);
  EXPECT_EQ(state(id), command_state::acknowledged);
}

TEST_F(a_ledger, offers_again_what_was_not_taken_and_nothing_that_was) {
  const model::connection_ref first{1, 0, 1}, next{1, 0, 2};
  const auto a = taken(), b = taken(), c = taken();
  const auto waiting = [&](model::connection_ref at) {
    std::vector<std::string> ids_of;
    for (const auto* w : brain->waiting_of("d", at)) ids_of.push_back(w->id);
    return ids_of;
  };
  for (const auto* w : brain->waiting_of("d", first)) brain->offered(*w, first);
  EXPECT_TRUE(waiting(first).empty());
  EXPECT_EQ(waiting({}), (std::vector{a, b, c})) << "as an MQTT client it may still get them";
  for (const auto* w : brain->waiting_of("d", {})) brain->offered(*w, {});
  EXPECT_TRUE(waiting({}).empty()) << "it has them, or will say that it is ready";
  brain->sent("d", a, now);
  brain->came("d", false);
  EXPECT_EQ(waiting(first), (std::vector{b, c}));
  EXPECT_EQ(waiting({}), (std::vector{b, c}));
  brain->sent("d", b, now);
  brain->came("d", true);
  EXPECT_EQ(waiting(next), (std::vector{a, b, c})) << "another connection has none of them";
  brain->answered("d", answer(a, command_result::done), now);
  EXPECT_EQ(waiting(next), (std::vector{b, c}));
}

TEST_F(a_ledger, makes_room_for_long_answers_with_what_is_finished) {
  const auto a = taken(), b = taken();
  auto answer_of = answer(a, command_result::done);
  answer_of.payload = std::string(6'000, 'x');
  brain->answered("d", answer_of, now);
  answer_of.id = b;
  brain->answered("d", answer_of, now + 1);
  EXPECT_EQ(brain->find("d", a), nullptr);
  EXPECT_NE(brain->find("d", b), nullptr);
  EXPECT_LE(brain->bytes(), limits.bytes);
}

TEST_F(a_ledger, gives_up_at_the_deadline) {
  const auto waits = taken();
  const auto under_way = taken();
  brain->sent("d", under_way, now);
  EXPECT_EQ(brain->next_deadline_ns(), now + 100 * second);
  brain->on_time(now + 100 * second - 1);
  EXPECT_EQ(state(waits), command_state::queued);
  EXPECT_EQ(state(under_way), command_state::sent);
  brain->on_time(now + 100 * second);
  EXPECT_EQ(state(waits), command_state::expired);
  EXPECT_EQ(state(under_way), command_state::expired);
  EXPECT_FALSE(brain->has_open());
  brain->answered("d", answer(under_way, command_result::done), now + 101 * second);
  EXPECT_EQ(state(under_way), command_state::expired) << "too late";
}

TEST_F(a_ledger, knows_a_request_again_by_its_idempotency_key) {
  const auto first = submit(request("d", "k"));
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->is_new);
  now += second;
  const auto again = submit(request("d", "k"));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->command.id, first->command.id);
  EXPECT_TRUE(submit(request("e", "k"))->is_new) << "a key is of one device";
  auto other = request("d", "k");
  other.payload = "{\"other\":1}";
  const auto refused = submit(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, fault_code::key_reused);
  brain->answered("d", answer(first->command.id, command_result::done), now);
  restart();
  EXPECT_FALSE(submit(request("d", "k"))->is_new)
      << "also when it is finished, and after a restart";
}

TEST_F(a_ledger, bounds_what_waits_for_a_device) {
  const auto a = taken();
  taken();
  taken();
  EXPECT_EQ(taken(), "refused");
  EXPECT_EQ(submit(request()).error().code, fault_code::quota_exceeded);
  EXPECT_NE(taken("e"), "refused");
  brain->answered("d", answer(a, command_result::done), now);
  EXPECT_NE(taken(), "refused");
}

TEST_F(a_ledger, bounds_the_bytes_of_all_and_gives_up_only_finished_ones) {
  limits.open_per_device = 1000;
  start();
  auto big = request();
  big.payload = std::string(1'500, 'x');
  std::vector<std::string> all;
  for (auto got = submit(big); got; got = submit(big)) all.push_back(got->command.id);
  ASSERT_GE(all.size(), 3u);
  EXPECT_LE(brain->bytes(), limits.bytes);
  EXPECT_EQ(open(), all) << "nothing open was given up";
  brain->answered("d", answer(all[1], command_result::done), now);
  ASSERT_TRUE(submit(big));
  EXPECT_EQ(brain->find("d", all[1]), nullptr);
  EXPECT_NE(brain->find("d", all[0]), nullptr);
}

TEST_F(a_ledger, forgets_what_finished_long_ago) {
  const auto id = taken();
  brain->answered("d", answer(id, command_result::done), now);
  EXPECT_EQ(brain->next_deadline_ns(), now + limits.keep_ns);
  brain->on_time(now + limits.keep_ns - 1);
  EXPECT_NE(brain->find("d", id), nullptr);
  brain->on_time(now + limits.keep_ns);
  EXPECT_EQ(brain->find("d", id), nullptr);
  restart();
  EXPECT_EQ(brain->find("d", id), nullptr);
  EXPECT_TRUE(disk.rows.empty());
}

TEST_F(a_ledger, goes_on_after_a_restart) {
  const auto queued = taken(), sent = taken(), done = taken(), other = taken("e");
  brain->sent("d", sent, now);
  EXPECT_EQ(open(), (std::vector{queued, done}));
  brain->answered("d", answer(done, command_result::done), now);
  const auto bytes = brain->bytes();
  restart();
  EXPECT_EQ(state(queued), command_state::queued);
  EXPECT_EQ(state(sent), command_state::sent);
  EXPECT_EQ(state(done), command_state::acknowledged);
  EXPECT_EQ(open(), (std::vector{queued, sent}));
  EXPECT_EQ(open("e"), std::vector{other});
  EXPECT_EQ(brain->bytes(), bytes);
  const auto later = taken();
  EXPECT_EQ(open(), (std::vector{queued, sent, later})) << "numbers go on";
  EXPECT_EQ(brain->waiting_devices(), (std::set<std::string>{"d", "e"}));
}

TEST_F(a_ledger, takes_back_what_could_not_be_stored) {
  const auto got = submit(request());
  ASSERT_TRUE(got);
  brain->withdraw(got->command);
  EXPECT_EQ(brain->find("d", got->command.id), nullptr);
  EXPECT_EQ(brain->bytes(), 0u);
  EXPECT_FALSE(brain->has_open());
}

TEST_F(a_ledger, lists_the_newest_first_in_pages) {
  const auto a = taken(), b = taken(), c = taken();
  auto page = brain->page("d", "", 2);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->commands.size(), 2u);
  EXPECT_EQ(page->commands[0].id, c);
  EXPECT_EQ(page->commands[1].id, b);
  ASSERT_EQ(page->next, b);
  page = brain->page("d", *page->next, 2);
  ASSERT_EQ(page->commands.size(), 1u);
  EXPECT_EQ(page->commands[0].id, a);
  EXPECT_FALSE(page->next);
  EXPECT_TRUE(brain->page("nobody", "", 2)->commands.empty());
  EXPECT_EQ(brain->page("d", "nothing", 2).error().code, fault_code::not_found);
}

TEST_F(a_ledger, cuts_an_answer_that_is_too_long) {
  limits.bytes = 1 << 20;
  start();
  const auto id = taken();
  auto long_one = answer(id, command_result::done);
  long_one.payload = std::string(maximum_answer_bytes + 1, 'x');
  brain->answered("d", long_one, now);
  EXPECT_EQ(brain->find("d", id)->answer.size(), maximum_answer_bytes);
}

/// Against a plain model, through restarts: no command is lost, none changes once it is finished,
/// the counts are right, and the store says the same as memory.
TEST_F(a_ledger, keeps_its_books_whatever_happens) {
  limits.open_per_device = 5;
  limits.bytes = 40'000;
  start();
  const char* given = std::getenv("FLEETGATE_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atol(given)) : 20261126u;
  SCOPED_TRACE("FLEETGATE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  std::map<std::string, std::pair<std::string, command_state>> model;  // id -> device, state
  const auto any = [&]() -> std::string {
    if (model.empty()) return "none";
    return std::next(model.begin(), static_cast<long>(random() % model.size()))->first;
  };
  for (int step = 0; step < 20'000; ++step) {
    now += static_cast<std::int64_t>(random() % (10 * second));
    const auto id = any();
    const auto known = model.find(id);
    const std::string device = known == model.end() ? "x" : known->second.first;
    const auto is_open = [&] {
      return known != model.end() && (known->second.second == command_state::queued ||
                                      known->second.second == command_state::sent);
    };
    switch (random() % 6) {
      case 0:
      case 1: {
        auto r = request("d" + std::to_string(random() % 4));
        r.payload = std::string(random() % 1'000, 'p');
        r.deadline_ns = now + static_cast<std::int64_t>(random() % (300 * second));
        if (const auto got = submit(r)) {
          model[got->command.id] = {r.device, command_state::queued};
        }
        break;
      }
      case 2:
        brain->sent(device, id, now);
        if (is_open()) known->second.second = command_state::sent;
        break;
      case 3:
        brain->answered(device, answer(id, command_result::done), now);
        if (is_open()) known->second.second = command_state::acknowledged;
        break;
      case 4:
        brain->on_time(now);
        for (auto& [c, at] : model) {
          const auto* held = brain->find(at.first, c);
          const bool was_open =
              at.second == command_state::queued || at.second == command_state::sent;
          if (was_open && held != nullptr && held->request.deadline_ns <= now) {
            at.second = command_state::expired;
          }
        }
        break;
      case 5:
        if (random() % 50 == 0) restart();
        break;
    }
    std::size_t counted = 0;
    for (auto it = model.begin(); it != model.end();) {
      const auto* held = brain->find(it->second.first, it->first);
      const bool finished = it->second.second == command_state::acknowledged ||
                            it->second.second == command_state::expired;
      if (held == nullptr) {
        ASSERT_TRUE(finished) << "step " << step << ": an open command is gone";
        it = model.erase(it);
        continue;
      }
      ASSERT_EQ(held->state, it->second.second) << "step " << step;
      ++counted;
      ++it;
    }
    std::size_t sum = 0;
    for (std::size_t i = 0; i < contract::command_state_count; ++i) {
      sum += brain->count(static_cast<command_state>(i));
    }
    ASSERT_EQ(sum, counted) << "step " << step;
    ASSERT_LE(brain->bytes(), limits.bytes + maximum_answer_bytes);
    if (step % 500 == 0) {
      store();
      ASSERT_EQ(disk.rows.size(), counted) << "step " << step;
    }
  }
}

TEST(command_rows, any_cut_of_a_row_is_refused) {
  contract::command c;
  c.id = "0123";
  c.request.device = "d";
  c.request.name = "n";
  c.request.payload = std::string("\0x", 2);
  c.request.idempotency_key = "k";
  c.number = 7;
  c.sent = 3;
  c.state = command_state::sent;
  const auto row = encode_command(c);
  const auto back = decode_command(as_bytes(row));
  ASSERT_TRUE(back);
  EXPECT_EQ(encode_command(*back), row);
  for (std::size_t n = 0; n < row.size(); ++n) {
    EXPECT_FALSE(decode_command(as_bytes(std::string_view(row).substr(0, n)))) << n;
  }
  EXPECT_FALSE(decode_command(as_bytes(row + "x")));
}

TEST_F(a_ledger, is_not_restored_from_a_store_that_cannot_be_read) {
  taken();
  store();
  disk.fails = true;
  start();
  const auto restored = brain->restore(disk);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, fault_code::storage_io);
}

TEST_F(a_ledger, leaves_out_a_row_that_cannot_be_read) {
  taken();
  taken();
  store();
  disk.rows.begin()->second = "damaged";
  start();
  EXPECT_EQ(brain->restore(disk), 1u);
  EXPECT_EQ(open().size(), 1u);
}

TEST(command_topic, fills_in_what_the_pattern_asks_for) {
  contract::command c;
  c.id = "42";
  c.request.device = "press";
  c.request.name = "reboot";
  EXPECT_EQ(command_topic("devices/{device}/commands/{name}/{command}", c),
            "devices/press/commands/reboot/42");
  EXPECT_EQ(command_topic("plain", c), "plain");
}

}  // namespace
}  // namespace fleetgate::commands
