#include "actors/spool/spool_meter.hpp"

namespace fleetgate::spool {
namespace {

void grow(observe::counter& to, std::uint64_t now, std::uint64_t before) {
  if (now != before) to.add(now - before);
}

}  // namespace

std::uint64_t spool_meter::count(const spool_counts& now) {
  std::uint64_t appended = 0;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    const lane_counts& before = counted_[i];
    appended += now[i].appended_records - before.appended_records;
    grow(probe_.appended_records[in], now[i].appended_records, before.appended_records);
    grow(probe_.appended_marks, now[i].appended_marks, before.appended_marks);
    grow(probe_.appended_bytes[in], now[i].appended_bytes, before.appended_bytes);
    grow(probe_.shed[in], now[i].shed_records, before.shed_records);
  }
  counted_ = now;
  return appended;
}

void spool_meter::show(const spool_stats& stats) {
  std::int64_t segments = 0;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    const lane_stats& l = stats.lanes[i];
    probe_.spool_records[in].set(static_cast<std::int64_t>(l.records));
    probe_.spool_bytes[in].set(static_cast<std::int64_t>(l.bytes));
    probe_.spool_held_bytes[in].set(static_cast<std::int64_t>(l.held_bytes));
    probe_.spool_limit_bytes[in].set(static_cast<std::int64_t>(l.limit_bytes));
    probe_.oldest_unix_ns[in].set(l.oldest_received_time_ns);
    segments += static_cast<std::int64_t>(l.segments);
  }
  probe_.segments.set(segments);
}

}  // namespace fleetgate::spool
