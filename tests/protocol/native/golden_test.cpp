// docs/wire/native.md: every golden block of it is decoded, found to say what it says, and encoded
// to the same bytes; and every frame that is expected here stands there.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/protocol/native/support.hpp"

namespace fleetgate::native {
namespace {

constexpr std::string_view traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The golden blocks of the document, by name.
std::map<std::string, std::string> read_document() {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../../docs/wire/native.md";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::map<std::string, std::string> blocks;
  std::string line, name;
  constexpr std::string_view fence = "```golden ";
  while (std::getline(file, line)) {
    if (line.rfind(fence, 0) == 0) {
      name = line.substr(fence.size());
      blocks[name];
    } else if (line == "```") {
      name.clear();
    } else if (!name.empty()) {
      blocks[name] += bytes_of(line);
    }
  }
  return blocks;
}

/// Packets with the lists that they point into.
struct expected_packets {
  std::map<std::string, packet> all;
  list_bytes resume, settled, ranges, nacks, one_payload, payloads, sequences, times, traces;

  expected_packets() {
    add_handshake();
    add_messages();
    add_the_rest();
  }
  expected_packets(const expected_packets&) = delete;
  expected_packets& operator=(const expected_packets&) = delete;

  void add_handshake() {
    hello_packet h;
    h.device = "press-017";
    h.boot = 7;
    all["hello_smallest"] = h;
    h.highest = 2;
    h.boot = 1'700'000'000;
    h.user = "acme";
    h.token = as_bytes(std::string_view("\0s3cret", 7));
    h.keep_alive_s = 60;
    h.maximum_frame = 65'536;
    append_stream("vibration", resume);
    append_stream("", resume);
    h.resume = resume.of();
    h.agent = "fleetgate-python/0.1";
    all["hello"] = h;

    welcome_packet w;
    w.version = 1;
    w.node = "node-a";
    w.keep_alive_s = 60;
    w.credits = {{{64, 65'536}, {64, 65'536}, {1024, 1'048'576}, {1024, 4'194'304}}};
    append_settled({"vibration", 4711}, settled);
    w.settled = settled.of();
    all["welcome"] = w;
  }

  void add_messages() {
    publish_packet p;
    p.header.stream = "vibration";
    p.message.sequence = 1;
    all["publish_smallest"] = p;
    p.header = {model::traffic_class::event, "doors",  "plants/7/doors",
                "application/json",          "door-3", 70'000};
    p.message = {300, as_bytes("{\"open\":true}"), 1'700'000'000'123'456'789, traceparent};
    all["publish"] = p;

    batch_packet b;
    b.header.stream = "vibration";
    b.first_sequence = 1;
    append_payload(as_bytes("a"), one_payload);
    append_payload({}, one_payload);
    b.payloads = one_payload.of();
    all["batch_smallest"] = b;
    b.header.topic = "plants/7/vibration";
    b.header.content_type = "application/octet-stream";
    b.header.device = "press-018";
    b.header.boot = 9;
    b.first_sequence = 0;
    for (const auto n : {8u, 9u, 300u}) append_sequence(n, sequences);
    for (const auto* s : {"\x01", "\x02", "\x03"}) append_payload(as_bytes(s), payloads);
    append_device_time(1'700'000'000'000'000'000, times);
    append_device_time(std::nullopt, times);
    append_device_time(1'700'000'000'000'000'002, times);
    for (const auto t : {std::string_view(), traceparent, std::string_view()}) {
      append_traceparent(t, traces);
    }
    b.sequences = sequences.of();
    b.payloads = payloads.of();
    b.device_times = times.of();
    b.traceparents = traces.of();
    all["batch"] = b;
  }

  void add_the_rest() {
    ack_packet a;
    a.stream = "vibration";
    a.up_to = 42;
    all["ack_smallest"] = a;
    a.cls = model::traffic_class::event;
    a.stream = "doors";
    append_range({45, 50}, ranges);
    append_range({300, 300}, ranges);
    append_nack({43, 0x97, "memory_budget_full", 1500}, nacks);
    append_nack({44, 0x99, "schema_violation", std::nullopt}, nacks);
    a.ranges = ranges.of();
    a.nacks = nacks.of();
    a.device = "door-3";
    a.boot = 70'000;
    all["ack"] = a;

    all["command_smallest"] = command_packet{"c-1", "reboot", {}, std::nullopt, {}};
    all["command"] =
        command_packet{"c-2", "set-rate", as_bytes("{\"hz\":50}"), 30'000, "application/json"};
    all["command_ack_smallest"] = command_ack_packet{"c-1", command_status::done, {}, {}};
    all["command_ack"] = command_ack_packet{"c-2", command_status::failed,
                                            as_bytes("{\"why\":\"too fast\"}"), "application/json"};
    all["ping_smallest"] = ping_packet{};
    all["ping"] = ping_packet{frame_type::ping, 128};
    all["pong"] = ping_packet{frame_type::pong, 128};
    all["redirect_smallest"] = redirect_packet{"node-b.example:1884", std::nullopt, {}};
    all["redirect"] = redirect_packet{"[2001:db8::7]:1884", 2500, "this node is being drained"};
    all["goodbye_smallest"] = goodbye_packet{};
    all["goodbye"] = goodbye_packet{0x97, "quota_exceeded", 5000, "the quota of acme is used up"};
  }
};

TEST(golden, document_and_code_agree_in_both_directions) {
  const auto document = read_document();
  const expected_packets expected;
  for (const auto& [name, p] : expected.all) {
    ASSERT_TRUE(document.count(name)) << "docs/wire/native.md has no golden block " << name;
    EXPECT_EQ(hex(document.at(name)), hex(encoded(p))) << name;
  }
  for (const auto& [name, bytes] : document) {
    ASSERT_TRUE(expected.all.count(name)) << "nothing here expects " << name;
    const auto p = decode_one(bytes);
    ASSERT_TRUE(p) << name << ": " << p.error().what << " at " << p.error().offset;
    EXPECT_EQ(p->index(), expected.all.at(name).index()) << name;
    EXPECT_EQ(hex(encoded(*p)), hex(bytes)) << name;
  }
}

TEST(golden, every_frame_type_is_there) {
  std::set<frame_type> seen;
  for (const auto& [name, bytes] : read_document()) {
    const auto type = frame_of(bytes).type;
    EXPECT_EQ(name.rfind(to_string(type), 0), 0u) << name;
    seen.insert(type);
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(frame_type::goodbye));
}

TEST(golden, fields_come_back) {
  const auto document = read_document();
  const auto get = [&](const char* name) { return *decode_one(document.at(name)); };

  const auto h = std::get<hello_packet>(get("hello"));
  EXPECT_EQ(h.lowest, 1);
  EXPECT_EQ(h.highest, 2);
  EXPECT_EQ(h.device, "press-017");
  EXPECT_EQ(h.boot, 1'700'000'000u);
  EXPECT_EQ(h.user, "acme");
  EXPECT_EQ(text(h.token), std::string("\0s3cret", 7));
  EXPECT_EQ(h.keep_alive_s, 60);
  EXPECT_EQ(h.maximum_frame, 65'536u);
  auto resume = h.resume;
  EXPECT_EQ(next_stream(resume), "vibration");
  EXPECT_EQ(next_stream(resume), "");
  EXPECT_EQ(next_stream(resume), std::nullopt);

  const auto w = std::get<welcome_packet>(get("welcome"));
  EXPECT_EQ(w.credits[3].messages, 1024u);
  EXPECT_EQ(w.credits[3].bytes, 4'194'304u);
  auto settled = w.settled;
  EXPECT_EQ(next_settled(settled)->up_to, 4711u);
  EXPECT_FALSE(next_settled(settled));

  const auto b = std::get<batch_packet>(get("batch"));
  EXPECT_EQ(b.header.device, "press-018");
  EXPECT_EQ(b.header.boot, 9u);
  batch_cursor messages(b);
  const auto first = messages.next(), second = messages.next(), third = messages.next();
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(first->sequence, 8u);
  EXPECT_EQ(text(first->payload), "\x01");
  EXPECT_EQ(first->device_time_ns, 1'700'000'000'000'000'000u);
  EXPECT_EQ(first->traceparent, "");
  EXPECT_EQ(second->device_time_ns, std::nullopt);
  EXPECT_EQ(second->traceparent, traceparent);
  EXPECT_EQ(third->sequence, 300u);
  EXPECT_FALSE(messages.next());

  const auto a = std::get<ack_packet>(get("ack"));
  auto ranges = a.ranges;
  EXPECT_EQ(next_range(ranges)->last, 50u);
  EXPECT_EQ(next_range(ranges)->first, 300u);
  EXPECT_FALSE(next_range(ranges));
  auto nacks = a.nacks;
  EXPECT_EQ(next_nack(nacks)->retry_after_ms, 1500u);
  const auto final = next_nack(nacks);
  EXPECT_EQ(final->name, "schema_violation");
  EXPECT_EQ(final->code, 0x99);
  EXPECT_EQ(final->retry_after_ms, std::nullopt);
  EXPECT_FALSE(next_nack(nacks));
}

TEST(golden, one_byte_at_a_time_is_no_frame_until_the_last) {
  for (const auto& [name, bytes] : read_document()) {
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      const auto got = next_frame(as_bytes(std::string_view(bytes).substr(0, n)), 1 << 20);
      EXPECT_TRUE(std::holds_alternative<need_more>(got)) << name << " after " << n;
    }
    EXPECT_EQ(frame_of(bytes).size(), bytes.size());
  }
}

/// A later version appends what this one does not know: a map in an array, an ext, a float.
TEST(golden, unknown_fields_behind_the_known_ones_are_passed_over) {
  const auto unknown =
      bytes_of("91 82 A1 'k' 93 01 C0 C3 01 DE 0000 C7 02 05 0102 CB 3FF0000000000000");
  for (const auto& [name, bytes] : read_document()) {
    const auto p = *decode_one(bytes);
    auto fields = bytes.substr(length_size + 1);
    auto elements = static_cast<unsigned>(bytes[length_size]) & 0x0Fu;
    for (const auto full = std::size_t{12}; elements < full; ++elements) fields.push_back('\xC0');
    std::string longer;
    byte_writer w(longer);
    w.u32(static_cast<std::uint32_t>(3 + fields.size() + unknown.size()));
    w.u8(0xDC);
    w.u16(static_cast<std::uint16_t>(elements + 3));
    longer += fields + unknown;
    const auto q = decode_one(longer);
    ASSERT_TRUE(q) << name << ": " << q.error().what << " at " << q.error().offset;
    EXPECT_EQ(hex(encoded(*q)), hex(bytes)) << name;
  }
}

}  // namespace
}  // namespace fleetgate::native
