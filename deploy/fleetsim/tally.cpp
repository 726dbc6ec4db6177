#include "deploy/fleetsim/tally.hpp"

#include <algorithm>

namespace fleetgate::fleetsim {
namespace {

void add(reason_counts& to, const reason_counts& from) {
  for (const auto& [reason, count] : from) to[reason] += count;
}

}  // namespace

tally& tally::operator+=(const tally& other) {
  constexpr std::uint64_t tally::*counts[] = {&tally::produced,
                                              &tally::sent,
                                              &tally::resent,
                                              &tally::acknowledged,
                                              &tally::refused,
                                              &tally::sent_back,
                                              &tally::forgotten,
                                              &tally::sent_bytes,
                                              &tally::received_bytes,
                                              &tally::unexpected,
                                              &tally::established,
                                              &tally::devices_connected,
                                              &tally::reconnects,
                                              &tally::failed_attempts,
                                              &tally::losses,
                                              &tally::flaps,
                                              &tally::reboots,
                                              &tally::timeouts,
                                              &tally::sessions_lost,
                                              &tally::given_up,
                                              &tally::up,
                                              &tally::in_flight,
                                              &tally::owed};
  for (const auto count : counts) this->*count += other.*count;
  add(turned_away, other.turned_away);
  add(closings, other.closings);
  add(acknowledgement_reasons, other.acknowledgement_reasons);
  latency += other.latency;
  connack_latency += other.connack_latency;
  last_done_ns = std::max(last_done_ns, other.last_done_ns);
  last_connected_ns = std::max(last_connected_ns, other.last_connected_ns);
  if (first_failure.empty()) first_failure = other.first_failure;
  return *this;
}

}  // namespace fleetgate::fleetsim
