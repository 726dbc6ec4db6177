// Reading a ring of the flight recorder from arbitrary files: never a crash, never a record that
// says what no writer can say. The first byte of the input says which: bit 0 clear, the rest is the
// file as it is; bit 0 set, the rest says what a head and records with right checksums hold,
// whatever it means, and what damage lies between them. Bit 1 cuts the file off.
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "actors/observe/trace_reader.hpp"
#include "actors/runtime/descriptor.hpp"

namespace {

using namespace fleetgate;
using namespace fleetgate::observe;

constexpr std::size_t checksum_bytes = sizeof(XXH64_hash_t);
/// What of a record's first bytes the input chooses: number, time, event, flags, sizes, trace.
constexpr std::size_t most_chosen_bytes = trace_record_bytes - checksum_bytes;

void require(bool holds) {
  if (!holds) std::abort();
}

/// `image` with the checksum at its end that a writer would have put there.
template <class Image>
void append_checked(std::string& to, Image image) {
  const XXH64_hash_t sum = XXH3_64bits(image.data(), image.size() - checksum_bytes);
  std::memcpy(image.data() + image.size() - checksum_bytes, &sum, checksum_bytes);
  to.append(as_text(image));
}

std::string made_of(byte_reader& in) {
  trace_file_head head;
  head.anomalies = in.u8().value_or(0) % 8;
  head.ordinary = in.u8().value_or(0) % 8;
  head.start_time_ns = static_cast<std::int64_t>(in.u64().value_or(0));
  head.node = as_text(*in.take(std::min<std::size_t>(in.u8().value_or(0), in.remaining())));
  head.thread = "journal";
  std::string file;
  append_checked(file, encode_trace_head(head));
  while (const auto what = in.u8()) {
    if (*what < 64) {
      file.append(trace_record_bytes, '\0');
      continue;
    }
    // A good record, over the beginning of which the input writes.
    auto image = encode_trace_record(trace_note{}, 1, 1);
    const auto chosen = in.take(std::min({in.remaining(), most_chosen_bytes, std::size_t{*what}}));
    std::memcpy(image.data(), chosen->data(), chosen->size());
    append_checked(file, image);
    if (*what >= 192) file[file.size() * (*what - 192U) / 64] ^= 1;
  }
  return file;
}

/// Written again, it is read again, and says the same.
void require_that_a_writer_can_say(const trace_record& r) {
  trace_note note = r.note;
  note.subject = r.subject;
  const auto again = decode_trace_record(encode_trace_record(note, r.number, r.time_ns));
  require(again.has_value());
  require(again->number == r.number && again->time_ns == r.time_ns);
  require(again->subject == r.subject && again->note.event == note.event);
  require(again->note.cls == note.cls && again->note.in == note.in);
  require(again->note.fault == note.fault && again->note.trace == note.trace);
  require(again->note.epoch == note.epoch && again->note.sequence == note.sequence);
  require(again->note.first_lsn == note.first_lsn && again->note.last_lsn == note.last_lsn);
  require(!model::describe(note.event).name.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_reader in({reinterpret_cast<const std::byte*>(data), size});
  const auto mode = in.u8().value_or(0);
  const std::size_t cut = mode % 4 < 2 ? 0 : in.u16().value_or(0);
  std::string bytes = mode % 2 == 0 ? std::string(as_text(in.rest())) : made_of(in);
  bytes.resize(bytes.size() - std::min(bytes.size(), cut));

  const runtime::descriptor file(::memfd_create("ring", MFD_CLOEXEC));
  require(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  std::uint64_t visited = 0;
  const auto report =
      read_trace_file("/proc/self/fd/" + std::to_string(file.get()), [&](const trace_record& r) {
        ++visited;
        require_that_a_writer_can_say(r);
      });
  if (!report) {
    require(report.error().code == fault_code::storage_damaged);
    return 0;
  }
  require(report->records == visited);
  require(report->records + report->unreadable <= report->head.anomalies + report->head.ordinary);
  require(report->truncated == (bytes.size() < report->head.file_bytes()));
  return 0;
}
