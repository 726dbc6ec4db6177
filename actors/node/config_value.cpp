#include "actors/node/config_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

#include "actors/node/config_words.hpp"
#include "protocol/base/utf8.hpp"

namespace fleetgate::node {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

/// What people write where they mean one of our units.
struct unit_alias {
  std::string_view written;  // lower case
  std::string_view meant;
};

/// A number with a unit: sizes and durations are read by the same rules.
struct quantity {
  std::string_view noun;
  std::string_view units_text;
  std::string_view bare;        // the unit that a bare number probably means
  std::span<const unit> units;  // smallest first
  std::span<const unit_alias> aliases;
};

constexpr std::array<unit, 5> size_units{{{"B", 1},
                                          {"KiB", std::uint64_t{1} << 10},
                                          {"MiB", std::uint64_t{1} << 20},
                                          {"GiB", std::uint64_t{1} << 30},
                                          {"TiB", std::uint64_t{1} << 40}}};
constexpr std::array<unit_alias, 15> size_aliases{{{"b", "B"},
                                                   {"byte", "B"},
                                                   {"bytes", "B"},
                                                   {"k", "KiB"},
                                                   {"kb", "KiB"},
                                                   {"kib", "KiB"},
                                                   {"m", "MiB"},
                                                   {"mb", "MiB"},
                                                   {"mib", "MiB"},
                                                   {"g", "GiB"},
                                                   {"gb", "GiB"},
                                                   {"gib", "GiB"},
                                                   {"t", "TiB"},
                                                   {"tb", "TiB"},
                                                   {"tib", "TiB"}}};
constexpr std::array<unit, 5> duration_units{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<unit_alias, 17> duration_aliases{{{"ms", "ms"},
                                                       {"msec", "ms"},
                                                       {"millisecond", "ms"},
                                                       {"milliseconds", "ms"},
                                                       {"s", "s"},
                                                       {"sec", "s"},
                                                       {"second", "s"},
                                                       {"seconds", "s"},
                                                       {"m", "m"},
                                                       {"min", "m"},
                                                       {"minutes", "m"},
                                                       {"h", "h"},
                                                       {"hour", "h"},
                                                       {"hours", "h"},
                                                       {"d", "d"},
                                                       {"day", "d"},
                                                       {"days", "d"}}};

constexpr quantity a_size{"size", "B, KiB, MiB, GiB or TiB", "B", size_units, size_aliases};
constexpr quantity a_duration{"duration", "ms, s, m, h or d", "s", duration_units,
                              duration_aliases};

std::string format(const quantity& kind, std::uint64_t n) {
  const unit* best = n == 0 && kind.bare == "s" ? &kind.units[1] : &kind.units[0];
  for (const unit& u : kind.units) {
    if (n != 0 && n % u.factor == 0) best = &u;
  }
  return std::to_string(n / best->factor) + std::string(best->name);
}

const unit* find_unit(const quantity& kind, std::string_view name) {
  const auto it = std::find_if(kind.units.begin(), kind.units.end(),
                               [&](const unit& u) { return u.name == name; });
  return it == kind.units.end() ? nullptr : &*it;
}

const unit* guess_unit(const quantity& kind, std::string_view written) {
  std::string lower;
  for (const char c : written) {
    if (c != ' ' && c != '\t') lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  if (lower.empty()) return find_unit(kind, kind.bare);
  const auto it = std::find_if(kind.aliases.begin(), kind.aliases.end(),
                               [&](const unit_alias& a) { return a.written == lower; });
  return it == kind.aliases.end() ? nullptr : find_unit(kind, it->meant);
}

/// The literal within bounds that `text` probably means, or "".
std::string guess_quantity(const quantity& kind, std::string_view text, bounds<std::uint64_t> in) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) return {};
  const auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
  const unit* u = guess_unit(kind, rest);
  if (u == nullptr) return {};
  const double total = number * static_cast<double>(u->factor);
  if (!(total < 9e18)) return {};
  const auto whole = static_cast<std::uint64_t>(total);
  return whole < in.least || whole > in.most ? std::string() : quote(format(kind, whole));
}

/// At most 80 bytes, cut between characters.
std::string_view shortened(std::string_view s) {
  if (s.size() <= 80) return s;
  std::size_t n = 80;
  while (n != 0 && (static_cast<unsigned char>(s[n]) & 0xC0U) == 0x80) --n;
  return s.substr(0, n);
}

/// "the text "abc"", "the integer 30": how a value is named in a message.
std::string describe(const raw_value& v) {
  if (const auto* s = std::get_if<std::string>(&v.is)) {
    const std::string shown = quote(shortened(*s));
    return v.untyped ? shown : "the text " + shown;
  }
  if (const auto* i = std::get_if<std::int64_t>(&v.is)) {
    return "the integer " + std::to_string(*i);
  }
  if (const auto* d = std::get_if<double>(&v.is)) {
    // std::to_string writes six decimals and never an exponent: enough to recognise one's own.
    return "the number " + std::to_string(*d);
  }
  if (const auto* b = std::get_if<bool>(&v.is)) return *b ? "true" : "false";
  if (std::holds_alternative<text_list>(v.is)) return "an array";
  return std::string(std::get<unusable_value>(v.is).kind);
}

tl::unexpected<value_fault> expected_instead(const raw_value& v, const std::string& what,
                                             std::string instead = {}) {
  return tl::unexpected(
      value_fault{"found " + describe(v) + ", expected " + what, std::move(instead)});
}

using shown_as = std::string (*)(std::uint64_t);

value_result<std::uint64_t> in_bounds(std::uint64_t n, bounds<std::uint64_t> in, shown_as shown) {
  if (n < in.least) {
    return tl::unexpected(value_fault{shown(n) + " is below the least, " + shown(in.least), {}});
  }
  if (n > in.most) {
    return tl::unexpected(value_fault{shown(n) + " is above the most, " + shown(in.most), {}});
  }
  return n;
}

value_result<std::uint64_t> read_quantity(const raw_value& v, const quantity& kind,
                                          bounds<std::uint64_t> in, shown_as shown) {
  const std::string what =
      "a " + std::string(kind.noun) + " with a unit (" + std::string(kind.units_text) + ")";
  if (const auto* i = std::get_if<std::int64_t>(&v.is)) {
    return expected_instead(v, what, guess_quantity(kind, std::to_string(*i), in));
  }
  const auto* text = std::get_if<std::string>(&v.is);
  if (text == nullptr) return expected_instead(v, what);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const auto rest = std::string_view(*text).substr(static_cast<std::size_t>(end - text->data()));
  const unit* u = find_unit(kind, rest);
  if (u != nullptr && (error == std::errc::result_out_of_range ||
                       number > std::numeric_limits<std::uint64_t>::max() / u->factor)) {
    return tl::unexpected(value_fault{quote(shortened(*text)) + " is too large to be meant", {}});
  }
  if (u == nullptr || error != std::errc()) {
    return expected_instead(v, what, guess_quantity(kind, *text, in));
  }
  return in_bounds(number * u->factor, in, shown);
}

std::string format_plain(std::uint64_t n) {
  return std::to_string(n);
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
}

bool is_name_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

text_list split_at_commas(std::string_view text) {
  text_list parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

/// The endpoint that was probably meant, as a literal, or "".
std::string guess_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const auto host =
      colon == std::string_view::npos ? std::string_view("localhost") : text.substr(0, colon);
  const std::string address = host == "localhost"           ? "127.0.0.1"
                              : host.empty() || host == "*" ? "0.0.0.0"
                              : host.find(':') != host.npos ? "[" + std::string(host) + "]"
                                                            : std::string();
  const std::string guess = address + ":" + std::string(port);
  return parse_endpoint(guess) ? quote(guess) : std::string();
}

}  // namespace

value_result<std::uint64_t> read_size(const raw_value& v, bounds<std::uint64_t> in) {
  return read_quantity(v, a_size, in, format_size);
}

value_result<std::uint64_t> read_duration(const raw_value& v, bounds<std::uint64_t> in) {
  return read_quantity(v, a_duration, in, format_duration);
}

value_result<std::uint64_t> read_integer(const raw_value& v, bounds<std::uint64_t> in) {
  if (const auto* i = std::get_if<std::int64_t>(&v.is)) {
    if (*i < 0) return expected_instead(v, "a whole number that is not negative");
    return in_bounds(static_cast<std::uint64_t>(*i), in, format_plain);
  }
  const auto* text = std::get_if<std::string>(&v.is);
  if (text == nullptr) return expected_instead(v, "an integer");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) {
    return expected_instead(v, "an integer");
  }
  if (!v.untyped) return expected_instead(v, "an integer, without quotes", *text);
  return in_bounds(number, in, format_plain);
}

value_result<bool> read_boolean(const raw_value& v) {
  if (const auto* b = std::get_if<bool>(&v.is)) return *b;
  const auto* text = std::get_if<std::string>(&v.is);
  if (text == nullptr || (*text != "true" && *text != "false")) {
    return expected_instead(v, "true or false");
  }
  if (!v.untyped) return expected_instead(v, "true or false, without quotes", *text);
  return *text == "true";
}

value_result<std::string> read_text(const raw_value& v) {
  const auto* text = std::get_if<std::string>(&v.is);
  if (text == nullptr) return expected_instead(v, "text in quotes");
  if (text->empty()) return expected_instead(v, "text that is not empty");
  if (text->size() > 1024) return expected_instead(v, "at most 1024 bytes");
  if (!is_clean_utf8(*text) || std::any_of(text->begin(), text->end(), is_control)) {
    return expected_instead(v, "UTF-8 text without control characters");
  }
  return *text;
}

value_result<std::string> read_name(const raw_value& v) {
  auto text = read_text(v);
  if (!text) return text;
  if (text->size() <= 64 && std::all_of(text->begin(), text->end(), is_name_char)) return text;
  std::string cleaned = text->substr(0, 64);
  std::replace_if(
      cleaned.begin(), cleaned.end(), [](char c) { return !is_name_char(c); }, '-');
  return expected_instead(v, "at most 64 letters, digits, '.', '_' or '-'", quote(cleaned));
}

value_result<endpoint> read_endpoint(const raw_value& v) {
  const std::string what = "an IP address and a port, like \"127.0.0.1:1883\" or \"[::1]:1883\"";
  if (const auto* i = std::get_if<std::int64_t>(&v.is)) {
    return expected_instead(v, what, guess_endpoint(std::to_string(*i)));
  }
  const auto* text = std::get_if<std::string>(&v.is);
  if (text == nullptr) return expected_instead(v, what);
  auto parsed = parse_endpoint(*text);
  if (parsed) return *parsed;
  return expected_instead(v, what + ": " + parsed.error(), guess_endpoint(*text));
}

value_result<std::size_t> read_choice(const raw_value& v,
                                      const std::vector<std::string_view>& names) {
  const auto* text = std::get_if<std::string>(&v.is);
  const std::string what = (names.size() == 1 ? "" : "one of ") + join_or(names);
  if (text == nullptr) return expected_instead(v, what);
  const auto it = std::find(names.begin(), names.end(), *text);
  if (it != names.end()) return static_cast<std::size_t>(it - names.begin());
  const auto meant = nearest(*text, names);
  return expected_instead(v, what, meant ? quote(*meant) : std::string());
}

value_result<std::vector<std::size_t>> read_choices(const raw_value& v,
                                                    const std::vector<std::string_view>& names) {
  constexpr std::size_t most_choices = 16;
  text_list written;
  if (const auto* list = std::get_if<text_list>(&v.is)) {
    written = *list;
  } else if (const auto* text = std::get_if<std::string>(&v.is); text != nullptr && v.untyped) {
    written = split_at_commas(*text);
  } else if (text != nullptr) {
    written = {*text};
  } else {
    return expected_instead(v, join_or(names) + ", or an array of them");
  }
  if (written.size() > most_choices) {
    return expected_instead(v, "at most " + std::to_string(most_choices) + " names");
  }
  std::vector<std::size_t> chosen;
  for (const std::string& name : written) {
    const auto one = read_choice({name, v.untyped}, names);
    if (!one) return tl::unexpected(one.error());
    chosen.push_back(*one);
  }
  return chosen;
}

std::string format_size(std::uint64_t bytes) {
  return format(a_size, bytes);
}
std::string format_duration(std::uint64_t milliseconds) {
  return format(a_duration, milliseconds);
}

std::string to_literal(const raw_value& v) {
  if (const auto* s = std::get_if<std::string>(&v.is)) return quote(*s);
  if (const auto* i = std::get_if<std::int64_t>(&v.is)) return std::to_string(*i);
  if (const auto* b = std::get_if<bool>(&v.is)) return *b ? "true" : "false";
  if (const auto* list = std::get_if<text_list>(&v.is)) {
    std::string out;
    for (const std::string& s : *list) out += (out.empty() ? "" : ", ") + quote(s);
    return "[" + out + "]";
  }
  return describe(v);
}

}  // namespace fleetgate::node
