#include "actors/sink/sqlite_rows.hpp"

#include <utility>

#include "actors/sink/payload_form.hpp"
#include "protocol/base/utf8.hpp"

namespace fleetgate::sink {
namespace {

enum column : int {
  device_id = 1,
  stream,
  epoch,
  sequence,
  trace_id,
  traffic_class,
  topic,
  content_type,
  device_time_ns,
  received_time_ns,
  node,
  incarnation,
  position,
  tenant,
  client_id,
  qos,
  attributes,
  payload,
};

constexpr std::string_view insert_sql =
    "INSERT INTO messages(device_id, stream, epoch, sequence, trace_id, class, topic,"
    " content_type, device_time_ns, received_time_ns, node, incarnation, position, tenant,"
    " client_id, qos, attributes, payload)"
    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)";

/// The edge refuses unclean text. Should some arrive all the same, it is kept byte for byte, as a
/// BLOB: as TEXT it would be cut at U+0000 by whoever reads it, or fail to decode there.
void bind_clean(sqlite::statement& to, column at, std::string_view value) noexcept {
  if (is_clean_utf8(value)) {
    to.bind_text(at, value);
  } else {
    to.bind_blob(at, as_bytes(value));
  }
}

void bind_clean_or_null(sqlite::statement& to, column at, std::string_view value) noexcept {
  if (value.empty()) {
    to.bind_null(at);
  } else {
    bind_clean(to, at, value);
  }
}

std::string_view hex_of(const model::trace_id& id, std::array<char, 32>& buffer) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = 0; i < 16; ++i) {
    const unsigned shift = static_cast<unsigned>(60 - 4 * i);
    buffer[i] = digits[id.high >> shift & 0xF];
    buffer[16 + i] = digits[id.low >> shift & 0xF];
  }
  return {buffer.data(), buffer.size()};
}

}  // namespace

result<sqlite_rows> sqlite_rows::prepare(sqlite::database& db, std::string_view node_name) {
  auto insert = db.prepare(insert_sql);
  if (!insert) return tl::unexpected(std::move(insert.error()));
  sqlite_rows rows;
  rows.insert_ = std::move(*insert);
  rows.insert_.bind_text(column::node, node_name);
  return rows;
}

result<void> sqlite_rows::append(const contract::stored_record& record) {
  std::array<char, 32> hex;
  bind(record, record.envelope.trace == model::trace_id{} ? std::string_view{}
                                                          : hex_of(record.envelope.trace, hex));
  auto done = insert_.run();
  if (!done) {
    done.error().detail.append(", at position ").append(model::to_string(record.at));
  }
  return done;
}

void sqlite_rows::bind(const contract::stored_record& record, std::string_view trace_hex) {
  const model::envelope& e = record.envelope;
  const auto number_or_null = [this](column at, bool given, auto value) {
    given ? insert_.bind(at, static_cast<std::int64_t>(value)) : insert_.bind_null(at);
  };
  bind_clean(insert_, column::device_id, e.device);
  bind_clean(insert_, column::stream, e.stream);
  number_or_null(column::epoch, e.epoch_from != model::epoch_origin::none, e.epoch);
  number_or_null(column::sequence, e.sequence.has_value(), e.sequence.value_or(0));
  bind_clean_or_null(insert_, column::trace_id, trace_hex);
  insert_.bind_text(column::traffic_class, model::to_string(e.cls));
  bind_clean(insert_, column::topic, e.topic);
  bind_clean_or_null(insert_, column::content_type, e.content_type);
  number_or_null(column::device_time_ns, e.device_time_ns != 0, e.device_time_ns);
  insert_.bind(column::received_time_ns, e.received_time_ns);
  insert_.bind(column::incarnation, record.at.incarnation);
  insert_.bind(column::position, static_cast<std::int64_t>(record.at.lsn));
  bind_clean_or_null(insert_, column::tenant, e.tenant);
  bind_clean_or_null(insert_, column::client_id, e.client_id);
  insert_.bind(column::qos, e.qos);
  bind_clean_or_null(insert_, column::attributes, e.attributes);
  switch (form_of(e.content_type, e.payload)) {
    case payload_form::text:
      insert_.bind_text(column::payload, as_text(e.payload));
      break;
    case payload_form::blob:
      insert_.bind_blob(column::payload, e.payload);
      break;
  }
}

}  // namespace fleetgate::sink
