// fleetgate's entry: a command line in, an exit status out.
#include <malloc.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <list>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

#include "actors/node/cli.hpp"
#include "actors/node/command_line.hpp"
#include "actors/node/config_source.hpp"
#include "actors/node/drain_report.hpp"
#include "actors/node/node.hpp"
#include "actors/node/reload_desk.hpp"
#include "actors/node/service_manager.hpp"

namespace {

namespace asio = boost::asio;
using namespace fleetgate;
using node::exit_code;

/// A start that reads a large spool must not hold up whoever stops the node: nothing was accepted,
/// and the next start finds what this one found.
extern "C" void end_start(int) {
  constexpr std::string_view text = "fleetgate: stopped before it had started\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(node::to_int(exit_code::ok));
}

/// What main's thread does while the node runs. Hears signals from before anything is accepted, so
/// that none goes unheard. Once SIGTERM or SIGINT has come, others are ignored: the drain has a
/// time limit of its own, and must report.
class main_loop {
 public:
  main_loop() : stops_(io_), hangups_(io_, SIGHUP) {
    std::signal(SIGTERM, end_start);
    std::signal(SIGINT, end_start);
  }

  /// From here on SIGTERM and SIGINT end wait().
  void hear_stops() {
    stops_.add(SIGTERM);
    stops_.add(SIGINT);
    stops_.async_wait([this](const auto&, int) { io_.stop(); });
  }

  /// As if SIGTERM had come; from any thread.
  void stop() {
    asio::post(io_, [this] { io_.stop(); });
  }

  /// Runs `what` while wait() waits; from any thread.
  void post(std::function<void()> what) { asio::post(io_, std::move(what)); }

  /// Calls `what` for each SIGHUP, also for those that have come.
  void on_hangup(std::function<void()> what) {
    hangups_.async_wait([this, what = std::move(what)](const auto& error, int) mutable {
      if (error) return;
      what();
      on_hangup(std::move(what));
    });
  }

  /// Calls `what` now, and again and again while wait() waits.
  void every(std::chrono::milliseconds interval, std::function<void()> what) {
    duties_.push_back({asio::steady_timer(io_), interval, std::move(what)});
    repeat(duties_.back());
  }

  void wait() {
    io_.run();
    // From here on to the end of this loop, when the drain is done and told.
    std::signal(SIGTERM, SIG_IGN);
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
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
  asio::signal_set stops_;
  asio::signal_set hangups_;
  std::list<duty> duties_;
};

/// Reads the configuration again, aside: a disk that hangs must not keep main's thread from the
/// watchdog and from SIGTERM. One reading at a time; it is waited for at the very end, when the
/// drain is done and told.
class reading_thread {
 public:
  reading_thread(const std::optional<node::config_source>& from, main_loop& loop)
      : from_(from), loop_(loop) {}
  reading_thread(const reading_thread&) = delete;
  reading_thread& operator=(const reading_thread&) = delete;
  ~reading_thread() { end(); }

  /// Returns at once; what was read comes on main's thread, if its loop still runs then.
  void read(std::function<void(node::config_reading)> then) {
    end();  // the one before has called back
    const auto answer = [this, then = std::move(then)](node::config_reading got) {
      loop_.post([then, got = std::move(got)] { then(got); });
    };
    try {
      thread_ = std::thread([this, answer] {
        try {
          answer(from_ ? from_->read_again() : tl::unexpected(node::no_configuration()));
        } catch (const std::exception& e) {  // memory has run out: what is in force stays
          answer(tl::unexpected(node::no_thread(e.what())));
        }
      });
    } catch (const std::system_error& e) {
      answer(tl::unexpected(node::no_thread(e.what())));
    }
  }

 private:
  void end() {
    if (thread_.joinable()) thread_.join();
  }

  const std::optional<node::config_source>& from_;
  main_loop& loop_;
  std::thread thread_;
};

/// Each round takes memory and gives it back: where malloc hands it to the kernel in between, the
/// next round pays a page fault for every 4 KiB of it (docs/measurements.md).
void keep_memory_between_rounds() noexcept {
  constexpr int kept_bytes = 32 << 20;
  constexpr int mapped_from_bytes = 4 << 20;
  (void)::mallopt(M_TRIM_THRESHOLD, kept_bytes);
  (void)::mallopt(M_MMAP_THRESHOLD, mapped_from_bytes);
}

/// What would end the process without a word. A peer that is gone and a file at its size limit are
/// the call's errors; a SIGHUP has nothing to reload before main_loop hears it.
void outlive_signals() noexcept {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
}

bool has_terminal() noexcept {
  return ::isatty(STDIN_FILENO) == 1 || ::isatty(STDERR_FILENO) == 1;
}

/// Until it has drained. Without a `source` there is nothing to reload.
exit_code serve(node::config settings, const std::optional<node::config_source>& source) {
  keep_memory_between_rounds();
  observe::logger log(node::log_options_of(settings.log));
  const std::string data_dir = settings.node.data_dir;
  const bool had_terminal = has_terminal();
  auto systemd = node::service_manager::from_environment();
  if (!systemd) {
    std::cerr << "fleetgate: " << systemd.error().detail << "\n";
    return exit_code::os_error;
  }
  main_loop loop;
  reading_thread reader(source, loop);
  node::node* running = nullptr;  // set before the loop runs
  node::reload_desk desk({[&](auto what) { loop.post(std::move(what)); },
                          [&](auto then) {
                            systemd->reloading();
                            reader.read(std::move(then));
                          },
                          [&](node::config_reading got) {
                            auto became = running->reload(std::move(got));
                            systemd->ready();
                            return became;
                          }});
  auto started = node::node::start(
      std::move(settings), log,
      {[&] { loop.stop(); }, [&](contract::reload_reply then) { desk.ask(std::move(then)); }},
      [&] { loop.hear_stops(); });
  if (!started) {
    std::cerr << "fleetgate: " << started.error().text << "\n";
    return started.error().code;
  }
  running = started->get();
  running->review_health();
  for (const auto& a : running->serves()) {
    std::cout << "listening " << a.name << " " << a.protocol << " " << a.address << "\n";
  }
  std::cout << "ready" << std::endl;
  systemd->ready();
  loop.every(std::chrono::seconds(1), [&] { running->review_health(); });
  if (const auto interval = systemd->watchdog_interval()) {
    loop.every(*interval, [&] {
      if (running->is_alive()) systemd->alive();
    });
  }
  loop.on_hangup([&] {
    // `fleetgate dev` goes with its terminal; `run` is a service, whoever has started it.
    if (!source && had_terminal && !has_terminal()) return loop.stop();
    desk.ask(nullptr);
  });
  loop.wait();
  if (desk.close()) systemd->ready();  // systemd takes no STOPPING=1 of a node that reloads
  systemd->stopping(running->drain_timeout());
  log.info("drain.started");
  const auto report = running->drain();
  node::write_drain_report(report, data_dir, log);
  started->reset();
  return report.code;
}

exit_code run(const node::run_command& c) {
  outlive_signals();
  const node::config_source source{c.config_file, node::process_environment(), {c.data_dir}};
  auto settings = source.read_first();
  if (!settings) {
    node::print_errors(settings.error(), std::cerr);
    return exit_code::config_error;
  }
  return serve(std::move(*settings), source);
}

struct runner {
  exit_code operator()(const node::run_command& c) const { return run(c); }
  exit_code operator()(const node::dev_command& c) const {
    outlive_signals();
    return serve(node::dev_config(c.options), std::nullopt);
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
  try {
    return to_int(std::visit(runner{}, *command));
  } catch (const std::system_error& e) {
    std::cerr << "fleetgate: the operating system refused: " << e.what()
              << "; see the limits of threads, memory and open files (ulimit -a, TasksMax)\n";
    return to_int(exit_code::os_error);
  } catch (const std::exception& e) {
    std::cerr << "fleetgate: internal error: " << e.what() << "; please report it\n";
    return to_int(exit_code::internal_error);
  }
}
