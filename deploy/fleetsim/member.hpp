// A device of a squad with its connection. Owned by its squad, on its thread. Buffers: what was
// received is at most a packet beyond one read; what is to be sent is bounded by the window and
// squad::most_unsent_bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "deploy/fleetsim/device.hpp"
#include "deploy/fleetsim/dice.hpp"
#include "deploy/fleetsim/transport.hpp"

namespace fleetgate::fleetsim {

enum class link : std::uint8_t { down, connecting, greeting, up };

inline constexpr std::uint64_t first_backoff_ns = 20'000'000;
inline constexpr std::uint64_t longest_backoff_ns = 1'000'000'000;

struct member {
  member(device d, std::unique_ptr<transport> t, dice chance_of_its_own)
      : who(std::move(d)), speaks(std::move(t)), chance(chance_of_its_own) {}

  device who;
  std::unique_ptr<transport> speaks;
  dice chance;
  std::uint32_t place = 0;   // in the fleet, from 0: decides which messages of the schedule are its
  std::uint32_t number = 0;  // what {i} stands for
  std::string name;
  std::vector<std::string> topics;
  std::uint64_t quota_left = 0;  // messages that it may still measure
  std::uint64_t gathers = 1;     // how many it waits for before it sends

  int fd = -1;
  link is = link::down;
  bool fresh = true;  // remembers nothing of a session
  bool was_up = false;
  bool given_up = false;  // turned away for good
  bool wants_write = false;
  bool to_fill = false;  // stands in the round's list of members to go on with
  std::string in, out;
  std::uint64_t connect_called_ns = 0, greeted_ns = 0, last_sent_ns = 0;
  std::uint16_t keep_alive_s = 0;  // in force
  // What the server asked for: not to come back, and not to send again, before.
  std::uint64_t come_back_ns = 0, send_again_ns = 0;
  std::uint64_t backoff_ns = first_backoff_ns;
};

}  // namespace fleetgate::fleetsim
