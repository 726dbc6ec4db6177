// A disk in memory that behaves as badly as real ones may: it forgets what was not synced, tears
// writes at any byte, loses directory entries, flips bits, fills up, fails a sync and drops the
// dirty pages while the next sync succeeds, has places that cannot be read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "actors/contract/file_layer.hpp"

namespace fleetgate::spool::testing {

enum class disk_op { create, write, sync, truncate, remove, sync_directory, read, open };

class fault_file_layer final : public contract::file_layer {
 public:
  /// Decides about each operation before it is done; nothing: it succeeds.
  using hook = std::function<std::optional<fault_code>(disk_op, const std::string& path)>;

  hook before;
  /// The operation that changes the disk with this number (from 1) is the last: it happens in part,
  /// all later ones fail and do nothing. 0: never.
  std::uint64_t crash_at = 0;
  std::mt19937_64 random{1};
  /// As where the file system is not mounted any more.
  bool directories_are_away = false;

  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] bool crashed() const { return crash_at != 0 && operations_ >= crash_at; }
  std::uint64_t count(disk_op op) const {
    const auto it = counts_.find(op);
    return it == counts_.end() ? 0 : it->second;
  }

  /// kill -9: everything written stays, the process is gone.
  void kill() {
    crash_at = 0;
    operations_ = 0;
    ++epoch_;
  }

  /// Power fails: of what was not synced, any part in any order may be on the disk.
  void cut_power() {
    kill();
    for (auto& [path, n] : entries_) settle_node(*n);
    for (auto& [path, n] : durable_entries_) settle_node(*n);
    std::map<std::string, node_ptr> left = durable_entries_;
    for (const auto& [path, n] : entries_) {
      if (!durable_entries_.count(path) && coin()) left[path] = n;
    }
    for (const auto& [path, n] : durable_entries_) {
      if (!entries_.count(path) && coin()) left.erase(path);
    }
    entries_ = durable_entries_ = std::move(left);
  }

  /// The bytes as a process sees them; to look at and to damage.
  std::string& bytes(const std::string& path) { return entries_.at(path)->cached; }
  [[nodiscard]] std::uint64_t forgotten(const std::string& path) const {
    return entries_.at(path)->forgotten;
  }
  /// The disk fails to read any byte from `from` to before `to`, until `heal`.
  void spoil(const std::string& path, std::uint64_t from, std::uint64_t to) {
    spoiled_.push_back({path, from, to});
  }
  void heal() { spoiled_.clear(); }
  /// Memory holds every byte from `from` to before `to`: a read finds it, whatever the disk does.
  void hold_in_memory(const std::string& path, std::uint64_t from, std::uint64_t to) {
    held_.push_back({path, from, to});
  }
  /// How often the file that lies or lay at `path` is open.
  [[nodiscard]] std::size_t open_files(const std::string& path) const {
    const auto it = open_.find(path);
    return it == open_.end() ? 0 : it->second;
  }
  /// Which file lies at `path` now, for comparison; null where none does.
  [[nodiscard]] const void* identity(const std::string& path) const {
    const auto it = entries_.find(path);
    return it == entries_.end() ? nullptr : it->second.get();
  }
  [[nodiscard]] bool is_empty(const std::string& path) const {
    const auto it = entries_.find(path);
    return it == entries_.end() || it->second->cached.empty();
  }
  /// What was damaged by hand is damaged on the disk.
  void settle_by_hand() {
    for (auto& [path, n] : entries_) {
      n->durable = n->cached;
      n->pending.clear();
    }
    durable_entries_ = entries_;
  }
  [[nodiscard]] std::vector<std::string> paths(const std::string& part = "") const {
    std::vector<std::string> out;
    for (const auto& [path, n] : entries_) {
      if (path.find(part) != std::string::npos) out.push_back(path);
    }
    return out;
  }
  void erase(const std::string& path) {
    entries_.erase(path);
    durable_entries_.erase(path);
  }
  void put(const std::string& path, std::string content) {
    auto n = std::make_shared<node>();
    n->cached = n->durable = std::move(content);
    entries_[path] = durable_entries_[path] = n;
  }

  result<std::unique_ptr<contract::file>> create(const std::string& path) override {
    if (auto f = refuse(disk_op::create, path)) return tl::unexpected<fault>(*f);
    if (entries_.count(path)) return failure(fault_code::storage_io, path + " exists");
    auto n = std::make_shared<node>();
    entries_[path] = n;
    return std::make_unique<handle>(*this, n, path);
  }
  result<std::unique_ptr<contract::file>> open_for_writing(const std::string& path) override {
    return open(path);
  }
  result<std::unique_ptr<contract::file>> open_for_reading(const std::string& path) override {
    return open(path);
  }
  result<std::vector<std::string>> list(const std::string& directory) override {
    if (directories_are_away) return failure(fault_code::not_found, directory);
    std::vector<std::string> names;
    for (const auto& [path, n] : entries_) {
      const auto slash = path.rfind('/');
      if (path.substr(0, slash) == directory) names.push_back(path.substr(slash + 1));
    }
    return names;
  }
  result<void> make_directory(const std::string&) override { return {}; }
  result<void> remove(const std::string& path) override {
    if (auto f = refuse(disk_op::remove, path)) return tl::unexpected<fault>(*f);
    if (!entries_.erase(path)) return failure(fault_code::not_found, path);
    return {};
  }
  result<void> sync_directory(const std::string& directory) override {
    if (auto f = refuse(disk_op::sync_directory, directory)) return tl::unexpected<fault>(*f);
    const auto inside = [&](const std::string& path) {
      return path.substr(0, path.rfind('/')) == directory;
    };
    for (auto it = durable_entries_.begin(); it != durable_entries_.end();) {
      it = inside(it->first) && !entries_.count(it->first) ? durable_entries_.erase(it)
                                                           : std::next(it);
    }
    for (const auto& [path, n] : entries_) {
      if (inside(path)) durable_entries_[path] = n;
    }
    return {};
  }

 private:
  struct change {
    std::uint64_t offset = 0;
    std::string data;
    bool truncates = false;
  };
  struct node {
    std::string cached;   // what processes see
    std::string durable;  // what is on the disk for sure
    std::vector<change> pending;
    std::uint64_t forgotten = 0;  // before this, no cache need hold it
  };
  using node_ptr = std::shared_ptr<node>;

  static void apply(std::string& to, const change& c) {
    if (c.truncates) {
      to.resize(c.offset);
      return;
    }
    if (to.size() < c.offset + c.data.size()) to.resize(c.offset + c.data.size());
    to.replace(c.offset, c.data.size(), c.data);
  }

  class handle final : public contract::file {
   public:
    handle(fault_file_layer& layer, node_ptr n, std::string path)
        : layer_(layer), node_(std::move(n)), path_(std::move(path)), epoch_(layer.epoch_) {
      ++layer_.open_[path_];
    }
    handle(const handle&) = delete;
    handle& operator=(const handle&) = delete;
    ~handle() override { --layer_.open_[path_]; }
    result<void> write_at(std::uint64_t offset, byte_view data) override {
      const change whole{offset, std::string(as_text(data)), false};
      if (auto f = refuse(disk_op::write)) {
        // A failed write may have written any part.
        if (epoch_ == layer_.epoch_ && !layer_.dead_) write_part(whole);
        return tl::unexpected<fault>(*f);
      }
      if (!layer_.can_fill_pages(path_, offset, data.size(), node_->cached.size())) {
        return failure(fault_code::storage_io, path_);
      }
      apply(node_->cached, whole);
      node_->pending.push_back(whole);
      return {};
    }
    result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
      if (auto f = refuse(disk_op::read)) return tl::unexpected<fault>(*f);
      const std::string& from = node_->cached;
      if (offset >= from.size()) return std::size_t{0};
      if (!layer_.can_read(path_, offset, std::min(offset + into.size(), from.size()))) {
        return failure(fault_code::storage_io, path_);
      }
      const std::size_t n = std::min(into.size(), from.size() - static_cast<std::size_t>(offset));
      std::memcpy(into.data(), from.data() + offset, n);
      return n;
    }
    result<void> sync() override {
      if (auto f = refuse(disk_op::sync)) {
        // The kernel has tried some pages and calls all of them clean now. Where the power went,
        // cut_power says how far it came.
        if (epoch_ == layer_.epoch_ && !layer_.crashed()) node_->pending.clear();
        return tl::unexpected<fault>(*f);
      }
      for (const change& c : node_->pending) apply(node_->durable, c);
      node_->pending.clear();
      return {};
    }
    result<void> truncate(std::uint64_t size) override {
      if (auto f = refuse(disk_op::truncate)) return tl::unexpected<fault>(*f);
      const change c{size, {}, true};
      apply(node_->cached, c);
      node_->pending.push_back(c);
      return {};
    }
    result<std::uint64_t> size() override { return std::uint64_t{node_->cached.size()}; }
    void forget_cached(std::uint64_t end) noexcept override {
      for (const change& c : node_->pending) {
        if (c.offset < end) std::abort();  // what is not synced cannot be forgotten
      }
      node_->forgotten = std::max(node_->forgotten, end);
    }
    bool disk_gives(std::uint64_t offset) noexcept override {
      return !refuse(disk_op::read) && node_->pending.empty() && offset < node_->cached.size() &&
             !is_in(layer_.spoiled_, path_, offset, offset + 1);
    }

   private:
    std::optional<fault> refuse(disk_op op) {
      if (epoch_ != layer_.epoch_) return fault(fault_code::storage_io, "of a dead process");
      return layer_.refuse(op, path_);
    }
    void write_part(const change& whole) {
      const std::size_t n = layer_.random() % (whole.data.size() + 1);
      const change part{whole.offset, whole.data.substr(0, n), false};
      apply(node_->cached, part);
      node_->pending.push_back(part);
    }

    fault_file_layer& layer_;
    node_ptr node_;
    std::string path_;
    std::uint64_t epoch_;
  };

  result<std::unique_ptr<contract::file>> open(const std::string& path) {
    if (auto f = refuse(disk_op::open, path)) return tl::unexpected<fault>(*f);
    const auto it = entries_.find(path);
    if (it == entries_.end()) return failure(fault_code::not_found, path);
    return std::make_unique<handle>(*this, it->second, path);
  }

  std::optional<fault> refuse(disk_op op, const std::string& path) {
    ++counts_[op];
    dead_ = false;
    if (op != disk_op::read && op != disk_op::open && crash_at != 0) {
      ++operations_;
      dead_ = operations_ > crash_at;
      if (operations_ >= crash_at) return fault(fault_code::storage_io, "the power is off");
    }
    if (before) {
      if (const auto code = before(op, path)) return fault(*code, path);
    }
    return std::nullopt;
  }

  struct place {
    std::string path;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };
  static bool is_in(const std::vector<place>& places, const std::string& path, std::uint64_t from,
                    std::uint64_t to) {
    return std::any_of(places.begin(), places.end(), [&](const place& p) {
      return p.path == path && p.from < to && from < p.to;
    });
  }
  /// Page by page, as memory is held.
  [[nodiscard]] bool can_read(const std::string& path, std::uint64_t from, std::uint64_t to) const {
    constexpr std::uint64_t page = 4096;
    for (std::uint64_t end = 0; from < to; from = end) {
      end = std::min((from / page + 1) * page, to);
      if (is_in(spoiled_, path, from, end) && !is_in(held_, path, from, end)) return false;
    }
    return true;
  }

  /// Memory holds whole pages: of one that is written in part the rest is read first.
  [[nodiscard]] bool can_fill_pages(const std::string& path, std::uint64_t from,
                                    std::uint64_t bytes, std::uint64_t size) const {
    constexpr std::uint64_t page = 4096;
    const std::uint64_t to = from + bytes;
    for (std::uint64_t at = from / page * page; at < std::min(to, size); at += page) {
      const std::uint64_t end = std::min(at + page, size);
      const bool is_whole = from <= at && end <= to;
      if (!is_whole && !can_read(path, at, end)) return false;
    }
    return true;
  }

  bool coin() { return random() % 2 == 0; }

  /// Any part of what is pending reaches the disk, each write torn at any byte.
  void settle_node(node& n) {
    if (n.pending.empty() && n.cached == n.durable) return;
    const std::uint64_t luck = random() % 3;  // 0: nothing, 1: anything, 2: everything
    for (const change& c : n.pending) {
      if (luck == 0) break;
      if (luck == 2 || (coin() && c.truncates)) {
        apply(n.durable, c);
      } else if (!c.truncates && coin()) {
        const std::size_t from = coin() ? 0 : random() % (c.data.size() + 1);
        const std::size_t size = random() % (c.data.size() - from + 1);
        apply(n.durable, {c.offset + from, c.data.substr(from, size), false});
      }
    }
    n.pending.clear();
    n.cached = n.durable;
  }

  std::map<std::string, node_ptr> entries_;
  std::map<std::string, node_ptr> durable_entries_;
  std::map<disk_op, std::uint64_t> counts_;
  std::map<std::string, std::size_t> open_;
  std::vector<place> spoiled_;
  std::vector<place> held_;
  std::uint64_t operations_ = 0;
  std::uint64_t epoch_ = 0;
  bool dead_ = false;
};

}  // namespace fleetgate::spool::testing
