#include "actors/observe/flight_recorder.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace fleetgate::observe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t anomalies_of_all = 4;  // a quarter
constexpr std::uint64_t least_records = 64;

std::optional<std::uint64_t> number_of(const fs::path& directory) {
  const std::string name = directory.filename().string();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

tl::unexpected<fault> os_fault(const std::string& path, const std::error_code& error) {
  const bool full = error == std::errc::no_space_on_device;
  return failure(full ? fault_code::storage_full : fault_code::storage_io,
                 path + ": " + error.message());
}

}  // namespace

std::string recordings_in(std::string_view data_dir) {
  return std::string(data_dir) + "/recorder";
}

result<flight_recorder> flight_recorder::open(recording_settings settings) {
  const std::string all = recordings_in(settings.data_dir);
  std::error_code error;
  fs::create_directories(all, error);
  if (error) return os_fault(all, error);
  std::vector<std::pair<std::uint64_t, fs::path>> there;
  for (fs::directory_iterator at(all, error), end; !error && at != end; at.increment(error)) {
    if (const auto number = number_of(at->path())) there.emplace_back(*number, at->path());
  }
  if (error) return os_fault(all, error);
  std::sort(there.begin(), there.end());
  const std::uint64_t next = there.empty() ? 1 : there.back().first + 1;
  const std::size_t too_many =
      there.size() < kept_recordings ? 0 : there.size() - (kept_recordings - 1);
  for (std::size_t i = 0; i < too_many; ++i) {
    fs::remove_all(there[i].second, error);
    if (error) return os_fault(there[i].second.string(), error);
  }
  flight_recorder made;
  made.directory_ = all + "/" + std::to_string(next);
  fs::create_directory(made.directory_, error);
  if (error) return os_fault(made.directory_, error);
  made.settings_ = std::move(settings);
  return made;
}

result<trace_writer> flight_recorder::writer(std::string_view thread, double share) const {
  if (directory_.empty()) return trace_writer();
  const auto bytes = static_cast<std::uint64_t>(static_cast<double>(settings_.bytes) * share);
  const std::uint64_t records = std::max(bytes / trace_record_bytes, least_records);
  trace_file_head head;
  head.node = settings_.node;
  head.thread = std::string(thread);
  head.start_time_ns = settings_.start_time_ns;
  head.incarnation = settings_.incarnation;
  head.anomalies = records / anomalies_of_all;
  head.ordinary = records - head.anomalies;
  return trace_writer::create(directory_ + "/" + head.thread + ".ring", head);
}

}  // namespace fleetgate::observe
