// Decides what reaches which client (MQTT 5.0 sections 3.8, 4.1, 4.3 to 4.9): subscriptions, the
// way of each message to those that match, queues of clients that are away, wills, retained
// messages. Pure: events, messages and time come in, effects go out. Owned by the sessions actor;
// its thread. Limit: sessions_limits.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/observe/probes.hpp"
#include "actors/sessions/due_wills.hpp"
#include "actors/sessions/effects.hpp"
#include "actors/sessions/limits.hpp"
#include "actors/sessions/retained.hpp"
#include "actors/sessions/session.hpp"
#include "protocol/model/envelope.hpp"

namespace fleetgate::sessions {

/// What is due goes by the steady clock, what messages and commands say by Unix time.
struct moment {
  std::uint64_t steady_ns = 0;
  std::int64_t unix_ns = 0;
};

class sessions {
 public:
  /// Makes the one copy of a message that all its subscribers share; null where there is no memory.
  using copier = std::function<mqtt::forward_message_ptr(const model::envelope&)>;

  sessions(const sessions_limits& limits, std::size_t shards, observe::sessions_probe& probe,
           copier copy);
  sessions(const sessions&) = delete;
  sessions& operator=(const sessions&) = delete;

  /// Start-up: what the store has, whose expiry begins anew. How many rows cannot be used and are
  /// left out; the store's faults.
  result<std::size_t> restore(contract::state_store& store, std::uint64_t steady_ns);

  void take(const contract::client_event& event, const moment& now);
  /// What became of a will that was due.
  void take(const contract::will_settled& s, std::uint64_t steady_ns) {
    due_wills_.settle(s, steady_ns);
  }
  /// True: no more events may be taken until wills are settled.
  [[nodiscard]] bool full_of_wills() const noexcept { return due_wills_.full(); }
  /// One message of the road, in its order.
  void publish(const model::envelope& e, std::int64_t now_ns);
  /// A command of the ledger, for the client that bears the device's name where that is connected
  /// and has subscribed to one of its topics. `out().told` says whether it was taken.
  void command(const contract::command_delivery& d, std::int64_t now_ns);
  /// Brings retained messages to new subscriptions, a turn's part of them. True: it can go on.
  bool replay(std::int64_t now_ns);
  /// Wills and expiries that are due.
  void on_time(std::uint64_t steady_ns);
  /// When on_time has something to do; steady.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_ns() const;

  /// False: no message would reach anybody, unless it is to be retained.
  [[nodiscard]] bool has_subscriptions() const noexcept { return tree_.size() != 0; }

  [[nodiscard]] effects& out() noexcept { return out_; }

 private:
  struct match {
    std::uint32_t subscriber = 0;
    std::uint8_t qos = 0;
    bool retain_as_published = false;
    std::uint32_t identifier = 0;
  };

  // sessions.cpp: who is here.
  void came(const contract::client_event& event, const contract::client_came& c, const moment& now);
  void went(session& s, const contract::client_went& w, std::uint64_t steady_ns);
  void set_expiry(session& s, std::uint32_t expiry_s);
  void leave(session& s, bool publish_will, std::uint64_t steady_ns);
  void end(session& s);
  void acknowledge(session& s, const contract::acknowledgement& a, std::int64_t now_ns);
  session& make(std::string_view client_id);
  [[nodiscard]] session* find(std::string_view client_id) noexcept;
  [[nodiscard]] session* at(std::uint32_t number) noexcept;
  void set_timer(session& s);
  void set_end(session& s, std::uint64_t steady_ns);
  void publish_will(session& s);
  static std::uint32_t will_delay_s(const session& s) noexcept;
  void store_will(const session& s);
  void let_will_wait(session& s, std::uint64_t due_ns);
  void forget_will(session& s);
  void store(session& s);
  void publish_gauges();

  // subscribing.cpp: what they want.
  void subscribe(session& s, const contract::subscribe_request& r);
  std::uint8_t grant(session& s, const mqtt::subscription& wanted, std::uint32_t identifier);
  [[nodiscard]] bool has_room_for_filter(const session& s, std::string_view filter) const noexcept;
  void count_filter(session& s, std::string_view filter) noexcept;
  void discount_filter(session& s, std::string_view filter) noexcept;
  void unsubscribe(session& s, const contract::unsubscribe_request& r);
  void answer(session& s, mqtt::packet_type type, std::uint16_t packet_id,
              std::string_view reasons);

  // replaying.cpp: what they are shown at first.
  void owe_retained(session& s, std::string_view filter);
  void owe_no_more(session& s, subscription_map::value_type& one);
  void list_replay(session& s);
  void go_on_with_replay(session& s);
  bool replay_to(session& s, std::size_t& looks, std::size_t most_bytes, std::int64_t now_ns);
  static subscription_map::value_type& replayed(session& s);
  [[nodiscard]] bool has_room_for_replay(const session& s, std::size_t weight) const noexcept;
  void send_part(session& s, std::string packets);

  // routing.cpp: what they get.
  void retain(const model::envelope& e);
  void find_matches(const model::envelope& e);
  void route(const mqtt::forward_message_ptr& m, std::int64_t now_ns);
  bool route_to(session& s, mqtt::forward f, std::int64_t now_ns);
  bool push(session& s, mqtt::forward f);
  void count_away(session& s) noexcept;
  bool enqueue(session& s, mqtt::forward f, std::int64_t now_ns);
  void clear_plain() noexcept;
  void add_plain(const session& s, bool retain);
  void send_plain(const mqtt::forward_message_ptr& m, std::int64_t now_ns);
  void send_to_all(const std::shared_ptr<const std::string>& packet,
                   const std::vector<model::connection_ref>& to);
  void count_unsent(mqtt::forwarded outcome, std::size_t clients);
  void pump(session& s, std::int64_t now_ns);
  bool append_next(session& s, const mqtt::outbox::entry& e, std::int64_t now_ns,
                   std::string& packets);
  void send(const session& s, std::string packets, bool may_be_dropped);
  void drop_entry(session& s, const mqtt::outbox::entry& e);
  void store_entry(const session& s, const mqtt::outbox::entry& e);
  void remove_row(std::string_view table, std::string key);

  // commanding.cpp: commands to devices.
  [[nodiscard]] std::optional<mqtt::forward> addressed(const session& s,
                                                       const contract::command_delivery& d,
                                                       std::int64_t now_ns);
  void note_ready(const session& s);
  void finish_command(session& s, const mqtt::forward_message& m, contract::command_result result);
  void tell_too_large(const session& s, const mqtt::forward_message& m);
  void tell_answer(const session& s, const mqtt::forward_message& m,
                   contract::command_result result, std::string why = {});

  const sessions_limits limits_;
  observe::sessions_probe& probe_;
  const copier copy_;
  boost::unordered_flat_map<std::string, std::uint32_t> by_client_id_;
  std::vector<std::unique_ptr<session>> all_;  // by number; null: free
  std::vector<std::uint32_t> free_numbers_;
  std::set<std::pair<std::uint64_t, std::uint32_t>> timers_;  // due, number; at most one a session
  mqtt::subscription_tree tree_;
  std::size_t filter_bytes_ = 0;
  retained_messages retained_;
  std::deque<std::uint32_t> replaying_;  // numbers of sessions that are listed
  std::size_t queued_ = 0;
  std::size_t away_bytes_ = 0;  // of all
  std::size_t waiting_will_bytes_ = 0;
  effects out_;
  due_wills due_wills_;

  // Of the message at hand: its matches, and those among them that all get the same bytes, by what
  // these bytes are (version, RETAIN) and by shard.
  std::vector<match> matches_;
  using targets = std::vector<std::vector<model::connection_ref>>;
  std::vector<targets> plain_;
};

}  // namespace fleetgate::sessions
