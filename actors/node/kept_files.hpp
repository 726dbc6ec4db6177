// The spool's file layer, with one promise more: what is synced lies where the next start looks for
// it. Where a file, or a place the node keeps (its lock, the spool's directory), was moved, removed
// or replaced, a sync fails, so that nothing more is acknowledged, and so does a look at a
// directory, so that no reader takes for lost what is only away. Any thread, once all places are
// kept. Limit: a stat of each place a sync or a look; a descriptor for each place that is kept,
// none more for a file.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "actors/contract/file_layer.hpp"

namespace fleetgate::node {

/// What stands at a path now, to be told from what may stand there later as long as it is held
/// open: the number of a file that is gone may be given to another.
class file_place {
 public:
  /// Faults: storage_io (nothing stands there).
  static result<file_place> of(std::string path);

  [[nodiscard]] bool holds() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// The same, held open by itself.
class held_place {
 public:
  static result<held_place> of(const std::string& path);
  held_place(held_place&& o) noexcept;
  held_place& operator=(held_place&&) = delete;
  ~held_place();

  [[nodiscard]] const file_place& place() const noexcept { return place_; }

 private:
  held_place(file_place place, int fd) noexcept : place_(std::move(place)), fd_(fd) {}

  file_place place_;
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
  /// A fault also where a place does not hold: what lies there then is not what was kept.
  result<std::vector<std::string>> list(const std::string& directory) override;
  result<void> make_directory(const std::string& path) override;
  result<void> remove(const std::string& path) override;
  result<void> sync_directory(const std::string& path) override;

 private:
  result<std::unique_ptr<contract::file>> kept(const std::string& path,
                                               result<std::unique_ptr<contract::file>> opened);

  contract::file_layer& below_;
  std::vector<held_place> places_;
};

}  // namespace fleetgate::node
