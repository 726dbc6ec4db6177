// The node's flight recorder. That it cannot be made never keeps a node from starting.
#include "actors/node/parts.hpp"
#include "actors/runtime/clock.hpp"

namespace fleetgate::node {
namespace {

/// What befalls the node is little and must be kept long.
constexpr double share_of_node = 1.0 / 64;
constexpr double share_of_supervisors = share_of_node;
/// The journal, which notes each group that it syncs, has with it as much as all others together.
constexpr double share_of_journal = 0.5 - share_of_node;

}  // namespace

void node::parts::make_recorder() {
  if (settings.recorder.size == 0) return;
  auto made = observe::flight_recorder::open({settings.node.data_dir, settings.node.name,
                                              runtime::unix_now_ns(), spool_brain->incarnation(),
                                              settings.recorder.size / observe::kept_recordings});
  if (!made) return tell_recorder_not_made(made.error());
  recorder = std::move(*made);
  journal_trace = make_trace("journal", share_of_journal);
  node_trace = make_trace("node", share_of_node);
  observe::trace_note started;
  started.event = model::trace_event::started;
  started.subject = settings.node.name;
  started.incarnation = spool_brain->incarnation();
  node_trace.write(started, runtime::unix_now_ns());
  supervision_trace = make_trace("supervisors", share_of_supervisors);
}

observe::trace_writer node::parts::make_trace(const std::string& thread) {
  const auto others = static_cast<double>(shard_count() + settings.sinks.size());
  return make_trace(thread, (1 - share_of_journal - share_of_node - share_of_supervisors) / others);
}

observe::trace_writer node::parts::make_trace(const std::string& thread, double share) {
  auto made = recorder.writer(thread, share);
  if (made) return std::move(*made);
  tell_recorder_not_made(made.error());
  return {};
}

void node::parts::tell_recorder_not_made(const fault& why) {
  log.warn("recorder.not_made", {{"reason", to_string(why)},
                                 {"effect", "what this start does is not recorded, or not whole"}});
}

void node::parts::keep_recording() {
  const auto kept = recorder.keep();
  if (kept) return;
  log.warn("recorder.not_kept",
           {{"reason", to_string(kept.error())},
            {"effect", "the next start removes this recording, or older ones stay"}});
}

/// Once the journal, whose pen this is while it runs, has ended.
void node::parts::note_drained() {
  observe::trace_note note;
  note.event = model::trace_event::drained;
  note.subject = settings.node.name;
  node_trace.write(note, runtime::unix_now_ns());
}

}  // namespace fleetgate::node
