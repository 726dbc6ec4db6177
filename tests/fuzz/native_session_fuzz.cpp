// Any bytes into a native session, in any pieces, against a handler that answers at once and
// against one that pauses, answers late, refuses, forgets and lets time pass. Whole and in pieces
// must be the same to the first; to both, what is sent is well-formed and what is held is bounded.
// Input: one byte of options (the seed of pieces and moods), then the stream.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>

#include "protocol/native/decode.hpp"
#include "protocol/native/session.hpp"

namespace {

using namespace fleetgate;
using namespace fleetgate::native;

void require(bool holds) {
  if (!holds) std::abort();
}

session_limits small_limits() {
  session_limits l;
  l.node = "node";
  l.credits = {{{2, 64}, {2, 64}, {4, 256}, {8, 1024}}};
  l.maximum_frame = 4'096;
  l.maximum_streams = 4;
  return l;
}

const session_limits limits = small_limits();
constexpr std::size_t all_credit = 2 + 2 + 4 + 8;

/// Everything the server sends can be read by a device that takes no more than it must.
void check_sent(const std::string& out) {
  auto rest = as_bytes(out);
  while (!rest.empty()) {
    const auto next = next_frame(rest, minimum_frame_limit);
    const auto* f = std::get_if<frame>(&next);
    require(f != nullptr);
    require(decode(*f, receiver::client).has_value());
    rest = rest.subspan(f->size());
  }
}

class prompt final : public session_handler {
 public:
  prompt(session& s, std::string& out) : session_(s), out_(out) {}
  std::string log;

  void on_hello(const hello_request& r) override {
    log.append("H").append(r.hello.device);
    session_.accept({}, out_);
  }
  flow on_publish(const publish_view& p) override {
    require(!p.header.topic.empty() && !p.header.device.empty() && p.ticket != 0);
    log.append("P").append(p.header.topic).append(as_text(p.message.payload));
    session_.settle(p.ticket, std::nullopt, std::nullopt, out_);
    return flow::go_on;
  }
  void on_command_ack(const command_ack_packet& p) override { log.append("A").append(p.id); }
  void on_goodbye(const goodbye_packet& p) override {
    log.append("G").append(std::to_string(p.code));
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
  }
  s.flush(out);
  check_sent(out);
  const auto why = s.closed_for() ? to_string(*s.closed_for()) : std::string();
  return handler.log + "|" + out + "|" + why;
}

class moody final : public session_handler {
 public:
  moody(session& s, std::string& out, std::minstd_rand& random)
      : session_(s), out_(out), random_(random) {}

  void on_hello(const hello_request&) override {
    waiting_ = true;
    if (chance(2)) answer_hello();
  }
  flow on_publish(const publish_view& p) override {
    if (chance(4)) return flow::pause;
    owed_.push_back(p.ticket);
    if (chance(2)) answer_one();
    return flow::go_on;
  }
  void on_command_ack(const command_ack_packet&) override {}
  void on_goodbye(const goodbye_packet&) override {}

  void answer_something() {
    if (waiting_) return answer_hello();
    answer_one();
    if (chance(4)) session_.flush(out_);
    if (chance(8)) (void)session_.command({"id", "name", {}, 5, {}}, out_);
  }
  bool chance(unsigned one_in) { return random_() % one_in == 0; }

 private:
  void answer_hello() {
    waiting_ = false;
    if (chance(16)) return session_.refuse(fault_code::not_authorized, std::nullopt, out_);
    if (chance(16)) return session_.redirect("b:1884", 5, out_);
    const settled_stream known[] = {{"s", 3}};
    session_.accept(known, out_);
  }
  void answer_one() {
    if (owed_.empty()) return;
    const auto at = owed_.begin() + static_cast<std::ptrdiff_t>(random_() % owed_.size());
    const auto ticket = *at;
    owed_.erase(at);
    if (chance(4)) return session_.settle(ticket, fault_code::server_busy, 9, out_);
    const auto why = chance(4) ? std::optional(fault_code::schema_violation) : std::nullopt;
    session_.settle(ticket, why, std::nullopt, out_);
    if (chance(64)) session_.disconnect(fault_code::server_shutting_down, 1, out_);
  }

  session& session_;
  std::string& out_;
  std::minstd_rand& random_;
  std::deque<std::uint16_t> owed_;
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
    require(s.in_flight() <= all_credit);
    require(s.heap_bytes() < 32 * 1024);
    if (handler.chance(2)) handler.answer_something();
    if (handler.chance(8)) (void)s.on_time(now_ns + random() % 100'000'000'000, out);
    if (stream.empty()) ++idle;
  }
  s.flush(out);
  check_sent(out);
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
