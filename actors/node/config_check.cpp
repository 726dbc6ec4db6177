#include "actors/node/config_check.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <vector>

#include "actors/node/config_words.hpp"
#include "actors/node/topic_presets.hpp"

namespace fleetgate::node {
namespace {

/// Each lane of the spool writes one segment while another waits for its readers.
constexpr std::uint64_t least_segments = 2 * model::lane_count;
constexpr std::size_t most_of_a_list = 64;
constexpr std::size_t most_rules = model::topic_rules::max_rules;

/// Where a file at `path` is, also before it is there: a link leads to what it will make.
std::filesystem::path place_of(std::filesystem::path path) {
  constexpr int most_links = 40;  // as for Linux
  std::error_code error;
  for (int i = 0; i < most_links && std::filesystem::is_symlink(path, error); ++i) {
    const auto target = std::filesystem::read_symlink(path, error);
    if (error) break;
    path = path.parent_path() / target;
  }
  auto place = std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
  return error ? path.lexically_normal() : place;
}

constexpr std::array beside_a_database{"-wal", "-shm", "-journal"};

/// One file may have several names.
bool is_same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  return a == b || std::filesystem::equivalent(a, b, error);
}

/// A database has files beside it (https://sqlite.org/tempfiles.html, sections 2.1 to 2.3).
bool are_in_each_others_way(const std::filesystem::path& a, const std::filesystem::path& b) {
  if (is_same_file(a, b)) return true;
  const auto is_beside = [](const std::filesystem::path& file, const std::filesystem::path& of) {
    return std::any_of(beside_a_database.begin(), beside_a_database.end(), [&](const char* suffix) {
      return is_same_file(file, of.string() + suffix);
    });
  };
  return is_beside(a, b) || is_beside(b, a);
}

bool is_inside(const std::filesystem::path& path, const std::filesystem::path& directory) {
  const auto way = path.lexically_relative(directory);
  return !way.empty() && *way.begin() != "..";
}

class whole_check {
 public:
  whole_check(const config& c, const config_places& places) : config_(c), places_(places) {}

  config_errors run() && {
    check_lists();
    check_names(config_.listeners, "listener");
    check_names(config_.sinks, "sink");
    check_ports();
    check_reach();
    check_sink_paths();
    check_topics();
    check_matches(config_.topics, "topic");
    check_matches(config_.devices, "device");
    check_budgets();
    return std::move(errors_);
  }

 private:
  void add(const std::string& section, std::string_view key, std::string message,
           std::string suggestion) {
    const config_origin at = places_.find(section, key);
    const std::string named = key.empty() ? std::string() : std::string(key) + ": ";
    errors_.push_back(
        {at.file, at.line, at.column, named + std::move(message), std::move(suggestion)});
  }

  [[nodiscard]] std::string line_of(const std::string& section, std::string_view key) const {
    const config_origin at = places_.find(section, key);
    return at.file + ":" + std::to_string(at.line);
  }

  void limit_list(std::string_view table, std::size_t size, std::size_t most) {
    if (size <= most) return;
    add(section_name(table, most), "",
        "there are " + std::to_string(size) + " [[" + std::string(table) + "]], at most " +
            std::to_string(most) + " are allowed",
        "remove what is not needed from here on");
  }

  void check_lists() {
    if (config_.listeners.empty()) {
      add("", "", "there is no [[listener]], so no device could connect",
          "add [[listener]] with name = \"mqtt\" and bind = \"127.0.0.1:1883\"");
    }
    limit_list("listener", config_.listeners.size(), most_of_a_list);
    limit_list("sink", config_.sinks.size(), most_of_a_list);
    // With room for the rules of the presets.
    limit_list("topic", config_.topics.size(),
               most_rules - preset_topics(config_.topic_presets.presets).size());
    limit_list("device", config_.devices.size(), most_rules);
  }

  template <class List>
  void check_names(const List& list, std::string_view table) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string section = section_name(table, i);
      if (places_.is_faulty(section, "name")) continue;
      const auto first = std::find_if(list.begin(), list.end(),
                                      [&](const auto& o) { return o.name == list[i].name; });
      const auto earlier = static_cast<std::size_t>(first - list.begin());
      if (earlier == i) continue;
      add(section, "name",
          "the " + std::string(table) + " " + quote(list[i].name) + " is already at " +
              line_of(section_name(table, earlier), "name"),
          "give each " + std::string(table) + " its own name");
    }
  }

  template <class List>
  void check_matches(const List& list, std::string_view table) {
    std::map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string section = section_name(table, i);
      if (places_.is_faulty(section, "match")) continue;
      const auto [first, added] = seen.emplace(list[i].match, i);
      if (added) continue;
      add(section, "match",
          quote(list[i].match) + " is never reached, " +
              line_of(section_name(table, first->second), "match") + " matches the same before",
          "remove one of the two");
    }
  }

  struct bound_port {
    std::string section;
    endpoint bind;
  };

  void check_ports() {
    std::vector<bound_port> taken;
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      check_port(taken, {section_name("listener", i), config_.listeners[i].bind});
    }
    check_port(taken, {"admin", config_.admin.bind});
  }

  void check_port(std::vector<bound_port>& taken, const bound_port& p) {
    if (p.bind.port == 0 || places_.is_faulty(p.section, "bind")) return;
    const auto clash = std::find_if(taken.begin(), taken.end(), [&](const bound_port& t) {
      // An address that stands for every interface takes the port of all others with it.
      return t.bind.port == p.bind.port &&
             (t.bind.address == p.bind.address || is_any_address(t.bind) || is_any_address(p.bind));
    });
    if (clash == taken.end()) return taken.push_back(p);
    add(p.section, "bind",
        "port " + std::to_string(p.bind.port) + " is already taken by " + to_string(clash->bind) +
            " at " + line_of(clash->section, "bind"),
        "choose another port, or 0 to let the system choose");
  }

  void check_reach() {
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
      const listener_config& l = config_.listeners[i];
      check_reach(section_name("listener", i), l.bind, l.allow_anonymous);
    }
    check_reach("admin", config_.admin.bind, config_.admin.allow_anonymous);
  }

  void check_reach(const std::string& section, const endpoint& bind, bool allowed) {
    if (allowed || is_loopback(bind) || places_.is_faulty(section, "bind") ||
        places_.is_faulty(section, "allow_anonymous")) {
      return;
    }
    endpoint safe{is_ipv6(bind) ? "::1" : "127.0.0.1", bind.port};
    add(section, "bind",
        to_string(bind) + " can be reached from other machines and asks for no credentials",
        "bind " + quote(to_string(safe)) + ", or write allow_anonymous = true to allow it");
  }

  void check_sink_paths() {
    struct taken_file {
      std::filesystem::path place;
      std::string section;
    };
    std::vector<taken_file> taken;
    for (std::size_t i = 0; i < config_.sinks.size(); ++i) {
      const std::string section = section_name("sink", i);
      if (places_.is_faulty(section, "path")) continue;
      const std::string& path = config_.sinks[i].path;
      const auto place = place_of(path);
      const auto first = std::find_if(taken.begin(), taken.end(), [&](const taken_file& t) {
        return are_in_each_others_way(t.place, place);
      });
      if (const auto own = own_file_at(place)) {
        add(section, "path", quote(path) + " is where the node keeps its own " + *own,
            "for example path = " + quote(config_.node.data_dir + "/fleet.db"));
      } else if (is_same_file(place, place_of(config_.node.data_dir))) {
        add(section, "path", quote(path) + " is the directory of the node",
            "for example path = " + quote(config_.node.data_dir + "/fleet.db"));
      } else if (first != taken.end()) {
        add(section, "path",
            quote(path) + " is already written, with its -wal and -shm, by the sink at " +
                line_of(first->section, "path"),
            "give each sink its own file");
      } else {
        taken.push_back({place, section});
      }
    }
  }

  /// What the node itself has in data_dir; of directories all that is in them.
  [[nodiscard]] std::vector<std::filesystem::path> own_files() const {
    const std::string& dir = config_.node.data_dir;
    const std::string state = state_path(config_);
    std::vector<std::filesystem::path> all{
        spool_directory(config_), state,          dir + "/accounts",
        dir + "/accounts.new",    dir + "/lock",  dir + "/recorder",
        dir + "/shutdown.json",   dir + "/sinks", dir + "/sinks.new"};
    for (const char* suffix : beside_a_database) all.emplace_back(state + suffix);
    return all;
  }

  /// Its name, where one of them is at `place`.
  [[nodiscard]] std::optional<std::string> own_file_at(const std::filesystem::path& place) const {
    for (const auto& own : own_files()) {
      const auto kept = place_of(own);
      if (is_inside(place, kept) || is_same_file(place, kept)) return own.filename().string();
    }
    return std::nullopt;
  }

  void check_topics() {
    const bool any_required = std::any_of(config_.sinks.begin(), config_.sinks.end(),
                                          [](const sink_config& s) { return s.required; });
    for (std::size_t i = 0; i < config_.topics.size(); ++i) {
      const topic_config& topic = config_.topics[i];
      const std::string section = section_name("topic", i);
      for (const auto& f : model::topic_rules::check(rule_spec(topic))) check_rule(section, f);
      if (topic.ack == model::ack_level::committed && !any_required) {
        add(section, "ack", "\"committed\" waits for every required sink, and there is none",
            "add a [[sink]] with required = true, or write ack = \"durable\"");
      }
    }
  }

  void check_rule(const std::string& section, const model::topic_rule_fault& f) {
    if (places_.is_faulty(section, f.key)) return;
    const std::string_view example = [&] {
      const auto* key = topic_table().find(f.key);
      return key == nullptr ? std::string_view() : key->example;
    }();
    add(section, f.key, f.detail,
        example.empty() ? "" : "for example " + std::string(f.key) + " = " + std::string(example));
  }

  void check_budgets() {
    const spool_config& spool = config_.spool;
    const std::uint64_t least = least_segments * spool.segment_size;
    if (spool.budget < least) {
      add("spool", "budget",
          format_size(spool.budget) + " is less than " + std::to_string(least_segments) +
              " segments of " + format_size(spool.segment_size),
          "write budget = " + quote(format_size(least)) + " or a smaller segment_size");
    }
    if (spool.quarantine_budget > spool.budget / 2) {
      add("spool", "quarantine_budget",
          format_size(spool.quarantine_budget) + " is more than half of the spool's budget, " +
              format_size(spool.budget),
          "write quarantine_budget = " + quote(format_size(spool.budget / 16)));
    }
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) check_packet_size(i);
  }

  void check_packet_size(std::size_t i) {
    const std::uint64_t size = config_.listeners[i].max_packet_size;
    // A message must leave room for others beside it, in memory as in its segment.
    const std::uint64_t most = std::min(config_.memory.budget / 16, config_.spool.segment_size / 2);
    if (size <= most) return;
    add(section_name("listener", i), "max_packet_size",
        format_size(size) +
            " is more than a sixteenth of [memory] budget or half of [spool] "
            "segment_size, " +
            format_size(most),
        "write max_packet_size = " + quote(format_size(most)) + " or raise those");
  }

  const config& config_;
  const config_places& places_;
  config_errors errors_;
};

}  // namespace

config_errors check_whole_config(const config& c, const config_places& places) {
  return whole_check(c, places).run();
}

}  // namespace fleetgate::node
