// The members of a payload that a topic rule asks for (sequence, epoch, device time), and what a
// decoder found there. One per message, on the stack; views point into the payload or into the
// decoder's buffer. Limit: text of at most max_text bytes, longer text counts as `other`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/model/topic_rules.hpp"

namespace fleetgate::parse {

enum class value_kind : std::uint8_t {
  absent,
  null,
  integer,  // `integer` holds it
  decimal,  // negative, fractional or beyond 64 bits; `decimal` holds it as near as it can
  text,     // `text`, unescaped
  time,     // MessagePack timestamp; `time_ns` holds it
  other,    // anything else, and a member that stands there twice
};

struct found_value {
  value_kind kind = value_kind::absent;
  std::uint64_t integer = 0;
  double decimal = 0;
  std::int64_t time_ns = 0;
  std::string_view text;
};

enum class member : std::uint8_t { sequence, epoch, device_time };
inline constexpr std::size_t member_count = 3;

class wanted_members {
 public:
  static constexpr std::size_t max_text = 256;
  /// One bit for each member.
  using mask = std::uint8_t;

  /// What a member's name leads to: values that are wanted, and objects that hold wanted ones.
  struct step {
    mask hits = 0;
    mask deeper = 0;
  };

  /// Null where the member is not wanted.
  wanted_members(const model::member_path* sequence, const model::member_path* epoch,
                 const model::member_path* device_time) noexcept
      : paths_{sequence, epoch, device_time} {
    for (std::size_t i = 0; i < member_count; ++i) {
      if (paths_[i] != nullptr) first_names_[i] = paths_[i]->members().front();
    }
  }

  /// What to look for in the payload's outermost object.
  [[nodiscard]] mask all() const noexcept {
    mask m = 0;
    for (std::size_t i = 0; i < member_count; ++i) {
      if (paths_[i] != nullptr) m = static_cast<mask>(m | 1u << i);
    }
    return m;
  }

  /// `open`: whose paths lead to the object in which `name` stands, `depth` objects deep.
  [[nodiscard]] step enter(mask open, std::size_t depth, std::string_view name) const noexcept {
    step s;
    for (std::size_t i = 0; i < member_count; ++i) {
      if ((open >> i & 1) == 0) continue;
      const std::string_view wanted =
          depth == 0 ? first_names_[i] : std::string_view(paths_[i]->members()[depth]);
      if (wanted.size() != name.size() || wanted != name) continue;
      mask& m = depth + 1 == paths_[i]->members().size() ? s.hits : s.deeper;
      m = static_cast<mask>(m | 1u << i);
    }
    return s;
  }

  /// Of two members with one name neither can be believed.
  void set(mask hits, const found_value& value) noexcept {
    for (std::size_t i = 0; i < member_count; ++i) {
      if ((hits >> i & 1) == 0) continue;
      if (values_[i].kind == value_kind::absent)
        values_[i] = value;
      else
        values_[i].kind = value_kind::other;
    }
  }

  [[nodiscard]] const found_value& operator[](member m) const noexcept {
    return values_[static_cast<std::size_t>(m)];
  }

 private:
  std::array<const model::member_path*, member_count> paths_;
  std::array<std::string_view, member_count> first_names_{};  // most names are looked at here
  std::array<found_value, member_count> values_{};
};

}  // namespace fleetgate::parse
