// fleetsim: simulates fleets of devices, and proves what became of their messages.
#include <cstdio>
#include <exception>
#include <variant>

#include "deploy/fleetsim/command_line.hpp"
#include "deploy/fleetsim/run.hpp"
#include "deploy/fleetsim/verify.hpp"

namespace fleetgate::fleetsim {
namespace {

struct execute {
  exit_code operator()(run_plan& plan) const { return run(std::move(plan)); }
  exit_code operator()(const verify_plan& plan) const { return verify(plan); }
  exit_code operator()(const print_command& p) const {
    std::fputs(p.text.c_str(), stdout);
    return exit_code::ok;
  }
};

}  // namespace
}  // namespace fleetgate::fleetsim

int main(int argc, char** argv) {
  namespace fs = fleetgate::fleetsim;
  try {
    auto command = fs::parse_command_line(argc, argv);
    if (!command) {
      std::fputs(command.error().text.c_str(), stderr);
      return fs::to_int(fs::exit_code::usage);
    }
    return fs::to_int(std::visit(fs::execute{}, *command));
  } catch (const std::exception& e) {
    // Only what the system refuses throws here: memory, threads.
    std::fprintf(stderr, "fleetsim: %s; give fewer --connections or --threads\n", e.what());
    return fs::to_int(fs::exit_code::os_error);
  }
}
