#include "actors/spool/spool_report.hpp"

namespace fleetgate::spool {

contract::spool_report report_of(const spool& s) {
  const spool_stats stats = s.stats();
  const auto view = s.view();
  contract::spool_report report;
  report.uuid = s.uuid();
  report.incarnation = s.incarnation();
  report.used_bytes = stats.used_bytes;
  report.budget_bytes = stats.budget_bytes;
  report.last_lsn = s.last_lsn();
  report.durable_lsn = s.durable_lsn();
  report.refused_records = stats.refused_records;
  report.removed_segments = stats.removed_segments;
  report.damaged_records = stats.damaged_records;
  report.torn_bytes = stats.torn_bytes;
  if (stats.trouble) report.trouble.emplace(stats.trouble->code, stats.trouble->detail);
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    const lane_stats& l = stats.lanes[i];
    const segment_ptr oldest = view->oldest(in);
    report.lanes.push_back({in, l.bytes, l.limit_bytes, l.records, l.segments,
                            s.counts()[i].shed_records, l.oldest_received_time_ns,
                            oldest ? std::optional(oldest->first()) : std::nullopt});
  }
  for (const auto& r : s.readers()) {
    report.readers.push_back({r.stats.name, r.stats.required, r.at, r.stats.shed_records});
  }
  return report;
}

bool account_of(const spool& s, contract::journal_account& account) {
  std::uint64_t marks = 0;
  bool is_news =
      account.refused_by_spool != s.refused_messages() || account.last_lsn != s.last_lsn();
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    const lane_counts& counted = s.counts()[i];
    marks += counted.appended_marks;
    const std::uint64_t last = s.last_ordinal(in), durable = s.durable_ordinal(in);
    is_news |= account.appended[i] != counted.appended_records || account.last[i] != last ||
               account.durable[i] != durable;
    account.appended[i] = counted.appended_records;
    account.last[i] = last;
    account.durable[i] = durable;
  }
  account.refused_by_spool = s.refused_messages();
  account.marks = marks;
  account.kept = s.kept_messages();
  account.last_lsn = s.last_lsn();
  account.lsns_given_up = s.lsns_given_up();
  return is_news;
}

}  // namespace fleetgate::spool
