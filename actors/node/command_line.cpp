// The one file that knows CLI11: its header is heavy, and its exceptions go no further.
#include "actors/node/command_line.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <sstream>

#include "actors/node/completion.hpp"
#include "actors/node/config_words.hpp"
#include "actors/node/verbs.hpp"

namespace fleetgate::node {
namespace {

constexpr const char* examples = R"(Examples:
  fleetgate dev                              a gateway on this machine, rows in SQLite
  fleetgate config init --output node.toml   write a configuration with every key explained
  fleetgate config check node.toml           say what is wrong with it, and what it holds
  fleetgate run --config node.toml           run the node
  fleetgate status                           how a running node is
  fleetgate devices ls                       who is connected to it
)";
constexpr const char* run_examples = R"(Examples:
  fleetgate run --config node.toml
  FLEETGATE_MEMORY__BUDGET=1GiB fleetgate run --config node.toml --data-dir /srv/fleetgate

SIGTERM drains and exits with 0, or with 75 when the time ran out and the rest is safe on disk.
)";
constexpr const char* dev_examples = R"(Examples:
  fleetgate dev
  fleetgate dev --data-dir /tmp/fleet --mqtt-port 0 --admin-port 0   ports chosen and printed
  mosquitto_pub -t devices/press-1/telemetry -q 1 -m '{"bar": 4.2}'
  sqlite3 fleetgate-data/fleet.db 'SELECT device_id, topic, payload FROM messages'
)";
constexpr const char* config_examples = R"(Examples:
  fleetgate config init --output node.toml
  fleetgate config check node.toml
  fleetgate config show node.toml -o json
)";
constexpr const char* show_examples = R"(Examples:
  fleetgate config show                      the built-in defaults
  fleetgate config show node.toml            with conf.d and the environment applied
)";

constexpr const char* completion_examples = R"(Examples:
  source <(fleetgate completion bash)
  fleetgate completion bash > /etc/bash_completion.d/fleetgate
  fleetgate completion zsh > "${fpath[1]}/_fleetgate"
  fleetgate completion fish > ~/.config/fish/completions/fleetgate.fish
)";

/// CLI11's description of all commands, and where each puts what it reads.
class command_parser {
 public:
  command_parser() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "fleetgate " FLEETGATE_VERSION, "Print the version");
    app_.footer(examples);
    describe_run();
    describe_dev();
    describe_config();
    for (const verb_group& group : verb_groups()) describe_group(group);
    describe_completion();
  }

  tl::expected<command, usage_error> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& asked) {
      std::ostringstream text;
      app_.exit(asked, text, text);
      return command(print_command{text.str()});
    } catch (const CLI::ParseError& e) {
      return tl::unexpected(usage_error{explain(e)});
    }
    return chosen();
  }

 private:
  void describe_run() {
    run_ = app_.add_subcommand("run", "Run a node as its configuration says");
    run_->footer(run_examples);
    run_->add_option("--config", run_command_.config_file, "The configuration file")
        ->type_name("FILE")
        ->capture_default_str();
    run_->add_option("--data-dir", run_command_.data_dir, "Instead of [node] data_dir")
        ->type_name("DIR");
  }

  void describe_dev() {
    dev_ = app_.add_subcommand("dev", "Run a gateway on this machine, without a configuration");
    dev_->footer(dev_examples);
    dev_options& o = dev_command_.options;
    dev_->add_option("--data-dir", o.data_dir, "Spool, state and fleet.db")
        ->type_name("DIR")
        ->capture_default_str();
    add_port("--mqtt-port", o.mqtt_port, "MQTT on 127.0.0.1; 0: the system chooses");
    add_port("--admin-port", o.admin_port,
             "Health and metrics on 127.0.0.1; 0: the system chooses");
    dev_->add_option("--native-port", o.native_port,
                     "The native protocol on 127.0.0.1; 0: the system chooses; without it, none")
        ->type_name("PORT")
        ->check(CLI::Range(0, 65'535).description(""));
  }

  void add_port(const char* name, std::uint16_t& port, const char* about) {
    dev_->add_option(name, port, about)
        ->type_name("PORT")
        ->check(CLI::Range(0, 65'535).description(""))
        ->capture_default_str();
  }

  void describe_config() {
    config_ = app_.add_subcommand("config", "Check, show or write a configuration");
    config_->require_subcommand(1);
    config_->footer(config_examples);
    check_ = config_->add_subcommand("check", "Say everything that is wrong, or what it holds");
    check_->add_option("file", check_command_.file, "The configuration file")
        ->type_name("FILE")
        ->capture_default_str();
    show_ = config_->add_subcommand("show", "Print the values that are in force");
    show_->footer(show_examples);
    show_->add_option("file", show_command_.file, "The file; without it the built-in defaults")
        ->type_name("FILE");
    show_->add_option("-o", format_, "toml or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"toml", "json"}).description(""))
        ->capture_default_str();
    init_ = config_->add_subcommand("init", "Write a configuration with every key explained");
    init_->add_option("--output", init_command_.output, "A new file; without it standard output")
        ->type_name("FILE");
  }

  /// What one verb reads, and where.
  struct described_verb {
    const verb* what;
    CLI::App* app;
    verb_call call;
    std::string format = "table";
  };

  void describe_group(const verb_group& group) {
    CLI::App* app = app_.add_subcommand(std::string(group.name), std::string(group.about));
    app->footer(std::string(group.examples));
    const std::string words = "fleetgate " + std::string(group.name);
    if (group.verbs.front().name.empty()) return describe_verb(group.verbs.front(), app, words);
    app->require_subcommand(1);
    for (const verb& v : group.verbs) {
      CLI::App* below = app->add_subcommand(std::string(v.name), std::string(v.about));
      below->footer(std::string(group.examples));
      describe_verb(v, below, words + " " + std::string(v.name));
    }
  }

  void describe_verb(const verb& v, CLI::App* app, const std::string& words) {
    described_verb& d = *verbs_.emplace_back(std::make_unique<described_verb>());
    d.what = &v;
    d.app = app;
    d.call.words = words;
    for (const verb_option& o : v.options) describe_option(d, o);
    if (v.asks_node) {
      app->add_option("--admin", d.call.admin, "The node's admin API")
          ->type_name("URL")
          ->envname("FLEETGATE_ADMIN")
          ->capture_default_str();
    }
    app->add_option("-o", d.format, "table or json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}).description(""))
        ->capture_default_str();
  }

  static void describe_option(described_verb& d, const verb_option& o) {
    const std::string name(o.name);
    if (o.value.empty()) {
      d.app->add_flag_callback(
          name, [&d, name] { d.call.given[name] = "true"; }, std::string(o.about));
      return;
    }
    std::string& value = d.call.given[name];
    value = o.otherwise;
    CLI::Option* made = d.app->add_option(name, value, std::string(o.about));
    made->type_name(std::string(o.value))->required(o.required);
    if (!o.otherwise.empty()) made->capture_default_str();
  }

  void describe_completion() {
    completion_ = app_.add_subcommand("completion", "Write what completes commands in a shell");
    completion_->footer(completion_examples);
    completion_->add_option("shell", shell_, "bash, zsh or fish")
        ->type_name("SHELL")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""));
  }

  /// All commands, for the completion of a shell.
  static completion_word completion_of(const CLI::App& app) {
    completion_word word{app.get_name(), app.get_description(), {}, {}};
    for (const CLI::Option* o : app.get_options()) {
      if (!o->nonpositional()) continue;
      for (const auto& name : o->get_lnames()) word.options.push_back("--" + name);
      for (const auto& name : o->get_snames()) word.options.push_back("-" + name);
    }
    for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
      word.below.push_back(completion_of(*below));
    }
    return word;
  }

  command chosen() {
    for (const auto& d : verbs_) {
      if (!d->app->parsed()) continue;
      d->call.format = d->format == "json" ? output_format::json : output_format::table;
      return verb_command{d->what, d->call};
    }
    if (completion_->parsed()) {
      return print_command{completion_script(shell_, completion_of(app_))};
    }
    if (run_->parsed()) return run_command_;
    if (dev_->parsed()) return dev_command_;
    if (check_->parsed()) return check_command_;
    if (init_->parsed()) return init_command_;
    show_command_.format = format_ == "json" ? text_format::json : text_format::toml;
    return show_command_;
  }

  /// The command as far as it was understood: "fleetgate config show".
  std::string understood(const CLI::App*& deepest) const {
    std::string out = "fleetgate";
    deepest = &app_;
    for (auto below = app_.get_subcommands(); !below.empty(); below = deepest->get_subcommands()) {
      deepest = below.front();
      out += " " + deepest->get_name();
    }
    return out;
  }

  /// What `app` would have understood in the place of `word`.
  static std::vector<std::string> choices(const CLI::App& app, bool options) {
    std::vector<std::string> names;
    if (options) {
      for (const CLI::Option* o : app.get_options()) {
        if (o->nonpositional()) names.push_back(o->get_name());
      }
      return names;
    }
    for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(below->get_name());
    }
    return names;
  }

  /// What is wrong, why, and the next command.
  std::string explain(const CLI::ParseError& e) const {
    const CLI::App* deepest = nullptr;
    const std::string so_far = understood(deepest);
    std::string out = so_far + ": ";
    const auto left = app_.remaining(true);
    if (!left.empty()) {
      const std::string& word = left.front();
      const bool option = word.starts_with('-');
      const auto names = choices(*deepest, option);
      const std::vector<std::string_view> views(names.begin(), names.end());
      out +=
          std::string("it has no ") + (option ? "option " : "command or argument ") + quote(word);
      if (const auto meant = nearest(word, views)) {
        out += "; did you mean " + std::string(*meant) + "?";
      }
    } else {
      out += e.what();
    }
    return out + "\nNothing was done. See: " + so_far + " --help\n";
  }

  CLI::App app_{"A gateway between devices and the systems behind them.", "fleetgate"};
  CLI::App* run_ = nullptr;
  CLI::App* dev_ = nullptr;
  CLI::App* config_ = nullptr;
  CLI::App* check_ = nullptr;
  CLI::App* show_ = nullptr;
  CLI::App* init_ = nullptr;
  run_command run_command_{default_config_file, {}};
  dev_command dev_command_;
  config_check_command check_command_{default_config_file};
  config_show_command show_command_;
  config_init_command init_command_;
  std::string format_ = "toml";
  std::vector<std::unique_ptr<described_verb>> verbs_;
  CLI::App* completion_ = nullptr;
  std::string shell_;
};

}  // namespace

tl::expected<command, usage_error> parse_command_line(int argc, const char* const* argv) {
  return command_parser().parse(argc, argv);
}

}  // namespace fleetgate::node
