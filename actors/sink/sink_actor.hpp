// One configured sink: reads the spool by its cursor and writes batches into its store. Detached:
// it blocks on the store. What to do next is decided by sink_brain.
//   (wake_atom)                   the spool has more that is durable, or a wait is over
//   (drain_atom) -> bool          answered when everything durable is delivered, or the sink is
//                                 stopped or failing: true where nothing is left
//   (report_atom), (pause_atom), (resume_atom), (replay_atom, replay_request) -> sink_answer
//                                 for a person, see sink_control.cpp
// Limit: one block in memory (sink_policy).
#pragma once

#include <caf/typed_response_promise.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/journal_mail.hpp"
#include "actors/contract/sink_report.hpp"
#include "actors/observe/log.hpp"
#include "actors/observe/probes.hpp"
#include "actors/observe/trace_writer.hpp"
#include "actors/runtime/actor_body.hpp"
#include "actors/sink/sink_brain.hpp"
#include "actors/sink/sink_writer.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fleetgate::contract::replay_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fleetgate::contract::sink_answer)

namespace fleetgate::sink {

using drain_atom = caf::atom_constant<caf::atom("drain")>;
using report_atom = caf::atom_constant<caf::atom("report")>;
using pause_atom = caf::atom_constant<caf::atom("pause")>;
using resume_atom = caf::atom_constant<caf::atom("resume")>;
using replay_atom = caf::atom_constant<caf::atom("replay")>;

/// What one sink works with; made by the node.
struct sink_parts {
  std::string name;
  bool required = true;
  std::unique_ptr<sink_writer> writer;
  std::unique_ptr<contract::spool_reader> reader;
  std::shared_ptr<contract::spool_news> news;
  sink_policy policy;
  std::uint64_t seed = 0;  // of the jitter
  observe::trace_writer trace;
};

class sink_actor final : public runtime::actor_body {
 public:
  sink_actor(std::shared_ptr<sink_parts> parts, contract::journal_mail& mail,
             observe::sink_probe& probe, observe::logger& log);
  const char* name() const override { return "sink"; }

 private:
  caf::behavior make_behavior() override;
  void ended() override;
  static constexpr int steps_per_turn = 16;

  void turn();
  void work();
  bool do_next();  // false: there is nothing to do now
  void open();
  void deliver(const sink_action& action);
  void write();
  void count_missed(const contract::missed_by_lane& missed);
  [[nodiscard]] bool block_is_heavy() const;
  void retain();
  void wait_until(std::uint64_t until_ns);
  void report_progress();
  bool post_progress(const contract::cursor& at, bool goes_back);
  void failed(sink_step step, const fault& why);
  void take_news();
  [[nodiscard]] bool is_failing() const;
  void answer_drain();
  void look_ahead();
  void publish();

  // sink_control.cpp
  [[nodiscard]] contract::sink_state state() const noexcept;
  [[nodiscard]] contract::sink_answer report() const;
  contract::sink_answer pause();
  contract::sink_answer resume();
  contract::sink_answer replay(const contract::replay_request& what);
  result<void> go_back(const contract::cursor& to);
  [[nodiscard]] contract::sink_answer refuse(fault why) const;

  const std::shared_ptr<sink_parts> parts_;
  contract::journal_mail& mail_;
  observe::sink_probe& probe_;
  observe::logger& log_;
  sink_brain brain_;
  contract::read_block block_;
  contract::cursor delivered_;  // what the store has durably; never ahead of it, as block_.end is
  std::uint64_t news_seen_ = 0;
  std::uint64_t waits_until_ns_ = 0;
  std::size_t undelivered_ = 0;         // records read and not written
  std::int64_t last_seen_unix_ns_ = 0;  // receive time of about the oldest record not delivered
  std::optional<fault> last_failure_;
  bool caught_up_ = false;
  bool tried_ = false;  // and failed, since whoever drains has asked
  bool progress_unsent_ = false;
  bool back_untold_ = false;  // the spool does not know yet that the store may be an older one
  std::vector<caf::typed_response_promise<bool>> drains_;
};

}  // namespace fleetgate::sink
