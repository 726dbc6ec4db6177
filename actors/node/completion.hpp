// Scripts that complete the command line in a shell, made from its own description. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fleetgate::node {

/// A command with what may follow it.
struct completion_word {
  std::string name;
  std::string about;
  std::vector<std::string> options;
  std::vector<completion_word> below;
};

/// `shell`: bash, zsh or fish.
std::string completion_script(std::string_view shell, const completion_word& program);

}  // namespace fleetgate::node
