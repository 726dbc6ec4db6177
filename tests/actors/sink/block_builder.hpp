// Builds read_blocks as the spool's reader would return them, for the sink's tests and bench.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "actors/contract/spool_reader.hpp"

namespace fleetgate::sink::testing {

inline model::spool_uuid spool_of(std::uint8_t mark) {
  model::spool_uuid id;
  id.bytes.fill(mark);
  return id;
}

/// Positions count up from one block to the next, and the cursor with them.
class block_builder {
 public:
  explicit block_builder(model::spool_uuid spool = spool_of(7)) { end_.spool = spool; }
  /// Goes on behind `at`.
  explicit block_builder(const contract::cursor& at) : end_(at) {
    for (const model::position& p : at.lanes) lsn_ = std::max(lsn_, p.lsn);
  }

  /// One message with everything given; change it before `take`.
  model::envelope& add(std::string_view device = "pump-1") {
    contract::stored_record record;
    record.at = {1, ++lsn_};
    record.in = model::lane::telemetry_owed;
    model::envelope& e = record.envelope;
    e.cls = model::traffic_class::telemetry;
    e.level = model::ack_level::durable;
    e.tenant = "acme";
    e.device = keep(std::string(device));
    e.stream = "telemetry";
    e.epoch_from = model::epoch_origin::device;
    e.epoch = 3;
    e.sequence = lsn_;
    e.trace = {0x0123456789abcdef, lsn_};
    e.topic = keep("devices/" + std::string(device) + "/telemetry");
    e.content_type = "application/json";
    e.payload = as_bytes(keep("{\"n\":" + std::to_string(lsn_) + "}"));
    e.device_time_ns = 1'700'000'000'000'000'000;
    e.received_time_ns = 1'700'000'000'500'000'000 + static_cast<std::int64_t>(lsn_);
    e.client_id = e.device;
    e.qos = 1;
    block_.records.push_back(record);
    return block_.records.back().envelope;
  }

  block_builder& add_many(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) add();
    return *this;
  }

  /// A copy of `s` that lives as long as this builder.
  std::string_view keep(std::string s) { return texts_.emplace_back(std::move(s)); }

  /// The block so far; the next one begins behind it.
  contract::read_block take() {
    for (const contract::stored_record& record : block_.records) {
      end_.lanes[model::index(record.in)] = record.at;
      contract::lane_passage& passed = block_.passed[model::index(record.in)];
      if (passed.through == 0) passed.began_behind = record.at.lsn - 1;
      passed.through = record.at.lsn;
    }
    block_.end = end_;
    return std::exchange(block_, {});
  }

  [[nodiscard]] std::uint64_t last_lsn() const { return lsn_; }

 private:
  contract::read_block block_;
  contract::cursor end_;
  std::deque<std::string> texts_;
  std::uint64_t lsn_ = 0;
};

}  // namespace fleetgate::sink::testing
