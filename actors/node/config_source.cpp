#include "actors/node/config_source.hpp"

namespace fleetgate::node {

config_reading config_source::read_again() const {
  auto got = load_config(file, variables, flags, file_kind::regular);
  if (got) return std::move(*got);
  const config_errors& all = got.error();
  contract::reload_refusal why{fault(fault_code::config_invalid), {}, {}};
  for (const config_error& e : all) {
    if (why.errors.size() == most_errors) break;
    why.errors.push_back(to_string(e));
  }
  why.why.detail = std::to_string(all.size()) + (all.size() == 1 ? " error" : " errors") +
                   "; the node goes on with the configuration that it has";
  why.next = "correct it, check it with `fleetgate config check " + file + "`, and reload again";
  return tl::unexpected(std::move(why));
}

contract::reload_refusal no_configuration() {
  return {fault(fault_code::not_found, "`fleetgate dev` runs without a configuration"),
          {},
          "write one with `fleetgate config init`, and run it with `fleetgate run --config FILE`"};
}

contract::reload_refusal no_thread(const std::string& why) {
  return {fault(fault_code::resource_unavailable, "no thread to read with: " + why),
          {},
          "raise the limit of threads (ulimit -u, TasksMax), and reload again"};
}

}  // namespace fleetgate::node
