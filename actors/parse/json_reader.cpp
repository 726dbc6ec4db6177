#include "actors/parse/json_reader.hpp"

#include <simdjson.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "actors/parse/json_text.hpp"
#include "actors/runtime/arena.hpp"

namespace fleetgate::parse {
namespace {

using structural_pass = simdjson::internal::dom_parser_implementation;
using text_buffer = std::array<char, wanted_members::max_text>;
static_assert(runtime::arena::padding >= simdjson::SIMDJSON_PADDING);

found_value of_kind(value_kind kind) noexcept {
  found_value v;
  v.kind = kind;
  return v;
}

found_value number_value(std::string_view token) noexcept {
  found_value v;
  const char* const end = token.data() + token.size();
  const auto whole = std::from_chars(token.data(), end, v.integer);
  if (whole.ec == std::errc{} && whole.ptr == end) {
    v.kind = value_kind::integer;
    return v;
  }
  const bool fits = std::from_chars(token.data(), end, v.decimal).ec == std::errc{};
  v.kind = fits ? value_kind::decimal : value_kind::other;
  return v;
}

found_value scalar_value(std::string_view token) noexcept {
  switch (token.front()) {
    case 'n':
      return of_kind(value_kind::null);
    case 't':
    case 'f':
      return of_kind(value_kind::other);
    default:
      return number_value(token);
  }
}

found_value text_value(std::string_view body, text_buffer& buffer) noexcept {
  const auto text = unescape(body, buffer);
  if (!text || text->size() > wanted_members::max_text) return of_kind(value_kind::other);
  found_value v = of_kind(value_kind::text);
  v.text = *text;
  return v;
}

/// The grammar of RFC 8259 over the tokens that the structural pass has found: brackets, colons,
/// commas, and the first byte of every string and scalar. That pass has checked UTF-8, that strings
/// are closed, and that they hold no control characters. simdjson's own second passes do not serve:
/// its tree costs the same and refuses numbers beyond 64 bits, and walking all of a document on
/// demand costs twice as much.
class walk {
 public:
  walk(std::string_view text, const structural_pass& tokens, wanted_members& wanted,
       std::array<text_buffer, member_count>& buffers) noexcept
      : text_(text),
        starts_(tokens.structural_indexes.get()),
        count_(tokens.n_structural_indexes),
        wanted_(wanted),
        buffers_(buffers),
        has_escapes_(std::memchr(text.data(), '\\', text.size()) != nullptr),
        meaning_{0, wanted.all()} {}

  bool document() noexcept {
    for (at_ = 0; at_ < count_; ++at_) {
      if (!token(text_[starts_[at_]])) return false;
    }
    return next_ == expected::nothing;
  }

 private:
  enum class expected : std::uint8_t {
    value,
    value_or_end,
    name,
    name_or_end,
    comma_or_end,
    nothing,  // the document is complete
  };
  struct frame {
    bool is_object = false;
    wanted_members::mask open = 0;
    std::uint8_t path_depth = 0;  // objects between the document and this one
  };

  bool token(char c) noexcept {
    switch (next_) {
      case expected::name_or_end:
        if (c == '}') return close();
        [[fallthrough]];
      case expected::name:
        return c == '"' && name();
      case expected::value_or_end:
        if (c == ']') return close();
        [[fallthrough]];
      case expected::value:
        return value(c);
      case expected::comma_or_end:
        return comma_or_end(c);
      case expected::nothing:
        return false;
    }
    return false;
  }

  bool comma_or_end(char c) noexcept {
    const bool in_object = frames_[depth_].is_object;
    if (c == ',') {
      next_ = in_object ? expected::name : expected::value;
      return true;
    }
    return c == (in_object ? '}' : ']') && close();
  }

  bool value(char c) noexcept {
    if (c == '{' || c == '[') return open(c == '{');
    const bool good = c == '"' ? string() : scalar();
    end_value();
    return good;
  }

  bool open(bool is_object) noexcept {
    if (depth_ == max_payload_depth) return false;
    if (meaning_.hits != 0) wanted_.set(meaning_.hits, of_kind(value_kind::other));
    const auto path_depth =
        static_cast<std::uint8_t>(depth_ == 0 ? 0 : frames_[depth_].path_depth + 1);
    frames_[++depth_] = {is_object, is_object ? meaning_.deeper : wanted_members::mask{0},
                         path_depth};
    meaning_ = {};
    next_ = is_object ? expected::name_or_end : expected::value_or_end;
    return true;
  }

  bool close() noexcept {
    --depth_;
    end_value();
    return true;
  }

  void end_value() noexcept {
    meaning_ = {};
    next_ = depth_ == 0 ? expected::nothing : expected::comma_or_end;
  }

  /// A name and the colon behind it.
  bool name() noexcept {
    const frame& here = frames_[depth_];
    if (here.open != 0 || has_escapes_) {
      std::string_view body = string_body();
      text_buffer buffer;
      if (has_escapes_) {
        if (!is_json_string_body(body)) return false;
        // A name that does not fit the buffer is longer than any that is wanted.
        body = unescape(body, buffer).value_or(std::string_view());
      }
      meaning_ = wanted_.enter(here.open, here.path_depth, body);
    }
    next_ = expected::value;
    return ++at_ != count_ && text_[starts_[at_]] == ':';
  }

  bool string() noexcept {
    if (meaning_.hits == 0 && !has_escapes_) return true;
    const std::string_view body = string_body();
    if (has_escapes_ && !is_json_string_body(body)) return false;
    // Each member has its own buffer, as text may have to be unescaped into it.
    for (std::size_t i = 0; i < member_count; ++i) {
      const auto bit = static_cast<wanted_members::mask>(meaning_.hits & 1u << i);
      if (bit != 0) wanted_.set(bit, text_value(body, buffers_[i]));
    }
    return true;
  }

  bool scalar() noexcept {
    const std::string_view token = this_token();
    if (!is_json_scalar(token)) return false;
    if (meaning_.hits != 0) wanted_.set(meaning_.hits, scalar_value(token));
    return true;
  }

  /// From this token's first byte to the next token, without white space at the end.
  [[nodiscard]] std::string_view this_token() const noexcept {
    const std::size_t from = starts_[at_];
    const std::size_t to = at_ + 1 < count_ ? starts_[at_ + 1] : text_.size();
    return trim_end(text_.substr(from, to - from));
  }

  /// A string ends with its closing quote, as whatever stands behind it is a token of its own.
  [[nodiscard]] std::string_view string_body() const noexcept {
    const std::string_view token = this_token();
    return token.substr(1, token.size() - 2);
  }

  std::string_view text_;
  const std::uint32_t* starts_;
  std::size_t count_;
  wanted_members& wanted_;
  std::array<text_buffer, member_count>& buffers_;
  bool has_escapes_;
  expected next_ = expected::value;
  wanted_members::step meaning_;  // what the value that comes next means
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::array<frame, max_payload_depth + 1> frames_;  // frames_[0] is around the document
};

std::unique_ptr<structural_pass> make_pass(std::size_t capacity) {
  constexpr std::size_t unused_depth = 1;  // of simdjson's own second pass
  std::unique_ptr<structural_pass> made;
  if (simdjson::get_active_implementation()->create_dom_parser_implementation(
          capacity, unused_depth, made) != simdjson::SUCCESS) {
    throw std::bad_alloc();
  }
  return made;
}

}  // namespace

struct json_reader::state {
  std::unique_ptr<structural_pass> pass;
  std::size_t capacity = 0;
  std::array<text_buffer, member_count> buffers;

  bool read(structural_pass& with, std::string_view text, wanted_members& wanted) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    return with.stage1(bytes, text.size(), simdjson::stage1_mode::regular) == simdjson::SUCCESS &&
           walk(text, with, wanted, buffers).document();
  }
};

json_reader::json_reader() : state_(std::make_unique<state>()) {}
json_reader::json_reader(json_reader&&) noexcept = default;
json_reader& json_reader::operator=(json_reader&&) noexcept = default;
json_reader::~json_reader() = default;

bool json_reader::read(byte_view payload, wanted_members& wanted) {
  const std::string_view text = as_text(payload);
  if (text.empty()) return false;
  if (text.size() > keep_bytes) return state_->read(*make_pass(text.size()), text, wanted);
  if (text.size() > state_->capacity) {
    state_->capacity = std::bit_ceil(std::max<std::size_t>(text.size(), 4096));
    state_->pass = make_pass(state_->capacity);
  }
  return state_->read(*state_->pass, text, wanted);
}

}  // namespace fleetgate::parse
