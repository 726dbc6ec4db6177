// What one message costs between the connection and the journal: topic rule and payload. The
// simdjson tree parser stands beside ours because it was the alternative to walking on demand.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "actors/parse/parser.hpp"
#include "actors/runtime/arena.hpp"

namespace {

using namespace fleetgate;

/// 256 bytes as a device sends them: 25 members and items, 6 of them text.
std::string json_payload() {
  std::string text = R"({"seq":123456,"boot":"b-7f3a","ts":1700000000123,"temp":21.5,"hum":48.25,)"
                     R"("pressure":1013.2,"status":"ok","battery":{"v":3.71,"pct":88},)"
                     R"("gps":{"lat":52.520008,"lon":13.404954,"alt":34.0},"tags":["a","b","c"],)"
                     R"("ok":true,"err":null,"fw":"1.2.3-rc4","n":)";
  while (text.size() < 255) text += '4';
  return text + '}';
}

model::topic_rules rules_with(bool paths, model::payload_format format) {
  model::topic_rule_spec spec;
  spec.match = "devices/{device}/telemetry";
  spec.format = format;
  if (paths) {
    spec.sequence = "$.seq";
    spec.epoch = "$.boot";
    spec.device_time = "$.ts";
  }
  return *model::topic_rules::compile({spec});
}

void parse_payload(benchmark::State& state, const model::topic_rules& rules,
                   const std::string& payload) {
  const parse::schema_set schemas;
  parse::parser brain(rules, schemas);
  runtime::arena memory;
  contract::inbound_message in;
  in.topic = "devices/d-1234/telemetry";
  in.payload = as_bytes(memory.copy(payload));
  in.rule = &rules.rules()[0];
  model::envelope out;
  for (auto _ : state) {
    brain.parse(in, out);
    benchmark::DoNotOptimize(out);
  }
  if (out.kind != model::record_kind::message) state.SkipWithError("quarantined");
}

void json_with_key_and_time(benchmark::State& state) {
  parse_payload(state, rules_with(true, model::payload_format::automatic), json_payload());
}
BENCHMARK(json_with_key_and_time);

void json_validated_only(benchmark::State& state) {
  parse_payload(state, rules_with(false, model::payload_format::automatic), json_payload());
}
BENCHMARK(json_validated_only);

void raw(benchmark::State& state) {
  parse_payload(state, rules_with(false, model::payload_format::raw), json_payload());
}
BENCHMARK(raw);

void msgpack_with_key_and_time(benchmark::State& state) {
  using namespace std::string_literals;
  std::string payload = "\x85\xA3seq\xCE\x00\x01\xE2\x40\xA4"s;
  payload += "boot\xA6"s;
  payload += "b-7f3a\xA2ts\xCF\x00\x00\x01\x8B\xCF\xE5\x68\x7B\xA1"s;
  payload += "v\xDC\x00\x10"s;
  for (int i = 0; i < 16; ++i) payload += "\xCB\x40\x35\x80\x00\x00\x00\x00\x00"s;
  payload += "\xA1t\xD9\x40" + std::string(64, 'x');
  parse_payload(state, rules_with(true, model::payload_format::msgpack), payload);
}
BENCHMARK(msgpack_with_key_and_time);

void tree_parser_alone(benchmark::State& state) {
  simdjson::dom::parser parser;
  const simdjson::padded_string payload(json_payload());
  for (auto _ : state) {
    simdjson::dom::element root;
    if (parser.parse(payload).get(root) != simdjson::SUCCESS) state.SkipWithError("refused");
    benchmark::DoNotOptimize(root);
  }
}
BENCHMARK(tree_parser_alone);

/// As many rules as the argument says, the one that matches last.
void match_among(benchmark::State& state) {
  std::vector<model::topic_rule_spec> specs;
  for (int i = 0; i + 1 < state.range(0); ++i) {
    model::topic_rule_spec spec;
    spec.match = "devices/{device}/kind" + std::to_string(i);
    specs.push_back(spec);
  }
  model::topic_rule_spec last;
  last.match = "devices/{device}/telemetry";
  specs.push_back(last);
  const auto rules = *model::topic_rules::compile(specs);
  for (auto _ : state) benchmark::DoNotOptimize(rules.match("devices/d-1234/telemetry"));
}
BENCHMARK(match_among)->Arg(1)->Arg(10)->Arg(100)->Arg(1000)->Arg(4096);

/// The worst rules there are: every level of ten may be its text or a wildcard.
void match_worst_case(benchmark::State& state) {
  std::vector<model::topic_rule_spec> specs;
  for (unsigned bits = 1024; bits-- > 0;) {
    model::topic_rule_spec spec;
    for (unsigned level = 0; level < 10; ++level) {
      spec.match += (bits >> level & 1) != 0 ? "a/" : "+/";
    }
    spec.match += "x";
    specs.push_back(spec);
  }
  const auto rules = *model::topic_rules::compile(specs);
  for (auto _ : state) benchmark::DoNotOptimize(rules.match("a/a/a/a/a/a/a/a/a/a/y"));
}
BENCHMARK(match_worst_case);

void match_deepest_topic(benchmark::State& state) {
  model::topic_rule_spec spec;
  spec.match = "devices/{device}/telemetry";
  const auto rules = *model::topic_rules::compile({spec});
  const std::string topic(65535, '/');
  for (auto _ : state) benchmark::DoNotOptimize(rules.match(topic));
}
BENCHMARK(match_deepest_topic);

}  // namespace

BENCHMARK_MAIN();
