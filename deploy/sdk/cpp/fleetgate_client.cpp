#include "fleetgate_client.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "backoff.hpp"
#include "bytes.hpp"
#include "frames.hpp"
#include "outbox.hpp"
#include "state_file.hpp"

namespace fleetgate::sdk {

using namespace detail;

// One thread keeps a connection and moves messages from the outbox to the gateway.
class client::implementation {
 public:
  explicit implementation(options o)
      : options_(std::move(o)), backoff_(options_.first_backoff, options_.longest_backoff) {}
  ~implementation() { close(); }

  bool start(std::string& why) {
    if (options_.endpoints.empty() || options_.device.empty()) {
      why = "options.endpoints and options.device must be given";
      return false;
    }
    if (!journal_.open(options_.state_file, options_.durable, why)) return false;
    for (const auto& [key, m] : journal_.messages()) outbox_.add(m);
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
      why = error_text("cannot make a pipe");
      return false;
    }
    woken_ = descriptor(ends[0]);
    wake_up_ = descriptor(ends[1]);
    thread_ = std::thread([this] { run(); });
    return true;
  }

  published publish(std::string_view payload, const description& d) {
    published result;
    auto m = std::make_shared<stored>();
    m->cls = static_cast<std::uint8_t>(d.cls);
    m->stream = d.stream.value_or(class_names[m->cls]);
    m->payload = payload;
    m->topic = d.topic;
    m->content_type = d.content_type;
    m->traceparent = d.traceparent;
    m->device_time_ns = d.device_time_ns;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return {publish_error::closed, 0, "the client is closed"};
      if (const auto cls = outbox_.class_of(m->stream); cls && *cls != m->cls) {
        return {publish_error::stream_class, 0,
                "stream " + m->stream + " holds messages of class " + class_names[*cls]};
      }
      if (outbox_.messages() >= options_.capacity_messages ||
          outbox_.bytes() + payload.size() > options_.capacity_bytes) {
        return {publish_error::outbox_full, 0,
                std::to_string(outbox_.messages()) + " messages wait for the gateway"};
      }
      if (!journal_.next_sequence(m->stream, m->sequence, result.detail) ||
          !journal_.put(m, result.detail)) {
        result.error = publish_error::state_file;
        return result;
      }
      outbox_.add(m);
      result.sequence = m->sequence;
    }
    wake();
    return result;
  }

  std::size_t waiting() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return outbox_.messages();
  }
  bool drain(milliseconds timeout) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return outbox_.messages() == 0; });
  }
  bool is_connected() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return connected_;
  }
  std::string last_error() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return last_error_;
  }

  void close() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    if (!thread_.joinable()) return;
    wake();
    thread_.join();
    const std::lock_guard<std::mutex> lock(mutex_);
    journal_.close();
  }

 private:
  // Between connections.

  void run() {
    std::size_t place = 0;
    int redirects = 0;
    std::string elsewhere;
    while (!is_stopping()) {
      const auto endpoint =
          elsewhere.empty() ? options_.endpoints[place % options_.endpoints.size()] : elsewhere;
      const auto end = serve(endpoint);
      socket_.reset();
      if (!end) return;
      note_end(endpoint, end->why);
      if (!end->redirected_to.empty()) {
        redirects = welcomed_ ? 1 : redirects + 1;
        if (redirects <= most_redirects) {
          elsewhere = end->redirected_to;
          pause(end->retry_after);
          continue;
        }
      }
      elsewhere.clear();
      redirects = 0;
      ++place;
      pause(backoff_.delay(end->retry_after, end->hopeless));
    }
  }

  void note_end(const std::string& endpoint, const std::string& why) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      connected_ = false;
      outbox_.disconnected();
      last_error_ = endpoint + ": " + why;
    }
    log("disconnected from " + endpoint + ": " + why);
  }

  bool is_stopping() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return stopping_;
  }

  /// Waits, unless the client is closed meanwhile.
  void pause(milliseconds time) {
    const auto end = clock::now() + time;
    while (!is_stopping() && clock::now() < end) {
      pollfd waiting{woken_.get(), POLLIN, 0};
      (void)::poll(&waiting, 1, static_cast<int>(until(end).count()));
      calm();
    }
  }

  void wake() { (void)!::write(wake_up_.get(), "x", 1); }  // full: it has not noticed the last yet
  void calm() {
    std::array<char, 256> ignored;
    while (::read(woken_.get(), ignored.data(), ignored.size()) > 0) {
    }
  }
  void log(const std::string& line) const {
    if (options_.on_log) options_.on_log(line);
  }

  // One connection.

  /// Nothing after a goodbye of ours.
  std::optional<ending> serve(const std::string& endpoint) {
    welcomed_ = goodbye_sent_ = false;
    received_.clear();
    unsent_.clear();
    keep_alive_ = options_.keep_alive;
    heard_ = spoke_ = pinged_ = clock::now();
    std::string why;
    socket_ = connect(endpoint, why);
    if (!socket_) {
      if (is_stopping()) return std::nullopt;
      return ending{why, {}, false, {}};
    }
    say_hello();
    for (;;) {
      prepare();
      if (!write(why)) return ending{why, {}, false, {}};
      if (goodbye_sent_ && unsent_.empty()) return std::nullopt;
      pollfd events[2] = {
          {socket_.get(), static_cast<short>(POLLIN | (unsent_.empty() ? 0 : POLLOUT)), 0},
          {woken_.get(), POLLIN, 0}};
      (void)::poll(events, 2, static_cast<int>(until(next_deadline()).count()));
      if (events[1].revents != 0) calm();
      if (auto end = read()) return end;
      if (auto end = look_at_time()) return end;
    }
  }

  descriptor connect(const std::string& endpoint, std::string& why) {
    const auto colon = endpoint.rfind(':');
    if (colon == std::string::npos) {
      why = "an endpoint is host:port";
      return descriptor();
    }
    auto host = endpoint.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int e = ::getaddrinfo(host.c_str(), endpoint.c_str() + colon + 1, &wanted, &found)) {
      why = std::string("cannot find the host: ") + ::gai_strerror(e);
      return descriptor();
    }
    descriptor connected;
    for (const auto* a = found; a != nullptr && !connected; a = a->ai_next) {
      connected = connect_to(*a, why);
    }
    ::freeaddrinfo(found);
    return connected;
  }

  descriptor connect_to(const addrinfo& a, std::string& why) {
    descriptor s(::socket(a.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    int error = s && ::connect(s.get(), a.ai_addr, a.ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) error = await_connection(s.get());
    if (error != 0) {
      why = std::string("cannot connect: ") + std::strerror(error);
      return descriptor();
    }
    const int on = 1;
    (void)::setsockopt(s.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return s;
  }

  /// 0, or the error with which it ended.
  int await_connection(int socket) {
    const auto end = clock::now() + connect_timeout;
    pollfd events[2] = {{socket, POLLOUT, 0}, {woken_.get(), POLLIN, 0}};
    while (events[0].revents == 0 && clock::now() < end && !is_stopping()) {
      (void)::poll(events, 2, static_cast<int>(until(end).count()));
      calm();
    }
    if (events[0].revents == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
  }

  void say_hello() {
    frame_writer w(hello);
    w.number(version).number(version).text(options_.device);
    const std::lock_guard<std::mutex> lock(mutex_);
    w.number(journal_.boot()).optional_text(options_.user).optional_binary(options_.token);
    w.optional_number(static_cast<std::uint64_t>(options_.keep_alive.count())).absent();
    auto resume = outbox_.streams();
    if (resume.size() > 64) resume.resize(64);
    if (resume.empty()) {
      w.absent();
    } else {
      w.array(resume.size());
      for (const auto& s : resume) w.put_text(s);
    }
    send(w.optional_text(options_.agent).finish());
  }

  void send(const std::string& frame) {
    unsent_ += frame;
    spoke_ = clock::now();
  }

  /// Fills the buffer with what may be sent now.
  void prepare() {
    if (is_stopping() && !goodbye_sent_) {
      send(frame_writer(goodbye).number(0).finish());
      goodbye_sent_ = true;
    }
    while (!goodbye_sent_ && unsent_.size() < most_unsent) {
      std::vector<refused> never;
      std::string frame;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        frame = outbox_.next_frame(clock::now(), never);
        for (const auto& r : never) journal_.settle(r.message->stream, {r.message->sequence});
      }
      changed_.notify_all();
      tell(never);
      if (!frame.empty())
        send(frame);
      else if (never.empty())
        return;
    }
  }

  void tell(const std::vector<refused>& refusals) {
    for (const auto& [m, code, name] : refusals) {
      log("refused for good: sequence " + std::to_string(m->sequence) + " of stream " + m->stream +
          ": " + name);
      if (options_.on_refused) {
        options_.on_refused({m->stream, m->sequence, m->payload, code, name});
      }
    }
  }

  bool write(std::string& why) {
    while (!unsent_.empty()) {
      const auto n = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
      if (n < 0) {
        why = error_text("cannot send");
        return false;
      }
      unsent_.erase(0, static_cast<std::size_t>(n));
    }
    return true;
  }

  std::optional<ending> read() {
    std::array<char, 65536> buffer;
    for (;;) {
      const auto n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
      if (n < 0) return ending{error_text("cannot receive"), {}, false, {}};
      if (n == 0) {
        return ending{"the gateway closed the connection without a goodbye", {}, false, {}};
      }
      received_.append(buffer.data(), static_cast<std::size_t>(n));
      if (auto end = take_frames()) return end;
    }
  }

  std::optional<ending> take_frames() {
    std::string_view rest = received_;
    while (rest.size() >= length_size) {
      const auto length = static_cast<std::size_t>(big_endian(rest.substr(0, length_size)));
      if (length_size + length > maximum_frame) {
        return ending{"a frame of " + std::to_string(length) +
                          " bytes: does the other side speak the native protocol?",
                      {},
                      false,
                      {}};
      }
      if (rest.size() < length_size + length) break;
      fields f;
      if (!f.read(rest.substr(length_size, length))) {
        return ending{"a frame that no server sends", {}, false, {}};
      }
      rest.remove_prefix(length_size + length);
      heard_ = clock::now();
      if (auto end = take(f)) return end;
    }
    received_.erase(0, received_.size() - rest.size());
    return std::nullopt;
  }

  std::optional<ending> take(const fields& f) {
    switch (f[0].number) {
      case welcome:
        return take_welcome(f);
      case ack:
        take_ack(f);
        break;
      case command_frame:
        take_command(f);
        break;
      case ping:
        send(frame_writer(pong).optional_number(f[1].number).finish());
        break;
      case redirect:
        return ending{"the gateway sends us to " + f[1].text, milliseconds(f[2].number), false,
                      f[1].text};
      case goodbye:
        return ending{"the gateway said goodbye: " + f[2].text + " (" + f[4].text + ")",
                      milliseconds(f[3].number),
                      needs_a_person(f[1].number),
                      {}};
      default:  // pong
        break;
    }
    return std::nullopt;
  }

  std::optional<ending> take_welcome(const fields& f) {
    std::array<credit, class_count> granted{};
    if (f[1].number != version || f[5].items.size() < class_count) {
      return ending{"a welcome that offers what we cannot speak", {}, false, {}};
    }
    for (std::size_t i = 0; i < class_count; ++i) {
      const auto& c = f[5].items[i].items;
      if (c.size() >= 2) granted[i] = {c[0].number, c[1].number};
    }
    keep_alive_ = std::chrono::seconds(std::min<std::uint64_t>(f[3].number, 0xFFFF));
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (const auto& s : f[6].items) {
        if (s.items.size() < 2) continue;
        journal_.settle(s.items[0].text,
                        outbox_.already_settled(s.items[0].text, s.items[1].number));
      }
      outbox_.connected(granted, static_cast<std::size_t>(f[4].number));
      connected_ = welcomed_ = true;
      last_error_.clear();
    }
    changed_.notify_all();
    log("connected to " + f[2].text);
    return std::nullopt;
  }

  void take_ack(const fields& f) {
    std::vector<refused> refusals;
    std::vector<std::uint64_t> settled;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      settled = outbox_.answered(f, clock::now(), refusals);
      journal_.settle(f[2].text, settled);
    }
    if (!settled.empty()) backoff_.succeeded();
    changed_.notify_all();
    tell(refusals);
  }

  /// A command that is delivered again is answered again, and not done again.
  void take_command(const fields& f) {
    const auto& id = f[1].text;
    auto known = std::find_if(answers_.begin(), answers_.end(),
                              [&](const auto& a) { return a.first == id; });
    if (known == answers_.end()) {
      answers_.emplace_back(id, answer(f));
      if (answers_.size() > remembered_commands) answers_.pop_front();
      known = std::prev(answers_.end());
    }
    const auto status = static_cast<std::uint64_t>(known->second.status);
    send(frame_writer(command_ack)
             .text(id)
             .number(status)
             .optional_binary(known->second.payload)
             .finish());
  }

  command_answer answer(const fields& f) {
    command c{f[1].text, f[2].text, f[3].text, f[5].text, std::nullopt};
    if (f[4].present()) c.time_left = milliseconds(f[4].number);
    if (c.time_left && c.time_left->count() == 0) return {command_status::expired, {}};
    if (!options_.on_command) return {command_status::unknown, {}};
    return options_.on_command(c);
  }

  // Time.

  /// When either side has been silent for an interval, which no ping of ours has tested yet.
  clock::time_point ping_due() const {
    return std::max(pinged_, std::min(spoke_, heard_)) + keep_alive_;
  }

  clock::time_point next_deadline() const {
    auto earliest = clock::now() + longest_sleep;
    if (keep_alive_.count() != 0) {
      earliest = std::min({earliest, ping_due(), heard_ + 2 * keep_alive_});
    }
    if (!welcomed_) earliest = std::min(earliest, heard_ + connect_timeout);
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto again = outbox_.next_time();
    return again ? std::min(earliest, *again) : earliest;
  }

  std::optional<ending> look_at_time() {
    const auto now = clock::now();
    if (!welcomed_ && now >= heard_ + connect_timeout) {
      return ending{"no welcome in time", {}, false, {}};
    }
    if (keep_alive_.count() == 0) return std::nullopt;
    if (now >= heard_ + 2 * keep_alive_) {
      return ending{"the gateway has gone silent", {}, false, {}};
    }
    if (now >= ping_due()) {
      send(frame_writer(ping).finish());
      pinged_ = now;
    }
    return std::nullopt;
  }

  options options_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  journal journal_;
  outbox outbox_;
  std::string last_error_;
  bool connected_ = false;
  bool stopping_ = false;

  descriptor woken_, wake_up_;
  std::thread thread_;

  // Of the thread alone.
  backoff backoff_;
  std::deque<std::pair<std::string, command_answer>> answers_;  // by command id
  descriptor socket_;
  std::string received_, unsent_;
  std::chrono::seconds keep_alive_{0};
  clock::time_point heard_, spoke_, pinged_;
  bool welcomed_ = false;
  bool goodbye_sent_ = false;
};

std::unique_ptr<client> client::open(options o, std::string& why) {
  auto i = std::make_unique<implementation>(std::move(o));
  if (!i->start(why)) return nullptr;
  return std::unique_ptr<client>(new client(std::move(i)));
}

client::client(std::unique_ptr<implementation> i) : it_(std::move(i)) {}
client::~client() = default;

published client::publish(std::string_view payload, const description& d) {
  return it_->publish(payload, d);
}
std::size_t client::waiting() const {
  return it_->waiting();
}
bool client::drain(milliseconds timeout) {
  return it_->drain(timeout);
}
bool client::is_connected() const {
  return it_->is_connected();
}
std::string client::last_error() const {
  return it_->last_error();
}
void client::close() {
  it_->close();
}

}  // namespace fleetgate::sdk
