#include "actors/commands/commands_actor.hpp"

#include <algorithm>
#include <caf/behavior.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <random>
#include <utility>

#include "actors/commands/topic.hpp"
#include "actors/runtime/clock.hpp"
#include "protocol/model/ids.hpp"

namespace fleetgate::commands {
namespace {

/// Answers are long: what is read is stored before more is.
constexpr std::size_t events_per_turn = 64;
/// A mailbox or the store did not take something: the next try.
constexpr std::int64_t retry_ns = 1'000'000'000;

std::string new_id() {
  std::random_device random;
  const auto half = [&] { return static_cast<std::uint64_t>(random()) << 32 | random(); };
  return model::to_string(model::trace_id{half(), half()});
}

}  // namespace

commands_actor::commands_actor(const commands_limits& limits, std::vector<std::string> topics,
                               contract::command_mail& mail, contract::state_store& store,
                               locator locate, observe::commands_probe& probe, observe::logger& log)
    : mail_(mail),
      store_(store),
      topics_(std::move(topics)),
      locate_(std::move(locate)),
      probe_(probe),
      log_(log),
      ledger_(limits) {
  probe_.bytes_limit.set(static_cast<std::int64_t>(limits.bytes));
}

result<void> commands_actor::restore() {
  const auto unreadable = ledger_.restore(store_);
  if (!unreadable) return tl::unexpected(unreadable.error());
  if (*unreadable != 0) {
    log_.error("commands.damaged", {{"rows", *unreadable},
                                    {"effect", "commands to devices are lost"},
                                    {"next", "send again what has no answer"}});
  }
  ledger_.on_time(runtime::unix_now_ns());
  publish();
  return {};
}

caf::behavior commands_actor::make_behavior() {
  wakes_at_ns_ = 0;
  // The answers went to a predecessor.
  if (std::exchange(has_run_, true)) to_look_for_ = ledger_.waiting_devices();
  caf::anon_send(self(), runtime::wake_atom::value);
  return {
      [this](runtime::wake_atom) { turn(); },
      [this](submit_atom, const contract::command_request& what) {
        auto answer = submit(what);
        publish();
        wait();
        return answer;
      },
      [this](find_atom, const std::string& device, const std::string& id) {
        ledger_answer answer;
        if (const auto* c = ledger_.find(device, id))
          answer.got.command = *c;
        else
          answer.refused =
              fault(fault_code::not_found, "device \"" + device + "\" has no command " + id);
        return answer;
      },
      [this](list_atom, const std::string& device, const std::string& after, std::uint32_t most) {
        ledger_page answer;
        if (auto page = ledger_.page(device, after, most))
          answer.got = std::move(*page);
        else
          answer.refused = std::move(page.error());
        return answer;
      },
      [this](drain_atom) {
        const auto& events = mail_.events.box();
        do turn();
        while (events.depth(model::traffic_class::control).items != 0 && store());
        return store();
      },
  };
}

void commands_actor::turn() {
  if (!store()) return wake_in(retry_ns);
  const auto now_ns = runtime::unix_now_ns();
  mail_.events.read(events_per_turn,
                    [&](auto, const contract::command_event& e) { take(e, now_ns); });
  if (mail_.missed.exchange(false)) {
    to_look_for_ = ledger_.waiting_devices();
    for (const auto& device : to_look_for_) ledger_.came(device, true);
  }
  look_again();
  ledger_.on_time(now_ns);
  if (!store()) wake_in(retry_ns);
  publish();
  wait();
}

void commands_actor::take(const contract::command_event& e, std::int64_t now_ns) {
  if (const auto* ready = std::get_if<contract::device_ready>(&e.what)) {
    ledger_.came(e.device, ready->again);
    (void)deliver(e.device, ready->native);
  } else if (const auto* sent = std::get_if<contract::command_sent>(&e.what)) {
    ++probe_.deliveries;
    ledger_.sent(e.device, sent->id, now_ns);
  } else if (const auto* answer = std::get_if<contract::command_answer>(&e.what)) {
    ledger_.answered(e.device, *answer, now_ns);
  }
}

ledger_answer commands_actor::submit(const contract::command_request& what) {
  ledger_answer answer;
  auto taken = ledger_.submit(what, new_id(), runtime::unix_now_ns());
  if (!taken) {
    ++probe_.refused[taken.error().code];
    answer.refused = std::move(taken.error());
    return answer;
  }
  if (taken->is_new) {
    // Before its device is looked for: one that comes meanwhile says so.
    mail_.wanted.store(true, std::memory_order_release);
    if (const auto stored = store_.apply(ledger_.changes()); !stored) {
      ledger_.changes().pop_back();
      ledger_.withdraw(taken->command);
      ++probe_.refused[stored.error().code];
      answer.refused = stored.error();
      return answer;
    }
    ledger_.changes().clear();
    ++probe_.accepted;
    look_for(what.device);
  }
  answer.got = std::move(*taken);
  return answer;
}

/// An MQTT client is known to the sessions stage, a native device to the journal.
void commands_actor::look_for(const std::string& device) {
  if (!deliver(device, {})) return;
  locate_(self(), device, [this, device](std::optional<model::connection_ref> at) {
    if (!at) {
      to_look_for_.insert(device);
      wake_in(retry_ns);
    } else if (at->generation != 0) {
      (void)deliver(device, *at);
    }
  });
}

/// False: a mailbox has no room now, and the device is looked for again.
bool commands_actor::deliver(const std::string& device, model::connection_ref native) {
  for (const auto* c : ledger_.waiting_of(device, native)) {
    if (!hand_over(*c, native)) {
      to_look_for_.insert(device);
      wake_in(retry_ns);
      return false;
    }
    ledger_.offered(*c, native);
  }
  return true;
}

/// As far as there is room; whoever comes after that comes first next time.
void commands_actor::look_again() {
  while (!to_look_for_.empty()) {
    const std::string device = *to_look_for_.begin();
    to_look_for_.erase(to_look_for_.begin());
    look_for(device);
    if (to_look_for_.contains(device)) return;
  }
}

bool commands_actor::hand_over(const contract::command& c, model::connection_ref native) {
  auto delivery = delivery_of(c);
  const auto weight = contract::command_mail::weight(*delivery);
  if (native.generation == 0) {
    return mail_.to_subscribers.post(model::traffic_class::control, delivery, weight);
  }
  contract::native_delivery to{native, std::move(delivery)};
  return mail_.to_shards[native.shard]->post(model::traffic_class::control, to, weight);
}

contract::command_delivery_ptr commands_actor::delivery_of(const contract::command& c) const {
  auto d = std::make_shared<contract::command_delivery>();
  d->device = c.request.device;
  d->id = c.id;
  d->name = c.request.name;
  d->content_type = c.request.content_type;
  d->payload = c.request.payload;
  d->deadline_ns = c.request.deadline_ns;
  for (const auto& pattern : topics_) d->topics.push_back(command_topic(pattern, c));
  return d;
}

bool commands_actor::store() {
  if (ledger_.changes().empty()) return true;
  if (const auto stored = store_.apply(ledger_.changes()); !stored) {
    log_.error("commands.write_failed",
               {{"reason", to_string(stored.error())}, {"next", "it is tried again"}});
    return false;
  }
  ledger_.changes().clear();
  return true;
}

void commands_actor::publish() {
  mail_.wanted.store(ledger_.has_open(), std::memory_order_release);
  for (std::size_t i = 0; i < contract::command_state_count; ++i) {
    const auto s = static_cast<contract::command_state>(i);
    probe_.commands[i].set(static_cast<std::int64_t>(ledger_.count(s)));
  }
  probe_.bytes.set(static_cast<std::int64_t>(ledger_.bytes()));
}

void commands_actor::wait() {
  const auto due = ledger_.next_deadline_ns();
  if (due) wake_in(std::max<std::int64_t>(0, *due - runtime::unix_now_ns()));
}

void commands_actor::wake_in(std::int64_t ns) {
  const std::uint64_t now_ns = runtime::steady_now_ns();
  const std::uint64_t due_ns = now_ns + static_cast<std::uint64_t>(ns);
  if (wakes_at_ns_ > now_ns && wakes_at_ns_ <= due_ns) return;  // a wake-up comes before
  wakes_at_ns_ = due_ns;
  self()->delayed_anon_send(self(), std::chrono::nanoseconds(ns), runtime::wake_atom::value);
}

}  // namespace fleetgate::commands
