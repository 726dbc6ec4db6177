// The accounts of a node in <data_dir>/accounts: a small file that is mapped, so that what was
// counted last is there after kill -9. Owned by the node, which gives each writer its section. It
// is read without a map: what the disk cannot give back is then a fault and not a signal. Format:
// docs/wire/accounts.md. Limit: most_shards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/accounts.hpp"
#include "actors/contract/file_layer.hpp"
#include "actors/runtime/mapped_guard.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::accounts {

inline constexpr std::size_t most_shards = 256;

/// All that a page says.
struct statement {
  contract::run_account run;
  contract::journal_account journal;
  std::vector<contract::shard_account> shards;
};

/// What the page in `data_dir` says, of a node that runs too. Faults: not_found, storage_io,
/// storage_damaged (no page, of another version, or a section does not bear its checksum).
result<statement> read_statement(contract::file_layer& files, const std::string& data_dir);

class page {
 public:
  /// A new page in the place of what was there, durable with `run` when this returns; all sections
  /// but that are zero. Faults: storage_io, storage_full.
  static result<page> create(const std::string& data_dir, std::size_t shards,
                             const contract::run_account& run);

  page(page&& o) noexcept;
  page& operator=(page&&) = delete;
  ~page();

  [[nodiscard]] std::uint64_t* run_section() noexcept { return section(0); }
  [[nodiscard]] std::uint64_t* journal_section() noexcept { return section(1); }
  [[nodiscard]] std::uint64_t* shard_section(std::size_t shard) noexcept {
    return section(2 + shard);
  }

  /// Puts it on disk. Faults: storage_io.
  result<void> sync();
  /// The file was truncated, or its disk does not give it back: what is counted shows nowhere.
  [[nodiscard]] bool is_lost() const noexcept { return guard_.is_lost(); }

 private:
  page(std::string path, std::uint64_t* words, std::size_t count) noexcept
      : path_(std::move(path)),
        words_(words),
        count_(count),
        guard_(words, count * sizeof(std::uint64_t)) {}
  [[nodiscard]] std::uint64_t* section(std::size_t i) const noexcept {
    return words_ + (1 + i) * contract::section_words;
  }

  std::string path_;
  std::uint64_t* words_;
  std::size_t count_;
  runtime::mapped_guard guard_;
};

}  // namespace fleetgate::accounts
