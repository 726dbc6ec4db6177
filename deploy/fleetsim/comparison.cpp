#include "deploy/fleetsim/comparison.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace fleetgate::fleetsim {

class_findings findings::total() const {
  class_findings sum;
  for (const auto& [name, f] : by_class) {
    sum.rows += f.rows;
    sum.lost += f.lost;
    sum.duplicate += f.duplicate;
    sum.reordered += f.reordered;
  }
  return sum;
}

comparison::comparison(fleet_identity fleet)
    : fleet_(std::move(fleet)), class_of_topic_(fleet_.topics.size()) {}

void comparison::add(const ack_record& logged) {
  switch (logged.kind) {
    case record_kind::acknowledged:
      lives_[key_of(logged.device, logged.boot)].acknowledged.insert(logged.sequence);
      return;
    case record_kind::refused:
      ++refused_;
      return;
    case record_kind::boot:
      lives_.try_emplace(key_of(logged.device, logged.boot));
      return;
    case record_kind::loss:
      return;
  }
}

comparison::life* comparison::life_of(std::uint32_t device, std::int64_t boot) {
  if (boot == fleet_.first_boot) return &lives_[key_of(device, fleet_.first_boot)];
  if (boot < 0 || boot > std::numeric_limits<std::uint32_t>::max()) return nullptr;
  const auto found = lives_.find(key_of(device, static_cast<std::uint32_t>(boot)));
  return found == lives_.end() ? nullptr : &found->second;
}

std::size_t comparison::class_number(std::string_view cls) {
  const auto found = std::find(class_names_.begin(), class_names_.end(), cls);
  const auto number = static_cast<std::size_t>(found - class_names_.begin());
  if (found == class_names_.end()) {
    class_names_.emplace_back(cls);
    by_class_.emplace_back();
  }
  return number;
}

void comparison::add(const table_row& stored) {
  const auto device = fleet_.device_number(stored.device_id);
  if (device && (!stored.sequence || !stored.epoch)) {
    ++unnumbered_;
    return;
  }
  life* const of_row = device ? life_of(*device, *stored.epoch) : nullptr;
  if (of_row == nullptr || *stored.sequence < 0) {
    ++foreign_;
    return;
  }
  const auto sequence = static_cast<std::uint64_t>(*stored.sequence);
  const std::size_t cls = class_number(stored.cls);
  class_of_topic_[fleet_.topic_of(sequence)] = cls;
  class_findings& found = by_class_[cls];
  ++found.rows;
  life& l = *of_row;
  if (!l.stored.insert(sequence)) {
    ++found.duplicate;
    return;
  }
  if (!l.acknowledged.contains(sequence)) ++unlogged_;
  // The classes take different ways through a gateway: only within one is an order promised.
  if (l.highest.size() <= cls) l.highest.resize(cls + 1, 0);
  if (sequence < l.highest[cls]) ++found.reordered;
  l.highest[cls] = std::max(l.highest[cls], sequence);
}

const std::string& comparison::class_of(std::uint64_t sequence) const {
  const std::size_t topic = fleet_.topic_of(sequence);
  return class_of_topic_[topic] ? class_names_[*class_of_topic_[topic]] : fleet_.topics[topic];
}

void comparison::add_lost(findings& to, std::uint64_t key, const range_set::range& lost) const {
  // Topics are taken in turn, so each has every n-th of the stretch.
  const std::uint64_t count = lost.last - lost.first + 1;
  const std::uint64_t topics = fleet_.topics.size();
  for (std::uint64_t i = 0; i < std::min(topics, count); ++i) {
    to.by_class[class_of(lost.first + i)].lost += (count - i + topics - 1) / topics;
  }
  if (to.examples.size() == findings::most_examples) return;
  to.examples.push_back({fleet_.device_name(static_cast<std::uint32_t>(key >> 32)),
                         static_cast<std::uint32_t>(key), lost});
}

findings comparison::result() const {
  findings f;
  f.refused = refused_;
  f.unlogged = unlogged_;
  f.unnumbered = unnumbered_;
  f.foreign = foreign_;
  for (std::size_t i = 0; i < class_names_.size(); ++i) f.by_class[class_names_[i]] = by_class_[i];
  for (const auto& [key, l] : lives_) {
    f.acknowledged += l.acknowledged.count();
    l.acknowledged.without(l.stored,
                           [&, k = key](const range_set::range& lost) { add_lost(f, k, lost); });
  }
  return f;
}

}  // namespace fleetgate::fleetsim
