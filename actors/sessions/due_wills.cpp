#include "actors/sessions/due_wills.hpp"

#include <algorithm>

#include "actors/sessions/rows.hpp"

namespace fleetgate::sessions {
namespace {

constexpr std::uint64_t first_wait_ns = 250'000'000;
constexpr std::uint64_t longest_wait_ns = 16'000'000'000;

std::size_t weight_of(const contract::due_will& w) noexcept {
  const auto& m = w.what->message;
  return w.client_id.size() + m.topic.size() + m.payload.size() + m.props.size();
}

}  // namespace

void due_wills::publish(std::string client_id, std::shared_ptr<const contract::will> what) {
  contract::due_will will{last_number_ + 1, std::move(client_id), std::move(what)};
  out_.change(due_wills_table, due_will_key(will.number), encode_due_will(will));
  send(will);
}

bool due_wills::restore(std::string_view key, byte_view row) {
  const auto will = decode_due_will(key, row);
  if (will) send(*will);
  return will.has_value();
}

/// Any shard can bring it on the road: the first does.
void due_wills::send(const contract::due_will& will) {
  out_.wills.emplace_back(0, will);
  bytes_ += weight_of(will);
  last_number_ = std::max(last_number_, will.number);
  all_.emplace(will.number, entry{will, first_wait_ns});
}

void due_wills::settle(const contract::will_settled& s, std::uint64_t steady_ns) {
  const auto at = all_.find(s.number);
  if (at == all_.end()) return;
  if (!s.kept) {
    waits_.emplace(steady_ns + at->second.wait_ns, s.number);
    at->second.wait_ns = std::min(2 * at->second.wait_ns, longest_wait_ns);
    return;
  }
  ++probe_.wills_published;
  out_.change(due_wills_table, due_will_key(s.number), std::nullopt);
  bytes_ -= weight_of(at->second.will);
  all_.erase(at);
}

void due_wills::on_time(std::uint64_t steady_ns) {
  for (; !waits_.empty() && waits_.begin()->first <= steady_ns; waits_.erase(waits_.begin())) {
    out_.wills.emplace_back(0, all_.at(waits_.begin()->second).will);
  }
}

std::optional<std::uint64_t> due_wills::next_deadline_ns() const {
  if (waits_.empty()) return std::nullopt;
  return waits_.begin()->first;
}

}  // namespace fleetgate::sessions
