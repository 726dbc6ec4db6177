#include "actors/runtime/actor_body.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <exception>
#include <new>
#include <string>

#include "actors/runtime/clock.hpp"
#include "actors/runtime/thread_room.hpp"

namespace fleetgate::runtime {
namespace {

const caf::atom_value fault_category = caf::atom("fault");

class pinned_runner final : public pinned_actor {
 public:
  pinned_runner(caf::actor_config& config, unit& home, actor_body& body)
      : pinned_actor(config, home), body_(body), name_(body.name()) {}
  const char* name() const override { return name_; }
  caf::behavior make_behavior() override { return body_.run_by(*this); }

 private:
  actor_body& body_;  // until this one ends: then it may be gone
  const char* const name_;
};

fault fault_from(std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc& e) {
    return fault(fault_code::memory_budget_full, e.what());
  } catch (const std::exception& e) {
    return fault(fault_code::internal, e.what());
  } catch (...) {
    return fault(fault_code::internal, "something that is no exception was thrown");
  }
}

class detached_runner final : public caf::event_based_actor {
 public:
  detached_runner(caf::actor_config& config, actor_body& body)
      : caf::event_based_actor(config), body_(body), name_(body.name()), busy_since_(body.busy()) {
    set_exception_handler(
        [](std::exception_ptr& thrown) -> caf::error { return to_error(fault_from(thrown)); });
  }
  const char* name() const override { return name_; }
  caf::behavior make_behavior() override { return body_.run_by(*this); }

  resume_result resume(caf::execution_unit* host, std::size_t most) override {
    busy_since_->store(steady_now_ns(), std::memory_order_relaxed);
    // One message a turn: whoever always has another one is not with one thing for long.
    const resume_result result =
        caf::event_based_actor::resume(host, std::min<std::size_t>(most, 1));
    if (result != resume_result::done) busy_since_->store(0, std::memory_order_relaxed);
    return result;
  }

  /// Before anybody hears of the end: later there may be a successor.
  void on_exit() override {
    busy_since_->store(0, std::memory_order_relaxed);
    body_.ended();
  }

 private:
  actor_body& body_;  // until this one ends: then it may be gone
  const char* const name_;
  const actor_body::busy_since busy_since_;
};

}  // namespace

caf::actor run_pinned(unit& home, actor_body& body) {
  return spawn_pinned<pinned_runner>(home, body);
}

caf::actor run_detached(caf::actor_system& system, actor_body& body) {
  try_threads(1);
  return system.spawn<detached_runner, caf::detached>(body);
}

caf::error to_error(const fault& why) {
  return caf::error(static_cast<std::uint8_t>(why.code), fault_category,
                    caf::make_message(why.detail));
}

std::optional<fault> fault_of(const caf::error& reason) {
  if (!reason || reason == caf::exit_reason::user_shutdown) return std::nullopt;
  if (reason == caf::exit_reason::kill) {
    return fault(fault_code::administrative_action, "it was killed");
  }
  if (reason.category() == fault_category && reason.code() < fault_count) {
    const auto& context = reason.context();
    return fault(static_cast<fault_code>(reason.code()),
                 context.match_elements<std::string>() ? context.get_as<std::string>(0) : "");
  }
  return fault(fault_code::internal, caf::to_string(reason));
}

}  // namespace fleetgate::runtime
