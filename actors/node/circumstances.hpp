// What the flight recorder noted around a message and not of itself: when a sink or the spool
// failed, how the node's starts ended, what was given up without a name. Pure; any thread. Limit:
// what it is given, and of that only the anomalies that befall nodes and sinks one by one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/observe/trace_reader.hpp"
#include "actors/sink/sqlite_lookup.hpp"

namespace fleetgate::node {

struct circumstance {
  std::string what;  // a sentence for people, without its times and its fault
  std::string event;
  std::optional<fault_code> fault;
  std::uint64_t count = 1;
  std::int64_t since_ns = 0;
  std::int64_t until_ns = 0;  // 0: no end was noted
};

class circumstances {
 public:
  explicit circumstances(const sink::message_name& wanted);

  /// In any order. What is no circumstance is passed over.
  void add(const observe::trace_record& r);

  /// Failures of sinks and of the spool in which the message came, by their beginning.
  [[nodiscard]] std::vector<circumstance> around(std::int64_t received_ns) const;

  /// Of a message of which nothing is known: what may have been its end, by its beginning.
  [[nodiscard]] std::vector<circumstance> possible_ends() const;

 private:
  enum class turn : std::uint8_t { started, drained, failed, recovered };
  struct moment {
    std::int64_t time_ns = 0;
    turn is = turn::started;
    std::string of;  // the sink; "" for the spool
    std::optional<fault_code> fault;
  };

  void befell(turn what, const observe::trace_record& r);
  void add_up(const observe::trace_record& r, std::string what);
  [[nodiscard]] std::vector<moment> in_order() const;
  [[nodiscard]] std::vector<circumstance> failures() const;

  bool has_device_ = false;
  std::uint64_t device_hash_ = 0;
  std::vector<moment> of_node_;
  std::vector<circumstance> sums_;  // of messages and connections without a key, by kind
};

}  // namespace fleetgate::node
