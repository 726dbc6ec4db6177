// Retained messages on their way to new subscriptions: as many at a time as the client's queue, or
// at QoS 0 its connection, has room for. So all come, however many there are.
#include <algorithm>

#include "actors/sessions/sessions.hpp"

namespace fleetgate::sessions {
namespace {

using observe::undelivered;

/// Topics that are looked at for one client before the next has its turn, and in one turn.
constexpr std::size_t looks_per_step = 1024;
constexpr std::size_t looks_per_turn = 16 * looks_per_step;
constexpr std::size_t bytes_per_turn = 1 << 20;
/// At QoS 0, until the connection says that they have left; one message may be larger.
constexpr std::size_t part_bytes = 32 * 1024;

}  // namespace

void sessions::owe_retained(session& s, std::string_view filter) {
  if (!retained_.may_match(filter)) return;
  if (!s.replay) s.replay = std::make_unique<retained_replay>();
  if (!std::exchange(s.subscriptions.find(filter)->second.retained_owed, true))
    ++s.replay->owed;
  else if (s.replay->filter == filter)
    s.replay->after.clear();  // all of them once more
}

void sessions::owe_no_more(session& s, subscription_map::value_type& one) {
  if (!std::exchange(one.second.retained_owed, false)) return;
  if (s.replay->filter == one.first) s.replay->after.clear();
  if (--s.replay->owed == 0) s.replay.reset();
}

/// There is something to do for it that waits for nothing.
void sessions::list_replay(session& s) {
  if (s.replay && !std::exchange(s.replay->is_listed, true)) replaying_.push_back(s.number);
}

/// What was sent at QoS 0 has left, or went with its connection.
void sessions::go_on_with_replay(session& s) {
  s.awaits_word = false;
  list_replay(s);
}

bool sessions::replay(std::int64_t now_ns) {
  std::size_t looks = looks_per_turn;
  const auto most_bytes = out_.bytes + bytes_per_turn;
  while (!replaying_.empty() && looks != 0 && out_.bytes < most_bytes) {
    session* const s = at(replaying_.front());
    // Else ended or finished meanwhile; the number may be another's now.
    const bool is_due = s != nullptr && s->replay && s->replay->is_listed && s->connected();
    std::size_t left = std::min(looks, looks_per_step);
    looks -= left;
    const bool goes_on = is_due && replay_to(*s, left, most_bytes, now_ns);
    looks += left;
    replaying_.pop_front();
    if (s != nullptr && s->replay) s->replay->is_listed = false;
    if (goes_on) list_replay(*s);
  }
  publish_gauges();
  return !replaying_.empty();
}

/// False: done, or it waits for an answer of the client.
bool sessions::replay_to(session& s, std::size_t& looks, std::size_t most_bytes,
                         std::int64_t now_ns) {
  std::string packets;
  std::size_t waiting = 0;  // weight of what finds no room in the queue
  bool goes_on = false;
  while (s.replay) {
    auto& at_hand = replayed(s);
    const auto& [filter, held] = at_hand;
    goes_on = looks == 0 || out_.bytes >= most_bytes;
    if (goes_on) break;
    const auto m = retained_.next(filter, s.replay->after, looks);
    if (!m) {
      if (looks != 0) owe_no_more(s, at_hand);
      continue;
    }
    mqtt::forward f{m, {}, std::min(m->qos, held.qos), true};
    if (held.identifier != 0) f.identifiers.push_back(held.identifier);
    const auto weight = weight_of(f);
    if (f.qos != 0) {
      if (!has_room_for_replay(s, weight)) {
        waiting = weight;
        break;
      }
      (void)push(s, std::move(f));
    } else {
      if (s.awaits_word || (!packets.empty() && packets.size() + weight > part_bytes)) break;
      const auto outcome = append_publish(f, s.terms, 0, false, {}, now_ns, packets);
      count_unsent(outcome, 1);
      if (outcome == mqtt::forwarded::written) ++probe_.routed;
    }
    s.replay->after = m->topic;
  }
  pump(s, now_ns);
  if (!packets.empty()) send_part(s, std::move(packets));
  if (!s.replay && s.is_stored) store(s);
  // What was in the queue may have been given up: no answer comes for it.
  return goes_on || (waiting != 0 && has_room_for_replay(s, waiting));
}

/// The subscription at hand: where it is done, the next.
subscription_map::value_type& sessions::replayed(session& s) {
  const auto is_owed = [](const auto& one) { return one.second.retained_owed; };
  auto& all = s.subscriptions;
  auto at = std::find_if(all.lower_bound(s.replay->filter), all.end(), is_owed);
  if (at == all.end()) at = std::find_if(all.begin(), all.end(), is_owed);
  if (at->first != s.replay->filter) {
    s.replay->filter = at->first;
    s.replay->after.clear();
  }
  return *at;
}

/// Half of the queue is for what comes live.
bool sessions::has_room_for_replay(const session& s, std::size_t weight) const noexcept {
  if (!s.queue || s.queue->size() == 0) return true;
  return 2 * s.queue->size() < limits_.queue.messages &&
         2 * (s.queue->bytes() + weight) <= limits_.queue.bytes;
}

void sessions::send_part(session& s, std::string packets) {
  s.awaits_word = true;
  contract::delivery d{std::make_shared<const std::string>(std::move(packets)), {s.at}};
  d.wants_word = true;
  out_.deliver(s.at.shard, std::move(d));
}

}  // namespace fleetgate::sessions
