#include "protocol/native/in_flight.hpp"

#include <algorithm>

namespace fleetgate::native {

std::optional<in_flight::stream_number> in_flight::open(const message_header& h,
                                                        std::string_view answer_device,
                                                        std::optional<std::uint64_t> answer_boot) {
  key_.assign(h.device).push_back('\0');
  byte_writer(key_).u64(h.boot.value_or(0));
  key_.append(h.stream);
  if (const auto known = by_key_.find(std::string_view(key_)); known != by_key_.end()) {
    return known->second;
  }
  const auto place = place_for_stream();
  if (!place) return std::nullopt;
  auto& s = streams_[*place];
  s = stream{};
  s.key = key_;
  s.name = h.stream;
  s.device = answer_device;
  s.boot = answer_boot;
  s.cls = h.cls;
  by_key_.emplace(key_, *place);
  return place;
}

/// A new one, or one that has nothing in flight and is forgotten.
std::optional<in_flight::stream_number> in_flight::place_for_stream() {
  if (streams_.size() < maximum_streams_) {
    streams_.emplace_back();
    return static_cast<stream_number>(streams_.size() - 1);
  }
  const auto idle =
      std::find_if(streams_.begin(), streams_.end(), [](const stream& s) { return s.is_idle(); });
  if (idle == streams_.end()) return std::nullopt;
  by_key_.erase(idle->key);
  return static_cast<stream_number>(idle - streams_.begin());
}

in_flight::entry_ticket in_flight::admit(stream_number number, std::uint64_t sequence,
                                         std::size_t bytes) {
  auto& s = streams_[number];
  auto& used = used_[model::index(s.cls)];
  const auto& granted = (*credits_)[model::index(s.cls)];
  entry* again = nullptr;
  if (s.highest && sequence <= *s.highest) {
    again = find(s, sequence);
    if (again == nullptr || again->at != state::again) return {admission::not_rising, 0, {}, {}};
  }
  const bool has_place = again != nullptr || used.messages < granted.messages;
  if (!has_place || (free_.empty() && tickets_.size() == maximum_tickets)) {
    return {admission::over_message_credit, 0, {}, {}};
  }
  const std::uint64_t others = used.bytes - (again != nullptr ? again->bytes : 0);
  if (others + bytes > granted.bytes) return {admission::over_byte_credit, 0, {}, {}};

  entry_ticket t;
  t.highest_before = s.highest;
  t.ticket = take_ticket(number, sequence);
  used.bytes = others + bytes;
  const entry e{sequence, sequence, static_cast<std::uint32_t>(bytes), state::waiting};
  if (again != nullptr) {
    t.bytes_before = again->bytes;
    *again = e;
    return t;
  }
  ++used.messages;
  s.highest = sequence;
  s.window.push_back(e);
  return t;
}

void in_flight::withdraw(const entry_ticket& t) noexcept {
  stream_number of = 0;
  entry* e = release(t.ticket, of);
  if (e == nullptr) return;
  auto& s = streams_[of];
  auto& used = used_[model::index(s.cls)];
  used.bytes -= e->bytes;
  if (t.bytes_before) {
    e->bytes = *t.bytes_before;
    e->at = state::again;
    used.bytes += e->bytes;
    return;
  }
  --used.messages;
  s.window.pop_back();
  s.highest = t.highest_before;
}

bool in_flight::settle(std::uint16_t ticket, std::optional<fault_code> why,
                       std::optional<std::uint32_t> retry_after_ms) {
  stream_number of = 0;
  entry* e = release(ticket, of);
  if (e == nullptr) return false;
  auto& s = streams_[of];
  if (why) {
    const auto& known = describe(*why);
    append_nack({e->first, known.mqtt_reason, known.name, retry_after_ms}, s.nacks);
  }
  if (why && retry_after_ms) {
    e->at = state::again;
  } else {
    auto& used = used_[model::index(s.cls)];
    --used.messages;
    used.bytes -= e->bytes;
    e->bytes = 0;
    e->at = state::settled;
    const bool in_front = e == &s.window[s.head];
    if (in_front) drop_settled_front(s);
    s.scattered |= !in_front;
  }
  note_news(of);
  return s.nacks.count >= maximum_nacks;
}

void in_flight::flush(std::string& out) {
  for (const auto number : news_) write_acks(streams_[number], out);
  news_.clear();
}

void in_flight::shrink() noexcept {
  if (size() != 0) return;
  tickets_ = std::vector<slot>();
  free_ = std::vector<std::uint16_t>();
  ranges_.elements = std::string();
  for (auto& s : streams_) {
    if (s.window.empty()) s.window = std::vector<entry>();
    if (s.nacks.count == 0) s.nacks.elements = std::string();
  }
}

std::uint16_t in_flight::take_ticket(stream_number of, std::uint64_t sequence) {
  if (free_.empty()) {
    tickets_.emplace_back();
    free_.reserve(tickets_.capacity());  // so that release() never allocates
    free_.push_back(static_cast<std::uint16_t>(tickets_.size()));
  }
  const auto ticket = free_.back();
  free_.pop_back();
  tickets_[ticket - 1u] = {sequence, of, true};
  return ticket;
}

/// Takes the ticket back; its entry, or nothing where there is no such ticket.
in_flight::entry* in_flight::release(std::uint16_t ticket, stream_number& of) noexcept {
  if (ticket == 0 || ticket > tickets_.size() || !tickets_[ticket - 1u].taken) return nullptr;
  auto& s = tickets_[ticket - 1u];
  s.taken = false;
  free_.push_back(ticket);
  of = s.of;
  return find(streams_[of], s.sequence);
}

in_flight::entry* in_flight::find(stream& s, std::uint64_t sequence) noexcept {
  const auto begin = s.window.begin() + static_cast<std::ptrdiff_t>(s.head);
  if (begin == s.window.end()) return nullptr;
  if (begin->first == sequence) return &*begin;
  const auto e = std::lower_bound(begin, s.window.end(), sequence,
                                  [](const entry& a, std::uint64_t n) { return a.last < n; });
  return e != s.window.end() && e->first <= sequence ? &*e : nullptr;
}

void in_flight::drop_settled_front(stream& s) noexcept {
  while (s.head != s.window.size() && s.window[s.head].is_settled()) {
    s.up_to = s.window[s.head++].last;
  }
  if (s.head == s.window.size()) {
    s.window.clear();
    s.head = 0;
  } else if (s.head > s.window.size() / 2) {
    s.window.erase(s.window.begin(), s.window.begin() + static_cast<std::ptrdiff_t>(s.head));
    s.head = 0;
  }
}

/// Makes one entry of each run of settled messages, and a range of each run that has news.
void in_flight::gather_runs(stream& s, list_bytes& ranges) {
  std::size_t kept = 0;
  const auto close_run = [&] {
    if (kept == 0 || s.window[kept - 1].at != state::settled) return;
    append_range({s.window[kept - 1].first, s.window[kept - 1].last}, ranges);
    s.window[kept - 1].at = state::told;
  };
  for (std::size_t i = s.head; i != s.window.size(); ++i) {
    const auto e = s.window[i];
    if (e.is_settled() && kept != 0 && s.window[kept - 1].is_settled()) {
      auto& run = s.window[kept - 1];
      run.last = e.last;
      if (e.at == state::settled) run.at = state::settled;
      continue;
    }
    close_run();
    s.window[kept++] = e;
  }
  close_run();
  s.window.resize(kept);
  s.head = 0;
}

void in_flight::note_news(stream_number number) {
  auto& s = streams_[number];
  if (s.has_news) return;
  s.has_news = true;
  news_.push_back(number);
}

void in_flight::write_acks(stream& s, std::string& out) {
  ranges_.clear();
  if (s.scattered) gather_runs(s, ranges_);
  ack_packet a;
  a.cls = s.cls;
  a.stream = s.name;
  a.device = s.device;
  a.boot = s.boot;
  a.up_to = s.up_to;
  a.nacks = s.nacks.of();
  list left = ranges_.of();
  do {
    list_bytes some;
    while (some.count < 2 * maximum_ranges) {
      const auto r = next_range(left);
      if (!r) break;
      append_range(*r, some);
    }
    a.ranges = some.of();
    encode(a, out);
    a.nacks = {};
  } while (!left.empty());
  s.nacks.clear();
  s.has_news = false;
  s.scattered = false;
}

std::size_t in_flight::heap_bytes() const noexcept {
  std::size_t bytes = streams_.capacity() * sizeof(stream) + tickets_.capacity() * sizeof(slot) +
                      free_.capacity() * sizeof(std::uint16_t) +
                      news_.capacity() * sizeof(stream_number) + ranges_.elements.capacity() +
                      key_.capacity();
  for (const auto& s : streams_) {
    bytes += 2 * s.key.capacity() + s.name.capacity() + s.device.capacity() +
             s.window.capacity() * sizeof(entry) + s.nacks.elements.capacity();
  }
  return bytes;
}

}  // namespace fleetgate::native
