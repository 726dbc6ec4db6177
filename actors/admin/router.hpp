// Which handler answers which path. Filled at construction of the node, then only read. `route` is
// called on the admin thread for what is quick, and on the one beside it for what may wait; on each
// handlers run one after the other. Quick ones must not block, the others not for long.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/admin/http_message.hpp"

namespace fleetgate::admin {

using handler = std::function<response(const request&)>;

enum class pace : std::uint8_t { quick, may_wait };

class router {
 public:
  /// `method` in capitals. `path` is exact, or has levels of the form `{name}`, which stand for any
  /// level that is not empty; an exact path goes first. GET serves HEAD too. One handler per method
  /// and path.
  router& add(std::string_view method, std::string_view path, handler h, pace p = pace::quick);

  /// Always an answer: 403 for what is no GET and comes from another site's page in a browser, 404
  /// for an unknown path, 405 with Allow for an unknown method, 500 where a handler threw. The
  /// server leaves the body out of answers to HEAD.
  [[nodiscard]] response route(const request& r) const;

  /// Its handler may wait for others.
  [[nodiscard]] bool may_wait(const request& r) const;

  struct entry {
    std::string method;
    std::string path;
  };
  [[nodiscard]] std::vector<entry> entries() const;

 private:
  struct target {
    handler run;
    pace speed;
  };
  using methods = std::map<std::string, target, std::less<>>;
  using captured = std::vector<std::pair<std::string, std::string>>;
  struct found_path {
    const methods* known = nullptr;
    captured captures;
  };

  [[nodiscard]] std::optional<found_path> find(std::string_view path) const;

  std::map<std::string, methods, std::less<>> paths_;
};

}  // namespace fleetgate::admin
