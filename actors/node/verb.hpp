// What a verb of the command line is: its words, its options, what it does. One file a group of
// verbs (verb_*.cpp), each a function that verbs.cpp lists; command_line.cpp makes CLI11 of them.
// Verbs run in a process of their own and talk to a node over its admin API, or read files.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "actors/node/exit_code.hpp"

namespace fleetgate::node {

enum class output_format : std::uint8_t { table, json };

struct verb_option {
  std::string_view name;   // "--limit"; without dashes an argument: "client-id"
  std::string_view value;  // what stands in its place in the help: "N"; "": a flag
  std::string_view about;
  bool required = false;
  std::string_view otherwise;  // its value where it is not given
};

/// One use of a verb.
struct verb_call {
  std::string words;                            // "fleetgate devices ls", for messages
  std::string admin = "http://127.0.0.1:9600";  // the node's admin API
  output_format format = output_format::table;
  std::map<std::string, std::string, std::less<>> given;  // by name of option

  /// "" where it was not given and has no value otherwise; a flag that was given is "true".
  [[nodiscard]] std::string_view get(std::string_view name) const {
    const auto at = given.find(name);
    return at == given.end() ? std::string_view() : std::string_view(at->second);
  }
};

struct verb {
  std::string_view name;
  std::string_view about;
  std::vector<verb_option> options;
  bool asks_node = true;  // has --admin
  exit_code (*run)(const verb_call& call, std::ostream& out, std::ostream& err) = nullptr;
};

/// `fleetgate NAME VERB`; a group whose only verb has no name is a verb itself: `fleetgate NAME`.
struct verb_group {
  std::string_view name;
  std::string_view about;
  std::string_view examples;
  std::vector<verb> verbs;
};

}  // namespace fleetgate::node
