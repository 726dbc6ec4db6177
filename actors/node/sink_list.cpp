#include "actors/node/sink_list.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace fleetgate::node {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t most_bytes = std::size_t{1} << 20;

std::string path_in(const std::string& data_dir) {
  return data_dir + "/sinks";
}

bool is_text(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string();
}

}  // namespace

result<void> write_sink_list(const std::string& data_dir, const std::vector<sink_config>& sinks) {
  json list = json::array();
  for (const sink_config& s : sinks) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(s.path, error);
    list.push_back({{"name", s.name}, {"database", error ? s.path : absolute.string()}});
  }
  const json document{{"version", 1}, {"sinks", std::move(list)}};
  const std::string path = path_in(data_dir);
  const std::string fresh = path + ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << document.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
  out.close();
  if (!out || std::rename(fresh.c_str(), path.c_str()) != 0) {
    std::error_code ignored;  // what is left says nothing about the node that starts
    std::filesystem::remove(fresh, ignored);
    std::filesystem::remove(path, ignored);
    return failure(fault_code::storage_io, "cannot write " + path);
  }
  return {};
}

result<std::vector<listed_sink>> read_sink_list(const std::string& data_dir) {
  const std::string path = path_in(data_dir);
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) {
    return failure(fault_code::not_found, "there is no " + path);
  }
  if (!std::filesystem::is_regular_file(path, error) && !error) {
    return failure(fault_code::storage_damaged, path + " is not a regular file");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(most_bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty() && !file.eof()) return failure(fault_code::storage_io, "cannot read " + path);
  const json document = json::parse(text, nullptr, false);
  const auto damaged = [&] { return failure(fault_code::storage_damaged, path + " is no list"); };
  if (!document.is_object()) return damaged();
  const auto list = document.find("sinks");
  if (list == document.end() || !list->is_array()) return damaged();
  std::vector<listed_sink> sinks;
  for (const json& s : *list) {
    if (!s.is_object() || !is_text(s, "name") || !is_text(s, "database")) return damaged();
    sinks.push_back({s["name"].get<std::string>(), s["database"].get<std::string>()});
  }
  return sinks;
}

}  // namespace fleetgate::node
