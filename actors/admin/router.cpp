#include "actors/admin/router.hpp"

#include <algorithm>
#include <cassert>
#include <exception>
#include <utility>

namespace fleetgate::admin {
namespace {

response thrown(const std::exception& e) {
  return error_response(fault(fault_code::internal, e.what()),
                        "look into the node's log and report it");
}

response call(const handler& h, const request& r) {
  try {
    return h(r);
  } catch (const std::exception& e) {
    return thrown(e);
  }
}

bool is_capture(std::string_view level) noexcept {
  return level.size() > 2 && level.front() == '{' && level.back() == '}';
}

/// The first level of `path`, which it loses with its slash.
std::string_view take_level(std::string_view& path) noexcept {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view level = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return level;
}

}  // namespace

router& router::add(std::string_view method, std::string_view path, handler h, pace p) {
  return put(method, path, {std::move(h), p, {}});
}

router& router::add_later(std::string_view method, std::string_view path, later_handler h) {
  return put(method, path, {{}, pace::later, std::move(h)});
}

router& router::put(std::string_view method, std::string_view path, target t) {
  const bool is_new =
      paths_[std::string(path)].try_emplace(std::string(method), std::move(t)).second;
  assert(is_new);
  (void)is_new;
  return *this;
}

std::optional<router::found_path> router::find(std::string_view path) const {
  if (const auto exact = paths_.find(path); exact != paths_.end()) {
    return found_path{&exact->second, {}};
  }
  for (const auto& [pattern, known] : paths_) {
    found_path found{&known, {}};
    std::string_view want = pattern, have = path;
    bool same =
        std::count(want.begin(), want.end(), '/') == std::count(have.begin(), have.end(), '/');
    while (same && !want.empty()) {
      const std::string_view wanted = take_level(want), given = take_level(have);
      if (!is_capture(wanted)) {
        same = wanted == given;
        continue;
      }
      auto decoded = percent_decoded(given);
      same = decoded && !decoded->empty();
      if (same)
        found.captures.emplace_back(wanted.substr(1, wanted.size() - 2), std::move(*decoded));
    }
    if (same) return found;
  }
  return std::nullopt;
}

pace router::pace_of(const request& r) const {
  const auto found = find(r.path);
  if (!found) return pace::quick;
  const auto method = found->known->find(r.method == "HEAD" ? "GET" : r.method);
  return method == found->known->end() ? pace::quick : method->second.speed;
}

response router::route(const request& r) const {
  request asked = r;
  auto chosen = choose(asked);
  if (auto* const answer = std::get_if<response>(&chosen)) return std::move(*answer);
  return call(std::get<const target*>(chosen)->run, asked);
}

void router::route_later(const request& r, reply then) const {
  request asked = r;
  auto chosen = choose(asked);
  if (auto* const answer = std::get_if<response>(&chosen)) {
    return then([answer = std::move(*answer)] { return answer; });
  }
  const auto& run_later = std::get<const target*>(chosen)->run_later;
  try {
    run_later(asked, then);
  } catch (const std::exception& e) {
    then([answer = thrown(e)] { return answer; });
  }
}

std::variant<const router::target*, response> router::choose(request& r) const {
  auto found = find(r.path);
  if (!found && !percent_decoded(r.path)) {
    return error_response(fault(fault_code::request_malformed,
                                "the path " + r.path + " has a % without two hexadecimal digits"),
                          "write a % of a name as %25");
  }
  if (!found) {
    std::string known;
    for (const auto& [name, unused] : paths_) known.append(known.empty() ? "" : ", ").append(name);
    return error_response(fault(fault_code::not_found, "there is nothing at " + r.path),
                          "try " + known);
  }
  if (auto why = refused_command(r, hosts_)) {
    return error_response(fault(fault_code::not_authorized, std::move(*why)),
                          "use the command line or another client that is no web page, and name "
                          "the node by its IP address, localhost or the machine's host name");
  }
  const methods& m = *found->known;
  const bool head_as_get = r.method == "HEAD" && m.count("HEAD") == 0;
  if (const auto method = m.find(head_as_get ? "GET" : r.method); method != m.end()) {
    r.captures = std::move(found->captures);
    if (head_as_get) r.method = "GET";
    return &method->second;
  }
  std::string allowed;
  for (const auto& [name, unused] : m) {
    allowed.append(allowed.empty() ? "" : ", ").append(name);
    if (name == "GET") allowed.append(", HEAD");
  }
  response refused =
      error_response(fault(fault_code::method_not_allowed, r.path + " does not know " + r.method),
                     "use " + allowed);
  refused.headers.emplace_back("Allow", allowed);
  return refused;
}

std::vector<router::entry> router::entries() const {
  std::vector<entry> all;
  for (const auto& [path, known] : paths_) {
    for (const auto& [method, unused] : known) all.push_back({method, path});
  }
  return all;
}

}  // namespace fleetgate::admin
