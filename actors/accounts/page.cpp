#include "actors/accounts/page.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <utility>

#include "actors/runtime/descriptor.hpp"

namespace fleetgate::accounts {
namespace {

static_assert(std::endian::native == std::endian::little, "the page is little-endian");

using contract::section_words;

constexpr std::uint64_t magic = 0x3130544E43414746;  // "FGACNT01"
constexpr std::uint64_t version = 2;
// Version 1 did not know lsns_given_up, the journal's last word.
constexpr std::size_t journal_words_1 = 49;
static_assert(offsetof(contract::journal_account, lsns_given_up) / 8 == journal_words_1);

// Nobody else has to write here; and whoever truncates it takes the accounts of this run away.
constexpr mode_t file_mode = 0440;

constexpr std::size_t words_for(std::size_t shards) noexcept {
  return (3 + shards) * section_words;
}

runtime::descriptor open_file(const std::string& path, int flags) noexcept {
  return runtime::descriptor(::open(path.c_str(), flags | O_CLOEXEC, file_mode));
}

tl::unexpected<fault> failed(const std::string& path, const char* what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return failure(full ? fault_code::storage_full : fault_code::storage_io,
                 std::string(what) + " " + path + ": " + std::strerror(error));
}

tl::unexpected<fault> damaged(const std::string& path, const char* what) {
  return failure(fault_code::storage_damaged, path + " " + what);
}

std::uint64_t* map(int fd, std::size_t words) noexcept {
  void* const at =
      ::mmap(nullptr, words * sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return at == MAP_FAILED ? nullptr : static_cast<std::uint64_t*>(at);
}

template <class Account>
void write_first(std::uint64_t* section, const Account& first) noexcept {
  contract::account_book<Account> book;
  book.now = first;
  book.show_in(section);
  book.publish();
}

std::string path_in(const std::string& data_dir) {
  return data_dir + "/accounts";
}

/// The words from `first` on.
result<void> read_words(contract::file& from, const std::string& path, std::size_t first,
                        std::span<std::uint64_t> into) {
  const auto bytes = std::as_writable_bytes(into);
  const auto got = from.read_at(first * sizeof(std::uint64_t), bytes);
  if (!got) return tl::unexpected(got.error());
  if (*got != bytes.size()) return damaged(path, "is shorter than it was");
  return {};
}

/// A writer may publish while its section is copied: then it is copied again.
template <class Account>
result<void> read_section(contract::file& from, const std::string& path, std::size_t section,
                          Account& into,
                          std::size_t words = contract::account_book<Account>::words) {
  constexpr int tries = 1000;
  std::array<std::uint64_t, section_words> copy;
  for (int left = tries; left != 0; --left) {
    if (auto read = read_words(from, path, (1 + section) * section_words, copy); !read) return read;
    if (contract::read_section<Account>(copy, into, words)) return {};
  }
  return damaged(path, "has a section that does not bear its checksum");
}

}  // namespace

result<statement> read_statement(contract::file_layer& files, const std::string& data_dir) {
  const std::string path = path_in(data_dir);
  const auto file = files.open_for_reading(path);
  if (!file) return tl::unexpected(file.error());
  const auto bytes = (*file)->size();
  if (!bytes) return tl::unexpected(bytes.error());
  const std::size_t words = *bytes / sizeof(std::uint64_t);
  if (words < words_for(0) || words > words_for(most_shards)) {
    return damaged(path, "is no page of accounts: its size");
  }
  std::array<std::uint64_t, 3> head;
  if (auto read = read_words(**file, path, 0, head); !read) return tl::unexpected(read.error());
  const auto [word, of_version, shards] = head;
  if (word != magic) return damaged(path, "is no page of accounts");
  if (of_version == 0 || of_version > version)
    return damaged(path, "has a version that this program does not know");
  if (shards > most_shards || words_for(shards) != words) {
    return damaged(path, "is not as long as it says");
  }
  statement said;
  said.shards.resize(shards);
  result<void> read = read_section(**file, path, 0, said.run);
  // The journal before the shards: what they say later is not less.
  constexpr std::size_t journal_words = contract::account_book<contract::journal_account>::words;
  if (read) {
    read = read_section(**file, path, 1, said.journal,
                        of_version == 1 ? journal_words_1 : journal_words);
  }
  for (std::size_t i = 0; i < shards && read; ++i) {
    read = read_section(**file, path, 2 + i, said.shards[i]);
  }
  if (!read) return tl::unexpected(std::move(read.error()));
  return said;
}

result<page> page::create(const std::string& data_dir, std::size_t shards,
                          const contract::run_account& run) {
  const std::string path = path_in(data_dir);
  const std::string fresh = path + ".new";
  // What a start before this one left may still be mapped, or be no file at all.
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return failed(fresh, "cannot remove", errno);
  const auto file = open_file(fresh, O_RDWR | O_CREAT | O_EXCL);
  if (!file.is_open()) return failed(fresh, "cannot make", errno);
  const std::size_t words = words_for(shards);
  // With its blocks: a write to a mapped hole on a full disk would end the process.
  const int reserved =
      ::posix_fallocate(file.get(), 0, static_cast<off_t>(words * sizeof(std::uint64_t)));
  if (reserved != 0) return failed(fresh, "no room for", reserved);
  std::uint64_t* const at = map(file.get(), words);
  if (at == nullptr) return failed(fresh, "cannot map", errno);
  page made(path, at, words);
  at[0] = magic;
  at[1] = version;
  at[2] = shards;
  write_first(made.run_section(), run);
  write_first(made.journal_section(), contract::journal_account{});
  for (std::size_t i = 0; i < shards; ++i) {
    write_first(made.shard_section(i), contract::shard_account{});
  }
  if (auto synced = made.sync(); !synced) return tl::unexpected(synced.error());
  if (::fsync(file.get()) != 0) return failed(fresh, "cannot sync", errno);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return failed(path, "cannot replace", errno);
  const auto directory = open_file(data_dir, O_RDONLY | O_DIRECTORY);
  if (!directory.is_open() || ::fsync(directory.get()) != 0) {
    return failed(data_dir, "cannot sync", errno);
  }
  return made;
}

page::page(page&& o) noexcept
    : path_(std::move(o.path_)),
      words_(std::exchange(o.words_, nullptr)),
      count_(o.count_),
      guard_(std::move(o.guard_)) {}

page::~page() {
  guard_ = {};
  if (words_ != nullptr) ::munmap(words_, count_ * sizeof(std::uint64_t));
}

result<void> page::sync() {
  if (::msync(words_, count_ * sizeof(std::uint64_t), MS_SYNC) != 0) {
    return failed(path_, "cannot sync", errno);
  }
  return {};
}

}  // namespace fleetgate::accounts
