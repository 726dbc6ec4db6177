#include "actors/parse/msgpack_reader.hpp"

#define MSGPACK_NO_BOOST
#include <array>
#include <msgpack/null_visitor.hpp>
#include <msgpack/unpack.hpp>

#include "actors/parse/json_reader.hpp"

namespace fleetgate::parse {
namespace {

/// Nanoseconds of a timestamp (MessagePack specification, Timestamp extension type): 32 bits of
/// seconds, 30 of nanoseconds and 34 of seconds, or 32 of nanoseconds and 64 of seconds.
std::optional<std::int64_t> timestamp_ns(byte_view data) noexcept {
  byte_reader in(data);
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  if (data.size() == 4) {
    seconds = static_cast<std::int64_t>(*in.u32());
  } else if (data.size() == 8) {
    const std::uint64_t both = *in.u64();
    nanos = static_cast<std::int64_t>(both >> 34);
    seconds = static_cast<std::int64_t>(both & 0x3FFFFFFFF);
  } else if (data.size() == 12) {
    nanos = static_cast<std::int64_t>(*in.u32());
    seconds = static_cast<std::int64_t>(*in.u64());
  } else {
    return std::nullopt;
  }
  constexpr std::int64_t most_seconds = 9'223'372'035;  // whose nanoseconds fit 63 bits
  if (nanos > 999'999'999 || seconds < 0 || seconds > most_seconds) return std::nullopt;
  return seconds * 1'000'000'000 + nanos;
}

/// Follows the wanted paths through maps. A map's key may itself be a container; nothing in it is
/// looked at.
class member_visitor : public msgpack::null_visitor {
 public:
  explicit member_visitor(wanted_members& wanted) : wanted_(wanted), next_{0, wanted.all()} {}

  bool visit_nil() { return found(value_kind::null); }
  bool visit_boolean(bool) { return found(value_kind::other); }
  bool visit_positive_integer(std::uint64_t n) {
    found_value v;
    v.kind = value_kind::integer;
    v.integer = n;
    return found(v);
  }
  bool visit_negative_integer(std::int64_t n) {
    return n < 0 ? decimal(static_cast<double>(n))
                 : visit_positive_integer(static_cast<std::uint64_t>(n));
  }
  bool visit_float32(float f) { return decimal(static_cast<double>(f)); }
  bool visit_float64(double f) { return decimal(f); }
  bool visit_str(const char* text, std::uint32_t size) {
    if (here().in_key) {
      next_ = wanted_.enter(here().open, here().path_depth, {text, size});
      return true;
    }
    found_value v;
    v.kind = size <= wanted_members::max_text ? value_kind::text : value_kind::other;
    v.text = {text, size};
    return found(v);
  }
  bool visit_bin(const char*, std::uint32_t) { return found(value_kind::other); }
  bool visit_ext(const char* data, std::uint32_t size) {  // its type, then its bytes
    constexpr char timestamp_type = -1;
    const auto ns = size != 0 && *data == timestamp_type
                        ? timestamp_ns(as_bytes({data + 1, size - 1}))
                        : std::nullopt;
    found_value v;
    v.kind = ns ? value_kind::time : value_kind::other;
    v.time_ns = ns.value_or(0);
    return found(v);
  }

  bool start_array(std::uint32_t) { return open_container(0); }
  bool end_array() { return close_container(); }
  bool start_map(std::uint32_t) { return open_container(next_.deeper); }
  bool start_map_key() {
    here().in_key = true;
    next_ = {};
    return true;
  }
  bool end_map_key() {
    here().in_key = false;
    return true;
  }
  bool end_map() { return close_container(); }

 private:
  struct frame {
    wanted_members::mask open = 0;
    std::uint8_t path_depth = 0;
    bool in_key = false;
  };

  frame& here() noexcept { return frames_[depth_]; }

  bool open_container(wanted_members::mask open) {
    found(value_kind::other);
    if (depth_ == max_payload_depth) return false;
    const auto path_depth = static_cast<std::uint8_t>(depth_ == 0 ? 0 : here().path_depth + 1);
    frames_[++depth_] = {open, path_depth, false};
    next_ = {};
    return true;
  }
  bool close_container() {
    --depth_;
    next_ = {};
    return true;
  }

  bool decimal(double d) {
    found_value v;
    v.kind = value_kind::decimal;
    v.decimal = d;
    return found(v);
  }
  bool found(value_kind kind) {
    found_value v;
    v.kind = kind;
    return found(v);
  }
  bool found(const found_value& v) {
    if (next_.hits != 0 && !here().in_key) wanted_.set(next_.hits, v);
    return true;
  }

  wanted_members& wanted_;
  wanted_members::step next_;                          // what the value that comes now means
  std::array<frame, max_payload_depth + 1> frames_{};  // frames_[0] is around the document
  std::size_t depth_ = 0;
};

}  // namespace

bool read_msgpack(byte_view payload, wanted_members& wanted) {
  if (payload.empty()) return false;
  const std::string_view text = as_text(payload);
  member_visitor visitor(wanted);
  std::size_t end = 0;
  return msgpack::parse(text.data(), text.size(), end, visitor) && end == text.size();
}

}  // namespace fleetgate::parse
