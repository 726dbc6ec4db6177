// What is counted of one supervised actor: written by its supervisor and by the thread that reviews
// the node's health; read by the admin thread.
#pragma once

#include "actors/observe/probes.hpp"

namespace fleetgate::observe {

struct alignas(cache_line_bytes) actor_probe {
  counter restarts;
  gauge ended;         // 1: its successor waits, or there will be none
  gauge unresponsive;  // 1: it has been with one thing for too long
};

}  // namespace fleetgate::observe
