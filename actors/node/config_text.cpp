#include "actors/node/config_text.hpp"

#include "actors/node/config_keys.hpp"
#include "actors/node/config_words.hpp"
#include "actors/node/dev_config.hpp"

namespace fleetgate::node {
namespace {

std::string header(std::string_view table, bool list) {
  return (list ? "[[" : "[") + std::string(table) + (list ? "]]\n" : "]\n");
}

template <class Section>
std::string toml_section(const config_table<Section>& table, const Section& section, bool list) {
  std::string out = header(table.name, list);
  for (const auto& key : table.keys) {
    const auto value = key.show(section);
    if (value) out += std::string(key.name) + " = " + to_literal(*value) + "\n";
  }
  return out + "\n";
}

template <class Section>
std::string json_section(const config_table<Section>& table, const Section& section) {
  std::string out;
  for (const auto& key : table.keys) {
    const auto value = key.show(section);
    if (!value) continue;
    out += (out.empty() ? "" : ", ") + quote(key.name) + ": " + to_literal(*value);
  }
  return "{" + out + "}";
}

class json_writer {
 public:
  explicit json_writer(const config& c) : config_(c) {}

  template <class Section>
  void operator()(const config_table<Section>& table, Section config::*member) {
    add(table.name, json_section(table, config_.*member));
  }
  template <class Section>
  void operator()(const config_table<Section>& table, std::vector<Section> config::*member) {
    std::string out;
    for (const Section& section : config_.*member) {
      out += (out.empty() ? "\n    " : ",\n    ") + json_section(table, section);
    }
    add(table.name, "[" + out + (out.empty() ? "]" : "\n  ]"));
  }
  [[nodiscard]] std::string text() const { return "{\n" + text_ + "\n}\n"; }

 private:
  void add(std::string_view name, const std::string& value) {
    text_ += (text_.empty() ? "  " : ",\n  ") + quote(name) + ": " + value;
  }

  const config& config_;
  std::string text_;
};

/// One node on loopback whose files lie beside the configuration: it runs for whoever wrote it.
config first_config() {
  config c = dev_config({});
  c.node = node_config{};
  c.node.data_dir = "fleetgate-data";
  c.sinks.front().path = "fleetgate-data/fleet.db";
  topic_config& alarms = c.topics.emplace_back();
  alarms.match = "devices/{device}/alarms";
  alarms.cls = model::traffic_class::event;
  device_config& device = c.devices.emplace_back();
  device.match = "press-*";
  device.priority = device_priority::high;
  return c;
}

/// Writes a section with what each of its keys is for.
template <class Section>
std::string explained_section(const config_table<Section>& table, const Section& section,
                              bool list) {
  const Section defaults{};
  std::string out = header(table.name, list);
  for (const auto& key : table.keys) {
    const auto value = key.show(section);
    const auto by_default = key.show(defaults);
    const bool is_default = !value || (by_default && to_literal(*value) == to_literal(*by_default));
    const std::string literal = value ? to_literal(*value) : std::string(key.example);
    const std::string limits = key.limits.empty() ? "" : ", " + key.limits;
    const std::string unset = value ? "" : "; not set by default";
    out += "# " + std::string(key.about) + "\n";
    out += (is_default && !key.required ? "#" : "") + std::string(key.name) + " = " + literal +
           "  # " + key.type + limits + unset + "\n";
  }
  return out;
}

/// Only what is not the default.
template <class Section>
std::string brief_section(const config_table<Section>& table, const Section& section) {
  const Section defaults{};
  std::string out = header(table.name, true);
  for (const auto& key : table.keys) {
    const auto value = key.show(section);
    const auto by_default = key.show(defaults);
    if (!value || (by_default && to_literal(*value) == to_literal(*by_default))) continue;
    out += std::string(key.name) + " = " + to_literal(*value) + "\n";
  }
  return out;
}

std::string commented_out(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at) + 1;
    const bool comment_already = text[at] == '#';
    out += (comment_already ? "" : "#") + text.substr(at, end - at);
    at = end;
  }
  return out;
}

class init_writer {
 public:
  explicit init_writer(const config& c) : config_(c) {}

  template <class Section>
  void operator()(const config_table<Section>& table, Section config::*member) {
    begin(table.about);
    text_ += explained_section(table, config_.*member, false);
  }
  template <class Section>
  void operator()(const config_table<Section>& table, std::vector<Section> config::*member) {
    begin(std::string(table.about) + " There can be several.");
    bool first = true;
    for (const Section& section : config_.*member) {
      text_ +=
          first ? explained_section(table, section, true) : "\n" + brief_section(table, section);
      first = false;
    }
  }
  /// A preset knows the topics, and devices are all equal, until someone says otherwise: these
  /// entries are only examples.
  void operator()(const config_table<topic_config>& table,
                  std::vector<topic_config> config::*member) {
    example(table, (config_.*member).front());
  }
  void operator()(const config_table<device_config>& table,
                  std::vector<device_config> config::*member) {
    example(table, (config_.*member).front());
  }
  [[nodiscard]] std::string text() const { return text_; }

 private:
  template <class Section>
  void example(const config_table<Section>& table, const Section& section) {
    begin(std::string(table.about) + " There can be several.");
    text_ += commented_out(explained_section(table, section, true));
  }
  void begin(std::string_view about) { text_ += "\n# " + std::string(about) + "\n"; }

  const config& config_;
  std::string text_ =
      "# fleetgate's configuration. Every key is here; what is in a comment shows its default.\n"
      "# Check it:  fleetgate config check FILE\n"
      "# Run it:    fleetgate run --config FILE\n"
      "# Sizes are written \"64MiB\" and durations \"30s\"; relative paths start at the directory\n"
      "# of this file. conf.d/*.toml beside it add to it, then FLEETGATE_SECTION__KEY variables.\n";
};

}  // namespace

std::string to_toml(const config& c) {
  std::string out;
  const auto write = [&](const auto& table, auto member) {
    if constexpr (requires { (c.*member).begin(); }) {
      for (const auto& section : c.*member) out += toml_section(table, section, true);
    } else {
      out += toml_section(table, c.*member, false);
    }
  };
  for_each_table(write);
  out.pop_back();  // the empty line behind the last table
  return out;
}

std::string to_json(const config& c) {
  json_writer writer(c);
  for_each_table(writer);
  return writer.text();
}

std::string init_text() {
  const config first = first_config();
  init_writer writer(first);
  for_each_table(writer);
  return writer.text();
}

}  // namespace fleetgate::node
