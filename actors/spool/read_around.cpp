#include "actors/spool/read_around.hpp"

#include <algorithm>
#include <array>

namespace fleetgate::spool {
namespace {

/// Only behind `from`: what lies before it was read just now, and memory may still hold it.
bool is_readable_behind(contract::file& file, std::uint64_t from) {
  const auto size = file.size();
  if (!size) return false;
  std::array<std::byte, block_bytes> block{};
  const std::uint64_t left = *size > from ? *size - from : 0;
  const std::uint64_t step = std::max<std::uint64_t>(left / probed_places, block_bytes);
  for (std::uint64_t at = from; at < *size; at += step) {
    if (file.read_at(at, block)) return true;
  }
  return false;
}

std::uint64_t blocks_in(std::uint64_t offset, std::size_t bytes) {
  if (bytes == 0) return 0;
  return (offset + bytes - 1) / block_bytes - offset / block_bytes + 1;
}

}  // namespace

result<std::size_t> read_blocks(contract::file& file, std::uint64_t offset,
                                std::span<std::byte> into, block_set& unread) {
  const auto size = file.size();
  if (!size) {
    unread.insert(offset / block_bytes);
    return tl::unexpected<fault>(size.error());
  }
  const std::uint64_t left = *size > offset ? *size - offset : 0;
  into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left)));
  for (std::size_t done = 0; done < into.size();) {
    const std::uint64_t at = offset + done;
    const std::span<std::byte> block =
        into.subspan(done, std::min(into.size() - done, block_bytes - at % block_bytes));
    const auto got = file.read_at(at, block);
    if (!got) unread.insert(at / block_bytes);
    const auto missing = block.subspan(got ? *got : 0);
    std::fill(missing.begin(), missing.end(), std::byte{0});
    done += block.size();
  }
  return into.size();
}

result<std::size_t> read_around(contract::file& file, std::uint64_t offset,
                                std::span<std::byte> into, block_set& unread) {
  const auto whole = file.read_at(offset, into);
  if (whole || whole.error().code != fault_code::storage_io) return whole;
  block_set failed;
  const auto got = read_blocks(file, offset, into, failed);
  unread.insert(failed.begin(), failed.end());
  if (!got) return got;
  if (failed.size() < blocks_in(offset, *got) || is_readable_behind(file, offset + *got)) {
    return got;
  }
  return whole;
}

}  // namespace fleetgate::spool
