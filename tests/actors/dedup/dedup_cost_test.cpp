// What a message may cost: no allocation in steady state.
#include "tests/actors/dedup/dedup_fixture.hpp"
#include "tests/counted_allocations.hpp"

namespace fleetgate::dedup {
namespace {

class cost : public dedup_test {
 protected:
  /// 100 devices with 16 messages in flight each.
  void traffic(std::uint64_t from, std::uint64_t to, bool epochs_given) {
    std::vector<owned_envelope> devices(100);
    for (std::size_t n = 0; n < devices.size(); ++n) {
      devices[n] = epochs_given ? in_epoch(3, 0) : message(0);
      devices[n].device = "press-hall-" + std::to_string(n);
    }
    std::vector<std::uint64_t> tickets;
    tickets.reserve(devices.size() * 16);
    receipts_.reserve(devices.size() * 16);
    std::vector<model::envelope> views;
    for (const auto& d : devices) views.push_back(d.view());
    const std::size_t before = counted::allocations;
    for (std::uint64_t s = from; s < to; ++s) {
      for (model::envelope e : views) {
        e.sequence = s;
        e.payload_hash = s;
        tickets.push_back(*brain_->decide(e, now_, receipts_));
      }
      if (s % 16 != 15) continue;
      for (const auto t : tickets) settle(t);
      tickets.clear();
      receipts_.clear();
    }
    made_ = counted::allocations - before;
  }
  std::size_t made_ = 0;
};

TEST_F(cost, of_a_sequenced_message_is_free_of_allocations_in_steady_state) {
  for (const bool epochs_given : {true, false}) {
    traffic(0, 2048, epochs_given);
    traffic(2048, 4096, epochs_given);
    EXPECT_EQ(made_, 0u) << "epochs from the device: " << epochs_given;
  }
}

}  // namespace
}  // namespace fleetgate::dedup
