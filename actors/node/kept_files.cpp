#include "actors/node/kept_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace fleetgate::node {
namespace {

tl::unexpected<fault> lost(const std::string& path) {
  return failure(fault_code::storage_io,
                 path +
                     " was moved, removed or replaced while in use; put it back, or restart to "
                     "go on with what is there");
}

result<void> check_place(const file_place& place) {
  if (place.holds()) return {};
  return lost(place.path());
}

class kept_file final : public contract::file {
 public:
  kept_file(std::unique_ptr<contract::file> below, file_place place, const kept_files& all)
      : below_(std::move(below)), place_(std::move(place)), all_(all) {}

  result<void> write_at(std::uint64_t offset, byte_view data) override {
    return below_->write_at(offset, data);
  }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    return below_->read_at(offset, into);
  }
  /// Looks afterwards: what goes while it syncs is not promised either.
  result<void> sync() override {
    if (auto synced = below_->sync(); !synced) return synced;
    if (auto here = all_.check(); !here) return here;
    return check_place(place_);
  }
  result<void> truncate(std::uint64_t size) override { return below_->truncate(size); }
  result<std::uint64_t> size() override { return below_->size(); }
  void forget_cached(std::uint64_t end) noexcept override { below_->forget_cached(end); }
  bool disk_gives(std::uint64_t offset) noexcept override { return below_->disk_gives(offset); }

 private:
  std::unique_ptr<contract::file> below_;
  file_place place_;
  const kept_files& all_;
};

}  // namespace

result<file_place> file_place::of(std::string path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return lost(path);
  file_place place;
  place.path_ = std::move(path);
  place.device_ = found.st_dev;
  place.inode_ = found.st_ino;
  return place;
}

bool file_place::holds() const noexcept {
  struct stat found {};
  return ::stat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_;
}

result<held_place> held_place::of(const std::string& path) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return lost(path);
  auto place = file_place::of(path);
  if (place) return held_place(std::move(*place), fd);
  ::close(fd);
  return tl::unexpected(std::move(place.error()));
}

held_place::held_place(held_place&& o) noexcept
    : place_(std::move(o.place_)), fd_(std::exchange(o.fd_, -1)) {}

held_place::~held_place() {
  if (fd_ >= 0) ::close(fd_);
}

result<void> kept_files::keep(const std::string& path) {
  auto place = held_place::of(path);
  if (!place) return tl::unexpected(std::move(place.error()));
  places_.push_back(std::move(*place));
  return {};
}

result<void> kept_files::check() const {
  for (const held_place& held : places_) {
    if (auto here = check_place(held.place()); !here) return here;
  }
  return {};
}

result<std::unique_ptr<contract::file>> kept_files::kept(
    const std::string& path, result<std::unique_ptr<contract::file>> opened) {
  if (!opened) return opened;
  auto place = file_place::of(path);
  if (!place) return tl::unexpected(std::move(place.error()));
  return std::make_unique<kept_file>(std::move(*opened), std::move(*place), *this);
}

result<std::unique_ptr<contract::file>> kept_files::create(const std::string& path) {
  return kept(path, below_.create(path));
}
result<std::unique_ptr<contract::file>> kept_files::open_for_writing(const std::string& path) {
  return kept(path, below_.open_for_writing(path));
}
result<std::unique_ptr<contract::file>> kept_files::open_for_reading(const std::string& path) {
  return below_.open_for_reading(path);
}
result<std::vector<std::string>> kept_files::list(const std::string& directory) {
  auto names = below_.list(directory);
  if (auto here = check(); !here) return tl::unexpected(std::move(here.error()));
  return names;
}
result<void> kept_files::make_directory(const std::string& path) {
  return below_.make_directory(path);
}
result<void> kept_files::remove(const std::string& path) {
  return below_.remove(path);
}
result<void> kept_files::sync_directory(const std::string& path) {
  return below_.sync_directory(path);
}

}  // namespace fleetgate::node
