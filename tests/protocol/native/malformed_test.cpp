// What is no packet: the fault, and where it is. Every cut and every flipped byte is answered.
#include <gtest/gtest.h>

#include <random>

#include "tests/protocol/native/support.hpp"

namespace fleetgate::native {
namespace {

constexpr auto malformed = fault_code::malformed_packet;

decode_fault fault_of(std::string_view spec) {
  const auto bytes = bytes_of(spec);
  const auto p = decode_one(bytes);
  if (p) throw std::runtime_error("decodes: " + std::string(spec));
  EXPECT_LE(p.error().offset, bytes.size());
  return p.error();
}

struct sample {
  const char* spec;
  fault_code code;
  std::size_t offset;
  const char* what;
};

void check(const sample& s) {
  const auto f = fault_of(s.spec);
  EXPECT_EQ(f.code, s.code) << s.spec;
  EXPECT_EQ(f.offset, s.offset) << s.spec;
  EXPECT_EQ(f.what, s.what) << s.spec;
}

TEST(malformed, fields_of_the_wrong_kind_or_size) {
  for (const auto& s : {
           sample{"## 95 03 A1 't' A0 01 C400", malformed, 7, "a whole number belongs here"},
           {"## 95 03 03 01 01 C400", malformed, 8, "text belongs here"},
           {"## 95 03 03 A0 C3 C400", malformed, 9, "a whole number belongs here"},
           {"## 95 03 03 A0 FF C400", malformed, 9, "a number out of its range"},
           {"## 95 03 03 A0 D0 80 C400", malformed, 10, "a number out of its range"},
           {"## 95 03 04 A0 01 C400", malformed, 7, "a number out of its range"},
           {"## 95 03 03 A0 CF 8000000000000000 C400", malformed, 17, "a number out of its range"},
           {"## 95 03 03 A0 01 A0", malformed, 10, "bytes (bin) belong here"},
           {"## 95 03 03 A0 01 C4 02 00", malformed, 11, "a length exceeds what holds it"},
           {"## 95 03 03 A0 01 C6 FFFFFFFF 00", malformed, 14, "a length exceeds what holds it"},
           {"## 95 03 03 A0 01", malformed, 9, "the frame ends within a field"},
           {"## 94 03 03 A0 01", malformed, 9, "a field that must be there is missing"},
           {"## 95 03 03 A0 01 C0", malformed, 10, "a field that must be there is missing"},
           {"## 95 03 03 A1 FF 01 C400", malformed, 9, "ill-formed UTF-8 or U+0000"},
           {"## 95 03 03 A1 00 01 C400", malformed, 9, "ill-formed UTF-8 or U+0000"},
           {"## 95 03 03 A0 01 C400 00", malformed, 11, "bytes after the frame's last field"},
           {"## 95 03 03 A1 '#' 01 C400", fault_code::topic_name_invalid, 9,
            "+ or # in a stream's name"},
           {"## 96 03 03 A0 01 C400 A1 '+'", fault_code::topic_name_invalid, 13,
            "+ or # in a topic"},
       }) {
    check(s);
  }
}

TEST(malformed, hello) {
  for (const auto& s : {
           sample{"## 95 01 02 03 C0", fault_code::unsupported_protocol_version, 8,
                  "no version in common"},
           {"## 95 01 00 00 A1 'd' 01", fault_code::unsupported_protocol_version, 8,
            "no version in common"},
           {"## 95 01 01 01 A0 01", fault_code::client_identifier_not_valid, 9,
            "a device without a name"},
           {"## 95 01 01 01 A3 'a/b' 01", fault_code::client_identifier_not_valid, 12,
            "+, # or / in a device's name"},
           {"## 99 01 01 01 A1 'd' 01 C0 C0 C0 CD0FFF", fault_code::protocol_error, 17,
            "a maximum frame below 4096 bytes"},
       }) {
    check(s);
  }
}

TEST(malformed, too_long_fields_are_named_as_such) {
  const auto with_stream = [](std::size_t n) {
    std::string body = bytes_of("95 03 03 DA");
    byte_writer w(body);
    w.u16(static_cast<std::uint16_t>(n));
    body += std::string(n, 's') + bytes_of("01 C400");
    std::string out;
    byte_writer(out).u32(static_cast<std::uint32_t>(body.size()));
    return out + body;
  };
  EXPECT_TRUE(decode_one(with_stream(maximum_stream_bytes)));
  const auto over = decode_one(with_stream(maximum_stream_bytes + 1));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, fault_code::packet_too_large);
}

TEST(malformed, batch) {
  for (const auto& s : {
           sample{"## 95 04 03 A0 01 90", malformed, 10, "a batch without messages"},
           {"## 95 04 03 A0 90 91 C400", malformed, 9, "a batch without sequences"},
           {"## 95 04 03 A0 92 01 02 91 C400", malformed, 14, "as many sequences as payloads"},
           {"## 95 04 03 A0 92 02 02 92 C400 C400", malformed, 11,
            "sequences of a batch must rise"},
           {"## 95 04 03 A0 CF 7FFFFFFFFFFFFFFF 91 C400", malformed, 20,
            "a number out of its range"},
           {"## 98 04 03 A0 01 91 C400 C0 C0 92 01 02", malformed, 17,
            "as many device times as payloads"},
           {"## 99 04 03 A0 01 91 C400 C0 C0 C0 92 C0 C0", malformed, 18,
            "as many traceparents as payloads"},
           {"## 95 04 03 A0 01 DD 00FFFFFF C400", malformed, 14, "a length exceeds what holds it"},
       }) {
    check(s);
  }
}

TEST(malformed, ack) {
  for (const auto& s : {
           sample{"## 95 05 03 A0 C0 91 01", malformed, 10, "an element lacks its other"},
           {"## 95 05 03 A0 C0 92 02 01", malformed, 12, "a range ends before it begins"},
           {"## 96 05 03 A0 C0 C0 91 92 01 02", malformed, 14,
            "a field that must be there is missing"},
       }) {
    check(s);
  }
}

/// Deep nesting in a field that is passed over costs a pass, not a stack.
TEST(malformed, depth_costs_nothing) {
  std::string deep = bytes_of("94 08 01");
  deep.append(900'000, '\x91');
  deep += bytes_of("C0 C0");
  std::string bytes;
  byte_writer(bytes).u32(static_cast<std::uint32_t>(deep.size()));
  bytes += deep;
  EXPECT_TRUE(decode_one(bytes));
  bytes[bytes.size() - 1] = '\xC1';
  EXPECT_FALSE(decode_one(bytes));
}

std::string everything() {
  list_bytes payloads, sequences, times, traces;
  for (int i = 0; i < 3; ++i) {
    append_payload(as_bytes("payload"), payloads);
    append_sequence(1'000u * static_cast<unsigned>(i), sequences);
    append_device_time(i == 1 ? std::nullopt : std::optional(1ull << 40), times);
    append_traceparent(i == 1 ? "" : "00-ab", traces);
  }
  batch_packet b;
  b.header = {model::traffic_class::event, "stream", "a/topic", "text/plain", "device", 9};
  b.sequences = sequences.of();
  b.payloads = payloads.of();
  b.device_times = times.of();
  b.traceparents = traces.of();
  return encoded(b);
}

TEST(malformed, any_cut_is_a_fault_within_it) {
  const auto whole = everything();
  for (std::size_t n = length_size + 2; n < whole.size(); ++n) {
    auto cut = whole.substr(0, n);
    std::string length;
    byte_writer(length).u32(static_cast<std::uint32_t>(n - length_size));
    cut.replace(0, length_size, length);
    const auto p = decode_one(cut);
    ASSERT_FALSE(p) << n;
    EXPECT_LE(p.error().offset, n);
  }
}

TEST(malformed, any_changed_byte_is_answered_and_what_decodes_can_be_walked) {
  const auto whole = everything();
  std::mt19937 random(20'261'126);
  for (std::size_t at = length_size; at < whole.size(); ++at) {
    for (int i = 0; i < 16; ++i) {
      auto changed = whole;
      changed[at] = static_cast<char>(random());
      const auto cut = next_frame(as_bytes(changed), 1 << 20);
      const auto* f = std::get_if<frame>(&cut);
      if (f == nullptr) continue;
      const auto p = decode(*f, side_of(f->type));
      if (!p) continue;
      if (const auto* b = std::get_if<batch_packet>(&*p)) {
        std::size_t count = 0;
        for (batch_cursor c(*b); c.next();) ++count;
        EXPECT_EQ(count, b->payloads.count);
      }
      const auto again = encoded(*p);
      EXPECT_EQ(hex(encoded(*decode_one(again))), hex(again));
    }
  }
}

}  // namespace
}  // namespace fleetgate::native
