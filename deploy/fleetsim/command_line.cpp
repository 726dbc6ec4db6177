// The one file that knows CLI11: its header is heavy, and its exceptions go no further.
#include "deploy/fleetsim/command_line.hpp"

#include <CLI/CLI.hpp>

#include <fstream>
#include <random>
#include <sstream>

#include "deploy/fleetsim/dice.hpp"
#include "deploy/fleetsim/http_transport.hpp"
#include "deploy/fleetsim/payload.hpp"
#include "protocol/native/packets.hpp"

namespace fleetgate::fleetsim {
namespace {

constexpr const char* examples = R"(Examples:
  fleetsim steady --rate 1000 --duration 30s --ack-log run.log   a steady load, written down
  fleetsim verify --ack-log run.log --sqlite fleet.db            is all of it in the table, once?
  fleetsim storm --connections 10000                             everybody connects at once
  fleetsim flood --connections 100 --in-flight 16 --duration 10s as fast as it goes

Exit status: 0 all acknowledged; 1 something was not, or failed; 64 the command line;
66 no such log or database; 69 the server was never reached; 71 the system refused; 74 the log
cannot be written. Ctrl-C lets what is owed go out, then prints the summary.
)";
constexpr const char* steady_examples = R"(Examples:
  fleetsim steady --rate 20000 --connections 1000 --duration 1m
  fleetsim steady --rate 500 --flap 20s --down 5s --newest-first    devices that come and go
  fleetsim steady --rate 500 --reboot 1m --ack-timeout 10s          and forget, and lose patience
  fleetsim steady --rate 500 --messages 100000 --ack-log run.log    killed? then:
  fleetsim steady --rate 500 --messages 100000 --resume-log run.log
  fleetsim steady --rate 20000 --gather 16 --batch 16 --protocol native      16 readings a frame

Open loop: message j is due j / rate after the start, and its latency counts from then, however late
a slow server lets it be sent.
)";
constexpr const char* flood_examples = R"(Examples:
  fleetsim flood --messages 1000000 --in-flight 64
  fleetsim flood --duration 10s --topic 'devices/{device}/telemetry' --topic 'devices/{device}/events/x'
  fleetsim flood --protocol native --batch 64 --in-flight 256 --messages 1000000
  fleetsim flood --protocol http --batch 100 --in-flight 100 --messages 100000
)";
constexpr const char* burst_examples = R"(Examples:
  fleetsim burst --every 10s --size 5000 --duration 1m
)";
constexpr const char* storm_examples = R"(Examples:
  fleetsim storm --connections 10000 --concurrency 10000
)";
constexpr const char* hold_examples = R"(Examples:
  fleetsim hold --connections 50000 --duration 10m
)";
constexpr const char* verify_examples = R"(Examples:
  fleetsim verify --ack-log run.log --sqlite fleetgate-data/fleet.db
  fleetsim verify --ack-log run.log --sqlite fleet.db --json

Let the gateway deliver first (stop it, or wait): what still lies in its spool looks lost here.
Exit status: 0 nothing lost, nothing twice; 1 something; 66 no such log or database.
)";

constexpr std::uint32_t highest_first_boot = 4'000'000'000;  // room for reboots

std::uint32_t first_boot_of(std::uint64_t seed) noexcept {
  return 1 + static_cast<std::uint32_t>(mixed(seed) >> 33);
}

struct bad_value {
  std::string why;
};

/// What is taken as text and made into the plan when all is read.
struct raw_options {
  double rate = 0;
  double every_s = 0;
  std::uint64_t size = 0;
  int qos = 1;
  int version = 5;
  std::string session = "keep";
  std::string protocol = "mqtt";
  std::optional<std::uint16_t> port;
  std::optional<std::uint32_t> connections;
  std::string user_name, password_file;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint32_t> boot;
};

class command_parser {
 public:
  command_parser() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "fleetsim " FLEETGATE_VERSION, "Print the version");
    app_.footer(examples);
    describe_steady();
    describe_flood();
    describe_burst();
    describe_storm();
    describe_hold();
    describe_verify();
  }

  tl::expected<command, usage_error> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& asked) {
      std::ostringstream text;
      app_.exit(asked, text, text);
      return command(print_command{text.str()});
    } catch (const CLI::ParseError& e) {
      return wrong(e.what());
    }
    if (verify_->parsed()) return command(verify_plan_);
    auto plan = finished_plan();
    if (!plan) return wrong(plan.error().why);
    return command(*std::move(plan));
  }

 private:
  // ---- the commands
  // ------------------------------------------------------------------------------

  CLI::App* add_command(const char* name, const char* about, const char* footer) {
    CLI::App* command = app_.add_subcommand(name, about);
    command->footer(footer);
    return command;
  }

  void describe_steady() {
    steady_ =
        add_command("steady", "Send at a steady rate, whatever the server does", steady_examples);
    steady_->add_option("--rate", raw_.rate, "Messages a second over the whole fleet")
        ->required()
        ->check(CLI::Range(0.001, 1e8).description(""))
        ->type_name("R");
    add_number(
        *steady_, "--gather", plan_.gather, std::uint16_t{1}, std::uint16_t{65'535},
        "A device sends when it has measured so many; each one's latency counts from when it "
        "was due");
    add_sending_options(*steady_);
  }

  void describe_flood() {
    flood_ = add_command("flood", "Send as fast as acknowledgements come", flood_examples);
    add_sending_options(*flood_);
  }

  void describe_burst() {
    burst_ = add_command("burst", "Send many at once, again and again", burst_examples);
    add_duration(*burst_, "--every", raw_.every_s, "From one burst to the next")->required();
    burst_->add_option("--size", raw_.size, "Messages in a burst, over the whole fleet")
        ->required()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40).description(""))
        ->type_name("K");
    add_sending_options(*burst_);
  }

  void describe_storm() {
    storm_ =
        add_command("storm", "Connect all devices as fast as possible, and leave", storm_examples);
    add_fleet_options(*storm_);
  }

  void describe_hold() {
    hold_ = add_command("hold", "Connect all devices and keep them connected", hold_examples);
    add_fleet_options(*hold_);
    add_length(*hold_);
  }

  void describe_verify() {
    verify_ = add_command("verify", "Compare a log of acknowledgements with the SQLite table",
                          verify_examples);
    verify_->add_option("--ack-log", verify_plan_.ack_log, "What --ack-log wrote")
        ->required()
        ->type_name("FILE");
    verify_->add_option("--sqlite", verify_plan_.database, "The database of the gateway's sink")
        ->required()
        ->type_name("FILE");
    verify_->add_flag("--json", verify_plan_.json, "The report as one line of JSON");
  }

  // ---- what they share
  // ---------------------------------------------------------------------------

  static CLI::Option* add_duration(CLI::App& to, const char* name, double& value,
                                   const char* about) {
    static const std::map<std::string, double> units{
        {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
    return to.add_option(name, value, about)
        ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::UNIT_OPTIONAL, "TIME"))
        ->check(CLI::Range(0.0, 1e9).description(""))
        ->type_name("TIME");
  }

  template <class Number>
  static CLI::Option* add_number(CLI::App& to, const char* name, Number& value, Number least,
                                 Number most, const char* about) {
    return to.add_option(name, value, about)
        ->check(CLI::Range(least, most).description(""))
        ->type_name("N")
        ->capture_default_str();
  }

  void add_length(CLI::App& to) {
    add_duration(to, "--duration", plan_.duration_s, "How long (30s, 5m); else until Ctrl-C");
  }

  void add_fleet_options(CLI::App& to) {
    constexpr const char* server = "The server";
    to.add_option("--host", plan_.host, "Name or address")
        ->type_name("HOST")
        ->capture_default_str()
        ->group(server);
    to.add_option("--port", raw_.port, "TCP port; else 1883, 1884 for native, 9600 for http")
        ->check(CLI::Range(1, 65'535).description(""))
        ->type_name("N")
        ->group(server);
    to.add_option("--protocol", raw_.protocol, "mqtt, native or http")
        ->check(CLI::IsMember({"mqtt", "native", "http"}).description(""))
        ->type_name("P")
        ->capture_default_str()
        ->group(server);
    to.add_option("--mqtt-version", raw_.version, "5, or 4 for MQTT 3.1.1")
        ->check(CLI::IsMember({4, 5}).description(""))
        ->type_name("N")
        ->capture_default_str()
        ->group(server);
    to.add_option("--username", raw_.user_name, "For CONNECT or hello")
        ->type_name("NAME")
        ->group(server);
    to.add_option("--password-file", raw_.password_file, "Its first line is the password")
        ->type_name("FILE")
        ->group(server);
    add_number(to, "--keep-alive", plan_.connection.keep_alive_s, std::uint16_t{0},
               std::uint16_t{65'535}, "Seconds; 0: none")
        ->group(server);
    add_duration(to, "--connect-timeout", plan_.connect_timeout_s, "For each connection")
        ->default_str("30s")
        ->group(server);
    add_devices(to);
    to.add_flag("--json", plan_.json, "The summary as one line of JSON, nothing else on stdout");
    to.add_flag("--wait", plan_.waits_for_input,
                "Print \"connected N\" and begin at a line on stdin; disconnect at the next");
  }

  void add_devices(CLI::App& to) {
    constexpr const char* devices = "The fleet";
    to.add_option("--connections", raw_.connections,
                  "Devices, one socket each; never more sockets than that; else 100, 50 for http")
        ->check(CLI::Range(1U, 1'000'000U).description(""))
        ->type_name("N")
        ->group(devices);
    to.add_option("--device", plan_.fleet.device, "Their names and client ids; {i} is the number")
        ->type_name("NAME")
        ->capture_default_str()
        ->group(devices);
    add_number(to, "--first-device", plan_.first_device, 0U, 1'000'000'000U, "The first number")
        ->group(devices);
    to.add_option("--seed", raw_.seed, "Decides payloads and all that is random; printed")
        ->type_name("N")
        ->group(devices);
    add_number(to, "--concurrency", plan_.concurrency, 1U, 1'000'000U,
               "Connections being opened at one time")
        ->group(devices);
    add_number(to, "--threads", plan_.threads, 1U, 64U, "Threads that share the devices")
        ->group(devices);
  }

  void add_sending_options(CLI::App& to) {
    add_fleet_options(to);
    add_length(to);
    add_number(to, "--messages", plan_.messages, std::uint64_t{0}, std::uint64_t{1} << 62,
               "How many in all, those of a resumed log included; 0: no such end");
    add_duration(to, "--drain", plan_.drain_s, "How long to wait at the end for what is owed")
        ->default_str("30s");
    add_message_options(to);
    add_log_options(to);
    add_mishaps(to);
  }

  void add_message_options(CLI::App& to) {
    constexpr const char* messages = "Messages";
    to.add_option("--topic", plan_.fleet.topics,
                  "Several: a device takes them in turn; {device} and {i} are filled in")
        ->type_name("TOPIC")
        ->capture_default_str()
        ->group(messages);
    to.add_option("--qos", raw_.qos, "MQTT: 0, 1 or 2")
        ->check(CLI::IsMember({0, 1, 2}).description(""))
        ->type_name("N")
        ->capture_default_str()
        ->group(messages);
    add_number(to, "--payload-bytes", plan_.fleet.payload_bytes, std::size_t{0},
               payload_writer::largest_bytes, "At least; JSON with \"seq\" and \"boot\"")
        ->group(messages);
    to.add_flag("--user-properties,!--no-user-properties", plan_.mqtt.user_properties,
                "MQTT 5: `seq` and `epoch` with each message, too (the default)")
        ->group(messages);
    add_number(to, "--in-flight", plan_.devices_habits.in_flight, std::uint16_t{1},
               std::uint16_t{65'535}, "Unacknowledged messages that a device may have")
        ->group(messages);
    add_number(to, "--batch", plan_.batch, std::uint16_t{1}, std::uint16_t{65'535},
               "Native, HTTP: messages in a frame or request, at most; flood waits until it has "
               "room for so many")
        ->group(messages);
    to.add_option("--boot", raw_.boot, "Boot number to begin with; else made from the seed")
        ->check(CLI::Range(1U, highest_first_boot).description(""))
        ->type_name("N")
        ->group(messages);
  }

  void add_log_options(CLI::App& to) {
    constexpr const char* log = "The log of acknowledgements";
    CLI::Option* fresh =
        to.add_option("--ack-log", plan_.ack_log, "A new file: what was acknowledged, for verify")
            ->type_name("FILE")
            ->group(log);
    CLI::Option* resumed =
        to.add_option("--resume-log", plan_.resume_log,
                      "Go on where this log ends, as the same fleet, and append to it")
            ->type_name("FILE")
            ->group(log);
    resumed->excludes(fresh);
    for (const char* told_by_the_log :
         {"--seed", "--device", "--topic", "--payload-bytes", "--boot"}) {
      resumed->excludes(to.get_option(told_by_the_log));
    }
  }

  void add_mishaps(CLI::App& to) {
    constexpr const char* mishaps = "What befalls devices (means, each device by itself)";
    add_duration(to, "--flap", plan_.befalls.flap_s, "It drops its connection so often")
        ->group(mishaps);
    add_duration(to, "--down", plan_.befalls.down_s, "How long it stays away")
        ->default_str("1s")
        ->group(mishaps);
    add_duration(to, "--reboot", plan_.befalls.reboot_s,
                 "It forgets all: new boot number, sequences from 1")
        ->group(mishaps);
    add_duration(to, "--ack-timeout", plan_.befalls.ack_timeout_s,
                 "(no mean) it waits so long, then connects anew and sends again")
        ->group(mishaps);
    to.add_flag("--newest-first", plan_.devices_habits.newest_first,
                "Of what it owes it sends the newest first")
        ->group(mishaps);
    to.add_option("--session", raw_.session,
                  "MQTT: keep: a connection goes on where the last one ended; clean: it begins "
                  "anew")
        ->check(CLI::IsMember({"keep", "clean"}).description(""))
        ->type_name("HOW")
        ->capture_default_str()
        ->group(mishaps);
  }

  // ---- what they come to
  // -------------------------------------------------------------------------

  tl::expected<run_plan, bad_value> finished_plan() {
    run_plan plan = plan_;
    if (steady_->parsed()) plan.when = schedule::steady(raw_.rate);
    if (burst_->parsed()) {
      const auto every_ns = static_cast<std::uint64_t>(raw_.every_s * 1e9);
      if (every_ns == 0) return bad("--every: longer than nothing, as in --every 10s");
      plan.when = schedule::bursts(every_ns, raw_.size);
    }
    if (storm_->parsed()) plan.does = activity::storm;
    if (hold_->parsed()) plan.does = activity::hold;
    plan.mqtt.qos = static_cast<std::uint8_t>(raw_.qos);
    plan.mqtt.version =
        raw_.version == 5 ? mqtt::protocol_version::v5 : mqtt::protocol_version::v3_1_1;
    plan.speaks = protocol_named(raw_.protocol);
    plan.port = raw_.port.value_or(default_port(plan.speaks));
    // The gateway's HTTP server serves 64 connections at one time.
    plan.connections = raw_.connections.value_or(plan.speaks == protocol::http ? 50 : 100);
    plan.connection.keeps_session = plan.speaks == protocol::mqtt && raw_.session == "keep" &&
                                    plan.does == activity::send && raw_.qos > 0;
    plan.devices_habits.awaits_acknowledgements = raw_.qos > 0;
    plan.fleet.seed = raw_.seed ? *raw_.seed : std::random_device{}();
    // Another run is another boot, or a gateway would rightly take its messages for resends.
    plan.fleet.first_boot = raw_.boot ? *raw_.boot : first_boot_of(plan.fleet.seed);
    if (raw_.qos == 0 && !(plan.ack_log.empty() && plan.resume_log.empty())) {
      return bad("--qos 0 has no acknowledgements that a log could hold; use --qos 1");
    }
    if (auto complaint = complaint_about(plan.fleet)) return bad(*std::move(complaint));
    if (auto complaint = complaint_about_protocol(plan)) return bad(*std::move(complaint));
    return with_credentials(std::move(plan));
  }

  static protocol protocol_named(std::string_view name) noexcept {
    if (name == "native") return protocol::native;
    return name == "http" ? protocol::http : protocol::mqtt;
  }

  static std::uint16_t default_port(protocol p) noexcept {
    switch (p) {
      case protocol::mqtt:
        return 1883;
      case protocol::native:
        return 1884;
      case protocol::http:
        return 9600;
    }
    return 0;
  }

  /// What the protocol cannot do.
  static std::optional<std::string> complaint_about_protocol(const run_plan& plan) {
    if (plan.batch > plan.devices_habits.in_flight) {
      return "--batch " + std::to_string(plan.batch) + ": needs --in-flight of at least as many";
    }
    if (plan.speaks == protocol::mqtt) {
      if (plan.batch > 1) return "--batch: MQTT has no batches; use --protocol native or http";
      return std::nullopt;
    }
    if (plan.mqtt.qos != 1) return "--qos: only MQTT has it; here every message is acknowledged";
    if (plan.speaks == protocol::http && plan.batch > largest_http_batch) {
      return "--batch: a request carries at most " + std::to_string(largest_http_batch);
    }
    if (plan.speaks == protocol::native && plan.devices_habits.newest_first) {
      return "--newest-first: the native protocol's sequences rise on a connection; use "
             "--protocol mqtt";
    }
    return complaint_about_streams(plan);
  }

  static std::optional<std::string> complaint_about_streams(const run_plan& plan) {
    const std::uint32_t last = plan.first_device + plan.connections - 1;
    for (std::size_t t = 0; t < plan.fleet.topics.size(); ++t) {
      if (plan.fleet.topic_name(t, last).size() > native::maximum_stream_bytes) {
        return "--topic " + plan.fleet.topics[t] + ": filled in it has more than " +
               std::to_string(native::maximum_stream_bytes) + " bytes";
      }
    }
    return std::nullopt;
  }

  static tl::unexpected<bad_value> bad(std::string why) {
    return tl::unexpected(bad_value{std::move(why)});
  }

  tl::expected<run_plan, bad_value> with_credentials(run_plan plan) const {
    if (plan.speaks == protocol::http && !raw_.user_name.empty()) {
      return bad("--username: the HTTP API has no credentials yet; leave it out");
    }
    if (plan.speaks == protocol::native && raw_.user_name.size() > native::maximum_user_bytes) {
      return bad("--username: at most " + std::to_string(native::maximum_user_bytes) + " bytes");
    }
    if (!raw_.user_name.empty()) plan.connection.user_name = raw_.user_name;
    if (raw_.password_file.empty()) return plan;
    std::ifstream file(raw_.password_file);
    std::string password;
    if (!std::getline(file, password)) {
      return bad("--password-file " + raw_.password_file + ": no first line can be read from it");
    }
    const std::size_t most =
        plan.speaks == protocol::native ? native::maximum_token_bytes : std::size_t{65'535};
    if (password.size() > most || raw_.user_name.empty()) {
      return bad("--password-file: give --username with it, and at most " + std::to_string(most) +
                 " bytes");
    }
    plan.connection.password = std::move(password);
    return plan;
  }

  /// What is wrong, why, and the next command.
  [[nodiscard]] tl::unexpected<usage_error> wrong(const std::string& why) const {
    std::string so_far = "fleetsim";
    for (const CLI::App* below : app_.get_subcommands()) so_far += " " + below->get_name();
    return tl::unexpected(
        usage_error{so_far + ": " + why + "\nNothing was done. See: " + so_far + " --help\n"});
  }

  CLI::App app_{
      "Simulates fleets of devices against a gateway or an MQTT server, and proves what became "
      "of their messages.",
      "fleetsim"};
  CLI::App* steady_ = nullptr;
  CLI::App* flood_ = nullptr;
  CLI::App* burst_ = nullptr;
  CLI::App* storm_ = nullptr;
  CLI::App* hold_ = nullptr;
  CLI::App* verify_ = nullptr;
  run_plan plan_;
  raw_options raw_;
  verify_plan verify_plan_;
};

}  // namespace

tl::expected<command, usage_error> parse_command_line(int argc, const char* const* argv) {
  return command_parser().parse(argc, argv);
}

}  // namespace fleetgate::fleetsim
