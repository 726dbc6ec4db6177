// Families that several stages feed, so that one name has one help text. Private to the
// registration of probes.
#pragma once

#include <initializer_list>
#include <string_view>

#include "actors/observe/probes.hpp"
#include "actors/observe/registry.hpp"
#include "protocol/base/fault.hpp"

namespace fleetgate::observe {

inline constexpr metric_family stage_duration{
    "fleetgate_stage_duration_seconds",
    "Time spent in a stage of the road. acknowledge: a message, from its last byte read to the "
    "stored receipt. parse: a batch. journal_wait: a batch, from hand-over to the journal taking "
    "it. sync: one fdatasync. sink_commit: one committed batch.",
    metric_type::histogram,
    {"stage"}};

inline constexpr metric_family shed_total{
    "fleetgate_shed_total",
    "Messages given up by the overload policy. Nothing was promised for any of them.",
    metric_type::counter,
    {"stage", "class", "reason"}};

inline constexpr metric_family errors_total{
    "fleetgate_errors_total",
    "Faults by the class that decides their consequence, over all stages.",
    metric_type::counter,
    {"class", "fault"}};

/// Calls `use(fault_code, fault_entry)` for the whole catalogue.
template <class Use>
void for_each_fault(Use&& use) {
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto code = static_cast<fault_code>(i);
    use(code, describe(code));
  }
}

/// Adds what `faults` (a per_fault) counts to fleetgate_errors_total.
template <class PerFault>
void add_errors(registry& to, const PerFault& faults) {
  for_each_fault([&](fault_code code, const fault_entry& entry) {
    to.add(errors_total, {to_string(entry.cls), entry.name}, faults[code]);
  });
}

constexpr metric_family counts(std::string_view name, std::string_view help,
                               std::array<std::string_view, 3> labels = {}) {
  return {name, help, metric_type::counter, labels};
}
constexpr metric_family level(std::string_view name, std::string_view help,
                              std::array<std::string_view, 3> labels = {}) {
  return {name, help, metric_type::gauge, labels};
}

inline bool is_one_of(fault_class cls, std::initializer_list<fault_class> wanted) noexcept {
  for (const fault_class w : wanted) {
    if (cls == w) return true;
  }
  return false;
}

/// A counter a reason; faults whose class is not `usual` show up once they have happened.
inline void add_reasons(registry& to, const metric_family& f,
                        std::initializer_list<fault_class> usual, const per_fault& faults) {
  for_each_fault([&](fault_code code, const fault_entry& entry) {
    const shown when = is_one_of(entry.cls, usual) ? shown::always : shown::once_used;
    to.add(f, {entry.name}, faults[code], when);
  });
}

inline void add_reasons_of(registry& to, const metric_family& f, std::string_view owner,
                           std::initializer_list<fault_class> usual, const per_fault& faults) {
  for_each_fault([&](fault_code code, const fault_entry& entry) {
    const shown when = is_one_of(entry.cls, usual) ? shown::always : shown::once_used;
    to.add(f, {owner, entry.name}, faults[code], when);
  });
}

}  // namespace fleetgate::observe
