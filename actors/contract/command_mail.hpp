// Between the commands stage and those who bring a command to its device: the sessions stage for
// MQTT clients, the shards for native devices. The mailboxes belong to the node and outlive the
// actors that read them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "actors/contract/command.hpp"
#include "actors/runtime/mail.hpp"
#include "protocol/model/ids.hpp"

namespace fleetgate::contract {

/// One command for whoever is its device now.
struct command_delivery {
  std::string device;
  std::string id;
  std::string name;
  std::string content_type;
  std::string payload;
  std::int64_t deadline_ns = 0;     // Unix time
  std::vector<std::string> topics;  // an MQTT client gets it under the first that it subscribes to
};
using command_delivery_ptr = std::shared_ptr<const command_delivery>;

/// The device can take commands now: it has connected, or subscribed.
struct device_ready {
  model::connection_ref native;  // of a native device; generation 0: an MQTT client
  /// Also what was sent before and is not answered; else what it was offered and did not take.
  bool again = true;
};

struct command_sent {
  std::string id;
};

/// The device's answer. `expired`: it came too late for the device.
struct command_answer {
  std::string id;
  command_result result = command_result::received;
  bool expired = false;
  std::string payload;
  std::string content_type;
};

struct command_event {
  std::string device;
  std::variant<device_ready, command_sent, command_answer> what;
};

struct native_delivery {
  model::connection_ref to;
  command_delivery_ptr command;
};

struct command_mail {
  command_mail(std::size_t shards, std::size_t budget_bytes)
      : events({16'384, budget_bytes / 64}), to_subscribers({4096, budget_bytes / 64}) {
    for (std::size_t s = 0; s < shards; ++s) {
      to_shards.push_back(std::make_unique<runtime::mail<native_delivery>>(
          runtime::mailbox_limits{4096, budget_bytes / 64}));
    }
  }

  /// What a mailbox counts an item as.
  static std::size_t weight(const command_event& e) noexcept {
    const auto* answer = std::get_if<command_answer>(&e.what);
    return sizeof e + e.device.size() + (answer == nullptr ? 0 : answer->payload.size());
  }
  static std::size_t weight(const command_delivery& d) noexcept {
    return sizeof d + d.payload.size();
  }

  /// By who has seen a device come. What does not fit is made up for: the commands stage then looks
  /// for all devices that it waits for.
  void tell_ready(std::string_view device, model::connection_ref native, bool again) {
    if (!wanted.load(std::memory_order_acquire)) return;
    command_event e{std::string(device), device_ready{native, again}};
    if (!events.post(model::traffic_class::control, e, weight(e))) missed.store(true);
  }
  /// What does not fit is lost, and the command is sent again when its device comes back.
  void tell(command_event e) { (void)events.post(model::traffic_class::control, e, weight(e)); }

  runtime::mail<command_event> events;                 // sessions, shards -> commands
  runtime::mail<command_delivery_ptr> to_subscribers;  // commands -> sessions
  std::vector<std::unique_ptr<runtime::mail<native_delivery>>> to_shards;  // commands -> shards
  /// Some command waits for its device, or for an answer; until the ledger was read, that may be.
  std::atomic<bool> wanted{true};
  std::atomic<bool> missed{false};  // a device_ready did not fit into `events`

  /// At the end: no reader is woken any more.
  void disconnect() {
    events.disconnect();
    to_subscribers.disconnect();
    for (auto& s : to_shards) s->disconnect();
  }
};

}  // namespace fleetgate::contract
