#include "actors/admin/http_message.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace fleetgate::admin {
namespace {

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view request::header(std::string_view name) const noexcept {
  for (const auto& [key, value] : headers) {
    if (same_ignoring_case(key, name)) return value;
  }
  return {};
}

std::optional<std::string_view> request::query_value(std::string_view key) const noexcept {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t equals = std::min(part.find('='), part.size());
    if (part.substr(0, equals) == key) return part.substr(std::min(equals + 1, part.size()));
  }
  return std::nullopt;
}

bool request::query_flag(std::string_view key) const noexcept {
  const auto value = query_value(key);
  return value && (value->empty() || *value == "1" || *value == "true");
}

std::string_view request::capture(std::string_view name) const noexcept {
  for (const auto& [key, value] : captures) {
    if (key == name) return value;
  }
  return {};
}

response error_response(const fault& f, std::string_view next) {
  return error_response(describe(f.code).http_status, f, next);
}

response error_response(std::uint16_t status, const fault& f, std::string_view next) {
  const fault_entry& entry = describe(f.code);
  const nlohmann::ordered_json body{{"type", "urn:fleetgate:fault:" + std::string(entry.name)},
                                    {"title", entry.text},
                                    {"status", status},
                                    {"detail", f.detail},
                                    {"fault", entry.name},
                                    {"next", next}};
  response r;
  r.status = status;
  r.content_type = "application/problem+json";
  // Text may quote what a client sent, so malformed UTF-8 is replaced and not an exception.
  r.body = body.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
  return r;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    const std::string_view digits = "0123456789abcdef0123456789ABCDEF";
    const std::size_t at = digits.find(c);
    return at == digits.npos ? -1 : static_cast<int>(at % 16);
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = digit(text[i + 1]), low = digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool split_target(std::string_view target, request& into) {
  if (const std::size_t scheme = target.find("://");
      scheme != std::string_view::npos && scheme < target.find('/')) {
    target.remove_prefix(std::min(target.find('/', scheme + 3), target.size()));
    if (target.empty()) target = "/";
  }
  if (target.empty() || target.front() != '/') return false;
  const std::size_t question = std::min(target.find('?'), target.size());
  into.path = target.substr(0, question);
  into.query = target.substr(std::min(question + 1, target.size()));
  return true;
}

}  // namespace fleetgate::admin
