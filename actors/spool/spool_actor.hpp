// The spool on the journal's thread: appends what dedup passes on, commits once a turn, settles,
// and tells the readers.
//   (wake_atom)              appends or readers' progress have come, or a commit is due
//   (covers_atom, lsn)       windows and sessions are safe up to `lsn`
//   (report_atom) -> spool_report
//   (close_atom) -> bool     write and sync everything (shutdown); true where all is on disk
// Limit: spool_options; what is pending is bounded by the memory budget that it is charged to.
#pragma once

#include <vector>

#include "actors/contract/journal_mail.hpp"
#include "actors/observe/log.hpp"
#include "actors/observe/probes.hpp"
#include "actors/observe/trace_writer.hpp"
#include "actors/runtime/actor_body.hpp"
#include "actors/runtime/timer.hpp"
#include "actors/spool/spool.hpp"
#include "actors/spool/spool_meter.hpp"
#include "actors/spool/spool_report.hpp"
#include "actors/spool/spool_trace.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fleetgate::contract::spool_report)

namespace fleetgate::spool {

using covers_atom = caf::atom_constant<caf::atom("covers")>;
using close_atom = caf::atom_constant<caf::atom("close")>;
using report_atom = caf::atom_constant<caf::atom("report")>;

class spool_actor final : public runtime::actor_body {
 public:
  spool_actor(runtime::unit& home, spool& brain, contract::journal_mail& mail,
              std::vector<std::shared_ptr<contract::spool_news>> readers,
              observe::journal_probe& probe, observe::trace_writer& trace,
              observe::trace_writer& of_node, observe::logger& log);
  const char* name() const override { return "spool"; }

 private:
  caf::behavior make_behavior() override;
  void begin();
  void turn();
  void account();
  void commit(std::uint64_t now_ns);
  void set_pace(std::uint64_t took_ns);
  void settle();
  void tell_readers();
  void tell_of_room();
  [[nodiscard]] std::uint64_t durable_records() const;
  void arm_timer();
  void count();
  void publish_stats(std::uint64_t now_ns);
  void report_trouble(const spool_stats& stats);

  spool& brain_;
  contract::journal_mail& mail_;
  const std::vector<std::shared_ptr<contract::spool_news>> readers_;
  observe::journal_probe& probe_;
  observe::logger& log_;
  spool_meter meter_;
  spool_trace trace_;
  runtime::timer timer_;
  runtime::timer stats_timer_;
  contract::settlement_batch settled_;
  std::uint64_t told_records_ = 0;
  std::uint64_t armed_ns_ = 0;
  std::uint64_t next_stats_ns_ = 0;
  bool stats_armed_ = false;
  bool in_trouble_ = false;
  bool begun_ = false;
  bool is_slow_ = false;  // the last round was
};

}  // namespace fleetgate::spool
