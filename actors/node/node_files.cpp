#include "actors/node/node_files.hpp"

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <system_error>

#include "actors/node/cli.hpp"
#include "actors/node/command_line.hpp"
#include "actors/node/config_file.hpp"
#include "actors/node/verb_text.hpp"

namespace fleetgate::node {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> databases_in(const std::string& data_dir) {
  std::vector<std::string> found;
  std::error_code error;  // whoever reads the directory itself says what is wrong with it
  for (fs::directory_iterator at(data_dir, error), end; !error && at != end; at.increment(error)) {
    const auto& path = at->path();
    if (path.extension() == ".db" && path.filename() != "state.db") found.push_back(path.string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

config_result config_of(const std::string& file) {
  std::error_code ignored;  // what cannot be looked at is taken for missing, as `run` would say
  if (file.empty() && !fs::exists(default_config_file, ignored)) {
    return default_config(process_environment());
  }
  return load_config(file.empty() ? default_config_file : file, process_environment());
}

}  // namespace

tl::expected<node_files, exit_code> find_node_files(const verb_call& call, std::ostream& err) {
  node_files found;
  found.data_dir = call.get("--data-dir");
  if (found.data_dir.empty()) {
    const auto settings = config_of(std::string(call.get("--config")));
    if (!settings) {
      print_errors(settings.error(), err);
      return tl::unexpected(exit_code::config_error);
    }
    found.data_dir = settings->node.data_dir;
    for (const auto& s : settings->sinks) found.databases.push_back(s.path);
  }
  std::error_code error;
  if (!fs::is_directory(found.data_dir, error)) {
    complain(call, found.data_dir + ": " + (error ? error.message() : "there is no such directory"),
             "Name [node] data_dir with --data-dir, or the configuration with --config.", err);
    return tl::unexpected(exit_code::not_found);
  }
  if (const auto given = call.get("--sink-db"); !given.empty()) {
    found.databases = {std::string(given)};
  } else if (found.databases.empty()) {
    found.databases = databases_in(found.data_dir);
  }
  return found;
}

}  // namespace fleetgate::node
