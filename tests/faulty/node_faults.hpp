// Faults on demand inside a running node, for tests of what happens then. Part of the test program
// fleetgate-faulty and of no other: the node only says who may look inside. Any thread.
#pragma once

#include <caf/error.hpp>
#include <chrono>
#include <string>

#include "actors/node/node.hpp"

namespace fleetgate::runtime {
class unit;
}

namespace fleetgate::node {

class fault_injection {
 public:
  explicit fault_injection(node& in) : node_(in) {}

  // False: there is no actor, or unit, of this name.
  bool kill(const std::string& actor);
  bool fail(const std::string& actor);  // it ends as for a bug
  bool hang(const std::string& unit, std::chrono::milliseconds time);
  bool raise_exception(const std::string& unit);
  /// The next write to a SQLite database whose path has `part` in it takes so long.
  static void stall_database(const std::string& part, std::chrono::milliseconds time);

 private:
  bool end(const std::string& actor, const caf::error& why);
  [[nodiscard]] runtime::unit* find_unit(const std::string& name) const;

  node& node_;
};

}  // namespace fleetgate::node
