#include "deploy/fleetsim/summary.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

#include "deploy/fleetsim/progress.hpp"

namespace fleetgate::fleetsim {
namespace {

using json = nlohmann::ordered_json;

double per_second(std::uint64_t count, double seconds) noexcept {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0.0;
}

std::string number(double n, const char* unit) {
  char out[48];
  std::snprintf(out, sizeof out, "%.2f%s", n, unit);
  return out;
}

std::string reason_name(unsigned reason) {
  char out[8];
  std::snprintf(out, sizeof out, "0x%02X", reason);
  return out;
}

json to_object(const histogram& h) {
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  return {{"count", h.count()},
          {"p50", us(h.percentile(0.5))},
          {"p90", us(h.percentile(0.9))},
          {"p99", us(h.percentile(0.99))},
          {"p99_9", us(h.percentile(0.999))},
          {"max", us(h.max())}};
}

json to_object(const reason_counts& reasons) {
  json j = json::object();
  for (const auto& [reason, count] : reasons) j[reason_name(reason)] = count;
  return j;
}

std::string row(const char* name, const std::string& value) {
  char label[24];
  std::snprintf(label, sizeof label, "%-14s", name);
  return label + value + "\n";
}

std::string latencies(const histogram& h) {
  if (h.count() == 0) return "-";
  const auto at = [&h](double share) { return duration_text(h.percentile(share)); };
  return "p50 " + at(0.5) + ", p90 " + at(0.9) + ", p99 " + at(0.99) + ", p99.9 " + at(0.999) +
         ", max " + duration_text(h.max());
}

/// ", 3 flaps" where there were some.
std::string also(std::uint64_t n, const char* what) {
  return n == 0 ? "" : ", " + grouped(n) + " " + what;
}

std::string also(const reason_counts& reasons) {
  std::string out;
  for (const auto& [reason, n] : reasons) out += ", " + grouped(n) + " x " + reason_name(reason);
  return out;
}

std::string message_rows(const summary& s) {
  const tally& c = s.counted;
  const std::uint64_t done = s.awaits_acknowledgements ? c.acknowledged : c.sent;
  const auto rate = static_cast<std::uint64_t>(per_second(done, s.elapsed_s));
  std::string out =
      row(s.awaits_acknowledgements ? "acknowledged" : "sent",
          grouped(done) + " of " + grouped(c.produced) + " in " + number(s.elapsed_s, " s") + " (" +
              grouped(rate) + "/s)" + also(c.refused, "refused") + also(c.acknowledgement_reasons));
  out += row("left over", grouped(c.in_flight) + " in flight, " + grouped(c.owed) + " unsent" +
                              also(c.forgotten, "forgotten at reboots") +
                              also(c.unexpected, "unexpected answers"));
  return s.awaits_acknowledgements ? out + row("latency", latencies(c.latency)) : out;
}

}  // namespace

exit_code verdict(const summary& s) noexcept {
  const tally& c = s.counted;
  const bool all_well =
      c.devices_connected == s.connections && c.refused == 0 && c.in_flight == 0 && c.owed == 0;
  return all_well ? exit_code::ok : exit_code::not_as_asked;
}

std::string to_table(const summary& s) {
  const tally& c = s.counted;
  std::string out =
      row("connected", grouped(c.devices_connected) + " of " + grouped(s.connections) + " in " +
                           number(s.connect_elapsed_s, " s") +
                           also(c.failed_attempts, "failed attempts") + also(c.turned_away)) +
      row("CONNACK", latencies(c.connack_latency));
  if (c.produced + c.sent > 0) out += message_rows(s);
  out += row("connections", grouped(c.losses) + " lost, " + grouped(c.reconnects) + " again, " +
                                grouped(c.resent) + " messages resent" +
                                also(c.sent_back, "sent back") + also(c.flaps, "flaps") +
                                also(c.reboots, "reboots") +
                                also(c.timeouts, "given up for want of an acknowledgement") +
                                also(c.sessions_lost, "sessions gone") + also(c.closings));
  out += row("bytes", grouped(c.sent_bytes) + " sent, " + grouped(c.received_bytes) + " received");
  return out + row("seed", std::to_string(s.seed) + ", boot " + std::to_string(s.first_boot)) +
         row("own CPU", number(s.own_cpu_s, " s"));
}

std::string to_json(const summary& s) {
  const tally& c = s.counted;
  const std::uint64_t done = s.awaits_acknowledgements ? c.acknowledged : c.sent;
  const json j = {{"seed", s.seed},
                  {"boot", s.first_boot},
                  {"connections", s.connections},
                  {"connected", c.devices_connected},
                  {"connect_elapsed_s", s.connect_elapsed_s},
                  {"connect_rate", per_second(c.devices_connected, s.connect_elapsed_s)},
                  {"failed_attempts", c.failed_attempts},
                  {"connack_us", to_object(c.connack_latency)},
                  {"connack_reasons", to_object(c.turned_away)},
                  {"produced", c.produced},
                  {"sent", c.sent},
                  {"resent", c.resent},
                  {"acknowledged", c.acknowledged},
                  {"refused", c.refused},
                  {"acknowledgement_reasons", to_object(c.acknowledgement_reasons)},
                  {"in_flight", c.in_flight},
                  {"unsent", c.owed},
                  {"forgotten", c.forgotten},
                  {"sent_back", c.sent_back},
                  {"unexpected", c.unexpected},
                  {"sent_bytes", c.sent_bytes},
                  {"received_bytes", c.received_bytes},
                  {"elapsed_s", s.elapsed_s},
                  {"rate", per_second(done, s.elapsed_s)},
                  {"latency_us", to_object(c.latency)},
                  {"losses", c.losses},
                  {"reconnects", c.reconnects},
                  {"flaps", c.flaps},
                  {"reboots", c.reboots},
                  {"ack_timeouts", c.timeouts},
                  {"sessions_lost", c.sessions_lost},
                  {"disconnect_reasons", to_object(c.closings)},
                  {"own_cpu_s", s.own_cpu_s}};
  return j.dump();
}

}  // namespace fleetgate::fleetsim
