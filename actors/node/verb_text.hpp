// What all verbs do alike: ask the node, say what is wrong, and print what came as JSON or as text
// for people. What came from devices never steers a terminal: control characters become '?'.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "actors/node/harmless_text.hpp"
#include "actors/node/verb.hpp"

namespace fleetgate::node {

using json = nlohmann::ordered_json;

/// The answer's JSON; else the status to exit with, and why was written to `err`: the `errors` of
/// the problem one a line, then what it is and what to do.
tl::expected<json, exit_code> ask_node(const verb_call& call, std::string_view method,
                                       const std::string& target, std::ostream& err,
                                       const std::string& body = {});

/// Up to `--limit` entries of the list `name`, page by page; says on `err` where there are more.
tl::expected<json, exit_code> ask_pages(const verb_call& call, const std::string& target,
                                        std::string_view name, std::ostream& err);

/// A whole number above 0; else the status to exit with, and why was written to `err`.
tl::expected<std::size_t, exit_code> count_of(const verb_call& call, std::string_view option,
                                              std::ostream& err);

/// "WORDS: what\nnext"
void complain(const verb_call& call, std::string_view what, std::string_view next,
              std::ostream& err);

/// A heading, and the member of each object that it shows.
using columns = std::initializer_list<std::pair<std::string_view, std::string_view>>;

void print_json(const json& value, std::ostream& out);
void print_table(const json& objects, columns shown, std::ostream& out);
/// One member a line.
void print_members(const json& object, columns shown, std::ostream& out);

/// "12.5 MiB" for a member that is or ends in `bytes`, "yes", "-" for null.
std::string cell_text(std::string_view name, const json& value);

}  // namespace fleetgate::node
