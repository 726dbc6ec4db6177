// Any bytes into a session, in any pieces, against a handler that answers at once and against one
// that pauses, answers late, forgets and lets time pass. Whole and in pieces must be the same to
// the first; to both, what is sent is well-formed and what is held is bounded.
// Input: one byte of options (the seed of pieces and moods), then the stream.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <utility>

#include "protocol/mqtt/decode.hpp"
#include "protocol/mqtt/session.hpp"

namespace {

using namespace fleetgate;
using namespace fleetgate::mqtt;

void require(bool holds) {
  if (!holds) std::abort();
}

session_limits small_limits() {
  session_limits l;
  l.receive_maximum = 5;
  l.maximum_packet_size = 4'096;
  l.topic_alias_maximum = 4;
  return l;
}

const session_limits limits = small_limits();

/// What may be in flight: Receive Maximum of messages and as many releases; to a 3.1.1 client also
/// its QoS 2 messages that wait for its PUBREL, one an identifier (docs/ARCHITECTURE.md, Limits).
bool in_flight_is_bounded(const session& s) {
  const std::size_t waiting_for_client = s.version() == protocol_version::v5 ? 0 : 65'535;
  return s.in_flight() <= 2u * limits.receive_maximum + waiting_for_client;
}

/// Everything the server sends can be read by a client.
void check_sent(const std::string& out, protocol_version version) {
  auto rest = as_bytes(out);
  while (!rest.empty()) {
    const auto next = next_frame(rest, 1 << 20);
    const auto* f = std::get_if<frame>(&next);
    require(f != nullptr);
    require(decode(*f, version, receiver::client).has_value());
    rest = rest.subspan(f->size());
  }
}

class prompt final : public session_handler {
 public:
  prompt(session& s, std::string& out) : session_(s), out_(out) {}
  std::string log;

  void on_connect(const connect_request& r) override {
    log.append("C").append(r.client_id);
    session_.accept(r.client_id_assigned_needed ? "assigned" : "", true, out_);
  }
  flow on_publish(const publish_view& p) override {
    require(!p.topic.empty());
    log.append("P").append(p.topic).append(as_text(p.payload));
    if (p.qos != 0) session_.settle(p.packet_id, p.qos, std::nullopt, out_);
    return flow::go_on;
  }
  void on_repeat() override {}
  flow on_release(std::uint16_t id) override {
    log.append("R").append(std::to_string(id));
    session_.complete(id, std::nullopt, out_);
    return flow::go_on;
  }
  flow on_subscribe(const subscribe_packet& p) override {
    log.append("S");
    auto filters = p.filters;
    while (const auto s = next_subscription(filters)) log.append(s->filter);
    return flow::go_on;
  }
  flow on_unsubscribe(const unsubscribe_packet& p) override {
    log.append("U");
    auto filters = p.filters;
    while (const auto f = next_filter(filters)) log.append(*f);
    return flow::go_on;
  }
  flow on_acknowledge(const ack_packet& p) override {
    log.append("A").append(std::to_string(p.packet_id));
    return flow::go_on;
  }
  void on_disconnect(std::uint8_t reason, std::optional<std::uint32_t>) override {
    log.append("D").append(std::to_string(reason));
  }

 private:
  session& session_;
  std::string& out_;
};

std::string run_prompt(byte_view stream, std::minstd_rand* pieces) {
  session s(limits, 0);
  std::string out, pending;
  prompt handler(s, out);
  while (!stream.empty() && !s.closed()) {
    const auto wanted = pieces != nullptr ? std::size_t{1 + (*pieces)() % 40} : stream.size();
    const auto n = std::min(wanted, stream.size());
    pending.append(as_text(stream.first(n)));
    stream = stream.subspan(n);
    const auto p = s.consume(as_bytes(pending), handler, out, 1);
    require(p.consumed <= pending.size());
    require((p.why == session::progress::state::closed) == s.closed());
    pending.erase(0, p.consumed);
    require(in_flight_is_bounded(s));
  }
  check_sent(out, s.version());
  const auto why = s.closed_for() ? to_string(*s.closed_for()) : std::string();
  return handler.log + "|" + out + "|" + why;
}

class moody final : public session_handler {
 public:
  moody(session& s, std::string& out, std::minstd_rand& random)
      : session_(s), out_(out), random_(random) {}

  void on_connect(const connect_request&) override {
    waiting_ = true;
    if (chance(2)) answer_connect();
  }
  flow on_publish(const publish_view& p) override {
    if (chance(4)) return flow::pause;
    if (p.qos != 0) owed_.push_back({p.packet_id, p.qos});
    if (chance(2)) answer_one();
    return flow::go_on;
  }
  void on_repeat() override {}
  flow on_release(std::uint16_t id) override {
    if (chance(4)) return flow::pause;
    owed_.push_back({id, 3});
    if (chance(2)) answer_one();
    return flow::go_on;
  }
  flow on_subscribe(const subscribe_packet&) override { return go_on_or_pause(); }
  flow on_unsubscribe(const unsubscribe_packet&) override { return go_on_or_pause(); }
  flow on_acknowledge(const ack_packet&) override { return go_on_or_pause(); }
  void on_disconnect(std::uint8_t, std::optional<std::uint32_t>) override {}

  void answer_something() {
    if (waiting_) return answer_connect();
    answer_one();
  }
  bool chance(unsigned one_in) { return random_() % one_in == 0; }

 private:
  flow go_on_or_pause() { return chance(4) ? flow::pause : flow::go_on; }
  void answer_connect() {
    waiting_ = false;
    if (chance(16)) return session_.refuse(fault_code::not_authorized, out_);
    session_.accept("assigned", chance(2), out_);
  }
  void answer_one() {
    if (owed_.empty()) return;
    const auto [id, qos] = owed_.front();
    owed_.pop_front();
    const auto why = chance(4) ? std::optional(fault_code::schema_violation) : std::nullopt;
    if (qos == 3) return session_.complete(id, why, out_);
    session_.settle(id, qos, why, out_);
    if (chance(64)) session_.disconnect(fault_code::server_shutting_down, out_);
  }

  session& session_;
  std::string& out_;
  std::minstd_rand& random_;
  std::deque<std::pair<std::uint16_t, std::uint8_t>> owed_;
  bool waiting_ = false;
};

void run_moody(byte_view stream, std::minstd_rand& random) {
  session s(limits, 0);
  std::string out, pending;
  moody handler(s, out, random);
  std::uint64_t now_ns = 0;
  int idle = 0;
  while (!s.closed() && idle < 50) {
    const auto n = std::min<std::size_t>(random() % 40, stream.size());
    pending.append(as_text(stream.first(n)));
    stream = stream.subspan(n);
    now_ns += random() % 1'000'000'000;
    const auto p = s.consume(as_bytes(pending), handler, out, now_ns);
    require(p.consumed <= pending.size());
    pending.erase(0, p.consumed);
    require(in_flight_is_bounded(s));
    require(s.heap_bytes() < 512 * 1024);
    if (handler.chance(2)) handler.answer_something();
    if (handler.chance(8)) (void)s.on_time(now_ns + random() % 100'000'000'000, out);
    if (stream.empty()) ++idle;
  }
  check_sent(out, s.version());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const byte_view stream(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  std::minstd_rand random(data[0] + 1u);
  require(run_prompt(stream, nullptr) == run_prompt(stream, &random));
  run_moody(stream, random);
  return 0;
}
