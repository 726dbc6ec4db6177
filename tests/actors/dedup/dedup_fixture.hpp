// A device park, a state store in memory and a journal that settles when told, for dedup's tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/dedup/dedup.hpp"

namespace fleetgate::dedup {

inline constexpr std::uint32_t hour = 3600;  // in seconds

class memory_store final : public contract::state_store {
 public:
  using table = std::map<std::string, std::string, std::less<>>;

  result<void> apply(const std::vector<contract::state_change>& changes) override {
    if (applies_left == 0) return failure(fault_code::storage_io, "a test breaks it");
    if (applies_left > 0) --applies_left;
    for (const auto& c : changes) {
      if (c.value) {
        tables[c.table][c.key] = *c.value;
      } else {
        tables[c.table].erase(c.key);
      }
    }
    return {};
  }
  result<std::optional<std::string>> get(std::string_view name, std::string_view key) override {
    ++gets;
    if (broken) return failure(fault_code::storage_io, "a test breaks it");
    const auto found = tables.find(name);
    if (found == tables.end()) return std::optional<std::string>();
    const auto row = found->second.find(key);
    if (row == found->second.end()) return std::optional<std::string>();
    return std::optional<std::string>(row->second);
  }
  result<void> scan(std::string_view name,
                    const std::function<void(std::string_view, std::string_view)>& visit) override {
    if (broken) return failure(fault_code::storage_io, "a test breaks it");
    const auto found = tables.find(name);
    if (found == tables.end()) return {};
    for (const auto& [key, value] : found->second) visit(key, value);
    return {};
  }

  std::map<std::string, table, std::less<>> tables;
  int gets = 0;
  bool broken = false;
  int applies_left = -1;  // then it takes no more; below 0: it always does
};

/// An envelope that owns what its views show.
struct owned_envelope {
  std::string device = "d1", stream = "s", client = "c1", topic = "devices/d1/s", payload = "p";
  model::envelope e;

  /// The envelope with its views set; valid while this object stays where it is.
  model::envelope view() const {
    model::envelope v = e;
    v.device = device;
    v.stream = stream;
    v.client_id = client;
    v.topic = topic;
    v.payload = as_bytes(payload);
    v.payload_hash = std::hash<std::string>{}(payload)*0x9E3779B97F4A7C15ull;
    return v;
  }
};

inline model::connection_ref connection(std::uint64_t generation) {
  return {static_cast<std::uint32_t>(generation % 7), static_cast<std::uint16_t>(generation % 2),
          generation};
}

inline owned_envelope message(std::optional<std::uint64_t> sequence, std::string payload = "p") {
  owned_envelope o;
  o.payload = std::move(payload);
  o.e.level = model::ack_level::durable;
  o.e.qos = 1;
  o.e.packet_id = 1;
  o.e.sequence = sequence;
  o.e.connection = connection(1);
  o.e.charged_bytes = 100;
  return o;
}

inline owned_envelope in_epoch(std::uint64_t epoch, std::uint64_t sequence,
                               std::string payload = "p") {
  auto o = message(sequence, std::move(payload));
  o.e.epoch = epoch;
  o.e.epoch_from = model::epoch_origin::device;
  return o;
}

inline owned_envelope qos2(std::uint16_t packet_id, std::string payload = "p",
                           std::uint64_t generation = 1) {
  auto o = message(std::nullopt, std::move(payload));
  o.e.qos = 2;
  o.e.packet_id = packet_id;
  o.e.connection = connection(generation);
  return o;
}

inline owned_envelope mark(model::record_kind kind, std::uint64_t generation,
                           std::uint16_t packet_id = 0) {
  owned_envelope o;
  o.e.kind = kind;
  o.e.cls = model::traffic_class::control;
  o.e.level = model::ack_level::durable;
  o.e.packet_id = packet_id;
  o.e.connection = connection(generation);
  return o;
}

inline owned_envelope opening(std::uint64_t generation, bool clean_start, std::uint32_t expiry_s) {
  auto o = mark(model::record_kind::session_open, generation);
  o.e.session = {clean_start, expiry_s, {}};
  return o;
}

inline owned_envelope closing(std::uint64_t generation, std::uint32_t expiry_s) {
  auto o = mark(model::record_kind::session_close, generation);
  o.e.session.expiry_interval_s = expiry_s;
  return o;
}

/// One brain and the answers it gave.
class dedup_test : public testing::Test {
 protected:
  using outcome = model::outcome;

  explicit dedup_test(dedup_limits limits = {}, bool stored = true)
      : limits_(limits), brain_(std::make_unique<dedup>(limits, stored ? &store_ : nullptr)) {}

  std::optional<std::uint64_t> decide(const owned_envelope& o) {
    last_ = o.view();
    return brain_->decide(last_, now_, receipts_);
  }
  void settle(std::uint64_t ticket) {
    brain_->settle({ticket, true, fault_code::internal, {1, ++lsn_}}, receipts_);
  }
  void refuse(std::uint64_t ticket) {
    brain_->settle({ticket, false, fault_code::spool_budget_full, {}}, receipts_);
  }
  /// Decides and, where it is accepted, settles. True: it was accepted.
  bool pass(const owned_envelope& o) {
    const auto ticket = decide(o);
    if (ticket) settle(*ticket);
    return ticket.has_value();
  }
  /// The answers since the last call.
  std::vector<model::receipt> answers() { return std::exchange(receipts_, {}); }
  model::receipt only_answer() {
    auto all = answers();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? model::receipt{} : all.front();
  }
  void take_snapshot() {
    do {
      std::vector<contract::state_change> changes;
      brain_->snapshot(changes);
      brain_->snapshot_stored(store_.apply(changes).has_value());
    } while (brain_->snapshot_incomplete());
  }
  /// The process dies; the next one reads the snapshot.
  std::uint64_t restart() {
    brain_ = std::make_unique<dedup>(limits_, &store_);
    receipts_.clear();
    const auto restored = brain_->restore(spool_);
    return restored ? restored->covered_lsn : ~std::uint64_t{0};
  }
  const dedup_counters& counted() const { return brain_->counters(); }

  dedup_limits limits_;
  std::optional<model::spool_uuid> spool_ = model::spool_uuid{};  // that lies beside the store
  memory_store store_;
  std::unique_ptr<dedup> brain_;
  model::envelope last_;
  std::vector<model::receipt> receipts_;
  std::uint64_t now_ = 1'000'000'000;
  std::uint64_t lsn_ = 0;
};

}  // namespace fleetgate::dedup
