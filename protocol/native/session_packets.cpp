#include <algorithm>
#include <string>

#include "protocol/native/decode.hpp"
#include "protocol/native/encode.hpp"
#include "protocol/native/session.hpp"

// What each frame of a device does to the session.
namespace fleetgate::native {

std::optional<decode_fault> session::refused_from_type(frame_type type) const noexcept {
  const auto refused = [](std::string_view what) {
    return decode_fault{fault_code::protocol_error, length_size + 1, what};
  };
  if (stage_ == stage::before_hello) {
    if (type == frame_type::hello) return std::nullopt;
    return refused("the first frame is no hello");
  }
  if (type == frame_type::hello) return refused("a second hello");
  if (!may_receive(receiver::server, type)) return refused("only a server sends this");
  return std::nullopt;
}

flow session::take(const frame& f, session_handler& handler, std::string& out) {
  switch (f.type) {
    case frame_type::hello:
      take_hello(f, handler, out);
      break;
    case frame_type::publish:
      return take_publish(f, handler, out);
    case frame_type::batch:
      return take_batch(f, handler, out);
    case frame_type::command_ack:
      take_command_ack(f, handler, out);
      break;
    case frame_type::ping:
    case frame_type::pong:
      take_ping(f, out);
      break;
    case frame_type::goodbye:
      take_goodbye(f, handler, out);
      break;
    case frame_type::welcome:
    case frame_type::ack:
    case frame_type::command:
    case frame_type::redirect:
      break;  // refused from their type
  }
  return flow::go_on;
}

void session::take_hello(const frame& f, session_handler& handler, std::string& out) {
  const auto hello = decode_hello(f);
  if (!hello) return fail(hello.error(), out);
  stage_ = stage::waiting;
  version_ = std::min(hello->highest, highest_version);
  device_ = hello->device;
  boot_ = hello->boot;
  device_maximum_frame_ = hello->maximum_frame;
  keep_alive_s_ = hello->keep_alive_s;
  const auto longest = limits_->maximum_keep_alive_s;
  if (longest != 0 && (keep_alive_s_ == 0 || keep_alive_s_ > longest)) keep_alive_s_ = longest;
  handler.on_hello({version_, keep_alive_s_, *hello});
}

flow session::take_publish(const frame& f, session_handler& handler, std::string& out) {
  auto p = decode_publish(f);
  if (!p) [[unlikely]] {
    fail(p.error(), out);
    return flow::go_on;
  }
  const auto stream = open_stream(p->header, out);
  if (!stream) return flow::go_on;
  return offer(*stream, p->header, p->message, handler, out);
}

/// Where the handler pauses within a batch, the frame stays in front, and the messages that were
/// taken are passed over when it comes again. So it is decoded again, too, and the messages of one
/// that could never be taken as a whole are not offered at all.
flow session::take_batch(const frame& f, session_handler& handler, std::string& out) {
  auto b = decode_batch(f);
  if (!b) [[unlikely]] {
    fail(b.error(), out);
    return flow::go_on;
  }
  const auto stream = open_stream(b->header, out);
  if (!stream) return flow::go_on;
  if (b->payloads.count > limits_->credits[model::index(b->header.cls)].messages) {
    refuse_admission(admission::over_message_credit, b->header, b->first_sequence, out);
    return flow::go_on;
  }
  batch_cursor messages(*b);
  for (std::uint32_t i = 0; i < batch_taken_; ++i) (void)messages.next();
  while (const auto m = messages.next()) {
    if (offer(*stream, b->header, *m, handler, out) == flow::pause) return flow::pause;
    if (closed()) break;
    ++batch_taken_;
  }
  batch_taken_ = 0;
  return flow::go_on;
}

/// Fills in what the header leaves to the hello. Nothing: the session was closed.
std::optional<in_flight::stream_number> session::open_stream(message_header& h, std::string& out) {
  const auto named_device = h.device;
  const auto named_boot = h.boot;
  if (h.device.empty()) h.device = device_;
  if (!h.boot) h.boot = boot_;
  if (h.topic.empty()) {
    topic_.assign("devices/").append(h.device);
    if (!h.stream.empty()) topic_.append("/").append(h.stream);
    h.topic = topic_;
  }
  const auto stream = streams_->open(h, named_device, named_boot);
  if (!stream) {
    fail(fault(fault_code::quota_exceeded, "more than " + std::to_string(limits_->maximum_streams) +
                                               " streams have messages in flight"),
         std::nullopt, out);
  } else if (streams_->class_of(*stream) != h.cls) {
    fail(fault(fault_code::protocol_error, "stream " + std::string(h.stream) + " is of class " +
                                               std::string(to_string(streams_->class_of(*stream))) +
                                               " on this connection"),
         std::nullopt, out);
    return std::nullopt;
  }
  return stream;
}

flow session::offer(in_flight::stream_number stream, const message_header& h, const message& m,
                    session_handler& handler, std::string& out) {
  const auto t = streams_->admit(stream, m.sequence, m.payload.size());
  if (t.what != admission::admitted) [[unlikely]] {
    refuse_admission(t.what, h, m.sequence, out);
    return flow::go_on;
  }
  if (handler.on_publish({h, m, t.ticket}) == flow::go_on || closed()) {
    return flow::go_on;
  }
  streams_->withdraw(t);
  return flow::pause;
}

void session::refuse_admission(admission what, const message_header& h, std::uint64_t sequence,
                               std::string& out) {
  const auto& granted = limits_->credits[model::index(h.cls)];
  const std::string cls(to_string(h.cls));
  const auto over = [&](std::uint64_t number, const char* of_what) {
    fail(fault(fault_code::receive_maximum_exceeded,
               "class " + cls + " has credit for " + std::to_string(number) + of_what),
         std::nullopt, out);
  };
  switch (what) {
    case admission::admitted:
      return;
    case admission::over_message_credit:
      return over(granted.messages, " messages in flight");
    case admission::over_byte_credit:
      return over(granted.bytes, " bytes in flight");
    case admission::not_rising:
      return fail(
          fault(fault_code::protocol_error,
                "sequence " + std::to_string(sequence) + " of stream " + std::string(h.stream) +
                    " does not rise, and was not refused with retry_after"),
          std::nullopt, out);
  }
}

void session::take_command_ack(const frame& f, session_handler& handler, std::string& out) {
  const auto p = decode_command_ack(f);
  if (!p) return fail(p.error(), out);
  handler.on_command_ack(*p);
}

void session::take_ping(const frame& f, std::string& out) {
  auto p = decode_ping(f);
  if (!p) return fail(p.error(), out);
  if (p->type == frame_type::pong) return;
  streams_->shrink();  // only an idle device pings
  p->type = frame_type::pong;
  encode(*p, out);
}

void session::take_goodbye(const frame& f, session_handler& handler, std::string& out) {
  const auto p = decode_goodbye(f);
  if (!p) return fail(p.error(), out);
  flush(out);
  close();
  handler.on_goodbye(*p);
}

}  // namespace fleetgate::native
