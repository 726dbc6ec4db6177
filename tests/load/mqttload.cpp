// mqttload: thousands of MQTT devices in one thread. It shares the machine with the server that it
// measures, so it costs little: packets are built once and patched, each wake-up writes once to a
// connection, and one epoll loop drives all. tests/load/options.hpp says what it can do.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ack_log.hpp"
#include "options.hpp"
#include "packets.hpp"
#include "summary.hpp"
#include "window.hpp"

namespace fleetgate::load {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t connect_timeout_ns = 30 * second_ns;
constexpr std::uint64_t first_backoff_ns = 20'000'000;
constexpr std::uint64_t longest_backoff_ns = second_ns;
constexpr std::size_t most_unsent_bytes = 256 * 1024;  // beyond it QoS 0 waits for the socket

std::uint64_t clock_ns(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * second_ns + static_cast<std::uint64_t>(t.tv_nsec);
}
std::uint64_t now_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(71);
}

enum class link : std::uint8_t { down, connecting, greeting, up };

struct connection {
  explicit connection(std::uint16_t slots) : messages(slots) {}

  int fd = -1;
  link is = link::down;
  bool was_up = false;
  bool wants_write = false;
  bool refill = false;  // stands in the round's list of connections to go on with
  std::uint32_t device = 0;
  std::uint64_t next_sequence = 1;
  std::vector<std::uint64_t> missing;  // sequences of an earlier run, last one first
  std::uint64_t sent = 0;              // new messages, for the schedule
  window messages;
  std::vector<publish_template> templates;
  std::string in, out;
  std::uint64_t connect_called_ns = 0, connect_sent_ns = 0, last_sent_ns = 0;
  std::uint64_t backoff_ns = first_backoff_ns;
};

/// An acknowledgement read in this round, which counts once it stands in the log.
struct acknowledgement {
  std::uint32_t index;
  std::uint16_t id;
  std::uint8_t reason;
  enum class kind : std::uint8_t { puback, pubrec, pubcomp } is;
};

class generator {
 public:
  explicit generator(const options& o)
      : o_(o), dice_(o.first_device + 1), most_messages_(o.messages > 0 ? o.messages : ~0ULL) {
    if (!o.ack_log.empty()) log_.open(o.ack_log);
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) die("epoll_create1");
    address_.sin_family = AF_INET;
    address_.sin_port = htons(o.port);
    if (::inet_pton(AF_INET, o.host.c_str(), &address_.sin_addr) != 1) {
      bad_usage("--host: not an IPv4 address: " + o.host);
    }
    make_connections();
    watch_signals();
    buffer_.resize(std::size_t{256} * 1024);
    counted_.in_flight_at_end = 0;
  }

  int run() {
    connect_all();
    if (o_.wait || o_.mode == run_mode::idle) {
      std::printf("connected %llu\n", static_cast<unsigned long long>(counted_.connected));
      std::fflush(stdout);
    }
    if (o_.wait) wait_for_line();
    // An idle run that waits for its user has been holding its connections while it waited.
    const bool done = o_.mode == run_mode::storm || (o_.mode == run_mode::idle && o_.wait);
    if (!done) load();
    counted_.own_cpu_s = own_cpu_seconds();
    if (o_.json) {
      std::puts(json_of(counted_).c_str());
    } else {
      print_text(counted_);
    }
    std::fflush(stdout);
    if (o_.wait) wait_for_line();
    disconnect_all();
    return counted_.connect_failures > 0 || counted_.in_flight_at_end > 0 || counted_.timed_out ? 1
                                                                                                : 0;
  }

 private:
  static constexpr std::uint64_t signal_tag = ~std::uint64_t{0};
  static constexpr std::uint64_t tick_tag = signal_tag - 1;
  static constexpr std::uint64_t input_tag = signal_tag - 2;

  // ---- set-up ----------------------------------------------------------------------------------

  void make_connections() {
    std::map<std::uint32_t, resume_point> resume;
    if (!o_.resume_log.empty()) resume = read_resume_points(o_.resume_log, o_.first_sequence);
    const std::uint16_t slots = o_.mode == run_mode::publish && o_.qos > 0 ? o_.in_flight : 0;
    connections_.reserve(o_.connections);
    for (std::uint32_t i = 0; i < o_.connections; ++i) {
      connection& c = connections_.emplace_back(slots);
      c.device = o_.first_device + i;
      c.next_sequence = o_.first_sequence;
      if (const auto at = resume.find(c.device); at != resume.end()) {
        c.next_sequence = at->second.next_sequence;
        c.missing.assign(at->second.missing.rbegin(), at->second.missing.rend());
      }
      if (o_.mode != run_mode::publish) continue;
      for (const std::string& topic : o_.topics) {
        c.templates.emplace_back(publish_template::fields{
            o_.version, o_.qos, for_device(topic, c.device), c.device, o_.boot, o_.payload_bytes});
      }
    }
  }

  void watch(int fd, std::uint32_t events, std::uint64_t tag) const {
    epoll_event e{};
    e.events = events;
    e.data.u64 = tag;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e) != 0) die("epoll_ctl");
  }

  void watch_signals() {
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    ::sigprocmask(SIG_BLOCK, &stop, nullptr);
    const int fd = ::signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) die("signalfd");
    watch(fd, EPOLLIN | EPOLLET, signal_tag);
  }

  /// A periodic timer. It goes on only where its expirations are read (timerfd_create(2)).
  void start_ticking(std::uint64_t first_ns, std::uint64_t every_ns) {
    tick_fd_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (tick_fd_ < 0) die("timerfd_create");
    const auto spec = [](std::uint64_t ns) {
      return timespec{static_cast<time_t>(ns / second_ns), static_cast<long>(ns % second_ns)};
    };
    const itimerspec when{spec(every_ns), spec(first_ns)};
    if (::timerfd_settime(tick_fd_, TFD_TIMER_ABSTIME, &when, nullptr) != 0) die("timerfd_settime");
    watch(tick_fd_, EPOLLIN, tick_tag);
  }

  // ---- phases ----------------------------------------------------------------------------------

  void connect_all() {
    const std::uint64_t begin = now_ns();
    while (!stopping_ && (unopened_ < connections_.size() || opening_ > 0 || retries_waiting())) {
      while (unopened_ < connections_.size() && opening_ < o_.concurrency) {
        open(static_cast<std::uint32_t>(unopened_++));
      }
      round(100);
    }
    counted_.connect_elapsed_s = static_cast<double>(now_ns() - begin) / 1e9;
    all_opened_ = true;
  }

  /// Without --reconnect a connection that fails stays down, so only with it there are retries.
  [[nodiscard]] bool retries_waiting() const { return o_.reconnect && !retries_.empty(); }

  void load() {
    start_ns_ = now_ns();
    if (o_.seconds > 0) {
      end_ns_ = start_ns_ + static_cast<std::uint64_t>(o_.seconds * 1e9);
      if (o_.rate > 0) {
        // All that falls due is sent, however late, or a slow server would look fast.
        most_messages_ = static_cast<std::uint64_t>(o_.seconds * o_.rate);
        end_ns_ += static_cast<std::uint64_t>(o_.drain_seconds * 1e9);
      }
    }
    publishing_ = o_.mode == run_mode::publish;
    if (publishing_ && o_.rate > 0) {
      start_ticking(start_ns_ + 1, std::uint64_t{o_.tick_us} * 1000);
    } else if (publishing_) {
      for (std::uint32_t i = 0; i < connections_.size(); ++i) go_on_with(i);
      fill_all();
    }
    std::uint64_t give_up_ns = ~0ULL;
    while (!finished(give_up_ns)) {
      round(publishing_ ? 50 : 200);
      if (give_up_ns == ~0ULL && must_stop()) {
        publishing_ = false;
        give_up_ns = now_ns() + static_cast<std::uint64_t>(o_.drain_seconds * 1e9);
      }
    }
    counted_.elapsed_s =
        static_cast<double>(std::max(last_acknowledged_ns_, start_ns_) - start_ns_) / 1e9;
    counted_.scheduled = due_;
    for (const connection& c : connections_) counted_.in_flight_at_end += c.messages.in_flight();
  }

  [[nodiscard]] bool must_stop() const {
    return stopping_ || now_ns() >= end_ns_ ||
           (o_.mode == run_mode::publish && counted_.issued >= most_messages_) || hopeless();
  }

  /// `give_up_ns` is set once nothing new is sent.
  bool finished(std::uint64_t give_up_ns) {
    if (give_up_ns == ~0ULL) return false;
    const bool drained = std::all_of(connections_.begin(), connections_.end(), [](const auto& c) {
      return c.messages.in_flight() == 0 && (c.is != link::up || c.out.empty());
    });
    if (drained) return true;
    counted_.timed_out = now_ns() >= give_up_ns || hopeless();
    return counted_.timed_out;
  }

  /// Nobody is left who could go on.
  [[nodiscard]] bool hopeless() const { return !o_.reconnect && up_ == 0; }

  void disconnect_all() {
    for (connection& c : connections_) {
      if (c.fd < 0) continue;
      // Blocking is harmless here, and what is unsent matters more than speed.
      if (c.is == link::up && c.out.empty()) {
        static_cast<void>(::send(c.fd, "\xE0\x00", 2, MSG_NOSIGNAL));
      }
      ::close(c.fd);
      c.fd = -1;
    }
  }

  /// Until a line or the end of stdin, connections being served meanwhile.
  void wait_for_line() {
    input_seen_ = false;
    watch(STDIN_FILENO, EPOLLIN, input_tag);
    while (!input_seen_ && !stopping_) round(100);
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
  }

  // ---- one round -------------------------------------------------------------------------------

  void round(int timeout_ms) {
    if (!retries_.empty()) timeout_ms = std::min(timeout_ms, 10);
    if (!to_fill_.empty()) timeout_ms = 0;
    const int n =
        ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), timeout_ms);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < n; ++i) handle(events_[static_cast<std::size_t>(i)]);
    settle();
    if (publishing_ && o_.rate > 0) schedule();
    fill_all();
    const std::uint64_t now = now_ns();
    retry(now);
    if (now >= next_housekeeping_ns_) {
      next_housekeeping_ns_ = now + second_ns / 4;
      keep_house(now);
    }
  }

  void handle(const epoll_event& e) {
    if (e.data.u64 == signal_tag) {
      stopping_ = true;
    } else if (e.data.u64 == input_tag) {
      char line[64];
      static_cast<void>(::read(STDIN_FILENO, line, sizeof line));
      input_seen_ = true;
    } else if (e.data.u64 == tick_tag) {
      std::uint64_t expirations = 0;
      static_cast<void>(::read(tick_fd_, &expirations, sizeof expirations));
    } else {
      const auto index = static_cast<std::uint32_t>(e.data.u64);
      connection& c = connections_[index];
      if (c.fd < 0) return;
      if (c.is == link::connecting) return greet(index);
      if ((e.events & EPOLLOUT) != 0) flush(index);
      if (c.fd >= 0 && (e.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read(index);
    }
  }

  // ---- opening and losing connections ----------------------------------------------------------

  void open(std::uint32_t index) {
    connection& c = connections_[index];
    c.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c.fd < 0) die("socket");
    const int one = 1;
    ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c.connect_called_ns = now_ns();
    c.is = link::connecting;
    ++opening_;
    watch(c.fd, EPOLLIN | EPOLLOUT, index);
    c.wants_write = true;
    if (::connect(c.fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0 &&
        errno != EINPROGRESS) {
      lose(index);
    }
  }

  void greet(std::uint32_t index) {
    connection& c = connections_[index];
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return lose(index);
    connect_fields f;
    f.version = o_.version;
    f.client_id = for_device(o_.client_id, c.device);
    f.clean_start = !o_.reconnect;
    f.keep_alive_s = o_.keep_alive_s;
    f.session_expiry_s = o_.reconnect ? 3600 : 0;
    c.is = link::greeting;
    c.connect_sent_ns = now_ns();
    c.out = connect_packet(f);
    flush(index);
  }

  void lose(std::uint32_t index) {
    connection& c = connections_[index];
    ::close(c.fd);
    c.fd = -1;
    c.wants_write = false;
    c.in.clear();
    c.out.clear();
    const link was = std::exchange(c.is, link::down);
    if (was == link::up) {
      --up_;
      ++counted_.losses;
      log_.add({'L', static_cast<std::uint8_t>(o_.qos), 0, c.device, c.messages.unacknowledged(),
                clock_ns(CLOCK_REALTIME)});
    } else {
      --opening_;
      if (!o_.reconnect) ++counted_.connect_failures;
    }
    if (!o_.reconnect) return;
    // Full jitter, so that the devices of a restarted server do not come in step.
    const std::uint64_t wait = c.backoff_ns / 2 + dice_() % (c.backoff_ns / 2);
    c.backoff_ns = std::min(c.backoff_ns * 2, longest_backoff_ns);
    retries_.emplace(now_ns() + wait, index);
  }

  void retry(std::uint64_t now) {
    while (!retries_.empty() && retries_.top().first <= now && opening_ < o_.concurrency) {
      const std::uint32_t index = retries_.top().second;
      retries_.pop();
      open(index);
    }
  }

  void keep_house(std::uint64_t now) {
    const std::uint64_t idle_ns = std::uint64_t{o_.keep_alive_s} * second_ns / 2;
    for (std::uint32_t i = 0; i < connections_.size(); ++i) {
      connection& c = connections_[i];
      const bool greeting = c.is == link::connecting || c.is == link::greeting;
      if (greeting && now - c.connect_called_ns > connect_timeout_ns) lose(i);
      if (c.is == link::up && idle_ns > 0 && now - c.last_sent_ns > idle_ns) {
        c.out.append("\xC0\x00", 2);
        flush(i);
      }
    }
  }

  // ---- receiving -------------------------------------------------------------------------------

  void read(std::uint32_t index) {
    connection& c = connections_[index];
    const ssize_t n = ::recv(c.fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return lose(index);
    std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
    std::string joined;
    if (!c.in.empty()) {
      joined = std::move(c.in);
      joined += bytes;
      bytes = joined;
      c.in.clear();
    }
    while (!bytes.empty()) {
      const received_packet p = cut_packet(bytes);
      if (p.malformed) {
        ++counted_.unexpected;
        return lose(index);
      }
      if (p.size == 0) break;
      take(index, p);
      if (c.fd < 0) return;
      bytes.remove_prefix(p.size);
    }
    c.in.assign(bytes);
  }

  void take(std::uint32_t index, const received_packet& p) {
    switch (p.type) {
      case 2:
        return take_connack(index, p.body);
      case 4:
        return take_acknowledgement(index, p.body, acknowledgement::kind::puback);
      case 5:
        return take_acknowledgement(index, p.body, acknowledgement::kind::pubrec);
      case 7:
        return take_acknowledgement(index, p.body, acknowledgement::kind::pubcomp);
      case 13:
        return;
      case 14:
        ++counted_.disconnect_reasons[p.body.empty() ? 0 : static_cast<unsigned char>(p.body[0])];
        return;
      default:
        ++counted_.unexpected;
    }
  }

  void take_connack(std::uint32_t index, std::string_view body) {
    connection& c = connections_[index];
    const auto answer = parse_connack(body, o_.version);
    if (!answer || c.is != link::greeting) {
      ++counted_.unexpected;
      return lose(index);
    }
    ++counted_.connack_reasons[answer->reason];
    if (answer->reason != 0) return lose(index);
    const std::uint64_t now = now_ns();
    --opening_;
    ++up_;
    c.is = link::up;
    c.backoff_ns = first_backoff_ns;
    c.messages.limit(answer->receive_maximum);
    if (c.was_up) {
      ++counted_.reconnects;
      resend(c, answer->session_present);
    } else {
      ++counted_.connected;
      counted_.connack_latency.add(now - c.connect_sent_ns);
      counted_.connect_latency.add(now - c.connect_called_ns);
    }
    c.was_up = true;
    go_on_with(index);
  }

  /// What was under way goes out again in its order (MQTT 5.0 section 4.4). Where the server has
  /// forgotten the session a release has nothing to refer to: the message was delivered at PUBREC.
  void resend(connection& c, bool session_present) {
    if (!session_present) ++counted_.sessions_lost;
    for (const std::uint16_t id : c.messages.under_way()) {
      const window::slot& s = c.messages.at(id);
      if (s.is == window::phase::published) {
        template_of(c, s.sequence).append_to(c.out, id, s.sequence, session_present);
        ++counted_.resent;
      } else if (session_present) {
        append_release(c.out, id);
        ++counted_.resent;
      } else {
        complete(c, id, now_ns());
      }
    }
  }

  static window::phase awaiting(acknowledgement::kind kind) {
    return kind == acknowledgement::kind::pubcomp ? window::phase::released
                                                  : window::phase::published;
  }

  void take_acknowledgement(std::uint32_t index, std::string_view body,
                            acknowledgement::kind kind) {
    connection& c = connections_[index];
    if (body.size() < 2 || c.is != link::up) {
      ++counted_.unexpected;
      return;
    }
    const std::uint16_t id = u16_at(body, 0);
    const auto reason = static_cast<std::uint8_t>(body.size() > 2 ? body[2] : 0);
    const window::slot* slot = c.messages.find(id, awaiting(kind));
    if (slot == nullptr) {
      // A PUBREC for what is released already is answered again, as the protocol asks.
      if (kind == acknowledgement::kind::pubrec &&
          c.messages.find(id, window::phase::released) != nullptr) {
        append_release(c.out, id);
        go_on_with(index);
      } else {
        ++counted_.unexpected;
      }
      return;
    }
    if (kind != acknowledgement::kind::pubcomp && reason < 0x80 && log_.is_open()) {
      log_.add({'A', static_cast<std::uint8_t>(o_.qos), 0, c.device, slot->sequence,
                clock_ns(CLOCK_REALTIME)});
    }
    arrived_.push_back({index, id, reason, kind});
  }

  /// Writes the log, then counts what it holds.
  void settle() {
    if (log_.is_open()) log_.flush();
    if (arrived_.empty()) return;
    const std::uint64_t now = now_ns();
    for (const acknowledgement& a : arrived_) {
      connection& c = connections_[a.index];
      if (c.messages.find(a.id, awaiting(a.is)) == nullptr) {
        ++counted_.unexpected;  // the second of two in one round
        continue;
      }
      if (a.reason != 0) ++counted_.acknowledgement_reasons[a.reason];
      const bool last = a.is != acknowledgement::kind::pubrec;
      // A PUBCOMP is the end whatever it says: 0x92 after a resent PUBREL is no error (4.3.3).
      if (a.reason >= 0x80 && a.is != acknowledgement::kind::pubcomp) {
        ++counted_.refused;
        c.messages.close(a.id);
        last_acknowledged_ns_ = now;
      } else if (last) {
        complete(c, a.id, now);
      } else {
        c.messages.at(a.id).is = window::phase::released;
        append_release(c.out, a.id);
      }
      go_on_with(a.index);
    }
    arrived_.clear();
  }

  void complete(connection& c, std::uint16_t id, std::uint64_t now) {
    counted_.latency.add(now - c.messages.at(id).since_ns);
    ++counted_.acknowledged;
    last_acknowledged_ns_ = now;
    c.messages.close(id);
  }

  // ---- sending ---------------------------------------------------------------------------------

  static const publish_template& template_of(const connection& c, std::uint64_t sequence) {
    return c.templates[sequence % c.templates.size()];
  }

  /// Message j of the run is due at start + the tick that holds j/rate, on connection j mod N. Its
  /// latency counts from there however late it is sent.
  void schedule() {
    const std::uint64_t tick = std::uint64_t{o_.tick_us} * 1000;
    const std::uint64_t passed = (std::min(now_ns(), end_ns_) - start_ns_) / tick * tick;
    auto due = static_cast<std::uint64_t>(static_cast<double>(passed + tick) * o_.rate / 1e9);
    due = std::min(due, most_messages_);
    for (; due_ < due; ++due_) go_on_with(static_cast<std::uint32_t>(due_ % connections_.size()));
  }
  [[nodiscard]] std::uint64_t scheduled_ns(std::uint64_t j) const {
    const std::uint64_t tick = std::uint64_t{o_.tick_us} * 1000;
    const auto exact = static_cast<std::uint64_t>(static_cast<double>(j) / o_.rate * 1e9);
    return start_ns_ + exact / tick * tick;
  }

  void go_on_with(std::uint32_t index) {
    connection& c = connections_[index];
    if (c.refill) return;
    c.refill = true;
    to_fill_.push_back(index);
  }

  void fill_all() {
    // Losing a connection while filling may add to the list; it then waits for the next round.
    filling_.swap(to_fill_);
    for (const std::uint32_t index : filling_) {
      connections_[index].refill = false;
      fill(index);
    }
    filling_.clear();
  }

  void fill(std::uint32_t index) {
    connection& c = connections_[index];
    if (c.is != link::up) return;
    if (publishing_ && all_opened_) {
      const std::uint64_t now = now_ns();
      while (c.out.size() < most_unsent_bytes && may_send(c, index)) publish(c, index, now);
    }
    if (!c.out.empty()) flush(index);
  }

  [[nodiscard]] bool may_send(const connection& c, std::uint32_t index) const {
    if (counted_.issued >= most_messages_) return false;
    if (o_.qos > 0 && !c.messages.has_room()) return false;
    return o_.rate <= 0 || index + c.sent * connections_.size() < due_;
  }

  void publish(connection& c, std::uint32_t index, std::uint64_t now) {
    const std::uint64_t since =
        o_.rate > 0 ? scheduled_ns(index + c.sent * connections_.size()) : now;
    std::uint64_t sequence = 0;
    if (!c.missing.empty()) {
      sequence = c.missing.back();
      c.missing.pop_back();
    } else {
      sequence = c.next_sequence++;
    }
    const std::uint16_t id = o_.qos > 0 ? c.messages.open(sequence, since) : std::uint16_t{0};
    template_of(c, sequence).append_to(c.out, id, sequence, false);
    ++c.sent;
    ++counted_.issued;
    if (o_.qos == 0) {
      ++counted_.acknowledged;
      last_acknowledged_ns_ = now;
    }
  }

  void flush(std::uint32_t index) {
    connection& c = connections_[index];
    const ssize_t n = c.out.empty() ? 0 : ::send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return lose(index);
    if (n > 0) {
      c.last_sent_ns = now_ns();
      c.out.erase(0, static_cast<std::size_t>(n));
    }
    const bool blocked = !c.out.empty();
    if (blocked != c.wants_write) {
      epoll_event e{};
      e.events = EPOLLIN | (blocked ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
      e.data.u64 = index;
      if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &e) != 0) die("epoll_ctl");
      c.wants_write = blocked;
    }
    if (!blocked && o_.qos == 0 && publishing_ && o_.rate <= 0) go_on_with(index);
  }

  const options& o_;
  std::minstd_rand dice_;
  std::uint64_t most_messages_;
  ack_log log_;
  summary counted_;
  sockaddr_in address_{};
  int epoll_ = -1, tick_fd_ = -1;
  std::vector<connection> connections_;
  std::array<epoll_event, 512> events_{};
  std::vector<char> buffer_;
  std::vector<acknowledgement> arrived_;
  std::vector<std::uint32_t> to_fill_, filling_;
  using retry_at = std::pair<std::uint64_t, std::uint32_t>;
  std::priority_queue<retry_at, std::vector<retry_at>, std::greater<>> retries_;
  std::size_t unopened_ = 0;
  std::size_t opening_ = 0, up_ = 0;
  bool all_opened_ = false, publishing_ = false, stopping_ = false, input_seen_ = false;
  std::uint64_t start_ns_ = 0, end_ns_ = ~0ULL, due_ = 0;
  std::uint64_t last_acknowledged_ns_ = 0, next_housekeeping_ns_ = 0;
};

void allow_many_files() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace
}  // namespace fleetgate::load

int main(int argc, char** argv) {
  const fleetgate::load::options o = fleetgate::load::parse_options(argc, argv);
  fleetgate::load::allow_many_files();
  return fleetgate::load::generator(o).run();
}
