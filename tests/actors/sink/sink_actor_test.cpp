#include "actors/sink/sink_actor.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <stdexcept>

namespace fleetgate::sink {
namespace {

class throwing_writer final : public sink_writer {
 public:
  result<std::optional<contract::cursor>> open() override { throw std::runtime_error("a bug"); }
  result<void> write(const contract::read_block&) override { return {}; }
  result<std::uint64_t> enforce_retention(std::int64_t) override { return 0; }
  void close() override {}
};

class empty_reader final : public contract::spool_reader {
 public:
  result<void> seek(const contract::cursor&) override { return {}; }
  result<void> read(contract::read_block& block, std::size_t, std::size_t) override {
    block = {};
    return {};
  }
  [[nodiscard]] model::spool_uuid spool() const override { return {}; }
  [[nodiscard]] std::uint64_t lag_records() const override { return 0; }
};

TEST(sink_actor, an_exception_stops_the_sink_visibly_and_it_still_answers) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  contract::journal_mail mail(1, {16, 1 << 20});
  observe::sink_probe probe;
  observe::logger log{observe::log_options{}};
  auto parts = std::make_shared<sink_parts>();
  parts->name = "db";
  parts->writer = std::make_unique<throwing_writer>();
  parts->reader = std::make_unique<empty_reader>();
  parts->news = std::make_shared<contract::spool_news>();
  const auto sink = system.spawn<sink_actor, caf::detached>(parts, mail, probe, log);
  caf::scoped_actor self(system);
  self->request(sink, caf::infinite, drain_atom::value)
      .receive([](bool caught_up) { EXPECT_FALSE(caught_up); },
               [](const caf::error&) { FAIL() << "the actor is gone"; });
  EXPECT_EQ(probe.errors[fault_code::internal].value(), 1u);
  EXPECT_EQ(probe.circuit.value(), static_cast<std::int64_t>(observe::circuit_state::open));
  self->send_exit(sink, caf::exit_reason::user_shutdown);
  self->wait_for(sink);
}

}  // namespace
}  // namespace fleetgate::sink
