#include "actors/node/replay_marks.hpp"

#include "protocol/base/bytes.hpp"

namespace fleetgate::node {
namespace {

constexpr std::string_view table = contract::replays_table_name;
constexpr std::uint8_t mark_version = 1;

std::string row(const contract::replay_mark& m) {
  std::string value;
  byte_writer out(value);
  out.u8(mark_version);
  out.u8(static_cast<std::uint8_t>(m.state));
  out.u64(static_cast<std::uint64_t>(m.time_ns));
  return value;
}

/// A row that cannot be read counts as sent: when in doubt a person decides.
contract::replay_mark read_row(std::string_view value) {
  contract::replay_mark m;
  byte_reader in(as_bytes(value));
  const bool is_known = in.u8() == mark_version;
  const auto state = in.u8();
  const auto time = in.u64();
  if (!is_known || !state || !time) return m;
  if (*state == static_cast<std::uint8_t>(contract::replay_state::done)) {
    m.state = contract::replay_state::done;
  }
  m.time_ns = static_cast<std::int64_t>(*time);
  return m;
}

contract::state_change put(const model::position& at, const contract::replay_mark& m) {
  return {std::string(table), to_string(at), row(m)};
}

bool has_passed(const contract::message_fate& f) noexcept {
  return f.result == model::outcome::stored || f.result == model::outcome::duplicate;
}

}  // namespace

result<std::optional<contract::replay_mark>> replay_marks::of(const model::position& at) {
  const auto value = store_.get(table, to_string(at));
  if (!value) return tl::unexpected(value.error());
  if (!*value) return std::nullopt;
  return read_row(**value);
}

result<void> replay_marks::begin(const std::vector<model::position>& all, std::int64_t now_ns) {
  std::vector<contract::state_change> changes;
  for (const auto& at : all) {
    changes.push_back(put(at, {contract::replay_state::unknown, now_ns}));
  }
  return store_.apply(changes);
}

result<void> replay_marks::finish(const std::vector<contract::replayed_message>& all,
                                  std::int64_t now_ns) {
  std::vector<contract::state_change> changes;
  for (const auto& m : all) {
    if (has_passed(m.fate)) {
      changes.push_back(put(m.at, {contract::replay_state::done, now_ns}));
    } else if (m.fate.fault != fault_code::no_answer) {
      changes.push_back({std::string(table), to_string(m.at), std::nullopt});
    }
  }
  return store_.apply(changes);
}

result<void> replay_marks::prune(const model::position& oldest) {
  std::vector<contract::state_change> changes;
  auto read = store_.scan(table, [&](std::string_view key, std::string_view) {
    const auto at = model::parse_position(key);
    if (!at || *at < oldest) changes.push_back({std::string(table), std::string(key), {}});
  });
  if (!read || changes.empty()) return read;
  return store_.apply(changes);
}

}  // namespace fleetgate::node
