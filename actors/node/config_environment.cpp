#include <algorithm>

#include "actors/node/config_document.hpp"

namespace fleetgate::node {
namespace {

constexpr std::string_view prefix = "FLEETGATE_";
constexpr std::string_view separator = "__";

std::string in_case(std::string_view s, char from, char to) {
  std::string out(s);
  for (char& c : out) {
    if (c >= from && c <= to) c = static_cast<char>(c ^ 0x20);
  }
  return out;
}
std::string upper(std::string_view s) {
  return in_case(s, 'a', 'z');
}
std::string lower(std::string_view s) {
  return in_case(s, 'A', 'Z');
}

raw_table one_key(std::string table, std::string key, std::string value, std::string named) {
  const config_origin at{std::move(named), 0, 0};
  return {std::move(table), false, at, {{std::move(key), at, {std::move(value), true}, at}}};
}

}  // namespace

raw_document read_environment(const environment& env) {
  raw_document document{document_kind::variable, {}, {}, {}};
  for (auto it = env.lower_bound(std::string(prefix)); it != env.end(); ++it) {
    const std::string_view name = it->first;
    if (!name.starts_with(prefix)) break;
    const auto rest = name.substr(prefix.size());
    const auto middle = rest.find(separator);
    if (middle == std::string_view::npos) continue;
    document.tables.push_back(one_key(lower(rest.substr(0, middle)),
                                      lower(rest.substr(middle + separator.size())), it->second,
                                      it->first));
  }
  return document;
}

std::string environment_name(std::string_view table, std::string_view key) {
  return std::string(prefix) + upper(table) + std::string(separator) + upper(key);
}

raw_document read_flags(const config_flags& flags) {
  raw_document document{document_kind::flag, {}, {}, {}};
  if (flags.data_dir) {
    document.tables.push_back(one_key("node", "data_dir", *flags.data_dir, "--data-dir"));
  }
  return document;
}

}  // namespace fleetgate::node
