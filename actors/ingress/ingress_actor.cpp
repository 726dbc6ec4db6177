#include "actors/ingress/ingress_actor.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <caf/behavior.hpp>
#include <caf/send.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "actors/ingress/connection_trace.hpp"
#include "actors/ingress/loose_message.hpp"
#include "actors/ingress/mqtt_connection.hpp"
#include "actors/ingress/native_connection.hpp"
#include "actors/runtime/clock.hpp"

namespace fleetgate::ingress {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

constexpr int accepts_per_round = 64;
/// Out of descriptors: the next try after this long.
constexpr milliseconds accept_retry{100};
constexpr milliseconds drain_step{10};
constexpr std::size_t receipts_per_turn = 256;  // batches
/// Each to at most sessions' targets_per_delivery clients: then those who publish come first again.
constexpr std::size_t deliveries_per_round = 8;
constexpr std::size_t requests_per_turn = 8;
constexpr std::size_t wills_per_turn = 8;
constexpr std::size_t commands_per_turn = 64;
constexpr std::size_t slots_per_slice = 16 * 1024;

}  // namespace

ingress_actor::ingress_actor(runtime::unit& home, shard& owner,
                             contract::journal_mail::receipt_mail& receipts,
                             std::vector<bound_listener> listeners, observe::logger& log)
    : home_(home), shard_(owner), receipts_(receipts), log_(log), timer_(home), drain_timer_(home) {
  for (auto& l : listeners) {
    listeners_.push_back(std::make_unique<listener>(
        listener{std::move(l.settings), std::move(l.acceptor), runtime::timer(home)}));
  }
}

void ingress_actor::begin() {
  if (std::exchange(begun_, true)) return;
  shard_.sockets.on_event([this](const runtime::readiness::event& e) {
    if (e.at_end) update_clock();
    static_cast<connection_actor*>(e.who)->on_event(e);
  });
  for (auto& l : listeners_) accept_next(*l);
}

caf::behavior ingress_actor::make_behavior() {
  update_clock();
  begin();
  return {
      [this](runtime::wake_atom) { read_receipts(); },
      [this](list_atom, std::uint32_t from, std::uint32_t most) { return list(from, most); },
      [this](device_atom, std::uint32_t slot, std::uint64_t generation) {
        return find(slot, generation);
      },
      [this](kick_atom, std::uint32_t slot, std::uint64_t generation) {
        return kick(slot, generation);
      },
      [this](priorities_atom, std::vector<priority_rule>& rules) {
        shard_.priorities = std::move(rules);
        return true;
      },
      [this](drain_atom, fault_code why, std::uint32_t rate) { return drain(why, rate); },
      [this](answered_atom) {
        read_receipts();
        return shard_.requests.size() == 0;
      },
  };
}

void ingress_actor::update_clock() {
  shard_.now = {runtime::steady_now_ns(), runtime::unix_now_ns()};
}

void ingress_actor::accept_next(listener& from) {
  from.acceptor.async_wait(tcp::acceptor::wait_read,
                           [this, &from](const boost::system::error_code& error) {
                             if (error == asio::error::operation_aborted) return;
                             if (error) return retry_accept(from);
                             accept_some(from);
                           });
}

/// At most a few, so that a storm of newcomers does not hold up those who are here.
void ingress_actor::accept_some(listener& from) {
  update_clock();
  for (int left = accepts_per_round; left != 0; --left) {
    runtime::descriptor socket(
        ::accept4(from.acceptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.is_open()) {
      admit(from, std::move(socket));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return retry_accept(from);
    }
  }
  accept_next(from);
}

void ingress_actor::retry_accept(listener& from) {
  log_.warn("listener.accept_failed",
            {{"listener", from.settings.name}, {"next", "raise the limit of open files"}});
  from.retry.set_after(accept_retry, [this, &from] {
    if (from.acceptor.is_open()) accept_next(from);
  });
}

runtime::actor_ptr<connection_actor> ingress_actor::make_connection(const listener_settings& from,
                                                                    runtime::descriptor socket,
                                                                    model::connection_ref ref) {
  if (std::holds_alternative<native::session_limits>(from.session)) {
    return runtime::spawn_pinned_as<native_connection>(home_, shard_, from, std::move(socket), ref);
  }
  return runtime::spawn_pinned_as<mqtt_connection>(home_, shard_, from, std::move(socket), ref);
}

void ingress_actor::admit(listener& from, runtime::descriptor socket) {
  ++from.settings.probe->connections_accepted;
  auto place = from.settings.quota->take();
  if (!place) {
    ++from.settings.probe->connections_rejected[fault_code::server_busy];
    return note_closed(shard_, {}, false, fault_code::server_busy);
  }
  const int on = 1;  // the peer may be gone; its first read will tell
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto ref = shard_.table.reserve();
  const auto handle = make_connection(from.settings, std::move(socket), ref);
  shard_.table.put(ref, handle);
  ++from.settings.probe->connections_open;
  handle->start(std::move(*place));
}

void ingress_actor::take_round() {
  update_clock();
  round_.swap(shard_.readable);
  for (auto& c : round_) c->read();
  round_.clear();
  read_deliveries();
  tell_untold();
  go_on_with_paused();
  look_at_deadlines();
  send_unsent();
  shard_.intake.account.publish_changes();
  shard_.sockets.look_further();
}

void ingress_actor::read_receipts() {
  update_clock();
  receipts_.read(receipts_per_turn, [this](auto, std::vector<model::receipt> batch) {
    for (const auto& r : batch) take(r);
  });
  read_wills();
  read_requests();
  read_commands();
  notice_deliveries();
  tell_untold();
  go_on_with_paused();
  send_unsent();
  shard_.intake.account.publish_changes();
  arm_timer();
}

void ingress_actor::take(const model::receipt& r) {
  if (r.to.slot == will_slot) {
    settle_will(shard_, r.to.generation, r.result);
  } else if (r.to.slot >= open_requests::first_slot) {
    if (r.result == model::outcome::stored || r.result == model::outcome::duplicate) {
      shard_.loose_probe->acknowledged[r.cls].record(shard_.now.steady_ns - r.received_steady_ns);
    }
    shard_.requests.settle(r);
  } else if (auto* c = shard_.table.find(r.to.slot, r.to.generation)) {
    c->take(r);
  }
}

/// They are read once a round, however often this actor is woken in it.
void ingress_actor::notice_deliveries() {
  const auto& box = shard_.subscribers.to_shards[shard_.intake.shard]->deliveries.box();
  const auto waiting = [&](model::traffic_class cls) { return box.depth(cls).items != 0; };
  if (!waiting(model::traffic_class::control) && !waiting(model::traffic_class::telemetry)) return;
  deliveries_wait_ = true;
  home_.look_again();
}

void ingress_actor::read_deliveries() {
  if (!std::exchange(deliveries_wait_, false)) return;
  auto& mail = shard_.subscribers.to_shards[shard_.intake.shard]->deliveries;
  const auto n =
      mail.read(deliveries_per_round, [this](auto, const contract::delivery& d) { deliver(d); });
  if (n != 0 && shard_.subscribers.room_wanted.exchange(false)) shard_.subscribers.room.raise();
}

void ingress_actor::deliver(const contract::delivery& d) {
  for (const auto& ref : d.to) {
    auto* c = shard_.table.find(ref.slot, ref.generation);
    if (c == nullptr) continue;
    c->deliver(*d.packets, d.may_be_dropped);
    if (d.wants_word) c->want_word();
  }
}

void ingress_actor::read_wills() {
  auto& mail = shard_.subscribers.to_shards[shard_.intake.shard]->wills;
  const auto n = mail.read(
      wills_per_turn, [this](auto, const contract::due_will& will) { take_will(shard_, will); });
  if (n != 0 && shard_.subscribers.room_wanted.exchange(false)) shard_.subscribers.room.raise();
}

void ingress_actor::read_requests() {
  shard_.handed_in.read(requests_per_turn, [this](auto, contract::message_request request) {
    take_request(shard_, std::move(request));
  });
}

void ingress_actor::read_commands() {
  shard_.commands.to_shards[shard_.intake.shard]->read(
      commands_per_turn, [this](auto, const contract::native_delivery& d) {
        if (auto* c = shard_.table.find(d.to.slot, d.to.generation)) c->take_command(*d.command);
      });
}

void ingress_actor::go_on_with_paused() {
  if (shard_.paused.empty()) return;
  resumed_.swap(shard_.paused);
  for (const auto& ref : resumed_) {
    if (auto* c = shard_.table.find(ref.slot, ref.generation)) c->go_on();
  }
  resumed_.clear();
  shard_.intake.credit.trim();
}

void ingress_actor::tell_untold() {
  while (!shard_.untold.empty() && shard_.untold.back()->tell_untold()) shard_.untold.pop_back();
}

void ingress_actor::send_unsent() {
  round_.swap(shard_.unsent);
  for (auto& c : round_) c->send_out();
  round_.clear();
  if (!shard_.readable.empty()) home_.look_again();
}

void ingress_actor::look_at_deadlines() {
  while (const auto due = shard_.deadlines.pop_due(shard_.now.steady_ns)) {
    shard_.requests.expire(due->slot, due->generation);
    if (auto* c = shard_.table.find(due->slot, due->generation)) c->look_at_time(due->at_ns);
  }
  if (shard_.deadlines.size() > 2 * shard_.table.size() + 1024) {
    shard_.deadlines.keep([this](const deadline_queue::entry& e) {
      const auto* c = shard_.table.find(e.slot, e.generation);
      return shard_.requests.has(e.slot, e.generation) || (c != nullptr && c->watches(e.at_ns));
    });
  }
  arm_timer();
}

void ingress_actor::arm_timer() {
  const auto next = shard_.deadlines.next_ns();
  if (!next || *next >= armed_ns_) return;
  armed_ns_ = *next;
  // The round that follows looks at the deadlines.
  timer_.set(*next, [this] { armed_ns_ = ~std::uint64_t{0}; });
}

contract::device_slice ingress_actor::list(std::uint32_t from, std::uint32_t most) const {
  contract::device_slice slice;
  slice.next_slot = shard_.table.visit_from(from, slots_per_slice, [&](const auto& c) {
    if (auto d = c.report()) slice.devices.push_back(std::move(*d));
    return slice.devices.size() < most;
  });
  return slice;
}

contract::device_slice ingress_actor::find(std::uint32_t slot, std::uint64_t generation) const {
  contract::device_slice slice;
  if (const auto* c = shard_.table.find(slot, generation)) {
    if (auto d = c->report()) slice.devices.push_back(std::move(*d));
  }
  return slice;
}

bool ingress_actor::kick(std::uint32_t slot, std::uint64_t generation) {
  update_clock();
  auto* c = shard_.table.find(slot, generation);
  if (c == nullptr) return false;
  c->leave(fault_code::administrative_action);
  send_unsent();
  return true;
}

caf::result<std::uint64_t> ingress_actor::drain(fault_code why, std::uint32_t rate) {
  drained_ = self()->make_response_promise<std::uint64_t>();
  shard_.draining = true;
  boost::system::error_code ignored;
  for (auto& l : listeners_) l->acceptor.close(ignored);
  send_some_away(why, rate);
  return caf::delegated<std::uint64_t>{};
}

void ingress_actor::send_some_away(fault_code why, std::uint32_t rate) {
  const auto wait = std::max(drain_step, milliseconds(1000 / std::max<std::uint32_t>(1, rate)));
  const std::size_t step =
      std::max<std::size_t>(1, rate * static_cast<std::size_t>(wait.count()) / 1000);
  std::vector<connection_actor*> leaving;
  shard_.table.for_each([&](connection_actor& c) {
    if (leaving.size() < step) leaving.push_back(&c);
  });
  for (auto* c : leaving) c->leave(why);
  send_unsent();
  sent_away_ += leaving.size();
  if (shard_.table.size() == 0) {
    drained_.deliver(sent_away_);
    return;
  }
  drain_timer_.set_after(wait, [this, why, rate] { send_some_away(why, rate); });
}

}  // namespace fleetgate::ingress
