// What the actor runtime costs: a bounded mailbox, a message between pinned actors of one unit, and
// a hop between two units, each beside plain CAF.
#include <benchmark/benchmark.h>

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/behavior.hpp>
#include <caf/scoped_actor.hpp>
#include <thread>

#include "actors/runtime/mail.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/runtime/unit.hpp"

namespace fleetgate::runtime {
namespace {

using model::traffic_class;

constexpr mailbox_limits wide{1 << 20, std::size_t{1} << 30};

template <class Lock>
void mailbox_offer_and_drain(benchmark::State& state) {
  mailbox<std::uint64_t, Lock> box(wide);
  const auto batch = static_cast<std::size_t>(state.range(0));
  std::uint64_t sum = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < batch; ++i) {
      std::uint64_t v = i;
      box.offer(traffic_class::telemetry, v, 64);
    }
    box.drain(batch, [&](traffic_class, std::uint64_t v) { sum += v; });
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(mailbox_offer_and_drain<no_lock>)->Arg(64);
BENCHMARK(mailbox_offer_and_drain<std::mutex>)->Arg(64);

/// Reads a mailbox and answers each turn by posting what it read into another one.
class relay : public pinned_actor {
 public:
  using mail_type = mail<std::uint64_t>;
  relay(caf::actor_config& config, unit& home, mail_type& in, mail_type& out)
      : pinned_actor(config, home), in_(in), out_(out) {}
  caf::behavior make_behavior() override {
    return {[this](wake_atom) {
      in_.read(1 << 16, [this](traffic_class cls, std::uint64_t v) {
        if (!out_.post(cls, v, 8)) quit();
      });
    }};
  }

 private:
  mail_type& in_;
  mail_type& out_;
};

/// Ends a round trip: counts what comes back.
class counting : public pinned_actor {
 public:
  counting(caf::actor_config& config, unit& home, relay::mail_type& in,
           std::atomic<std::uint64_t>& count)
      : pinned_actor(config, home), in_(in), count_(count) {}
  caf::behavior make_behavior() override {
    return {[this](wake_atom) {
      const std::size_t n = in_.read(1 << 16, [](traffic_class, std::uint64_t) {});
      count_.fetch_add(n);
      count_.notify_one();
    }};
  }

 private:
  relay::mail_type& in_;
  std::atomic<std::uint64_t>& count_;
};

/// Two hops: bench thread -> far unit -> near unit, `batch` messages at a time.
void two_hops_between_units(benchmark::State& state) {
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 1);
  config.set("scheduler.policy", caf::atom("sharing"));
  caf::actor_system system(config);
  relay::mail_type there(wide), back(wide);
  std::atomic<std::uint64_t> count{0};
  unit far(system, "far"), near(system, "near");
  const auto relaying = spawn_pinned<relay>(far, there, back);
  const auto counter = spawn_pinned<counting>(near, back, count);
  there.connect(relaying);
  back.connect(counter);
  far.start();
  near.start();
  std::uint64_t sent = 0;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      std::uint64_t v = sent++;
      if (!there.post(traffic_class::event, v, 8)) state.SkipWithError("refused");
    }
    for (auto seen = count.load(); seen < sent; seen = count.load()) count.wait(seen);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  caf::scoped_actor self(system);
  for (const auto& a : {relaying, counter}) {
    self->send_exit(a, caf::exit_reason::user_shutdown);
    self->wait_for(a);
  }
  there.disconnect();
  back.disconnect();
}
BENCHMARK(two_hops_between_units)->Arg(1)->Arg(64)->UseRealTime();

}  // namespace
}  // namespace fleetgate::runtime

BENCHMARK_MAIN();
