// Asks a node's admin API one question and waits for the answer. Blocking, with a time limit; for
// the command line only. Limit: 64 MiB of answer.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace fleetgate::node {

struct http_answer {
  std::uint16_t status = 0;
  std::string body;
};

/// Why there is no answer.
struct no_answer {
  bool bad_address = false;  // not "http://HOST:PORT"; nothing was tried
  std::string why;
};

/// `base` is "http://HOST:PORT", `target` begins with a slash.
tl::expected<http_answer, no_answer> ask_http(
    std::string_view base, std::string_view method, std::string_view target, std::string body,
    std::chrono::milliseconds patience = std::chrono::seconds(20));

/// "HOST" of such a base; "" where it is none.
std::string host_of(std::string_view base);

/// RFC 3986 section 2.1: everything but letters, digits and -._~ as %41.
std::string percent_encoded(std::string_view text);

}  // namespace fleetgate::node
