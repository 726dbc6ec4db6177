#include "actors/sink/sqlite_writer.hpp"

#include <gmock/gmock.h>

#include "actors/sink/sqlite_schema.hpp"
#include "tests/actors/sink/writer_fixture.hpp"
#include "tests/actors/sqlite/failing_disk.hpp"

namespace fleetgate::sink {
namespace {

class sqlite_writer_on_a_new_file : public testing::writer_fixture {
 protected:
  sqlite_writer_on_a_new_file() { open(); }

  /// `expression` of the only row, as the sqlite3 shell prints it.
  [[nodiscard]] std::string shown(const std::string& expression) const {
    return text(path(), "SELECT CAST(ifnull(" + expression + ",'NULL') AS TEXT) FROM messages");
  }
};

using on_a_new_file = sqlite_writer_on_a_new_file;

TEST_F(on_a_new_file, knows_no_cursor) {
  auto opened = writer_.open();
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->has_value());
}

TEST_F(on_a_new_file, every_field_of_a_message_stands_in_its_column) {
  auto& e = blocks_.add("pump-1");
  e.cls = model::traffic_class::event;
  e.attributes = R"({"firmware":"1.2"})";
  e.sequence = 42;
  write(blocks_.take());
  EXPECT_EQ(shown("device_id"), "pump-1");
  EXPECT_EQ(shown("stream"), "telemetry");
  EXPECT_EQ(shown("epoch"), "3");
  EXPECT_EQ(shown("sequence"), "42");
  EXPECT_EQ(shown("trace_id"), "0123456789abcdef0000000000000001");
  EXPECT_EQ(shown("class"), "event");
  EXPECT_EQ(shown("topic"), "devices/pump-1/telemetry");
  EXPECT_EQ(shown("content_type"), "application/json");
  EXPECT_EQ(shown("device_time_ns"), "1700000000000000000");
  EXPECT_EQ(shown("received_time_ns"), "1700000000500000001");
  EXPECT_EQ(shown("node"), "node-1");
  EXPECT_EQ(shown("incarnation"), "1");
  EXPECT_EQ(shown("position"), "1");
  EXPECT_EQ(shown("tenant"), "acme");
  EXPECT_EQ(shown("client_id"), "pump-1");
  EXPECT_EQ(shown("qos"), "1");
  EXPECT_EQ(shown("json_extract(attributes,'$.firmware')"), "1.2");
  EXPECT_EQ(shown("json_extract(payload,'$.n')"), "1");
}

TEST_F(on_a_new_file, what_a_message_does_not_have_is_null_also_after_one_that_has_it) {
  blocks_.add("full").attributes = "{}";
  auto& e = blocks_.add("bare");
  e.epoch_from = model::epoch_origin::none;
  e.sequence = std::nullopt;
  e.trace = {};
  e.content_type = {};
  e.device_time_ns = 0;
  e.tenant = {};
  e.client_id = {};
  e.attributes = {};
  write(blocks_.take());
  EXPECT_EQ(number(path(),
                   "SELECT count(*) FROM messages WHERE device_id='bare' AND"
                   " coalesce(epoch, sequence, trace_id, content_type, device_time_ns, tenant,"
                   " client_id, attributes) IS NULL"),
            1);
}

TEST_F(on_a_new_file, epoch_and_sequence_up_to_2_63_minus_1_are_kept_exactly) {
  auto& e = blocks_.add();
  e.epoch = (1ULL << 63) - 1;
  e.sequence = (1ULL << 62) + 1;
  write(blocks_.take());
  EXPECT_EQ(shown("epoch"), "9223372036854775807");
  EXPECT_EQ(shown("sequence"), "4611686018427387905");
}

TEST_F(on_a_new_file, an_empty_payload_is_empty_text_not_null) {
  blocks_.add().payload = {};
  write(blocks_.take());
  EXPECT_EQ(shown("typeof(payload) || length(payload)"), "text0");
}

TEST_F(on_a_new_file, text_with_nul_or_bad_utf8_is_stored_safely) {
  using namespace std::string_view_literals;
  auto& e = blocks_.add();
  e.payload = as_bytes("a\0b"sv);
  e.device = "d\0e"sv;
  e.topic = "t\xff"sv;
  e.client_id = "'); DROP TABLE messages; --"sv;
  write(blocks_.take());
  EXPECT_EQ(shown("typeof(payload) || hex(payload)"), "blob610062");
  EXPECT_EQ(shown("typeof(device_id) || hex(device_id)"), "blob640065");
  EXPECT_EQ(shown("typeof(topic) || hex(topic)"), "blob74FF");
  EXPECT_EQ(shown("client_id"), "'); DROP TABLE messages; --");
}

TEST_F(on_a_new_file, quarantined_messages_are_passed_over_but_the_cursor_moves) {
  blocks_.add().kind = model::record_kind::quarantined;
  blocks_.add();
  const auto block = blocks_.take();
  write(block);
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(cursor_in_file(), block.end);
}

TEST_F(on_a_new_file, rows_keep_the_order_of_the_block_and_ids_count_up) {
  write(blocks_.add_many(500).take());
  write(blocks_.add_many(500).take());
  EXPECT_EQ(number(path(), "SELECT count(*) FROM messages WHERE id = position"), 1000);
}

TEST_F(on_a_new_file, reopening_returns_the_cursor) {
  write(blocks_.add_many(3).take());
  blocks_.add();
  auto block = blocks_.take();
  block.records.front().in = model::lane::control_owed;
  block.end.lanes[model::index(model::lane::control_owed)] = {2, 77};
  write(block);
  EXPECT_EQ(cursor_in_file(), block.end);
  writer_.close();
  auto reopened = writer_.open();
  ASSERT_TRUE(reopened);
  EXPECT_EQ(*reopened, block.end);
}

TEST_F(on_a_new_file, a_block_without_records_still_moves_the_cursor) {
  contract::read_block block;
  block.damaged = 2;
  block.end.spool = testing::spool_of(7);
  block.end.lanes[0] = {1, 9};
  write(block);
  EXPECT_EQ(cursor_in_file(), block.end);
  EXPECT_EQ(rows(), 0);
}

TEST_F(on_a_new_file, the_cursor_of_another_reader_is_not_touched) {
  const auto mine = blocks_.add_many(2).take();
  write(mine);
  auto other_options = options();
  other_options.name = "other";
  sqlite_writer other(other_options);
  auto opened = other.open();
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->has_value());
  ASSERT_TRUE(other.write(testing::block_builder().add_many(1).take()));
  EXPECT_EQ(cursor_in_file(), mine.end);
}

TEST_F(on_a_new_file, a_sink_that_has_another_name_now_does_not_begin_again) {
  const auto block = blocks_.add_many(2).take();
  write(block);
  auto renamed = options();
  renamed.name = "other";
  renamed.spool = block.end.spool;
  const auto opened = sqlite_writer(renamed).open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, fault_code::would_duplicate);
  EXPECT_THAT(opened.error().detail, ::testing::HasSubstr("name the sink archive"));
  auto older = options();
  older.name = "a-reader-that-stayed-behind";
  sqlite_writer behind(older);
  ASSERT_TRUE(behind.open());
  ASSERT_TRUE(behind.write(testing::block_builder().add_many(1).take()));
  const auto again = sqlite_writer(renamed).open();
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().detail, ::testing::HasSubstr("name the sink archive"));
  renamed.spool = model::spool_uuid{};
  EXPECT_TRUE(sqlite_writer(renamed).open()) << "what another spool had is not in this one";
  auto same = options();
  same.spool = block.end.spool;
  EXPECT_TRUE(sqlite_writer(same).open());
}

TEST_F(on_a_new_file, a_write_is_synced_before_it_returns) {
  sqlite::testing::failing_disk disk;
  write(blocks_.add_many(10).take());
  ASSERT_NE(disk.events().find('w'), std::string::npos) << disk.events();
  EXPECT_EQ(disk.events().back(), 's') << disk.events();
}

TEST_F(on_a_new_file, a_cursor_row_that_makes_no_sense_is_damage_never_a_new_start) {
  write(blocks_.add_many(1).take());
  for (const char* spoil : {"UPDATE fleetgate_cursor SET spool='x' WHERE lane='control'",
                            "UPDATE fleetgate_cursor SET lsn=-1 WHERE lane='telemetry'",
                            "UPDATE fleetgate_cursor SET lane='sideways' WHERE lane='event'"}) {
    writer_.close();
    execute(path(), spoil);
    auto opened = writer_.open();
    ASSERT_FALSE(opened) << spoil;
    EXPECT_EQ(opened.error().code, fault_code::storage_damaged) << spoil;
  }
}

TEST_F(on_a_new_file, another_programs_database_and_a_newer_schema_are_refused) {
  writer_.close();
  execute(path(), ("PRAGMA user_version=" + std::to_string(sqlite_sink_version + 1)).c_str());
  EXPECT_EQ(writer_.open().error().code, fault_code::config_invalid);
  remove_database(path());
  execute(path(), "CREATE TABLE messages(payload)");
  EXPECT_EQ(writer_.open().error().code, fault_code::config_invalid);
}

TEST_F(on_a_new_file, a_writer_that_is_not_open_refuses) {
  writer_.close();
  EXPECT_EQ(writer_.write(blocks_.add_many(1).take()).error().code, fault_code::sink_lost);
  EXPECT_EQ(writer_.enforce_retention(0).error().code, fault_code::sink_lost);
}

}  // namespace
}  // namespace fleetgate::sink
