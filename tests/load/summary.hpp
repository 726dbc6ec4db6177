// What a run has counted, and how it is told. Owned by the generator, one thread.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "histogram.hpp"

namespace fleetgate::load {

struct summary {
  std::uint64_t scheduled = 0;  // at a steady rate: how many have fallen due
  std::uint64_t issued = 0;
  std::uint64_t acknowledged = 0;  // at QoS 0: handed to the socket
  std::uint64_t refused = 0;       // answered with an MQTT 5 reason of 0x80 and above
  std::uint64_t unexpected = 0;    // packets that answer nothing we sent
  std::uint64_t in_flight_at_end = 0;
  std::uint64_t connected = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t losses = 0;  // established connections that ended against our will
  std::uint64_t reconnects = 0;
  std::uint64_t resent = 0;
  std::uint64_t sessions_lost = 0;  // a session we asked to keep was not there any more
  std::map<unsigned, std::uint64_t> connack_reasons;
  std::map<unsigned, std::uint64_t> disconnect_reasons;
  std::map<unsigned, std::uint64_t> acknowledgement_reasons;
  histogram latency;
  histogram connack_latency;  // CONNECT written to CONNACK read
  histogram connect_latency;  // connect() called to CONNACK read
  double connect_elapsed_s = 0;
  double elapsed_s = 0;
  double own_cpu_s = 0;
  bool timed_out = false;
};

inline double own_cpu_seconds() {
  rusage r{};
  ::getrusage(RUSAGE_SELF, &r);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(r.ru_utime) + seconds(r.ru_stime);
}

inline double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0.0;
}

inline std::string json_of(const histogram& h) {
  char out[256];
  const auto us = [&](double share) { return static_cast<double>(h.percentile(share)) / 1e3; };
  std::snprintf(
      out, sizeof out,
      "{\"count\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99_9\":%.1f,\"max\":%.1f}",
      static_cast<unsigned long long>(h.count()), us(0.5), us(0.9), us(0.99), us(0.999),
      static_cast<double>(h.max()) / 1e3);
  return out;
}

inline std::string json_of(const std::map<unsigned, std::uint64_t>& reasons) {
  std::string out = "{";
  for (const auto& [reason, count] : reasons) {
    char entry[64];
    std::snprintf(entry, sizeof entry, "%s\"0x%02X\":%llu", out.size() > 1 ? "," : "", reason,
                  static_cast<unsigned long long>(count));
    out += entry;
  }
  return out + "}";
}

inline std::string json_of(const summary& s) {
  std::string out = "{";
  const auto add = [&out](const char* name, const std::string& value) {
    if (out.size() > 1) out += ',';
    out += std::string("\"") + name + "\":" + value;
  };
  const auto count = [&](const char* name, std::uint64_t v) { add(name, std::to_string(v)); };
  const auto real = [&](const char* name, double v) { add(name, std::to_string(v)); };
  count("messages_scheduled", s.scheduled);
  count("messages_issued", s.issued);
  count("messages_acked", s.acknowledged);
  count("messages_refused", s.refused);
  count("unexpected_packets", s.unexpected);
  count("in_flight_at_end", s.in_flight_at_end);
  real("elapsed_s", s.elapsed_s);
  real("rate", per_second(s.acknowledged, s.elapsed_s));
  add("latency_us", json_of(s.latency));
  count("connected", s.connected);
  count("connect_failures", s.connect_failures);
  real("connect_elapsed_s", s.connect_elapsed_s);
  real("connect_rate", per_second(s.connected, s.connect_elapsed_s));
  add("connack_us", json_of(s.connack_latency));
  add("connect_us", json_of(s.connect_latency));
  count("losses", s.losses);
  count("reconnects", s.reconnects);
  count("resent", s.resent);
  count("sessions_lost", s.sessions_lost);
  add("connack_reasons", json_of(s.connack_reasons));
  add("disconnect_reasons", json_of(s.disconnect_reasons));
  add("acknowledgement_reasons", json_of(s.acknowledgement_reasons));
  real("own_cpu_s", s.own_cpu_s);
  add("timed_out", s.timed_out ? "true" : "false");
  return out + "}";
}

inline void print_text(const summary& s) {
  const auto n = [](std::uint64_t v) { return static_cast<unsigned long long>(v); };
  const auto us = [](const histogram& h, double share) {
    return static_cast<double>(h.percentile(share)) / 1e3;
  };
  std::printf("connected     %llu in %.2f s (%.0f/s), %llu failed, CONNACK p50 %.0f p99 %.0f us\n",
              n(s.connected), s.connect_elapsed_s, per_second(s.connected, s.connect_elapsed_s),
              n(s.connect_failures), us(s.connack_latency, 0.5), us(s.connack_latency, 0.99));
  std::printf("acknowledged  %llu of %llu in %.2f s (%.0f/s), %llu refused, %llu in flight%s\n",
              n(s.acknowledged), n(s.issued), s.elapsed_s, per_second(s.acknowledged, s.elapsed_s),
              n(s.refused), n(s.in_flight_at_end), s.timed_out ? ", gave up waiting" : "");
  std::printf("latency us    p50 %.0f p90 %.0f p99 %.0f p99.9 %.0f max %.0f\n", us(s.latency, 0.5),
              us(s.latency, 0.9), us(s.latency, 0.99), us(s.latency, 0.999),
              static_cast<double>(s.latency.max()) / 1e3);
  std::printf("connections   %llu lost, %llu again, %llu resent, %llu sessions gone\n", n(s.losses),
              n(s.reconnects), n(s.resent), n(s.sessions_lost));
  std::printf("own CPU       %.2f s\n", s.own_cpu_s);
}

}  // namespace fleetgate::load
