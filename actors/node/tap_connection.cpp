#include "actors/node/tap_connection.hpp"

#include <poll.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

namespace fleetgate::node {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t read_bytes = 64 * 1024;

/// Until the socket can be read or `until` has passed; at most some seconds, so that the caller
/// looks at its own clocks.
bool wait_readable(int fd, clock::time_point until) {
  const auto left = std::chrono::ceil<milliseconds>(until - clock::now());
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, static_cast<int>(std::clamp<long>(left.count(), 0, 5000))) > 0;
}

}  // namespace

std::optional<tap_ending> tap(const tap_target& to, tap_session& session,
                              std::optional<clock::time_point> until,
                              const tap_session::on_message& show,
                              const std::function<bool()>& wants_more,
                              const std::function<void()>& after_each) {
  const auto ended = [&](std::string why) { return tap_ending{session.subscribed(), why}; };
  asio::io_context io{1};
  asio::ip::tcp::socket socket(io);
  error_code error;
  const auto found = asio::ip::tcp::resolver(io).resolve(to.host, to.port, error);
  if (!error) asio::connect(socket, found, error);
  if (error) return ended(error.message());
  std::string out, received;
  std::string chunk(read_bytes, '\0');
  session.begin(out);
  auto ping_at = clock::now() + milliseconds(session.keep_alive()) / 2;
  const auto is_over = [&] { return !wants_more() || (until && clock::now() >= *until); };
  while (!is_over()) {
    if (clock::now() >= ping_at) tap_session::ping(out);
    if (!out.empty()) {
      asio::write(socket, asio::buffer(out), error);
      if (error) return ended(error.message());
      out.clear();
      ping_at = clock::now() + milliseconds(session.keep_alive()) / 2;
    }
    const auto wake = until ? std::min(*until, ping_at) : ping_at;
    if (!wait_readable(socket.native_handle(), wake)) continue;
    const std::size_t n = socket.read_some(asio::buffer(chunk), error);
    if (error) return ended("the connection is gone: " + error.message());
    received.append(chunk, 0, n);
    if (auto why = session.take(received, out, show, wants_more)) return ended(*why);
    after_each();
  }
  out.clear();
  tap_session::goodbye(out);
  asio::write(socket, asio::buffer(out), error);  // it goes all the same
  return std::nullopt;
}

}  // namespace fleetgate::node
