#include "actors/spool/record.hpp"

#include <gtest/gtest.h>

#include "actors/spool/segment.hpp"
#include "actors/spool/spool_id.hpp"

namespace fleetgate::spool {
namespace {

model::spool_uuid uuid_of(std::uint8_t first) {
  model::spool_uuid uuid;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    uuid.bytes[i] = static_cast<std::uint8_t>(first + i);
  }
  return uuid;
}

std::string hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

model::envelope example() {
  model::envelope e;
  e.cls = model::traffic_class::event;
  e.level = model::ack_level::durable;
  e.tenant = "acme";
  e.device = "pump-7";
  e.stream = "default";
  e.epoch_from = model::epoch_origin::device;
  e.epoch = 3;
  e.sequence = 42;
  e.trace = {0x0102030405060708, 0x090A0B0C0D0E0F10};
  e.topic = "devices/pump-7/events";
  e.content_type = "application/json";
  e.attributes = "{}";
  e.payload = as_bytes("{\"on\":true}");
  e.device_time_ns = 1;
  e.received_time_ns = 2;
  e.client_id = "c1";
  e.packet_id = 0x1234;
  e.qos = 1;
  e.rule_version = 7;
  return e;
}

constexpr record_stamp stamp{100, 10, 8, 4, 2};

std::string encoded() {
  std::string out(encoded_bytes(example()), '?');
  encode_record(example(), stamp, segment_seed(uuid_of(1), 94), 128, out.size(), out.data());
  return out;
}

constexpr std::string_view golden_record =
    "464752310b0000004d0000000200000064000000000000000a00000000000000"
    "02000000060000000807060504030201100f0e0d0c0b0a090300000000000000"
    "2a0000000000000001000000000000000200000000000000bedbb587fbc95cd3"
    "702325df5bf223480700000000000000341200020201162a8865f6180bcdb176"
    "7b226f6e223a747275657d040061636d65060070756d702d3707006465666175"
    "6c741500646576696365732f70756d702d372f6576656e747310006170706c69"
    "636174696f6e2f6a736f6e0200633102007b7d0000000000";

constexpr std::string_view golden_segment_header =
    "464753504f4f4c3101000000020000000102030405060708090a0b0c0d0e0f10"
    "5e00000000000000040000000000000002000000000000003c00000000000000"
    "0010000000000000020000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000998015b8625d771c";

// docs/wire/spool.md, Record: were this to change, every spool in the field would be unreadable.
TEST(record_test, bytes_of_a_record_are_these) {
  EXPECT_EQ(hex(encoded()), golden_record);
}

TEST(record_test, bytes_of_a_segment_header_are_these) {
  segment_header h;
  h.in = model::lane::event_owed;
  h.spool = uuid_of(1);
  h.incarnation = 2;
  h.first_lsn = 94;
  h.first_ordinal = 4;
  h.previous_first_lsn = 60;
  h.previous_end = 4096;
  h.first_received_time_ns = 2;
  const std::string bytes = encode_segment_header(h);
  EXPECT_EQ(hex(bytes), golden_segment_header);
  EXPECT_EQ(decode_segment_header(as_bytes(bytes)), h);
  h.previous_first_ordinal = 3;
  EXPECT_EQ(encode_segment_header(h)[80], 3);
  EXPECT_EQ(decode_segment_header(as_bytes(encode_segment_header(h))), h);
}

TEST(record_test, record_comes_back_as_it_was) {
  const std::string bytes = encoded();
  EXPECT_EQ(bytes.size(), encoded_bytes(example()));
  EXPECT_EQ(bytes.size() % record_alignment, 0U);
  const auto header = decode_header(as_bytes(bytes), segment_seed(uuid_of(1), 94), 128);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->stamp.lsn, 100U);
  EXPECT_EQ(header->stamp.ordinal, 10U);
  EXPECT_EQ(header->stamp.durable_ordinal, 8U);
  EXPECT_EQ(header->stamp.segment_ordinal, 4U);
  EXPECT_EQ(header->total_bytes(), bytes.size());
  contract::stored_record out;
  ASSERT_TRUE(decode_record(as_bytes(bytes), *header, model::lane::event_owed, out));
  EXPECT_EQ(out.at, (model::position{2, 100}));
  EXPECT_EQ(out.envelope.topic, "devices/pump-7/events");
  EXPECT_EQ(out.envelope.client_id, "c1");
  EXPECT_EQ(out.envelope.sequence, 42U);
  EXPECT_EQ(as_text(out.envelope.payload), "{\"on\":true}");
  EXPECT_FALSE(decode_record(as_bytes(bytes), *header, model::lane::event_free, out));
}

TEST(record_test, header_is_valid_only_in_its_spool_segment_and_place) {
  const std::string bytes = encoded();
  const byte_view b = as_bytes(bytes);
  EXPECT_TRUE(decode_header(b, segment_seed(uuid_of(1), 94), 128));
  EXPECT_FALSE(decode_header(b, segment_seed(uuid_of(2), 94), 128));
  EXPECT_FALSE(decode_header(b, segment_seed(uuid_of(1), 95), 128));
  EXPECT_FALSE(decode_header(b, segment_seed(uuid_of(1), 94), 136));
  EXPECT_FALSE(decode_header(b.first(record_header_bytes - 1), segment_seed(uuid_of(1), 94), 128));
}

TEST(record_test, every_flipped_bit_is_noticed) {
  const std::string good = encoded();
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const auto header = decode_header(as_bytes(bad), segment_seed(uuid_of(1), 94), 128);
    contract::stored_record out;
    EXPECT_FALSE(header && decode_record(as_bytes(bad), *header, model::lane::event_owed, out))
        << "bit " << bit;
  }
}

TEST(record_test, restamped_record_is_valid_in_its_new_place_only) {
  std::string bytes = encoded();
  const std::uint64_t seed = segment_seed(uuid_of(1), 200);
  EXPECT_EQ(restamp_record(bytes.data(), 205, 9, seed, 256), bytes.size());
  EXPECT_FALSE(decode_header(as_bytes(bytes), segment_seed(uuid_of(1), 94), 128));
  const auto header = decode_header(as_bytes(bytes), seed, 256);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->stamp.lsn, 205U);
  EXPECT_EQ(header->stamp.ordinal, 10U);
  EXPECT_EQ(header->stamp.segment_ordinal, 9U);
  contract::stored_record out;
  EXPECT_TRUE(decode_record(as_bytes(bytes), *header, model::lane::event_owed, out));
}

TEST(record_test, limits_are_inclusive) {
  auto e = example();
  const std::string text(model::max_text_bytes + 1, 'x');
  e.attributes = std::string_view(text).substr(1);
  EXPECT_NE(encoded_bytes(e), 0U);
  e.attributes = text;
  EXPECT_EQ(encoded_bytes(e), 0U);
}

TEST(record_test, segment_names_sort_as_their_numbers_and_nothing_else_is_one) {
  EXPECT_EQ(segment_name(0xABC), "0000000000000abc.seg");
  EXPECT_EQ(parse_segment_name("0000000000000abc.seg"), 0xABCU);
  for (const auto* bad : {"", "abc.seg", "0000000000000abc.tmp", "000000000000 abc.seg",
                          "-000000000000abc.seg", "0000000000000abcd.seg"}) {
    EXPECT_FALSE(parse_segment_name(bad)) << bad;
  }
}

TEST(record_test, spool_id_comes_back_and_any_flipped_bit_is_noticed) {
  spool_id id;
  id.uuid = uuid_of(9);
  id.incarnation = 40;
  id.generation = 81;
  for (std::uint32_t i = 1; i <= 40; ++i) id.starts.push_back({i, 100 * i});
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    id.extent.first_ordinals[i] = i + 1;
    id.extent.last_ordinals[i] = 10 * i;
    id.extent.first_lsns[i] = 7 * i;
  }
  id.extent.highest_lsn = 4321;
  id.extent.clean = true;
  const std::string good = encode_spool_id(id);
  id.starts.erase(id.starts.begin(), id.starts.end() - remembered_incarnations);
  EXPECT_EQ(decode_spool_id(as_bytes(good)), id);
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(decode_spool_id(as_bytes(bad))) << "bit " << bit;
  }
}

}  // namespace
}  // namespace fleetgate::spool
