#include <charconv>
#include <ostream>

#include "actors/node/explanation.hpp"
#include "actors/node/node_files.hpp"
#include "actors/node/trace_text.hpp"
#include "actors/node/verbs.hpp"
#include "actors/spool/inspection.hpp"
#include "actors/spool/posix_file_layer.hpp"

namespace fleetgate::node {
namespace {

tl::expected<sink::message_name, exit_code> name_of(const verb_call& call, std::ostream& err) {
  sink::message_name wanted;
  const auto who = call.get("message");
  const auto number = call.get("--sequence");
  if (number.empty()) {
    const auto trace = parse_trace_id(who);
    if (trace) {
      wanted.trace = *trace;
      return wanted;
    }
    complain(
        call,
        "\"" + std::string(who) + "\" is no trace id (32 hexadecimal digits, not all of them 0)",
        "Of a device, say which message: fleetgate explain DEVICE --sequence N", err);
    return tl::unexpected(exit_code::usage);
  }
  wanted.device = who;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, wanted.sequence);
  if (error == std::errc() && stop == end) return wanted;
  complain(call, "--sequence: \"" + std::string(number) + "\" is not a whole number",
           "Give it as in: --sequence 17", err);
  return tl::unexpected(exit_code::usage);
}

/// What was left out for a fault; the rest is told all the same.
class left_out {
 public:
  explicit left_out(const verb_call& call, std::ostream& err) : call_(call), err_(err) {}
  void note(const fault& why) {
    err_ << call_.words << ": left out: " << harmless(to_string(why)) << "\n";
    any_ |= why.code != fault_code::not_found;
  }
  [[nodiscard]] bool any() const noexcept { return any_; }

 private:
  const verb_call& call_;
  std::ostream& err_;
  bool any_ = false;
};

void print_circumstances(const json& list, std::string_view heading, std::ostream& out) {
  if (list.empty()) return;
  out << "\n";
  print_table(list,
              {{"SINCE", "since"},
               {"UNTIL", "until"},
               {"FAULT", "fault"},
               {"COUNT", "count"},
               {heading, "what"}},
              out);
}

void print(const json& told, std::ostream& out) {
  if (!told["messages"].empty()) {
    print_table(told["messages"],
                {{"POSITION", "position"},
                 {"DEVICE", "device"},
                 {"STREAM", "stream"},
                 {"EPOCH", "epoch"},
                 {"SEQUENCE", "sequence"},
                 {"CLASS", "class"},
                 {"TOPIC", "topic"},
                 {"TRACE", "trace_id"}},
                out);
    out << "\n";
  }
  print_table(told["timeline"],
              {{"AT", "at"},
               {"WHAT", "what"},
               {"WHERE", "where"},
               {"WHO", "who"},
               {"POSITION", "position"},
               {"DETAIL", "detail"}},
              out);
  if (!told["standing"].empty()) {
    out << "\n";
    print_table(told["standing"], {{"POSITION", "position"}, {"NOW", "what"}}, out);
  }
  print_circumstances(told["meanwhile"], "MEANWHILE", out);
}

exit_code explain(const verb_call& call, std::ostream& out, std::ostream& err) {
  const auto wanted = name_of(call, err);
  if (!wanted) return wanted.error();
  const auto files = find_node_files(call, err);
  if (!files) return files.error();

  explanation known(*wanted);
  left_out missing(call, err);
  spool::posix_file_layer layer;
  const auto inspected = spool::inspect(layer, files->data_dir + "/spool",
                                        [&](const contract::stored_record& r) { known.add(r); });
  if (inspected) known.spool_was_read();
  if (!inspected) {
    missing.note(inspected.error());
  } else if (inspected->damaged()) {
    missing.note(fault(fault_code::storage_damaged, "records of the spool; see spool inspect"));
  }
  for (const auto& path : files->databases) {
    auto found = sink::look_up(path, *wanted);
    if (found) {
      known.add(known_sink{path, std::move(*found)});
    } else {
      missing.note(found.error());
    }
  }
  circumstances around(*wanted);
  const auto recording =
      observe::read_recordings(files->data_dir, [&](const observe::trace_record& r) {
        around.add(r);
        return known.concerns(r);
      });
  if (!recording) missing.note(recording.error());
  const observe::trace_timeline* const noted = recording ? &*recording : nullptr;

  if (recording) tell_reach(call, *recording, err);
  json told = known.tell(noted, around);
  if (!known.is_known(noted)) {
    complain(call,
             std::string("nothing is known of this message: ") +
                 (inspected ? "not in the spool" : "the spool was not read") + ", not in " +
                 std::to_string(files->databases.size()) + " sinks, not in the recorder",
             "It may never have come, or be gone everywhere. See: fleetgate trace --data-dir " +
                 files->data_dir,
             err);
  }
  if (call.format == output_format::json) {
    told["recording"] = recording ? reach_of(*recording) : json();
    print_json(told, out);
  } else if (known.is_known(noted)) {
    print(told, out);
  } else {
    print_circumstances(told["possible_ends"], "WHAT MAY HAVE BEEN ITS END", out);
  }
  if (missing.any() || (recording && !recording->unread.empty())) return exit_code::io_error;
  return known.is_known(noted) ? exit_code::ok : exit_code::not_found;
}

}  // namespace

verb_group explain_verb() {
  return {
      "explain",
      "Tell what became of one message",
      R"(Examples:
  fleetgate explain 4bf92f3577b34da6a3ce929d0e0e4736 --data-dir fleetgate-data
  fleetgate explain press-1 --sequence 17 --config node.toml
  fleetgate explain press-1 --sequence 17 -o json

It needs no node: it reads the spool, the sinks' databases and the flight recorder of one that runs,
or that was killed.
)",
      {{"",
        "Tell what became of one message",
        {{"message", "TRACE-ID|DEVICE", "The message's trace id, or its device", true, ""},
         {"--sequence", "N", "Which message of the device", false, ""},
         {"--data-dir", "DIR", "The node's data_dir", false, ""},
         {"--config", "FILE", "The node's configuration, which names it and the sinks", false, ""},
         {"--sink-db", "PATH", "The only sink's database to look at", false, ""}},
        false,
        explain}}};
}

}  // namespace fleetgate::node
