#include "actors/spool/patient_reading.hpp"

#include <iterator>
#include <optional>

namespace fleetgate::spool {

result<std::size_t> patient_reading::read(contract::file& file, std::uint64_t segment,
                                          std::uint64_t offset, std::span<std::byte> into,
                                          const std::function<bool()>& is_disk_there) {
  const auto whole = file.read_at(offset, into);
  if (!whole && whole.error().code != fault_code::storage_io) return whole;
  block_set unread;
  const auto got = whole ? whole : read_blocks(file, offset, into, unread);
  if (!got) return got;
  const auto end = failed_.upper_bound({segment, (offset + into.size() - 1) / block_bytes});
  for (auto f = failed_.lower_bound({segment, offset / block_bytes}); f != end;) {
    f = unread.count(f->first.second) != 0 ? std::next(f) : failed_.erase(f);
  }
  if (is_damage(segment, unread, is_disk_there)) return got;
  return whole;
}

bool patient_reading::is_damage(std::uint64_t segment, const block_set& unread,
                                const std::function<bool()>& is_disk_there) {
  if (unread.empty()) return true;
  const std::uint64_t now_ns = patience_.clock();
  std::optional<bool> is_there;
  bool all_damaged = true;
  for (const std::uint64_t block : unread) {
    failures& f = failed_[{segment, block}];
    const bool is_due =
        f.count == 0 || now_ns - f.last_ns >= static_cast<std::uint64_t>(patience_.between.count());
    if (f.count < patience_.tries && is_due) {
      if (!is_there) is_there = is_disk_there();
      f = *is_there ? failures{f.count + 1, now_ns} : failures{};
    }
    all_damaged = all_damaged && f.count >= patience_.tries;
  }
  return all_damaged;
}

void patient_reading::forget_before(std::uint64_t segment) {
  failed_.erase(failed_.begin(), failed_.lower_bound({segment, 0}));
}

}  // namespace fleetgate::spool
