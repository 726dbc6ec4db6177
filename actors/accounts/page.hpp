// The accounts of a node in <data_dir>/accounts: a small file that is mapped, so that what was
// counted last is there after kill -9. Owned by the node, which gives each writer its section; an
// audit maps it to read. Format: docs/wire/accounts.md. Limit: most_shards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/contract/accounts.hpp"
#include "protocol/base/result.hpp"

namespace fleetgate::accounts {

inline constexpr std::size_t most_shards = 256;

/// All that a page says. Read the journal first: what a shard says later is not less.
struct statement {
  contract::run_account run;
  contract::journal_account journal;
  std::vector<contract::shard_account> shards;
};

class page {
 public:
  /// A new page in the place of what was there, durable with `run` when this returns; all sections
  /// but that are zero. Faults: storage_io, storage_full.
  static result<page> create(const std::string& data_dir, std::size_t shards,
                             const contract::run_account& run);
  /// To read. Faults: not_found, storage_io, storage_damaged (no page, or of another version).
  static result<page> open(const std::string& data_dir);

  page(page&& o) noexcept;
  page& operator=(page&&) = delete;
  ~page();

  [[nodiscard]] std::size_t shards() const noexcept { return shards_; }
  [[nodiscard]] std::uint64_t* run_section() noexcept { return section(0); }
  [[nodiscard]] std::uint64_t* journal_section() noexcept { return section(1); }
  [[nodiscard]] std::uint64_t* shard_section(std::size_t shard) noexcept {
    return section(2 + shard);
  }

  /// Faults: storage_damaged (a section does not bear its checksum).
  [[nodiscard]] result<statement> read() const;
  /// Puts it on disk. Faults: storage_io.
  result<void> sync();

 private:
  page(std::string path, std::uint64_t* words, std::size_t count, std::size_t shards) noexcept
      : path_(std::move(path)), words_(words), count_(count), shards_(shards) {}
  [[nodiscard]] std::uint64_t* section(std::size_t i) const noexcept {
    return words_ + (1 + i) * contract::section_words;
  }

  std::string path_;
  std::uint64_t* words_;
  std::size_t count_;
  std::size_t shards_;
};

}  // namespace fleetgate::accounts
