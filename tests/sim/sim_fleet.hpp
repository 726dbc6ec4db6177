// Devices that send through a sim_node, forget what they must not and remember what they may; and
// the oracle's memory of all that was sent and acknowledged. Owned by a test; one thread. They
// outlive the node: a restart only breaks their connections.
#pragma once

#include <xxhash.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/sim/sim_node.hpp"

namespace fleetgate::sim {

using model::ack_level;
using model::traffic_class;

enum class device_kind {
  with_epoch,     // epoch and sequence of its own, resends, reboots
  with_sequence,  // sequence only: the node infers the epoch; resends, reboots
  exactly_once,   // QoS 2 in a kept session, packet ids used again
  at_least_once,  // QoS 1 without a sequence in a kept session
  sends_once,     // nothing promised, no resends
};
inline constexpr std::size_t device_kinds = 5;

struct sent_message {
  std::size_t device = 0;
  ack_level level = ack_level::durable;
  std::optional<std::uint64_t> sequence;
  std::uint64_t epoch = 0;
  bool once = false;  // at most one row may come of it
  bool acknowledged = false;
};

class sim_fleet {
 public:
  explicit sim_fleet(std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < 2 * device_kinds; ++i) {
      device d;
      d.name = "d" + std::to_string(i);
      d.kind = static_cast<device_kind>(i % device_kinds);
      devices_.push_back(std::move(d));
    }
  }

  /// By payload, which is unique.
  [[nodiscard]] const std::map<std::string, sent_message>& sent() const noexcept { return sent_; }
  [[nodiscard]] bool waits() const {
    return std::any_of(devices_.begin(), devices_.end(),
                       [](const device& d) { return !d.outstanding.empty(); });
  }
  [[nodiscard]] std::uint64_t resends() const noexcept { return resends_; }
  [[nodiscard]] std::uint64_t refusals() const noexcept { return refusals_; }
  /// No new messages from now on.
  void finish() noexcept { finishing_ = true; }

  /// The node has gone: receipts on their way are lost.
  void disconnect() {
    for (device& d : devices_) d.link = link_state::down;
    batches_ = {};
  }

  void step(sim_node& node, std::uint64_t now_ns) {
    now_ns_ = now_ns;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      if (finishing_ || random_() % 3 == 0) act(i);
    }
    for (std::size_t c = 0; c < model::traffic_class_count; ++c) {
      contract::envelope_batch_ptr& batch = batches_[c];
      if (batch) node.hand_in(std::move(batch));
    }
  }

  void take(const std::vector<model::receipt>& receipts) {
    for (const model::receipt& r : receipts) {
      for (device& d : devices_) {
        if (d.generation == r.to.generation && d.link != link_state::down) take(d, r);
      }
    }
  }

 private:
  enum class link_state { down, opening, up };
  struct message {
    std::string payload;
    traffic_class cls = traffic_class::telemetry;
    ack_level level = ack_level::durable;
    std::optional<std::uint64_t> sequence;
    std::uint16_t packet_id = 0;
    bool in_flight = false;  // on this connection
    bool was_sent = false;
    bool received = false;  // QoS 2: acknowledged, to be released
  };
  struct device {
    std::string name;
    device_kind kind = device_kind::with_epoch;
    link_state link = link_state::down;
    std::uint64_t generation = 0;
    std::uint64_t epoch = 1;
    std::uint64_t next_sequence = 1;
    std::uint16_t last_packet_id = 0;
    std::vector<message> outstanding;
  };
  static constexpr std::size_t window = 6;

  void act(std::size_t index) {
    device& d = devices_[index];
    if (d.link == link_state::down) return connect(d);
    if (d.link == link_state::opening) return;
    if (!finishing_ && random_() % 60 == 0) return drop(d);
    if (!finishing_ && random_() % 120 == 0) return reboot(d);
    for (message& m : d.outstanding) {
      if (!m.in_flight) m.received ? release(d, m) : send(d, m);
    }
    if (!finishing_) {
      for (std::uint64_t n = random_() % 4; n != 0 && d.outstanding.size() < window; --n) {
        make(index);
      }
    }
  }
  void make(std::size_t index) {
    device& d = devices_[index];
    message m;
    m.cls = model::all_traffic_classes[random_() % model::traffic_class_count];
    // Across classes its messages may be taken in another order than they were sent in, and this
    // order is all that tells one life of such a device from the next.
    if (d.kind == device_kind::with_sequence) {
      m.cls = model::all_traffic_classes[index % model::traffic_class_count];
    }
    m.level = random_() % 4 == 0 ? ack_level::committed : ack_level::durable;
    if (d.kind == device_kind::sends_once) {
      m.level = random_() % 2 == 0 ? ack_level::none : ack_level::received;
    }
    const bool numbered = d.kind == device_kind::with_epoch ||
                          d.kind == device_kind::with_sequence ||
                          (d.kind == device_kind::exactly_once && index % 2 == 0);
    if (numbered) m.sequence = d.next_sequence++;
    m.payload = d.name + "/" + std::to_string(++made_) + "/";
    m.payload.append(20 + random_() % 300, static_cast<char>('a' + made_ % 26));
    m.packet_id = next_packet_id(d);
    const bool once = d.kind != device_kind::at_least_once;
    sent_[m.payload] = {index, m.level, m.sequence, d.epoch, once, false};
    send(d, m);
    if (d.kind != device_kind::sends_once) d.outstanding.push_back(std::move(m));
  }
  /// QoS 2 uses low ids again as soon as it may.
  static std::uint16_t next_packet_id(device& d) {
    if (d.kind != device_kind::exactly_once) return ++d.last_packet_id;
    for (std::uint16_t id = 1;; ++id) {
      const bool used = std::any_of(d.outstanding.begin(), d.outstanding.end(),
                                    [&](const message& m) { return m.packet_id == id; });
      if (!used) return id;
    }
  }

  model::envelope& post(device& d, traffic_class cls) {
    contract::envelope_batch_ptr& batch = batches_[model::index(cls)];
    if (!batch) {
      batch = std::make_unique<contract::envelope_batch>();
      batch->cls = cls;
    }
    model::envelope e;
    e.cls = cls;
    e.level = ack_level::durable;
    e.client_id = batch->memory.copy(std::string_view(d.name));
    e.connection = {0, 0, d.generation};
    e.received_time_ns = static_cast<std::int64_t>(now_ns_);
    e.received_steady_ns = now_ns_;
    batch->envelopes.push_back(e);
    return batch->envelopes.back();
  }
  void send(device& d, message& m) {
    model::envelope& e = post(d, m.cls);
    runtime::arena& memory = batches_[model::index(m.cls)]->memory;
    e.level = m.level;
    e.device = e.client_id;
    e.stream = "default";
    e.topic = memory.copy("devices/" + d.name + "/telemetry");
    e.payload = memory.copy(as_bytes(m.payload));
    e.payload_hash = XXH3_64bits(m.payload.data(), m.payload.size());
    e.sequence = m.sequence;
    if (d.kind == device_kind::with_epoch) {
      e.epoch = d.epoch;
      e.epoch_from = model::epoch_origin::device;
    }
    e.qos = d.kind == device_kind::sends_once ? 0 : d.kind == device_kind::exactly_once ? 2 : 1;
    e.packet_id = e.qos == 0 ? 0 : m.packet_id;
    e.waits_for_room = e.qos != 0 && waits(d);
    e.dup = m.was_sent;
    if (m.was_sent) ++resends_;
    m.was_sent = m.in_flight = true;
  }
  void release(device& d, message& m) {
    model::envelope& e = post(d, m.cls);
    e.kind = model::record_kind::release;
    e.packet_id = m.packet_id;
    e.waits_for_room = waits(d);
    m.in_flight = true;
  }
  /// As over MQTT; the others are told that there is no room, and come again.
  static bool waits(const device& d) { return d.kind != device_kind::with_sequence; }
  void connect(device& d) {
    d.generation = ++generations_;
    d.link = link_state::opening;
    for (message& m : d.outstanding) m.in_flight = false;
    model::envelope& e = post(d, traffic_class::control);
    e.kind = model::record_kind::session_open;
    const bool kept = d.kind == device_kind::exactly_once || d.kind == device_kind::at_least_once;
    e.session.clean_start = !kept;
    e.session.expiry_interval_s = kept ? 86'400 : 0;
  }
  /// The connection breaks; the node hears of it.
  void drop(device& d) {
    model::envelope& e = post(d, traffic_class::control);
    e.kind = model::record_kind::session_close;
    const bool kept = d.kind == device_kind::exactly_once || d.kind == device_kind::at_least_once;
    e.session.expiry_interval_s = kept ? 86'400 : 0;
    d.link = link_state::down;
  }
  /// What it had not got acknowledged is gone with its memory, and it counts from 1 again.
  void reboot(device& d) {
    if (d.kind != device_kind::with_epoch && d.kind != device_kind::with_sequence) return;
    drop(d);
    d.outstanding.clear();
    ++d.epoch;
    d.next_sequence = 1;
  }

  void take(device& d, const model::receipt& r) {
    const bool good = r.result == model::outcome::stored || r.result == model::outcome::duplicate;
    if (r.result == model::outcome::refused) ++refusals_;
    if (r.kind == model::record_kind::session_open) {
      if (good) d.link = link_state::up;
      if (r.result == model::outcome::refused || r.result == model::outcome::taken_over) {
        d.link = link_state::down;
      }
      return;
    }
    const auto m = std::find_if(d.outstanding.begin(), d.outstanding.end(),
                                [&](const message& o) { return o.packet_id == r.packet_id; });
    if (r.qos == 0 && r.kind == model::record_kind::message) return;
    if (m == d.outstanding.end()) return;
    if (r.kind == model::record_kind::release) {
      if (good || r.fault == fault_code::packet_identifier_not_found) {
        d.outstanding.erase(m);
        return;
      }
      return drop(d);
    }
    if (!good) return drop(d);
    sent_.at(m->payload).acknowledged = true;
    if (d.kind == device_kind::exactly_once) {
      m->received = true;
      m->in_flight = false;
    } else {
      d.outstanding.erase(m);
    }
  }

  std::mt19937_64 random_;
  std::vector<device> devices_;
  std::map<std::string, sent_message> sent_;
  std::array<contract::envelope_batch_ptr, model::traffic_class_count> batches_;
  std::uint64_t now_ns_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t generations_ = 0;
  std::uint64_t resends_ = 0;
  std::uint64_t refusals_ = 0;
  bool finishing_ = false;
};

}  // namespace fleetgate::sim
