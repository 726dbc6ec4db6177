#include "actors/ingress/bind_listener.hpp"

#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <string>

namespace fleetgate::ingress {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int accept_backlog = 4096;

std::string describe(const listener_settings& s) {
  return s.name + " (" + s.address + ":" + std::to_string(s.port) + ")";
}

auto failed(const listener_settings& s, const char* step, const boost::system::error_code& why) {
  return failure(fault_code::resource_unavailable,
                 "listener " + describe(s) + ": " + step + ": " + why.message() +
                     "; see who uses the port with `ss -ltnp`, or bind another one");
}

boost::system::error_code share_port(tcp::acceptor& acceptor) {
  const int on = 1;
  if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0)
    return {};
  return {errno, boost::system::system_category()};
}

/// SO_REUSEADDR: connections of a node that has just ended are in nobody's way.
result<tcp::acceptor> bind_socket(asio::io_context& io, const listener_settings& settings,
                                  bool shares_port) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(settings.address, error);
  if (error) {
    return failure(fault_code::resource_unavailable, "listener " + describe(settings) +
                                                         ": not an IP address; give one such as "
                                                         "127.0.0.1 or [::1]");
  }
  const tcp::endpoint endpoint(address, settings.port);
  tcp::acceptor acceptor(io);
  if (acceptor.open(endpoint.protocol(), error); error) return failed(settings, "open", error);
  if (acceptor.set_option(tcp::acceptor::reuse_address(true), error); error)
    return failed(settings, "option", error);
  if (shares_port) error = share_port(acceptor);
  if (error) return failed(settings, "SO_REUSEPORT", error);
  if (acceptor.bind(endpoint, error); error) return failed(settings, "bind", error);
  return acceptor;
}

}  // namespace

result<void> find_port_free(asio::io_context& io, const listener_settings& settings) {
  const auto alone = bind_socket(io, settings, false);
  if (!alone) return tl::unexpected<fault>(alone.error());
  return {};
}

result<tcp::acceptor> bind_listener(asio::io_context& io, const listener_settings& settings) {
  auto acceptor = bind_socket(io, settings, true);
  if (!acceptor) return acceptor;
  boost::system::error_code error;
  if (acceptor->listen(accept_backlog, error); error) return failed(settings, "listen", error);
  if (acceptor->non_blocking(true, error); error) return failed(settings, "non-blocking", error);
  return acceptor;
}

}  // namespace fleetgate::ingress
