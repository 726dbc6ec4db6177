// What is to be sent, what is in flight and what was answered. Private to the client's source; one
// thread at a time. Limit: options of the client.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frames.hpp"
#include "state_file.hpp"

namespace fleetgate::sdk::detail {

struct credit {
  std::uint64_t messages = 0, bytes = 0;
};

struct refused {
  stored_ptr message;
  std::uint8_t code = 0;
  std::string name;
};

class outbox {
 public:
  [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  /// Of a stream that holds messages.
  [[nodiscard]] std::optional<std::uint8_t> class_of(const std::string& name) const {
    const auto s = streams_.find(name);
    return s == streams_.end() ? std::nullopt : std::optional(s->second.cls);
  }
  [[nodiscard]] std::vector<std::string> streams() const {
    std::vector<std::string> names;
    for (const auto& [name, s] : streams_) names.push_back(name);
    return names;
  }

  void add(const stored_ptr& m) {
    auto& s = streams_[m->stream];
    s.cls = m->cls;
    s.queued.push_back(m);
    ++messages_;
    bytes_ += m->payload.size();
  }

  /// A new connection: everything is sent again, lowest sequence first.
  void connected(const std::array<credit, class_count>& granted, std::size_t maximum) {
    disconnected();
    credit_ = granted;
    maximum_frame_ = maximum;
  }
  void disconnected() {
    for (auto& [name, s] : streams_) {
      std::map<std::uint64_t, stored_ptr> all(std::move(s.sent));
      for (const auto& [sequence, again] : s.again) all.emplace(sequence, again.first);
      for (const auto& m : s.queued) all.emplace(m->sequence, m);
      s.sent.clear();
      s.again.clear();
      s.queued.clear();
      for (auto& [sequence, m] : all) s.queued.push_back(std::move(m));
    }
    used_ = {};
    maximum_frame_ = 0;  // nothing is sent before the next welcome
  }

  /// The next frame; "" where nothing may be sent now, or where a message can never be: it is then
  /// added to `never`.
  std::string next_frame(clock::time_point now, std::vector<refused>& never) {
    if (maximum_frame_ == 0) return {};
    for (std::uint8_t cls = 0; cls < class_count; ++cls) {
      for (auto& [name, s] : streams_) {
        if (s.cls != cls) continue;
        const auto head = candidate(s, now);
        if (!head) continue;
        if (!fits_alone(*head)) {
          never.push_back({head, 0x95, "packet_too_large"});
          settle(name, head->sequence);
          return {};
        }
        return encode(take_run(s, head, now));
      }
    }
    return {};
  }

  /// When something that was refused may be sent again.
  [[nodiscard]] std::optional<clock::time_point> next_time() const {
    std::optional<clock::time_point> earliest;
    for (const auto& [name, s] : streams_) {
      for (const auto& [sequence, again] : s.again) {
        if (!earliest || again.second < *earliest) earliest = again.second;
      }
    }
    return earliest;
  }

  /// welcome: nothing up to here need be sent. Returns the sequences.
  std::vector<std::uint64_t> already_settled(const std::string& name, std::uint64_t up_to) {
    std::vector<std::uint64_t> done;
    const auto s = streams_.find(name);
    if (s == streams_.end()) return done;
    for (const auto& m : s->second.queued) {
      if (m->sequence <= up_to) done.push_back(m->sequence);
    }
    for (const auto sequence : done) settle(name, sequence);
    return done;
  }

  /// An ack frame. Returns the settled sequences in order.
  std::vector<std::uint64_t> answered(const fields& f, clock::time_point now,
                                      std::vector<refused>& refusals) {
    const auto& name = f[2].text;
    std::vector<std::uint64_t> done;
    const auto found = streams_.find(name);
    if (found == streams_.end()) return done;
    auto& s = found->second;
    std::vector<std::uint64_t> final;
    for (const auto& n : f[5].items) {
      if (n.items.size() < 3) continue;
      const auto m = s.sent.find(n.items[0].number);
      if (m == s.sent.end()) continue;
      if (n.items.size() > 3 && n.items[3].present()) {
        const auto at = now + milliseconds(std::min<std::uint64_t>(n.items[3].number, 0xFFFF'FFFF));
        s.again.emplace(m->first, std::pair(m->second, at));
        s.sent.erase(m);
      } else {
        final.push_back(m->first);
        refusals.push_back(
            {m->second, static_cast<std::uint8_t>(n.items[1].number), n.items[2].text});
      }
    }
    for (const auto& [sequence, m] : s.sent) {
      if (is_answered(f, sequence) ||
          std::find(final.begin(), final.end(), sequence) != final.end()) {
        done.push_back(sequence);
      }
    }
    const std::string copy = name;
    for (const auto sequence : done) settle(copy, sequence);
    return done;
  }

 private:
  struct stream {
    std::uint8_t cls = 3;
    std::deque<stored_ptr> queued;  // not sent on this connection, by sequence
    std::map<std::uint64_t, stored_ptr> sent;
    std::map<std::uint64_t, std::pair<stored_ptr, clock::time_point>> again;
  };
  // What a frame needs beside payloads and its header's texts.
  static constexpr std::size_t frame_overhead = 64, message_overhead = 32;

  static bool is_answered(const fields& f, std::uint64_t sequence) {
    if (f[3].is == value::kind::number && sequence <= f[3].number) return true;
    const auto& ranges = f[4].items;
    for (std::size_t i = 0; i + 1 < ranges.size(); i += 2) {
      if (ranges[i].number <= sequence && sequence <= ranges[i + 1].number) return true;
    }
    return false;
  }

  static std::size_t weight(const stored& m) {
    return message_overhead + m.payload.size() + m.traceparent.size();
  }
  static std::size_t header_weight(const stored& m) {
    return frame_overhead + m.stream.size() + m.topic.size() + m.content_type.size();
  }
  [[nodiscard]] bool fits_alone(const stored& m) const {
    return m.payload.size() <= credit_[m.cls].bytes &&
           header_weight(m) + weight(m) <= maximum_frame_;
  }

  /// The stream's next message that may be sent now; it stays where it is. What was refused goes
  /// before what is newer, and holds it up until its time has come.
  [[nodiscard]] stored_ptr candidate(const stream& s, clock::time_point now) const {
    if (!s.again.empty()) {
      const auto& [m, at] = s.again.begin()->second;
      return at <= now ? m : nullptr;
    }
    if (s.queued.empty()) return nullptr;
    const auto& m = s.queued.front();
    const auto& used = used_[s.cls];
    const bool has_credit = used.messages + 1 <= credit_[s.cls].messages &&
                            used.bytes + m->payload.size() <= credit_[s.cls].bytes;
    return has_credit || !fits_alone(*m) ? m : nullptr;
  }

  /// `head` and what can go with it in one frame; all are in flight then.
  std::vector<stored_ptr> take_run(stream& s, const stored_ptr& head, clock::time_point now) {
    std::vector<stored_ptr> run{head};
    std::size_t size = header_weight(*head) + weight(*head);
    note_sent(s, head);
    for (;;) {
      const auto m = candidate(s, now);
      if (!m || m->topic != head->topic || m->content_type != head->content_type ||
          m->sequence <= run.back()->sequence || !fits_alone(*m) ||
          size + weight(*m) > maximum_frame_) {
        return run;
      }
      size += weight(*m);
      note_sent(s, m);
      run.push_back(m);
    }
  }

  void note_sent(stream& s, const stored_ptr& m) {
    s.sent[m->sequence] = m;
    if (s.again.erase(m->sequence) != 0) return;
    s.queued.pop_front();
    ++used_[s.cls].messages;
    used_[s.cls].bytes += m->payload.size();
  }

  static std::string encode(const std::vector<stored_ptr>& run) {
    const auto& m = *run.front();
    const bool single = run.size() == 1;
    frame_writer w(single ? publish_frame : batch);
    w.number(m.cls).text(m.stream);
    if (single) {
      w.number(m.sequence).binary(m.payload).optional_text(m.topic).optional_text(m.content_type);
      return w.optional_number(m.device_time_ns).optional_text(m.traceparent).finish();
    }
    if (run.back()->sequence - m.sequence == run.size() - 1) {
      w.number(m.sequence);
    } else {
      w.array(run.size());
      for (const auto& one : run) w.put_number(one->sequence);
    }
    w.array(run.size());
    for (const auto& one : run) w.put_binary(one->payload);
    w.optional_text(m.topic).optional_text(m.content_type);
    put_times(w, run);
    put_traces(w, run);
    return w.finish();
  }
  static void put_times(frame_writer& w, const std::vector<stored_ptr>& run) {
    const auto has = [](const stored_ptr& m) { return m->device_time_ns != 0; };
    if (std::none_of(run.begin(), run.end(), has)) return void(w.absent());
    w.array(run.size());
    for (const auto& m : run) has(m) ? w.put_number(m->device_time_ns) : w.put_nil();
  }
  static void put_traces(frame_writer& w, const std::vector<stored_ptr>& run) {
    const auto has = [](const stored_ptr& m) { return !m->traceparent.empty(); };
    if (std::none_of(run.begin(), run.end(), has)) return void(w.absent());
    w.array(run.size());
    for (const auto& m : run) has(m) ? w.put_text(m->traceparent) : w.put_nil();
  }

  void settle(const std::string& name, std::uint64_t sequence) {
    const auto found = streams_.find(name);
    auto& s = found->second;
    stored_ptr m;
    if (const auto sent = s.sent.find(sequence); sent != s.sent.end()) {
      m = sent->second;
      s.sent.erase(sent);
    } else if (const auto again = s.again.find(sequence); again != s.again.end()) {
      m = again->second.first;
      s.again.erase(again);
    }
    if (m) {
      --used_[s.cls].messages;
      used_[s.cls].bytes -= m->payload.size();
    } else {
      const auto queued = std::find_if(s.queued.begin(), s.queued.end(),
                                       [&](const auto& q) { return q->sequence == sequence; });
      m = *queued;
      s.queued.erase(queued);
    }
    --messages_;
    bytes_ -= m->payload.size();
    if (s.queued.empty() && s.sent.empty() && s.again.empty()) streams_.erase(found);
  }

  std::map<std::string, stream> streams_;
  std::array<credit, class_count> credit_{}, used_{};
  std::size_t messages_ = 0, bytes_ = 0, maximum_frame_ = 0;
};

}  // namespace fleetgate::sdk::detail
