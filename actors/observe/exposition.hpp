// The two text formats in which metrics leave the node: Prometheus text 0.0.4 and OpenMetrics 1.0.
// Pure. Limit: none of its own; its input is the registry, whose size is fixed after start-up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fleetgate::observe {

enum class exposition_format : std::uint8_t { prometheus_text, openmetrics };

/// What the client's Accept header prefers (RFC 9110 section 12.5.1); Prometheus text where it
/// names neither or likes both alike.
exposition_format negotiate(std::string_view accept);
std::string_view content_type(exposition_format f) noexcept;

enum class metric_type : std::uint8_t { counter, gauge, histogram };
std::string_view to_string(metric_type t) noexcept;

/// Names and values in order; values may be any text.
using label_pairs = std::vector<std::pair<std::string_view, std::string_view>>;

class exposition_writer {
 public:
  explicit exposition_writer(exposition_format f) : format_(f) {}

  /// Opens a family. `name` is the full one: a counter's ends in _total.
  void family(std::string_view name, std::string_view help, metric_type type);
  void sample(std::string_view name, const label_pairs& labels, double value);
  /// A whole number, exact beyond 2^53.
  void sample(std::string_view name, const label_pairs& labels, std::uint64_t value);
  /// The value of a histogram's `le` label.
  [[nodiscard]] std::string bound(double upper) const;

  /// The finished text.
  std::string finish() &&;

 private:
  void sample_text(std::string_view name, const label_pairs& labels, std::string_view value);

  exposition_format format_;
  std::string out_;
};

}  // namespace fleetgate::observe
