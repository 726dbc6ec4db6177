#include "actors/node/config_build.hpp"

#include <algorithm>
#include <tuple>

#include "actors/node/config_check.hpp"
#include "actors/node/config_words.hpp"

namespace fleetgate::node {
namespace {

std::string in_table(std::string_view table, bool list) {
  return (list ? "[[" : "[") + std::string(table) + (list ? "]]" : "]");
}

template <class Section>
std::vector<std::string_view> key_names(const config_table<Section>& table) {
  std::vector<std::string_view> names;
  for (const auto& key : table.keys) names.push_back(key.name);
  return names;
}

template <class Section>
constexpr bool is_list(std::vector<Section> config::*) {
  return true;
}
template <class Section>
constexpr bool is_list(Section config::*) {
  return false;
}

/// The tables that know `key`, as they are written: "[node]".
std::vector<std::string> tables_with(std::string_view key) {
  std::vector<std::string> found;
  for_each_table([&](const auto& table, auto member) {
    if (table.find(key) != nullptr) found.push_back(in_table(table.name, is_list(member)));
  });
  return found;
}

/// How to set a key in this kind of document.
std::string how_to_set(document_kind kind, const raw_entry& entry, std::string_view literal) {
  const bool quoted = literal.size() >= 2 && literal.front() == '"';
  const std::string bare(quoted ? literal.substr(1, literal.size() - 2) : literal);
  switch (kind) {
    case document_kind::file:
      return "write " + entry.key + " = " + std::string(literal);
    case document_kind::variable:
      return "set " + entry.key_at.file + "=" + bare;
    case document_kind::flag:
      return "pass " + entry.key_at.file + " " + bare;
  }
  return {};
}

/// A key may be as long as its file.
std::string shortened(const std::string& name) {
  std::size_t enough = 100;
  if (name.size() <= enough) return name;
  while (enough != 0 && (static_cast<unsigned char>(name[enough]) & 0xC0u) == 0x80) --enough;
  return name.substr(0, enough) + "...";
}

}  // namespace

std::string section_name(std::string_view table, std::size_t index) {
  return std::string(table) + "[" + std::to_string(index) + "]";
}

void config_places::note(const std::string& section, std::string_view key,
                         const config_origin& at) {
  places_[section + "." + std::string(key)] = {at, false};
}

void config_places::note_faulty(const std::string& section, std::string_view key) {
  places_[section + "." + std::string(key)].faulty = true;
}

config_origin config_places::find(const std::string& section, std::string_view key) const {
  for (const std::string& name :
       {section + "." + std::string(key), section + ".", std::string(".")}) {
    const auto it = places_.find(name);
    if (it != places_.end() && !it->second.at.file.empty()) return it->second.at;
  }
  return {};
}

bool config_places::is_faulty(const std::string& section, std::string_view key) const {
  const auto it = places_.find(section + "." + std::string(key));
  return it != places_.end() && it->second.faulty;
}

void config_builder::add(const config_origin& at, std::string message, std::string suggestion) {
  errors_.push_back({at.file, at.line, at.column, std::move(message), std::move(suggestion)});
}

template <class Section>
void config_builder::unknown_key(const raw_document& document, const raw_table& written,
                                 const raw_entry& entry, const config_table<Section>& known) {
  const bool from_environment = document.kind == document_kind::variable;
  const auto spelled = [&](std::string_view key) {
    return from_environment ? environment_name(known.name, key) : quote(key);
  };
  const std::string what = from_environment ? "not a setting of fleetgate"
                                            : "unknown key " + quote(shortened(entry.key)) +
                                                  " in " + in_table(known.name, written.list);
  if (const auto meant = nearest(entry.key, key_names(known))) {
    return add(entry.key_at, what, "did you mean " + spelled(*meant) + "?");
  }
  const auto elsewhere = tables_with(entry.key);
  if (elsewhere.size() == 1 && !from_environment) {
    return add(entry.key_at, what, "it belongs in " + elsewhere.front());
  }
  add(entry.key_at, what,
      in_table(known.name, written.list) + " knows " + join_or(key_names(known)));
}

template <class Section>
void config_builder::apply_keys(const raw_document& document, const raw_table& written,
                                const config_table<Section>& known, const std::string& section,
                                Section& into) {
  places_.note(section, "", written.at);
  for (const raw_entry& entry : written.entries) {
    const auto* key = known.find(entry.key);
    if (key == nullptr) {
      unknown_key(document, written, entry, known);
      continue;
    }
    places_.note(section, entry.key, entry.value_at);
    const auto assigned = key->assign(into, entry.value, document.base_dir);
    if (assigned) continue;
    places_.note_faulty(section, entry.key);
    const value_fault& why = assigned.error();
    const std::string_view right = why.instead.empty() ? key->example : why.instead;
    add(entry.value_at, entry.key + ": " + why.message, how_to_set(document.kind, entry, right));
  }
}

template <class Section>
void config_builder::require_keys(const raw_table& written, const config_table<Section>& known,
                                  const std::string& section) {
  for (const auto& key : known.keys) {
    const bool given = std::any_of(written.entries.begin(), written.entries.end(),
                                   [&](const raw_entry& e) { return e.key == key.name; });
    if (!key.required || given) continue;
    places_.note_faulty(section, key.name);
    add(written.at, in_table(known.name, true) + " has no " + std::string(key.name),
        "add " + std::string(key.name) + " = " + std::string(key.example));
  }
}

template <class Section>
bool config_builder::apply_table(const raw_document& document, const raw_table& written,
                                 const config_table<Section>& known, Section config::*member) {
  if (written.name != known.name) return false;
  if (written.list) {
    add(written.at, in_table(known.name, true) + " is not a list, there is only one",
        "write " + in_table(known.name, false));
    return true;
  }
  apply_keys(document, written, known, written.name, config_.*member);
  return true;
}

template <class Section>
bool config_builder::apply_table(const raw_document& document, const raw_table& written,
                                 const config_table<Section>& known,
                                 std::vector<Section> config::*member) {
  if (written.name != known.name) return false;
  if (!written.list) {
    const bool in_file = document.kind == document_kind::file;
    add(written.at, in_table(known.name, true) + " is a list, there can be several",
        in_file ? "write " + in_table(known.name, true)
                : "a variable cannot say which one is meant; write a file in conf.d");
    return true;
  }
  auto& list = config_.*member;
  const std::string section = section_name(known.name, list.size());
  Section& into = list.emplace_back();
  into.origin = written.at;
  apply_keys(document, written, known, section, into);
  require_keys(written, known, section);
  return true;
}

void config_builder::unknown_table(const raw_document& document, const raw_table& written) {
  const bool from_environment = document.kind == document_kind::variable;
  std::vector<std::string_view> names;
  std::string meant_as;
  for_each_table([&](const auto& table, auto) { names.push_back(table.name); });
  const auto meant = nearest(written.name, names);
  for_each_table([&](const auto& table, auto member) {
    if (meant == table.name) meant_as = in_table(table.name, is_list(member));
  });
  if (from_environment) {
    const std::string key = written.entries.front().key;
    return add(written.at, "not a setting of fleetgate",
               meant ? "did you mean " + environment_name(*meant, key) + "?"
                     : "names are like FLEETGATE_MEMORY__BUDGET; tables are " + join_or(names));
  }
  add(written.at, "unknown table " + in_table(written.name, written.list),
      meant ? "did you mean " + meant_as + "?" : "tables are " + join_or(names));
}

void config_builder::outside_tables(const raw_table& written) {
  for (const raw_entry& entry : written.entries) {
    const auto tables = tables_with(entry.key);
    bool is_table = false;
    for_each_table([&](const auto& table, auto member) {
      if (table.name != entry.key) return;
      is_table = true;
      add(entry.key_at, entry.key + " is a table, not a value",
          "write " + in_table(table.name, is_list(member)) + " on a line of its own");
    });
    if (is_table) continue;
    add(entry.key_at, "the key " + quote(entry.key) + " stands outside any table",
        tables.empty() ? "keys belong in a table, like [node] or [memory]"
                       : "it belongs in " + tables.front());
  }
}

void config_builder::apply(const raw_document& document) {
  if (places_.find("", "").file.empty()) places_.note("", "", {document.name, 0, 0});
  for (const raw_table& written : document.tables) {
    if (document.kind == document_kind::file && written.name.empty()) {
      outside_tables(written);
      continue;
    }
    bool known = false;
    for_each_table([&](const auto& table, auto member) {
      known = known || apply_table(document, written, table, member);
    });
    if (!known) unknown_table(document, written);
  }
}

config_result config_builder::finish_whole(files_check files) && {
  if (!unread_) {
    for (config_error& e : check_whole_config(config_, places_)) errors_.push_back(std::move(e));
  }
  if (!unread_ && files != nullptr) {
    for (config_error& e : files(config_, places_)) errors_.push_back(std::move(e));
  }
  return std::move(*this).finish_parts();
}

config_result config_builder::finish_parts() && {
  if (errors_.empty()) return std::move(config_);
  std::vector<std::string> order;
  for (const config_error& e : errors_) {
    if (std::find(order.begin(), order.end(), e.file) == order.end()) order.push_back(e.file);
  }
  const auto rank = [&](const config_error& e) {
    return std::tuple(std::find(order.begin(), order.end(), e.file) - order.begin(), e.line,
                      e.column);
  };
  std::stable_sort(errors_.begin(), errors_.end(),
                   [&](const config_error& a, const config_error& b) { return rank(a) < rank(b); });
  return tl::unexpected(std::move(errors_));
}

}  // namespace fleetgate::node
