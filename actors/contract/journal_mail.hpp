// The mailboxes of the journal: what reaches it from the shards, what its stages hand each other,
// and what it sends back. They belong to the node and outlive the actors that read them, so that a
// successor takes over what they hold.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/accounts.hpp"
#include "actors/contract/append.hpp"
#include "actors/contract/envelope_batch.hpp"
#include "actors/contract/spool_reader.hpp"
#include "actors/contract/state_store.hpp"
#include "actors/runtime/mail.hpp"
#include "protocol/model/receipt.hpp"

namespace fleetgate::contract {

/// What became of appended envelopes; and, where a required reader has moved, how far the slowest
/// of them has come in each lane.
struct settlement_batch {
  std::vector<settlement> settled;
  std::optional<std::array<model::position, model::lane_count>> required_passed;
  bool snapshot_wanted = false;  // the spool is short of room that a snapshot would free
};

/// A reader of the spool says how far it has durably come, or that it goes back to read again.
struct reader_progress {
  std::string reader;
  cursor at;
  bool goes_back = false;
};

/// Changes of windows and sessions for the state store.
struct snapshot {
  std::uint64_t number = 0;  // for the answer
  std::vector<state_change> changes;
};

/// For the readers of the spool: how many records have become durable since the node started.
struct spool_news {
  std::atomic<std::uint64_t> durable_records{0};
  runtime::signal changed;
};

/// A parser whose batch was refused sets `wanted` and tries once more; dedup tells it of room.
struct room_bell {
  std::atomic<bool> wanted{false};
  runtime::signal changed;
};

/// What is urgent is answered before the spool writes the rest of its round.
enum class round_step : std::uint8_t {
  open,
  urgent_written,   // by the spool: dedup is next
  urgent_answered,  // by dedup: the spool is next
};

struct journal_mail {
  using receipt_mail = runtime::mail<std::vector<model::receipt>>;

  /// Bounds of what dedup passes on before the spool has committed it: one round, about as it lies
  /// on disk. A control message waits for the round before it: with the least, on a disk that takes
  /// 20 MB a second, 20 ms and the syncs.
  static constexpr std::size_t least_round_bytes = 384 * 1024;
  static constexpr std::size_t most_round_bytes = 3 * 1024 * 1024;

  /// `intake` bounds what the shards hand in; the rest is bounded by that in turn: each envelope
  /// taken in has one append, one settlement and one receipt.
  journal_mail(std::size_t shards, runtime::mailbox_limits intake)
      : batches(intake),
        appends(derived),
        settlements(derived),
        progress({1024, 1 << 20}),
        snapshots({1, 1}),
        room(shards),
        account(shards) {
    for (std::size_t s = 0; s < shards; ++s) {
      receipts.push_back(std::make_unique<receipt_mail>(derived));
    }
  }

  runtime::mail<envelope_batch_ptr> batches;                      // parsers -> dedup
  runtime::mail<append_request, runtime::no_lock> appends;        // dedup -> spool
  runtime::mail<settlement_batch, runtime::no_lock> settlements;  // spool -> dedup
  std::vector<std::unique_ptr<receipt_mail>> receipts;            // dedup -> ingress, by shard
  runtime::mail<reader_progress> progress;                        // sinks, links -> spool
  runtime::mail<snapshot> snapshots;                              // dedup -> state, one at a time
  std::vector<room_bell> room;                                    // dedup -> parser, by shard
  journal_book account;                                           // of dedup and spool together
  round_step round = round_step::open;
  std::size_t round_bytes = most_round_bytes;  // by how long the last rounds took
  bool room_wanted = false;  // dedup left something: wake it after the next commit or removal

  /// At the end: no reader is woken any more.
  void disconnect() {
    batches.disconnect();
    appends.disconnect();
    settlements.disconnect();
    progress.disconnect();
    snapshots.disconnect();
    for (auto& r : receipts) r->disconnect();
    for (auto& r : room) r.changed.disconnect();
  }

 private:
  static constexpr runtime::mailbox_limits derived{~std::size_t{0}, ~std::size_t{0}};
};

}  // namespace fleetgate::contract
