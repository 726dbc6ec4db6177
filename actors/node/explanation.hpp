// What is known of one message, joined: where it lies on disk, in which sinks, and what the flight
// recorder noted of it and of the batches it was in. Pure; any thread. Limit: what it is given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/contract/spool_reader.hpp"
#include "actors/node/circumstances.hpp"
#include "actors/node/verb_text.hpp"
#include "actors/observe/trace_reader.hpp"
#include "actors/sink/sqlite_lookup.hpp"
#include "protocol/model/ids.hpp"
#include "protocol/model/traffic_class.hpp"

namespace fleetgate::node {

/// One record of the spool, or one place of which rows tell.
struct message_fact {
  model::position at;
  std::optional<model::lane> in;  // only from the spool
  bool in_spool = false;
  bool quarantined = false;
  std::optional<fault_code> fault;  // only where quarantined
  std::string node, device, stream, topic, cls;
  std::optional<std::uint64_t> epoch, sequence;
  std::string trace;  // 32 digits, or "" for none
  std::int64_t received_time_ns = 0;
  int qos = 0;
  std::vector<std::pair<std::string, std::int64_t>> rows;  // database and id
};

struct known_sink {
  std::string database;
  sink::sink_findings found;
};

class explanation {
 public:
  explicit explanation(sink::message_name wanted) : wanted_(std::move(wanted)) {}

  /// A record of the spool. One that is not wanted is passed over; one that was given is known.
  void add(const contract::stored_record& record);
  /// The spool was read to its end: what is not among its records is not there.
  void spool_was_read() noexcept { spool_was_read_ = true; }
  /// What a sink's database has. After the spool's records.
  void add(known_sink sink);

  /// Whether the recorder's record is of this message or of a batch it was in. After all `add`.
  [[nodiscard]] bool concerns(const observe::trace_record& r) const;

  /// Nothing on disk, and no `lines` of the recorder: nothing is known.
  [[nodiscard]] bool is_known(const observe::trace_timeline* recording) const noexcept {
    return !facts_.empty() || (recording != nullptr && !recording->lines.empty());
  }

  /// Members: messages, timeline (by time), standing (what is so now, without a time), meanwhile
  /// (failures in which it came), possible_ends (where nothing is known of it).
  [[nodiscard]] json tell(const observe::trace_timeline* recording,
                          const circumstances& around) const;

 private:
  [[nodiscard]] bool holds(const observe::trace_record& group,
                           const message_fact& f) const noexcept;
  [[nodiscard]] bool is_contradicted(const observe::trace_record& group,
                                     const observe::trace_timeline& recording) const noexcept;
  message_fact& fact_at(const model::position& at);
  [[nodiscard]] json standing_of(const message_fact& f,
                                 const observe::trace_timeline* recording) const;

  sink::message_name wanted_;
  std::vector<message_fact> facts_;
  std::vector<known_sink> sinks_;
  bool spool_was_read_ = false;
};

}  // namespace fleetgate::node
