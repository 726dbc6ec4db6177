// Commands of the ledger on their way to MQTT clients.
#include <algorithm>

#include "actors/sessions/sessions.hpp"
#include "protocol/mqtt/properties.hpp"

namespace fleetgate::sessions {
namespace {

constexpr std::size_t most_finished_commands = 32;
constexpr std::int64_t second_ns = 1'000'000'000;

/// MQTT 5: the id as correlation data (section 3.3.2.3.6), the name as a user property, and how
/// long it is good for.
std::string properties_of(const contract::command_delivery& d, std::int64_t now_ns) {
  const auto left_s = std::max<std::int64_t>(1, (d.deadline_ns - now_ns) / second_ns);
  mqtt::property_list p;
  p.add(mqtt::property_id::message_expiry_interval,
        static_cast<std::uint32_t>(std::min<std::int64_t>(left_s, 0xFFFF'FFFF)));
  if (!d.content_type.empty()) p.add(mqtt::property_id::content_type, d.content_type);
  p.add(mqtt::property_id::correlation_data, d.id);
  p.add_user("name", d.name);
  return std::string(as_text(p.view().bytes()));
}

bool is_under_way(const session& s, const std::string& id) {
  if (!s.queue) return false;
  const auto& entries = s.queue->entries();
  return std::any_of(entries.begin(), entries.end(),
                     [&](const mqtt::outbox::entry& e) { return e.what.message->command == id; });
}

}  // namespace

void sessions::command(const contract::command_delivery& d, std::int64_t now_ns) {
  session* const s = find(d.device);
  if (s == nullptr || !s->connected() || is_under_way(*s, d.id)) return;
  // The ledger has not heard of the answer, or not yet.
  const auto& done = s->finished_commands;
  const auto answered =
      std::find_if(done.begin(), done.end(), [&](const auto& a) { return a.id == d.id; });
  if (answered != done.end()) return out_.told.push_back({d.device, *answered});
  if (d.deadline_ns <= now_ns) return;  // the ledger says so by itself
  auto f = addressed(*s, d, now_ns);
  if (!f) return;
  const auto m = f->message;
  const bool may_wait = f->qos != 0;
  if (route_to(*s, std::move(*f), now_ns))
    out_.told.push_back({d.device, contract::command_sent{d.id}});
  else if (may_wait)
    s->commands_wait = true;
  else
    tell_too_large(*s, *m);
  publish_gauges();
}

/// Under the first of its topics that the client has subscribed to, at most at QoS 1: the ledger
/// knows a command again, so nothing is gained by QoS 2.
std::optional<mqtt::forward> sessions::addressed(const session& s,
                                                 const contract::command_delivery& d,
                                                 std::int64_t now_ns) {
  for (const auto& topic : d.topics) {
    mqtt::forward f;
    bool is_wanted = false;
    tree_.match(topic, [&](const mqtt::granted_subscription& g) {
      if (g.subscriber != s.number) return;
      is_wanted = true;
      f.qos = std::max(f.qos, std::min<std::uint8_t>(g.qos, 1));
      if (g.identifier != 0) f.identifiers.push_back(g.identifier);
    });
    if (!is_wanted) continue;
    auto m = std::make_shared<mqtt::forward_message>();
    m->topic = topic;
    m->payload = d.payload;
    m->props = properties_of(d, now_ns);
    m->command = d.id;
    m->received_ns = now_ns;
    m->qos = 1;
    f.message = std::move(m);
    return f;
  }
  return std::nullopt;
}

void sessions::note_ready(const session& s) {
  out_.ready.push_back(s.client_id);
}

void sessions::finish_command(session& s, const mqtt::forward_message& m,
                              contract::command_result result) {
  if (m.command.empty()) return;
  auto& done = s.finished_commands;
  if (done.size() == most_finished_commands) done.erase(done.begin());
  done.push_back({m.command, result, false, {}, {}});
  tell_answer(s, m, result);
}

void sessions::tell_too_large(const session& s, const mqtt::forward_message& m) {
  tell_answer(s, m, contract::command_result::failed,
              "the client takes no packet of this size (Maximum Packet Size)");
}

void sessions::tell_answer(const session& s, const mqtt::forward_message& m,
                           contract::command_result result, std::string why) {
  if (m.command.empty()) return;
  contract::command_answer answer;
  answer.id = m.command;
  answer.result = result;
  if (!why.empty()) answer.content_type = "text/plain";
  answer.payload = std::move(why);
  out_.told.push_back({s.client_id, std::move(answer)});
}

}  // namespace fleetgate::sessions
