// A strict reader of the two exposition formats, for tests: what it does not know is an error.
// Prometheus text 0.0.4 and OpenMetrics 1.0, as far as this project writes them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fleetgate::test {

struct parsed_sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct parsed_family {
  std::string name;
  std::string help;
  std::string type;
  std::string unit;
  std::vector<parsed_sample> samples;
};

using parsed_families = std::map<std::string, parsed_family>;

class exposition_parser {
 public:
  exposition_parser(std::string_view text, bool openmetrics)
      : rest_(text), openmetrics_(openmetrics) {}

  /// Throws std::runtime_error with the line's number.
  parsed_families parse() {
    while (!rest_.empty()) {
      ++line_number_;
      const std::size_t end = rest_.find('\n');
      require(end != std::string_view::npos, "last line has no line feed");
      line_ = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      require(!ended_, "text after # EOF");
      parse_line();
    }
    require(ended_ == openmetrics_, "# EOF belongs to OpenMetrics and only to it");
    for (auto& [name, f] : families_) check_family(f);
    return families_;
  }

 private:
  void require(bool holds, const std::string& what) const {
    if (holds) return;
    throw std::runtime_error("line " + std::to_string(line_number_) + ": " + what + ": " +
                             std::string(line_));
  }

  void parse_line() {
    if (line_ == "# EOF") {
      ended_ = true;
    } else if (take("# HELP ")) {
      const std::string name = take_name();
      require(families_.count(name) == 0, "second HELP");
      current_ = &families_[name];
      current_->name = name;
      require(take(" "), "no space");
      current_->help = unescape(line_, openmetrics_);
    } else if (take("# TYPE ")) {
      require(current_ != nullptr && take_name() == current_->name, "TYPE without its HELP");
      require(current_->type.empty() && current_->samples.empty(), "second or late TYPE");
      require(take(" "), "no space");
      current_->type = line_;
      require(line_ == "counter" || line_ == "gauge" || line_ == "histogram", "unknown type");
    } else if (openmetrics_ && take("# UNIT ")) {
      require(current_ != nullptr && take_name() == current_->name, "UNIT without its HELP");
      require(take(" "), "no space");
      current_->unit = line_;
      require(current_->name.ends_with("_" + current_->unit), "name does not end in its unit");
    } else {
      parse_sample();
    }
  }

  void parse_sample() {
    parsed_sample s;
    s.name = take_name();
    if (take("{")) {
      do {
        const std::string key = take_name();
        require(take("=\""), "label without quote");
        const std::string value = take_quoted();
        require(s.labels.emplace(key, value).second, "label given twice");
      } while (take(","));
      require(take("}"), "labels not closed");
    }
    require(take(" "), "no space before the value");
    s.value = parse_number(line_);
    require(current_ != nullptr && !current_->type.empty(), "sample without family");
    require(belongs(s.name), "sample of another family");
    require(series_.insert({s.name, s.labels}).second, "series given twice");
    current_->samples.push_back(std::move(s));
  }

  bool belongs(const std::string& sample) const {
    const std::string& f = current_->name;
    if (current_->type == "histogram") {
      return sample == f + "_bucket" || sample == f + "_sum" || sample == f + "_count";
    }
    if (current_->type == "counter" && openmetrics_) return sample == f + "_total";
    return sample == f;
  }

  bool take(std::string_view what) {
    if (!line_.starts_with(what)) return false;
    line_.remove_prefix(what.size());
    return true;
  }

  std::string take_name() {
    std::size_t n = 0;
    while (n < line_.size() &&
           (std::isalnum(static_cast<unsigned char>(line_[n])) != 0 || line_[n] == '_')) {
      ++n;
    }
    require(n > 0 && std::isdigit(static_cast<unsigned char>(line_[0])) == 0, "not a name");
    std::string name(line_.substr(0, n));
    line_.remove_prefix(n);
    return name;
  }

  std::string take_quoted() {
    std::size_t n = 0;
    while (n < line_.size() && line_[n] != '"') n += line_[n] == '\\' ? 2 : 1;
    require(n < line_.size(), "quote not closed");
    std::string value = unescape(line_.substr(0, n), true);
    line_.remove_prefix(n + 1);
    return value;
  }

  std::string unescape(std::string_view s, bool quotes) const {
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s[i] != '\\') {
        out += s[i];
        continue;
      }
      require(++i < s.size(), "lone backslash");
      require(s[i] == '\\' || s[i] == 'n' || (quotes && s[i] == '"'), "unknown escape");
      out += s[i] == 'n' ? '\n' : s[i];
    }
    return out;
  }

  double parse_number(std::string_view text) const {
    if (text == "+Inf") return std::numeric_limits<double>::infinity();
    require(!text.empty() && text.find_first_not_of("0123456789.e+-") == std::string_view::npos,
            "not a number");
    const std::string copy(text);
    char* end = nullptr;
    const double v = std::strtod(copy.c_str(), &end);
    require(*end == '\0', "not a number");
    return v;
  }

  void check_family(const parsed_family& f) const {
    require(!f.type.empty(), f.name + " has no TYPE");
    for (const auto& s : f.samples) {
      require(f.type == "gauge" || (s.value >= 0 && !std::isnan(s.value)), s.name + " below zero");
    }
    if (f.type == "histogram") check_histogram(f);
  }

  void check_histogram(const parsed_family& f) const {
    std::map<std::map<std::string, std::string>, std::vector<std::pair<double, double>>> buckets;
    std::map<std::map<std::string, std::string>, double> counts;
    for (auto s : f.samples) {
      if (s.name == f.name + "_count") counts[s.labels] = s.value;
      if (s.name != f.name + "_bucket") continue;
      require(s.labels.count("le") == 1, f.name + " bucket without le");
      if (openmetrics_) {
        require(s.labels["le"].find_first_of(".eI") != std::string::npos, "le is not canonical");
      }
      const double le = parse_number(s.labels["le"]);
      s.labels.erase("le");
      buckets[s.labels].emplace_back(le, s.value);
    }
    require(buckets.size() == counts.size(), f.name + " lacks _count or _bucket");
    for (const auto& [labels, list] : buckets) {
      require(std::is_sorted(list.begin(), list.end()), f.name + " buckets out of order");
      for (std::size_t i = 1; i < list.size(); ++i) {
        require(list[i - 1].second <= list[i].second, f.name + " buckets not cumulative");
      }
      require(std::isinf(list.back().first), f.name + " has no +Inf bucket");
      require(list.back().second == counts[labels], f.name + " +Inf is not _count");
    }
  }

  std::string_view rest_;
  std::string_view line_;
  bool openmetrics_;
  bool ended_ = false;
  std::size_t line_number_ = 0;
  parsed_family* current_ = nullptr;
  parsed_families families_;
  std::set<std::pair<std::string, std::map<std::string, std::string>>> series_;
};

inline parsed_families parse_exposition(std::string_view text, bool openmetrics) {
  return exposition_parser(text, openmetrics).parse();
}

/// The value of the one sample that has this name and these labels; throws where there is none.
inline double sample_value(const parsed_families& all, const std::string& family,
                           const std::string& name,
                           const std::map<std::string, std::string>& labels = {}) {
  for (const auto& s : all.at(family).samples) {
    if (s.name == name && s.labels == labels) return s.value;
  }
  throw std::runtime_error("no such sample: " + name);
}

}  // namespace fleetgate::test
