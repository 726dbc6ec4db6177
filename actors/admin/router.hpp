// Which handler answers which path. Filled at construction of the node, then only read. `route` is
// called on the admin thread for what is quick or answered later, and on the one beside it for what
// may wait; on each handlers run one after the other. Those that may wait must not block for long,
// the others not at all.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/admin/command_origin.hpp"
#include "actors/admin/http_message.hpp"

namespace fleetgate::admin {

using handler = std::function<response(const request&)>;
/// Takes the way in which the answer will be made, once, from any thread; it is made on the admin
/// thread.
using reply = std::function<void(std::function<response()>)>;
using later_handler = std::function<void(const request&, reply)>;

enum class pace : std::uint8_t { quick, may_wait, later };

class router {
 public:
  explicit router(host_rule hosts = host_rule::any) noexcept : hosts_(hosts) {}

  /// `method` in capitals. `path` is exact, or has levels of the form `{name}`, which stand for any
  /// level that is not empty; an exact path goes first. GET serves HEAD too. One handler per method
  /// and path.
  router& add(std::string_view method, std::string_view path, handler h, pace p = pace::quick);
  router& add_later(std::string_view method, std::string_view path, later_handler h);

  /// Always an answer: 403 for what changes something and may not (command_origin.hpp), 400
  /// for a path that cannot be decoded, 404 for an unknown one, 405 with Allow for an unknown
  /// method, 500 where a handler threw. The server leaves the body out of answers to HEAD.
  [[nodiscard]] response route(const request& r) const;
  /// The same for what is answered later; what is refused is answered at once.
  void route_later(const request& r, reply then) const;

  /// How its handler answers; quick where it has none.
  [[nodiscard]] pace pace_of(const request& r) const;

  struct entry {
    std::string method;
    std::string path;
  };
  [[nodiscard]] std::vector<entry> entries() const;

 private:
  struct target {
    handler run;
    pace speed = pace::quick;
    later_handler run_later;  // where speed is later
  };
  using methods = std::map<std::string, target, std::less<>>;
  using captured = std::vector<std::pair<std::string, std::string>>;
  struct found_path {
    const methods* known = nullptr;
    captured captures;
  };

  [[nodiscard]] std::optional<found_path> find(std::string_view path) const;
  router& put(std::string_view method, std::string_view path, target t);
  /// Completes `r` for its handler; or the answer where there is none for it.
  std::variant<const target*, response> choose(request& r) const;

  host_rule hosts_;
  std::map<std::string, methods, std::less<>> paths_;
};

}  // namespace fleetgate::admin
