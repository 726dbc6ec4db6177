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

namespace fleetgate::sdk {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t class_count = 4;
constexpr std::array<const char*, class_count> class_names{"control", "heartbeat", "event",
                                                           "telemetry"};

// ---------------------------------------------------------------------------------------------
// Bytes

void put_big_endian(std::string& out, std::uint64_t n, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(n >> (8 * i)));
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t n = 0;
  for (const char c : bytes) n = n << 8 | static_cast<unsigned char>(c);
  return n;
}

/// CRC-32 as zlib and Ethernet have it.
std::uint32_t crc32(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xEDB88320u ^ c >> 1 : c >> 1;
      t[i] = c;
    }
    return t;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ crc >> 8;
  return crc ^ 0xFFFFFFFFu;
}

/// A file descriptor that closes itself.
class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~descriptor() { reset(); }
  void reset() noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

std::string error_text(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

// ---------------------------------------------------------------------------------------------
// Frames: docs/wire/native.md

enum frame_type : std::uint8_t {
  hello = 1,
  welcome,
  publish_frame,
  batch,
  ack,
  command_frame,
  command_ack,
  ping,
  pong,
  redirect,
  goodbye,
};

constexpr std::uint64_t version = 1;
constexpr std::size_t length_size = 4;
constexpr std::size_t maximum_frame = 1 << 20;  // that we take

/// Writes one frame field by field. What is absent becomes nil, or nothing where no other follows.
class frame_writer {
 public:
  explicit frame_writer(frame_type type) { number(type); }

  frame_writer& number(std::uint64_t n) {
    begin();
    return put_number(n), *this;
  }
  frame_writer& text(std::string_view s) {
    begin();
    return put_text(s), *this;
  }
  frame_writer& binary(std::string_view b) {
    begin();
    return put_binary(b), *this;
  }
  frame_writer& array(std::size_t count) {
    begin();
    return put_array(count), *this;
  }
  frame_writer& absent() {
    ++absent_;
    return *this;
  }
  frame_writer& optional_text(std::string_view s) { return s.empty() ? absent() : text(s); }
  frame_writer& optional_binary(std::string_view s) { return s.empty() ? absent() : binary(s); }
  frame_writer& optional_number(std::uint64_t n) { return n == 0 ? absent() : number(n); }

  // Elements of an array.
  void put_nil() { body_.push_back('\xC0'); }
  void put_number(std::uint64_t n) {
    if (n <= 0x7F)
      body_.push_back(static_cast<char>(n));
    else
      sized(n, '\xCC', '\xCD', '\xCE');
  }
  void put_text(std::string_view s) {
    if (s.size() <= 31)
      body_.push_back(static_cast<char>(0xA0 | s.size()));
    else
      sized(s.size(), '\xD9', '\xDA', '\xDB');
    body_.append(s);
  }
  void put_binary(std::string_view b) {
    sized(b.size(), '\xC4', '\xC5', '\xC6');
    body_.append(b);
  }
  void put_array(std::size_t count) {
    if (count <= 15) return body_.push_back(static_cast<char>(0x90 | count));
    body_.push_back('\xDD');
    put_big_endian(body_, count, 4);
  }

  [[nodiscard]] std::string finish() const {
    std::string out;
    put_big_endian(out, body_.size() + 1, length_size);
    out.push_back(static_cast<char>(0x90 | fields_));
    return out + body_;
  }

 private:
  void begin() {
    for (; absent_ != 0; --absent_, ++fields_) put_nil();
    ++fields_;
  }
  void sized(std::uint64_t n, char in_1, char in_2, char in_4) {
    const int bytes = n <= 0xFF ? 1 : n <= 0xFFFF ? 2 : n <= 0xFFFF'FFFF ? 4 : 8;
    body_.push_back(bytes == 1 ? in_1 : bytes == 2 ? in_2 : bytes == 4 ? in_4 : '\xCF');
    put_big_endian(body_, n, bytes);
  }

  std::string body_;
  unsigned fields_ = 0;
  unsigned absent_ = 0;
};

/// A MessagePack value, as far as frames have them. Maps are arrays of keys and values.
struct value {
  enum class kind : std::uint8_t { nil, number, text, array, other };
  kind is = kind::nil;
  std::uint64_t number = 0;
  std::string text;
  std::vector<value> items;

  [[nodiscard]] bool present() const noexcept { return is != kind::nil; }
};

/// Reads one body. Everything is bounded by the bytes that are there.
class value_parser {
 public:
  explicit value_parser(std::string_view bytes) : in_(bytes) {}
  bool parse(value& out) { return parse(out, 0) && in_.empty(); }

 private:
  static constexpr int deepest = 8;

  bool take(std::size_t n, std::string_view& out) {
    if (n > in_.size()) return false;
    out = in_.substr(0, n);
    in_.remove_prefix(n);
    return true;
  }
  bool size(int bytes, std::uint64_t& n) {
    std::string_view raw;
    if (!take(static_cast<std::size_t>(bytes), raw)) return false;
    n = big_endian(raw);
    return true;
  }
  bool text(value& out, std::uint64_t n) {
    std::string_view raw;
    if (n > in_.size() || !take(static_cast<std::size_t>(n), raw)) return false;
    out.is = value::kind::text;
    out.text = raw;
    return true;
  }
  bool other(value& out, std::uint64_t n) {
    if (!text(out, n)) return false;
    out.is = value::kind::other;
    return true;
  }
  bool array(value& out, std::uint64_t n, int depth) {
    if (n > in_.size() || depth == deepest) return false;
    out.is = value::kind::array;
    for (; n != 0; --n) {
      if (!parse(out.items.emplace_back(), depth + 1)) return false;
    }
    return true;
  }
  bool number(value& out, int bytes, bool is_signed) {
    if (!size(bytes, out.number)) return false;
    const bool negative = is_signed && (out.number >> (8 * bytes - 1) & 1) != 0;
    out.is = negative ? value::kind::other : value::kind::number;
    return true;
  }
  bool sized_text(value& out, int bytes) {
    std::uint64_t n = 0;
    return size(bytes, n) && text(out, n);
  }
  bool sized_array(value& out, int bytes, int depth, unsigned each) {
    std::uint64_t n = 0;
    return size(bytes, n) && array(out, n * each, depth);
  }
  bool extension(value& out, int bytes) {
    std::uint64_t n = 0;
    return size(bytes, n) && other(out, n + 1);
  }

  bool parse(value& out, int depth) {
    std::uint64_t first = 0;
    if (!size(1, first)) return false;
    if (first <= 0x7F) {
      out.is = value::kind::number;
      out.number = first;
      return true;
    }
    if (first <= 0x8F) return array(out, 2 * (first & 0x0F), depth);
    if (first <= 0x9F) return array(out, first & 0x0F, depth);
    if (first <= 0xBF) return text(out, first & 0x1F);
    if (first >= 0xE0) return other(out, 0);
    switch (first) {
      case 0xC0:
        return true;
      case 0xC2:
      case 0xC3:
        return other(out, 0);
      case 0xC4:
      case 0xD9:
        return sized_text(out, 1);
      case 0xC5:
      case 0xDA:
        return sized_text(out, 2);
      case 0xC6:
      case 0xDB:
        return sized_text(out, 4);
      case 0xC7:
        return extension(out, 1);
      case 0xC8:
        return extension(out, 2);
      case 0xC9:
        return extension(out, 4);
      case 0xCA:
        return other(out, 4);
      case 0xCB:
        return other(out, 8);
      case 0xCC:
      case 0xCD:
      case 0xCE:
      case 0xCF:
        return number(out, 1 << (first - 0xCC), false);
      case 0xD0:
      case 0xD1:
      case 0xD2:
      case 0xD3:
        return number(out, 1 << (first - 0xD0), true);
      case 0xDC:
        return sized_array(out, 2, depth, 1);
      case 0xDD:
        return sized_array(out, 4, depth, 1);
      case 0xDE:
        return sized_array(out, 2, depth, 2);
      case 0xDF:
        return sized_array(out, 4, depth, 2);
      case 0xC1:
        return false;
      default:  // fixext: 0xD4 to 0xD8
        return other(out, (std::uint64_t{1} << (first - 0xD4)) + 1);
    }
  }

  std::string_view in_;
};

/// The fields of a frame that was received; absent ones are nil.
class fields {
 public:
  /// False where the body is no frame that a server sends.
  bool read(std::string_view body) {
    value whole;
    if (!value_parser(body).parse(whole) || whole.is != value::kind::array) return false;
    items_ = std::move(whole.items);
    if (items_.empty() || items_[0].is != value::kind::number) return false;
    switch (items_[0].number) {
      case welcome:
        return has(5);
      case ack:
        return has(2);
      case command_frame:
        return has(3);
      case redirect:
      case goodbye:
        return has(1);
      case ping:
      case pong:
        return true;
      default:
        return false;
    }
  }
  const value& operator[](std::size_t i) const {
    static const value nothing;
    return i < items_.size() ? items_[i] : nothing;
  }

 private:
  bool has(std::size_t count) const {
    for (std::size_t i = 1; i <= count; ++i) {
      if (!(*this)[i].present()) return false;
    }
    return true;
  }
  std::vector<value> items_;
};

// ---------------------------------------------------------------------------------------------
// Messages

struct stored {
  std::uint8_t cls = 3;
  std::string stream;
  std::uint64_t sequence = 0;
  std::string payload, topic, content_type, traceparent;
  std::uint64_t device_time_ns = 0;
};
using stored_ptr = std::shared_ptr<const stored>;

// ---------------------------------------------------------------------------------------------
// The state file. Its format and its discipline of fsync are those of the Python client and stand
// in deploy/sdk/python/fleetgate/journal.py; either client can go on with the other's file.

constexpr std::string_view magic = "FGJRNL01";
constexpr std::uint64_t reserved_at_once = 1024;
constexpr std::size_t rewrite_above = 64 << 10;
constexpr std::size_t header_size = 16;

void put_text(std::string& out, std::string_view s) {
  put_big_endian(out, s.size(), 2);
  out.append(s);
}

std::string framed(const std::string& body) {
  std::string out;
  put_big_endian(out, body.size(), 4);
  put_big_endian(out, crc32(body), 4);
  return out + body;
}

std::string message_record(const stored& m) {
  std::string body = "M";
  put_big_endian(body, m.cls, 1);
  put_big_endian(body, m.sequence, 8);
  put_big_endian(body, m.device_time_ns, 8);
  for (const auto* s : {&m.stream, &m.topic, &m.content_type, &m.traceparent}) put_text(body, *s);
  return framed(body + m.payload);
}

std::string reserve_record(std::string_view stream, std::uint64_t sequence) {
  std::string body = "R";
  put_big_endian(body, sequence, 8);
  put_text(body, stream);
  return framed(body);
}

std::string settled_record(std::string_view stream, std::uint64_t first, std::uint64_t last) {
  std::string body = "S";
  put_big_endian(body, first, 8);
  put_big_endian(body, last, 8);
  put_text(body, stream);
  return framed(body);
}

/// Reads a body whose checksum was right; what it lacks reads as nothing.
class body_reader {
 public:
  explicit body_reader(std::string_view body) : in_(body.substr(1)) {}
  std::uint64_t number(std::size_t bytes) { return big_endian(take(bytes)); }
  std::string text() { return std::string(take(static_cast<std::size_t>(number(2)))); }
  std::string rest() { return std::string(in_); }

 private:
  std::string_view take(std::size_t n) {
    const auto got = in_.substr(0, n);
    in_.remove_prefix(got.size());
    return got;
  }
  std::string_view in_;
};

class journal {
 public:
  using key = std::pair<std::string, std::uint64_t>;

  bool open(const std::string& path, bool durable, std::string& why) {
    path_ = path;
    durable_ = durable;
    file_ = descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file_) {
      why = error_text("cannot open the state file " + path) +
            "; its directory must exist and be writable";
      return false;
    }
    if (!lock()) {
      why = "another process uses the state file " + path +
            "; two would give the same sequence to different messages";
      return false;
    }
    std::string data;
    if (!read_all(data)) {
      why = error_text("cannot read the state file " + path);
      return false;
    }
    if (data.size() < header_size && magic.substr(0, data.size()) == data.substr(0, magic.size())) {
      return begin(why);
    }
    if (std::string_view(data).substr(0, magic.size()) != magic) {
      why = path +
            " is no state file of a fleetgate client; name another, or move it away to begin "
            "anew";
      return false;
    }
    return load(data, why);
  }

  bool next_sequence(const std::string& stream, std::uint64_t& sequence, std::string& why) {
    auto& next = next_.try_emplace(stream, 1).first->second;
    auto& reserved = reserved_.try_emplace(stream, 1).first->second;
    if (next >= reserved) {
      if (!append(reserve_record(stream, next + reserved_at_once), why) || !sync(why)) return false;
      reserved = next + reserved_at_once;
    }
    sequence = next++;
    return true;
  }

  bool put(const stored_ptr& m, std::string& why) {
    const auto record = message_record(*m);
    if (!append(record, why)) return false;
    if (durable_ && !sync(why)) {
      size_ -= record.size();
      (void)cut_back();  // or it would be sent after a restart
      return false;
    }
    messages_[{m->stream, m->sequence}] = m;
    live_bytes_ += record.size();
    return true;
  }

  /// `sequences` rise. What cannot be noted is sent again after a restart, and known there.
  void settle(const std::string& stream, const std::vector<std::uint64_t>& sequences) {
    std::string records, ignored;
    for (std::size_t i = 0; i < sequences.size();) {
      std::size_t end = i + 1;
      while (end < sequences.size() && sequences[end] == sequences[end - 1] + 1) ++end;
      records += settled_record(stream, sequences[i], sequences[end - 1]);
      i = end;
    }
    if (!records.empty()) (void)append(records, ignored);
    for (const auto sequence : sequences) {
      const auto m = messages_.find({stream, sequence});
      if (m == messages_.end()) continue;
      live_bytes_ -= message_record(*m->second).size();
      messages_.erase(m);
    }
    if (size_ > rewrite_above && size_ > 2 * live_bytes_) (void)rewrite(ignored);
  }

  /// Notes how far sequences really went, so that the next start leaves no gap.
  void close() {
    if (!file_) return;
    std::string ignored;
    for (const auto& [stream, next] : next_) {
      if (next != reserved_[stream]) (void)append(reserve_record(stream, next), ignored);
    }
    (void)sync(ignored);
    file_.reset();
  }

  [[nodiscard]] std::uint64_t boot() const noexcept { return boot_; }
  [[nodiscard]] const std::map<key, stored_ptr>& messages() const noexcept { return messages_; }

 private:
  /// False where another process has it, or has just rewritten it and put another in its place.
  bool lock() const {
    struct stat ours {
    }, named{};
    return ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0 && ::fstat(file_.get(), &ours) == 0 &&
           ::stat(path_.c_str(), &named) == 0 && ours.st_ino == named.st_ino;
  }

  bool read_all(std::string& data) {
    std::array<char, 65536> buffer{};
    for (;;) {
      const auto n = ::read(file_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      if (n == 0) return true;
      data.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }

  bool begin(std::string& why) {
    std::random_device random;
    boot_ = ((static_cast<std::uint64_t>(random()) << 32 | random()) >> 2) + 1;
    return rewrite(why);
  }

  bool load(std::string_view data, std::string& why) {
    boot_ = big_endian(data.substr(magic.size(), 8));
    std::size_t at = header_size;
    while (data.size() - at >= 8) {
      const auto length = big_endian(data.substr(at, 4));
      const auto checksum = big_endian(data.substr(at + 4, 4));
      if (length == 0 || length > data.size() - at - 8) break;
      const auto body = data.substr(at + 8, static_cast<std::size_t>(length));
      if (crc32(body) != checksum) break;
      apply(body);
      at += 8 + body.size();
    }
    size_ = at;
    if (!cut_back()) {
      why = error_text("cannot cut the torn end off the state file " + path_);
      return false;
    }
    for (const auto& [k, m] : messages_) live_bytes_ += message_record(*m).size();
    return true;
  }

  void apply(std::string_view body) {
    body_reader in(body);
    if (body[0] == 'R') {
      const auto sequence = in.number(8);
      const auto stream = in.text();
      next_[stream] = reserved_[stream] = sequence;
    } else if (body[0] == 'M') {
      auto m = std::make_shared<stored>();
      m->cls = static_cast<std::uint8_t>(in.number(1) % class_count);
      m->sequence = in.number(8);
      m->device_time_ns = in.number(8);
      for (auto* s : {&m->stream, &m->topic, &m->content_type, &m->traceparent}) *s = in.text();
      m->payload = in.rest();
      messages_[{m->stream, m->sequence}] = m;
    } else if (body[0] == 'S') {
      const auto first = in.number(8), last = in.number(8);
      const auto stream = in.text();
      messages_.erase(messages_.lower_bound({stream, first}),
                      messages_.upper_bound({stream, last}));
    }
  }

  bool cut_back() {
    return ::ftruncate(file_.get(), static_cast<off_t>(size_)) == 0 &&
           ::lseek(file_.get(), static_cast<off_t>(size_), SEEK_SET) >= 0;
  }

  static bool write_all(int fd, std::string_view data) {
    while (!data.empty()) {
      const auto n = ::write(fd, data.data(), data.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  bool append(const std::string& records, std::string& why) {
    if (file_ && write_all(file_.get(), records)) {
      size_ += records.size();
      return true;
    }
    why = error_text("cannot write the state file " + path_) + "; the message was not taken";
    if (file_) (void)cut_back();
    return false;
  }

  bool sync(std::string& why) {
    if (::fdatasync(file_.get()) == 0) return true;
    why = error_text("cannot sync the state file " + path_);
    return false;
  }

  bool rewrite(std::string& why) {
    std::string data(magic);
    put_big_endian(data, boot_, 8);
    for (const auto& [stream, sequence] : reserved_) data += reserve_record(stream, sequence);
    for (const auto& [k, m] : messages_) data += message_record(*m);
    const auto new_path = path_ + ".new";
    const auto slash = path_.rfind('/');
    const auto directory = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    descriptor fresh(::open(new_path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const descriptor folder(::open(directory.c_str(), O_RDONLY | O_CLOEXEC));
    // Locked before it has the name, so that no other process can come between.
    if (!fresh || !folder || ::flock(fresh.get(), LOCK_EX | LOCK_NB) != 0 ||
        !write_all(fresh.get(), data) || ::fsync(fresh.get()) != 0 ||
        ::rename(new_path.c_str(), path_.c_str()) != 0 || ::fsync(folder.get()) != 0) {
      why = error_text("cannot rewrite the state file " + path_);
      return false;
    }
    file_ = std::move(fresh);
    size_ = data.size();
    return true;
  }

  std::string path_;
  descriptor file_;
  bool durable_ = true;
  std::uint64_t boot_ = 0;
  std::map<std::string, std::uint64_t> next_, reserved_;
  std::map<key, stored_ptr> messages_;
  std::size_t size_ = 0, live_bytes_ = 0;
};

// ---------------------------------------------------------------------------------------------
// What is to be sent, what is in flight, what was answered

struct credit {
  std::uint64_t messages = 0, bytes = 0;
};

struct refused {
  stored_ptr message;
  std::uint8_t code = 0;
  std::string name;
};

class outbox {
 public:
  [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  /// Of a stream that holds messages.
  [[nodiscard]] std::optional<std::uint8_t> class_of(const std::string& name) const {
    const auto s = streams_.find(name);
    return s == streams_.end() ? std::nullopt : std::optional(s->second.cls);
  }
  [[nodiscard]] std::vector<std::string> streams() const {
    std::vector<std::string> names;
    for (const auto& [name, s] : streams_) names.push_back(name);
    return names;
  }

  void add(const stored_ptr& m) {
    auto& s = streams_[m->stream];
    s.cls = m->cls;
    s.queued.push_back(m);
    ++messages_;
    bytes_ += m->payload.size();
  }

  /// A new connection: everything is sent again, lowest sequence first.
  void connected(const std::array<credit, class_count>& granted, std::size_t maximum) {
    disconnected();
    credit_ = granted;
    maximum_frame_ = maximum;
  }
  void disconnected() {
    for (auto& [name, s] : streams_) {
      std::map<std::uint64_t, stored_ptr> all(std::move(s.sent));
      for (const auto& [sequence, again] : s.again) all.emplace(sequence, again.first);
      for (const auto& m : s.queued) all.emplace(m->sequence, m);
      s.sent.clear();
      s.again.clear();
      s.queued.clear();
      for (auto& [sequence, m] : all) s.queued.push_back(std::move(m));
    }
    used_ = {};
    maximum_frame_ = 0;  // nothing is sent before the next welcome
  }

  /// The next frame; "" where nothing may be sent now, or where a message can never be: it is then
  /// added to `never`.
  std::string next_frame(clock::time_point now, std::vector<refused>& never) {
    if (maximum_frame_ == 0) return {};
    for (std::uint8_t cls = 0; cls < class_count; ++cls) {
      for (auto& [name, s] : streams_) {
        if (s.cls != cls) continue;
        const auto head = candidate(s, now);
        if (!head) continue;
        if (!fits_alone(*head)) {
          never.push_back({head, 0x95, "packet_too_large"});
          settle(name, head->sequence);
          return {};
        }
        return encode(take_run(s, head, now));
      }
    }
    return {};
  }

  /// When something that was refused may be sent again.
  [[nodiscard]] std::optional<clock::time_point> next_time() const {
    std::optional<clock::time_point> earliest;
    for (const auto& [name, s] : streams_) {
      for (const auto& [sequence, again] : s.again) {
        if (!earliest || again.second < *earliest) earliest = again.second;
      }
    }
    return earliest;
  }

  /// welcome: nothing up to here need be sent. Returns the sequences.
  std::vector<std::uint64_t> already_settled(const std::string& name, std::uint64_t up_to) {
    std::vector<std::uint64_t> done;
    const auto s = streams_.find(name);
    if (s == streams_.end()) return done;
    for (const auto& m : s->second.queued) {
      if (m->sequence <= up_to) done.push_back(m->sequence);
    }
    for (const auto sequence : done) settle(name, sequence);
    return done;
  }

  /// An ack frame. Returns the settled sequences in order.
  std::vector<std::uint64_t> answered(const fields& f, clock::time_point now,
                                      std::vector<refused>& refusals) {
    const auto& name = f[2].text;
    std::vector<std::uint64_t> done;
    const auto found = streams_.find(name);
    if (found == streams_.end()) return done;
    auto& s = found->second;
    std::vector<std::uint64_t> final;
    for (const auto& n : f[5].items) {
      if (n.items.size() < 3) continue;
      const auto m = s.sent.find(n.items[0].number);
      if (m == s.sent.end()) continue;
      if (n.items.size() > 3 && n.items[3].present()) {
        const auto at = now + milliseconds(std::min<std::uint64_t>(n.items[3].number, 0xFFFF'FFFF));
        s.again.emplace(m->first, std::pair(m->second, at));
        s.sent.erase(m);
      } else {
        final.push_back(m->first);
        refusals.push_back(
            {m->second, static_cast<std::uint8_t>(n.items[1].number), n.items[2].text});
      }
    }
    for (const auto& [sequence, m] : s.sent) {
      if (is_answered(f, sequence) ||
          std::find(final.begin(), final.end(), sequence) != final.end()) {
        done.push_back(sequence);
      }
    }
    const std::string copy = name;
    for (const auto sequence : done) settle(copy, sequence);
    return done;
  }

 private:
  struct stream {
    std::uint8_t cls = 3;
    std::deque<stored_ptr> queued;  // not sent on this connection, by sequence
    std::map<std::uint64_t, stored_ptr> sent;
    std::map<std::uint64_t, std::pair<stored_ptr, clock::time_point>> again;
  };
  // What a frame needs beside payloads and its header's texts.
  static constexpr std::size_t frame_overhead = 64, message_overhead = 32;

  static bool is_answered(const fields& f, std::uint64_t sequence) {
    if (f[3].is == value::kind::number && sequence <= f[3].number) return true;
    const auto& ranges = f[4].items;
    for (std::size_t i = 0; i + 1 < ranges.size(); i += 2) {
      if (ranges[i].number <= sequence && sequence <= ranges[i + 1].number) return true;
    }
    return false;
  }

  static std::size_t weight(const stored& m) {
    return message_overhead + m.payload.size() + m.traceparent.size();
  }
  static std::size_t header_weight(const stored& m) {
    return frame_overhead + m.stream.size() + m.topic.size() + m.content_type.size();
  }
  [[nodiscard]] bool fits_alone(const stored& m) const {
    return m.payload.size() <= credit_[m.cls].bytes &&
           header_weight(m) + weight(m) <= maximum_frame_;
  }

  /// The stream's next message that may be sent now; it stays where it is. What was refused goes
  /// before what is newer, and holds it up until its time has come.
  [[nodiscard]] stored_ptr candidate(const stream& s, clock::time_point now) const {
    if (!s.again.empty()) {
      const auto& [m, at] = s.again.begin()->second;
      return at <= now ? m : nullptr;
    }
    if (s.queued.empty()) return nullptr;
    const auto& m = s.queued.front();
    const auto& used = used_[s.cls];
    const bool has_credit = used.messages + 1 <= credit_[s.cls].messages &&
                            used.bytes + m->payload.size() <= credit_[s.cls].bytes;
    return has_credit || !fits_alone(*m) ? m : nullptr;
  }

  /// `head` and what can go with it in one frame; all are in flight then.
  std::vector<stored_ptr> take_run(stream& s, const stored_ptr& head, clock::time_point now) {
    std::vector<stored_ptr> run{head};
    std::size_t size = header_weight(*head) + weight(*head);
    note_sent(s, head);
    for (;;) {
      const auto m = candidate(s, now);
      if (!m || m->topic != head->topic || m->content_type != head->content_type ||
          m->sequence <= run.back()->sequence || !fits_alone(*m) ||
          size + weight(*m) > maximum_frame_) {
        return run;
      }
      size += weight(*m);
      note_sent(s, m);
      run.push_back(m);
    }
  }

  void note_sent(stream& s, const stored_ptr& m) {
    s.sent[m->sequence] = m;
    if (s.again.erase(m->sequence) != 0) return;
    s.queued.pop_front();
    ++used_[s.cls].messages;
    used_[s.cls].bytes += m->payload.size();
  }

  static std::string encode(const std::vector<stored_ptr>& run) {
    const auto& m = *run.front();
    const bool single = run.size() == 1;
    frame_writer w(single ? publish_frame : batch);
    w.number(m.cls).text(m.stream);
    if (single) {
      w.number(m.sequence).binary(m.payload).optional_text(m.topic).optional_text(m.content_type);
      return w.optional_number(m.device_time_ns).optional_text(m.traceparent).finish();
    }
    if (run.back()->sequence - m.sequence == run.size() - 1) {
      w.number(m.sequence);
    } else {
      w.array(run.size());
      for (const auto& one : run) w.put_number(one->sequence);
    }
    w.array(run.size());
    for (const auto& one : run) w.put_binary(one->payload);
    w.optional_text(m.topic).optional_text(m.content_type);
    put_times(w, run);
    put_traces(w, run);
    return w.finish();
  }
  static void put_times(frame_writer& w, const std::vector<stored_ptr>& run) {
    const auto has = [](const stored_ptr& m) { return m->device_time_ns != 0; };
    if (std::none_of(run.begin(), run.end(), has)) return void(w.absent());
    w.array(run.size());
    for (const auto& m : run) has(m) ? w.put_number(m->device_time_ns) : w.put_nil();
  }
  static void put_traces(frame_writer& w, const std::vector<stored_ptr>& run) {
    const auto has = [](const stored_ptr& m) { return !m->traceparent.empty(); };
    if (std::none_of(run.begin(), run.end(), has)) return void(w.absent());
    w.array(run.size());
    for (const auto& m : run) has(m) ? w.put_text(m->traceparent) : w.put_nil();
  }

  void settle(const std::string& name, std::uint64_t sequence) {
    const auto found = streams_.find(name);
    auto& s = found->second;
    stored_ptr m;
    if (const auto sent = s.sent.find(sequence); sent != s.sent.end()) {
      m = sent->second;
      s.sent.erase(sent);
    } else if (const auto again = s.again.find(sequence); again != s.again.end()) {
      m = again->second.first;
      s.again.erase(again);
    }
    if (m) {
      --used_[s.cls].messages;
      used_[s.cls].bytes -= m->payload.size();
    } else {
      const auto queued = std::find_if(s.queued.begin(), s.queued.end(),
                                       [&](const auto& q) { return q->sequence == sequence; });
      m = *queued;
      s.queued.erase(queued);
    }
    --messages_;
    bytes_ -= m->payload.size();
    if (s.queued.empty() && s.sent.empty() && s.again.empty()) streams_.erase(found);
  }

  std::map<std::string, stream> streams_;
  std::array<credit, class_count> credit_{}, used_{};
  std::size_t messages_ = 0, bytes_ = 0, maximum_frame_ = 0;
};

// ---------------------------------------------------------------------------------------------
// How long to wait before the next attempt: exponential, with full jitter, never before what the
// gateway asked for.

class backoff {
 public:
  backoff(milliseconds first, milliseconds longest) : first_(first), longest_(longest) {}
  void succeeded() noexcept { failures_ = 0; }
  /// `hopeless`: it needs a person; wait the longest at once.
  milliseconds delay(milliseconds retry_after, bool hopeless) {
    auto ceiling = hopeless ? longest_ : first_;
    for (int i = 0; i < failures_ && ceiling < longest_; ++i) ceiling *= 2;
    ++failures_;
    ceiling = std::min(ceiling, longest_);
    std::uniform_int_distribution<std::int64_t> any(0, ceiling.count());
    return retry_after + milliseconds(any(random_));
  }

 private:
  milliseconds first_, longest_;
  int failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};
};

/// How a connection ended.
struct ending {
  std::string why;
  milliseconds retry_after{0};
  bool hopeless = false;
  std::string redirected_to;
};

constexpr int most_redirects = 5;
constexpr std::size_t remembered_commands = 256;
constexpr std::size_t most_unsent = 64 << 10;  // beyond it no further frame is prepared
constexpr milliseconds connect_timeout{10'000};
constexpr milliseconds longest_sleep{3'600'000};

/// docs/wire/native.md, Codes: version, device name, credentials.
bool needs_a_person(std::uint64_t code) {
  return code >= 0x84 && code <= 0x87;
}

milliseconds until(clock::time_point t) {
  const auto left = std::chrono::ceil<milliseconds>(t - clock::now());
  return std::clamp(left, milliseconds(0), longest_sleep);
}

}  // namespace

// ---------------------------------------------------------------------------------------------
// The client: one thread that keeps a connection and moves messages from the outbox to the gateway

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
