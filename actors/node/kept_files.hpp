// The spool's file layer, with one promise more: what is synced lies where the next start looks for
// it. Where a file, or a place the node keeps (its lock, the spool's directory), was moved, removed
// or replaced, a sync fails, so that nothing more is acknowledged. Any thread, once all places are
// kept. Limit: a stat of each place a sync, and one descriptor a place.
#pragma once

#include <string>
#include <vector>

#include "actors/contract/file_layer.hpp"

namespace fleetgate::node {

/// What stands at a path now, to be told from what may stand there later: held by a descriptor, so
/// that its inode number is not given to another file.
class file_place {
 public:
  /// Faults: storage_io (nothing stands there).
  static result<file_place> of(std::string path);
  file_place(file_place&& o) noexcept;
  file_place& operator=(file_place&&) = delete;
  ~file_place();

  [[nodiscard]] bool holds() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  file_place(std::string path, int fd) noexcept : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
};

class kept_files final : public contract::file_layer {
 public:
  explicit kept_files(contract::file_layer& below) noexcept : below_(below) {}

  /// Before any other thread comes. Faults: storage_io (nothing stands there).
  result<void> keep(const std::string& path);
  /// Faults: storage_io, naming the first place that does not hold.
  [[nodiscard]] result<void> check() const;

  result<std::unique_ptr<contract::file>> create(const std::string& path) override;
  result<std::unique_ptr<contract::file>> open_for_writing(const std::string& path) override;
  result<std::unique_ptr<contract::file>> open_for_reading(const std::string& path) override;
  result<std::vector<std::string>> list(const std::string& directory) override;
  result<void> make_directory(const std::string& path) override;
  result<void> remove(const std::string& path) override;
  result<void> sync_directory(const std::string& path) override;

 private:
  result<std::unique_ptr<contract::file>> kept(const std::string& path,
                                               result<std::unique_ptr<contract::file>> opened);

  contract::file_layer& below_;
  std::vector<file_place> places_;
};

}  // namespace fleetgate::node
