#include <algorithm>
#include <numeric>

#include "actors/sessions/copied_message.hpp"
#include "actors/sessions/rows.hpp"
#include "actors/sessions/sessions.hpp"
#include "protocol/mqtt/encode.hpp"

namespace fleetgate::sessions {
namespace {

using observe::undelivered;

/// So many clients a delivery: a shard does its other work between two of them.
constexpr std::ptrdiff_t targets_per_delivery = 128;
/// What a message in a queue has besides topic, payload and properties.
constexpr std::size_t entry_overhead = 256;
/// What a PUBLISH without identifiers has besides topic, payload and properties.
constexpr std::size_t most_packet_overhead = 16;

/// Commands have their rows in the ledger, which sends them again after a restart.
bool is_row(const session& s, const mqtt::outbox::entry& e) noexcept {
  return s.outlives_connection() && e.what.message->command.empty();
}

std::size_t plain_kind(mqtt::protocol_version version, bool retain) noexcept {
  return (version == mqtt::protocol_version::v5 ? 2u : 0u) + (retain ? 1u : 0u);
}

}  // namespace

void sessions::publish(const model::envelope& e, std::int64_t now_ns) {
  if (e.retain) retain(e);
  find_matches(e);
  if (!matches_.empty()) {
    if (const auto m = copy_(e))
      route(m, now_ns);
    else
      probe_.undelivered_there[undelivered::no_memory].add(matches_.size());
  } else if (!e.retain) {
    return;
  }
  publish_gauges();
}

/// An empty payload removes what the topic had. [MQTT-3.3.1-6], [MQTT-3.3.1-7]
/// The copy is its own, within the limit of retained messages: the road has passed it and comes
/// back for no update, however little memory there is for live messages.
void sessions::retain(const model::envelope& e) {
  if (e.payload.empty()) {
    if (retained_.remove(e.topic)) remove_row(retained_table, std::string(e.topic));
    return;
  }
  const auto m = std::make_shared<const mqtt::forward_message>(copied(e));
  if (retained_.put(m)) {
    out_.change(retained_table, m->topic, encode_message(*m));
  } else {
    ++probe_.retained_refused;
  }
}

void sessions::find_matches(const model::envelope& e) {
  matches_.clear();
  tree_.match(e.topic, [&](const mqtt::granted_subscription& g) {
    if (g.no_local && all_[g.subscriber]->client_id == e.client_id) return;  // [MQTT-3.8.3-3]
    matches_.push_back({g.subscriber, std::min(g.qos, e.qos), g.retain_as_published, g.identifier});
  });
  const auto by_subscriber = [](const match& a, const match& b) {
    return a.subscriber < b.subscriber;
  };
  if (!std::is_sorted(matches_.begin(), matches_.end(), by_subscriber)) {
    std::stable_sort(matches_.begin(), matches_.end(), by_subscriber);
  }
}

/// One copy a client, whatever its filters overlap: at the highest QoS, with all their identifiers.
/// [MQTT-3.3.4-2], [MQTT-3.3.4-3], [MQTT-3.3.4-4]
void sessions::route(const mqtt::forward_message_ptr& m, std::int64_t now_ns) {
  clear_plain();
  bool has_plain = false;
  for (std::size_t i = 0; i < matches_.size();) {
    const auto who = matches_[i].subscriber;
    mqtt::forward f{m, {}, 0, false};
    for (; i < matches_.size() && matches_[i].subscriber == who; ++i) {
      f.qos = std::max(f.qos, matches_[i].qos);
      f.retain |= m->retain && matches_[i].retain_as_published;  // section 3.3.1.3
      if (matches_[i].identifier != 0) f.identifiers.push_back(matches_[i].identifier);
    }
    session& s = *all_[who];
    if (f.qos == 0 && f.identifiers.empty() && s.connected() &&
        weight_of(f) + most_packet_overhead <= s.terms.maximum_packet_size) {
      add_plain(s, f.retain);
      has_plain = true;
    } else {
      route_to(s, std::move(f), now_ns);
    }
  }
  if (has_plain) send_plain(m, now_ns);
}

/// False: it is not on its way, and that is counted.
bool sessions::route_to(session& s, mqtt::forward f, std::int64_t now_ns) {
  if (f.qos != 0) return enqueue(s, std::move(f), now_ns);
  if (!s.connected()) return false;  // section 4.1: at QoS 0 nothing is kept for who is away
  std::string packets;
  const auto outcome = append_publish(f, s.terms, 0, false, {}, now_ns, packets);
  count_unsent(outcome, 1);
  if (outcome != mqtt::forwarded::written) return false;
  ++probe_.routed;
  send(s, std::move(packets), true);
  return true;
}

bool sessions::enqueue(session& s, mqtt::forward f, std::int64_t now_ns) {
  if (!push(s, std::move(f))) return false;
  if (s.connected()) pump(s, now_ns);
  return true;
}

/// False: it does not fit, and that is counted.
bool sessions::push(session& s, mqtt::forward f) {
  if (!s.queue) {
    s.queue = std::make_unique<mqtt::outbox>(limits_.queue);
    if (s.connected()) s.queue->connected(s.receive_maximum);
  }
  const auto left = limits_.away_queue_bytes - std::min(away_bytes_, limits_.away_queue_bytes);
  const bool is_too_much = !s.connected() && weight_of(f) + entry_overhead > left;
  const auto* entry = is_too_much ? nullptr : s.queue->push(std::move(f));
  if (entry == nullptr) {
    ++probe_.undelivered_there[undelivered::queue_full];
    return false;
  }
  ++queued_;
  count_away(s);
  ++probe_.routed;
  store_entry(s, *entry);
  return true;
}

/// What waits for clients that are away is bounded as a whole: those that never come back would
/// fill the half of the memory budget that is for subscribers. To be called where it changes.
void sessions::count_away(session& s) noexcept {
  const bool counts = !s.connected() && s.queue;
  away_bytes_ -= s.away_bytes;
  s.away_bytes = counts ? s.queue->bytes() + s.queue->size() * entry_overhead : 0;
  away_bytes_ += s.away_bytes;
}

/// Before each message: where memory ran out in the last one, its targets are still there.
void sessions::clear_plain() noexcept {
  for (targets& by_shard : plain_) {
    for (auto& to : by_shard) to.clear();
  }
}

void sessions::add_plain(const session& s, bool retain) {
  plain_[plain_kind(s.terms.version, retain)][s.at.shard].push_back(s.at);
}

/// The same bytes to all who differ in nothing that shows in them.
void sessions::send_plain(const mqtt::forward_message_ptr& m, std::int64_t now_ns) {
  for (const auto version : {mqtt::protocol_version::v3_1_1, mqtt::protocol_version::v5}) {
    for (const bool retain : {false, true}) {
      const targets& by_shard = plain_[plain_kind(version, retain)];
      const auto count_targets = [](std::size_t sum, const auto& to) { return sum + to.size(); };
      const auto clients =
          std::accumulate(by_shard.begin(), by_shard.end(), std::size_t{0}, count_targets);
      if (clients == 0) continue;
      auto packet = std::make_shared<std::string>();
      const auto outcome =
          mqtt::append_publish({m, {}, 0, retain}, {version}, 0, false, {}, now_ns, *packet);
      count_unsent(outcome, clients);
      if (outcome != mqtt::forwarded::written) continue;
      for (const auto& to : by_shard) send_to_all(packet, to);
    }
  }
}

void sessions::send_to_all(const std::shared_ptr<const std::string>& packet,
                           const std::vector<model::connection_ref>& to) {
  probe_.routed.add(to.size());
  for (auto first = to.begin(); first != to.end();) {
    const auto step = std::min<std::ptrdiff_t>(targets_per_delivery, to.end() - first);
    out_.deliver(first->shard, {packet, {first, first + step}, true});
    first += step;
  }
}

/// Sends what the client's window has room for.
void sessions::pump(session& s, std::int64_t now_ns) {
  if (!s.queue || !s.connected()) return;
  std::string packets;
  while (const auto* entry = s.queue->next()) {
    const auto packet_id = entry->packet_id;
    if (append_next(s, *entry, now_ns, packets)) {
      if (!entry->dup) store_entry(s, *entry);  // it has its packet identifier now
      continue;
    }
    drop_entry(s, *entry);
    s.queue->give_up(packet_id);
    --queued_;
  }
  if (!packets.empty()) send(s, std::move(packets), false);
}

/// False: it cannot be sent any more.
bool sessions::append_next(session& s, const mqtt::outbox::entry& e, std::int64_t now_ns,
                           std::string& packets) {
  if (e.released) {
    encode(mqtt::ack_packet{mqtt::packet_type::pubrel, e.packet_id, 0, {}}, s.terms.version,
           packets);
    return true;
  }
  const auto alias =
      s.aliases ? s.aliases->for_topic(e.what.message->topic) : mqtt::topic_aliases::use{};
  const auto outcome = append_publish(e.what, s.terms, e.packet_id, e.dup, alias, now_ns, packets);
  if (outcome == mqtt::forwarded::written) return true;
  if (alias.alias != 0 && !alias.is_set) s.aliases->take_back(e.what.message->topic);
  count_unsent(outcome, 1);
  if (outcome == mqtt::forwarded::too_large) tell_too_large(s, *e.what.message);
  return false;
}

void sessions::count_unsent(mqtt::forwarded outcome, std::size_t clients) {
  switch (outcome) {
    case mqtt::forwarded::written:
      return;
    case mqtt::forwarded::expired:
      probe_.undelivered_there[undelivered::expired].add(clients);
      return;
    case mqtt::forwarded::too_large:
      probe_.undelivered_there[undelivered::too_large].add(clients);
      return;
  }
}

void sessions::send(const session& s, std::string packets, bool may_be_dropped) {
  out_.deliver(s.at.shard,
               {std::make_shared<const std::string>(std::move(packets)), {s.at}, may_be_dropped});
}

void sessions::store_entry(const session& s, const mqtt::outbox::entry& e) {
  if (!is_row(s, e)) return;
  out_.change(queue_table, queue_key(s.client_id, e.number), encode_entry(e));
}

void sessions::drop_entry(session& s, const mqtt::outbox::entry& e) {
  if (is_row(s, e)) remove_row(queue_table, queue_key(s.client_id, e.number));
}

}  // namespace fleetgate::sessions
