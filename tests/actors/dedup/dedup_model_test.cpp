// Seeded random traffic beside a naive memory of everything: never a false duplicate, and every
// duplicate inside the window is found. Exactly one receipt for each envelope.
#include <random>
#include <set>
#include <tuple>

#include "tests/actors/dedup/dedup_fixture.hpp"

namespace fleetgate::dedup {
namespace {

using model::record_kind;

class model_traffic : public dedup_test, public testing::WithParamInterface<unsigned> {
 protected:
  void run(std::uint64_t rounds, bool epochs_given);
  void settle_some();
  void note_receipts();

  struct in_flight {
    std::uint64_t ticket = 0;
    std::tuple<std::string, std::uint64_t, std::uint64_t, std::string> key;
  };
  std::mt19937_64 random_{GetParam()};
  std::vector<in_flight> waiting_;
  std::set<std::tuple<std::string, std::uint64_t, std::uint64_t, std::string>> stored_;
  std::uint64_t envelopes_ = 0, receipts_seen_ = 0, stored_receipts_ = 0, settled_ = 0, found_ = 0,
                missed_ = 0;
};

void model_traffic::note_receipts() {
  for (const auto& r : answers()) {
    ++receipts_seen_;
    if (r.result == outcome::stored) ++stored_receipts_;
  }
}

void model_traffic::settle_some() {
  while (!waiting_.empty() && random_() % 8 != 0) {
    const std::size_t i = random_() % std::min<std::size_t>(waiting_.size(), 4);
    const in_flight f = waiting_[i];
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    if (random_() % 16 == 0) {
      refuse(f.ticket);
    } else {
      settle(f.ticket);
      stored_.insert(f.key);
      ++settled_;
    }
  }
}

/// A message's truth is (device, boot, sequence, payload); without epochs from the device the boot
/// must be inferred, and the payload tells it.
void model_traffic::run(std::uint64_t rounds, bool epochs_given) {
  struct device {
    std::uint64_t boot = 1, next = 0;
  };
  std::vector<device> devices(5);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const std::size_t n = random_() % devices.size();
    device& d = devices[n];
    if (random_() % 400 == 0) d = {d.boot + 1, random_() % 3};
    const bool fresh = random_() % 3 != 0;
    const std::uint64_t back = fresh ? 0 : 1 + random_() % 200;
    if (fresh) d.next += random_() % 20 == 0 ? random_() % 40 : 1;
    if (back > d.next) continue;
    const std::uint64_t sequence = d.next - back;
    const std::string payload = std::to_string(d.boot) + "/" + std::to_string(sequence);
    auto m = epochs_given ? in_epoch(d.boot, sequence, payload) : message(sequence, payload);
    m.device = "d" + std::to_string(n);
    m.e.connection = connection(1 + random_() % 2);
    const auto key = std::make_tuple(m.device, d.boot, sequence, payload);
    const bool pending = std::any_of(waiting_.begin(), waiting_.end(),
                                     [&](const in_flight& f) { return f.key == key; });
    const auto ticket = decide(m);
    ++envelopes_;
    const bool known = stored_.count(key) != 0 || pending;
    if (!known) {
      ASSERT_TRUE(ticket) << "seed " << GetParam() << " step " << i << ": a false duplicate";
    } else if (ticket) {
      // A reboot's low sequences can lie below the payloads that the old epoch remembers.
      ASSERT_FALSE(epochs_given) << "seed " << GetParam() << " step " << i << ": not found";
      ++missed_;
    } else {
      ++found_;
    }
    if (ticket) waiting_.push_back({*ticket, key});
    if (random_() % 10 == 0) settle_some();
    note_receipts();
    if (random_() % 700 == 0) take_snapshot();
  }
  for (const auto& f : std::exchange(waiting_, {})) {
    settle(f.ticket);
    ++settled_;
  }
  note_receipts();
  EXPECT_EQ(receipts_seen_, envelopes_) << "exactly one receipt for each envelope";
  EXPECT_EQ(stored_receipts_, settled_) << "exactly one `stored` for each record";
  EXPECT_EQ(counted().pending, 0u);
  EXPECT_GT(found_, rounds / 8);
  EXPECT_LT(missed_, found_ / 100);
}

TEST_P(model_traffic, with_epochs_from_the_device_is_exact) {
  run(20'000, true);
}

TEST_P(model_traffic, with_inferred_epochs_is_exact_within_the_window) {
  run(20'000, false);
}

INSTANTIATE_TEST_SUITE_P(seeds, model_traffic, testing::Range(1u, 13u));

class wild_traffic : public dedup_test, public testing::WithParamInterface<unsigned> {
 protected:
  wild_traffic()
      : dedup_test({.window_bytes = 3000, .gaps_per_epoch = 2, .remembered_hashes = 16}) {}
};

// Windows too small for the traffic, sequences all over the place, reboots without notice: now
// duplicates may be kept, but a message that never came before must be.
TEST_P(wild_traffic, never_has_a_false_duplicate) {
  std::mt19937_64 random(GetParam());
  std::set<std::string> offered, keys;
  for (int i = 0; i < 20'000; ++i) {
    auto m =
        message(random() % 3 == 0 ? random() % 4000 : random() % 40, std::to_string(random() % 3));
    m.device = "d" + std::to_string(random() % 30);
    if (random() % 4 == 0) {
      m.e.epoch = random() % 5;
      m.e.epoch_from = model::epoch_origin::device;
    }
    if (random() % 5 == 0) m.e.level = model::ack_level::none;
    const bool promised = m.e.level == model::ack_level::durable;
    const std::string truth =
        m.device + "/" + std::to_string(*m.e.sequence) + "/" +
        (m.e.epoch_from == model::epoch_origin::device ? "e" + std::to_string(m.e.epoch)
                                                       : m.payload);
    const bool accepted = pass(m);
    const auto answered = answers();
    if (!accepted && answered.back().result == outcome::refused) {
      EXPECT_EQ(answered.back().fault, fault_code::server_busy);
      take_snapshot();
      continue;
    }
    if (!accepted) {
      ASSERT_TRUE(offered.count(truth + "!") != 0 || (!promised && offered.count(truth) != 0))
          << "seed " << GetParam() << " step " << i << ": " << truth;
    }
    offered.insert(truth + (promised ? "!" : ""));
    if (brain_->snapshot_due() && random() % 3 == 0) take_snapshot();
  }
  EXPECT_GT(counted().below_window, 0u);
  EXPECT_GT(counted().windows_refused + counted().cold_loads, 0u);
}

INSTANTIATE_TEST_SUITE_P(seeds, wild_traffic, testing::Range(1u, 13u));

}  // namespace
}  // namespace fleetgate::dedup
