#include "deploy/fleetsim/muster.hpp"

#include <algorithm>
#include <utility>

#include "deploy/fleetsim/http_transport.hpp"
#include "deploy/fleetsim/native_transport.hpp"

namespace fleetgate::fleetsim {
namespace {

std::unique_ptr<transport> make_transport(const run_plan& plan,
                                          const std::vector<std::string>& topics) {
  switch (plan.speaks) {
    case protocol::mqtt:
      return std::make_unique<mqtt_transport>(plan.connection, plan.mqtt);
    case protocol::native:
      return std::make_unique<native_transport>(
          plan.connection, native_settings{plan.batch, plan.fleet.payload_bytes}, topics);
    case protocol::http:
      return std::make_unique<http_transport>(
          plan.connection, http_settings{plan.host + ":" + std::to_string(plan.port), plan.batch,
                                         plan.fleet.payload_bytes});
  }
  return nullptr;
}

member make_member(const run_plan& plan, const resume_points* past, std::uint32_t place) {
  const std::uint32_t number = plan.first_device + place;
  start_point from;
  from.boot = plan.fleet.first_boot;
  if (past != nullptr) from = past->of(number, plan.fleet.first_boot);
  const bool owes = from.missing.count() != 0;
  std::uint64_t quota = quota_of(plan, place);
  if (past != nullptr && plan.messages > 0) {
    // What the log says was never answered goes out anyway, and counts.
    const std::uint64_t spent = past->answered(number) + from.missing.count();
    quota -= std::min(quota, spent);
  }
  std::vector<std::string> topics;
  for (std::size_t t = 0; t < plan.fleet.topics.size(); ++t) {
    topics.push_back(plan.fleet.topic_name(t, number));
  }
  auto speaks = make_transport(plan, topics);
  member m(device(plan.devices_habits, std::move(from)), std::move(speaks),
           dice(plan.fleet.seed, number));
  m.place = place;
  m.gathers = owes ? 1 : 1 + place % plan.gather;  // so that not all are full at one time
  m.number = number;
  m.name = plan.fleet.device_name(number);
  m.topics = std::move(topics);
  m.quota_left = quota;
  return m;
}

}  // namespace

std::uint64_t quota_of(const run_plan& plan, std::uint32_t place) noexcept {
  if (plan.messages == 0) return ~0ULL;
  return plan.messages / plan.connections + (place < plan.messages % plan.connections ? 1 : 0);
}

std::vector<member> muster(const run_plan& plan, const resume_points* past,
                           std::uint32_t first_place) {
  std::vector<member> members;
  for (std::uint32_t place = first_place; place < plan.connections; place += plan.threads) {
    members.push_back(make_member(plan, past, place));
  }
  return members;
}

}  // namespace fleetgate::fleetsim
