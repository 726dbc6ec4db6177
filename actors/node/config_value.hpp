// One value of a configuration as it was written, and what it must be read as: sizes, durations,
// numbers, names. Pure; knows neither TOML nor the environment, so both go through it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

#include "actors/node/endpoint.hpp"

namespace fleetgate::node {

/// A kind of value that no key takes: "an array", "a table", "a date or time".
struct unusable_value {
  std::string_view kind;
};

/// An array of nothing but text.
using text_list = std::vector<std::string>;

struct raw_value {
  std::variant<std::string, std::int64_t, double, bool, text_list, unusable_value> is;
  bool untyped = false;  // from the environment or a flag: text that may stand for any kind
};

/// What is wrong with a value. `instead` is a TOML literal that would be right, or "".
struct value_fault {
  std::string message;
  std::string instead;
};

template <class T>
using value_result = tl::expected<T, value_fault>;

/// Inclusive.
template <class T>
struct bounds {
  T least;
  T most;
};

value_result<std::uint64_t> read_size(const raw_value& v, bounds<std::uint64_t> in);
/// Milliseconds.
value_result<std::uint64_t> read_duration(const raw_value& v, bounds<std::uint64_t> in);
value_result<std::uint64_t> read_integer(const raw_value& v, bounds<std::uint64_t> in);
value_result<bool> read_boolean(const raw_value& v);
/// Any text of at most 1024 bytes without control characters.
value_result<std::string> read_text(const raw_value& v);
/// Letters, digits, '.', '_' and '-', at most 64: it becomes a metric label and a column.
value_result<std::string> read_name(const raw_value& v);
value_result<endpoint> read_endpoint(const raw_value& v);
/// The index of the name among `names`.
value_result<std::size_t> read_choice(const raw_value& v,
                                      const std::vector<std::string_view>& names);

/// The indexes of the names among `names`: one text, or an array of at most 16; a variable has
/// commas between them.
value_result<std::vector<std::size_t>> read_choices(const raw_value& v,
                                                    const std::vector<std::string_view>& names);

/// With the largest unit that divides it: "256MiB", "65535s"; "0B", "0s".
std::string format_size(std::uint64_t bytes);
std::string format_duration(std::uint64_t milliseconds);

/// The value as a TOML and JSON literal.
std::string to_literal(const raw_value& v);

}  // namespace fleetgate::node
