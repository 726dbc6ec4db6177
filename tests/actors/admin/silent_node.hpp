// A node whose actors sleep. It keeps what it was told.
#pragma once

#include "actors/admin/node_access.hpp"

namespace fleetgate::admin {

class silent_node : public node_access {
 public:
  node_status status() override { return {}; }
  result<device_page> devices(const device_cursor&, std::size_t) override { return nobody(); }
  result<contract::connected_device> device(const std::string&) override { return nobody(); }
  result<void> close_connection(const std::string&) override { return nobody(); }
  std::optional<fault> hand_in(std::string_view device,
                               contract::message_request request) override {
    handed_in_by = device;
    handed_in = std::move(request);
    return why_not;
  }
  result<contract::spool_report> spool() override { return nobody(); }
  result<contract::read_block> quarantine(const model::position&, std::size_t,
                                          std::size_t) override {
    return nobody();
  }
  result<std::optional<contract::replay_mark>> replay_mark(const model::position&) override {
    return std::nullopt;
  }
  result<contract::replay_report> replay_quarantined(
      const contract::quarantine_filter& which) override {
    wanted = which;
    contract::replay_report report;
    report.messages = {{{1, 7}, {model::outcome::stored, fault_code::internal, {}}},
                       {{1, 9}, {model::outcome::quarantined, fault_code::schema_violation, {}}}};
    report.passed_over = 2;
    report.next = model::position{1, 9};
    return report;
  }
  std::vector<contract::supervisor_report> actors() override {
    contract::supervisor_report root{"node", contract::actor_state::running, {}};
    contract::supervisor_report journal{"journal", contract::actor_state::running, {}};
    root.actors.push_back({"journal", contract::actor_state::running, 0, std::nullopt, 0, {}});
    journal.actors.push_back({"spool", contract::actor_state::restarting, 3,
                              fault(fault_code::internal, "a bug"), 1'000'000'000, 2'500'000'000});
    return {root, journal};
  }
  std::vector<sink_entry> sinks() override { return {{"a", true, std::nullopt}}; }
  result<contract::sink_report> pause_sink(std::string_view) override { return nobody(); }
  result<contract::sink_report> resume_sink(std::string_view) override { return nobody(); }
  result<contract::sink_report> replay_sink(std::string_view,
                                            const contract::replay_request& what) override {
    replayed = what;
    return nobody();
  }
  result<contract::submitted_command> submit_command(const contract::command_request&) override {
    return nobody();
  }
  result<contract::command> command(const std::string&, const std::string&) override {
    return nobody();
  }
  result<contract::command_page> commands(const std::string&, const std::string&,
                                          std::size_t) override {
    return nobody();
  }
  void drain() override { ++drains; }
  void reload(contract::reload_reply then) override { reloads.push_back(std::move(then)); }

  contract::replay_request replayed;
  contract::quarantine_filter wanted;
  std::string handed_in_by;
  contract::message_request handed_in;
  std::optional<fault> why_not;
  int drains = 0;
  std::vector<contract::reload_reply> reloads;

 private:
  static tl::unexpected<fault> nobody() { return failure(fault_code::no_answer, "it sleeps"); }
};

}  // namespace fleetgate::admin
