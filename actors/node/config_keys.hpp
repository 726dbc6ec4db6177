// Every key the configuration knows: one entry feeds the loader, `config show`, `config init` and
// the test that keeps docs/reference/config.md complete. Built once at start; immutable.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/node/config.hpp"
#include "actors/node/config_value.hpp"

namespace fleetgate::node {

template <class Section>
struct config_key {
  std::string_view name;
  std::string type;          // "size", "duration", "integer", "path", ... or "low | normal | high"
  std::string limits;        // "1MiB to 1TiB", or ""
  std::string_view example;  // a TOML literal
  std::string_view about;    // one sentence
  bool required = false;
  bool live = false;  // a reload applies it; others wait for a restart
  /// Sets the key in a section; relative paths are taken relative to `base_dir`.
  std::function<value_result<void>(Section&, const raw_value&, const std::string& base_dir)> assign;
  /// The value as `assign` would take it; nothing where none is set.
  std::function<std::optional<raw_value>(const Section&)> show;
};

template <class Section>
struct config_table {
  std::string_view name;
  std::string_view about;
  std::vector<config_key<Section>> keys;  // the first names an entry of a list: each has its own
  bool ordered = false;                   // of a list: the first entry that matches decides

  [[nodiscard]] const config_key<Section>* find(std::string_view key) const {
    for (const auto& k : keys) {
      if (k.name == key) return &k;
    }
    return nullptr;
  }
};

const config_table<node_config>& node_table();
const config_table<memory_config>& memory_table();
const config_table<spool_config>& spool_table();
const config_table<dedup_config>& dedup_table();
const config_table<subscriptions_config>& subscriptions_table();
const config_table<commands_config>& commands_table();
const config_table<listener_config>& listener_table();
const config_table<sink_config>& sink_table();
const config_table<topic_config>& topic_table();
const config_table<topics_config>& topics_table();
const config_table<device_config>& device_table();
const config_table<admin_config>& admin_table();
const config_table<shutdown_config>& shutdown_table();
const config_table<recorder_config>& recorder_table();
const config_table<log_config>& log_table();

/// Calls visit(table, &config::member) for every table in the order of the reference; lists have a
/// member of type std::vector.
template <class Visit>
void for_each_table(Visit&& visit) {
  visit(node_table(), &config::node);
  visit(memory_table(), &config::memory);
  visit(spool_table(), &config::spool);
  visit(dedup_table(), &config::dedup);
  visit(subscriptions_table(), &config::subscriptions);
  visit(commands_table(), &config::commands);
  visit(listener_table(), &config::listeners);
  visit(sink_table(), &config::sinks);
  visit(topic_table(), &config::topics);
  visit(topics_table(), &config::topic_presets);
  visit(device_table(), &config::devices);
  visit(admin_table(), &config::admin);
  visit(shutdown_table(), &config::shutdown);
  visit(recorder_table(), &config::recorder);
  visit(log_table(), &config::log);
}

}  // namespace fleetgate::node
