// How a key of each type is assigned and shown: the builders of config_keys.cpp. Templates over the
// section and its member; included there only.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "actors/node/config_keys.hpp"
#include "actors/node/config_words.hpp"

namespace fleetgate::node::keys {

/// What stands beside a key whatever its type is.
struct key_text {
  std::string_view name;
  std::string_view example;
  std::string_view about;
  bool required = false;
};

template <class Section>
config_key<Section> bare_key(const key_text& t, std::string type, std::string limits = {}) {
  return {t.name, std::move(type), std::move(limits), t.example, t.about, t.required, false, {},
          {}};
}

/// `key`, which a reload applies.
template <class Section>
config_key<Section> live(config_key<Section> key) {
  key.live = true;
  return key;
}

inline std::string range_text(const std::string& least, const std::string& most) {
  return least + " to " + most;
}

inline raw_value text_value(std::string s) {
  return {std::move(s), false};
}

template <class Section, class Int>
config_key<Section> size_key(const key_text& t, Int Section::*member, bounds<std::uint64_t> in) {
  auto key = bare_key<Section>(t, "size", range_text(format_size(in.least), format_size(in.most)));
  key.assign = [=](Section& s, const raw_value& v, const std::string&) {
    return read_size(v, in).map([&](std::uint64_t n) { s.*member = static_cast<Int>(n); });
  };
  key.show = [=](const Section& s) { return text_value(format_size(s.*member)); };
  return key;
}

template <class Section, class Duration>
config_key<Section> duration_key(const key_text& t, Duration Section::*member,
                                 bounds<std::chrono::milliseconds> in) {
  const bounds<std::uint64_t> range{static_cast<std::uint64_t>(in.least.count()),
                                    static_cast<std::uint64_t>(in.most.count())};
  auto key = bare_key<Section>(
      t, "duration", range_text(format_duration(range.least), format_duration(range.most)));
  key.assign = [=](Section& s, const raw_value& v, const std::string&) -> value_result<void> {
    const auto n = read_duration(v, range);
    if (!n) return tl::unexpected(n.error());
    const std::chrono::milliseconds exact(static_cast<std::int64_t>(*n));
    const auto kept = std::chrono::duration_cast<Duration>(exact);
    if (kept != exact) {
      return tl::unexpected(value_fault{format_duration(*n) + " is not a whole number of seconds",
                                        quote(std::to_string(kept.count() + 1) + "s")});
    }
    s.*member = kept;
    return {};
  };
  key.show = [=](const Section& s) {
    const auto n = std::chrono::duration_cast<std::chrono::milliseconds>(s.*member).count();
    return text_value(format_duration(static_cast<std::uint64_t>(n)));
  };
  return key;
}

template <class Section, class Int>
config_key<Section> integer_key(const key_text& t, Int Section::*member, bounds<std::uint64_t> in) {
  auto key = bare_key<Section>(t, "integer",
                               range_text(std::to_string(in.least), std::to_string(in.most)));
  key.assign = [=](Section& s, const raw_value& v, const std::string&) {
    return read_integer(v, in).map([&](std::uint64_t n) { s.*member = static_cast<Int>(n); });
  };
  key.show = [=](const Section& s) {
    return raw_value{static_cast<std::int64_t>(s.*member), false};
  };
  return key;
}

template <class Section>
config_key<Section> boolean_key(const key_text& t, bool Section::*member) {
  auto key = bare_key<Section>(t, "boolean");
  key.assign = [=](Section& s, const raw_value& v, const std::string&) {
    return read_boolean(v).map([&](bool b) { s.*member = b; });
  };
  key.show = [=](const Section& s) { return raw_value{s.*member, false}; };
  return key;
}

template <class Section>
config_key<Section> string_key(const key_text& t, std::string type, std::string Section::*member,
                               value_result<std::string> (*read)(const raw_value&)) {
  auto key = bare_key<Section>(t, std::move(type));
  key.assign = [=](Section& s, const raw_value& v, const std::string&) {
    return read(v).map([&](const std::string& text) { s.*member = text; });
  };
  key.show = [=](const Section& s) -> std::optional<raw_value> {
    if ((s.*member).empty()) return std::nullopt;
    return text_value(s.*member);
  };
  return key;
}

template <class Section>
config_key<Section> text_key(const key_text& t, std::string Section::*member) {
  return string_key(t, "text", member, &read_text);
}

template <class Section>
config_key<Section> name_key(const key_text& t, std::string Section::*member) {
  auto key = string_key(t, "name", member, &read_name);
  key.limits = "at most 64 of A-Z a-z 0-9 . _ -";
  return key;
}

template <class Section>
config_key<Section> path_key(const key_text& t, std::string Section::*member) {
  auto key = string_key(t, "path", member, &read_text);
  key.assign = [=](Section& s, const raw_value& v, const std::string& base_dir) {
    return read_text(v).map([&](const std::string& text) {
      const auto path = (std::filesystem::path(base_dir) / text).lexically_normal();
      // "dir/" and "dir" are the same place and must compare equal.
      s.*member = (path.has_filename() ? path : path.parent_path()).string();
    });
  };
  return key;
}

template <class Section>
config_key<Section> endpoint_key(const key_text& t, endpoint Section::*member) {
  auto key = bare_key<Section>(t, "address", "port 0: the system chooses");
  key.assign = [=](Section& s, const raw_value& v, const std::string&) {
    return read_endpoint(v).map([&](const endpoint& e) { s.*member = e; });
  };
  key.show = [=](const Section& s) { return text_value(to_string(s.*member)); };
  return key;
}

template <class Enum>
std::vector<std::string_view> names_of(const std::vector<Enum>& values) {
  std::vector<std::string_view> names;
  for (const Enum v : values) names.push_back(to_string(v));
  return names;
}

template <class Enum>
std::string joined_names(const std::vector<Enum>& values) {
  std::string joined;
  for (const auto name : names_of(values)) {
    joined += (joined.empty() ? "" : " | ") + std::string(name);
  }
  return joined;
}

/// Member is the enum or an optional of it.
template <class Section, class Member, class Enum>
config_key<Section> choice_key(const key_text& t, Member Section::*member,
                               const std::vector<Enum>& values) {
  auto key = bare_key<Section>(t, joined_names(values));
  key.assign = [=](Section& s, const raw_value& v, const std::string&) {
    return read_choice(v, names_of(values)).map([&](std::size_t i) { s.*member = values[i]; });
  };
  key.show = [=](const Section& s) -> std::optional<raw_value> {
    if constexpr (std::is_same_v<Member, Enum>) {
      return text_value(std::string(to_string(s.*member)));
    } else {
      if (!(s.*member)) return std::nullopt;
      return text_value(std::string(to_string(*(s.*member))));
    }
  };
  return key;
}

/// One or several of the enum's names.
template <class Section, class Enum>
config_key<Section> choices_key(const key_text& t, std::vector<Enum> Section::*member,
                                const std::vector<Enum>& values) {
  auto key = bare_key<Section>(t, "one or an array of " + joined_names(values));
  key.assign = [=](Section& s, const raw_value& v, const std::string&) {
    return read_choices(v, names_of(values)).map([&](const std::vector<std::size_t>& chosen) {
      (s.*member).clear();
      for (const std::size_t i : chosen) (s.*member).push_back(values[i]);
    });
  };
  key.show = [=](const Section& s) -> std::optional<raw_value> {
    if ((s.*member).empty()) return std::nullopt;
    text_list names;
    for (const Enum v : s.*member) names.emplace_back(to_string(v));
    return raw_value{std::move(names), false};
  };
  return key;
}

}  // namespace fleetgate::node::keys
