// Which handler answers which path. Filled at construction of the node, then only read; `route` is
// called on the admin thread and handlers run there, one after the other: they must not block.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "actors/admin/http_message.hpp"

namespace fleetgate::admin {

using handler = std::function<response(const request&)>;

class router {
 public:
  /// `method` in capitals, `path` exact. GET serves HEAD too. One handler per method and path.
  router& add(std::string_view method, std::string_view path, handler h);

  /// Always an answer: 404 for an unknown path, 405 with Allow for an unknown method, 500 where a
  /// handler threw. The server leaves the body out of answers to HEAD.
  [[nodiscard]] response route(const request& r) const;

 private:
  using methods = std::map<std::string, handler, std::less<>>;

  std::map<std::string, methods, std::less<>> paths_;
};

}  // namespace fleetgate::admin
