// How far a session of a protocol came with the bytes that it was given. Plain value.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fleetgate {

struct session_progress {
  enum class state : std::uint8_t {
    need_more,  // all that was complete was taken
    paused,     // something could not be taken now: call again after an answer
    waiting,    // for the answer to who connects
    closed,     // the session knows why; what it wrote must still be sent
  };
  std::size_t consumed;
  state why;
};

}  // namespace fleetgate
