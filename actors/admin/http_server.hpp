// An HTTP server, of the admin API or of a listener: one thread with its own loop, HTTP/1.1 with
// keep-alive and pipelining. The node owns it; handlers run on its thread, but those that may wait
// on a second one, one after the other. Limits in http_options; where all connections are taken,
// new ones wait in the listening socket's backlog.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/admin/router.hpp"
#include "actors/observe/probes.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::admin {

struct http_options {
  std::string name = "[admin]";       // for people
  std::string address = "127.0.0.1";  // IPv4 or IPv6 literal
  std::uint16_t port = 0;             // 0: the system chooses
  std::size_t max_connections = 64;
  std::uint32_t header_bytes = 8 * 1024;
  std::uint64_t body_bytes = 1024 * 1024;
  /// Takes memory for a body above free_body_bytes; what it returns is held until the answer is
  /// written. Null: there is none, and the request is refused. Not given: nothing is taken.
  std::function<std::shared_ptr<void>(std::uint64_t)> claim_memory;
  static constexpr std::uint64_t free_body_bytes = 16 * 1024;
  /// Counts connections and bytes, on the server's thread; outlives the server. Null: nobody
  /// counts.
  observe::ingress_probe* probe = nullptr;
  /// For one whole request to arrive (also the first or next on an idle connection), and for its
  /// response to leave; and for what a client still sends after its last response.
  std::chrono::milliseconds timeout{10'000};
};

class http_server {
 public:
  /// Binds and starts to serve. Fault: resource_unavailable (names the address and the next step).
  static result<std::unique_ptr<http_server>> start(http_options options, router routes);

  /// Closes all connections and joins the thread.
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// The port in use.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// "127.0.0.1:9600".
  [[nodiscard]] const std::string& endpoint() const noexcept;

 private:
  class impl;
  explicit http_server(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

}  // namespace fleetgate::admin
