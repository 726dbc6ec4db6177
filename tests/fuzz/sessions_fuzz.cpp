// Any sequence of what clients, the road and time can do to the sessions brain, with kill -9
// between any two steps. Each packet is one that its client can read, takes and has room for;
// nothing goes to who is not there; the store is never damaged, agrees with what is held, and is
// empty when all sessions have ended. Input: steps, each a byte that says what, and the bytes that
// it needs.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "actors/sessions/copied_message.hpp"
#include "actors/sessions/sessions.hpp"
#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/encode.hpp"

namespace {

using namespace fleetgate;
using mqtt::packet_type;
using mqtt::protocol_version;

void require(bool holds, int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "line %d\n", line);  // all of them end in the same place
  std::abort();
}

constexpr std::int64_t second = 1'000'000'000;
constexpr std::size_t clients = 4;
constexpr std::size_t most_steps = 400;

sessions::sessions_limits small_limits() {
  sessions::sessions_limits l;
  l.queue = {5, 400, 3};
  l.subscriptions_per_session = 4;
  l.subscriptions = 10;
  l.filter_bytes_per_session = 8;
  l.filter_bytes = 1500;
  l.away_queue_bytes = 2000;
  l.retained_messages = 3;
  l.retained_bytes = 300;
  return l;
}

const sessions::sessions_limits limits = small_limits();

class table_store final : public contract::state_store {
 public:
  result<void> apply(const std::vector<contract::state_change>& changes) override {
    for (const auto& c : changes) {
      if (c.value)
        rows[c.table][c.key] = *c.value;
      else
        rows[c.table].erase(c.key);
    }
    return {};
  }
  result<std::optional<std::string>> get(std::string_view, std::string_view) override {
    return std::optional<std::string>{};
  }
  result<void> scan(std::string_view table,
                    const std::function<void(std::string_view, std::string_view)>& visit) override {
    for (const auto& [key, value] : rows[std::string(table)]) visit(key, value);
    return {};
  }
  std::map<std::string, std::map<std::string, std::string>> rows;
};

/// A client, and what it knows of the connection it has.
struct client {
  std::string id;
  contract::client_came how;
  std::uint64_t generation = 0;  // 0: it is away
  std::uint64_t before = 0;      // its connection before this one
  bool is_unknown = false;       // the stage has nothing of it until its first request
  bool owes_word = false;        // of a part of retained messages
  struct exchange {
    std::uint8_t qos = 0;
    bool is_released = false;
  };
  std::map<std::uint16_t, exchange> open;  // what it was sent and has not answered to its end

  [[nodiscard]] std::size_t window() const {
    return std::min<std::size_t>(how.receive_maximum, limits.queue.in_flight);
  }
  /// What its answer means to itself.
  void answers(packet_type type, std::uint16_t packet_id, std::uint8_t reason) {
    const auto at = open.find(packet_id);
    if (at == open.end() || (type == packet_type::puback) != (at->second.qos == 1)) return;
    const bool is_over = type == packet_type::puback || reason >= 0x80 ||
                         (type == packet_type::pubcomp && at->second.is_released);
    if (is_over)
      open.erase(at);
    else if (type == packet_type::pubrec)
      at->second.is_released = true;
  }
};

class world {
 public:
  world(const std::uint8_t* data, std::size_t size) : input_(data), left_(size) {
    for (std::size_t i = 0; i < clients; ++i)
      all_[i].id = std::string(1, static_cast<char>('a' + i));
    start();
  }

  void run() {
    for (std::size_t step = 0; left_ != 0 && step < most_steps; ++step) {
      switch (byte() % 10) {
        case 0:
          come(any());
          break;
        case 1:
          go(any());
          break;
        case 2:
          subscribe(any());
          break;
        case 3:
          unsubscribe(any());
          break;
        case 4:
          acknowledge(any());
          break;
        case 5:
          publish();
          break;
        case 6:
          pass(byte());
          break;
        case 7:
          restart();
          break;
        case 8:
          speak_late(any());
          break;
        case 9:
          say_word(any());
          break;
      }
      settle();
    }
    finish();
  }

 private:
  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *input_++;
  }
  template <class T, std::size_t N>
  const T& pick(const T (&from)[N]) {
    return from[byte() % N];
  }
  client& any() { return all_[byte() % clients]; }

  void start() {
    probe_ = std::make_unique<observe::sessions_probe>();
    brain_ = std::make_unique<sessions::sessions>(
        limits, 1, *probe_, [](const model::envelope& e) -> mqtt::forward_message_ptr {
          if (e.payload.size() == 7) return nullptr;  // no memory
          return std::make_shared<mqtt::forward_message>(sessions::copied(e));
        });
    require(brain_->restore(store_, steady_ns()) == 0u);
    require(rows("retained") == static_cast<std::size_t>(probe_->retained.value()));
    require(rows("subscriber_queue") == static_cast<std::size_t>(probe_->queued.value()));
  }
  void restart() {
    under_way_.clear();
    for (auto& c : all_) c.generation = 0;
    start();
  }

  [[nodiscard]] std::uint64_t steady_ns() const { return static_cast<std::uint64_t>(now_ns_); }
  [[nodiscard]] sessions::moment now() const { return {steady_ns(), now_ns_}; }
  void tell(client& c, decltype(contract::client_event::what) what) {
    brain_->take({{0, 0, c.generation}, c.id, std::move(what)}, now());
  }
  void come(client& c) {
    const auto flags = byte();
    auto& how = c.how;
    how = {};
    how.terms.version = (flags & 1) != 0 ? protocol_version::v5 : protocol_version::v3_1_1;
    how.clean_start = (flags & 2) != 0;
    how.session_expiry_s = pick<std::uint32_t>({0, 3, 100, sessions::never_expires});
    if (how.terms.version == protocol_version::v5) {
      how.receive_maximum = pick<std::uint16_t>({1, 2, 65'535});
      how.terms.maximum_packet_size = pick<std::uint32_t>({12, 40, 0xFFFF'FFFF});
      how.topic_alias_maximum = pick<std::uint16_t>({0, 1, 5});
    }
    if ((flags & 4) != 0) {
      auto will = std::make_shared<contract::will>();
      will->message.topic = "a/will";
      will->message.qos = flags >> 3 & 1;
      will->delay_s = pick<std::uint32_t>({0, 2, 50});
      how.last_will = std::move(will);
    }
    c.before = std::exchange(c.generation, ++last_generation_);
    c.open.clear();
    c.owes_word = false;
    c.is_unknown = how.clean_start && how.session_expiry_s == 0 && !how.last_will;
    tell(c, how);
  }
  void go(client& c) {
    if (c.generation == 0) return;
    const bool with_will = byte() % 2 == 0;
    const auto other = pick<std::uint32_t>({0, 7, sessions::never_expires});
    const auto expiry_s = with_will || c.how.session_expiry_s == 0 ? c.how.session_expiry_s : other;
    tell(c, contract::client_went{with_will, expiry_s});
    c.before = std::exchange(c.generation, 0);
  }
  void make_known(client& c) {
    if (!std::exchange(c.is_unknown, false)) return;
    auto how = c.how;
    how.clean_start = false;
    tell(c, how);
  }
  std::string_view filter() {
    return pick<std::string_view>({"a", "a/b", "a/#", "#", "+/b", "$x/#", "$share/g/a", "a/will"});
  }
  void subscribe(client& c) {
    if (c.generation == 0) return;
    make_known(c);
    std::string filters;
    for (auto n = 1 + byte() % 3; n > 0; --n) {
      const auto options = byte();
      append(
          mqtt::subscription{filter(), static_cast<std::uint8_t>(options % 3), (options & 4) != 0,
                             (options & 8) != 0, static_cast<std::uint8_t>(options / 16 % 3)},
          filters);
    }
    tell(c, contract::subscribe_request{1, byte() % 3u, filters});
  }
  void unsubscribe(client& c) {
    if (c.generation == 0) return;
    make_known(c);
    std::string filters;
    for (auto n = 1 + byte() % 2; n > 0; --n) mqtt::append_filter(filter(), filters);
    tell(c, contract::unsubscribe_request{2, filters});
  }
  void acknowledge(client& c) {
    if (c.generation == 0) return;
    const auto type = pick({packet_type::puback, packet_type::pubrec, packet_type::pubcomp});
    std::uint16_t id = 1 + byte() % 100;  // never 0: mqtt::session sees to that
    if (id % 4 != 0 && !c.open.empty()) id = c.open.begin()->first;
    const std::uint8_t reason = byte() % 4 == 0 && type != packet_type::pubcomp ? 0x80 : 0;
    c.answers(type, id, reason);
    if (type == packet_type::pubrec) recorded_ = id;
    tell(c, contract::acknowledgement{type, id, reason});
  }
  void publish() {
    static const std::string payload(40, 'p');
    mqtt::property_list props;
    if (byte() % 3 == 0) props.add(mqtt::property_id::message_expiry_interval, byte() % 5u);
    model::envelope e;
    e.topic = pick<std::string_view>({"a", "a/b", "b", "$x/y", "a/will"});
    e.payload = as_bytes(payload).first(byte() % 41u);
    e.qos = byte() % 3;
    e.retain = byte() % 3 == 0;
    e.received_time_ns = now_ns_;
    e.client_id = all_[byte() % clients].id;
    const std::string kept(as_text(props.view().bytes()));
    e.properties = kept;
    brain_->publish(e, now_ns_);
  }
  void pass(std::uint8_t seconds) {
    now_ns_ += seconds * second;
    settle_will(seconds % 2 == 0);
    brain_->on_time(steady_ns());
    const auto next = brain_->next_deadline_ns();
    require(!next || *next > steady_ns());
  }
  /// Of a connection that is not the client's any more.
  void speak_late(client& c) {
    if (c.before == 0) return;
    const model::connection_ref old{0, 0, c.before};
    brain_->take({old, c.id, contract::acknowledgement{packet_type::puback, byte(), 0}}, now());
    brain_->take({old, c.id, contract::client_went{byte() % 2 == 0, 0}}, now());
  }

  /// Its connection has sent what it was to say a word of; or says so without being asked.
  void say_word(client& c) {
    if (c.generation == 0 || c.is_unknown) return;
    c.owes_word = false;
    tell(c, contract::delivery_sent{});
  }

  void settle_will(bool kept) {
    if (under_way_.empty()) return;
    brain_->take(contract::will_settled{*under_way_.begin(), kept}, steady_ns());
    under_way_.erase(under_way_.begin());
  }

  void settle() {
    do settle_turn();
    while (brain_->replay(now_ns_) || !brain_->out().deliveries.empty());
  }
  /// What the actor does: changes first, then what goes out.
  void settle_turn() {
    auto& out = brain_->out();
    require(store_.apply(out.changes).has_value());
    out.changes.clear();
    for (const auto& [number, d] : out.deliveries) {
      require(number == 0 && !d.to.empty());
      for (const auto& ref : d.to) receive(ref, as_bytes(*d.packets), d);
    }
    out.deliveries.clear();
    out.bytes = 0;
    recorded_.reset();
    for (const auto& [shard, w] : std::exchange(out.wills, {})) {
      require(shard == 0 && w.what->message.topic == "a/will");
      require(under_way_.insert(w.number).second);  // each has one receipt
    }
    const auto queued = static_cast<std::size_t>(probe_->queued.value());
    require(queued <= clients * limits.queue.messages && rows("subscriber_queue") <= queued);
    require(static_cast<std::size_t>(probe_->subscriptions.value()) <= limits.subscriptions);
    require(static_cast<std::size_t>(probe_->filter_bytes.value()) <= limits.filter_bytes);
    require(static_cast<std::size_t>(probe_->retained.value()) <= limits.retained_messages);
    require(static_cast<std::size_t>(probe_->retained_bytes.value()) <= limits.retained_bytes);
    require(static_cast<std::size_t>(probe_->sessions.value()) <= clients);
  }

  void receive(const model::connection_ref& ref, byte_view bytes, const contract::delivery& d) {
    const auto to = std::find_if(all_.begin(), all_.end(),
                                 [&](const client& c) { return c.generation == ref.generation; });
    require(to != all_.end() && !to->is_unknown);
    require(!d.wants_word || !std::exchange(to->owes_word, true));  // one part at a time
    const auto& terms = to->how.terms;
    while (!bytes.empty()) {
      const auto next = mqtt::next_frame(bytes, 1 << 20);
      const auto* f = std::get_if<mqtt::frame>(&next);
      require(f != nullptr);
      const auto packet = mqtt::decode(*f, terms.version, mqtt::receiver::client);
      require(packet.has_value());
      if (const auto* p = std::get_if<mqtt::publish_packet>(&*packet)) {
        require(f->size() <= terms.maximum_packet_size);
        require((d.may_be_dropped || d.wants_word) == (p->qos == 0));
        require(p->props.number(mqtt::property_id::topic_alias).value_or(0) <=
                to->how.topic_alias_maximum);
        if (p->qos != 0) require(to->open.emplace(p->packet_id, client::exchange{p->qos}).second);
      } else if (const auto* a = std::get_if<mqtt::ack_packet>(&*packet)) {
        require(a->type == packet_type::pubrel);
        // Of a message that another connection was sent; or the answer to a PUBREC, which 3.1.1
        // gets for one that is unknown too.
        if (a->packet_id != recorded_) to->open[a->packet_id] = {2, true};
      }
      require(to->open.size() <= to->window());
      bytes = bytes.subspan(f->size());
    }
  }

  /// Everybody goes, and time passes until all that can end has ended.
  void finish() {
    for (auto& c : all_) {
      if (c.generation == 0) continue;
      tell(c, contract::client_went{true, c.how.session_expiry_s == 0 ? 0u : 1u});
      c.generation = 0;
      settle();
    }
    for (int i = 0; i < 3; ++i) {
      pass(255);
      settle();
    }
    require(rows("subscriber_wills") == 0);
    restart();
    settle();
    require(rows("subscriber_due_wills") == under_way_.size());
    while (!under_way_.empty()) settle_will(true);
    settle();
    require(rows("subscriber_due_wills") == 0);
    // A clean start ends those that never expire.
    for (auto& c : all_) {
      c.generation = ++last_generation_;
      tell(c, contract::client_came{});
      settle();
    }
    require(rows("subscribers") + rows("subscriber_queue") + rows("subscriber_wills") == 0);
    require(!brain_->has_subscriptions() && probe_->queued.value() == 0);
    require(probe_->filter_bytes.value() == 0 && probe_->away_queue_bytes.value() == 0);
  }

  std::size_t rows(const char* table) { return store_.rows[table].size(); }

  const std::uint8_t* input_;
  std::size_t left_;
  std::array<client, clients> all_;
  table_store store_;
  std::unique_ptr<observe::sessions_probe> probe_;
  std::unique_ptr<sessions::sessions> brain_;
  std::int64_t now_ns_ = 1'000 * second;
  std::uint64_t last_generation_ = 0;
  std::set<std::uint64_t> under_way_;      // wills without a receipt
  std::optional<std::uint16_t> recorded_;  // the identifier of this step's PUBREC
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  world(data, size).run();
  return 0;
}
