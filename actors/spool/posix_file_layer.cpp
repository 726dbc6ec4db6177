#include "actors/spool/posix_file_layer.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "actors/runtime/descriptor.hpp"

namespace fleetgate::spool {
namespace {

constexpr mode_t file_mode = 0640;
constexpr mode_t directory_mode = 0750;

tl::unexpected<fault> system_failure(int error, const char* what, const std::string& path) {
  fault_code code = fault_code::storage_io;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) code = fault_code::storage_full;
  if (error == ENOENT) code = fault_code::not_found;
  return failure(code,
                 std::string(what) + " " + path + ": " + std::generic_category().message(error));
}

// What must last was synced before a descriptor goes: close has nothing left to report.
using runtime::descriptor;

class posix_file final : public contract::file {
 public:
  posix_file(descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  result<void> write_at(std::uint64_t offset, byte_view data) override {
    while (!data.empty()) {
      const auto n = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return system_failure(n < 0 ? errno : EIO, "write", path_);
      data = data.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const auto n = ::pread(fd_.get(), into.data() + done, into.size() - done,
                             static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_failure(errno, "read", path_);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  result<void> sync() override {
    // Not again after EINTR: no error of this call may be thought away.
    if (::fdatasync(fd_.get()) != 0) return system_failure(errno, "fdatasync", path_);
    // What lies in a file that somebody removed is gone with this process, synced or not.
    struct stat st {};
    if (::fstat(fd_.get(), &st) != 0) return system_failure(errno, "stat", path_);
    if (st.st_nlink == 0)
      return failure(fault_code::storage_io, path_ + " was removed while in use");
    return {};
  }

  result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      return system_failure(errno, "truncate", path_);
    }
    return {};
  }

  result<std::uint64_t> size() override {
    struct stat st {};
    if (::fstat(fd_.get(), &st) != 0) return system_failure(errno, "stat", path_);
    return static_cast<std::uint64_t>(st.st_size);
  }

  /// Pages that are free again while they are warm make the next writes several times cheaper than
  /// pages that were never touched.
  void forget_cached(std::uint64_t end) noexcept override {
    constexpr std::uint64_t worth_a_call = 256 * 1024;
    if (end < forgotten_ + worth_a_call) return;
    ::posix_fadvise(fd_.get(), static_cast<off_t>(forgotten_), static_cast<off_t>(end - forgotten_),
                    POSIX_FADV_DONTNEED);
    forgotten_ = end;
  }

  bool disk_gives(std::uint64_t offset) noexcept override {
    // Memory holds files in pieces up to this size, which it forgets as a whole or not at all.
    constexpr std::uint64_t largest_piece = 2 * 1024 * 1024;
    ::posix_fadvise(fd_.get(), static_cast<off_t>(offset / largest_piece * largest_piece),
                    static_cast<off_t>(largest_piece), POSIX_FADV_DONTNEED);
    std::byte byte{};
    return !is_in_memory(offset) && ::pread(fd_.get(), &byte, 1, static_cast<off_t>(offset)) == 1;
  }

 private:
  /// Also where nothing tells.
  [[nodiscard]] bool is_in_memory(std::uint64_t offset) const noexcept {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    void* const mapped = ::mmap(nullptr, page, PROT_READ, MAP_SHARED, fd_.get(),
                                static_cast<off_t>(offset / page * page));
    if (mapped == MAP_FAILED) return true;
    unsigned char resident = 1;
    const bool is_known = ::mincore(mapped, page, &resident) == 0;
    ::munmap(mapped, page);
    return !is_known || (resident & 1) != 0;
  }

  descriptor fd_;
  std::string path_;
  std::uint64_t forgotten_ = 0;
};

result<std::unique_ptr<contract::file>> open_file(const std::string& path, int flags) {
  // O_NONBLOCK: what is no file, as a pipe, may keep whoever opens it waiting.
  descriptor fd(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, file_mode));
  if (fd.get() < 0) return system_failure(errno, "open", path);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return system_failure(errno, "stat", path);
  if (!S_ISREG(st.st_mode)) {
    return failure(fault_code::storage_io, path + " is not a regular file");
  }
  return std::make_unique<posix_file>(std::move(fd), path);
}

}  // namespace

result<std::unique_ptr<contract::file>> posix_file_layer::create(const std::string& path) {
  return open_file(path, O_RDWR | O_CREAT | O_EXCL);
}

result<std::unique_ptr<contract::file>> posix_file_layer::open_for_writing(
    const std::string& path) {
  return open_file(path, O_RDWR);
}

result<std::unique_ptr<contract::file>> posix_file_layer::open_for_reading(
    const std::string& path) {
  return open_file(path, O_RDONLY);
}

result<std::vector<std::string>> posix_file_layer::list(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), &::closedir);
  if (!dir) return system_failure(errno, "list", directory);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return system_failure(errno, "list", directory);
  std::sort(names.begin(), names.end());
  return names;
}

result<void> posix_file_layer::make_directory(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), directory_mode) != 0 && errno != EEXIST) {
      return system_failure(errno, "make directory", part);
    }
    if (slash == std::string::npos) return {};
  }
}

result<void> posix_file_layer::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return system_failure(errno, "remove", path);
  return {};
}

result<void> posix_file_layer::sync_directory(const std::string& path) {
  const descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return system_failure(errno, "open", path);
  if (::fsync(fd.get()) != 0) return system_failure(errno, "fsync", path);
  return {};
}

}  // namespace fleetgate::spool
