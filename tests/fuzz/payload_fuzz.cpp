// Input: a byte that chooses the rule, then a payload. The parser always answers, and agrees with
// an independent JSON parser on what is JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "actors/parse/json_reader.hpp"
#include "actors/parse/parser.hpp"
#include "actors/runtime/arena.hpp"

namespace {

using namespace fleetgate;
using nlohmann::json;

void require(bool holds) {
  if (!holds) std::abort();
}

/// What nlohmann's parser thinks of a text, and what it holds that ours refuses on purpose.
struct second_opinion : nlohmann::json_sax<json> {
  bool valid = true;
  bool undecided = false;
  bool refused_on_purpose = false;
  std::size_t depth = 0;

  bool open() {
    refused_on_purpose |= ++depth > parse::max_payload_depth;
    return true;
  }
  bool close() {
    --depth;
    return true;
  }
  bool text(const std::string& s) {
    refused_on_purpose |= s.find('\0') != std::string::npos;
    return true;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t& s) override { return text(s); }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool key(string_t& s) override { return text(s); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const json::exception& e) override {
    constexpr int number_out_of_range = 406;  // grammatical, and ours takes it; this parser stops
    undecided = e.id == number_out_of_range;
    valid = false;
    return false;
  }
};

void compare_with_second_opinion(byte_view padded) {
  static parse::json_reader reader;
  parse::wanted_members nothing(nullptr, nullptr, nullptr);
  const bool ours = reader.read(padded, nothing);
  const std::string_view text = as_text(padded);
  // nlohmann skips a byte order mark and takes U+0000 for the end of the text.
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string_view::npos) {
    return require(!ours);
  }
  second_opinion theirs;
  json::sax_parse(text.begin(), text.end(), &theirs);
  require(theirs.undecided || ours == (theirs.valid && !theirs.refused_on_purpose));
}

struct set_up {
  model::topic_rules rules;
  parse::schema_set schemas;
  parse::parser parser;

  set_up() : rules(make()), parser(rules, schemas) {}

  static model::topic_rules make() {
    std::vector<model::topic_rule_spec> specs;
    for (const auto format : {model::payload_format::automatic, model::payload_format::json,
                              model::payload_format::msgpack, model::payload_format::raw}) {
      model::topic_rule_spec spec;
      spec.match = "#";
      spec.format = format;
      if (format != model::payload_format::raw) {
        spec.sequence = "$.seq";
        spec.epoch = "$.h.boot";
        spec.device_time = "$.h.ts";
      }
      specs.push_back(spec);
    }
    return *model::topic_rules::compile(specs);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static set_up fixture;
  if (size == 0) return 0;
  runtime::arena memory;
  const byte_view payload =
      memory.copy(byte_view(reinterpret_cast<const std::byte*>(data + 1), size - 1));

  contract::inbound_message in;
  in.topic = "t";
  in.payload = payload;
  in.rule = &fixture.rules.rules()[*data & 3];
  in.payload_is_utf8 = (*data & 4) != 0;
  if ((*data & 8) != 0) in.content_type = "application/json";
  if ((*data & 16) != 0) in.content_type = "application/msgpack";
  model::envelope out;
  fixture.parser.parse(in, out);

  require(out.payload.data() == payload.data() && out.payload.size() == payload.size());
  require(!out.sequence || *out.sequence < std::uint64_t{1} << 63);
  require(out.epoch < std::uint64_t{1} << 63 && out.device_time_ns >= 0);
  require(!out.content_type.empty());
  compare_with_second_opinion(payload);
  return 0;
}
