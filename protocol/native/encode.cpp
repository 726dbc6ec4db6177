#include "protocol/native/encode.hpp"

#include <cassert>
#include <variant>

#include "protocol/native/value_writer.hpp"

namespace fleetgate::native {
namespace {

/// Writes one frame: room for its length and array header, the fields, and at last both. Fields
/// that are absent become nil, or nothing where no other follows.
class packet_writer {
 public:
  packet_writer(frame_type type, std::string& out) : values_(out), out_(out), begin_(out.size()) {
    out.append(length_size + 1, '\0');
    values_.number(static_cast<std::uint8_t>(type));
  }

  void number(std::uint64_t n) { next().number(n); }
  void text(std::string_view s) { next().text(s); }
  void binary(byte_view b) { next().binary(b); }
  void array(const list& l) {
    next().array(l.count);
    values_.raw(l.elements);
  }
  template <class Int>
  void optional_number(std::optional<Int> n) {
    if (n) return number(*n);
    ++absent_;
  }
  void optional_text(std::string_view s) {
    if (!s.empty()) return text(s);
    ++absent_;
  }
  void optional_binary(byte_view b) {
    if (!b.empty()) return binary(b);
    ++absent_;
  }
  void optional_array(const list& l) {
    if (!l.empty()) return array(l);
    ++absent_;
  }
  /// For a field that is an array of its own.
  value_writer& next() {
    for (; absent_ != 0; --absent_, ++elements_) values_.nil();
    ++elements_;
    return values_;
  }

  void finish() {
    assert(elements_ <= 15);
    std::string length;
    byte_writer(length).u32(static_cast<std::uint32_t>(out_.size() - begin_ - length_size));
    out_.replace(begin_, length_size, length);
    out_[begin_ + length_size] = static_cast<char>(0x90 | elements_);
  }

 private:
  value_writer values_;
  std::string& out_;
  std::size_t begin_;
  unsigned elements_ = 1;  // the type
  unsigned absent_ = 0;
};

void write_head(packet_writer& w, model::traffic_class cls, std::string_view stream) {
  w.number(static_cast<std::uint8_t>(cls));
  w.text(stream);
}
void write_description(packet_writer& w, const message_header& h) {
  w.optional_text(h.topic);
  w.optional_text(h.content_type);
}
void write_origin(packet_writer& w, std::string_view device, std::optional<std::uint64_t> boot) {
  w.optional_text(device);
  w.optional_number(boot);
}

}  // namespace

void encode(const hello_packet& p, std::string& out) {
  packet_writer w(frame_type::hello, out);
  w.number(p.lowest);
  w.number(p.highest);
  w.text(p.device);
  w.number(p.boot);
  w.optional_text(p.user);
  w.optional_binary(p.token);
  w.optional_number(p.keep_alive_s != 0 ? std::optional(p.keep_alive_s) : std::nullopt);
  w.optional_number(p.maximum_frame != hello_packet{}.maximum_frame ? std::optional(p.maximum_frame)
                                                                    : std::nullopt);
  w.optional_array(p.resume);
  w.optional_text(p.agent);
  w.finish();
}

void encode(const welcome_packet& p, std::string& out) {
  packet_writer w(frame_type::welcome, out);
  w.number(p.version);
  w.text(p.node);
  w.number(p.keep_alive_s);
  w.number(p.maximum_frame);
  auto& values = w.next();
  values.array(p.credits.size());
  for (const auto& c : p.credits) {
    values.array(2);
    values.number(c.messages);
    values.number(c.bytes);
  }
  w.optional_array(p.settled);
  w.finish();
}

void encode(const publish_packet& p, std::string& out) {
  packet_writer w(frame_type::publish, out);
  write_head(w, p.header.cls, p.header.stream);
  w.number(p.message.sequence);
  w.binary(p.message.payload);
  write_description(w, p.header);
  w.optional_number(p.message.device_time_ns);
  w.optional_text(p.message.traceparent);
  write_origin(w, p.header.device, p.header.boot);
  w.finish();
}

void encode(const batch_packet& p, std::string& out) {
  packet_writer w(frame_type::batch, out);
  write_head(w, p.header.cls, p.header.stream);
  if (p.sequences.empty())
    w.number(p.first_sequence);
  else
    w.array(p.sequences);
  w.array(p.payloads);
  write_description(w, p.header);
  w.optional_array(p.device_times);
  w.optional_array(p.traceparents);
  write_origin(w, p.header.device, p.header.boot);
  w.finish();
}

void encode(const ack_packet& p, std::string& out) {
  packet_writer w(frame_type::ack, out);
  write_head(w, p.cls, p.stream);
  w.optional_number(p.up_to);
  w.optional_array(p.ranges);
  w.optional_array(p.nacks);
  write_origin(w, p.device, p.boot);
  w.finish();
}

void encode(const command_packet& p, std::string& out) {
  packet_writer w(frame_type::command, out);
  w.text(p.id);
  w.text(p.name);
  w.binary(p.payload);
  w.optional_number(p.time_left_ms);
  w.optional_text(p.content_type);
  w.finish();
}

void encode(const command_ack_packet& p, std::string& out) {
  packet_writer w(frame_type::command_ack, out);
  w.text(p.id);
  w.number(static_cast<std::uint8_t>(p.status));
  w.optional_binary(p.payload);
  w.optional_text(p.content_type);
  w.finish();
}

void encode(const ping_packet& p, std::string& out) {
  packet_writer w(p.type, out);
  w.optional_number(p.number != 0 ? std::optional(p.number) : std::nullopt);
  w.finish();
}

void encode(const redirect_packet& p, std::string& out) {
  packet_writer w(frame_type::redirect, out);
  w.text(p.endpoint);
  w.optional_number(p.retry_after_ms);
  w.optional_text(p.explanation);
  w.finish();
}

void encode(const goodbye_packet& p, std::string& out) {
  packet_writer w(frame_type::goodbye, out);
  w.number(p.code);
  w.optional_text(p.name);
  w.optional_number(p.retry_after_ms);
  w.optional_text(p.explanation);
  w.finish();
}

void encode(const packet& p, std::string& out) {
  std::visit([&](const auto& one) { encode(one, out); }, p);
}

void append_stream(std::string_view stream, list_bytes& resume) {
  value_writer(resume.elements).text(stream);
  ++resume.count;
}

void append_settled(const settled_stream& s, list_bytes& settled) {
  value_writer w(settled.elements);
  w.array(2);
  w.text(s.stream);
  w.number(s.up_to);
  ++settled.count;
}

void append_range(const sequence_range& r, list_bytes& ranges) {
  value_writer w(ranges.elements);
  w.number(r.first);
  w.number(r.last);
  ranges.count += 2;
}

void append_nack(const nack& n, list_bytes& nacks) {
  value_writer w(nacks.elements);
  w.array(n.retry_after_ms ? 4 : 3);
  w.number(n.sequence);
  w.number(n.code);
  w.text(n.name);
  if (n.retry_after_ms) w.number(*n.retry_after_ms);
  ++nacks.count;
}

void append_sequence(std::uint64_t sequence, list_bytes& sequences) {
  value_writer(sequences.elements).number(sequence);
  ++sequences.count;
}

void append_payload(byte_view payload, list_bytes& payloads) {
  value_writer(payloads.elements).binary(payload);
  ++payloads.count;
}

void append_device_time(std::optional<std::uint64_t> ns, list_bytes& device_times) {
  value_writer w(device_times.elements);
  if (ns)
    w.number(*ns);
  else
    w.nil();
  ++device_times.count;
}

void append_traceparent(std::string_view traceparent, list_bytes& traceparents) {
  value_writer w(traceparents.elements);
  if (!traceparent.empty())
    w.text(traceparent);
  else
    w.nil();
  ++traceparents.count;
}

}  // namespace fleetgate::native
