// Words for the messages of the configuration: quoting, "did you mean", enumerations. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fleetgate::node {

/// A basic string with its quotes, escaped so that it is valid TOML and valid JSON.
std::string quote(std::string_view s);

/// The nearest of `known` by edit distance where it is near enough to be meant.
std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& known);

/// "a, b or c".
std::string join_or(const std::vector<std::string_view>& words);

}  // namespace fleetgate::node
