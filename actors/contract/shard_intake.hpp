// What the connections of a shard put together for its parser in one round, and the memory it lies
// in. Belongs to the shard; one thread. Limit: the lanes of `to_parser`, and the memory budget.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "actors/contract/accounts.hpp"
#include "actors/contract/inbound_message.hpp"
#include "actors/runtime/arena.hpp"
#include "actors/runtime/mail.hpp"
#include "actors/runtime/memory_budget.hpp"
#include "protocol/base/fault.hpp"
#include "protocol/model/envelope.hpp"

namespace fleetgate::contract {

/// Exactly one of the two is set. Both lie in the arena of their class.
struct inbound_item {
  const inbound_message* message = nullptr;
  const model::envelope* mark =
      nullptr;  // release, session_open, session_close: passed on as it is
};

using inbound_mail = runtime::mail<inbound_item, runtime::no_lock>;

struct shard_intake {
  shard_intake(std::uint16_t shard_number, runtime::memory_budget& budget,
               runtime::mailbox_limits limits)
      : shard(shard_number), credit(budget), to_parser(limits) {}

  /// Takes memory for one item of `weight` bytes where the lane has room for it; or why there is
  /// none. What is posted next, with that weight, is taken.
  [[nodiscard]] std::optional<fault_code> claim(model::traffic_class cls, std::size_t weight) {
    if (!to_parser.box().has_room(cls, weight)) return fault_code::mailbox_full;
    if (!credit.take(cls, weight)) return fault_code::memory_budget_full;
    return std::nullopt;
  }

  /// Between two readings of connections: what has become large is a batch of its own, so that
  /// the journal can take a little at a time.
  void seal_large() {
    for (const auto cls : model::all_traffic_classes) {
      if (memory[model::index(cls)].used() >= large_bytes) seal(cls);
    }
  }
  /// What has been posted of the class since the last time is a batch of its own.
  void seal(model::traffic_class cls) {
    auto& parts = sealed[model::index(cls)];
    std::size_t items = to_parser.box().depth(cls).items;
    for (const part& p : parts) items -= p.items;
    if (items == 0) return;
    parts.push_back({items, std::exchange(memory[model::index(cls)], {}), credit.collect(cls)});
  }

  /// Items of `to_parser`, the memory they lie in, and its charge.
  struct part {
    std::size_t items = 0;
    runtime::arena memory;
    runtime::memory_charge charge;
  };
  static constexpr std::size_t large_bytes = 64 * 1024;

  const std::uint16_t shard;
  std::array<runtime::arena, model::traffic_class_count> memory;  // of the batches being made
  std::array<std::deque<part>, model::traffic_class_count> sealed;
  runtime::memory_credit credit;
  inbound_mail to_parser;
  shard_book account;
};

}  // namespace fleetgate::contract
