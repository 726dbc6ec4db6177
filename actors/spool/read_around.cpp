#include "actors/spool/read_around.hpp"

#include <algorithm>
#include <array>

namespace fleetgate::spool {
namespace {

/// Pages and the blocks of most file systems are not smaller.
constexpr std::size_t piece_bytes = 4096;
constexpr std::uint64_t most_places = 16;

/// Only behind `from`: what lies before it was read just now, and memory may still hold it.
bool is_readable_behind(contract::file& file, std::uint64_t from, std::uint64_t size) {
  std::array<std::byte, piece_bytes> piece{};
  const std::uint64_t left = size > from ? size - from : 0;
  const std::uint64_t step = std::max<std::uint64_t>(left / most_places, piece_bytes);
  for (std::uint64_t at = from; at < size; at += step) {
    if (file.read_at(at, piece)) return true;
  }
  return false;
}

}  // namespace

result<std::size_t> read_around(contract::file& file, std::uint64_t offset,
                                std::span<std::byte> into) {
  auto whole = file.read_at(offset, into);
  if (whole || whole.error().code != fault_code::storage_io) return whole;
  const auto size = file.size();
  if (!size) return tl::unexpected<fault>(size.error());
  const std::uint64_t left = *size > offset ? *size - offset : 0;
  into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left)));
  bool is_readable = false;
  for (std::size_t done = 0; done < into.size();) {
    const std::uint64_t at = offset + done;
    const std::span<std::byte> piece =
        into.subspan(done, std::min(into.size() - done, piece_bytes - at % piece_bytes));
    const auto got = file.read_at(at, piece);
    is_readable = is_readable || got;
    const auto unread = piece.subspan(got ? *got : 0);
    std::fill(unread.begin(), unread.end(), std::byte{0});
    done += piece.size();
  }
  if (is_readable || is_readable_behind(file, offset + into.size(), *size)) return into.size();
  return whole;
}

}  // namespace fleetgate::spool
