// The one file that knows toml++: its header is heavy, and its types go no further.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <filesystem>

#include "actors/node/config_depth.hpp"
#include "actors/node/config_document.hpp"

namespace fleetgate::node {
namespace {

class document_reader {
 public:
  explicit document_reader(std::string filename) : filename_(std::move(filename)) {}

  raw_document read(const toml::table& root) {
    raw_document document;
    document.name = filename_;
    document.base_dir = std::filesystem::path(filename_).parent_path().string();
    raw_table outside;
    for (const auto& [key, node] : root) {
      if (const auto* table = node.as_table()) {
        document.tables.push_back(read_table(key, *table, false));
      } else if (const auto* list = table_list(node)) {
        for (const auto& element : *list) {
          document.tables.push_back(read_table(key, *element.as_table(), true));
        }
      } else {
        outside.entries.push_back(read_entry(key, node));
      }
    }
    if (!outside.entries.empty()) document.tables.push_back(std::move(outside));
    return document;
  }

  [[nodiscard]] config_origin at(const toml::source_position& p) const {
    return {filename_, static_cast<std::uint32_t>(p.line), static_cast<std::uint32_t>(p.column)};
  }

 private:
  static const toml::array* table_list(const toml::node& node) {
    const auto* array = node.as_array();
    return array != nullptr && array->is_array_of_tables() ? array : nullptr;
  }

  raw_table read_table(const toml::key& name, const toml::table& table, bool list) const {
    raw_table out{std::string(name.str()), list, at(table.source().begin), {}};
    for (const auto& [key, node] : table) out.entries.push_back(read_entry(key, node));
    return out;
  }

  raw_entry read_entry(const toml::key& key, const toml::node& node) const {
    return {std::string(key.str()), at(key.source().begin), read_value(node),
            at(node.source().begin)};
  }

  static raw_value read_value(const toml::node& node) {
    if (const auto* s = node.as_string()) return {s->get(), false};
    if (const auto* i = node.as_integer()) return {i->get(), false};
    if (const auto* d = node.as_floating_point()) return {d->get(), false};
    if (const auto* b = node.as_boolean()) return {b->get(), false};
    if (node.is_table()) return {unusable_value{"a table"}, false};
    if (const auto* array = node.as_array()) return read_array(*array);
    return {unusable_value{"a date or time"}, false};
  }

  static raw_value read_array(const toml::array& array) {
    text_list list;
    for (const auto& element : array) {
      const auto* s = element.as_string();
      if (s == nullptr) return {unusable_value{"an array"}, false};
      list.push_back(s->get());
    }
    return {std::move(list), false};
  }

  std::string filename_;
};

}  // namespace

tl::expected<raw_document, config_error> read_toml(std::string_view text,
                                                   const std::string& filename) {
  if (const auto deep = first_dot_too_many(text)) {
    return tl::unexpected(config_error{
        filename, deep->line, deep->column,
        "more than " + std::to_string(most_dots_in_line) + " dots in one line",
        "names are as short as memory.budget, and text stands in quotes; nothing was read"});
  }
  const toml::parse_result parsed = toml::parse(text, filename);
  document_reader reader(filename);
  if (parsed) return reader.read(parsed.table());
  const toml::parse_error& error = parsed.error();
  const config_origin at = reader.at(error.source().begin);
  return tl::unexpected(config_error{at.file, at.line, at.column,
                                     "not valid TOML: " + std::string(error.description()),
                                     "correct this first, nothing behind it was read"});
}

}  // namespace fleetgate::node
