// Input: filters, one a line, and behind an empty line a topic. Whatever the filters are, compiling
// answers; what compiles matches within its own rules, and captures lie inside the topic.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/model/topic_rules.hpp"

namespace {

using fleetgate::model::topic_rule_spec;
using fleetgate::model::topic_rules;

void require(bool holds) {
  if (!holds) std::abort();
}

bool lies_in(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<topic_rule_spec> specs;
  while (!text.empty() && text.front() != '\n' && specs.size() < 64) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    topic_rule_spec spec;
    spec.match = text.substr(0, end);
    spec.sequence = "$." + spec.match;
    if (!topic_rules::check(spec).empty()) spec.sequence.clear();
    const bool good = topic_rules::check(spec).empty();
    require(topic_rules::compile({spec}).has_value() == good);
    if (good) specs.push_back(std::move(spec));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!text.empty()) text.remove_prefix(1);

  const auto rules = topic_rules::compile(specs);
  require(rules.has_value() && rules->size() == specs.size());
  const auto found = rules->match(text);
  require(found.rule->index <= specs.size());
  require(lies_in(found.device, text) && lies_in(found.stream, text) &&
          lies_in(found.tenant, text));
  // The first that matches: none before it does so alone.
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const bool alone = topic_rules::compile({specs[i]})->match(text).rule->index == 0;
    require(alone ? found.rule->index <= i : found.rule->index != i);
    if (alone) break;
  }
  return 0;
}
