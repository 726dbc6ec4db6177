// What the admin API asks of this node, asked of its actors. Runs on the admin server's threads;
// each question has a time limit, and nothing here is changed but through the actors.
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <future>

#include "actors/commands/commands_actor.hpp"
#include "actors/dedup/dedup_actor.hpp"
#include "actors/node/parts.hpp"
#include "actors/node/quarantine_replay.hpp"
#include "actors/runtime/clock.hpp"
#include "actors/sink/sink_actor.hpp"
#include "actors/spool/segment_reader.hpp"
#include "actors/spool/spool_actor.hpp"
#include "actors/supervise/supervisor_actor.hpp"

namespace fleetgate::node {
namespace {

constexpr std::chrono::milliseconds answer_patience{2000};
/// For the receipts of what was handed in: level committed waits for sinks, and any for a disk.
constexpr std::uint64_t hand_in_patience_ns = 30'000'000'000;
/// For those of what is replayed: other questions wait meanwhile.
constexpr std::chrono::milliseconds replay_patience{2000};
constexpr std::size_t replay_read_bytes = 8 * 1024 * 1024;

fault silent(std::string_view who) {
  return fault(fault_code::no_answer, "the " + std::string(who) + " did not answer within 2 s");
}

fault not_connected(const std::string& client_id) {
  return fault(fault_code::not_found, "no client \"" + client_id + "\" is connected");
}

template <class Answer, class... Message>
result<Answer> ask(caf::actor_system& system, std::string_view name, const runtime::address& who,
                   Message&&... message) {
  caf::scoped_actor self(system);
  result<Answer> got = tl::unexpected(silent(name));
  self->request(who.get(), answer_patience, std::forward<Message>(message)...)
      .receive([&](Answer& a) { got = std::move(a); }, [](const caf::error&) {});
  return got;
}

}  // namespace

class node::parts::live_access final : public admin::node_access {
 public:
  explicit live_access(parts& p) : p_(p), started_ns_(runtime::unix_now_ns()) {
    for (const auto& s : p.serves) addresses_.push_back({s.name, s.protocol, s.address});
  }

  admin::node_status status() override {
    admin::node_status s;
    s.name = p_.settings.node.name;
    s.site = p_.settings.node.site;
    s.version = FLEETGATE_VERSION;
    s.started_time_ns = started_ns_;
    s.addresses = addresses_;
    s.overload = p_.overload_probe.level_now();
    const auto full_in_s = p_.overload_probe.full_in_s[model::traffic_class::telemetry].value();
    if (full_in_s != observe::overload_probe::not_filling) {
      s.telemetry_full_in_s = static_cast<std::uint64_t>(full_in_s);
    }
    for (const auto& shard : p_.shards) {
      for (const auto& l : shard->listener_probes) s.connections += positive(l->connections_open);
    }
    s.memory_used_bytes = p_.memory.used();
    s.memory_budget_bytes = p_.memory.limit();
    for (std::size_t i = 0; i < model::lane_count; ++i) {
      const auto in = static_cast<model::lane>(i);
      s.spool_used_bytes += positive(p_.journal_probe.spool_bytes[in]);
    }
    s.spool_budget_bytes = p_.settings.spool.budget;
    for (const auto cls : model::all_traffic_classes) {
      s.messages += p_.journal_probe.envelopes[cls].value();
    }
    for (const auto& sink : p_.sinks) {
      s.rows += sink->probe.rows.value();
      s.sink_lag_records = std::max(s.sink_lag_records, positive(sink->probe.lag_records));
    }
    return s;
  }

  result<admin::device_page> devices(const admin::device_cursor& from, std::size_t most) override {
    if (from.shard >= p_.shards.size()) {
      return failure(fault_code::not_found, "there is no shard " + std::to_string(from.shard));
    }
    admin::device_page page;
    admin::device_cursor at = from;
    while (page.devices.size() < most && at.shard < p_.shards.size()) {
      auto slice = ask<contract::device_slice>(
          p_.system, "shard", p_.shards[at.shard]->ingress.at, ingress::list_atom::value, at.slot,
          static_cast<std::uint32_t>(most - page.devices.size()));
      if (!slice) return tl::unexpected(std::move(slice.error()));
      for (auto& d : slice->devices) page.devices.push_back(std::move(d));
      at = slice->next_slot ? admin::device_cursor{at.shard, *slice->next_slot}
                            : admin::device_cursor{at.shard + 1, 0};
    }
    if (at.shard < p_.shards.size()) page.next = at;
    return page;
  }

  result<contract::connected_device> device(const std::string& client_id) override {
    const auto at = find(client_id);
    if (!at) return tl::unexpected(at.error());
    auto found = ask<contract::device_slice>(p_.system, "shard", p_.shards[at->shard]->ingress.at,
                                             ingress::device_atom::value, at->slot, at->generation);
    if (!found) return tl::unexpected(std::move(found.error()));
    if (found->devices.empty()) return tl::unexpected(not_connected(client_id));
    return std::move(found->devices.front());
  }

  result<void> close_connection(const std::string& client_id) override {
    const auto at = find(client_id);
    if (!at) return tl::unexpected(at.error());
    const auto closed = ask<bool>(p_.system, "shard", p_.shards[at->shard]->ingress.at,
                                  ingress::kick_atom::value, at->slot, at->generation);
    if (!closed) return tl::unexpected(closed.error());
    if (!*closed) return tl::unexpected(not_connected(client_id));
    p_.log.warn("device.kicked", {{"client", client_id}});
    return {};
  }

  std::optional<fault> hand_in(std::string_view device,
                               contract::message_request request) override {
    for (const auto& m : request.messages) {
      const auto match = p_.rules.match(m.topic);
      if (!match.device.empty() && match.device != device) {
        return fault(fault_code::topic_name_invalid, "topic " + m.topic + " is device " +
                                                         std::string(match.device) + "'s, not " +
                                                         std::string(device) + "'s");
      }
      if (bytes_of(m) > most_message_bytes()) {
        return fault(fault_code::packet_too_large,
                     "a message has at most " + std::to_string(most_message_bytes()) + " bytes");
      }
    }
    request.deadline_ns = runtime::steady_now_ns() + hand_in_patience_ns;
    return post(std::hash<std::string_view>{}(device) % p_.shards.size(), std::move(request));
  }

  result<contract::spool_report> spool() override {
    return ask<contract::spool_report>(p_.system, "journal", p_.spool_actor.at,
                                       spool::report_atom::value);
  }

  result<contract::read_block> quarantine(const model::position& after, std::size_t records,
                                          std::size_t bytes) override {
    const auto view = p_.spool_brain->view();
    const auto reader = spool::make_lane_reader(p_.spool_files, view, model::lane::quarantine);
    contract::cursor from;
    from.spool = view->uuid();
    from.lanes[model::index(model::lane::quarantine)] = after;
    if (auto sought = reader->seek(from); !sought) return tl::unexpected(sought.error());
    contract::read_block block;
    if (auto read = reader->read(block, bytes, records); !read) return tl::unexpected(read.error());
    return block;
  }

  result<std::optional<contract::replay_mark>> replay_mark(const model::position& at) override {
    return replay_marks(*p_.store).of(at);
  }

  result<contract::replay_report> replay_quarantined(
      const contract::quarantine_filter& which) override {
    const auto read = [this](const model::position& after, std::size_t most) {
      return quarantine(after, most, replay_read_bytes);
    };
    const auto send = [this](std::vector<contract::loose_message> all) {
      return send_again(std::move(all));
    };
    auto report = quarantine_replay(read, send, *p_.store).run(which, runtime::unix_now_ns());
    if (report && !report->messages.empty()) {
      p_.log.info("quarantine.replayed", {{"messages", report->messages.size()}});
    }
    return report;
  }

  /// The root first. Supervisors wait for nobody, so one that does not answer has given up.
  std::vector<contract::supervisor_report> actors() override {
    caf::scoped_actor self(p_.system);
    std::vector<contract::supervisor_report> tree;
    for (const auto& [name, supervisor] : p_.all_supervisors()) {
      contract::supervisor_report report;
      report.name = name;
      report.state = contract::actor_state::given_up;
      self->request(supervisor, answer_patience, supervise::report_atom::value)
          .receive([&](contract::supervisor_report& r) { report = std::move(r); },
                   [](const caf::error&) {});
      tree.push_back(std::move(report));
    }
    p_.show_busy(tree);
    return tree;
  }

  std::vector<admin::sink_entry> sinks() override {
    caf::scoped_actor self(p_.system);
    const auto request = [&](const caf::actor& sink) {
      return self->request(sink, answer_patience, sink::report_atom::value);
    };
    std::vector<decltype(request(caf::actor{}))> answers;  // all at once: one may be slow
    for (const auto& s : p_.sinks) answers.push_back(request(s->actor.at.get()));
    std::vector<admin::sink_entry> entries;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      entries.push_back({p_.sinks[i]->name, p_.settings.sinks[i].required, std::nullopt});
      answers[i].receive(
          [&](contract::sink_answer& a) { entries.back().report = std::move(a.report); },
          [](const caf::error&) {});
    }
    return entries;
  }

  result<contract::sink_report> pause_sink(std::string_view name) override {
    return tell_sink(name, sink::pause_atom::value);
  }
  result<contract::sink_report> resume_sink(std::string_view name) override {
    return tell_sink(name, sink::resume_atom::value);
  }
  result<contract::sink_report> replay_sink(std::string_view name,
                                            const contract::replay_request& what) override {
    return tell_sink(name, sink::replay_atom::value, what);
  }

  result<contract::submitted_command> submit_command(
      const contract::command_request& what) override {
    return ask_ledger<commands::ledger_answer>(commands::submit_atom::value, what);
  }

  result<contract::command> command(const std::string& device, const std::string& id) override {
    return ask_ledger<commands::ledger_answer>(commands::find_atom::value, device, id)
        .map([](contract::submitted_command&& found) { return std::move(found.command); });
  }

  result<contract::command_page> commands(const std::string& device, const std::string& after,
                                          std::size_t most) override {
    return ask_ledger<commands::ledger_page>(commands::list_atom::value, device, after,
                                             static_cast<std::uint32_t>(most));
  }

  void drain() override { p_.wishes.drain(); }

  void reload(contract::reload_reply then) override { p_.wishes.reload(std::move(then)); }

 private:
  static std::uint64_t positive(const observe::gauge& g) noexcept {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, g.value()));
  }

  static std::size_t bytes_of(const contract::loose_message& m) noexcept {
    return m.topic.size() + m.payload.size() + m.properties.size();
  }

  /// To the shard, charged to the budget until the shard has it.
  std::optional<fault> post(std::size_t shard, contract::message_request request) {
    std::size_t bytes = 0;
    auto cls = model::traffic_class::telemetry;
    for (const auto& m : request.messages) {
      bytes += sizeof m + bytes_of(m);
      cls = std::min(cls, p_.rules.match(m.topic).rule->cls);
    }
    if (!p_.memory.take(cls, bytes)) return fault(fault_code::memory_budget_full);
    request.charge = runtime::memory_charge(p_.memory, cls, bytes);
    if (!p_.shards[shard]->shard->handed_in.post(cls, request, bytes)) {
      return fault(fault_code::mailbox_full);
    }
    return std::nullopt;
  }

  /// Through the first shard: what is replayed has no order to keep with what comes now.
  std::vector<contract::message_fate> send_again(std::vector<contract::loose_message> all) {
    using fates = std::vector<contract::message_fate>;
    const auto answered = std::make_shared<std::promise<fates>>();
    auto answer = answered->get_future();
    const std::size_t count = all.size();
    contract::message_request request;
    request.messages = std::move(all);
    request.deadline_ns =
        runtime::steady_now_ns() + std::chrono::nanoseconds(replay_patience).count();
    request.answer = [answered](fates f) { answered->set_value(std::move(f)); };
    if (const auto why = post(0, std::move(request))) {
      return fates(count, {model::outcome::refused, why->code, model::ack_level::none});
    }
    // The shard answers at the deadline with what it knows.
    if (answer.wait_for(2 * replay_patience) == std::future_status::ready) return answer.get();
    return fates(count);
  }

  /// As for a packet of MQTT (config_check.cpp): it must fit into a segment, and leave room beside.
  [[nodiscard]] std::size_t most_message_bytes() const noexcept {
    return std::min(p_.settings.memory.budget / 16, p_.settings.spool.segment_size / 2);
  }

  result<model::connection_ref> find(const std::string& client_id) {
    const auto at = ask<model::connection_ref>(p_.system, "journal", p_.dedup_actor.at,
                                               dedup::where_atom::value, client_id);
    if (!at) return at;
    if (at->generation == 0 || at->shard >= p_.shards.size()) {
      return tl::unexpected(not_connected(client_id));
    }
    return at;
  }

  template <class Answer, class... Message>
  result<decltype(Answer::got)> ask_ledger(Message&&... message) {
    auto answer = ask<Answer>(p_.system, "ledger of commands", p_.commands_actor.at,
                              std::forward<Message>(message)...);
    if (!answer) return tl::unexpected(std::move(answer.error()));
    if (answer->refused) return tl::unexpected(std::move(*answer->refused));
    return std::move(answer->got);
  }

  template <class... Message>
  result<contract::sink_report> tell_sink(std::string_view name, Message&&... message) {
    for (const auto& s : p_.sinks) {
      if (s->name != name) continue;
      auto answer = ask<contract::sink_answer>(p_.system, "sink", s->actor.at,
                                               std::forward<Message>(message)...);
      if (!answer) return tl::unexpected(std::move(answer.error()));
      if (answer->refused) return tl::unexpected(std::move(*answer->refused));
      return std::move(answer->report);
    }
    return failure(fault_code::not_found, "no sink is called \"" + std::string(name) + "\"");
  }

  parts& p_;
  const std::int64_t started_ns_;
  std::vector<admin::node_address> addresses_;
};

std::unique_ptr<admin::node_access> node::parts::make_access() {
  return std::make_unique<live_access>(*this);
}

}  // namespace fleetgate::node
