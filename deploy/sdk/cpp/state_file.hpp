// The state file. Its format and its discipline of fsync are those of the Python client and stand
// in deploy/sdk/python/fleetgate/journal.py; either client can go on with the other's file.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes.hpp"
#include "fleetgate_client.hpp"

namespace fleetgate::sdk::detail {

struct stored {
  std::uint8_t cls = 3;
  std::string stream;
  std::uint64_t sequence = 0;
  std::string payload, topic, content_type, traceparent;
  std::uint64_t device_time_ns = 0;
};
using stored_ptr = std::shared_ptr<const stored>;

inline constexpr std::string_view magic = "FGJRNL01";
inline constexpr std::uint64_t reserved_at_once = 1024;
inline constexpr std::size_t rewrite_above = 64 << 10;
inline constexpr std::size_t header_size = 16;

inline void put_text(std::string& out, std::string_view s) {
  put_big_endian(out, s.size(), 2);
  out.append(s);
}

inline std::string framed(const std::string& body) {
  std::string out;
  put_big_endian(out, body.size(), 4);
  put_big_endian(out, crc32(body), 4);
  return out + body;
}

inline std::string message_record(const stored& m) {
  std::string body = "M";
  put_big_endian(body, m.cls, 1);
  put_big_endian(body, m.sequence, 8);
  put_big_endian(body, m.device_time_ns, 8);
  for (const auto* s : {&m.stream, &m.topic, &m.content_type, &m.traceparent}) put_text(body, *s);
  return framed(body + m.payload);
}

inline std::string reserve_record(std::string_view stream, std::uint64_t sequence) {
  std::string body = "R";
  put_big_endian(body, sequence, 8);
  put_text(body, stream);
  return framed(body);
}

inline std::string settled_record(std::string_view stream, std::uint64_t first,
                                  std::uint64_t last) {
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

}  // namespace fleetgate::sdk::detail
