// What the admin API can ask of its node, and tell it to do. The node implements it by asking its
// actors, each with a time limit; routes call it on the thread beside the loop, one call after the
// other; what waits for nobody, on the loop's. Fault no_answer: an actor did not answer in time,
// and what was told may still be done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/contract/actor_report.hpp"
#include "actors/contract/command.hpp"
#include "actors/contract/device_report.hpp"
#include "actors/contract/loose_message.hpp"
#include "actors/contract/quarantine_replay.hpp"
#include "actors/contract/reload_report.hpp"
#include "actors/contract/sink_report.hpp"
#include "actors/contract/spool_report.hpp"
#include "protocol/base/result.hpp"
#include "protocol/model/overload_level.hpp"

namespace fleetgate::admin {

struct node_address {
  std::string name;
  std::string protocol;
  std::string address;
};

struct node_status {
  std::string name;
  std::string site;
  std::string version;
  std::int64_t started_time_ns = 0;  // Unix time
  std::vector<node_address> addresses;
  model::overload_level overload = model::overload_level::normal;
  std::optional<std::uint64_t> telemetry_full_in_s;  // nothing: the spool does not fill
  std::uint64_t connections = 0;
  std::uint64_t memory_used_bytes = 0;
  std::uint64_t memory_budget_bytes = 0;
  std::uint64_t spool_used_bytes = 0;
  std::uint64_t spool_budget_bytes = 0;
  std::uint64_t messages = 0;          // taken in since start
  std::uint64_t rows = 0;              // delivered by sinks since start
  std::uint64_t sink_lag_records = 0;  // of the sink that is furthest behind
};

/// Where a page of devices goes on: a shard and a slot in it. A client that stays connected stands
/// on exactly one page.
struct device_cursor {
  std::uint32_t shard = 0;
  std::uint32_t slot = 0;
};

struct device_page {
  std::vector<contract::connected_device> devices;
  std::optional<device_cursor> next;  // nothing: that was all
};

struct sink_entry {
  std::string name;
  bool required = false;
  std::optional<contract::sink_report> report;  // nothing: it did not answer in time
};

class node_access {
 public:
  virtual ~node_access() = default;

  /// Asks nobody.
  virtual node_status status() = 0;

  /// At most `most`. Fault not_found: there is no such shard.
  virtual result<device_page> devices(const device_cursor& from, std::size_t most) = 0;
  /// Fault not_found: it is not connected.
  virtual result<contract::connected_device> device(const std::string& client_id) = 0;
  virtual result<void> close_connection(const std::string& client_id) = 0;

  /// Brings messages of `device` on the road; waits for nobody. Nothing: `request` is answered when
  /// they have their receipts, or after a while. Faults: topic_name_invalid (a topic is another
  /// device's), packet_too_large, memory_budget_full, mailbox_full; the request is gone then.
  virtual std::optional<fault> hand_in(std::string_view device,
                                       contract::message_request request) = 0;

  virtual result<contract::spool_report> spool() = 0;
  /// Quarantined messages behind `after`, about `bytes` of payload in all. Faults: position_beyond_
  /// end, storage_io.
  virtual result<contract::read_block> quarantine(const model::position& after, std::size_t records,
                                                  std::size_t bytes) = 0;

  /// Nothing: it was not sent again yet. Fault storage_io.
  virtual result<std::optional<contract::replay_mark>> replay_mark(const model::position& at) = 0;
  /// Sends them through the parser again, and waits for their fates. Faults as of `quarantine`, and
  /// storage_full.
  virtual result<contract::replay_report> replay_quarantined(
      const contract::quarantine_filter& which) = 0;

  /// All supervisors, the root first, with those whom they watch.
  virtual std::vector<contract::supervisor_report> actors() = 0;

  virtual std::vector<sink_entry> sinks() = 0;
  /// Faults: not_found; what the sink refuses with.
  virtual result<contract::sink_report> pause_sink(std::string_view name) = 0;
  virtual result<contract::sink_report> resume_sink(std::string_view name) = 0;
  virtual result<contract::sink_report> replay_sink(std::string_view name,
                                                    const contract::replay_request& what) = 0;

  /// On disk when it returns. Faults: quota_exceeded (too many for the device, or in all);
  /// key_reused (its idempotency key stands for another command); storage_io, storage_full.
  virtual result<contract::submitted_command> submit_command(
      const contract::command_request& what) = 0;
  /// Fault: not_found.
  virtual result<contract::command> command(const std::string& device, const std::string& id) = 0;
  /// At most `most`, the newest first; behind the one with the id `after`, "": from the newest on.
  /// Fault not_found: there is no command `after`.
  virtual result<contract::command_page> commands(const std::string& device,
                                                  const std::string& after, std::size_t most) = 0;

  /// Begins a drain, as SIGTERM does; returns at once.
  virtual void drain() = 0;

  /// Reads the configuration again, as SIGHUP does; returns at once. `then` is called once, from
  /// any thread.
  virtual void reload(contract::reload_reply then) = 0;
};

}  // namespace fleetgate::admin
