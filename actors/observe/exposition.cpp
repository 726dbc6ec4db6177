#include "actors/observe/exposition.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "actors/observe/escape.hpp"

namespace fleetgate::observe {
namespace {

std::string_view trim(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

/// Cuts the part before `separator` off `s`.
std::string_view next_part(std::string_view& s, char separator) noexcept {
  const std::size_t end = s.find(separator);
  const std::string_view part = s.substr(0, end);
  s.remove_prefix(end == std::string_view::npos ? s.size() : end + 1);
  return trim(part);
}

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/// Thousandths; RFC 9110 section 12.4.2 allows three digits. Malformed: 0, so that it loses.
int parse_weight(std::string_view s) noexcept {
  double q = 0.0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), q);
  if (error != std::errc() || end != s.data() + s.size() || !(q >= 0.0 && q <= 1.0)) return 0;
  return static_cast<int>(std::lround(q * 1000));
}

struct media_range {
  std::string_view type;
  std::string_view version;
  int weight = 1000;
};

media_range parse_range(std::string_view s) noexcept {
  media_range r;
  r.type = next_part(s, ';');
  while (!s.empty()) {
    std::string_view parameter = next_part(s, ';');
    const std::string_view key = next_part(parameter, '=');
    if (same_ignoring_case(key, "q"))
      r.weight = parse_weight(parameter);
    else if (same_ignoring_case(key, "version"))
      r.version = parameter;
  }
  return r;
}

std::string format_number(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v < 0 ? "-Inf" : "+Inf";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v).ptr;
  return {buffer.data(), end};
}

/// The part of a family's name that is its unit, for OpenMetrics' UNIT line.
std::string_view unit_of(std::string_view family) noexcept {
  for (const std::string_view unit : {"seconds", "bytes"}) {
    if (family.size() > unit.size() && family.ends_with(unit) &&
        family[family.size() - unit.size() - 1] == '_') {
      return unit;
    }
  }
  return {};
}

}  // namespace

exposition_format negotiate(std::string_view accept) {
  int openmetrics = 0;
  int text = 0;
  while (!accept.empty()) {
    const media_range r = parse_range(next_part(accept, ','));
    if (same_ignoring_case(r.type, "application/openmetrics-text")) {
      const bool ours = r.version.empty() || r.version == "1.0.0";
      if (ours && r.weight > openmetrics) openmetrics = r.weight;
    } else if (same_ignoring_case(r.type, "text/plain") || same_ignoring_case(r.type, "text/*") ||
               r.type == "*/*") {
      if (r.weight > text) text = r.weight;
    }
  }
  return openmetrics > text ? exposition_format::openmetrics : exposition_format::prometheus_text;
}

std::string_view content_type(exposition_format f) noexcept {
  switch (f) {
    case exposition_format::prometheus_text:
      return "text/plain; version=0.0.4; charset=utf-8";
    case exposition_format::openmetrics:
      return "application/openmetrics-text; version=1.0.0; charset=utf-8";
  }
  return {};
}

std::string_view to_string(metric_type t) noexcept {
  switch (t) {
    case metric_type::counter:
      return "counter";
    case metric_type::gauge:
      return "gauge";
    case metric_type::histogram:
      return "histogram";
  }
  return {};
}

void exposition_writer::family(std::string_view name, std::string_view help, metric_type type) {
  const bool open = format_ == exposition_format::openmetrics;
  // OpenMetrics names a counter's family without the suffix that its samples bear.
  if (open && type == metric_type::counter && name.ends_with("_total")) {
    name.remove_suffix(std::string_view("_total").size());
  }
  out_.append("# HELP ").append(name).append(" ");
  append_metric_text(out_, help, open);
  out_.append("\n# TYPE ").append(name).append(" ").append(to_string(type)).append("\n");
  if (const auto unit = unit_of(name); open && !unit.empty()) {
    out_.append("# UNIT ").append(name).append(" ").append(unit).append("\n");
  }
}

void exposition_writer::sample(std::string_view name, const label_pairs& labels, double value) {
  sample_text(name, labels, format_number(value));
}

void exposition_writer::sample(std::string_view name, const label_pairs& labels,
                               std::uint64_t value) {
  sample_text(name, labels, std::to_string(value));
}

void exposition_writer::sample_text(std::string_view name, const label_pairs& labels,
                                    std::string_view value) {
  out_.append(name);
  char opening = '{';
  for (const auto& [key, text] : labels) {
    out_ += opening;
    out_.append(key).append("=\"");
    append_metric_text(out_, text, true);
    out_ += '"';
    opening = ',';
  }
  if (!labels.empty()) out_ += '}';
  out_.append(" ").append(value).append("\n");
}

std::string exposition_writer::bound(double upper) const {
  std::string s = format_number(upper);
  // OpenMetrics wants `le` in one canonical form, "1.0" and not "1".
  if (format_ == exposition_format::openmetrics && s.find_first_of(".eI") == std::string::npos) {
    s += ".0";
  }
  return s;
}

std::string exposition_writer::finish() && {
  if (format_ == exposition_format::openmetrics) out_ += "# EOF\n";
  return std::move(out_);
}

}  // namespace fleetgate::observe
