#include "actors/accounts/page.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "actors/runtime/descriptor.hpp"

namespace fleetgate::accounts {
namespace {

static_assert(std::endian::native == std::endian::little, "the page is little-endian");

using contract::section_words;

constexpr std::uint64_t magic = 0x3130544E43414746;  // "FGACNT01"
constexpr std::uint64_t version = 1;

constexpr std::size_t words_for(std::size_t shards) noexcept {
  return (3 + shards) * section_words;
}

runtime::descriptor open_file(const std::string& path, int flags) noexcept {
  return runtime::descriptor(::open(path.c_str(), flags | O_CLOEXEC, 0640));
}

tl::unexpected<fault> failed(const std::string& path, const char* what, int error) {
  const auto code = error == ENOENT                      ? fault_code::not_found
                    : error == ENOSPC || error == EDQUOT ? fault_code::storage_full
                                                         : fault_code::storage_io;
  return failure(code, std::string(what) + " " + path + ": " + std::strerror(error));
}

tl::unexpected<fault> damaged(const std::string& path, const char* what) {
  return failure(fault_code::storage_damaged, path + " " + what);
}

std::uint64_t* map(int fd, std::size_t words, int protection) noexcept {
  void* const at = ::mmap(nullptr, words * sizeof(std::uint64_t), protection, MAP_SHARED, fd, 0);
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

}  // namespace

result<page> page::create(const std::string& data_dir, std::size_t shards,
                          const contract::run_account& run) {
  const std::string path = path_in(data_dir);
  const std::string fresh = path + ".new";
  const auto file = open_file(fresh, O_RDWR | O_CREAT | O_TRUNC);
  if (!file.is_open()) return failed(fresh, "cannot make", errno);
  const std::size_t words = words_for(shards);
  // With its blocks: a write to a mapped hole on a full disk would end the process.
  const int reserved =
      ::posix_fallocate(file.get(), 0, static_cast<off_t>(words * sizeof(std::uint64_t)));
  if (reserved != 0) return failed(fresh, "no room for", reserved);
  std::uint64_t* const at = map(file.get(), words, PROT_READ | PROT_WRITE);
  if (at == nullptr) return failed(fresh, "cannot map", errno);
  page made(path, at, words, shards);
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

result<page> page::open(const std::string& data_dir) {
  const std::string path = path_in(data_dir);
  const auto file = open_file(path, O_RDONLY);
  if (!file.is_open()) return failed(path, "cannot open", errno);
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return failed(path, "cannot look at", errno);
  const auto words = static_cast<std::size_t>(about.st_size) / sizeof(std::uint64_t);
  if (!S_ISREG(about.st_mode) || words < words_for(0) || words > words_for(most_shards)) {
    return damaged(path, "is no page of accounts: its size");
  }
  std::uint64_t* const at = map(file.get(), words, PROT_READ);
  if (at == nullptr) return failed(path, "cannot map", errno);
  page found(path, at, words, 0);
  if (at[0] != magic) return damaged(path, "is no page of accounts");
  if (at[1] != version) return damaged(path, "has a version that this program does not know");
  if (at[2] > most_shards || words_for(at[2]) != words) {
    return damaged(path, "is not as long as it says");
  }
  found.shards_ = at[2];
  return found;
}

page::page(page&& o) noexcept
    : path_(std::move(o.path_)),
      words_(std::exchange(o.words_, nullptr)),
      count_(o.count_),
      shards_(o.shards_) {}

page::~page() {
  if (words_ != nullptr) ::munmap(words_, count_ * sizeof(std::uint64_t));
}

result<statement> page::read() const {
  statement said;
  said.shards.resize(shards_);
  const auto section_of = [this](std::size_t i) {
    return std::span<std::uint64_t>(section(i), section_words);
  };
  bool whole = contract::read_section(section_of(0), said.run) &&
               contract::read_section(section_of(1), said.journal);
  for (std::size_t i = 0; i < shards_ && whole; ++i) {
    whole = contract::read_section(section_of(2 + i), said.shards[i]);
  }
  if (!whole) return damaged(path_, "has a section that does not bear its checksum");
  return said;
}

result<void> page::sync() {
  if (::msync(words_, count_ * sizeof(std::uint64_t), MS_SYNC) != 0) {
    return failed(path_, "cannot sync", errno);
  }
  return {};
}

}  // namespace fleetgate::accounts
