#include "protocol/native/decode.hpp"

#include "protocol/native/field_reader.hpp"

namespace fleetgate::native {
namespace {

constexpr auto malformed = fault_code::malformed_packet;
constexpr std::size_t any_count = static_cast<std::size_t>(-1);

/// A frame's fields, and the packet or the fault that they become.
class packet_reader {
 public:
  explicit packet_reader(const frame& f) noexcept
      : values_(f.body, f.header_size), fields_(values_, f.fields) {}

  field_reader* operator->() noexcept { return &fields_; }
  [[nodiscard]] value_reader& values() noexcept { return values_; }
  void require(bool holds, fault_code code, std::string_view what) noexcept {
    values_.require(holds, code, what);
  }

  /// Turns `result` into the fault, where something was wrong or is left over.
  template <class Packet>
  void finish(decoded<Packet>& result) noexcept {
    fields_.pass_rest();
    require(values_.remaining() == 0, malformed, "bytes after the frame's last field");
    if (!values_.ok()) [[unlikely]]
      result = tl::unexpected<decode_fault>(values_.why());
  }

 private:
  value_reader values_;
  field_reader fields_;
};

/// Names become parts of topics, where a wildcard would be none.
bool has_wildcard(std::string_view s) noexcept {
  return s.find_first_of("+#") != std::string_view::npos;
}

void check_stream(packet_reader& in, std::string_view stream) noexcept {
  in.require(!has_wildcard(stream), fault_code::topic_name_invalid, "+ or # in a stream's name");
}

void check_device(packet_reader& in, std::string_view device) noexcept {
  in.require(device.find_first_of("+#/") == std::string_view::npos,
             fault_code::client_identifier_not_valid, "+, # or / in a device's name");
}

model::traffic_class read_class(packet_reader& in) noexcept {
  return static_cast<model::traffic_class>(in->number(model::traffic_class_count - 1));
}

/// The fields of publish and batch around their messages.
void read_head(packet_reader& in, message_header& h) noexcept {
  h.cls = read_class(in);
  h.stream = in->text(maximum_stream_bytes);
  check_stream(in, h.stream);
}
void read_description(packet_reader& in, message_header& h) noexcept {
  h.topic = in->optional_text(maximum_topic_bytes);
  in.require(!has_wildcard(h.topic), fault_code::topic_name_invalid, "+ or # in a topic");
  h.content_type = in->optional_text(maximum_content_type_bytes);
}
void read_origin(packet_reader& in, std::string_view& device,
                 std::optional<std::uint64_t>& boot) noexcept {
  device = in->optional_text(maximum_device_bytes);
  check_device(in, device);
  boot = in->optional_number(maximum_key_number);
}

/// A number, of sequences that follow each other, or an array of rising ones.
void read_sequences(packet_reader& in, batch_packet& b) noexcept {
  if (!in->must()) return;
  auto& values = in.values();
  if (!values.at_array()) {
    b.first_sequence = values.number(maximum_key_number);
    return;
  }
  std::optional<std::uint64_t> before;
  b.sequences = in->elements(any_count, 1, [&](value_reader& v) {
    const auto n = v.number(maximum_key_number);
    v.require(!before || n > *before, malformed, "sequences of a batch must rise");
    before = n;
  });
  in.require(!b.sequences.empty(), malformed, "a batch without sequences");
}

/// `one` reads a value; nil is allowed in its place.
template <class One>
auto or_nil(One one) noexcept {
  return [one](value_reader& v) {
    if (!v.nil()) one(v);
  };
}

credit read_credit(value_reader& in) noexcept {
  field_reader fields(in, in.array());
  credit c;
  c.messages = static_cast<std::uint32_t>(fields.number(0xFFFF'FFFF));
  c.bytes = fields.number(maximum_key_number);
  fields.pass_rest();
  return c;
}

}  // namespace

settled_stream read_settled(value_reader& in) noexcept {
  field_reader fields(in, in.array());
  settled_stream s;
  s.stream = fields.text(maximum_stream_bytes);
  s.up_to = fields.number(maximum_key_number);
  fields.pass_rest();
  return s;
}

sequence_range read_range(value_reader& in) noexcept {
  sequence_range r;
  r.first = in.number(maximum_key_number);
  r.last = in.number(maximum_key_number);
  in.require(r.first <= r.last, malformed, "a range ends before it begins");
  return r;
}

nack read_nack(value_reader& in) noexcept {
  field_reader fields(in, in.array());
  nack n;
  n.sequence = fields.number(maximum_key_number);
  n.code = static_cast<std::uint8_t>(fields.number(0xFF));
  n.name = fields.text(maximum_name_bytes);
  n.retry_after_ms = fields.optional_ms();
  fields.pass_rest();
  return n;
}

decoded<hello_packet> decode_hello(const frame& f) noexcept {
  packet_reader in(f);
  decoded<hello_packet> result;
  auto& p = *result;
  p.lowest = static_cast<std::uint8_t>(in->number(0xFF));
  p.highest = static_cast<std::uint8_t>(in->number(0xFF));
  in.require(p.lowest <= highest_version && p.highest >= lowest_version,
             fault_code::unsupported_protocol_version, "no version in common");
  in.require(p.lowest <= p.highest, malformed, "the lowest version is above the highest");
  p.device = in->text(maximum_device_bytes);
  in.require(!p.device.empty(), fault_code::client_identifier_not_valid, "a device without a name");
  check_device(in, p.device);
  p.boot = in->number(maximum_key_number);
  p.user = in->optional_text(maximum_user_bytes);
  p.token = in->optional_binary(maximum_token_bytes);
  p.keep_alive_s = static_cast<std::uint16_t>(in->optional_number(0xFFFF).value_or(0));
  p.maximum_frame = static_cast<std::uint32_t>(
      in->optional_number(0xFFFF'FFFF).value_or(hello_packet{}.maximum_frame));
  in.require(p.maximum_frame >= minimum_frame_limit, fault_code::protocol_error,
             "a maximum frame below 4096 bytes");
  p.resume = in->optional_list(maximum_resumed_streams, 1,
                               [](value_reader& v) { (void)v.text(maximum_stream_bytes); });
  p.agent = in->optional_text(maximum_name_bytes);
  in.finish(result);
  return result;
}

decoded<welcome_packet> decode_welcome(const frame& f) noexcept {
  packet_reader in(f);
  decoded<welcome_packet> result;
  auto& p = *result;
  p.version = static_cast<std::uint8_t>(in->number(0xFF));
  p.node = in->text(maximum_name_bytes);
  p.keep_alive_s = static_cast<std::uint16_t>(in->number(0xFFFF));
  p.maximum_frame = static_cast<std::uint32_t>(in->number(0xFFFF'FFFF));
  std::size_t cls = 0;
  const auto credits = in->required_list(any_count, [&](value_reader& v) {
    const auto c = read_credit(v);
    if (cls < p.credits.size()) p.credits[cls++] = c;
  });
  in.require(credits.count >= p.credits.size(), malformed, "a class without its credit");
  p.settled =
      in->optional_list(maximum_resumed_streams, 1, [](value_reader& v) { (void)read_settled(v); });
  in.finish(result);
  return result;
}

decoded<publish_packet> decode_publish(const frame& f) noexcept {
  packet_reader in(f);
  decoded<publish_packet> result;
  auto& p = *result;
  read_head(in, p.header);
  p.message.sequence = in->number(maximum_key_number);
  p.message.payload = in->binary();
  read_description(in, p.header);
  p.message.device_time_ns = in->optional_number(maximum_key_number);
  p.message.traceparent = in->optional_text(maximum_traceparent_bytes);
  read_origin(in, p.header.device, p.header.boot);
  in.finish(result);
  return result;
}

decoded<batch_packet> decode_batch(const frame& f) noexcept {
  packet_reader in(f);
  decoded<batch_packet> result;
  auto& p = *result;
  read_head(in, p.header);
  read_sequences(in, p);
  p.payloads = in->required_list(any_count, [](value_reader& v) { (void)v.binary(v.remaining()); });
  const auto count = p.payloads.count;
  in.require(count != 0, malformed, "a batch without messages");
  in.require(p.sequences.empty() || p.sequences.count == count, malformed,
             "as many sequences as payloads");
  in.require(p.first_sequence <= maximum_key_number - count, malformed,
             "a number out of its range");
  read_description(in, p.header);
  p.device_times = in->optional_list(
      any_count, 1, or_nil([](value_reader& v) { (void)v.number(maximum_key_number); }));
  in.require(p.device_times.empty() || p.device_times.count == count, malformed,
             "as many device times as payloads");
  p.traceparents = in->optional_list(
      any_count, 1, or_nil([](value_reader& v) { (void)v.text(maximum_traceparent_bytes); }));
  in.require(p.traceparents.empty() || p.traceparents.count == count, malformed,
             "as many traceparents as payloads");
  read_origin(in, p.header.device, p.header.boot);
  in.finish(result);
  return result;
}

decoded<ack_packet> decode_ack(const frame& f) noexcept {
  packet_reader in(f);
  decoded<ack_packet> result;
  auto& p = *result;
  p.cls = read_class(in);
  p.stream = in->text(maximum_stream_bytes);
  p.up_to = in->optional_number(maximum_key_number);
  p.ranges = in->optional_list(any_count, 2, [](value_reader& v) { (void)read_range(v); });
  p.nacks = in->optional_list(any_count, 1, [](value_reader& v) { (void)read_nack(v); });
  read_origin(in, p.device, p.boot);
  in.finish(result);
  return result;
}

decoded<command_packet> decode_command(const frame& f) noexcept {
  packet_reader in(f);
  decoded<command_packet> result;
  auto& p = *result;
  p.id = in->text(maximum_command_id_bytes);
  in.require(!p.id.empty(), malformed, "a command without an id");
  p.name = in->text(maximum_name_bytes);
  p.payload = in->binary();
  p.time_left_ms = in->optional_ms();
  p.content_type = in->optional_text(maximum_content_type_bytes);
  in.finish(result);
  return result;
}

decoded<command_ack_packet> decode_command_ack(const frame& f) noexcept {
  packet_reader in(f);
  decoded<command_ack_packet> result;
  auto& p = *result;
  p.id = in->text(maximum_command_id_bytes);
  in.require(!p.id.empty(), malformed, "a command without an id");
  p.status = static_cast<command_status>(in->number(command_status_count - 1));
  p.payload = in->optional_binary(f.body.size());
  p.content_type = in->optional_text(maximum_content_type_bytes);
  in.finish(result);
  return result;
}

decoded<ping_packet> decode_ping(const frame& f) noexcept {
  packet_reader in(f);
  decoded<ping_packet> result(ping_packet{f.type});
  result->number = in->optional_number(maximum_key_number).value_or(0);
  in.finish(result);
  return result;
}

decoded<redirect_packet> decode_redirect(const frame& f) noexcept {
  packet_reader in(f);
  decoded<redirect_packet> result;
  auto& p = *result;
  p.endpoint = in->text(maximum_name_bytes);
  in.require(!p.endpoint.empty(), malformed, "a redirect to nowhere");
  p.retry_after_ms = in->optional_ms();
  p.explanation = in->optional_text(maximum_explanation_bytes);
  in.finish(result);
  return result;
}

decoded<goodbye_packet> decode_goodbye(const frame& f) noexcept {
  packet_reader in(f);
  decoded<goodbye_packet> result;
  auto& p = *result;
  p.code = static_cast<std::uint8_t>(in->number(0xFF));
  p.name = in->optional_text(maximum_name_bytes);
  p.retry_after_ms = in->optional_ms();
  p.explanation = in->optional_text(maximum_explanation_bytes);
  in.finish(result);
  return result;
}

decoded<packet> decode(const frame& f, receiver side) noexcept {
  const auto wrap = [](const auto& p) { return packet(p); };
  if (!may_receive(side, f.type)) {
    return tl::unexpected<decode_fault>({fault_code::protocol_error, 0, "goes the other way"});
  }
  switch (f.type) {
    case frame_type::hello:
      return decode_hello(f).map(wrap);
    case frame_type::welcome:
      return decode_welcome(f).map(wrap);
    case frame_type::publish:
      return decode_publish(f).map(wrap);
    case frame_type::batch:
      return decode_batch(f).map(wrap);
    case frame_type::ack:
      return decode_ack(f).map(wrap);
    case frame_type::command:
      return decode_command(f).map(wrap);
    case frame_type::command_ack:
      return decode_command_ack(f).map(wrap);
    case frame_type::ping:
    case frame_type::pong:
      return decode_ping(f).map(wrap);
    case frame_type::redirect:
      return decode_redirect(f).map(wrap);
    case frame_type::goodbye:
      return decode_goodbye(f).map(wrap);
  }
  return tl::unexpected<decode_fault>({fault_code::malformed_packet, 0, "frame type"});
}

}  // namespace fleetgate::native
