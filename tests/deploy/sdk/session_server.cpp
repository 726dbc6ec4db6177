// native::session behind real sockets, for test_session.py and test_fleetsim_native.py: stores what
// it takes in memory, and is moody by a seed: pauses, refuses with retry_after, settles late and
// out of order, drops lines.
//   argv: seed, how many messages in a hundred go wrong
// Prints "port N", and when its standard input ends, "stored DEVICE STREAM BOOT SEQUENCE PAYLOAD"
// for each message, "renamed ..." for a key that came with two payloads, and "fault ..." for each
// session that the device made fail.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <tuple>
#include <vector>

#include "protocol/native/session.hpp"

namespace {

using namespace fleetgate;
using namespace fleetgate::native;

// Device, stream, boot, sequence.
using key = std::tuple<std::string, std::string, std::uint64_t, std::uint64_t>;

struct store {
  std::minstd_rand random;
  unsigned trouble = 0;  // of a hundred
  std::map<key, std::string> messages;
  std::vector<std::string> complaints;

  [[nodiscard]] bool in_trouble(unsigned share) { return random() % (100 * share) < trouble; }
};

class connection final : session_handler {
 public:
  connection(int socket, const session_limits& limits, store& s)
      : socket_(socket), store_(s), session_(limits, 0) {}
  connection(const connection&) = delete;
  ~connection() { ::close(socket_); }

  [[nodiscard]] int socket() const noexcept { return socket_; }

  /// False: it is over.
  bool read() {
    std::array<char, 4096> buffer;
    const auto n = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n == 0 || store_.in_trouble(4)) return false;
    if (n > 0) pending_.append(buffer.data(), static_cast<std::size_t>(n));
    return go_on();
  }
  /// What was paused, answers that are late, and what is to be sent.
  bool go_on() {
    const auto p = session_.consume(as_bytes(pending_), *this, out_, 1);
    pending_.erase(0, p.consumed);
    while (!late_.empty() && !store_.in_trouble(1)) {
      const auto at = late_.begin() + static_cast<std::ptrdiff_t>(store_.random() % late_.size());
      session_.settle(*at, std::nullopt, std::nullopt, out_);
      late_.erase(at);
    }
    session_.flush(out_);
    if (!out_.empty()) (void)!::send(socket_, out_.data(), out_.size(), MSG_NOSIGNAL);
    out_.clear();
    if (session_.closed_for())
      store_.complaints.push_back("fault " + to_string(*session_.closed_for()));
    return !session_.closed();
  }

 private:
  void on_hello(const hello_request&) override { session_.accept({}, out_); }
  flow on_publish(const publish_view& p) override {
    if (store_.in_trouble(1)) return flow::pause;
    if (store_.in_trouble(1)) {
      session_.settle(p.ticket, fault_code::memory_budget_full, 3, out_);
      return flow::go_on;
    }
    const std::string payload(as_text(p.message.payload));
    const auto [at, fresh] = store_.messages.emplace(
        key{p.header.device, p.header.stream, p.header.boot.value_or(0), p.message.sequence},
        payload);
    if (!fresh && at->second != payload) {
      store_.complaints.push_back("renamed " + at->second + " " + payload);
    }
    late_.push_back(p.ticket);
    return flow::go_on;
  }
  void on_command_ack(const command_ack_packet&) override {}
  void on_goodbye(const goodbye_packet&) override {}

  int socket_;
  store& store_;
  session session_;
  std::string pending_, out_;
  std::vector<std::uint16_t> late_;
};

int listen_somewhere() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  if (::bind(listener, address, size) != 0 || ::listen(listener, 64) != 0 ||
      ::getsockname(listener, address, &size) != 0) {
    return -1;
  }
  std::cout << "port " << ntohs(at.sin_port) << std::endl;
  return listener;
}

session_limits small_limits() {
  session_limits l;
  l.node = "test";
  l.credits = {{{8, 4096}, {8, 4096}, {32, 4096}, {32, 4096}}};
  l.maximum_frame = 8192;
  return l;
}

void serve(int listener, const session_limits& limits, store& s) {
  std::vector<std::unique_ptr<connection>> connections;
  for (;;) {
    std::vector<pollfd> events{{STDIN_FILENO, POLLIN, 0}, {listener, POLLIN, 0}};
    for (const auto& c : connections) events.push_back({c->socket(), POLLIN, 0});
    (void)::poll(events.data(), events.size(), 5);
    if (events[0].revents != 0) return;
    for (std::size_t i = connections.size(); i-- > 0;) {
      const bool alive =
          events[i + 2].revents != 0 ? connections[i]->read() : connections[i]->go_on();
      if (!alive) connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (events[1].revents != 0) {
      const int socket = ::accept(listener, nullptr, nullptr);
      if (socket >= 0) connections.push_back(std::make_unique<connection>(socket, limits, s));
    }
  }
}

}  // namespace

int main(int, char** argv) {
  const auto limits = small_limits();
  store s;
  s.random.seed(static_cast<unsigned>(std::stoul(argv[1])));
  s.trouble = static_cast<unsigned>(std::stoul(argv[2]));
  const int listener = listen_somewhere();
  if (listener < 0) return 71;
  serve(listener, limits, s);
  for (const auto& [k, payload] : s.messages) {
    std::cout << "stored " << std::get<0>(k) << " " << std::get<1>(k) << " " << std::get<2>(k)
              << " " << std::get<3>(k) << " " << payload << "\n";
  }
  for (const auto& c : s.complaints) std::cout << c << "\n";
  return 0;
}
