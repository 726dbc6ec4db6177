#include "tests/faulty/node_faults.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <caf/send.hpp>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "actors/node/parts.hpp"

namespace fleetgate::node {
namespace {

struct planned_stall {
  std::string part;
  std::chrono::milliseconds time;
};
std::mutex plan_lock;
std::optional<planned_stall> plan;

std::string path_of(int file) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const auto length = ::readlink(link.c_str(), path, sizeof path);
  return length < 0 ? std::string() : std::string(path, static_cast<std::size_t>(length));
}

ssize_t stalling_pwrite(int file, const void* bytes, std::size_t count, off_t at) {
  std::chrono::milliseconds time{0};
  {
    std::lock_guard hold(plan_lock);
    if (plan && path_of(file).find(plan->part) != std::string::npos) {
      time = plan->time;
      plan.reset();
    }
  }
  std::this_thread::sleep_for(time);
  return ::pwrite(file, bytes, count, at);
}

}  // namespace

bool fault_injection::kill(const std::string& actor) {
  return end(actor, caf::make_error(caf::exit_reason::kill));
}

bool fault_injection::fail(const std::string& actor) {
  return end(actor, runtime::to_error(fault(fault_code::internal, "planted by a test")));
}

bool fault_injection::end(const std::string& actor, const caf::error& why) {
  bool found = false;
  node_.parts_->for_each_actor([&](actor_part& a) {
    if (a.name != actor) return;
    found = true;
    if (const auto now_there = a.at.get()) {
      caf::anon_send(now_there, caf::exit_msg{now_there.address(), why});
    }
  });
  return found;
}

runtime::unit* fault_injection::find_unit(const std::string& name) const {
  const auto& parts = *node_.parts_;
  if (parts.journal->name() == name) return parts.journal.get();
  for (const auto& s : parts.shards) {
    if (s->unit->name() == name) return s->unit.get();
  }
  return nullptr;
}

bool fault_injection::hang(const std::string& unit, std::chrono::milliseconds time) {
  runtime::unit* const found = find_unit(unit);
  if (found != nullptr) {
    boost::asio::post(found->io(), [time] { std::this_thread::sleep_for(time); });
  }
  return found != nullptr;
}

bool fault_injection::raise_exception(const std::string& unit) {
  runtime::unit* const found = find_unit(unit);
  if (found != nullptr) {
    boost::asio::post(found->io(), [] { throw std::runtime_error("planted by a test"); });
  }
  return found != nullptr;
}

void fault_injection::stall_database(const std::string& part, std::chrono::milliseconds time) {
  std::lock_guard hold(plan_lock);
  plan = {part, time};
  sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  for (const char* call : {"pwrite", "pwrite64"}) {
    vfs->xSetSystemCall(vfs, call, reinterpret_cast<sqlite3_syscall_ptr>(&stalling_pwrite));
  }
}

}  // namespace fleetgate::node
