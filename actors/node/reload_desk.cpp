#include "actors/node/reload_desk.hpp"

#include <utility>

namespace fleetgate::node {
namespace {

contract::reload_refusal refusal(fault_code why, std::string detail, std::string next) {
  return {fault(why, std::move(detail)), {}, std::move(next)};
}

contract::reload_refusal going() {
  return refusal(fault_code::server_shutting_down, "the node is going down",
                 "start it again: it reads its configuration then");
}

}  // namespace

void reload_desk::ask(contract::reload_reply then) {
  std::unique_lock hold(lock_);
  const bool busy = then && waiting_.size() >= most_waiting;
  if (closed_ || busy) {
    hold.unlock();
    if (!then) return;
    if (!busy) return then(tl::unexpected(going()));
    return then(tl::unexpected(
        refusal(fault_code::server_busy,
                std::to_string(most_waiting) + " others wait for the configuration to be read",
                "try again in a second; where it stays so, the disk of the configuration hangs")));
  }
  if (then) waiting_.push_back(std::move(then));
  if (std::exchange(wanted_, true) || reading_) return;
  hold.unlock();
  ways_.to_main([this] { begin(); });
}

void reload_desk::begin() {
  {
    std::lock_guard hold(lock_);
    if (closed_ || reading_) return;
    reading_ = true;
    wanted_ = false;
    answered_next_ = std::exchange(waiting_, {});
  }
  ways_.read([this](config_reading got) { finish(std::move(got)); });
}

void reload_desk::finish(config_reading got) {
  {
    std::lock_guard hold(lock_);
    if (closed_) return;
  }
  const contract::reload_outcome became = ways_.take_over(std::move(got));
  replies answered;
  bool again = false;
  {
    std::lock_guard hold(lock_);
    reading_ = false;
    again = wanted_;
    answered = std::exchange(answered_next_, {});
  }
  for (const auto& then : answered) then(became);
  if (again) begin();
}

bool reload_desk::close() {
  replies left;
  bool was_reading = false;
  {
    std::lock_guard hold(lock_);
    closed_ = true;
    was_reading = std::exchange(reading_, false);
    left = std::exchange(waiting_, {});
    for (auto& then : std::exchange(answered_next_, {})) left.push_back(std::move(then));
  }
  for (const auto& then : left) then(tl::unexpected(going()));
  return was_reading;
}

}  // namespace fleetgate::node
