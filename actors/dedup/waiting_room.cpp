#include "actors/dedup/waiting_room.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "actors/contract/inbound_message.hpp"
#include "actors/dedup/identity.hpp"

namespace fleetgate::dedup {
namespace {

constexpr std::size_t batch_bytes = 32 * 1024;

std::size_t weight_of(const model::envelope& e) noexcept {
  return contract::message_overhead_bytes + e.tenant.size() + e.device.size() + e.stream.size() +
         e.topic.size() + e.content_type.size() + e.attributes.size() + e.client_id.size() +
         e.properties.size() + e.payload.size();
}

/// `b` is `a` again: by its key; without one, by its packet id in its session, as MQTT sends it
/// again.
bool same(const model::envelope& a, const model::envelope& b) noexcept {
  if (a.kind != b.kind || a.qos != b.qos || a.level != b.level || a.client_id != b.client_id ||
      a.payload_hash != b.payload_hash || a.topic != b.topic || a.sequence != b.sequence) {
    return false;
  }
  if (!a.sequence) return b.dup && a.packet_id == b.packet_id;
  return a.device == b.device && a.stream == b.stream && a.tenant == b.tenant &&
         a.epoch_from == b.epoch_from &&
         (a.epoch_from != model::epoch_origin::device || a.epoch == b.epoch);
}

contract::envelope_batch_ptr empty_batch(model::traffic_class cls) {
  auto made = std::make_unique<contract::envelope_batch>();
  made->cls = cls;
  return made;
}

std::uint64_t hash_of(const model::envelope& e) noexcept {
  const std::uint64_t client = std::hash<std::string_view>{}(e.client_id);
  return content_hash(e) + client + (e.sequence ? *e.sequence : e.packet_id);
}

}  // namespace

void waiting_room::put(contract::envelope_batch& from, const model::envelope& e) {
  // A batch has a block of memory at least: few of them, well filled.
  if (batches_.empty() || batches_.back()->memory.used() >= batch_bytes ||
      batches_.back()->charge.bytes() >= batch_bytes) {
    batches_.push_back(empty_batch(from.cls));
  }
  put_into(*batches_.back(), from, e);
}

void waiting_room::put_back(contract::envelope_batch& from, const model::envelope& e,
                            bool is_first) {
  if (is_first) batches_.push_front(empty_batch(from.cls));
  put_into(*batches_.front(), from, e);
}

void waiting_room::put_into(contract::envelope_batch& batch, contract::envelope_batch& from,
                            const model::envelope& e) {
  runtime::arena& memory = batch.memory;
  model::envelope& copy = batch.envelopes.emplace_back(e);
  for (auto* text : {&copy.tenant, &copy.device, &copy.stream, &copy.topic, &copy.content_type,
                     &copy.attributes, &copy.client_id, &copy.properties}) {
    *text = memory.copy(*text);
  }
  copy.payload = memory.copy(e.payload);
  batch.charge.add(from.charge.split(weight_of(e)));
  if (!model::is_message(e.kind)) return;
  ++messages_;
  places_.emplace(hash_of(e), place{&batch, batch.envelopes.size() - 1});
}

model::envelope* waiting_room::find_resent(const model::envelope& e) {
  if (places_.empty() || !model::is_message(e.kind)) return nullptr;
  const auto [begin, end] = places_.equal_range(hash_of(e));
  const auto found = std::find_if(begin, end, [&e](const auto& entry) {
    const model::envelope& waits = entry.second.batch->envelopes[entry.second.index];
    return waits.connection != e.connection && same(waits, e);
  });
  return found == end ? nullptr : &found->second.batch->envelopes[found->second.index];
}

contract::envelope_batch_ptr waiting_room::take() {
  contract::envelope_batch_ptr batch = std::move(batches_.front());
  batches_.pop_front();
  for (const model::envelope& e : batch->envelopes) {
    if (!model::is_message(e.kind)) continue;
    --messages_;
    auto [at, end] = places_.equal_range(hash_of(e));
    while (at != end && at->second.batch != batch.get()) ++at;
    if (at != end) places_.erase(at);
  }
  return batch;
}

}  // namespace fleetgate::dedup
