// Whether the system gives threads, asked before what cannot bear a refusal: CAF counts a thread
// before it has it, and then waits for one that never was.
#pragma once

#include <cstddef>

namespace fleetgate::runtime {

/// Has `count` threads at once, and ends them. Throws std::system_error where one is refused: a
/// limit of threads (ulimit -u, TasksMax) or of memory. Any thread.
void try_threads(std::size_t count);

}  // namespace fleetgate::runtime
