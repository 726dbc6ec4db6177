// A shard's listener: accepts sockets, spawns their connection actors, drives them in each round
// and hands receipts to them. Runs on its shard.
//   (wake_atom)                      receipts have come from the journal
//   (drain_atom, fault_code, rate)   stop accepting, send all devices away at `rate` per second;
//                                    answered with how many left when none is here any more
//   (answered_atom) -> bool          all receipts that are here were given; false: some messages
//                                    that were handed in still wait for theirs
//   (list_atom, slot, most) -> device_slice          clients from that slot on
//   (device_atom, slot, generation) -> device_slice  this one, or none where it has gone
//   (kick_atom, slot, generation) -> bool            an operator closes it; false: it has gone
//   (priorities_atom, rules) -> bool                 from here on these say who may come
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <caf/typed_response_promise.hpp>
#include <memory>
#include <vector>

#include "actors/contract/device_report.hpp"
#include "actors/contract/journal_mail.hpp"
#include "actors/ingress/shard.hpp"
#include "actors/observe/log.hpp"
#include "actors/runtime/actor_body.hpp"
#include "actors/runtime/descriptor.hpp"
#include "actors/runtime/timer.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fleetgate::contract::device_slice)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<fleetgate::ingress::priority_rule>)

namespace fleetgate::ingress {

using drain_atom = caf::atom_constant<caf::atom("drain")>;
using answered_atom = caf::atom_constant<caf::atom("answered")>;
using list_atom = caf::atom_constant<caf::atom("list")>;
using device_atom = caf::atom_constant<caf::atom("device")>;
using kick_atom = caf::atom_constant<caf::atom("kick")>;
using priorities_atom = caf::atom_constant<caf::atom("priorities")>;

/// A bound and listening socket for one shard. Several shards bind the same address.
struct bound_listener {
  listener_settings settings;
  boost::asio::ip::tcp::acceptor acceptor;
};

class ingress_actor final : public runtime::actor_body {
 public:
  ingress_actor(runtime::unit& home, shard& owner, contract::journal_mail::receipt_mail& receipts,
                std::vector<bound_listener> listeners, observe::logger& log);
  const char* name() const override { return "ingress"; }

  /// The unit's hook: what the sockets of this round brought.
  void take_round();

 private:
  caf::behavior make_behavior() override;
  void begin();

  struct listener {
    listener_settings settings;
    boost::asio::ip::tcp::acceptor acceptor;
    runtime::timer retry;
  };

  void accept_next(listener& from);
  void accept_some(listener& from);
  void admit(listener& from, runtime::descriptor socket);
  runtime::actor_ptr<connection_actor> make_connection(const listener_settings& from,
                                                       runtime::descriptor socket,
                                                       model::connection_ref ref);
  void retry_accept(listener& from);
  void read_receipts();
  void notice_deliveries();
  void read_deliveries();
  void deliver(const contract::delivery& d);
  void read_wills();
  void read_requests();
  void take(const model::receipt& r);
  void read_commands();
  void go_on_with_paused();
  void tell_untold();
  void send_unsent();
  void look_at_deadlines();
  void arm_timer();
  void update_clock();
  [[nodiscard]] contract::device_slice list(std::uint32_t from, std::uint32_t most) const;
  [[nodiscard]] contract::device_slice find(std::uint32_t slot, std::uint64_t generation) const;
  bool kick(std::uint32_t slot, std::uint64_t generation);
  caf::result<std::uint64_t> drain(fault_code why, std::uint32_t rate);
  void send_some_away(fault_code why, std::uint32_t rate);

  runtime::unit& home_;
  shard& shard_;
  contract::journal_mail::receipt_mail& receipts_;
  std::vector<std::unique_ptr<listener>> listeners_;
  observe::logger& log_;
  runtime::timer timer_;
  runtime::timer drain_timer_;
  caf::typed_response_promise<std::uint64_t> drained_;
  std::uint64_t sent_away_ = 0;
  std::uint64_t armed_ns_ = ~std::uint64_t{0};
  std::vector<caf::intrusive_ptr<connection_actor>> round_;
  std::vector<model::connection_ref> resumed_;
  bool begun_ = false;
  bool deliveries_wait_ = false;  // to be read in the next round
};

}  // namespace fleetgate::ingress
