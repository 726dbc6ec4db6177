// What the flight recorder is told of the spool: each durable group of a lane in one record, each
// message that found no room, and what gave way. Owned by the spool actor, on its thread. No limit
// of its own.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "actors/contract/append.hpp"
#include "actors/observe/trace_writer.hpp"
#include "actors/spool/spool.hpp"
#include "actors/spool/spool_view.hpp"

namespace fleetgate::spool {

class spool_trace {
 public:
  /// `of_node` takes what befalls the node, so that what befalls messages never pushes it out.
  spool_trace(observe::trace_writer& trace, observe::trace_writer& of_node,
              std::shared_ptr<const spool_view> view);

  /// `settled`: what the append of `request` settled at once.
  void note_refused(const contract::append_request& request,
                    std::span<const contract::settlement> settled, std::int64_t now_unix_ns);
  /// A commit of this length is done.
  void note_commit(std::uint64_t duration_ns, std::int64_t now_unix_ns);
  /// What had gone by then; one record a lane that has lost more since the last call.
  void note_shed(const spool_counts& counts, std::int64_t now_unix_ns);
  void note_trouble(fault_code why, std::int64_t now_unix_ns);
  void note_recovered(std::int64_t now_unix_ns);

 private:
  observe::trace_writer& trace_;
  observe::trace_writer& of_node_;
  std::shared_ptr<const spool_view> view_;
  std::array<std::uint64_t, model::lane_count> ordinals_{};  // durable, and noted
  contract::cursor end_;                                     // of them
  std::array<std::uint64_t, model::lane_count> shed_{};      // noted
};

}  // namespace fleetgate::spool
