#include "actors/parse/schema_limits.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "actors/parse/schema.hpp"

namespace fleetgate::parse {
namespace {

using json = nlohmann::json;

enum class keyword_kind {
  plain,        // checked; holds no schema
  annotation,   // says nothing that is checked
  dropped,      // an annotation that the compiler must not see
  one,          // holds a schema
  list,         // holds an array of schemas
  one_or_list,  // holds either
  map,          // holds schemas by name
  positive,     // a whole number above 0
  unbounded,    // its cost has no bound
};

struct keyword {
  std::string_view name;
  keyword_kind kind;
};

constexpr std::array keywords{
    keyword{"type", keyword_kind::plain},
    keyword{"enum", keyword_kind::plain},
    keyword{"const", keyword_kind::plain},
    keyword{"minimum", keyword_kind::plain},
    keyword{"maximum", keyword_kind::plain},
    keyword{"exclusiveMinimum", keyword_kind::plain},
    keyword{"exclusiveMaximum", keyword_kind::plain},
    keyword{"minLength", keyword_kind::plain},
    keyword{"maxLength", keyword_kind::plain},
    keyword{"minItems", keyword_kind::plain},
    keyword{"maxItems", keyword_kind::plain},
    keyword{"minProperties", keyword_kind::plain},
    keyword{"maxProperties", keyword_kind::plain},
    keyword{"required", keyword_kind::plain},
    keyword{"$schema", keyword_kind::annotation},
    keyword{"$comment", keyword_kind::annotation},
    keyword{"title", keyword_kind::annotation},
    keyword{"description", keyword_kind::annotation},
    keyword{"default", keyword_kind::annotation},
    keyword{"examples", keyword_kind::annotation},
    keyword{"readOnly", keyword_kind::annotation},
    keyword{"writeOnly", keyword_kind::annotation},
    keyword{"contentMediaType", keyword_kind::annotation},
    keyword{"contentEncoding", keyword_kind::annotation},
    keyword{"definitions", keyword_kind::annotation},  // counts where a $ref leads to it
    keyword{"$defs", keyword_kind::annotation},
    keyword{"format", keyword_kind::dropped},  // would run std::regex over the payload
    keyword{"id", keyword_kind::dropped},      // would move what local references mean
    keyword{"$id", keyword_kind::dropped},
    keyword{"not", keyword_kind::one},
    keyword{"if", keyword_kind::one},
    keyword{"then", keyword_kind::one},
    keyword{"else", keyword_kind::one},
    keyword{"contains", keyword_kind::one},
    keyword{"additionalItems", keyword_kind::one},
    keyword{"additionalProperties", keyword_kind::one},
    keyword{"propertyNames", keyword_kind::one},
    keyword{"allOf", keyword_kind::list},
    keyword{"anyOf", keyword_kind::list},
    keyword{"oneOf", keyword_kind::list},
    keyword{"items", keyword_kind::one_or_list},
    keyword{"properties", keyword_kind::map},
    keyword{"multipleOf", keyword_kind::positive},
    keyword{"pattern", keyword_kind::unbounded},
    keyword{"patternProperties", keyword_kind::unbounded},
    keyword{"uniqueItems", keyword_kind::unbounded},
};

/// Walks a schema as a validator would, through every $ref.
class safety_walk {
 public:
  explicit safety_walk(json& root) : root_(root) {}

  /// "" where all is well.
  std::string check(json& node, const std::string& place, std::size_t depth) {
    if (depth > schema::max_depth) return at(place, "deeper than 64 levels (a $ref in a circle?)");
    if (++expanded_ > schema::max_expanded) {
      return at(place, "more than 4096 subschemas once every $ref is followed");
    }
    if (node.is_boolean()) return {};
    if (!node.is_object()) return at(place, "not a schema: neither an object nor true or false");
    if (const auto ref = node.find("$ref"); ref != node.end()) {
      return reference(*ref, place, depth);
    }
    std::erase_if(node.get_ref<json::object_t&>(), [](const auto& entry) {
      const keyword* const k = find(entry.first);
      return k != nullptr && k->kind == keyword_kind::dropped;
    });
    for (auto& [name, value] : node.items()) {
      std::string why = check_keyword(name, value, place + "/" + name, depth);
      if (!why.empty()) return why;
    }
    return {};
  }

 private:
  static const keyword* find(std::string_view name) {
    const auto* const it = std::find_if(keywords.begin(), keywords.end(),
                                        [&](const keyword& k) { return k.name == name; });
    return it == keywords.end() ? nullptr : it;
  }

  static std::string at(const std::string& place, std::string_view why) {
    return "#" + place + ": " + std::string(why);
  }

  std::string check_keyword(const std::string& name, json& value, const std::string& place,
                            std::size_t depth) {
    const keyword* const known = find(name);
    if (known == nullptr) {
      return name.starts_with("x-") ? "" : at(place, "this keyword is not supported");
    }
    switch (known->kind) {
      case keyword_kind::plain:
      case keyword_kind::annotation:
      case keyword_kind::dropped:
        return {};
      case keyword_kind::one:
        return check(value, place, depth + 1);
      case keyword_kind::list:
        return list(value, place, depth);
      case keyword_kind::one_or_list:
        return value.is_array() ? list(value, place, depth) : check(value, place, depth + 1);
      case keyword_kind::map:
        return map(value, place, depth);
      case keyword_kind::positive:
        return whole_above_zero(value, place);
      case keyword_kind::unbounded:
        return at(place, "not supported, because a payload decides what checking it costs");
    }
    return {};
  }

  std::string list(json& value, const std::string& place, std::size_t depth) {
    if (!value.is_array()) return at(place, "must be an array of schemas");
    std::size_t i = 0;
    for (json& each : value) {
      std::string why = check(each, place + "/" + std::to_string(i++), depth + 1);
      if (!why.empty()) return why;
    }
    return {};
  }

  std::string map(json& value, const std::string& place, std::size_t depth) {
    if (!value.is_object()) return at(place, "must be an object of schemas");
    for (auto& [name, each] : value.items()) {
      std::string why = check(each, place + "/" + name, depth + 1);
      if (!why.empty()) return why;
    }
    return {};
  }

  /// Kept as a floating-point number: the compiler's integer form cuts fractions off the payload's
  /// numbers, and its floating-point form is exact only for whole divisors.
  static std::string whole_above_zero(json& value, const std::string& place) {
    constexpr std::int64_t exact = std::int64_t{1} << 53;
    if (!value.is_number_integer() || value.get<std::int64_t>() < 1 ||
        value.get<std::int64_t>() > exact) {
      return at(place, "must be a whole number above 0 and at most 2^53");
    }
    value = static_cast<double>(value.get<std::int64_t>());
    return {};
  }

  std::string reference(const json& ref, const std::string& place, std::size_t depth) {
    const auto* const text = ref.get_ptr<const std::string*>();
    if (text == nullptr || (*text != "#" && !text->starts_with("#/")) ||
        text->find('%') != std::string::npos || text->ends_with('/')) {
      return at(place, "$ref must lead to a place in the same file, as in #/definitions/name");
    }
    const auto target = json::json_pointer(text->substr(1));
    if (!root_.contains(target)) return at(place, "$ref leads nowhere");
    return check(root_.at(target), text->substr(1), depth + 1);
  }

  json& root_;
  std::size_t expanded_ = 0;
};

}  // namespace

result<void> make_safe(json& root) {
  try {
    std::string why = safety_walk(root).check(root, "", 0);
    if (!why.empty()) return failure(fault_code::config_invalid, std::move(why));
  } catch (const json::exception& e) {  // a $ref that is no JSON pointer
    return failure(fault_code::config_invalid, e.what());
  }
  return {};
}

}  // namespace fleetgate::parse
