// The client's side of Beast.
#include "actors/node/admin_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace fleetgate::node {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint64_t most_answer_bytes = 64 * 1024 * 1024;

struct address {
  std::string host;
  std::string port;
  std::string both;
};

tl::expected<address, no_answer> parse_base(std::string_view base) {
  constexpr std::string_view scheme = "http://";
  const no_answer wrong{true, "\"" + std::string(base) + "\" is not like http://127.0.0.1:9600"};
  if (!base.starts_with(scheme)) return tl::unexpected(wrong);
  base.remove_prefix(scheme.size());
  if (base.ends_with('/')) base.remove_suffix(1);
  const std::size_t colon = base.rfind(':');
  const bool has_port = colon != base.npos && base.find(']', colon) == base.npos;
  std::string_view host = base.substr(0, has_port ? colon : base.size());
  const std::string_view port = has_port ? base.substr(colon + 1) : "80";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || port.empty() || host.find_first_of("/?#@ ") != host.npos ||
      port.find_first_not_of("0123456789") != port.npos) {
    return tl::unexpected(wrong);
  }
  return address{std::string(host), std::string(port), std::string(base)};
}

/// One exchange on a connection of its own; the stream's time limit needs its asynchronous calls.
class exchange {
 public:
  explicit exchange(std::chrono::milliseconds patience) : stream_(io_) {
    stream_.expires_after(patience);
  }

  error_code connect(const address& to) {
    error_code error;
    const auto found = asio::ip::tcp::resolver(io_).resolve(to.host, to.port, error);
    if (error) return error;
    return wait([&](auto done) {
      stream_.async_connect(found, [done](error_code e, const auto&) { done(e); });
    });
  }

  error_code send(const http::request<http::string_body>& m) {
    return wait([&](auto done) {
      http::async_write(stream_, m, [done](error_code e, std::size_t) { done(e); });
    });
  }

  error_code receive(http::response_parser<http::string_body>& parser) {
    return wait([&](auto done) {
      http::async_read(stream_, buffer_, parser, [done](error_code e, std::size_t) { done(e); });
    });
  }

 private:
  template <class Start>
  error_code wait(Start&& start) {
    error_code result;
    start([&result](error_code e) { result = e; });
    io_.restart();
    io_.run();
    return result;
  }

  asio::io_context io_{1};
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
};

}  // namespace

tl::expected<http_answer, no_answer> ask_http(std::string_view base, std::string_view method,
                                              std::string_view target, std::string body,
                                              std::chrono::milliseconds patience) {
  const auto to = parse_base(base);
  if (!to) return tl::unexpected(to.error());
  exchange with(patience);
  http::request<http::string_body> m;
  m.method_string({method.data(), method.size()});
  m.target({target.data(), target.size()});
  m.set(http::field::host, to->both);
  m.set(http::field::accept, "application/json");
  m.keep_alive(false);
  if (!body.empty()) m.set(http::field::content_type, "application/json");
  m.body() = std::move(body);
  m.prepare_payload();
  http::response_parser<http::string_body> parser;
  parser.body_limit(most_answer_bytes);
  error_code error = with.connect(*to);
  if (!error) error = with.send(m);
  if (!error) error = with.receive(parser);
  if (error) return tl::unexpected(no_answer{false, error.message()});
  return http_answer{static_cast<std::uint16_t>(parser.get().result_int()),
                     std::move(parser.get().body())};
}

std::string host_of(std::string_view base) {
  const auto to = parse_base(base);
  return to ? to->host : std::string();
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

}  // namespace fleetgate::node
