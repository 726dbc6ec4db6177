#include "deploy/fleetsim/ack_log_reader.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace fleetgate::fleetsim {
namespace {

struct closes {
  void operator()(std::FILE* f) const noexcept { std::fclose(f); }
};
using file = std::unique_ptr<std::FILE, closes>;

result<file> open_to_read(const std::string& path) {
  file f(std::fopen(path.c_str(), "rb"));
  if (f) return f;
  const int error = errno;
  return failure(error == ENOENT ? fault_code::not_found : fault_code::storage_io,
                 path + ": " + std::strerror(error) + "; name the file that --ack-log wrote");
}

result<void> check_read(std::FILE* f, const std::string& path) {
  if (std::ferror(f) == 0) return {};
  return failure(fault_code::storage_io, path + ": " + std::strerror(errno));
}

/// The first line with its line break; shorter where the file ends within it.
std::string read_header(std::FILE* f) {
  std::string line;
  for (int c = 0; line.size() < longest_header && (c = std::fgetc(f)) != EOF;) {
    line.push_back(static_cast<char>(c));
    if (c == '\n') break;
  }
  return line;
}

result<void> read_records(std::FILE* f, const std::string& path, log_reading& reading,
                          const std::function<void(const ack_record&)>& visit) {
  std::array<char, 2048 * record_size> block{};
  bool whole = true;
  for (std::size_t n = 0; (n = std::fread(block.data(), 1, block.size(), f)) > 0;) {
    for (std::size_t at = 0; at < n; at += record_size) {
      const auto r =
          whole && at + record_size <= n ? decode_record(block.data() + at) : std::nullopt;
      whole = r.has_value();
      if (!whole) {
        reading.torn_bytes += n - at;
        break;
      }
      ++reading.records;
      reading.whole_bytes += record_size;
      visit(*r);
    }
  }
  return check_read(f, path);
}

}  // namespace

result<log_reading> read_ack_log(const std::string& path,
                                 const std::function<void(const fleet_identity&)>& begin,
                                 const std::function<void(const ack_record&)>& visit) {
  auto f = open_to_read(path);
  if (!f) return tl::unexpected(f.error());
  log_reading reading;
  std::string header = read_header(f->get());
  if (header.empty() || header.back() != '\n') {
    if (header.size() >= longest_header || (!header.empty() && header.front() != '{')) {
      return failure(fault_code::config_invalid, path + ": not a fleetsim log");
    }
    reading.torn_bytes = header.size();
    if (auto read = check_read(f->get(), path); !read) return tl::unexpected(read.error());
    return reading;
  }
  reading.whole_bytes = header.size();
  header.pop_back();
  const auto fleet = decode_header(header);
  if (!fleet) return failure(fleet.error().code, path + ": " + fleet.error().detail);
  begin(*fleet);
  auto read = read_records(f->get(), path, reading, visit);
  if (!read) return tl::unexpected(read.error());
  return reading;
}

void resume_points::add(const ack_record& r) {
  state& s = devices_[r.device];
  if (r.kind == record_kind::loss || r.boot < s.boot) return;
  if (r.boot > s.boot) {
    s.answered_before += s.answered.count();
    s.answered = {};
    s.boot = r.boot;
  }
  if (r.kind != record_kind::boot) s.answered.insert(r.sequence);
}

start_point resume_points::of(std::uint32_t device, std::uint32_t first_boot) const {
  start_point from;
  from.boot = first_boot;
  const auto found = devices_.find(device);
  if (found == devices_.end() || found->second.boot == 0) return from;
  from.boot = found->second.boot;
  for (const range_set::range& r : found->second.answered.ranges()) {
    if (r.first > from.next_sequence) from.missing.insert_new(from.next_sequence, r.first - 1);
    from.next_sequence = r.last + 1;
  }
  return from;
}

std::uint64_t resume_points::answered(std::uint32_t device) const {
  const auto found = devices_.find(device);
  return found == devices_.end() ? 0
                                 : found->second.answered_before + found->second.answered.count();
}

}  // namespace fleetgate::fleetsim
