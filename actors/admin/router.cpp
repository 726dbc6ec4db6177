#include "actors/admin/router.hpp"

#include <cassert>
#include <exception>
#include <utility>

namespace fleetgate::admin {
namespace {

response call(const handler& h, const request& r) {
  try {
    return h(r);
  } catch (const std::exception& e) {
    return error_response(fault(fault_code::internal, e.what()),
                          "look into the node's log and report it");
  }
}

}  // namespace

router& router::add(std::string_view method, std::string_view path, handler h) {
  const bool is_new = paths_[std::string(path)].try_emplace(std::string(method), h).second;
  assert(is_new);
  (void)is_new;
  return *this;
}

response router::route(const request& r) const {
  const auto path = paths_.find(r.path);
  if (path == paths_.end()) {
    std::string known;
    for (const auto& [name, unused] : paths_) known.append(known.empty() ? "" : ", ").append(name);
    return error_response(404, "not found", "there is nothing at " + r.path, "try " + known);
  }
  const methods& m = path->second;
  if (r.method == "HEAD" && m.count("GET") != 0 && m.count("HEAD") == 0) {
    request as_get = r;
    as_get.method = "GET";
    return call(m.at("GET"), as_get);
  }
  if (const auto found = m.find(r.method); found != m.end()) return call(found->second, r);
  std::string allowed;
  for (const auto& [name, unused] : m) {
    allowed.append(allowed.empty() ? "" : ", ").append(name);
    if (name == "GET") allowed.append(", HEAD");
  }
  response refused = error_response(405, "method not allowed",
                                    r.path + " does not know this method", "use " + allowed);
  refused.headers.emplace_back("Allow", allowed);
  return refused;
}

}  // namespace fleetgate::admin
