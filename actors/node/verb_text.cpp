#include "actors/node/verb_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ostream>

#include "actors/node/admin_client.hpp"
#include "protocol/base/fault.hpp"

namespace fleetgate::node {
namespace {

constexpr std::size_t page = 500;

/// sysexits for what the node answered.
exit_code status_for(std::uint16_t http, std::string_view fault) noexcept {
  if (fault == describe(fault_code::config_invalid).name) return exit_code::config_error;
  if (http == 404) return exit_code::not_found;
  if (http == 503 || http == 504) return exit_code::upstream_unavailable;
  return http < 500 ? exit_code::usage : exit_code::internal_error;
}

std::string human_bytes(double n) {
  constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; n >= 1024 && unit + 1 < std::size(units); ++unit) n /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f" : "%.1f", n);
  return std::string(text) + " " + std::string(units[unit]);
}

/// Characters, as far as a terminal shows each in one cell.
std::size_t width(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

const json& member(const json& object, std::string_view path) {
  static const json nothing;
  const json* at = &object;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const auto found = at->find(path.substr(0, dot));
    if (found == at->end()) return nothing;
    at = &*found;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return *at;
}

void pad(std::ostream& out, std::string_view text, std::size_t to) {
  out << text << std::string(to - std::min(to, width(text)), ' ');
}

}  // namespace

tl::expected<std::size_t, exit_code> count_of(const verb_call& call, std::string_view option,
                                              std::ostream& err) {
  const std::string_view given = call.get(option);
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), count);
  if (error == std::errc() && end == given.data() + given.size() && count != 0) return count;
  complain(call,
           std::string(option) + ": \"" + std::string(given) + "\" is not a whole number above 0",
           "Give it as in: " + std::string(option) + " 1000", err);
  return tl::unexpected(exit_code::usage);
}

void complain(const verb_call& call, std::string_view what, std::string_view next,
              std::ostream& err) {
  err << call.words << ": " << harmless(what) << "\n" << harmless(next) << "\n";
}

tl::expected<json, exit_code> ask_node(const verb_call& call, std::string_view method,
                                       const std::string& target, std::ostream& err,
                                       const std::string& body) {
  const auto answer = ask_http(call.admin, method, target, body);
  if (!answer && answer.error().bad_address) {
    complain(call, "--admin: " + answer.error().why, "Give it as in: --admin http://127.0.0.1:9600",
             err);
    return tl::unexpected(exit_code::usage);
  }
  if (!answer) {
    complain(call, "no node answers at " + call.admin + ": " + answer.error().why,
             "Start one with `fleetgate run`, or name another with --admin or FLEETGATE_ADMIN.",
             err);
    return tl::unexpected(exit_code::upstream_unavailable);
  }
  json value = json::parse(answer->body, nullptr, false);
  if (answer->status < 300 && !value.is_discarded()) return value;
  if (!value.is_object() || !value.contains("fault")) {
    complain(call,
             call.admin + " answers with status " + std::to_string(answer->status) +
                 ", and not as a node of fleetgate does",
             "Check the address: --admin or FLEETGATE_ADMIN.", err);
    return tl::unexpected(exit_code::upstream_unavailable);
  }
  for (const json& e : value.value("errors", json::array())) err << cell_text({}, e) << "\n";
  complain(call, value.value("title", "") + ": " + value.value("detail", ""),
           "Next: " + value.value("next", ""), err);
  return tl::unexpected(status_for(answer->status, value.value("fault", "")));
}

tl::expected<json, exit_code> ask_pages(const verb_call& call, const std::string& target,
                                        std::string_view name, std::ostream& err) {
  const auto limit = count_of(call, "--limit", err);
  if (!limit) return tl::unexpected(limit.error());
  std::size_t left = *limit;
  json all = json::array();
  std::string cursor;
  do {
    const auto got = ask_node(
        call, "GET", target + "?limit=" + std::to_string(std::min(left, page)) + cursor, err);
    if (!got) return got;
    for (const json& entry : member(*got, name)) all.push_back(entry);
    left -= std::min(left, member(*got, name).size());
    const json& next = member(*got, "next_cursor");
    if (!next.is_string()) return json{{name, std::move(all)}};
    cursor = "&cursor=" + percent_encoded(next.get<std::string>());
  } while (left != 0);
  err << call.words << ": there may be more; raise --limit\n";
  return json{{name, std::move(all)}};
}

std::string cell_text(std::string_view name, const json& value) {
  if (value.is_null()) return "-";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  const bool is_size = name == "bytes" || name.ends_with("_bytes");
  if (value.is_number() && is_size) return human_bytes(value.get<double>());
  if (value.is_string()) return harmless(value.get<std::string>());
  if (value.is_array()) {
    std::string out;
    for (const json& v : value) out += (out.empty() ? "" : "; ") + cell_text({}, v);
    return out.empty() ? "-" : out;
  }
  return harmless(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

void print_json(const json& value, std::ostream& out) {
  out << value.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
}

void print_table(const json& objects, columns shown, std::ostream& out) {
  std::vector<std::size_t> widths;
  for (const auto& [heading, name] : shown) {
    std::size_t widest = heading.size();
    for (const json& o : objects) {
      widest = std::max(widest, width(cell_text(name, member(o, name))));
    }
    widths.push_back(widest);
  }
  const auto line = [&](auto&& text) {
    std::size_t i = 0;
    for (const auto& column : shown) {
      const bool last = i + 1 == widths.size();
      pad(out, text(column), last ? 0 : widths[i++] + 2);
    }
    out << "\n";
  };
  line([](const auto& column) { return std::string(column.first); });
  for (const json& o : objects) {
    line([&](const auto& column) { return cell_text(column.second, member(o, column.second)); });
  }
}

void print_members(const json& object, columns shown, std::ostream& out) {
  std::size_t widest = 0;
  for (const auto& [heading, name] : shown) widest = std::max(widest, heading.size());
  for (const auto& [heading, name] : shown) {
    pad(out, heading, widest + 2);
    out << cell_text(name, member(object, name)) << "\n";
  }
}

}  // namespace fleetgate::node
