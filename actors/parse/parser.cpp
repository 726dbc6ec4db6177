#include "actors/parse/parser.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "actors/parse/content_kind.hpp"
#include "actors/parse/device_time.hpp"
#include "actors/parse/key_number.hpp"
#include "actors/parse/msgpack_reader.hpp"
#include "actors/parse/wanted_members.hpp"
#include "protocol/base/utf8.hpp"

namespace fleetgate::parse {
namespace {

using contract::inbound_message;
using model::envelope;
using model::payload_format;

void set_epoch(std::uint64_t epoch, envelope& out) noexcept {
  out.epoch = epoch;
  out.epoch_from = model::epoch_origin::device;
}

/// Everything that needs no look into the payload.
void fill(const inbound_message& in, std::uint32_t rule_version, envelope& out) {
  out = envelope{};
  out.cls = in.cls;
  out.level = in.level;
  out.tenant = in.tenant;
  out.device = in.device;
  out.stream = in.stream;
  out.topic = in.topic;
  out.attributes = in.attributes;
  out.payload = in.payload;
  out.payload_hash = XXH3_64bits(in.payload.data(), in.payload.size());
  out.device_time_ns = in.device_time_ns;
  out.sequence = in.sequence;
  if (in.epoch) set_epoch(*in.epoch, out);
  out.received_time_ns = in.received_time_ns;
  out.received_steady_ns = in.received_steady_ns;
  out.client_id = in.client_id;
  out.connection = in.connection;
  out.packet_id = in.packet_id;
  out.qos = in.qos;
  out.dup = in.dup;
  out.retain = in.retain;
  out.properties = in.properties;
  out.rule_version = rule_version;
  if (!in.traceparent.empty()) {
    if (const auto trace = model::parse_traceparent(in.traceparent)) out.trace = *trace;
  }
}

void quarantine(envelope& out, fault_code why) {
  out.kind = model::record_kind::quarantined;
  out.fault = why;
}

/// True where a text was longer than any record holds; even quarantine takes it only without. A
/// part of it would be neither JSON nor properties.
bool drop_long_texts(envelope& out) noexcept {
  bool dropped = false;
  for (std::string_view* const text : model::stored_texts(out)) {
    if (text->size() <= model::max_text_bytes) continue;
    *text = {};
    dropped = true;
  }
  return dropped;
}

bool begins_like_json(byte_view payload) noexcept {
  const std::string_view text = as_text(payload);
  const std::size_t at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (text[at] == '{' || text[at] == '[');
}

/// How the payload is to be read: as the rule says, else as its content type says, else as it
/// looks.
content_kind expected_kind(const inbound_message& in) noexcept {
  switch (in.rule->format) {
    case payload_format::json:
      return content_kind::json;
    case payload_format::msgpack:
      return content_kind::msgpack;
    case payload_format::raw:
      return content_kind::unknown;
    case payload_format::automatic:
      break;
  }
  if (!in.content_type.empty()) return kind_of(in.content_type);
  return begins_like_json(in.payload) ? content_kind::json : content_kind::unknown;
}

/// The content type that is stored. One that means JSON or MessagePack is stored only where the
/// payload has been checked to be that, so that a sink may rely on it.
std::string_view content_type(const inbound_message& in, content_kind checked) noexcept {
  const content_kind claimed = kind_of(in.content_type);
  switch (checked) {
    case content_kind::json:
      return claimed == checked ? in.content_type : json_content_type;
    case content_kind::msgpack:
      return claimed == checked ? in.content_type : msgpack_content_type;
    case content_kind::unknown:
      break;
  }
  if (!in.content_type.empty() && claimed == content_kind::unknown) return in.content_type;
  return in.payload_is_utf8 ? text_content_type : raw_content_type;
}

const model::member_path* wanted_path(const std::optional<model::member_path>& path) noexcept {
  return path ? &*path : nullptr;
}

/// A field beats a user property, and that the payload (docs/ARCHITECTURE.md, Identity), so the
/// members that are beaten need not be looked for.
wanted_members wanted_by(const inbound_message& in) noexcept {
  const bool has_sequence = in.sequence || !in.user_seq.empty();
  const bool has_epoch = in.epoch || !in.user_epoch.empty();
  return {has_sequence ? nullptr : wanted_path(in.rule->sequence),
          has_epoch ? nullptr : wanted_path(in.rule->epoch),
          in.device_time_ns != 0 ? nullptr : wanted_path(in.rule->device_time)};
}

key_number sequence_of(const inbound_message& in, const wanted_members& found) noexcept {
  if (in.sequence) return {true, in.sequence};
  return in.user_seq.empty() ? sequence_from(found[member::sequence]) : sequence_from(in.user_seq);
}

key_number epoch_of(const inbound_message& in, const wanted_members& found) noexcept {
  if (in.epoch) return {true, in.epoch};
  return in.user_epoch.empty() ? epoch_from(found[member::epoch]) : epoch_from(in.user_epoch);
}

/// False where sequence or epoch are there and no good.
bool fill_key(const inbound_message& in, const wanted_members& found, envelope& out) noexcept {
  const key_number sequence = sequence_of(in, found);
  const key_number epoch = epoch_of(in, found);
  if (!sequence.valid || !epoch.valid) return false;
  out.sequence = sequence.value;
  if (epoch.value) set_epoch(*epoch.value, out);
  return true;
}

/// What cannot be decoded cannot have the form that a schema asks for.
bool accepted_by(const schema& s, content_kind kind, byte_view payload) {
  switch (kind) {
    case content_kind::json:
      return s.accepts_json(payload);
    case content_kind::msgpack:
      return s.accepts_msgpack(payload);
    case content_kind::unknown:
      return false;
  }
  return false;
}

}  // namespace

parser::parser(const model::topic_rules& rules, const schema_set& schemas)
    : schemas_(schemas), rule_version_(rules.version()) {}

content_kind parser::decode(const inbound_message& in, wanted_members& wanted) {
  switch (expected_kind(in)) {
    case content_kind::json:
      return json_.read(in.payload, wanted) ? content_kind::json : content_kind::unknown;
    case content_kind::msgpack:
      return read_msgpack(in.payload, wanted) ? content_kind::msgpack : content_kind::unknown;
    case content_kind::unknown:
      break;
  }
  return content_kind::unknown;
}

void parser::parse(const inbound_message& in, envelope& out) {
  look(in, out);
  // Last, so that key and time are there; and above all else, for what is kept is not the whole.
  if (drop_long_texts(out)) quarantine(out, fault_code::text_too_long);
}

void parser::look(const inbound_message& in, envelope& out) {
  fill(in, rule_version_, out);
  wanted_members found = wanted_by(in);
  const content_kind kind = decode(in, found);
  // What a broken document held before the place where it breaks does not count.
  if (kind == content_kind::unknown) found = wanted_members(nullptr, nullptr, nullptr);
  out.content_type = content_type(in, kind);

  const bool must_decode =
      in.rule->format == payload_format::json || in.rule->format == payload_format::msgpack;
  if (must_decode && kind == content_kind::unknown) {
    return quarantine(out, fault_code::payload_format_invalid);
  }
  // A JSON document has been checked to be UTF-8 already.
  if (in.payload_is_utf8 && kind != content_kind::json && !is_clean_utf8(as_text(in.payload))) {
    return quarantine(out, fault_code::payload_format_invalid);  // MQTT 5.0 section 3.3.2.3.2
  }
  if (!fill_key(in, found, out)) return quarantine(out, fault_code::sequence_invalid);
  fill_device_time(found, out);
  const schema* const wanted_form = schemas_.of(*in.rule);
  if (wanted_form != nullptr && !accepted_by(*wanted_form, kind, in.payload)) {
    quarantine(out, fault_code::schema_violation);
  }
}

void parser::give_up(const inbound_message& in, envelope& out) const {
  out = {};
  fill(in, rule_version_, out);
  drop_long_texts(out);
  quarantine(out, fault_code::internal);
}

/// A clock that cannot be read is no reason to refuse what it stamps.
void parser::fill_device_time(const wanted_members& found, envelope& out) noexcept {
  const found_value& value = found[member::device_time];
  if (value.kind == value_kind::absent || value.kind == value_kind::null) return;
  const auto ns = device_time_ns(value);
  if (ns)
    out.device_time_ns = *ns;
  else
    ++unreadable_times_;
}

}  // namespace fleetgate::parse
