#include "actors/parse/schema.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

// GCC 12 under sanitizers warns of the standard library's own regex, which the validator includes.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// Without this the library ends the process where a schema is wrong.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "actors/parse/schema_limits.hpp"
#include "actors/runtime/descriptor.hpp"
#include "protocol/base/utf8.hpp"

namespace fleetgate::parse {
namespace {

using json = nlohmann::json;
using adapter = valijson::adapters::NlohmannJsonAdapter;

/// Brings a payload into the form the validator is right for: text is UTF-8, numbers are finite,
/// whole numbers fit 64 bits with sign (larger ones become floating-point). False where it cannot
/// be.
bool prepare(json& value) {
  switch (value.type()) {
    case json::value_t::null:
    case json::value_t::boolean:
    case json::value_t::number_integer:
      return true;
    case json::value_t::number_unsigned:
      if (value.get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        value = value.get<double>();
      }
      return true;
    case json::value_t::number_float:
      return std::isfinite(value.get<double>());
    case json::value_t::string:
      return is_clean_utf8(value.get_ref<const std::string&>());
    case json::value_t::array:
      for (json& each : value) {
        if (!prepare(each)) return false;
      }
      return true;
    case json::value_t::object:
      for (auto& [name, each] : value.items()) {
        if (!is_clean_utf8(name) || !prepare(each)) return false;
      }
      return true;
    case json::value_t::binary:
    case json::value_t::discarded:
      return false;
  }
  return false;
}

/// Deepest nesting that the schema's own text may have, which its parser recurses into.
bool too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\')
      ++i;
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == '{' || c == '[') && ++depth > 4 * schema::max_depth)
      return true;
    else if (!in_string && (c == '}' || c == ']') && depth != 0)
      --depth;
  }
  return false;
}

/// All of it, or its first `most` bytes; nothing where it is no regular file, or the disk fails. A
/// pipe would keep its reader waiting.
std::optional<std::string> read_regular(const std::string& path, std::size_t most) {
  const runtime::descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!file.is_open() || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) {
    return std::nullopt;
  }
  std::string text(most, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = ::read(file.get(), text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  text.resize(have);
  return text;
}

}  // namespace

struct schema::compiled {
  json text;  // the compiled form refers to it
  valijson::Schema rules;

  [[nodiscard]] bool accepts(json payload) const {
    if (!prepare(payload)) return false;
    try {
      valijson::Validator validator(valijson::Validator::kStrongTypes);
      return validator.validate(rules, adapter(payload), nullptr);
    } catch (const std::exception&) {
      return false;  // what cannot be judged is not accepted
    }
  }
};

schema::schema(std::unique_ptr<compiled> made, std::uint64_t hash) noexcept
    : made_(std::move(made)), hash_(hash) {}
schema::schema(schema&&) noexcept = default;
schema& schema::operator=(schema&&) noexcept = default;
schema::~schema() = default;

result<schema> schema::compile(std::string_view text) {
  if (text.size() > max_file_bytes) {
    return failure(fault_code::config_invalid, "the schema has more than 1 MiB");
  }
  if (too_deep(text)) return failure(fault_code::config_invalid, "the schema is nested too deep");
  auto made = std::make_unique<compiled>();
  try {
    made->text = json::parse(text);
    if (auto safe = make_safe(made->text); !safe) return tl::unexpected(safe.error());
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(adapter(made->text), made->rules);
  } catch (const std::exception& e) {
    return failure(fault_code::config_invalid, e.what());
  }
  return schema(std::move(made), XXH3_64bits(text.data(), text.size()));
}

result<schema> schema::load(const std::string& path) {
  const auto text = read_regular(path, max_file_bytes + 1);
  if (!text || text->empty()) {
    return failure(fault_code::config_invalid, path + ": cannot be read, or is empty");
  }
  auto made = compile(*text);
  if (!made) return failure(fault_code::config_invalid, path + ": " + made.error().detail);
  return made;
}

bool schema::accepts_json(byte_view payload) const {
  if (payload.size() > max_payload_bytes) return false;
  const std::string_view text = as_text(payload);
  return made_->accepts(json::parse(text.begin(), text.end(), nullptr, false));
}

bool schema::accepts_msgpack(byte_view payload) const {
  if (payload.size() > max_payload_bytes) return false;
  const std::string_view text = as_text(payload);
  return made_->accepts(json::from_msgpack(text.begin(), text.end(), true, false));
}

result<schema_set> schema_set::load(const model::topic_rules& rules) {
  schema_set set;
  set.by_rule_.resize(rules.size());
  std::map<std::string, std::shared_ptr<const schema>> by_path;
  for (const model::topic_rule& rule : rules.rules()) {
    if (rule.schema.empty()) continue;
    auto& entry = by_path[rule.schema];
    if (entry == nullptr) {
      auto loaded = schema::load(rule.schema);
      if (!loaded) return tl::unexpected(loaded.error());
      entry = std::make_shared<const schema>(std::move(*loaded));
    }
    set.by_rule_[rule.index] = entry;
  }
  return set;
}

}  // namespace fleetgate::parse
