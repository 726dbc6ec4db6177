// Recovery and reading over arbitrary segment files: never a crash, never a hang. The first byte of
// the input says which: bit 0 clear, its bytes are two segment files as they are; bit 0 set, they
// say what good records with right checksums lie in them, and what damage. With bit 1 set the
// records' ordinals are what a spool would write: then a reader shows exactly what recovery found,
// and so does a second start.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "actors/spool/segment_reader.hpp"
#include "actors/spool/spool.hpp"
#include "tests/actors/spool/fault_file_layer.hpp"

namespace {

using namespace fleetgate;
using namespace fleetgate::spool;

constexpr std::uint64_t first_lsn = 5;

model::spool_uuid uuid() {
  model::spool_uuid id;
  id.bytes.fill(7);
  return id;
}

std::string good_header(std::uint64_t lsn, std::uint64_t ordinal) {
  segment_header h;
  h.spool = uuid();
  h.in = model::lane::event_owed;
  h.incarnation = 1;
  h.first_lsn = lsn;
  h.first_ordinal = ordinal;
  return encode_segment_header(h);
}

/// A segment made from the input: its bytes as they are, or records whose fields it chooses and
/// whose checksums are right, with its bytes between them.
std::string segment_from(byte_reader& in, std::uint64_t lsn, bool plausible) {
  const std::uint64_t first_ordinal = in.u8().value_or(0) + 1U;
  std::string out = good_header(lsn, first_ordinal);
  const std::uint64_t seed = segment_seed(uuid(), lsn);
  record_stamp before{lsn - 1, first_ordinal - 1, 0, first_ordinal, 1};
  while (const auto what = in.u8()) {
    if (*what < 128) {
      model::envelope e;
      e.cls = model::traffic_class::event;
      e.level = model::ack_level::durable;
      const auto payload = in.take(std::min<std::size_t>(*what, in.remaining()));
      e.payload = *payload;
      record_stamp stamp;
      stamp.lsn = lsn + in.u8().value_or(0) + 1;
      stamp.ordinal = in.u8().value_or(0) + 1U;
      stamp.durable_ordinal = std::min<std::uint64_t>(stamp.ordinal, in.u8().value_or(0));
      stamp.segment_ordinal = std::min<std::uint64_t>(stamp.ordinal, in.u8().value_or(0) + 1U);
      stamp.incarnation = 1;
      if (plausible) {
        stamp = {before.lsn + 1, before.ordinal + 1 + stamp.ordinal / 64, 0, first_ordinal, 1};
        stamp.durable_ordinal = std::max(before.durable_ordinal, stamp.ordinal - 1);
        before = stamp;
      }
      const std::size_t offset = out.size();
      const std::size_t bytes = encoded_bytes(e);
      out.resize(offset + bytes);
      encode_record(e, stamp, seed, offset, bytes, out.data() + offset);
    } else if (*what < 192) {
      out.append(as_text(*in.take(std::min<std::size_t>(*what - 128U, in.remaining()))));
    } else if (*what < 224) {
      out.resize(out.size() - std::min<std::size_t>(out.size(), *what - 192U));
    } else if (!out.empty()) {
      out[out.size() * (*what - 224U) / 32] ^= 1;
    }
  }
  return out;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_reader in({reinterpret_cast<const std::byte*>(data), size});
  const auto mode = in.u8().value_or(0);
  fleetgate::spool::testing::fault_file_layer files;
  const std::string lane = "/s/event/";
  const bool plausible = mode % 2 == 0 || mode / 2 % 2 == 1;
  if (mode % 2 == 0) {
    const auto half = in.sub(in.remaining() / 2);
    files.put(lane + segment_name(first_lsn), std::string(as_text(half->rest())));
    files.put(lane + segment_name(300), std::string(as_text(in.rest())));
    // Without it a start fails where no header is valid.
    spool_id known;
    known.uuid = uuid();
    known.incarnation = 1;
    files.put("/s/spool.id", encode_spool_id(known));
  } else {
    auto half = in.sub(in.remaining() / 2);
    files.put(lane + segment_name(first_lsn), segment_from(*half, first_lsn, plausible));
    files.put(lane + segment_name(300), segment_from(in, 300, plausible));
  }
  spool_options options;
  options.directory = "/s";
  options.new_uuid = uuid();
  std::uint64_t visited = 0;
  auto opened = fleetgate::spool::spool::open(
      files, options, mode / 4, [&](const contract::stored_record&, std::uint64_t) { ++visited; });
  if (!opened) return 0;
  const recovery_report report = (*opened)->recovered();
  require(!plausible || visited <= report.records);
  auto reader = make_reader(files, (*opened)->view());
  contract::read_block block;
  std::uint64_t read = 0;
  do {
    require(reader->read(block, 4096, 7).has_value());
    read += block.records.size();
  } while (!block.empty());
  if (plausible && report.unread_segments == 0) require(read == report.records);
  // A second start finds the same, and nothing new.
  opened->reset();
  const auto again = fleetgate::spool::spool::open(
      files, options, 0, [](const contract::stored_record&, std::uint64_t) {});
  require(again.has_value());
  if (plausible && report.unread_segments == 0) require((*again)->recovered().records == read);
  return 0;
}
