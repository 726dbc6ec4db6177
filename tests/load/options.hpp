// What a run of the load generator is asked to do. Parsed once, then constant.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "packets.hpp"

namespace fleetgate::load {

enum class run_mode : std::uint8_t {
  publish,  // as fast as the windows allow, or at a steady rate
  storm,    // only connect, and measure that
  idle,     // connect and hold
};

struct options {
  run_mode mode = run_mode::publish;
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::uint32_t connections = 100;
  std::uint32_t first_device = 0;
  std::uint16_t in_flight = 16;
  std::uint64_t messages = 0;  // 0: no end but `seconds` or a signal
  double seconds = 0;          // 0: no end but `messages` or a signal
  double rate = 0;             // 0: closed loop
  std::uint32_t tick_us = 100;
  int qos = 1;
  int version = 4;
  std::size_t payload_bytes = 256;
  std::vector<std::string> topics{"devices/{i}/telemetry"};
  std::string client_id = "d-{i}";
  std::uint64_t boot = 1;
  std::uint64_t first_sequence = 1;
  std::string ack_log;
  std::string resume_log;
  bool reconnect = false;
  std::uint32_t concurrency = 256;
  std::uint16_t keep_alive_s = 60;
  double drain_seconds = 30;
  bool wait = false;
  bool json = false;
};

inline constexpr std::string_view usage = R"(usage: mqttload [options]
  --host A --port P           where to (127.0.0.1, 1883)
  --connections N             devices, one connection each (100)
  --first-device I            index of the first device (0)
  --in-flight K               unacknowledged messages a connection may have (16)
  --messages M | --seconds S  how much in all; without either until SIGTERM
  --rate R                    steady messages a second over all connections (open loop: latency
                              counts from the scheduled time); without it as fast as it goes
  --tick-us T                 grid of the schedule at --rate (100)
  --qos 0|1|2  --version 4|5  (1, 4)
  --payload-bytes B           size of the JSON payload (256, at least 96)
  --topic T                   {i} is the device's index (devices/{i}/telemetry)
  --classes T,T,...           several topics in turn
  --client-id C               (d-{i})
  --boot B --start-seq S      what the payloads begin with (1, 1)
  --ack-log FILE              append a record for each acknowledged message
  --resume-log FILE           go on where that log ends, gaps first
  --reconnect                 keep sessions; on a loss connect again and resend what is owed
  --storm                     only connect all, as fast as possible, and measure CONNECT to CONNACK
  --idle                      connect all and hold them with PINGREQ
  --concurrency C             connections being opened at one time (256)
  --keep-alive S              (60)
  --drain-seconds S           how long to wait for what is in flight at the end (30)
  --wait                      print "connected N", start at a line on stdin; print the summary,
                              disconnect at the next line
  --json                      summary as one line of JSON
)";

[[noreturn]] inline void bad_usage(const std::string& why) {
  std::fprintf(stderr, "mqttload: %s\n%.*s", why.c_str(), static_cast<int>(usage.size()),
               usage.data());
  std::exit(64);
}

template <class Number>
Number number_of(std::string_view name, std::string_view text, Number least, Number most) {
  Number n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n < least || n > most) {
    bad_usage(std::string(name) + ": not a number in range: " + std::string(text));
  }
  return n;
}

inline std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

/// Sets the option `name` that takes a value; false where there is none of that name.
inline bool set_option(options& o, std::string_view name, std::string_view value) {
  const auto whole = [&]<class Number>(Number& to, Number least, Number most) {
    to = number_of<Number>(name, value, least, most);
    return true;
  };
  const auto text = [&](std::string& to) {
    to = value;
    return true;
  };
  constexpr std::uint64_t largest = std::uint64_t{1} << 62;
  if (name == "--host") return text(o.host);
  if (name == "--port") return whole(o.port, std::uint16_t{1}, std::uint16_t{65535});
  if (name == "--connections") return whole(o.connections, 1U, 1'000'000U);
  if (name == "--first-device") return whole(o.first_device, 0U, 1'000'000'000U);
  if (name == "--in-flight") return whole(o.in_flight, std::uint16_t{1}, std::uint16_t{65535});
  if (name == "--messages") return whole(o.messages, std::uint64_t{1}, largest);
  if (name == "--seconds") return whole(o.seconds, 0.001, 1e9);
  if (name == "--rate") return whole(o.rate, 0.001, 1e8);
  if (name == "--tick-us") return whole(o.tick_us, 10U, 1'000'000U);
  if (name == "--qos") return whole(o.qos, 0, 2);
  if (name == "--version") return whole(o.version, 4, 5);
  if (name == "--payload-bytes") {
    return whole(o.payload_bytes, publish_template::smallest_payload, std::size_t{1} << 20);
  }
  if (name == "--topic") {
    o.topics = {std::string(value)};
    return true;
  }
  if (name == "--classes") {
    o.topics = split(value);
    return true;
  }
  if (name == "--client-id") return text(o.client_id);
  if (name == "--boot") return whole(o.boot, std::uint64_t{0}, largest);
  if (name == "--start-seq") return whole(o.first_sequence, std::uint64_t{0}, largest);
  if (name == "--ack-log") return text(o.ack_log);
  if (name == "--resume-log") return text(o.resume_log);
  if (name == "--concurrency") return whole(o.concurrency, 1U, 100'000U);
  if (name == "--keep-alive") return whole(o.keep_alive_s, std::uint16_t{0}, std::uint16_t{65535});
  if (name == "--drain-seconds") return whole(o.drain_seconds, 0.0, 1e6);
  return false;
}

inline options parse_options(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") {
      std::fwrite(usage.data(), 1, usage.size(), stdout);
      std::exit(0);
    }
    if (name == "--reconnect") {
      o.reconnect = true;
    } else if (name == "--wait") {
      o.wait = true;
    } else if (name == "--json") {
      o.json = true;
    } else if (name == "--storm") {
      o.mode = run_mode::storm;
    } else if (name == "--idle") {
      o.mode = run_mode::idle;
    } else if (i + 1 >= argc || !set_option(o, name, argv[i + 1])) {
      bad_usage("unknown option or no value: " + std::string(name));
    } else {
      ++i;
    }
  }
  return o;
}

/// `pattern` with each {i} replaced by the device's index.
inline std::string for_device(std::string pattern, std::uint32_t device) {
  for (std::size_t at = 0; (at = pattern.find("{i}", at)) != std::string::npos;) {
    pattern.replace(at, 3, std::to_string(device));
  }
  return pattern;
}

}  // namespace fleetgate::load
