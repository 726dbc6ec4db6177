// All metric families of a node and where their values lie. Filled at start-up; rendered by the
// admin thread. What is registered must outlive the registry. The same series registered from
// several places (one for each shard) is summed. Limit: what was registered; nothing grows later.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/observe/counter.hpp"
#include "actors/observe/exposition.hpp"
#include "actors/observe/histogram.hpp"

namespace fleetgate::observe {

/// One metric family. Label names come from the vocabulary in docs/reference/metrics.md; a label
/// never holds a device, a topic or an address, so the number of series is bounded.
struct metric_family {
  std::string_view name;  // unit and _total included
  std::string_view help;
  metric_type type = metric_type::counter;
  std::array<std::string_view, 3> labels{};  // unused ones are empty
};

/// A series of something that can happen but normally does not is left out until it has happened.
enum class shown : std::uint8_t { always, once_used };

class registry {
 public:
  using label_values = std::initializer_list<std::string_view>;

  void add(const metric_family& f, label_values values, const counter& c,
           shown when = shown::always);
  /// `scale` turns the gauge's unit into the family's.
  void add(const metric_family& f, label_values values, const gauge& g, double scale = 1.0);
  /// `read` is called on the rendering thread; it does not throw.
  void add(const metric_family& f, label_values values, std::function<double()> read);
  /// A family whose name ends in _seconds takes the recorded values as nanoseconds.
  void add(const metric_family& f, label_values values, const histogram& h);

  [[nodiscard]] std::string render(exposition_format format) const;
  /// By name.
  [[nodiscard]] std::vector<metric_family> families() const;

 private:
  struct scaled_gauge {
    const gauge* cell;
    double scale;
  };
  using source =
      std::variant<const counter*, scaled_gauge, std::function<double()>, const histogram*>;
  struct series {
    std::vector<source> sources;
    shown when = shown::once_used;
  };
  struct entry {
    metric_family family;
    std::map<std::vector<std::string>, series> all;  // by label values
  };

  series& find_or_make(const metric_family& f, label_values values);
  static void render_number(exposition_writer& to, const entry& e,
                            const std::vector<std::string>& values, const series& s);
  static void render_histogram(exposition_writer& to, const entry& e,
                               const std::vector<std::string>& values, const series& s);

  mutable std::mutex mutex_;  // the admin server answers while start-up still registers
  std::map<std::string_view, entry> entries_;
};

}  // namespace fleetgate::observe
