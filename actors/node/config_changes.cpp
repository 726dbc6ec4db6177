#include "actors/node/config_changes.hpp"

#include <algorithm>
#include <map>
#include <type_traits>
#include <utility>

#include "actors/node/config_keys.hpp"

namespace fleetgate::node {
namespace {

using contract::change_effect;
using contract::config_change;
using text = std::optional<std::string>;

std::string text_of(const raw_value& v) {
  const auto* const plain = std::get_if<std::string>(&v.is);
  return plain != nullptr ? *plain : to_literal(v);
}

template <class Section>
text shown(const config_key<Section>& key, const Section& section) {
  const auto value = key.show(section);
  return value ? text(text_of(*value)) : std::nullopt;
}

/// A list is taken over as a whole or not at all.
template <class Section>
bool all_live(const config_table<Section>& table) {
  return std::all_of(table.keys.begin(), table.keys.end(),
                     [](const config_key<Section>& k) { return k.live; });
}

constexpr change_effect effect_of(bool live) noexcept {
  return live ? change_effect::applied : change_effect::needs_restart;
}

/// {match = "press-*", priority = "high"}: what is not the default.
template <class Section>
std::string entry_text(const config_table<Section>& table, const Section& section) {
  const Section defaults{};
  std::string out;
  for (const auto& key : table.keys) {
    const auto value = key.show(section);
    const auto by_default = key.show(defaults);
    if (!value || (by_default && to_literal(*value) == to_literal(*by_default))) continue;
    out += (out.empty() ? "" : ", ") + std::string(key.name) + " = " + to_literal(*value);
  }
  return "{" + out + "}";
}

class comparison {
 public:
  comparison(const config& running, const config& wanted) : running_(running), wanted_(wanted) {}

  template <class Section>
  void operator()(const config_table<Section>& table, Section config::*member) {
    for (const auto& key : table.keys) {
      compare_key(std::string(table.name), key, running_.*member, wanted_.*member, key.live);
    }
  }

  template <class Section>
  void operator()(const config_table<Section>& table, std::vector<Section> config::*member) {
    const bool live = all_live(table);
    const auto before = by_name(table, running_.*member), after = by_name(table, wanted_.*member);
    for (const Section& was : running_.*member) {
      const std::string name = name_of(table, was), path = path_of(table, name);
      if (const auto now = after.find(name); now == after.end()) {
        add(path, entry_text(table, was), std::nullopt, live);
      } else {
        for (const auto& key : table.keys) compare_key(path, key, was, *now->second, live);
        compare_files(path, was, *now->second);
      }
    }
    for (const Section& now : wanted_.*member) {
      const std::string name = name_of(table, now);
      if (before.count(name) != 0) continue;
      add(path_of(table, name), std::nullopt, entry_text(table, now), live);
    }
    if (table.ordered) compare_order(table, before, after, member);
  }

  std::vector<config_change> found() && { return std::move(found_); }

 private:
  template <class Section>
  using entries = std::map<std::string, const Section*>;

  template <class Section>
  static std::string name_of(const config_table<Section>& table, const Section& section) {
    return shown(table.keys.front(), section).value_or("");
  }

  template <class Section>
  static std::string path_of(const config_table<Section>& table, const std::string& name) {
    return std::string(table.name) + "[" + name + "]";
  }

  template <class Section>
  static entries<Section> by_name(const config_table<Section>& table,
                                  const std::vector<Section>& list) {
    entries<Section> all;
    for (const Section& section : list) all.emplace(name_of(table, section), &section);
    return all;
  }

  void add(std::string key, text was, text now, bool live) {
    found_.push_back({std::move(key), std::move(was), std::move(now), effect_of(live)});
  }

  template <class Section>
  void compare_key(const std::string& path, const config_key<Section>& key, const Section& was,
                   const Section& now, bool live) {
    text before = shown(key, was), after = shown(key, now);
    if (before == after) return;
    add(path + "." + std::string(key.name), std::move(before), std::move(after), live);
  }

  /// What stands in the files that an entry names.
  template <class Section>
  void compare_files(const std::string& path, const Section& was, const Section& now) {
    if constexpr (std::is_same_v<Section, topic_config>) {
      if (was.schema != now.schema || was.schema_hash == now.schema_hash) return;
      add(path + ".schema", was.schema + " as it was", now.schema + " as it is now", false);
    }
  }

  /// Of the entries that stayed: the first two that have changed places.
  template <class Section>
  void compare_order(const config_table<Section>& table, const entries<Section>& before,
                     const entries<Section>& after, std::vector<Section> config::*member) {
    const auto stayed = [&](const config& of, const entries<Section>& in_other) {
      std::vector<std::string> names;
      for (const Section& section : of.*member) {
        std::string name = name_of(table, section);
        if (in_other.count(name) != 0) names.push_back(std::move(name));
      }
      return names;
    };
    const auto old_order = stayed(running_, after), new_order = stayed(wanted_, before);
    const auto [was, now] =
        std::mismatch(old_order.begin(), old_order.end(), new_order.begin(), new_order.end());
    if (was == old_order.end() || now == new_order.end()) return;
    add(std::string(table.name), *was + " before " + *now, *now + " before " + *was,
        all_live(table));
  }

  const config& running_;
  const config& wanted_;
  std::vector<config_change> found_;
};

/// Takes over from one config into another.
struct taking_over {
  config& into;
  const config& from;

  template <class Section>
  void operator()(const config_table<Section>& table, Section config::*member) {
    for (const auto& key : table.keys) {
      // Live keys always have a value, and what a valid config shows is taken.
      if (key.live) (void)key.assign(into.*member, *key.show(from.*member), "");
    }
  }
  template <class Section>
  void operator()(const config_table<Section>& table, std::vector<Section> config::*member) {
    if (all_live(table)) into.*member = from.*member;
  }
};

}  // namespace

std::vector<config_change> changes_between(const config& running, const config& wanted) {
  comparison compare(running, wanted);
  for_each_table(compare);
  return std::move(compare).found();
}

config with_live_keys(config running, const config& wanted) {
  for_each_table(taking_over{running, wanted});
  return running;
}

}  // namespace fleetgate::node
