// Subscribers' side of the node: reads the spool as a sink does, but only while somebody wants its
// messages, and hands packets to the shards. Detached: it blocks on the disk and on the state
// store. What reaches whom is decided by `sessions`.
//   (wake_atom)            events have come, the spool has more, a wait is over
//   (drain_atom) -> bool   everything at hand is done and stored (shutdown)
// Limits: one block of the spool in memory; what a shard does not take holds up reading, not the
// road.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "actors/contract/command_mail.hpp"
#include "actors/contract/journal_mail.hpp"
#include "actors/contract/subscriber.hpp"
#include "actors/observe/log.hpp"
#include "actors/runtime/actor_body.hpp"
#include "actors/runtime/memory_budget.hpp"
#include "actors/sessions/sessions.hpp"

namespace fleetgate::sessions {

using drain_atom = caf::atom_constant<caf::atom("drain")>;

/// As the spool knows this reader.
inline constexpr std::string_view reader_name = "subscribers";

struct sessions_parts {
  std::unique_ptr<contract::spool_reader> reader;
  std::shared_ptr<contract::spool_news> news;
  contract::cursor from;  // where it stood; {}: nowhere yet
};

/// How far the store says that subscribers were served; {} where it does not say.
result<contract::cursor> stored_cursor(contract::state_store& store);

class sessions_actor final : public runtime::actor_body {
 public:
  sessions_actor(std::shared_ptr<sessions_parts> parts, const sessions_limits& limits,
                 contract::subscriber_mail& mail, contract::command_mail& commands,
                 contract::journal_mail& journal, contract::state_store& store,
                 runtime::memory_budget& budget, observe::sessions_probe& probe,
                 observe::logger& log);
  const char* name() const override { return "sessions"; }

  /// Before the first runner. Half of what was stored is nothing to go on with. Faults: the
  /// store's.
  result<void> restore();

 private:
  caf::behavior make_behavior() override;
  void begin();
  void turn();
  [[nodiscard]] bool has_events() const;
  [[nodiscard]] bool wants_road() const;
  [[nodiscard]] bool jump_is_due() const;
  bool read_road();
  bool read_block();
  void jump_to_end();
  bool read_events();
  std::size_t read_client_events(const moment& now);
  bool finish();
  void tell_commands();
  bool hand_over();
  void note_cursor();
  void report_progress();
  void wait();
  void wake_in(std::int64_t ns);
  mqtt::forward_message_ptr copy(const model::envelope& e);

  const std::shared_ptr<sessions_parts> parts_;
  contract::subscriber_mail& mail_;
  contract::command_mail& commands_;
  contract::journal_mail& journal_;
  contract::state_store& store_;
  runtime::memory_budget& budget_;
  observe::sessions_probe& probe_;
  observe::logger& log_;
  sessions brain_;
  contract::read_block block_;
  contract::cursor at_;
  std::uint64_t next_jump_ns_ = 0;
  std::uint64_t next_note_ns_ = 0;
  std::uint64_t wakes_at_ns_ = 0;
  bool begun_ = false;
  bool catching_up_ = true;  // what became durable before this start may have to be retained
  bool cursor_changed_ = false;
};

}  // namespace fleetgate::sessions
