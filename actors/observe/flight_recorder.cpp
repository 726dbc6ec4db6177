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

using numbered = std::vector<std::pair<std::uint64_t, fs::path>>;

/// The oldest first.
result<numbered> kept_in(const std::string& all) {
  numbered there;
  std::error_code error;
  for (fs::directory_iterator at(all, error), end; !error && at != end; at.increment(error)) {
    if (const auto number = number_of(at->path())) there.emplace_back(*number, at->path());
  }
  if (error) return os_fault(all, error);
  std::sort(there.begin(), there.end());
  return there;
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
  flight_recorder made;
  made.directory_ = all + "/starting";
  fs::remove_all(made.directory_, error);
  if (!error) fs::create_directory(made.directory_, error);
  if (error) return os_fault(made.directory_, error);
  made.settings_ = std::move(settings);
  return made;
}

result<trace_writer> flight_recorder::writer(std::string_view thread, double share) {
  if (directory_.empty() || failed_) return trace_writer();
  const auto bytes = static_cast<std::uint64_t>(static_cast<double>(settings_.bytes) * share);
  const std::uint64_t records = std::max(bytes / trace_record_bytes, least_records);
  trace_file_head head;
  head.node = settings_.node;
  head.thread = std::string(thread);
  head.start_time_ns = settings_.start_time_ns;
  head.incarnation = settings_.incarnation;
  head.anomalies = records / anomalies_of_all;
  head.ordinary = records - head.anomalies;
  auto made = trace_writer::create(directory_ + "/" + head.thread + ".ring", head);
  failed_ = !made;
  return made;
}

result<void> flight_recorder::keep() {
  if (directory_.empty()) return {};
  const std::string all = recordings_in(settings_.data_dir);
  const auto there = kept_in(all);
  if (!there) return tl::unexpected(there.error());
  const std::uint64_t number = there->empty() ? 1 : there->back().first + 1;
  const std::string kept = all + "/" + std::to_string(number);
  std::error_code error;
  fs::rename(directory_, kept, error);
  if (error) return os_fault(directory_, error);
  directory_ = kept;
  for (std::size_t i = 0; i + kept_recordings <= there->size(); ++i) {
    const fs::path& oldest = (*there)[i].second;
    fs::remove_all(oldest, error);
    if (error) return os_fault(oldest.string(), error);
  }
  return {};
}

void flight_recorder::discard() noexcept {
  if (directory_.empty()) return;
  std::error_code ignored;  // the next start tries it again
  fs::remove_all(directory_, ignored);
}

}  // namespace fleetgate::observe
