// What the tests of the spool share: envelopes that name themselves, a spool on a fault_file_layer,
// and a record of what was settled.
#pragma once

#include <gtest/gtest.h>
#include <xxhash.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/spool/segment_reader.hpp"
#include "actors/spool/spool.hpp"
#include "tests/actors/spool/fault_file_layer.hpp"

namespace fleetgate::spool::testing {

using model::ack_level;
using model::lane;
using model::traffic_class;

inline constexpr std::uint64_t ms = 1'000'000;

/// A record as the test knows it: its number is its sequence, and its payload follows from it.
struct known_record {
  std::uint64_t number = 0;
  model::position at;
  lane in = lane::telemetry_owed;
};

inline std::string payload_of(std::uint64_t number, std::size_t size) {
  std::string p = "message " + std::to_string(number) + " ";
  while (p.size() < size) p.push_back(static_cast<char>('a' + (number + p.size()) % 26));
  return p;
}

class spool_fixture : public ::testing::Test {
 protected:
  spool_options options_with(std::uint64_t budget, std::uint64_t segment) {
    spool_options o;
    o.directory = "/data/spool";
    o.budget_bytes = budget;
    o.segment_bytes = segment;
    o.quarantine_budget_bytes = budget / 4;
    for (std::size_t i = 0; i < o.new_uuid.bytes.size(); ++i) {
      o.new_uuid.bytes[i] = static_cast<std::uint8_t>(i + 1);
    }
    return o;
  }

  /// False where it could not be opened.
  bool try_open(std::uint64_t visit_from = 0) {
    visited.clear();
    brain.reset();
    auto opened = spool::open(
        files, options, visit_from, [&](const contract::stored_record& r, std::uint64_t) {
          visited.push_back({r.envelope.sequence.value_or(0), r.at, r.in});
          if (r.envelope.kind != model::record_kind::message) return;
          ASSERT_EQ(as_text(r.envelope.payload),
                    payload_of(*r.envelope.sequence, r.envelope.payload.size()));
        });
    if (!opened) {
      open_fault = opened.error();
      return false;
    }
    brain = std::move(*opened);
    return true;
  }
  void open(std::uint64_t visit_from = 0) {
    ASSERT_TRUE(try_open(visit_from)) << to_string(open_fault);
  }

  model::envelope envelope(std::uint64_t number, traffic_class cls, ack_level level,
                           std::string& payload) {
    model::envelope e;
    e.cls = cls;
    e.level = level;
    e.tenant = "acme";
    e.device = "pump-7";
    e.stream = "default";
    e.topic = "devices/pump-7/telemetry";
    e.sequence = number;
    e.received_time_ns = static_cast<std::int64_t>(1'000'000'000 + number);
    payload = payload_of(number, payload_size);
    e.payload = as_bytes(payload);
    e.payload_hash = XXH3_64bits(payload.data(), payload.size());
    return e;
  }

  /// Appends message `number`; its ticket is its number.
  void append(std::uint64_t number, traffic_class cls = traffic_class::telemetry,
              ack_level level = ack_level::durable,
              model::record_kind kind = model::record_kind::message) {
    std::string payload;
    auto e = envelope(number, cls, level, payload);
    e.kind = kind;
    append(number, e);
  }
  void append(std::uint64_t ticket, const model::envelope& e) {
    contract::append_request request;
    request.batch = std::make_unique<contract::envelope_batch>();
    request.batch->envelopes.push_back(e);
    request.items.push_back({0, ticket});
    brain->append(request, settled);
    note();
  }
  void commit(std::uint64_t now = 0) {
    if (now != 0) now_ns = now;
    brain->commit(now_ns, settled);
    note();
  }
  void advance(const std::string& reader, const contract::cursor& at) {
    const auto moved = brain->advance_reader(reader, at, settled);
    ASSERT_TRUE(moved) << to_string(moved.error());
    note();
  }

  /// Each ticket at most once.
  void note() {
    for (const contract::settlement& s : settled) {
      EXPECT_TRUE(fates.emplace(s.ticket, s).second) << "ticket " << s.ticket << " settled twice";
    }
    settled.clear();
  }
  bool stored(std::uint64_t ticket) const {
    const auto it = fates.find(ticket);
    return it != fates.end() && it->second.stored;
  }
  bool refused(std::uint64_t ticket) const {
    const auto it = fates.find(ticket);
    return it != fates.end() && !it->second.stored;
  }

  std::vector<std::uint64_t> numbers(const std::vector<known_record>& records) const {
    std::vector<std::uint64_t> out;
    for (const auto& r : records) out.push_back(r.number);
    return out;
  }

  /// Everything a new reader sees from `from` on.
  struct seen {
    std::vector<std::uint64_t> numbers;
    contract::cursor end;
    std::uint64_t damaged = 0;
    std::uint64_t shed = 0;
  };
  seen read_all(const contract::cursor& from = {}) {
    auto reader = make_reader(files, brain->view());
    EXPECT_TRUE(reader->seek(from));
    return drain(*reader);
  }
  seen drain(contract::spool_reader& reader, std::size_t most_bytes = 1 << 20,
             std::size_t most_records = 1000) {
    seen s;
    contract::read_block block;
    for (int reads = 0; reads < 100000; ++reads) {
      const auto done = reader.read(block, most_bytes, most_records);
      EXPECT_TRUE(done) << to_string(done.error());
      if (!done) return s;
      s.end = block.end;
      s.damaged += block.damaged;
      s.shed += block.shed;
      if (block.empty()) return s;
      for (const auto& r : block.records) s.numbers.push_back(r.envelope.sequence.value_or(0));
    }
    ADD_FAILURE() << "the reader does not come to an end";
    return s;
  }

  fault_file_layer files;
  spool_options options = options_with(64 << 20, 1 << 20);
  std::size_t payload_size = 100;
  std::unique_ptr<spool> brain;
  fault open_fault{fault_code::internal};
  std::vector<known_record> visited;
  std::vector<contract::settlement> settled;
  std::map<std::uint64_t, contract::settlement> fates;
  std::uint64_t now_ns = 1000 * ms;
};

}  // namespace fleetgate::spool::testing
