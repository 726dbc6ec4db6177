#include "actors/observe/trace_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>
#include <tuple>

#include "actors/observe/flight_recorder.hpp"
#include "actors/runtime/descriptor.hpp"

namespace fleetgate::observe {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t records_per_read = 4096;

/// Bytes from `offset` on; fewer than asked for only at the end of the file, or after an error.
std::size_t read_fully(int fd, std::uint64_t offset, std::span<std::byte> into, int& error) {
  std::size_t got = 0;
  while (got < into.size()) {
    const ssize_t n =
        ::pread(fd, into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) error = errno;
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

bool is_blank(std::span<const std::byte> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

class ring_reading {
 public:
  ring_reading(int fd, trace_file_report& report, const std::function<void(trace_record)>& visit)
      : fd_(fd), report_(report), visit_(visit) {}

  /// The time from which on nothing of this ring is missing.
  std::int64_t read(std::uint64_t from, std::uint64_t capacity) {
    std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
    std::int64_t lowest_time = report_.head.start_time_ns;
    for (std::uint64_t at = 0; at < capacity;) {
      const std::size_t count = std::min<std::uint64_t>(capacity - at, records_per_read);
      buffer_.resize(count * trace_record_bytes);
      const std::size_t got =
          read_fully(fd_, from + at * trace_record_bytes, std::span(buffer_), error_);
      for (std::size_t i = 0; i + trace_record_bytes <= got; i += trace_record_bytes) {
        const auto slot = std::span<const std::byte>(buffer_).subspan(i, trace_record_bytes);
        auto record = decode_trace_record(slot);
        if (!record) {
          report_.unreadable += is_blank(slot) ? 0 : 1;
          continue;
        }
        ++report_.records;
        if (record->number < lowest) {
          lowest = record->number;
          lowest_time = record->time_ns;
        }
        visit_(std::move(*record));
      }
      if (got < buffer_.size()) {
        report_.truncated = true;
        break;
      }
      at += count;
    }
    const bool is_whole = lowest == 1 || lowest == std::numeric_limits<std::uint64_t>::max();
    return is_whole ? report_.head.start_time_ns : lowest_time;
  }

  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  int fd_;
  trace_file_report& report_;
  const std::function<void(trace_record)>& visit_;
  std::vector<std::byte> buffer_;
  int error_ = 0;
};

fault os_fault(const std::string& path, int error) {
  return fault(error == ENOENT ? fault_code::not_found : fault_code::storage_io,
               path + ": " + std::strerror(error));
}

std::error_code list(const std::string& directory,
                     const std::function<void(const fs::path&)>& visit) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    visit(at->path());
  }
  return error;
}

}  // namespace

bool trace_filter::passes(const trace_record& r) const noexcept {
  const trace_note& n = r.note;
  if (trace && n.trace != *trace) return false;
  if (cls && n.cls != *cls) return false;
  if (event && n.event != *event) return false;
  if (sequence && n.sequence != *sequence) return false;
  if (since_ns && r.time_ns < *since_ns) return false;
  if (until_ns && r.time_ns > *until_ns) return false;
  if (anomalies_only && model::describe(n.event).kind != model::trace_kind::anomaly) return false;
  return !subject || r.subject_hash == trace_subject_hash(*subject);
}

result<trace_file_report> read_trace_file(const std::string& path,
                                          const std::function<void(trace_record)>& visit) {
  const runtime::descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return tl::unexpected(os_fault(path, errno));
  struct stat about {};
  if (::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) {
    return failure(fault_code::storage_io, path + ": not a regular file");
  }
  trace_head_image head_bytes{};
  int error = 0;
  const std::size_t got = read_fully(file.get(), 0, head_bytes, error);
  if (error != 0) return tl::unexpected(os_fault(path, error));
  const auto head = decode_trace_head(std::span<const std::byte>(head_bytes).first(got));
  if (!head) {
    return failure(fault_code::storage_damaged,
                   path + " is no ring of the flight recorder, or of a newer program");
  }
  trace_file_report report;
  report.head = *head;
  report.path = path;
  ring_reading rings(file.get(), report, visit);
  const std::uint64_t second = trace_head_bytes + head->anomalies * trace_record_bytes;
  report.anomalies_since_ns = rings.read(trace_head_bytes, head->anomalies);
  report.ordinary_since_ns = rings.read(second, head->ordinary);
  if (rings.error() != 0) return tl::unexpected(os_fault(path, rings.error()));
  return report;
}

result<trace_timeline> read_recordings(const std::string& data_dir,
                                       const std::function<bool(const trace_record&)>& wanted) {
  const std::string all = recordings_in(data_dir);
  trace_timeline found;
  std::vector<std::string> starts, paths;
  const auto refused = list(all, [&](const fs::path& p) { starts.push_back(p.string()); });
  if (refused == std::errc::no_such_file_or_directory) {
    return failure(fault_code::not_found, all + ": there is no recording");
  }
  if (refused) return failure(fault_code::storage_io, all + ": " + refused.message());
  for (const auto& start : starts) {
    const auto error = list(start, [&](const fs::path& p) {
      if (p.extension() == ".ring") paths.push_back(p.string());
    });
    // A node that starts now may have removed the oldest directory; the rest is read.
    if (!error || error == std::errc::no_such_file_or_directory) continue;
    if (error == std::errc::not_a_directory) continue;
    found.unread.emplace_back(fault_code::storage_io, start + ": " + error.message());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    const auto file = static_cast<std::uint32_t>(found.files.size());
    const std::size_t before = found.lines.size();
    auto report = read_trace_file(path, [&](trace_record r) {
      if (wanted(r)) found.lines.push_back({std::move(r), file});
    });
    if (report) {
      found.files.push_back(std::move(*report));
      continue;
    }
    found.lines.resize(before);
    if (report.error().code == fault_code::not_found) continue;  // a start has removed it
    if (report.error().code == fault_code::storage_damaged)
      found.foreign.push_back(path);
    else
      found.unread.push_back(std::move(report.error()));
  }
  if (found.files.empty() && found.foreign.empty() && found.unread.empty()) {
    return failure(fault_code::not_found, all + ": there is no recording");
  }
  std::sort(found.lines.begin(), found.lines.end(), [](const trace_line& a, const trace_line& b) {
    return std::tie(a.record.time_ns, a.file, a.record.number) <
           std::tie(b.record.time_ns, b.file, b.record.number);
  });
  return found;
}

}  // namespace fleetgate::observe
