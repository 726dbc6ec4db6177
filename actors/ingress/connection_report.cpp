// What is said of a connection to a person who asks.
#include <boost/asio/ip/tcp.hpp>

#include "actors/ingress/connection_actor.hpp"

namespace fleetgate::ingress {
namespace {

std::string peer_of(int socket) {
  boost::asio::ip::tcp::endpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  if (::getpeername(socket, peer.data(), &size) != 0) return {};
  peer.resize(size);
  const std::string address = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + address + "]" : address) + ":" +
         std::to_string(peer.port());
}

}  // namespace

std::optional<contract::connected_device> connection_actor::report() const {
  if (!accepted_ || phase_ != phase::open) return std::nullopt;
  contract::connected_device d;
  d.client_id = client_id_;
  d.listener = listener_.name;
  d.peer = peer_of(socket_.get());
  d.protocol = protocol_name();
  d.connected_time_ns = connected_time_ns_;
  d.session_expiry_s = session_expiry_s_;
  d.unacknowledged_bytes = unacknowledged_bytes_;
  d.withheld = is_withheld();
  return d;
}

}  // namespace fleetgate::ingress
