// The messages of one connection that are not settled, stream by stream, and what is to be told of
// those that are (docs/wire/native.md, ack). Owned by the session. A message in flight is known by
// its ticket, of 16 bits as an MQTT packet identifier, so that its receipt finds back.
// Limits: the credits in messages, maximum_tickets together, maximum_streams; what is kept of the
// settled messages between those that wait is one entry for each run of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/native/encode.hpp"
#include "protocol/native/packets.hpp"

namespace fleetgate::native {

/// Why a message may not be sent now.
enum class admission : std::uint8_t {
  admitted,
  over_message_credit,
  over_byte_credit,
  not_rising,  // below or at one that the stream has carried, and not to be sent again
};

class in_flight {
 public:
  static constexpr std::size_t maximum_tickets = 0xFFFF;
  // Of one ack, so that it fits the smallest frame limit that a device may ask for.
  static constexpr std::uint32_t maximum_ranges = 64;
  static constexpr std::uint32_t maximum_nacks = 32;

  using stream_number = std::uint32_t;

  in_flight(const credit_by_class& credits, std::size_t maximum_streams) noexcept
      : credits_(&credits), maximum_streams_(maximum_streams) {}

  /// The stream of `h`, whose device and boot are filled in; nothing where there are too many.
  /// `answer_device` and `answer_boot` are what its acks say of them: nothing for the hello's own.
  std::optional<stream_number> open(const message_header& h, std::string_view answer_device,
                                    std::optional<std::uint64_t> answer_boot);
  [[nodiscard]] model::traffic_class class_of(stream_number s) const noexcept {
    return streams_[s].cls;
  }

  /// One message that was admitted, and what to undo it with.
  struct entry_ticket {
    admission what = admission::admitted;
    std::uint16_t ticket = 0;  // never 0 where admitted
    std::optional<std::uint64_t> highest_before;
    std::optional<std::uint32_t> bytes_before;  // of one that is sent again
  };
  entry_ticket admit(stream_number s, std::uint64_t sequence, std::size_t bytes);
  /// The last message that was admitted was not taken after all.
  void withdraw(const entry_ticket& t) noexcept;

  /// Nothing: settled. `retry_after_ms` where it is to be sent again. Unknown tickets are ignored.
  /// True where the stream has as many nacks as one ack carries: flush.
  bool settle(std::uint16_t ticket, std::optional<fault_code> why,
              std::optional<std::uint32_t> retry_after_ms);

  [[nodiscard]] bool has_news() const noexcept { return !news_.empty(); }
  /// Appends the acks of everything that was settled since the last time.
  void flush(std::string& out);

  /// Gives back the memory of a window that is empty.
  void shrink() noexcept;

  /// Messages that have a ticket.
  [[nodiscard]] std::size_t size() const noexcept { return tickets_.size() - free_.size(); }
  /// Sent, and neither settled nor finally refused: what counts against the credit.
  [[nodiscard]] credit used(model::traffic_class cls) const noexcept {
    return used_[model::index(cls)];
  }
  [[nodiscard]] std::size_t heap_bytes() const noexcept;

 private:
  enum class state : std::uint8_t { waiting, again, settled, told };

  /// One message, or a run of settled ones.
  struct entry {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint32_t bytes = 0;
    state at = state::waiting;
    [[nodiscard]] bool is_settled() const noexcept {
      return at == state::settled || at == state::told;
    }
  };
  struct stream {
    std::string key;
    std::string name, device;  // as acks say them
    std::optional<std::uint64_t> boot;
    model::traffic_class cls = model::traffic_class::telemetry;
    bool has_news = false;
    bool scattered = false;  // something was settled behind something that waits
    std::optional<std::uint64_t> highest, up_to;
    std::vector<entry> window;  // by sequence; those before `head` are gone
    std::size_t head = 0;
    list_bytes nacks;
    [[nodiscard]] bool is_idle() const noexcept { return head == window.size() && !has_news; }
  };
  struct slot {
    std::uint64_t sequence = 0;
    stream_number of = 0;
    bool taken = false;
  };
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept {
      return std::hash<std::string_view>{}(s);
    }
  };

  std::optional<stream_number> place_for_stream();
  entry* find(stream& s, std::uint64_t sequence) noexcept;
  std::uint16_t take_ticket(stream_number of, std::uint64_t sequence);
  entry* release(std::uint16_t ticket, stream_number& of) noexcept;
  static void drop_settled_front(stream& s) noexcept;
  static void gather_runs(stream& s, list_bytes& ranges);
  void note_news(stream_number s);
  void write_acks(stream& s, std::string& out);

  const credit_by_class* credits_;
  std::size_t maximum_streams_;
  credit_by_class used_{};
  std::vector<stream> streams_;
  std::unordered_map<std::string, stream_number, text_hash, std::equal_to<>> by_key_;
  std::vector<slot> tickets_;  // [ticket - 1]
  std::vector<std::uint16_t> free_;
  std::vector<stream_number> news_;
  std::string key_;  // scratch
  list_bytes ranges_;
};

}  // namespace fleetgate::native
