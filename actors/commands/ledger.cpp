#include "actors/commands/ledger.hpp"

#include <algorithm>

#include "actors/commands/rows.hpp"

namespace fleetgate::commands {
namespace {

using contract::command;
using contract::command_result;
using contract::command_state;

std::size_t weight_of(const command& c) noexcept {
  const auto& r = c.request;
  return sizeof c + c.id.size() + r.device.size() + r.name.size() + r.content_type.size() +
         r.payload.size() + r.idempotency_key.size() + c.answer.size() +
         c.answer_content_type.size();
}

bool asks_the_same(const contract::command_request& a,
                   const contract::command_request& b) noexcept {
  return a.name == b.name && a.content_type == b.content_type && a.payload == b.payload;
}

}  // namespace

result<std::size_t> ledger::restore(contract::state_store& store) {
  std::size_t unreadable = 0;
  const auto read = store.scan(commands_table, [&](std::string_view, std::string_view row) {
    auto c = decode_command(as_bytes(row));
    if (!c || device_of_.contains(c->number)) {
      ++unreadable;
      return;
    }
    last_number_ = std::max(last_number_, c->number);
    add(std::move(*c));
  });
  if (!read) return tl::unexpected(read.error());
  return unreadable;
}

result<contract::submitted_command> ledger::submit(const contract::command_request& what,
                                                   std::string id, std::int64_t now_ns) {
  if (const auto known = by_device_.find(what.device); known != by_device_.end()) {
    std::size_t open = 0;
    for (const auto& [number, c] : known->second) {
      if (c.is_open()) ++open;
      if (what.idempotency_key.empty() || c.request.idempotency_key != what.idempotency_key) {
        continue;
      }
      if (asks_the_same(c.request, what)) return contract::submitted_command{c, false};
      return failure(fault_code::key_reused, "command " + c.id + " has this idempotency key");
    }
    if (open >= limits_.open_per_device) {
      return failure(fault_code::quota_exceeded,
                     "the device has " + std::to_string(open) + " open commands");
    }
  }
  command c;
  c.id = std::move(id);
  c.request = what;
  c.number = last_number_ + 1;
  c.created_time_ns = c.changed_time_ns = now_ns;
  if (!make_room(weight_of(c))) {
    return failure(fault_code::quota_exceeded, "open commands use " + std::to_string(bytes_) +
                                                   " of the " + std::to_string(limits_.bytes) +
                                                   " bytes that all may have");
  }
  ++last_number_;
  const command& taken = add(std::move(c));
  changes_.push_back({std::string(commands_table), command_key(taken), encode_command(taken)});
  return contract::submitted_command{taken, true};
}

void ledger::withdraw(const command& c) {
  if (const command* const taken = find(c.request.device, c.id)) remove(*taken);
}

/// Finished commands give way, the oldest first. False: that is not enough.
bool ledger::make_room(std::size_t bytes) {
  while (bytes_ + bytes > limits_.bytes && !finished_.empty()) {
    const command& oldest = *at(finished_.begin()->second);
    changes_.push_back({std::string(commands_table), command_key(oldest), std::nullopt});
    remove(oldest);
  }
  return bytes_ + bytes <= limits_.bytes;
}

void ledger::sent(std::string_view device, std::string_view id, std::int64_t now_ns) {
  command* const c = held(device, id);
  if (c == nullptr || !c->is_open()) return;
  change(*c, now_ns, [&] {
    c->state = command_state::sent;
    ++c->sent;
  });
  ways_[c->number].is_sent = true;
}

void ledger::answered(std::string_view device, const contract::command_answer& a,
                      std::int64_t now_ns) {
  command* const c = held(device, a.id);
  if (c == nullptr || !c->is_open()) return;
  change(*c, now_ns, [&] {
    c->result = a.result;
    const bool is_last = a.result != command_result::taken;
    c->answer = a.payload.substr(0, is_last ? maximum_answer_bytes : maximum_taken_answer_bytes);
    c->answer_content_type = a.content_type;
    c->state = a.expired                           ? command_state::expired
               : a.result == command_result::taken ? command_state::sent
                                                   : command_state::acknowledged;
  });
  (void)make_room(0);
}

void ledger::on_time(std::int64_t now_ns) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ns) {
    command& c = *at(deadlines_.begin()->second);
    change(c, now_ns, [&] { c.state = command_state::expired; });
  }
  while (!finished_.empty() && finished_.begin()->first + limits_.keep_ns <= now_ns) {
    const command& oldest = *at(finished_.begin()->second);
    changes_.push_back({std::string(commands_table), command_key(oldest), std::nullopt});
    remove(oldest);
  }
}

std::optional<std::int64_t> ledger::next_deadline_ns() const {
  std::optional<std::int64_t> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (!finished_.empty()) {
    const auto gone = finished_.begin()->first + limits_.keep_ns;
    next = std::min(next.value_or(gone), gone);
  }
  return next;
}

std::vector<const command*> ledger::waiting_of(std::string_view device,
                                               model::connection_ref native) const {
  std::vector<const command*> waiting;
  const auto known = by_device_.find(device);
  if (known == by_device_.end()) return waiting;
  for (const auto& [number, c] : known->second) {
    if (!c.is_open()) continue;
    const auto at = ways_.find(number);
    const bool is_there =
        at != ways_.end() &&
        (at->second.is_sent ||
         (native.generation == 0 ? at->second.offered_to_mqtt : at->second.offered_to == native));
    if (!is_there) waiting.push_back(&c);
  }
  return waiting;
}

void ledger::offered(const command& c, model::connection_ref native) {
  way& w = ways_[c.number];
  if (native.generation == 0)
    w.offered_to_mqtt = true;
  else
    w.offered_to = native;
}

void ledger::came(std::string_view device, bool anew) {
  const auto known = by_device_.find(device);
  if (known == by_device_.end()) return;
  for (const auto& [number, c] : known->second) {
    const auto at = ways_.find(number);
    if (at != ways_.end() && (anew || !at->second.is_sent)) ways_.erase(at);
  }
}

std::set<std::string> ledger::waiting_devices() const {
  std::set<std::string> devices;
  for (const auto& [device, commands] : by_device_) {
    const auto is_open = [](const auto& entry) { return entry.second.is_open(); };
    if (std::any_of(commands.begin(), commands.end(), is_open)) devices.insert(device);
  }
  return devices;
}

const command* ledger::find(std::string_view device, std::string_view id) const {
  const auto known = by_device_.find(device);
  if (known == by_device_.end()) return nullptr;
  for (const auto& [number, c] : known->second) {
    if (c.id == id) return &c;
  }
  return nullptr;
}

command* ledger::held(std::string_view device, std::string_view id) {
  return const_cast<command*>(find(device, id));
}

command* ledger::at(std::uint64_t number) {
  return &device_of_.at(number)->at(number);
}

result<contract::command_page> ledger::page(std::string_view device, std::string_view after,
                                            std::size_t most) const {
  contract::command_page page;
  const auto known = by_device_.find(device);
  const command* const from = after.empty() ? nullptr : find(device, after);
  if (!after.empty() && from == nullptr) {
    return failure(fault_code::not_found,
                   "device \"" + std::string(device) + "\" has no command " + std::string(after));
  }
  if (known == by_device_.end()) return page;
  const auto& all = known->second;
  auto at = std::make_reverse_iterator(from == nullptr ? all.end() : all.find(from->number));
  for (; at != all.rend() && page.commands.size() < most; ++at) {
    page.commands.push_back(at->second);
  }
  if (at != all.rend() && !page.commands.empty()) page.next = page.commands.back().id;
  return page;
}

command& ledger::add(command c) {
  by_number& commands = by_device_[c.request.device];
  const auto number = c.number;
  command& added = commands.emplace(number, std::move(c)).first->second;
  device_of_.emplace(number, &commands);
  enter(added);
  return added;
}

void ledger::remove(const command& c) {
  leave(c);
  const auto number = c.number;
  const auto device = by_device_.find(c.request.device);
  ways_.erase(number);
  device_of_.erase(number);
  device->second.erase(number);
  if (device->second.empty()) by_device_.erase(device);
}

/// What is known of it besides itself.
void ledger::enter(const command& c) {
  bytes_ += weight_of(c);
  ++counts_[static_cast<std::size_t>(c.state)];
  if (c.is_open())
    deadlines_.emplace(c.request.deadline_ns, c.number);
  else
    finished_.emplace(c.changed_time_ns, c.number);
  if (!c.is_open()) ways_.erase(c.number);
}

void ledger::leave(const command& c) {
  bytes_ -= weight_of(c);
  --counts_[static_cast<std::size_t>(c.state)];
  if (c.is_open())
    deadlines_.erase({c.request.deadline_ns, c.number});
  else
    finished_.erase({c.changed_time_ns, c.number});
}

template <class Change>
void ledger::change(command& c, std::int64_t now_ns, Change&& how) {
  leave(c);
  how();
  c.changed_time_ns = now_ns;
  enter(c);
  changes_.push_back({std::string(commands_table), command_key(c), encode_command(c)});
}

}  // namespace fleetgate::commands
