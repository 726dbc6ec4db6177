// How a node starts: files and recovery first, then sinks, then listeners.
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <thread>

#include "actors/commands/commands_actor.hpp"
#include "actors/dedup/dedup_actor.hpp"
#include "actors/ingress/bind_listener.hpp"
#include "actors/ingress/connection_actor.hpp"
#include "actors/node/config_capacity.hpp"
#include "actors/node/listener_limits.hpp"
#include "actors/node/parts.hpp"
#include "actors/node/topic_presets.hpp"
#include "actors/observe/probe_registration.hpp"
#include "actors/parse/parser_actor.hpp"
#include "actors/runtime/clock.hpp"
#include "actors/runtime/thread_room.hpp"
#include "actors/sessions/sessions_actor.hpp"
#include "actors/sink/sink_actor.hpp"
#include "actors/sink/sqlite_writer.hpp"
#include "actors/spool/spool_actor.hpp"
#include "actors/state/state_actor.hpp"

namespace fleetgate::node {
namespace {

start_failure failed(exit_code code, const fault& f) {
  return {code, to_string(f)};
}

exit_code code_of(const fault& f, exit_code otherwise) {
  if (f.code == fault_code::config_invalid) return exit_code::config_error;
  if (f.code == fault_code::resource_unavailable) return exit_code::os_error;
  return f.code == fault_code::not_authorized ? exit_code::no_permission : otherwise;
}

/// Of data_dir, with what to do.
start_failure data_failure(const fault& f) {
  const bool is_full = f.code == fault_code::storage_full;
  return {code_of(f, exit_code::cannot_create),
          to_string(f) + (is_full ? "; make room on the disk of data_dir, and start again" : "")};
}

/// What is there and cannot be read whole. The node must not go on with a part of it: what it
/// writes would take the place of the rest.
start_failure state_unreadable(const fault& f) {
  return {exit_code::io_error,
          to_string(f) +
              "; mend the disk, or move state.db and its -wal and -shm away and start again: no "
              "message is lost, but what was sent before and is sent again may be stored twice, "
              "and subscriptions and commands to devices are gone"};
}

start_failure state_busy(const fault& f) {
  return {exit_code::os_error,
          to_string(f) +
              "; close what has state.db open (`fuser` names it: a backup, a shell), and start "
              "again"};
}

start_failure state_failure(const fault& f) {
  if (f.code == fault_code::storage_busy) return state_busy(f);
  const bool unreadable = f.code == fault_code::storage_damaged || f.code == fault_code::storage_io;
  return unreadable ? state_unreadable(f) : data_failure(f);
}

start_failure state_not_opened(const fault& f) {
  if (f.code == fault_code::storage_busy) return state_busy(f);
  return f.code == fault_code::storage_damaged ? state_unreadable(f) : data_failure(f);
}

std::uint64_t random_u64() {
  std::random_device random;
  return static_cast<std::uint64_t>(random()) << 32 | random();
}

/// Devices need descriptors: takes what the system grants, and says how many that is.
std::uint64_t raise_open_file_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return 0;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_cur;
}

/// How many of them devices may have: spool, sinks, state and admin must go on when every device
/// that can be here is here.
std::uint64_t open_files_for_devices(std::uint64_t limit) {
  constexpr std::uint64_t reserve = 128;
  return limit > 2 * reserve ? limit - reserve : limit / 2;
}
/// The journal answers at once, or is too busy for it: then the device's next coming will do.
constexpr std::chrono::seconds locate_patience{2};
/// Half of it is what the node needs when every lane has a writer and all its readers.
constexpr std::uint64_t least_open_files = 160;

void tell_of(dedup::window_room room, admin::health& health) {
  switch (room) {
    case dedup::window_room::enough:
      return health.set("windows", admin::health_state::good);
    case dedup::window_room::waits:
      return health.set("windows", admin::health_state::unready,
                        "memory is full of duplicate windows that state.db does not take: what new "
                        "devices send waits, and what comes behind it; see who locks state.db, and "
                        "the disk of data_dir");
    case dedup::window_room::goes_without:
      return health.set("windows", admin::health_state::degraded,
                        "state.db takes no duplicate windows, and new devices get none: what they "
                        "send again is stored again; see who locks state.db, and the disk of "
                        "data_dir");
  }
}

std::size_t shards_of(const config& settings) {
  if (settings.node.shards != 0) return settings.node.shards;
  const std::size_t processors = std::max(std::thread::hardware_concurrency(), 2u);
  return std::min<std::size_t>(processors - 1, 64);  // the journal has one
}

/// What a node has besides main's thread and the log's.
std::size_t threads_of(const config& settings) {
  constexpr std::size_t for_caf = 3;       // its worker, its clock, its multiplexer
  constexpr std::size_t for_actors = 3;    // state, sessions, commands
  constexpr std::size_t for_a_server = 2;  // its loop, and what may wait
  const auto servers =
      1 + std::count_if(settings.listeners.begin(), settings.listeners.end(),
                        [](const auto& l) { return l.protocol == listener_protocol::http; });
  return for_caf + for_actors + settings.sinks.size() + 1 + shards_of(settings) +
         for_a_server * static_cast<std::size_t>(servers);
}

}  // namespace

std::size_t node::parts::shard_count() const {
  return shards_of(settings);
}

node::parts::step node::parts::open_files() {
  auto taken = data_lock::take(settings.node.data_dir);
  if (!taken) return data_failure(taken.error());
  lock.emplace(std::move(*taken));
  if (auto kept = spool_files.keep(lock->path()); !kept) {
    return failed(exit_code::cannot_create, kept.error());
  }
  std::vector<model::topic_rule_spec> specs;
  for (const auto& t : topics_in_force(settings)) {
    specs.push_back(rule_spec(t));
    if (t.schema.empty()) continue;
    const auto schema = parse::schema::load(t.schema);
    if (!schema) return failed(exit_code::config_error, schema.error());
    specs.back().schema_hash = schema->hash();  // a changed schema is another rule version
  }
  auto compiled = model::topic_rules::compile(specs);
  if (!compiled) return failed(exit_code::config_error, compiled.error());
  rules = std::move(*compiled);
  auto loaded = parse::schema_set::load(rules);
  if (!loaded) return failed(exit_code::config_error, loaded.error());
  schemas = std::move(*loaded);

  auto opened = state::sqlite_state_store::open(settings.node.data_dir);
  if (!opened) return state_not_opened(opened.error());
  store = std::move(*opened);
  dedup::dedup_limits limits;
  limits.window_bytes = settings.dedup.window_budget;
  limits.sessions = settings.dedup.sessions;
  limits.hash_seed = random_u64();
  dedup_brain = std::make_unique<dedup::dedup>(limits, store.get());
  spool::spool_options options;
  options.directory = spool_directory(settings);
  const auto there = spool::spool::uuid_in(spool_files, options.directory);
  if (!there) return data_failure(there.error());
  const auto restored = dedup_brain->restore(*there);
  if (!restored) return state_failure(restored.error());
  if (restored->of_another_spool) {
    log.warn("state.of_another_spool",
             {{"spool", *there ? model::to_string(**there) : "none"},
              {"why", "the spool that windows and quarantine were kept for is gone"},
              {"next", "what is sent again is stored again; sessions and commands stay"}});
  }
  const std::uint64_t covered = restored->covered_lsn;
  options.opened_at_s = static_cast<std::uint32_t>(runtime::unix_now_ns() / 1'000'000'000);
  options.budget_bytes = settings.spool.budget;
  options.segment_bytes = settings.spool.segment_size;
  options.quarantine_budget_bytes = settings.spool.quarantine_budget;
  auto recovered =
      spool::spool::open(spool_files, options, covered + 1,
                         [this](const contract::stored_record& r, std::uint64_t durable_lsn) {
                           dedup_brain->recover(r, durable_lsn);
                         });
  if (!recovered) return data_failure(recovered.error());
  spool_brain = std::move(*recovered);
  if (auto claimed = dedup_brain->belong_to(spool_brain->uuid()); !claimed) {
    return state_failure(claimed.error());
  }
  if (auto kept = spool_files.keep(options.directory); !kept) {
    return failed(exit_code::cannot_create, kept.error());
  }
  spool_brain->set_snapshot_floor(covered);
  const auto& report = spool_brain->recovered();
  const bool lost_something = report.damaged_records != 0 || report.foreign_segments != 0;
  // What is torn may never have been synced, and may be a loss that nothing proves.
  const bool torn = report.torn_bytes != 0 || report.torn_segments != 0;
  const auto level = lost_something ? observe::log_level::error
                     : torn         ? observe::log_level::warn
                                    : observe::log_level::info;
  log.log_event(level, "spool.recovered",
                {{"records", report.records},
                 {"bytes", report.bytes},
                 {"torn_bytes", report.torn_bytes},
                 {"torn_segments", report.torn_segments},
                 {"damaged_records", report.damaged_records},
                 {"foreign_segments", report.foreign_segments}});
  make_recorder();
  open_accounts();
  return std::nullopt;
}

void node::parts::make_sink(const sink_config& s) {
  auto made = std::make_unique<sink_parts_of_node>();
  made->name = s.name;
  made->news = std::make_shared<contract::spool_news>();
  std::error_code ignored;  // the writer says what is wrong with the directory
  std::filesystem::create_directories(std::filesystem::path(s.path).parent_path(), ignored);
  auto with = std::make_shared<sink::sink_parts>();
  with->name = s.name;
  with->required = s.required;
  with->writer = std::make_unique<sink::sqlite_writer>(
      sink::sqlite_sink_options{s.name, s.path, s.retention_size, s.retention, settings.node.name,
                                std::chrono::milliseconds(1000), "", spool_brain->uuid()});
  with->reader = spool::make_reader(spool_files, spool_brain->view());
  with->news = made->news;
  with->seed = random_u64();
  with->trace = make_trace("sink-" + s.name);
  made->actor.name = "sink." + s.name;
  made->actor.body = std::make_unique<sink::sink_actor>(with, *mail, made->probe, log);
  made->actor.reads(made->news->changed);
  sinks.push_back(std::move(made));
}

node::parts::step node::parts::make_sessions() {
  subscribers = std::make_unique<contract::subscriber_mail>(shard_count(), settings.memory.budget);
  commands = std::make_unique<contract::command_mail>(shard_count(), settings.memory.budget);
  auto with = std::make_shared<sessions::sessions_parts>();
  const auto from = sessions::stored_cursor(*store);
  if (!from) return state_failure(from.error());
  with->from = *from;
  const std::string name(sessions::reader_name);
  if (!spool_brain->register_follower(name, with->from)) with->from = {};  // of another spool
  with->reader = spool::make_reader(spool_files, spool_brain->view());
  with->news = sessions_news = std::make_shared<contract::spool_news>();
  sessions::sessions_limits limits;
  limits.queue.messages = settings.subscriptions.queue_messages;
  limits.queue.bytes = settings.subscriptions.queue_size;
  limits.away_queue_bytes = settings.memory.budget / 4;
  limits.retained_messages = settings.subscriptions.retained_messages;
  limits.retained_bytes = settings.subscriptions.retained_size;
  sessions_actor.name = "sessions";
  auto made = std::make_unique<sessions::sessions_actor>(
      with, limits, *subscribers, *commands, *mail, *store, memory, sessions_probe, log);
  if (auto restored = made->restore(); !restored) return state_failure(restored.error());
  sessions_actor.body = std::move(made);
  sessions_actor.reads(sessions_news->changed);
  sessions_actor.reads(subscribers->events);
  sessions_actor.reads(subscribers->settled_wills);
  sessions_actor.reads(subscribers->room);
  sessions_actor.reads(commands->to_subscribers);
  return std::nullopt;
}

node::parts::step node::parts::make_commands() {
  commands::commands_limits limits;
  limits.open_per_device = settings.commands.open_per_device;
  limits.bytes = settings.commands.size;
  limits.keep_ns = std::chrono::nanoseconds(settings.commands.keep).count();
  const auto locate = [this](caf::event_based_actor* asker, const std::string& device, auto found) {
    asker->request(dedup_actor.at.get(), locate_patience, dedup::where_atom::value, device)
        .then([found](model::connection_ref at) { found(at); },
              [found](const caf::error&) { found(std::nullopt); });
  };
  commands_actor.name = "commands";
  auto made = std::make_unique<commands::commands_actor>(
      limits, command_topics(settings.topic_presets.presets), *commands, *store, locate,
      commands_probe, log);
  if (auto restored = made->restore(); !restored) return state_failure(restored.error());
  commands_actor.body = std::move(made);
  commands_actor.reads(commands->events);
  return std::nullopt;
}

node::parts::step node::parts::make_journal() {
  const std::size_t in_memory = settings.memory.budget / 2;
  mail = std::make_unique<contract::journal_mail>(shard_count(),
                                                  runtime::mailbox_limits{4096, in_memory});
  show_journal_account();
  journal = std::make_unique<runtime::unit>(system, "journal");
  std::vector<std::shared_ptr<contract::spool_news>> news;
  for (const auto& s : settings.sinks) {
    // At the beginning until the sink has told how far its store is: nothing goes before.
    const auto registered = spool_brain->register_reader(s.name, s.required, contract::cursor{});
    if (!registered) return failed(exit_code::internal_error, registered.error());
    make_sink(s);
    news.push_back(sinks.back()->news);
  }
  if (auto why = make_sessions()) return why;
  news.push_back(sessions_news);
  spool_actor.name = "spool";
  spool_actor.home = dedup_actor.home = journal.get();
  spool_actor.body = std::make_unique<spool::spool_actor>(
      *journal, *spool_brain, *mail, news, journal_probe, journal_trace, node_trace, log);
  spool_actor.reads(mail->appends);
  spool_actor.reads(mail->progress);
  dedup_actor.name = "dedup";
  dedup_actor.body = std::make_unique<dedup::dedup_actor>(
      *journal, *dedup_brain, *mail, *spool_brain, spool_actor.at, journal_probe, journal_trace,
      log, [this](dedup::window_room room) { tell_of(room, health); });
  dedup_actor.reads(mail->settlements);
  dedup_actor.reads(mail->batches);
  state_actor.name = "state";
  state_actor.body = std::make_unique<state::state_actor>(*store, *mail, dedup_actor.at, log);
  state_actor.reads(mail->snapshots);
  return make_commands();
}

node::parts::step node::parts::bind_listeners(std::size_t shard,
                                              std::vector<ingress::bound_listener>& bound) {
  auto& of = *shards[shard];
  auto quota = listener_quotas.begin();
  for (auto& l : settings.listeners) {
    if (l.protocol == listener_protocol::http) continue;
    ingress::listener_settings made;
    made.name = l.name;
    made.address = l.bind.address;
    made.port = l.bind.port;
    made.quota = (*quota++).get();
    if (l.protocol == listener_protocol::native)
      made.session = native_limits(l, settings.node.name);
    else
      made.session = mqtt_limits(l);
    of.listener_probes.push_back(std::make_unique<observe::ingress_probe>());
    made.probe = of.listener_probes.back().get();
    if (shard == 0 && made.port != 0) {
      const auto is_free = ingress::find_port_free(of.unit->io(), made);
      if (!is_free) return failed(exit_code::os_error, is_free.error());
    }
    auto acceptor = ingress::bind_listener(of.unit->io(), made);
    if (!acceptor) return failed(exit_code::os_error, acceptor.error());
    // The first shard's choice of a port is everybody's.
    l.bind.port = acceptor->local_endpoint().port();
    if (shard == 0)
      serves.push_back({l.name, std::string(to_string(l.protocol)), to_string(l.bind)});
    bound.push_back({std::move(made), std::move(*acceptor)});
  }
  return std::nullopt;
}

node::parts::step node::parts::make_shards() {
  const std::uint64_t open_files = raise_open_file_limit();
  if (open_files < least_open_files) {
    return failed(exit_code::os_error,
                  fault(fault_code::resource_unavailable,
                        "the limit of open files is " + std::to_string(open_files) + "; at least " +
                            std::to_string(least_open_files) +
                            " are needed: raise it (ulimit -n, LimitNOFILE)"));
  }
  device_files = open_files_for_devices(open_files);
  device_connections = std::make_unique<ingress::connection_quota>(device_files);
  for (const auto& l : settings.listeners) {
    if (l.protocol != listener_protocol::http) {
      listener_quotas.push_back(
          std::make_unique<ingress::connection_quota>(l.max_connections, device_connections.get()));
    }
    if (l.max_connections <= device_files) continue;
    log.warn("listener.connections_limited",
             {{"listener", l.name},
              {"max_connections", l.max_connections},
              {"possible", device_files},
              {"next", "raise the limit of open files (ulimit -n, LimitNOFILE)"}});
  }
  for (std::size_t i = 0; i < shard_count(); ++i) {
    shards.push_back(std::make_unique<shard_parts>());
    auto& s = *shards.back();
    s.unit = std::make_unique<runtime::unit>(system, "shard-" + std::to_string(i));
    s.shard = std::make_unique<ingress::shard>(
        static_cast<std::uint16_t>(i), *s.unit, memory, rules, priority_rules(settings.devices),
        runtime::mailbox_limits{16'384, settings.memory.budget / 8}, *subscribers, *commands,
        overload_probe, log);
    s.shard->loose_probe = &s.loose_probe;
    s.shard->trace = make_trace("shard-" + std::to_string(i));
    show_shard_account(i);
    std::vector<ingress::bound_listener> bound;
    if (auto why = bind_listeners(i, bound)) return why;
    s.ingress.home = s.parser.home = s.unit.get();
    s.parser.name = s.unit->name() + ".parser";
    s.parser.body = std::make_unique<parse::parser_actor>(s.shard->intake, *mail, rules, schemas,
                                                          s.parse_probe, log);
    s.parser.reads(s.shard->intake.to_parser);
    s.parser.reads(mail->room[i].changed);
    auto ingress = std::make_unique<ingress::ingress_actor>(*s.unit, *s.shard, *mail->receipts[i],
                                                            std::move(bound), log);
    s.unit->on_sockets_polled([at = ingress.get()] { at->take_round(); });
    s.ingress.name = s.unit->name() + ".ingress";
    s.ingress.body = std::move(ingress);
    s.ingress.reads(*mail->receipts[i]);
    s.ingress.reads(subscribers->to_shards[i]->deliveries);
    s.ingress.reads(subscribers->to_shards[i]->wills);
    s.ingress.reads(s.shard->handed_in);
    s.ingress.reads(*commands->to_shards[i]);
    s.beat = std::make_unique<heartbeat>(*s.unit, health);
  }
  journal_beat = std::make_unique<heartbeat>(*journal, health);
  return std::nullopt;
}

void node::parts::register_metrics() {
  using namespace observe;
  for (const auto& s : shards) {
    auto probe = s->listener_probes.begin();
    for (const auto& l : settings.listeners) {
      if (l.protocol != listener_protocol::http) register_probe(metrics, l.name, **probe++);
    }
    register_probe(metrics, "http", s->loose_probe);
    register_queue(metrics, "requests", s->shard->handed_in.box());
    register_probe(metrics, s->parse_probe);
  }
  register_probe(metrics, journal_probe);
  for (const auto& s : sinks) register_probe(metrics, s->name, s->probe);
  register_probe(metrics, sessions_probe);
  register_probe(metrics, commands_probe);
  register_probe(metrics, overload_probe);
  for_each_actor([this](actor_part& a) { register_probe(metrics, a.name, a.probe); });
  register_probe(metrics, config_probe);
  register_queue(metrics, "journal", mail->batches.box());
  register_queue(metrics, "sessions", subscribers->events.box());
  register_queue(metrics, "commands", commands->events.box());
  register_queue(metrics, "sessions_commands", commands->to_subscribers.box());
  for (const auto& s : commands->to_shards) register_queue(metrics, "native_commands", s->box());
  register_queue(metrics, "progress", mail->progress.box());
  register_queue(metrics, "snapshots", mail->snapshots.box());
  register_queue(metrics, "settled_wills", subscribers->settled_wills.box());
  for (const auto& s : subscribers->to_shards) {
    register_queue(metrics, "delivery", s->deliveries.box());
    register_queue(metrics, "wills", s->wills.box());
  }
  register_memory(metrics, memory);
  register_log(metrics, log);
  register_node(metrics, FLEETGATE_VERSION, [this] { return health.ready().passed; });
  register_process(metrics);
}

/// What the node can hold, so that nobody has to work it out during an incident.
void node::parts::tell_of_capacity() {
  const typical_load load;
  const config_capacity holds = capacity_of(settings, load);
  log.info("node.capacity", {{"memory_bytes", settings.memory.budget},
                             {"memory_seconds", holds.memory_seconds},
                             {"spool_bytes", settings.spool.budget},
                             {"spool_seconds", holds.spool_seconds},
                             {"at_messages_per_second", load.messages_per_second},
                             {"of_bytes", load.payload_bytes}});
}

void node::parts::go() {
  tell_of_capacity();
  supervise();
  journal->start();
  for (auto& s : shards) s->unit->start();
  health.startup_finished();
  keep_recording();
}

tl::expected<std::unique_ptr<node>, start_failure> node::start(
    config settings, observe::logger& log, admin_wishes wishes,
    const std::function<void()>& recovered) {
  runtime::try_threads(threads_of(settings));
  auto p = std::make_unique<parts>(std::move(settings), log, std::move(wishes));
  for (const auto step : {&parts::open_files, &parts::make_journal, &parts::make_shards,
                          &parts::serve_http, &parts::serve_admin}) {
    if (step == &parts::make_shards) recovered();
    if (auto why = (p.get()->*step)()) {
      p->recorder.discard();  // it says nothing that the log does not
      return tl::unexpected(std::move(*why));
    }
  }
  p->go();
  return std::unique_ptr<node>(new node(std::move(p)));
}

}  // namespace fleetgate::node
