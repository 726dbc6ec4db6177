// fleetgate-faulty run --config FILE: a node as `fleetgate run` starts it, whose faults come on
// demand. A command is a line of standard input, and is answered with one: "done" or "unknown".
//   kill ACTOR | fail ACTOR | hang UNIT MILLISECONDS | throw UNIT | stall PART-OF-A-DATABASE'S-PATH
//   MILLISECONDS
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <functional>
#include <iostream>
#include <sstream>
#include <thread>

#include "actors/node/cli.hpp"
#include "actors/node/config_file.hpp"
#include "actors/node/drain_report.hpp"
#include "tests/faulty/node_faults.hpp"

namespace {

namespace asio = boost::asio;
using namespace fleetgate;

bool obey(const std::string& line, node::fault_injection& faults) {
  std::istringstream words(line);
  std::string what, where;
  std::int64_t ms = 0;
  words >> what >> where >> ms;
  const std::chrono::milliseconds time(ms);
  if (what == "kill") return faults.kill(where);
  if (what == "fail") return faults.fail(where);
  if (what == "hang") return faults.hang(where, time);
  if (what == "throw") return faults.raise_exception(where);
  if (what == "stall") return node::fault_injection::stall_database(where, time), true;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: fleetgate-faulty run --config FILE\n";
    return node::to_int(node::exit_code::usage);
  }
  std::signal(SIGPIPE, SIG_IGN);
  auto settings = node::load_config(argv[3], node::process_environment(), {});
  if (!settings) {
    node::print_errors(settings.error(), std::cerr);
    return node::to_int(node::exit_code::config_error);
  }
  observe::logger log(node::log_options_of(settings->log));
  const std::string data_dir = settings->node.data_dir;
  asio::io_context io;
  asio::signal_set signals(io, SIGTERM);
  signals.async_wait([&](const auto&, int) { io.stop(); });
  const auto go_down = [&] { asio::post(io, [&] { io.stop(); }); };
  const auto reload = [](const contract::reload_reply&) {};  // nobody asks this program for it
  auto started = node::node::start(std::move(*settings), log, {go_down, reload}, [] {});
  if (!started) {
    std::cerr << "fleetgate-faulty: " << started.error().text << "\n";
    return node::to_int(started.error().code);
  }
  for (const auto& a : (*started)->serves()) {
    std::cout << "listening " << a.name << " " << a.protocol << " " << a.address << "\n";
  }
  std::cout << "ready" << std::endl;
  asio::steady_timer second(io);
  std::function<void()> review = [&] {
    (*started)->review_health();
    second.expires_after(std::chrono::seconds(1));
    second.async_wait([&](const auto& error) {
      if (!error) review();
    });
  };
  review();
  node::fault_injection faults(**started);
  std::thread([&faults] {
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << (obey(line, faults) ? "done" : "unknown") << std::endl;
    }
  }).detach();
  io.run();
  const auto report = (*started)->drain();
  node::write_drain_report(report, data_dir, log);
  started->reset();
  return node::to_int(report.code);
}
