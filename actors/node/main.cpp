// fleetgate's entry: a command line in, an exit status out.
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <iostream>
#include <list>

#include "actors/node/cli.hpp"
#include "actors/node/command_line.hpp"
#include "actors/node/drain_report.hpp"
#include "actors/node/node.hpp"
#include "actors/node/service_manager.hpp"

namespace {

namespace asio = boost::asio;
using namespace fleetgate;
using node::exit_code;

/// Waits for SIGTERM or SIGINT from before the node starts, so that none goes unheard. Once it has
/// come, others are ignored: the drain has a time limit of its own, and must report.
class stop_signal {
 public:
  stop_signal() : signals_(io_, SIGTERM, SIGINT) {
    signals_.async_wait([this](const auto&, int) { io_.stop(); });
  }

  /// As if the signal had come; from any thread.
  void raise() {
    asio::post(io_, [this] { io_.stop(); });
  }

  /// Calls `what` now, and again and again while wait() waits.
  void every(std::chrono::milliseconds interval, std::function<void()> what) {
    duties_.push_back({asio::steady_timer(io_), interval, std::move(what)});
    repeat(duties_.back());
  }

  void wait() {
    io_.run();
    std::signal(SIGTERM, SIG_IGN);
    std::signal(SIGINT, SIG_IGN);
  }

 private:
  struct duty {
    asio::steady_timer timer;
    std::chrono::milliseconds interval;
    std::function<void()> what;
  };

  void repeat(duty& d) {
    d.what();
    d.timer.expires_after(d.interval);
    d.timer.async_wait([this, &d](const auto& error) {
      if (!error) repeat(d);
    });
  }

  asio::io_context io_;
  asio::signal_set signals_;
  std::list<duty> duties_;
};

exit_code serve(node::config settings) {
  std::signal(SIGPIPE, SIG_IGN);
  observe::logger log(node::log_options_of(settings.log));
  const std::string data_dir = settings.node.data_dir;
  const auto drain_timeout = settings.shutdown.drain_timeout;
  auto systemd = node::service_manager::from_environment();
  if (!systemd) {
    std::cerr << "fleetgate: " << systemd.error().detail << "\n";
    return exit_code::os_error;
  }
  stop_signal stop;
  auto started = node::node::start(std::move(settings), log, [&stop] { stop.raise(); });
  if (!started) {
    std::cerr << "fleetgate: " << started.error().text << "\n";
    return started.error().code;
  }
  (*started)->review_health();
  for (const auto& a : (*started)->serves()) {
    std::cout << "listening " << a.name << " " << a.protocol << " " << a.address << "\n";
  }
  std::cout << "ready" << std::endl;
  systemd->ready();
  stop.every(std::chrono::seconds(1), [&] { (*started)->review_health(); });
  if (const auto interval = systemd->watchdog_interval()) {
    stop.every(*interval, [&] {
      if ((*started)->is_alive()) systemd->alive();
    });
  }
  stop.wait();
  systemd->stopping(drain_timeout);
  log.info("drain.started");
  const auto report = (*started)->drain();
  node::write_drain_report(report, data_dir, log);
  started->reset();
  return report.code;
}

exit_code run(const node::run_command& c) {
  auto settings = node::load_config(c.config_file, node::process_environment(), {c.data_dir});
  if (!settings) {
    node::print_errors(settings.error(), std::cerr);
    return exit_code::config_error;
  }
  return serve(std::move(*settings));
}

struct runner {
  exit_code operator()(const node::run_command& c) const { return run(c); }
  exit_code operator()(const node::dev_command& c) const {
    return serve(node::dev_config(c.options));
  }
  exit_code operator()(const node::config_check_command& c) const {
    return node::check_config(c, node::process_environment(), std::cout, std::cerr);
  }
  exit_code operator()(const node::config_show_command& c) const {
    return node::show_config(c, node::process_environment(), std::cout, std::cerr);
  }
  exit_code operator()(const node::config_init_command& c) const {
    return node::init_config(c, std::cout, std::cerr);
  }
  exit_code operator()(const node::verb_command& c) const {
    return c.what->run(c.call, std::cout, std::cerr);
  }
  exit_code operator()(const node::print_command& c) const {
    std::cout << c.text;
    return exit_code::ok;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const auto command = node::parse_command_line(argc, argv);
  if (!command) {
    std::cerr << command.error().text;
    return to_int(exit_code::usage);
  }
  return to_int(std::visit(runner{}, *command));
}
