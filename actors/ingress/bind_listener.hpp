// The sockets that devices connect to: one a shard, all on the same port, between which the kernel
// shares them out. At start; any thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "actors/ingress/shard.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::ingress {

/// Before the first shard binds a port that the system does not choose: a fault where somebody
/// listens there. bind_listener would share it, also with another node of the same user, and each
/// of the two would get some of the devices. Fault: resource_unavailable.
result<void> find_port_free(boost::asio::io_context& io, const listener_settings& settings);

/// Binds `settings` for the shard that runs `io`. Fault: resource_unavailable.
result<boost::asio::ip::tcp::acceptor> bind_listener(boost::asio::io_context& io,
                                                     const listener_settings& settings);

}  // namespace fleetgate::ingress
