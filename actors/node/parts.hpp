// Everything that one node is made of, in the order in which it is made; see node.hpp. Members are
// destroyed in the reverse order, after `stop` has ended the actors and the threads.
#pragma once

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/accounts/page.hpp"
#include "actors/admin/health.hpp"
#include "actors/admin/http_server.hpp"
#include "actors/admin/node_access.hpp"
#include "actors/contract/command_mail.hpp"
#include "actors/contract/journal_mail.hpp"
#include "actors/contract/subscriber.hpp"
#include "actors/dedup/dedup.hpp"
#include "actors/ingress/ingress_actor.hpp"
#include "actors/ingress/shard.hpp"
#include "actors/node/actor_part.hpp"
#include "actors/node/data_lock.hpp"
#include "actors/node/heartbeat.hpp"
#include "actors/node/kept_files.hpp"
#include "actors/node/node.hpp"
#include "actors/observe/config_probe.hpp"
#include "actors/observe/flight_recorder.hpp"
#include "actors/observe/overload_probe.hpp"
#include "actors/observe/probes.hpp"
#include "actors/observe/registry.hpp"
#include "actors/overload/overload_brain.hpp"
#include "actors/parse/schema.hpp"
#include "actors/runtime/memory_budget.hpp"
#include "actors/runtime/unit.hpp"
#include "actors/spool/posix_file_layer.hpp"
#include "actors/spool/segment_reader.hpp"
#include "actors/spool/spool.hpp"
#include "actors/state/sqlite_state_store.hpp"
#include "protocol/model/topic_rules.hpp"

namespace fleetgate::node {

/// CAF's own scheduler runs nothing of ours: detached actors have their own threads, pinned ones
/// their units. One worker that waits instead of polling.
class quiet_caf_config : public caf::actor_system_config {
 public:
  quiet_caf_config() {
    set("scheduler.max-threads", 1);
    set("scheduler.policy", caf::atom("sharing"));
  }
};

/// One shard: its thread, its connections, its parser.
struct shard_parts {
  std::unique_ptr<runtime::unit> unit;
  std::unique_ptr<ingress::shard> shard;
  /// As [[listener]], without those of HTTP.
  std::vector<std::unique_ptr<observe::ingress_probe>> listener_probes;
  observe::ingress_probe loose_probe;  // of messages without a connection
  observe::parse_probe parse_probe;
  std::unique_ptr<heartbeat> beat;
  actor_part ingress, parser;
};

struct sink_parts_of_node {
  std::string name;
  observe::sink_probe probe;
  actor_part actor;
  std::shared_ptr<contract::spool_news> news;
};

/// [[device]] as shards take it (node_reload.cpp).
std::vector<ingress::priority_rule> priority_rules(const std::vector<device_config>& devices);

class node::parts {
 public:
  parts(config c, observe::logger& l, admin_wishes w)
      : in_force(c),
        settings(std::move(c)),
        log(l),
        wishes(std::move(w)),
        memory(settings.memory.budget),
        body_share(settings.memory.budget / 4) {
    note_config_taken();
  }
  ~parts() { stop(); }

  // In the order of a start; each returns what prevents it.
  using step = std::optional<start_failure>;
  step open_files();    // data directory, topic rules, state, spool with its recovery
  step make_journal();  // dedup, spool, state, sinks, sessions
  step make_shards();   // units, listeners
  step serve_http();    // listeners whose protocol is http
  step serve_admin();
  void tell_of_capacity();
  void go();
  void stop();

  [[nodiscard]] std::size_t shard_count() const;
  void register_metrics();
  void tell_of_files(const result<void>& kept);
  void review_overload();
  void make_recorder();
  observe::trace_writer make_trace(const std::string& thread);
  observe::trace_writer make_trace(const std::string& thread, double share);
  void tell_recorder_not_made(const fault& why);
  void keep_recording();
  void note_drained();
  void make_sink(const sink_config& s);
  step make_sessions();

  // node_accounts.cpp
  void open_accounts();
  void report_accounts(const result<accounts::statement>& before);
  void show_journal_account();
  void show_shard_account(std::size_t shard);
  void close_accounts();
  void review_mapped_files();

  // node_actors.cpp
  void supervise();
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<actor_part*>>> groups();
  void for_each_actor(const std::function<void(actor_part&)>& call);
  void review_actors();
  void show_busy(std::vector<contract::supervisor_report>& tree);
  void end_supervision();
  [[nodiscard]] std::vector<std::pair<std::string, caf::actor>> all_supervisors() const;

  // node_reload.cpp
  void apply_live();
  void tell_priorities();
  void note_config_taken();
  void tell_of_reload(const std::vector<contract::config_change>& changes);
  void tell_of_refusal(const contract::reload_refusal& why);

  step make_commands();
  step bind_listeners(std::size_t shard, std::vector<ingress::bound_listener>& bound);

  class live_access;  // node_access.cpp
  std::unique_ptr<admin::node_access> make_access();
  std::function<std::shared_ptr<void>(std::uint64_t)> body_memory();

  config in_force;  // as it was written; a reload changes its live keys
  config settings;  // the same, with the ports that the system chose
  observe::logger& log;
  const admin_wishes wishes;
  std::optional<data_lock> lock;
  contract::account_book<contract::run_account> run_book;
  std::optional<accounts::page> account_page;  // nothing: it could not be made
  model::topic_rules rules;
  parse::schema_set schemas;
  runtime::memory_budget memory;
  runtime::memory_budget body_share;  // how much of `memory` HTTP bodies may have together
  observe::registry metrics;
  admin::health health;
  spool::posix_file_layer files;
  kept_files spool_files{files};
  std::unique_ptr<state::sqlite_state_store> store;
  std::unique_ptr<dedup::dedup> dedup_brain;
  std::unique_ptr<spool::spool> spool_brain;
  observe::config_probe config_probe;
  observe::overload_probe overload_probe;
  overload::overload_brain overload;
  observe::flight_recorder recorder;
  observe::trace_writer journal_trace;
  observe::trace_writer node_trace;  // the journal's too, while it runs
  observe::journal_probe journal_probe;
  observe::sessions_probe sessions_probe;
  observe::commands_probe commands_probe;
  std::unique_ptr<contract::subscriber_mail> subscribers;
  std::unique_ptr<contract::command_mail> commands;
  std::shared_ptr<contract::spool_news> sessions_news;
  std::unique_ptr<contract::journal_mail> mail;
  std::vector<served_address> serves;
  std::unique_ptr<ingress::connection_quota> device_connections;  // of all listeners but http
  std::vector<std::unique_ptr<ingress::connection_quota>> listener_quotas;  // one each

  quiet_caf_config caf_config;
  caf::actor_system system{caf_config};
  std::unique_ptr<runtime::unit> journal;
  std::unique_ptr<heartbeat> journal_beat;
  std::vector<std::unique_ptr<shard_parts>> shards;
  std::vector<std::unique_ptr<sink_parts_of_node>> sinks;
  actor_part dedup_actor, spool_actor, state_actor, sessions_actor, commands_actor;
  observe::trace_writer supervision_trace;
  using named_actors = std::vector<std::pair<std::string, caf::actor>>;
  mutable std::mutex supervisors_lock;  // the admin server runs before they do
  named_actors supervisors;             // the root first
  std::unique_ptr<admin::node_access> http_access, access;
  std::vector<std::unique_ptr<observe::ingress_probe>> http_probes;  // one a server
  std::vector<std::unique_ptr<admin::http_server>> http_servers;
  std::unique_ptr<admin::http_server> admin_server;
  std::uint64_t refused_by_spool = 0;  // at the last review
  int full_reviews_left = 0;
  std::uint64_t device_files = 0;    // descriptors that devices may have
  bool files_in_place = true;        // at the last review
  bool accounts_lost = false;        // at the last review
  bool recording_lost = false;       // at the last review
  std::atomic<bool> gave_up{false};  // an actor ended too often
  bool priorities_untold = false;    // to a shard, since the last reload
  bool drained = false;
  bool stopped = false;
};

}  // namespace fleetgate::node
