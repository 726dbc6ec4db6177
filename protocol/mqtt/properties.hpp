// MQTT 5 properties (section 2.2.2): a checked view of the bytes in a packet, and a builder.
// Pure. A view lives as long as the packet's bytes; at most maximum_property_count are accepted,
// so that no reader of one walks further than that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/bytes.hpp"

namespace fleetgate::mqtt {

/// Section 2.2.2.2, Table 2-4.
enum class property_id : std::uint8_t {
  payload_format_indicator = 0x01,
  message_expiry_interval = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry_interval = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay_interval = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2A,
};

inline constexpr std::size_t maximum_property_count = 64;

/// One property. `number` where it is an integer, else `text` (UTF-8 or binary); a user property
/// has its name in `text` and its value in `value`.
struct property {
  property_id id = property_id::user_property;
  std::uint32_t number = 0;
  std::string_view text;
  std::string_view value;
};

/// The properties of one packet, in their order. Made by the decoder, or by property_list.
class properties {
 public:
  class iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = property;
    using difference_type = std::ptrdiff_t;
    using pointer = const property*;
    using reference = const property&;

    iterator() = default;
    explicit iterator(byte_view rest) noexcept : next_(rest) { ++*this; }
    reference operator*() const noexcept { return current_; }
    pointer operator->() const noexcept { return &current_; }
    iterator& operator++() noexcept;
    iterator operator++(int) noexcept;
    bool operator==(const iterator& o) const noexcept {
      return at_end_ == o.at_end_ && next_.size() == o.next_.size();
    }

   private:
    property current_;
    byte_view next_;
    bool at_end_ = true;
  };

  /// The user properties alone (name in `text`, value in `value`).
  class user_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = property;
    using difference_type = std::ptrdiff_t;
    using pointer = const property*;
    using reference = const property&;

    user_iterator() = default;
    explicit user_iterator(iterator at) noexcept : at_(at) { skip_others(); }
    reference operator*() const noexcept { return *at_; }
    pointer operator->() const noexcept { return &*at_; }
    user_iterator& operator++() noexcept;
    user_iterator operator++(int) noexcept;
    bool operator==(const user_iterator&) const noexcept = default;

   private:
    void skip_others() noexcept;
    iterator at_;
  };

  struct user_range {
    user_iterator first;
    [[nodiscard]] user_iterator begin() const noexcept { return first; }
    [[nodiscard]] static user_iterator end() noexcept { return {}; }
  };

  properties() = default;

  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] bool has(property_id id) const noexcept { return (present_ >> index(id) & 1) != 0; }
  /// As on the wire, without the length in front.
  [[nodiscard]] byte_view bytes() const noexcept { return bytes_; }
  [[nodiscard]] iterator begin() const noexcept { return iterator(bytes_); }
  [[nodiscard]] static iterator end() noexcept { return {}; }

  /// The value of an integer property; nothing where it is absent.
  [[nodiscard]] std::optional<std::uint32_t> number(property_id id) const noexcept;
  /// The value of a text or binary property; nothing where it is absent.
  [[nodiscard]] std::optional<std::string_view> text(property_id id) const noexcept;

  // What an application message carries, section 3.3.2.3.
  /// True where the sender says that the payload is UTF-8; it is not checked here.
  [[nodiscard]] bool payload_is_utf8() const noexcept;
  [[nodiscard]] std::optional<std::uint32_t> message_expiry_s() const noexcept;
  /// Empty where it is absent.
  [[nodiscard]] std::string_view content_type() const noexcept;
  [[nodiscard]] std::optional<std::string_view> response_topic() const noexcept;
  [[nodiscard]] std::optional<byte_view> correlation_data() const noexcept;
  [[nodiscard]] user_range user_properties() const noexcept;

 private:
  friend class packet_reader;
  friend class property_list;

  properties(byte_view bytes, std::uint64_t present) noexcept : bytes_(bytes), present_(present) {}
  static constexpr unsigned index(property_id id) noexcept { return static_cast<unsigned>(id); }

  byte_view bytes_;
  std::uint64_t present_ = 0;  // one bit per identifier: all are below 64
};

/// Builds properties for a packet to send. The view is valid until the list changes.
class property_list {
 public:
  /// `value` must fit the type that the specification gives `id`.
  property_list& add(property_id id, std::uint32_t value);
  /// At most 65,535 bytes, as all text in MQTT.
  property_list& add(property_id id, std::string_view value);
  property_list& add_user(std::string_view name, std::string_view value);
  [[nodiscard]] properties view() const noexcept { return {as_bytes(bytes_), present_}; }

 private:
  void begin(property_id id);

  std::string bytes_;
  std::uint64_t present_ = 0;
};

}  // namespace fleetgate::mqtt
