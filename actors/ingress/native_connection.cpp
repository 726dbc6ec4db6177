#include "actors/ingress/native_connection.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

#include "actors/ingress/connection_trace.hpp"
#include "protocol/mqtt/forward.hpp"

namespace fleetgate::ingress {
namespace {

/// When the device is to send again what there was no room for: after a random time from the first
/// to the last, so that those who were sent back do not all return at once.
constexpr std::uint32_t earliest_retry_ms = 200;
constexpr std::uint32_t latest_retry_ms = 1'000;
/// The same where the disk or the spool has no room, which does not pass as quickly.
constexpr std::uint32_t latest_outage_retry_ms = 5'000;

constexpr std::int64_t ns_per_ms = 1'000'000;
/// A device that reads slowly gets its commands one after the other.
constexpr std::size_t most_unsent_before_commands = 64 * 1024;

contract::command_result result_of(native::command_status s) noexcept {
  switch (s) {
    case native::command_status::taken:
      return contract::command_result::taken;
    case native::command_status::done:
      return contract::command_result::done;
    case native::command_status::failed:
      return contract::command_result::failed;
    case native::command_status::unknown:
      return contract::command_result::unknown;
    case native::command_status::expired:
      return contract::command_result::none;
  }
  return contract::command_result::none;
}

std::uint32_t retry_after_ms(shard& owner, std::uint32_t latest_ms) {
  return earliest_retry_ms +
         static_cast<std::uint32_t>(owner.jitter()) % (latest_ms - earliest_retry_ms);
}

bool may_pass(fault_code why) noexcept {
  const auto cls = describe(why).cls;
  return cls == fault_class::overload || cls == fault_class::transient;
}

}  // namespace

native_connection::native_connection(caf::actor_config& config, runtime::unit& home, shard& owner,
                                     const listener_settings& listener, runtime::descriptor socket,
                                     model::connection_ref self_ref)
    : connection_actor(config, home, owner, listener, std::move(socket), self_ref),
      session_(std::get<native::session_limits>(listener.session), owner.now.steady_ns) {}

session_progress native_connection::feed(byte_view input) {
  shard_.begin_feed();
  return session_.consume(input, *this, out_, shard_.now.steady_ns);
}

std::optional<fault_code> native_connection::closed_for() const {
  const auto& why = session_.closed_for();
  return why ? std::optional(why->code) : std::nullopt;
}

bool native_connection::on_time() {
  return session_.on_time(shard_.now.steady_ns, out_);
}

void native_connection::say_goodbye(fault_code why) {
  const bool is_full = describe(why).cls == fault_class::overload;
  session_.disconnect(
      why, is_full ? std::optional(retry_after_ms(shard_, latest_outage_retry_ms)) : std::nullopt,
      out_);
}

void native_connection::on_hello(const native::hello_request& request) {
  client_id_ = request.hello.device;
  std::string asked;
  auto resume = request.hello.resume;
  if (!resume.empty()) resumption_ = std::make_unique<resumption>();
  while (const auto stream = native::next_stream(resume)) {
    asked.append(*stream).push_back('\0');
    resumption_->streams.emplace_back(*stream);
  }
  // Nothing is kept between connections but what the windows know.
  if (const auto why = open_session({true, 0, asked}, request.hello.boot)) say_goodbye(*why);
}

std::optional<fault_code> native_connection::welcome(const model::receipt&) {
  const auto asked = std::move(resumption_);
  session_.accept(asked ? std::span<const native::settled_stream>(asked->settled)
                        : std::span<const native::settled_stream>{},
                  out_);
  shard_.commands.tell_ready(client_id_, ref(), true);
  return std::nullopt;
}

native::flow native_connection::on_publish(const native::publish_view& p) {
  const auto& h = p.header;
  const std::size_t weight = contract::message_overhead_bytes + h.topic.size() + h.device.size() +
                             h.stream.size() + 2 * h.content_type.size() + client_id_.size() +
                             p.message.payload.size() + p.message.traceparent.size();
  if (const auto why = shard_.intake.claim(h.cls, weight)) {
    send_back(p, *why);
    return native::flow::go_on;
  }
  if (!is_noted(h)) note_header(h);
  auto& memory = shard_.intake.memory[model::index(h.cls)];
  contract::inbound_message& m = *memory.make(shard_.common[model::index(h.cls)]);
  m.payload = memory.copy(p.message.payload);
  m.sequence = p.message.sequence;
  m.device_time_ns = static_cast<std::int64_t>(p.message.device_time_ns.value_or(0));
  m.traceparent = memory.copy(p.message.traceparent);
  m.packet_id = p.ticket;
  post(m, weight);
  return native::flow::go_on;
}

bool native_connection::is_noted(const native::message_header& h) const noexcept {
  const auto& common = shard_.common[model::index(h.cls)];
  return common.topic == h.topic && common.stream == h.stream && common.device == h.device &&
         common.epoch == h.boot && common.content_type == h.content_type;
}

/// The frame names device, stream and class; the topic rule says the rest.
void native_connection::note_header(const native::message_header& h) {
  auto& memory = shard_.intake.memory[model::index(h.cls)];
  auto& common = shard_.common[model::index(h.cls)];
  common = {};
  common.topic = memory.copy(h.topic);
  const auto match = shard_.rules.match(common.topic);
  common.rule = match.rule;
  common.tenant = match.tenant;
  common.device = memory.copy(h.device);
  common.stream = memory.copy(h.stream);
  common.epoch = h.boot;
  common.cls = h.cls;
  common.qos = 1;
  common.level = match.rule->level_for(common.qos);
  common.content_type = memory.copy(h.content_type);
  if (!h.content_type.empty()) {
    common.properties = memory.copy(std::string_view(mqtt::kept_content_type(h.content_type)));
  }
  common.client_id = memory.copy(std::string_view(client_id_));
}

void native_connection::send_back(const native::publish_view& p, fault_code why) {
  ++listener_.probe->publishes[p.header.cls][observe::quality_of_service::at_least_once];
  ++listener_.probe->sent_back[p.header.cls][why];
  note_sent_back(shard_, {p.header.cls, why, p.header.device, p.header.boot, p.message.sequence});
  shard_.intake.account.sent_back(p.header.cls);
  session_.settle(p.ticket, why, retry_after_ms(shard_, latest_retry_ms), out_);
  mark_unsent();
}

void native_connection::settle(const model::receipt& r) {
  switch (r.result) {
    case model::outcome::stored:
    case model::outcome::duplicate:
      session_.settle(r.packet_id, std::nullopt, std::nullopt, out_);
      return mark_unsent();
    case model::outcome::quarantined:
      session_.settle(r.packet_id, r.fault, std::nullopt, out_);
      return mark_unsent();
    case model::outcome::refused:
      session_.settle(r.packet_id, r.fault,
                      may_pass(r.fault)
                          ? std::optional(retry_after_ms(shard_, latest_outage_retry_ms))
                          : std::nullopt,
                      out_);
      return mark_unsent();
    case model::outcome::superseded:
      // Another connection waits for the same message: when the device asks again, it is settled.
      session_.settle(r.packet_id, fault_code::server_busy, retry_after_ms(shard_, latest_retry_ms),
                      out_);
      return mark_unsent();
    case model::outcome::resumed:
      if (resumption_ && r.packet_id < resumption_->streams.size()) {
        resumption_->settled.push_back({resumption_->streams[r.packet_id], r.number});
      }
      return;
    case model::outcome::taken_over:
      return;
  }
}

void native_connection::on_command_ack(const native::command_ack_packet& p) {
  contract::command_answer answer;
  answer.id = p.id;
  answer.result = result_of(p.status);
  answer.expired = p.status == native::command_status::expired;
  answer.payload = as_text(p.payload);
  answer.content_type = p.content_type;
  shard_.commands.tell({client_id_, std::move(answer)});
}

void native_connection::take_command(const contract::command_delivery& d) {
  if (out_.size() > most_unsent_before_commands) {
    commands_wait_ = true;
    return;
  }
  const auto left_ms = (d.deadline_ns - shard_.now.unix_ns) / ns_per_ms;
  if (left_ms <= 0) return;  // the ledger says so by itself
  native::command_packet p{d.id, d.name, as_bytes(d.payload),
                           static_cast<std::uint32_t>(std::min<std::int64_t>(
                               left_ms, static_cast<std::int64_t>(native::maximum_ms))),
                           d.content_type};
  switch (session_.command(p, out_)) {
    case native::session::sending::sent:
      shard_.commands.tell({d.device, contract::command_sent{d.id}});
      return mark_unsent();
    case native::session::sending::too_large:
      return shard_.commands.tell(
          {d.device, contract::command_answer{
                         d.id, contract::command_result::failed, false,
                         "the device takes no frame of this size (maximum_frame)", "text/plain"}});
    case native::session::sending::not_connected:
      return;
  }
}

void native_connection::after_sending_all() {
  if (std::exchange(commands_wait_, false)) shard_.commands.tell_ready(client_id_, ref(), false);
}

/// The session has closed itself, and nothing else is kept.
void native_connection::on_goodbye(const native::goodbye_packet&) {}

}  // namespace fleetgate::ingress
