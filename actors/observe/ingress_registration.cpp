// The metric families of ingress and parser: what happens on a shard.
#include "actors/observe/probe_registration.hpp"
#include "actors/observe/stage_families.hpp"
#include "actors/observe/undelivered_family.hpp"

namespace fleetgate::observe {
namespace {

constexpr std::array all_formats{payload_format::json, payload_format::messagepack,
                                 payload_format::raw};
constexpr std::array all_qos{quality_of_service::at_most_once, quality_of_service::at_least_once,
                             quality_of_service::exactly_once};

constexpr std::string_view to_string(payload_format f) noexcept {
  switch (f) {
    case payload_format::json:
      return "json";
    case payload_format::messagepack:
      return "messagepack";
    case payload_format::raw:
      return "raw";
  }
  return {};
}

constexpr std::string_view to_string(quality_of_service q) noexcept {
  switch (q) {
    case quality_of_service::at_most_once:
      return "0";
    case quality_of_service::at_least_once:
      return "1";
    case quality_of_service::exactly_once:
      return "2";
  }
  return {};
}

void register_connections(registry& to, std::string_view listener, const ingress_probe& p) {
  to.add(level("fleetgate_connections", "Open device connections.", {"listener"}), {listener},
         p.connections_open);
  to.add(level("fleetgate_connections_paused",
               "Open connections whose acknowledgements are withheld or that are not read from, "
               "because the node is full.",
               {"listener"}),
         {listener}, p.connections_paused);
  to.add(counts("fleetgate_connections_accepted_total",
                "Connections taken from the listening socket. Equals open + rejected + closed.",
                {"listener"}),
         {listener}, p.connections_accepted);
  add_reasons_of(to,
                 counts("fleetgate_connections_rejected_total",
                        "Connections ended before or with their CONNACK.", {"listener", "reason"}),
                 listener, {fault_class::protocol, fault_class::auth, fault_class::overload},
                 p.connections_rejected);
  constexpr auto closed =
      counts("fleetgate_connections_closed_total",
             "Connections ended after they had been admitted.", {"listener", "reason"});
  to.add(closed, {listener, "normal_disconnection"}, p.connections_closed_normally);
  add_reasons_of(to, closed, listener,
                 {fault_class::protocol, fault_class::overload, fault_class::transient},
                 p.connections_closed);
}

void register_traffic(registry& to, std::string_view listener, const ingress_probe& p) {
  to.add(counts("fleetgate_received_bytes_total", "Bytes read from devices.", {"listener"}),
         {listener}, p.bytes_in);
  to.add(counts("fleetgate_sent_bytes_total", "Bytes written to devices.", {"listener"}),
         {listener}, p.bytes_out);
  to.add(counts("fleetgate_publishes_repeated_total",
                "QoS 2 PUBLISH packets with a packet identifier that was still in use on their "
                "connection: the same message again by MQTT, and not counted as received.",
                {"listener"}),
         {listener}, p.repeats);
  add_undelivered(to, p.undelivered_here);
}

}  // namespace

void register_probe(registry& to, std::string_view listener, const ingress_probe& p) {
  register_connections(to, listener, p);
  register_traffic(to, listener, p);
  for (const auto cls : model::all_traffic_classes) {
    const auto name = model::to_string(cls);
    for (const auto qos : all_qos) {
      to.add(counts("fleetgate_publishes_received_total",
                    "Messages received from devices, whatever became of them.", {"class", "qos"}),
             {name, to_string(qos)}, p.publishes[cls][qos]);
    }
    for_each_fault([&](fault_code code, const fault_entry& entry) {
      const auto when = entry.cls == fault_class::overload ? shown::always : shown::once_used;
      to.add(shed_total, {"ingress", name, entry.name}, p.shed[cls][code], when);
      to.add(counts("fleetgate_sent_back_total",
                    "Messages over the native protocol or HTTP that there was no room for; their "
                    "senders were told when to send them again.",
                    {"class", "reason"}),
             {name, entry.name}, p.sent_back[cls][code], when);
    });
    to.add({"fleetgate_acknowledge_duration_seconds",
            "From a message's last byte read to its stored receipt, by class.",
            metric_type::histogram,
            {"class"}},
           {name}, p.acknowledged[cls]);
    to.add(stage_duration, {"acknowledge"}, p.acknowledged[cls]);
  }
  add_errors(to, p.connections_rejected);
  add_errors(to, p.connections_closed);
}

void register_probe(registry& to, const parse_probe& p) {
  for (const auto format : all_formats) {
    to.add(counts("fleetgate_parsed_total", "Payloads looked at, by format.", {"format"}),
           {to_string(format)}, p.messages[format]);
  }
  for_each_fault([&](fault_code code, const fault_entry& entry) {
    const bool usual = code == fault_code::payload_format_invalid ||
                       code == fault_code::schema_violation ||
                       code == fault_code::sequence_invalid || code == fault_code::text_too_long;
    to.add(counts("fleetgate_quarantined_total",
                  "Messages that can never pass, kept apart on disk.", {"reason"}),
           {entry.name}, p.quarantined[code], usual ? shown::always : shown::once_used);
  });
  to.add(stage_duration, {"parse"}, p.duration);
  add_errors(to, p.quarantined);
}

}  // namespace fleetgate::observe
