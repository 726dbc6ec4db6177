// How a node's accounts begin, go on after a start, and end: actors/accounts.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "actors/accounts/history.hpp"
#include "actors/node/parts.hpp"
#include "actors/node/sink_list.hpp"
#include "actors/runtime/mapped_guard.hpp"

namespace fleetgate::node {
namespace {

/// Another one after each start of the machine; zero where the system does not say.
std::array<std::uint64_t, 2> boot_of_machine() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  std::erase(text, '-');
  const auto id = model::parse_spool_uuid(text);  // 32 hexadecimal digits too
  std::array<std::uint64_t, 2> words{};
  if (id) std::memcpy(words.data(), id->bytes.data(), sizeof(words));
  return words;
}

accounts::found_spool found(const spool::spool& recovered) {
  accounts::found_spool f;
  const model::spool_uuid uuid = recovered.uuid();
  std::memcpy(f.uuid.data(), uuid.bytes.data(), sizeof(f.uuid));
  f.boot = boot_of_machine();
  f.incarnation = recovered.incarnation();
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    f.last[i] = recovered.last_ordinal(static_cast<model::lane>(i));
  }
  return f;
}

}  // namespace

/// A node without accounts serves; one that cannot say what became of a message says so.
void node::parts::open_accounts() {
  const std::string& data_dir = settings.node.data_dir;
  if (auto listed = write_sink_list(data_dir, settings.sinks); !listed) {
    log.error("accounts.sinks_unlisted", {{"reason", to_string(listed.error())},
                                          {"effect", "fleetgate audit does not find the sinks"}});
  }
  const auto there = found(*spool_brain);
  const auto before = accounts::read_statement(files, data_dir);
  run_book.now = before ? accounts::go_on(*before, there) : accounts::begin(there);
  auto made = accounts::page::create(data_dir, shard_count(), run_book.now);
  if (!made) {
    // What is there says nothing about the run that begins.
    std::error_code ignored;
    std::filesystem::remove(data_dir + "/accounts", ignored);
    log.error("accounts.unavailable", {{"reason", to_string(made.error())},
                                       {"effect", "fleetgate audit has nothing to read"},
                                       {"next", "make room for data_dir and start again"}});
    return;
  }
  account_page.emplace(std::move(*made));
  run_book.show_in(account_page->run_section());
  report_accounts(before);
}

void node::parts::report_accounts(const result<accounts::statement>& before) {
  if (!before && before.error().code == fault_code::not_found) return;
  const auto found = before ? accounts::findings(before->run, run_book.now) : std::nullopt;
  if (!found) {
    log.error("accounts.begun_anew",
              {{"reason", before ? "they were of another spool" : to_string(before.error())},
               {"effect", "earlier runs are not audited any more"}});
    return;
  }
  const auto level = found->missing != 0 || found->unexplained != 0     ? observe::log_level::error
                     : found->interrupted != 0 || found->unwritten != 0 ? observe::log_level::warn
                                                                        : observe::log_level::info;
  log.log_event(level, "accounts.continued",
                {{"interrupted", found->interrupted},
                 {"unwritten_records", found->unwritten},
                 {"missing_records", found->missing},
                 {"unexplained", found->unexplained}});
}

void node::parts::show_journal_account() {
  auto& now = mail->account.now;
  now.base_lsn = now.last_lsn = spool_brain->last_lsn();
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    const auto in = static_cast<model::lane>(i);
    now.base[i] = now.last[i] = spool_brain->last_ordinal(in);
    now.durable[i] = spool_brain->durable_ordinal(in);
  }
  if (!account_page) return;
  mail->account.show_in(account_page->journal_section());
  mail->account.publish();
}

void node::parts::show_shard_account(std::size_t shard) {
  if (account_page) {
    shards[shard]->shard->intake.account.show_in(account_page->shard_section(shard));
  }
}

void node::parts::close_accounts() {
  if (!account_page || account_page->is_lost()) return;
  run_book.now.drained = 1;
  run_book.publish();
  if (auto synced = account_page->sync(); !synced) {
    log.error("accounts.sync_failed", {{"reason", to_string(synced.error())}});
  }
}

/// The node goes on without them (runtime/mapped_guard.hpp).
void node::parts::review_mapped_files() {
  const bool lost = account_page && account_page->is_lost();
  if (lost && !std::exchange(accounts_lost, true)) {
    log.error("accounts.lost",
              {{"reason", "the file was truncated, or its disk does not give it back"},
               {"effect", "nothing of this run is audited"},
               {"next", "look at the disk of data_dir; a restart begins accounts anew"}});
    health.set("accounts", admin::health_state::degraded,
               "the file was truncated, or its disk does not give it back: nothing of this run is "
               "audited");
  }
  const bool others = runtime::mapped_guard::count_lost() > (lost ? 1U : 0U);
  if (others && !std::exchange(recording_lost, true)) {
    log.warn("recorder.lost",
             {{"reason", "a file was truncated, or its disk does not give it back"},
              {"effect", "what this start does is not recorded, or not whole"}});
    health.set("recorder", admin::health_state::degraded,
               "a file was truncated, or its disk does not give it back");
  }
}

}  // namespace fleetgate::node
