#include "actors/observe/registry.hpp"

#include <cassert>
#include <limits>
#include <type_traits>
#include <utility>

namespace fleetgate::observe {
namespace {

// The `le` bounds as powers of two, so that each is also a bucket's bound and the counts are exact.
// Durations (ns): 1 us, 4 us, then every octave from 16 us to 268 ms, where the promises lie, then
// 1 s, 4 s, 17 s and 69 s. Items: 1 to 65,536.
constexpr std::array duration_bounds{10U, 12U, 14U, 15U, 16U, 17U, 18U, 19U, 20U, 21U, 22U,
                                     23U, 24U, 25U, 26U, 27U, 28U, 30U, 32U, 34U, 36U};
constexpr std::array item_bounds{0U, 1U,  2U,  3U,  4U,  5U,  6U,  7U, 8U,
                                 9U, 10U, 11U, 12U, 13U, 14U, 15U, 16U};

constexpr double ns_per_second = 1e9;  // divided by, so that bounds are the nearest doubles

[[maybe_unused]] std::size_t label_count(const metric_family& f) noexcept {
  std::size_t n = 0;
  while (n < f.labels.size() && !f.labels[n].empty()) ++n;
  return n;
}

label_pairs pairs(const metric_family& f, const std::vector<std::string>& values) {
  label_pairs p;
  for (std::size_t i = 0; i < values.size(); ++i) p.emplace_back(f.labels[i], values[i]);
  return p;
}

}  // namespace

registry::series& registry::find_or_make(const metric_family& f, label_values values) {
  assert(values.size() == label_count(f));
  entry& e = entries_.try_emplace(f.name, entry{f, {}}).first->second;
  assert(e.family.type == f.type && e.family.labels == f.labels);
  return e.all[std::vector<std::string>(values.begin(), values.end())];
}

void registry::add(const metric_family& f, label_values values, const counter& c, shown when) {
  assert(f.type == metric_type::counter);
  std::lock_guard hold(mutex_);
  series& s = find_or_make(f, values);
  s.sources.emplace_back(&c);
  if (when == shown::always) s.when = shown::always;
}

void registry::add(const metric_family& f, label_values values, const gauge& g, double scale) {
  assert(f.type == metric_type::gauge);
  std::lock_guard hold(mutex_);
  series& s = find_or_make(f, values);
  s.sources.emplace_back(scaled_gauge{&g, scale});
  s.when = shown::always;
}

void registry::add(const metric_family& f, label_values values, std::function<double()> read) {
  assert(f.type != metric_type::histogram);
  std::lock_guard hold(mutex_);
  series& s = find_or_make(f, values);
  s.sources.emplace_back(std::move(read));
  s.when = shown::always;
}

void registry::add(const metric_family& f, label_values values, const histogram& h) {
  assert(f.type == metric_type::histogram);
  std::lock_guard hold(mutex_);
  series& s = find_or_make(f, values);
  s.sources.emplace_back(&h);
  s.when = shown::always;
}

std::string registry::render(exposition_format format) const {
  std::lock_guard hold(mutex_);
  exposition_writer to(format);
  for (const auto& [name, e] : entries_) {
    to.family(name, e.family.help, e.family.type);
    for (const auto& [values, s] : e.all) {
      if (e.family.type == metric_type::histogram)
        render_histogram(to, e, values, s);
      else
        render_number(to, e, values, s);
    }
  }
  return std::move(to).finish();
}

void registry::render_number(exposition_writer& to, const entry& e,
                             const std::vector<std::string>& values, const series& s) {
  std::uint64_t whole = 0;
  double fraction = 0.0;
  bool only_counters = true;
  for (const source& from : s.sources) {
    if (const auto* c = std::get_if<const counter*>(&from)) {
      whole += (*c)->value();
    } else if (const auto* g = std::get_if<scaled_gauge>(&from)) {
      fraction += static_cast<double>(g->cell->value()) * g->scale;
      only_counters = false;
    } else if (const auto* read = std::get_if<std::function<double()>>(&from)) {
      fraction += (*read)();
      only_counters = false;
    }
  }
  if (s.when == shown::once_used && only_counters && whole == 0) return;
  const label_pairs labels = pairs(e.family, values);
  if (only_counters)
    to.sample(e.family.name, labels, whole);
  else
    to.sample(e.family.name, labels, static_cast<double>(whole) + fraction);
}

void registry::render_histogram(exposition_writer& to, const entry& e,
                                const std::vector<std::string>& values, const series& s) {
  histogram_snapshot total;
  for (const source& from : s.sources) {
    if (const auto* h = std::get_if<const histogram*>(&from)) total += (*h)->snapshot();
  }
  const std::string name(e.family.name);
  label_pairs labels = pairs(e.family, values);
  const auto bucket = [&](double upper, std::uint64_t count) {
    const std::string le = to.bound(upper);
    labels.emplace_back("le", le);
    to.sample(name + "_bucket", labels, count);
    labels.pop_back();
  };
  const auto buckets = [&](const auto& powers, double divisor) {
    for (const unsigned power : powers) {
      bucket(static_cast<double>(std::uint64_t{1} << power) / divisor, total.count_up_to(power));
    }
    bucket(std::numeric_limits<double>::infinity(), total.count());
    to.sample(name + "_sum", labels, static_cast<double>(total.sum()) / divisor);
    to.sample(name + "_count", labels, total.count());
  };
  if (name.ends_with("_seconds"))
    buckets(duration_bounds, ns_per_second);
  else
    buckets(item_bounds, 1.0);
}

std::vector<metric_family> registry::families() const {
  std::lock_guard hold(mutex_);
  std::vector<metric_family> all;
  for (const auto& [name, e] : entries_) all.push_back(e.family);
  return all;
}

}  // namespace fleetgate::observe
