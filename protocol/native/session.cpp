#include "protocol/native/session.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/native/decode.hpp"
#include "protocol/native/encode.hpp"

namespace fleetgate::native {
namespace {

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

/// What a welcome has besides the streams that it names and one stream's own numbers.
constexpr std::size_t welcome_overhead = 512;

std::uint64_t hello_timeout_ns(const session_limits& limits) noexcept {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(limits.hello_timeout).count());
}

}  // namespace

session::session(const session_limits& limits, std::uint64_t now_ns) noexcept
    : limits_(&limits), life_sign_ns_(now_ns) {}

session::progress session::consume(byte_view input, session_handler& handler, std::string& out,
                                   std::uint64_t now_ns) {
  using state = progress::state;
  if (hold_ != hold::none) {
    hold_ = hold::none;
    life_sign_ns_ = std::max(life_sign_ns_, now_ns);
  }
  std::size_t consumed = 0;
  while (stage_ != stage::closed) {
    const auto rest = input.subspan(consumed);
    if (stage_ == stage::waiting) {
      hold_ = hold::until_asked;
      return {consumed, state::waiting};
    }
    if (rest.empty()) return {consumed, state::need_more};
    const auto maximum = stage_ == stage::connected ? limits_->maximum_frame : maximum_hello_size;
    const auto next = next_frame(rest, maximum);
    if (const auto* bad = std::get_if<decode_fault>(&next)) {
      fail(*bad, out);
      break;
    }
    const auto type = announced_type(rest);
    if (const auto refused = type ? refused_from_type(*type) : std::nullopt) {
      fail(*refused, out);
      break;
    }
    const auto* f = std::get_if<frame>(&next);
    if (f == nullptr) return {consumed, state::need_more};
    if (take(*f, handler, out) == flow::pause) {
      hold_ = hold::until_consume;
      return {consumed, state::paused};
    }
    if (stage_ == stage::closed && closed_for_) break;
    consumed += f->size();
    life_sign_ns_ = now_ns;
  }
  return {consumed, state::closed};
}

void session::accept(std::span<const settled_stream> settled, std::string& out) {
  if (stage_ != stage::waiting) return;  // the answer came too late
  stage_ = stage::connected;
  streams_ = std::make_unique<native::in_flight>(limits_->credits, limits_->maximum_streams);
  welcome_packet w;
  w.version = version_;
  w.node = limits_->node;
  w.keep_alive_s = keep_alive_s_;
  w.maximum_frame = limits_->maximum_frame;
  w.credits = limits_->credits;
  list_bytes known;
  for (const auto& s : settled) {
    if (known.elements.size() + s.stream.size() + welcome_overhead > device_maximum_frame_) break;
    append_settled(s, known);
  }
  w.settled = known.of();
  encode(w, out);
}

void session::disconnect(fault_code why, std::optional<std::uint32_t> retry_after_ms,
                         std::string& out) {
  fail(fault(why), retry_after_ms, out);
}

void session::redirect(std::string_view endpoint, std::optional<std::uint32_t> retry_after_ms,
                       std::string& out) {
  if (stage_ == stage::closed || stage_ == stage::before_hello) return;
  flush(out);
  encode(redirect_packet{endpoint, retry_after_ms, {}}, out);
  close();
}

void session::settle(std::uint16_t ticket, std::optional<fault_code> why,
                     std::optional<std::uint32_t> retry_after_ms, std::string& out) {
  if (streams_ && streams_->settle(ticket, why, retry_after_ms)) streams_->flush(out);
}

bool session::has_news() const noexcept {
  return streams_ && streams_->has_news();
}

void session::flush(std::string& out) {
  if (streams_) streams_->flush(out);
}

session::sending session::command(const command_packet& c, std::string& out) {
  if (stage_ != stage::connected) return sending::not_connected;
  const auto before = out.size();
  encode(c, out);
  if (out.size() - before <= device_maximum_frame_) return sending::sent;
  out.resize(before);
  return sending::too_large;
}

std::uint64_t session::deadline_ns() const noexcept {
  switch (stage_) {
    case stage::before_hello:
    case stage::waiting:
      return life_sign_ns_ + hello_timeout_ns(*limits_);
    case stage::connected:
      break;
    case stage::closed:
      return never;
  }
  if (keep_alive_s_ == 0) return never;
  return life_sign_ns_ + keep_alive_s_ * std::uint64_t{1'500'000'000};
}

bool session::on_time(std::uint64_t now_ns, std::string& out) {
  if (stage_ == stage::closed) return true;
  if (stage_ == stage::waiting || hold_ != hold::none) {
    life_sign_ns_ = std::max(life_sign_ns_, now_ns);
    if (stage_ == stage::connected && hold_ == hold::until_asked) hold_ = hold::none;
    return false;
  }
  if (now_ns < deadline_ns()) return false;
  const bool late_hello = stage_ == stage::before_hello;
  fail(fault(late_hello ? fault_code::connect_timeout : fault_code::keep_alive_timeout),
       std::nullopt, out);
  return true;
}

std::size_t session::heap_bytes() const noexcept {
  const auto streams = streams_ ? sizeof(native::in_flight) + streams_->heap_bytes() : 0;
  return streams + device_.capacity() + topic_.capacity();
}

void session::fail(const decode_fault& why, std::string& out) {
  fail(fault(why.code, std::string(why.what) + " at byte " + std::to_string(why.offset)),
       std::nullopt, out);
}

/// What was settled is told before the goodbye.
void session::fail(fault why, std::optional<std::uint32_t> retry_after_ms, std::string& out) {
  if (stage_ == stage::closed) return;
  flush(out);
  const auto& known = describe(why.code);
  const auto explanation = to_string(why);
  encode(goodbye_packet{known.mqtt_reason, known.name, retry_after_ms,
                        std::string_view(explanation).substr(0, maximum_explanation_bytes)},
         out);
  closed_for_ = std::move(why);
  close();
}

void session::close() noexcept {
  stage_ = stage::closed;
  hold_ = hold::none;
  streams_.reset();
  topic_ = std::string();
}

}  // namespace fleetgate::native
