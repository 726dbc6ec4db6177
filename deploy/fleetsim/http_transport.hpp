// HTTP ingest (docs/reference/http.md): one request at a time on a connection that is kept alive,
// with one message or a batch of up to a thousand as JSON. A connection begins with a question
// whether the server lives, so that there is an answer to wait for. Bounded: one request's body,
// at most 1 MiB where one message does not need more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/fleetsim/http_response.hpp"
#include "deploy/fleetsim/transport.hpp"

namespace fleetgate::fleetsim {

/// Of one request.
inline constexpr std::uint16_t largest_http_batch = 1000;

struct http_settings {
  std::string host;         // as the Host field names it
  std::uint16_t batch = 1;  // messages in a request, at most
  std::size_t payload_bytes = 256;
};

class http_transport final : public transport {
 public:
  /// `connection` outlives it.
  http_transport(const connection_settings& connection, http_settings settings);

  void connect(const introduction& who, std::string& out) override;
  void send(const message& m, std::string& out) override;
  void complete(std::string& out) override;
  void finish(std::uint16_t, std::string&) override {}  // a response is the end
  void ping(std::string& out) override;
  void goodbye(std::string&) override {}  // whoever has no more to ask closes
  [[nodiscard]] bool accepts() const noexcept override;
  result<std::size_t> take(byte_view received, std::vector<event>& events,
                           std::string& out) override;

 private:
  /// What the next response answers.
  enum class question : std::uint8_t { none, greeting, ping, messages };

  void ask_for_life(question why, std::string& out);
  void append_topic(std::string_view topic);
  result<void> understand(const http_response& r, std::vector<event>& events);
  [[nodiscard]] event meaning_of_greeting(const http_response& r) const;
  result<void> understand_answers(const http_response& r, std::vector<event>& events) const;

  const connection_settings& connection_;
  http_settings settings_;
  std::string device_;
  std::string path_;
  std::string body_;                // gathered for the next request
  std::vector<std::uint16_t> ids_;  // of the messages in it, or in the one that is not answered
  question asked_ = question::none;
  bool closes_ = false;  // the server answers no more on this connection
};

}  // namespace fleetgate::fleetsim
