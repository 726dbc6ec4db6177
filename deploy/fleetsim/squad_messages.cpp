#include <algorithm>
#include <chrono>

#include "deploy/fleetsim/squad.hpp"

namespace fleetgate::fleetsim {
namespace {

constexpr std::uint64_t ms_ns = 1'000'000;

std::uint64_t unix_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

}  // namespace

// ---- what the server says
// ------------------------------------------------------------------------

void squad::take(std::uint32_t index, const event& e) {
  member& m = members_[index];
  if (e.is == event::kind::turned_away || e.is == event::kind::closing) {
    m.come_back_ns = now_ns() + e.retry_after_ms * ms_ns;
  }
  switch (e.is) {
    case event::kind::connected:
      return connected(index, e);
    case event::kind::turned_away:
      ++counted_.turned_away[e.reason];
      m.given_up = e.for_good;
      counted_.given_up += e.for_good ? 1 : 0;
      return end_connection(index, ending::turned_away);
    case event::kind::acknowledged:
      return acknowledged(index, e);
    case event::kind::settled:
      if (!m.who.settle(e.id)) ++counted_.unexpected;
      return go_on_with(index);
    case event::kind::sent_back:
      return sent_back(index, e);
    case event::kind::closing:
      ++counted_.closings[e.reason];
      return;
    case event::kind::alive:
      return go_on_with(index);
    case event::kind::unexpected:
      ++counted_.unexpected;
  }
}

void squad::connected(std::uint32_t index, const event& e) {
  member& m = members_[index];
  if (m.is != link::greeting) {
    ++counted_.unexpected;
    return;
  }
  const std::uint64_t now = now_ns();
  --opening_;
  ++counted_.up;
  m.is = link::up;
  m.backoff_ns = first_backoff_ns;
  counted_.connack_latency.add(now - m.greeted_ns);
  counted_.last_connected_ns = now;
  if (m.was_up) {
    ++counted_.reconnects;
  } else {
    ++counted_.devices_connected;
  }
  m.keep_alive_s = e.keep_alive_s.value_or(plan_.connection.keep_alive_s);
  m.who.limit_in_flight(e.most_in_flight);
  if (e.session_kept && !m.fresh) {
    m.who.resume(
        now,
        [&](const outgoing& o) {
          put_message(m, o);
          ++counted_.resent;
        },
        [&m](std::uint16_t id) { m.speaks->finish(id, m.out); });
  } else {
    if (!m.fresh && plan_.connection.keeps_session) ++counted_.sessions_lost;
    m.who.forget_session();
  }
  m.was_up = true;
  m.fresh = false;
  go_on_with(index);
}

void squad::acknowledged(std::uint32_t index, const event& e) {
  member& m = members_[index];
  if (const auto slot = m.who.acknowledge(e.id)) {
    record(m, e.is_refusal() ? record_kind::refused : record_kind::acknowledged, slot->sequence,
           e.reason);
    answers_.push_back({index, e, slot->since_ns});
  } else if (!e.last && m.who.is_acknowledged(e.id)) {
    // Said twice: the second half is said twice, too, as the protocol asks.
    m.speaks->finish(e.id, m.out);
    go_on_with(index);
  } else {
    ++counted_.unexpected;
  }
}

/// Of several that were sent back none goes out before the last one may.
void squad::sent_back(std::uint32_t index, const event& e) {
  member& m = members_[index];
  if (!m.who.send_back(e.id)) {
    ++counted_.unexpected;
    return;
  }
  ++counted_.sent_back;
  m.send_again_ns = std::max(m.send_again_ns, now_ns() + e.retry_after_ms * ms_ns);
  appointments_.push({m.send_again_ns, index, alarm::send_again});
}

void squad::record(const member& m, record_kind kind, std::uint64_t sequence, std::uint8_t reason) {
  if (log_ == nullptr) return;
  records_.push_back({kind, plan_.mqtt.qos, reason, m.number, m.who.boot(), sequence, unix_ns()});
}

/// Writes the log, then counts what it holds.
void squad::settle() {
  if (!records_.empty()) {
    if (auto written = log_->append(records_); !written) orders_.fail(written.error().detail);
    records_.clear();
  }
  if (answers_.empty()) return;
  const std::uint64_t now = now_ns();
  for (const answer& a : answers_) {
    member& m = members_[a.index];
    if (a.what.reason != 0) ++counted_.acknowledgement_reasons[a.what.reason];
    counted_.last_done_ns = now;
    if (a.what.is_refusal()) {
      ++counted_.refused;
    } else {
      ++counted_.acknowledged;
      counted_.latency.add(now - std::min(now, a.since_ns));
    }
    if (a.what.last) {
      m.who.settle(a.what.id);
    } else if (m.is == link::up) {
      m.speaks->finish(a.what.id, m.out);
    }
    go_on_with(a.index);
  }
  answers_.clear();
}

// ---- what the devices say
// ------------------------------------------------------------------------

/// The fleet's number of the message that this squad comes to next.
std::uint64_t squad::next_in_schedule() const noexcept {
  const std::uint64_t n = members_.size();
  return first_place_ + next_ % n * plan_.threads + next_ / n * plan_.connections;
}

void squad::produce(std::uint64_t now) {
  if (!plan_.when.is_open_loop()) return;
  const std::uint64_t due = std::min(total_, plan_.when.due(now - std::min(now, start_ns_)));
  for (; next_in_schedule() < due && quota_left_ > 0; ++next_) {
    const auto index = static_cast<std::uint32_t>(next_ % members_.size());
    member& m = members_[index];
    if (m.quota_left == 0) continue;
    --m.quota_left;
    --quota_left_;
    ++counted_.produced;
    m.who.produce(1);
    go_on_with(index);
  }
}

void squad::go_on_with(std::uint32_t index) {
  member& m = members_[index];
  if (m.to_fill) return;
  m.to_fill = true;
  to_fill_.push_back(index);
}

void squad::fill_all() {
  // Losing a connection while filling may add to the list; it then waits for the next round.
  filling_.swap(to_fill_);
  for (const std::uint32_t index : filling_) {
    members_[index].to_fill = false;
    fill(index);
  }
  filling_.clear();
}

void squad::fill(std::uint32_t index) {
  member& m = members_[index];
  if (m.is != link::up) return;
  if (start_ns_ != 0) {
    const std::uint64_t now = now_ns();
    send_again(m, now);
    send_new(m, now);
    m.speaks->complete(m.out);
  }
  if (!m.out.empty()) flush(index);
}

void squad::send_again(member& m, std::uint64_t now) {
  if (now < m.send_again_ns) return;
  m.who.send_again(
      now, [&m] { return m.out.size() < most_unsent_bytes && m.speaks->accepts(); },
      [&](const outgoing& o) {
        put_message(m, o);
        ++counted_.resent;
      });
}

/// In the open loop a device may wait until it has measured several; not when there will be no
/// more.
bool squad::is_gathering(const member& m) const noexcept {
  return producing_ && plan_.when.is_open_loop() && m.quota_left != 0 && m.who.owed() < m.gathers;
}

void squad::send_new(member& m, std::uint64_t now) {
  if (is_gathering(m)) return;
  m.gathers = 1;  // all of it goes out, in as many steps as it takes
  while (m.out.size() < most_unsent_bytes && m.speaks->accepts()) {
    if (producing_ && !plan_.when.is_open_loop()) measure_at_will(m);
    if (!m.who.can_send()) break;
    send_one(m, now);
  }
  if (m.who.owed() == 0) m.gathers = plan_.gather;
}

/// As much as goes out together, once there is room for it.
void squad::measure_at_will(member& m) {
  const std::uint64_t n = std::min<std::uint64_t>(plan_.batch, m.quota_left);
  if (m.who.owed() > 0 || !m.who.has_room(n)) return;
  m.quota_left -= n;
  quota_left_ -= n;
  counted_.produced += n;
  m.who.produce(n);
}

void squad::send_one(member& m, std::uint64_t now) {
  const outgoing o = m.who.send(now, [&](std::optional<std::uint64_t> produced_before) {
    if (!plan_.when.is_open_loop()) return now;
    if (!produced_before) return start_ns_;
    return start_ns_ + plan_.when.due_at_ns(m.place + *produced_before * plan_.connections);
  });
  put_message(m, o);
  ++counted_.sent;
  if (o.id == 0) counted_.last_done_ns = now;
}

void squad::put_message(member& m, const outgoing& o) {
  payload_.clear();
  payloads_.append(m.name, m.number, o.boot, o.sequence, payload_);
  m.speaks->send({o, m.topics[plan_.fleet.topic_of(o.sequence)], payload_}, m.out);
}

}  // namespace fleetgate::fleetsim
