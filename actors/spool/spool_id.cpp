#include "actors/spool/spool_id.hpp"

#include <xxhash.h>

#include <algorithm>

#include "actors/spool/little_endian.hpp"

namespace fleetgate::spool {
namespace {

constexpr std::string_view id_magic = "FGSPOOLI";
constexpr std::uint32_t id_version = 1;
constexpr std::size_t last_ordinals_at = 48;
constexpr std::size_t first_ordinals_at = 120;
constexpr std::size_t highest_lsn_at = 192;
constexpr std::size_t first_lsns_at = 200;
constexpr std::size_t starts_at = 272;
constexpr std::size_t slot_checksum_at = id_slot_bytes - 8;

}  // namespace

std::string encode_spool_id(const spool_id& id) {
  std::string out(id_slot_bytes, '\0');
  char* const p = out.data();
  std::copy(id_magic.begin(), id_magic.end(), p);
  store_le(p + 8, id_version);
  store_le(p + 12, id.incarnation);
  store_le(p + 16, id.generation);
  std::memcpy(p + 24, id.uuid.bytes.data(), id.uuid.bytes.size());
  const std::size_t count = std::min(id.starts.size(), remembered_incarnations);
  store_le(p + 40, static_cast<std::uint32_t>(count));
  store_le(p + 44, std::uint32_t{id.extent.clean});
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    store_le(p + last_ordinals_at + 8 * i, id.extent.last_ordinals[i]);
    store_le(p + first_ordinals_at + 8 * i, id.extent.first_ordinals[i]);
    store_le(p + first_lsns_at + 8 * i, id.extent.first_lsns[i]);
  }
  store_le(p + highest_lsn_at, id.extent.highest_lsn);
  for (std::size_t i = 0; i < count; ++i) {
    const incarnation_start& start = id.starts[id.starts.size() - count + i];
    store_le(p + starts_at + 16 * i, start.first_lsn);
    store_le(p + starts_at + 16 * i + 8, start.incarnation);
  }
  store_le(p + slot_checksum_at, static_cast<std::uint64_t>(XXH3_64bits(p, slot_checksum_at)));
  return out;
}

std::optional<spool_id> decode_spool_id(byte_view slot) {
  if (slot.size() != id_slot_bytes) return std::nullopt;
  const std::byte* p = slot.data();
  if (as_text(slot.first(id_magic.size())) != id_magic ||
      load_le<std::uint32_t>(p + 8) != id_version ||
      load_le<std::uint64_t>(p + slot_checksum_at) != XXH3_64bits(p, slot_checksum_at)) {
    return std::nullopt;
  }
  spool_id id;
  id.incarnation = load_le<std::uint32_t>(p + 12);
  id.generation = load_le<std::uint64_t>(p + 16);
  std::memcpy(id.uuid.bytes.data(), p + 24, id.uuid.bytes.size());
  const std::size_t count = load_le<std::uint32_t>(p + 40);
  if (count > remembered_incarnations) return std::nullopt;
  id.extent.clean = load_le<std::uint32_t>(p + 44) != 0;
  for (std::size_t i = 0; i < model::lane_count; ++i) {
    id.extent.last_ordinals[i] = load_le<std::uint64_t>(p + last_ordinals_at + 8 * i);
    id.extent.first_ordinals[i] = load_le<std::uint64_t>(p + first_ordinals_at + 8 * i);
    id.extent.first_lsns[i] = load_le<std::uint64_t>(p + first_lsns_at + 8 * i);
  }
  id.extent.highest_lsn = load_le<std::uint64_t>(p + highest_lsn_at);
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* start = p + starts_at + 16 * i;
    id.starts.push_back({load_le<std::uint32_t>(start + 8), load_le<std::uint64_t>(start)});
  }
  return id;
}

result<std::optional<spool_id>> spool_id_file::read(contract::file_layer& files) {
  std::optional<spool_id> newest;
  const auto file = files.open_for_reading(path());
  if (!file) {
    if (file.error().code == fault_code::not_found) return newest;
    return tl::unexpected<fault>(file.error());
  }
  std::optional<fault> unreadable;
  for (const std::uint64_t offset : {std::uint64_t{0}, id_slot_distance}) {
    std::array<std::byte, id_slot_bytes> slot{};
    const auto got = (*file)->read_at(offset, slot);
    if (!got) {
      unreadable = got.error();
      continue;
    }
    auto id = decode_spool_id(byte_view(slot).first(*got));
    if (id && (!newest || id->generation > newest->generation)) newest = std::move(id);
  }
  if (!newest && unreadable) return tl::unexpected<fault>(*std::move(unreadable));
  return newest;
}

result<void> spool_id_file::write(contract::file_layer& files, spool_id& id) {
  auto file = files.open_for_writing(path());
  const bool is_new = !file && file.error().code == fault_code::not_found;
  if (is_new) file = files.create(path());
  if (!file) return tl::unexpected<fault>(file.error());
  spool_id next = id;
  ++next.generation;
  std::string slot = encode_spool_id(next);
  // A whole block: the rest of one that the disk does not give could not be kept.
  slot.resize(id_slot_distance);
  const std::uint64_t offset = next.generation % 2 * id_slot_distance;
  return (*file)
      ->write_at(offset, as_bytes(slot))
      .and_then([&] { return (*file)->sync(); })
      .and_then([&]() -> result<void> {
        return is_new ? files.sync_directory(directory_) : result<void>{};
      })
      .map([&] { id.generation = next.generation; });
}

}  // namespace fleetgate::spool
