// The server's side of Beast. One thread runs the loop, so nothing here is locked; a second one
// runs the handlers that may wait.
#include "actors/admin/http_server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <variant>

namespace fleetgate::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace beast_http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

/// What a client may still send after a final response before the connection is cut: many hear
/// of a body too large only once they have sent it.
constexpr std::size_t linger_bytes = 16 * 1024 * 1024;
constexpr std::size_t linger_read_bytes = 64 * 1024;
constexpr std::chrono::milliseconds accept_retry{100};

/// Nothing where the target is not one.
std::optional<request> to_request(beast_http::request<beast_http::string_body> from) {
  request r;
  const std::string_view target(from.target().data(), from.target().size());
  if (!split_target(target, r)) return std::nullopt;
  r.method = std::string(from.method_string());
  for (const auto& field : from) {
    r.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  r.body = std::move(from.body());
  return r;
}

response answer_to_target() {
  return error_response(
      fault(fault_code::request_malformed, "its target is neither a path nor a URL"),
      "send a path such as /readyz");
}

/// What the header alone shows to be no request for this server.
std::optional<response> answer_to_header(const beast_http::request<beast_http::string_body>& r) {
  const auto hosts = r.count(beast_http::field::host);
  if (hosts > 1 || (hosts == 0 && r.version() == 11)) {  // RFC 9112 section 3.2
    return error_response(
        fault(fault_code::request_malformed, "it has " + std::to_string(hosts) + " Host fields"),
        "send exactly one Host");
  }
  // Where its body ends nobody knows, and what is behind it is no request (RFC 9112 section 6.1).
  const auto codings = r.count(beast_http::field::transfer_encoding);
  const auto coding = r[beast_http::field::transfer_encoding];
  if (codings > 1 || (codings == 1 && (r.version() != 11 || !beast::iequals(coding, "chunked")))) {
    return error_response(
        501,
        fault(fault_code::request_malformed,
              "its body is in a transfer coding that is not known here: " + std::string(coding)),
        "send it with Content-Length, or chunked and nothing else");
  }
  return std::nullopt;
}

response answer_to_error(error_code error, const http_options& limits) {
  if (error == beast_http::error::header_limit) {
    return error_response(
        431,
        fault(fault_code::request_too_large,
              "of its header at most " + std::to_string(limits.header_bytes) + " bytes are read"),
        "send fewer or shorter header fields");
  }
  if (error == beast_http::error::body_limit) {
    return error_response(
        fault(fault_code::request_too_large,
              "of its body at most " + std::to_string(limits.body_bytes) + " bytes are read"),
        "send a smaller body");
  }
  return error_response(fault(fault_code::request_malformed, error.message()), "send HTTP/1.1");
}

/// The way to the loop for whoever may outlive it.
class loop_door {
 public:
  explicit loop_door(asio::io_context& loop) noexcept : loop_(&loop) {}
  template <class Call>
  void post(Call call) {
    std::lock_guard hold(lock_);
    if (loop_ != nullptr) asio::post(*loop_, std::move(call));
  }
  void shut() {
    std::lock_guard hold(lock_);
    loop_ = nullptr;
  }

 private:
  std::mutex lock_;
  asio::io_context* loop_;
};

/// One client: reads a request, writes its response, and so on; never two at once, which makes
/// pipelining safe. Kept alive by its pending operation, or while its answer comes later.
class session : public std::enable_shared_from_this<session> {
 public:
  using gone = std::function<void(session&)>;

  session(tcp::socket socket, const http_options& limits, const router& routes,
          asio::thread_pool& aside, std::shared_ptr<loop_door> to_loop, gone on_end)
      : stream_(std::move(socket)),
        limits_(limits),
        routes_(routes),
        aside_(aside),
        to_loop_(std::move(to_loop)),
        on_end_(std::move(on_end)),
        // One block more than the header limit, for what is pipelined behind it.
        buffer_(limits.header_bytes + 64 * 1024) {}
  ~session() { on_end_(*this); }

  void read() {
    parser_.emplace();
    parser_->header_limit(limits_.header_bytes);
    parser_->body_limit(limits_.body_bytes);
    stream_.expires_after(limits_.timeout);
    beast_http::async_read_header(stream_, buffer_, *parser_,
                                  [self = shared_from_this()](error_code error, std::size_t n) {
                                    self->on_header(error, n);
                                  });
  }

  void close() {
    const auto keep = std::move(until_answered_);
    stream_.close();
  }

 private:
  /// How the answer is to be sent, by what the request was.
  struct reply_form {
    unsigned version;
    bool keep_alive;
    bool head;
  };
  using with_body = beast_http::response<beast_http::string_body>;
  using without_body = beast_http::response<beast_http::empty_body>;

  /// What the body will take is known before it is read.
  void on_header(error_code error, std::size_t header_bytes) {
    limits_.probe->bytes_in.add(header_bytes);
    if (error) return on_read(error, 0);
    if (auto refused = answer_to_header(parser_->get())) {
      return write(std::move(*refused),
                   {11, false, parser_->get().method() == beast_http::verb::head});
    }
    const auto length = parser_->content_length();
    const std::uint64_t bytes = parser_->chunked() ? limits_.body_bytes : length.value_or(0);
    if (limits_.claim_memory && bytes > http_options::free_body_bytes) {
      memory_ = limits_.claim_memory(bytes);
      if (!memory_) {
        response r = error_response(fault(fault_code::memory_budget_full),
                                    "send it again when Retry-After says");
        r.headers.emplace_back("Retry-After", "5");
        return write(std::move(r), {11, false, parser_->get().method() == beast_http::verb::head});
      }
    }
    if (!parser_->is_done() && is_asking_for_leave(parser_->get())) return give_leave();
    read_body();
  }

  /// RFC 9110 section 10.1.1; HTTP/1.0 has no interim responses.
  static bool is_asking_for_leave(const beast_http::request<beast_http::string_body>& r) {
    return r.version() == 11 &&
           beast_http::token_list(r[beast_http::field::expect]).exists("100-continue");
  }

  void give_leave() {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(go_on),
                      [self = shared_from_this()](error_code error, std::size_t n) {
                        self->limits_.probe->bytes_out.add(n);
                        if (error) return self->close();
                        self->read_body();
                      });
  }

  void read_body() {
    beast_http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code e, std::size_t n) { self->on_read(e, n); });
  }

  void on_read(error_code error, std::size_t bytes) {
    limits_.probe->bytes_in.add(bytes);
    if (error == beast_http::error::end_of_stream || error == beast::error::timeout) return close();
    if (!error) {
      auto r = parser_->release();
      const reply_form form{r.version(), r.keep_alive(), r.method() == beast_http::verb::head};
      const auto asked = to_request(std::move(r));
      if (!asked) return write(answer_to_target(), form);
      switch (routes_.pace_of(*asked)) {
        case pace::quick:
          return write(routes_.route(*asked), form);
        case pace::may_wait:
          return answer_aside(*asked, form);
        case pace::later:
          return answer_later(*asked, form);
      }
    }
    // Beast's own category: the bytes were wrong. Others: the socket failed.
    if (error.category() != make_error_code(beast_http::error::bad_method).category())
      return close();
    const bool is_head = parser_->get().method() == beast_http::verb::head;
    write(answer_to_error(error, limits_), {11, false, is_head});
  }

  /// What may wait for actors waits on a thread of its own, one request after the other, so that
  /// health and metrics are answered meanwhile. The loop does not end before the answer is back.
  void answer_aside(request asked, reply_form form) {
    asio::post(aside_, [self = shared_from_this(), asked = std::move(asked), form,
                        loop = asio::make_work_guard(stream_.get_executor())]() mutable {
      auto made = std::make_shared<response>(self->routes_.route(asked));
      const auto on = loop.get_executor();
      asio::post(on, [self = std::move(self), made, form, loop = std::move(loop)] {
        self->write(std::move(*made), form);
      });
    });
  }

  /// The answer comes from wherever the handler has it, or never, where the node goes before.
  void answer_later(const request& asked, reply_form form) {
    until_answered_ = shared_from_this();
    stream_.expires_never();
    routes_.route_later(
        asked, [self = weak_from_this(), to_loop = to_loop_, form](std::function<response()> make) {
          to_loop->post([self, form, make = std::move(make)] {
            const auto here = self.lock();
            if (!here || !std::exchange(here->until_answered_, nullptr)) return;
            here->write(make(), form);
          });
        });
  }

  void write(response r, reply_form form) {
    // To HEAD the length is that of the body that GET would have.
    if (form.head) {
      auto& m = outgoing_.emplace<without_body>(beast_http::status(r.status), form.version);
      m.content_length(r.body.size());
      send(m, r, form.keep_alive);
    } else {
      auto& m = outgoing_.emplace<with_body>(beast_http::status(r.status), form.version);
      m.body() = std::move(r.body);
      m.prepare_payload();
      send(m, r, form.keep_alive);
    }
  }

  template <class Message>
  void send(Message& m, const response& r, bool keep_alive) {
    m.set(beast_http::field::content_type, r.content_type);
    m.set(beast_http::field::cache_control, "no-store");
    m.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : r.headers) m.set(name, value);
    m.keep_alive(keep_alive);
    stream_.expires_after(limits_.timeout);
    beast_http::async_write(
        stream_, m, [self = shared_from_this(), keep_alive](error_code error, std::size_t n) {
          self->memory_.reset();
          self->limits_.probe->bytes_out.add(n);
          if (error) return self->close();
          if (keep_alive) return self->read();
          self->linger();
        });
  }

  /// Closing with unread bytes would reset the connection, and the client could lose the response.
  void linger() {
    error_code error;
    stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    if (error) return close();
    stream_.expires_after(limits_.timeout);
    discard(linger_bytes);
  }

  void discard(std::size_t left) {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(std::min(left, linger_read_bytes)),
                            [self = shared_from_this(), left](error_code error, std::size_t n) {
                              self->limits_.probe->bytes_in.add(n);
                              if (error || n >= left) return self->close();
                              self->discard(left - n);
                            });
  }

  beast::tcp_stream stream_;
  const http_options& limits_;
  const router& routes_;
  asio::thread_pool& aside_;
  const std::shared_ptr<loop_door> to_loop_;
  std::shared_ptr<void> memory_;             // taken for the body
  std::shared_ptr<session> until_answered_;  // itself, while no operation keeps it
  gone on_end_;
  beast::flat_buffer buffer_;
  std::optional<beast_http::request_parser<beast_http::string_body>> parser_;
  std::variant<std::monostate, with_body, without_body> outgoing_;
};

std::string to_text(const tcp::endpoint& e) {
  const std::string host = e.address().to_string();
  return (e.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(e.port());
}

}  // namespace

class http_server::impl {
 public:
  impl(http_options options, router routes)
      : options_(std::move(options)), routes_(std::move(routes)) {
    if (options_.probe == nullptr) options_.probe = &nobodys_;
  }

  ~impl() {
    if (!thread_.joinable()) return;
    to_loop_->shut();
    asio::post(loop_, [this] { stop(); });
    thread_.join();
    aside_.join();
  }

  /// The fault's detail names what failed; nothing where it went well.
  std::optional<std::string> open() {
    error_code error;
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) return "\"" + options_.address + "\" is not an IP address; write it as in 127.0.0.1";
    const tcp::endpoint wanted(address, options_.port);
    if (error = bind(wanted); error) {
      return options_.name + " cannot listen on " + to_text(wanted) + ": " + error.message() +
             "; free the port or set another " + options_.name +
             " bind (port 0 lets the system choose)";
    }
    const tcp::endpoint bound = acceptor_.local_endpoint(error);
    port_ = bound.port();
    endpoint_ = to_text(bound);
    accept();
    thread_ = std::thread([this] { loop_.run(); });
    return std::nullopt;
  }

  std::uint16_t port() const noexcept { return port_; }
  const std::string& endpoint() const noexcept { return endpoint_; }

 private:
  error_code bind(const tcp::endpoint& wanted) {
    error_code error;
    acceptor_.open(wanted.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(wanted, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    return error;
  }

  void accept() {
    accepting_ = true;
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      accepting_ = false;
      if (stopping_) return;
      if (error) return retry_accept();
      start_session(std::move(socket));
      if (sessions_.size() < options_.max_connections) accept();
    });
  }

  /// Out of file descriptors, most likely: going on at once would spin.
  void retry_accept() {
    retry_.expires_after(accept_retry);
    retry_.async_wait([this](error_code error) {
      if (!error && !stopping_) accept();
    });
    accepting_ = true;
  }

  void start_session(tcp::socket socket) {
    auto s = std::make_shared<session>(std::move(socket), options_, routes_, aside_, to_loop_,
                                       [this](session& ended) { end_session(ended); });
    sessions_.insert(s.get());
    ++options_.probe->connections_accepted;
    ++options_.probe->connections_open;
    s->read();
  }

  void end_session(session& ended) {
    sessions_.erase(&ended);
    --options_.probe->connections_open;
    ++options_.probe->connections_closed_normally;  // HTTP has no other end
    if (!stopping_ && !accepting_) accept();
  }

  void stop() {
    stopping_ = true;
    awake_.reset();
    error_code ignored;  // nothing is left to be done about it
    acceptor_.close(ignored);
    retry_.cancel();
    const auto all = sessions_;  // who is closed may go at once
    for (session* s : all) s->close();
  }

  http_options options_;
  observe::ingress_probe nobodys_;
  const router routes_;
  std::uint16_t port_ = 0;
  std::string endpoint_;
  bool accepting_ = false;
  bool stopping_ = false;
  std::set<session*> sessions_;
  asio::io_context loop_{1};
  /// Where all clients wait for later answers, nothing else keeps the loop.
  asio::executor_work_guard<asio::io_context::executor_type> awake_{loop_.get_executor()};
  const std::shared_ptr<loop_door> to_loop_ = std::make_shared<loop_door>(loop_);
  tcp::acceptor acceptor_{loop_};
  asio::steady_timer retry_{loop_};
  asio::thread_pool aside_{1};
  std::thread thread_;
};

http_server::http_server(std::unique_ptr<impl> i) : impl_(std::move(i)) {}
http_server::~http_server() = default;

result<std::unique_ptr<http_server>> http_server::start(http_options options, router routes) {
  auto made = std::make_unique<impl>(std::move(options), std::move(routes));
  if (auto wrong = made->open()) {
    return failure(fault_code::resource_unavailable, std::move(*wrong));
  }
  return std::unique_ptr<http_server>(new http_server(std::move(made)));
}

std::uint16_t http_server::port() const noexcept {
  return impl_->port();
}
const std::string& http_server::endpoint() const noexcept {
  return impl_->endpoint();
}

}  // namespace fleetgate::admin
