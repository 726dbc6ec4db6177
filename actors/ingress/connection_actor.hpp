// One client's connection, whatever it speaks: its socket, what waits to be read and to be sent,
// its deadlines, and what the journal hears of its coming and going. What is said on it is its
// protocol's: mqtt_connection.hpp, native_connection.hpp. Runs on its shard; the shard's ingress
// actor calls it directly in each round, everybody else sends it messages.
//   (leave_atom, fault_code)   say goodbye for that reason and close
// Limits: unsent bytes, one packet unparsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/contract/device_report.hpp"
#include "actors/ingress/shard.hpp"
#include "actors/runtime/descriptor.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/runtime/readiness.hpp"
#include "protocol/base/session_progress.hpp"
#include "protocol/model/receipt.hpp"

namespace fleetgate::ingress {

using leave_atom = caf::atom_constant<caf::atom("leave")>;

class connection_actor : public runtime::pinned_actor {
 public:
  connection_actor(caf::actor_config& config, runtime::unit& home, shard& owner,
                   const listener_settings& listener, runtime::descriptor socket,
                   model::connection_ref self_ref);
  const char* name() const override { return "connection"; }
  caf::behavior make_behavior() override;

  // For the ingress actor, in the order of a round.
  void start(connection_place place);
  void on_event(const runtime::readiness::event& e);
  void read();
  void go_on();  // after a pause
  void take(const model::receipt& r);
  [[nodiscard]] bool watches(std::uint64_t due_ns) const noexcept { return due_ns == watched_ns_; }
  void look_at_time(std::uint64_t due_ns);
  void send_out();
  void leave(fault_code why);
  /// What others could not be told: the end, after close; before it that a delivery was sent.
  /// False: no room now, try again.
  bool tell_untold();
  /// Packets from the sessions stage. What may be dropped is, where the client takes too little.
  void deliver(std::string_view packets, bool may_be_dropped);
  /// The sessions stage wants to know when all that was delivered so far has left.
  void want_word();
  /// From the commands stage; MQTT clients get theirs from the sessions stage.
  virtual void take_command(const contract::command_delivery&) {}

  /// Nothing before the client was accepted. connection_report.cpp.
  [[nodiscard]] std::optional<contract::connected_device> report() const;
  [[nodiscard]] const model::connection_ref& ref() const noexcept { return ref_; }

 protected:
  // What a protocol does. Whatever is to be sent is appended to out_.
  virtual session_progress feed(byte_view input) = 0;
  [[nodiscard]] virtual bool is_connected() const noexcept = 0;
  /// Nothing after a clean goodbye.
  [[nodiscard]] virtual std::optional<fault_code> closed_for() const = 0;
  [[nodiscard]] virtual std::uint64_t deadline_ns() const noexcept = 0;
  /// True where the deadline has passed: the connection is closed.
  virtual bool on_time() = 0;
  virtual void say_goodbye(fault_code why) = 0;
  /// The journal has opened the session that open_session() asked for. A fault: it cannot be.
  virtual std::optional<fault_code> welcome(const model::receipt& opened) = 0;
  /// What became of a message or a release, or the answer to a part of open_session().
  virtual void settle(const model::receipt& r) = 0;
  virtual void before_sending() {}
  virtual void after_sending_all() {}
  /// After close: tells everybody but the journal. False: no room now, try again.
  virtual bool tell_going() { return true; }
  /// To the sessions stage. False: no room now, try again.
  virtual bool tell_delivery_sent() { return true; }
  [[nodiscard]] virtual std::string_view protocol_name() const noexcept = 0;

  /// Asks the journal for the session of `client_id_`; a fault where that is not possible now.
  std::optional<fault_code> open_session(model::session_request how, std::uint64_t epoch = 0);
  /// `mark` names what it is; who it is of is filled in. False: no room now.
  bool post_mark(model::envelope mark);
  /// Puts `m`, which lies in the arena of its class, on its road; claimed before with `weight`.
  void post(contract::inbound_message& m, std::size_t weight);
  void mark_unsent();
  void watch_time();
  /// What is owed cannot be given any more: the device has to come back and send again.
  void leave_later(fault_code why);

  shard& shard_;
  const listener_settings& listener_;
  std::string client_id_;
  std::string out_;                       // bytes to send
  std::size_t unacknowledged_bytes_ = 0;  // of messages without a receipt
  std::uint32_t session_expiry_s_ = 0;
  model::traffic_class last_class_ = model::traffic_class::telemetry;

 private:
  static constexpr std::uint64_t never = ~std::uint64_t{0};
  enum class phase : std::uint8_t { open, closed };

  void consume(byte_view input, bool from_rest);
  void keep_rest(byte_view rest, bool from_rest);
  bool charge(const std::string& buffer, runtime::memory_charge& with);
  void wait_readable();
  [[nodiscard]] bool is_withheld() const noexcept;
  void look_after_end();
  void take_opening(const model::receipt& r);
  void note_sent(std::size_t bytes);
  bool tell_sent();
  void close(std::optional<fault_code> why);
  void shut_socket();

  runtime::descriptor socket_;
  connection_place place_;
  const model::connection_ref ref_;
  std::string rest_;                     // bytes read and not yet taken
  runtime::memory_charge rest_charge_;   // where it is large
  runtime::memory_charge out_charge_;    // where they are many
  std::uint32_t largest_delivery_ = 0;   // since nothing waited to be sent
  std::uint32_t bytes_before_word_ = 0;  // of out_; 0: no word is wanted
  std::uint64_t leave_at_ns_ = never;
  std::uint64_t watched_ns_ = never;  // the deadline that stands in the shard's queue
  std::int64_t connected_time_ns_ = 0;
  fault_code leave_for_ = fault_code::internal;
  phase phase_ = phase::open;
  bool session_opened_ = false;  // the journal knows of this session
  bool end_untold_ = false;      // to the journal
  bool sent_untold_ = false;     // that word, to the sessions stage
  bool accepted_ = false;        // the client was told that it is
  bool paused_ = false;
  bool listed_unsent_ = false;
  bool may_read_ = false;  // there may be bytes in the socket
  bool at_end_ = false;    // the peer sends no more
  bool gone_ = false;      // nor can it be sent anything
  bool waits_readable_ = false;
  bool waits_writable_ = false;
};

}  // namespace fleetgate::ingress
