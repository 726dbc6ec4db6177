// Input: one byte times 8 says how many of the next ones are a stored window, the rest is traffic.
// Whatever was stored, loading answers; what loads saves to what loads again alike. A sequence that
// was just noted is never unseen, and one that was never noted, in an epoch that began empty, is
// never seen.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "actors/dedup/window.hpp"

namespace {

using namespace fleetgate;
using namespace fleetgate::dedup;

void require(bool holds) {
  if (!holds) std::abort();
}

/// Small steps near the top, jumps of any size, and the ends of the range.
std::uint64_t next_sequence(byte_reader& in, std::uint64_t near) {
  const auto how = in.u8().value_or(0);
  switch (how % 4) {
    case 0:
      return (near + how / 4) % sequence_set::end;
    case 1:
      return near - std::min<std::uint64_t>(near, how / 4);
    case 2:
      return in.u16().value_or(0);
    default:
      return in.u64().value_or(0) % sequence_set::end;
  }
}

void check_stored(byte_view stored) {
  window w("key", 1);
  if (!w.load(stored)) return;
  std::string first, second;
  w.save(first);
  window again("key", 1);
  require(again.load(as_bytes(first)));
  again.save(second);
  require(first == second);
  if (epoch_memory* const m = w.use_inferred()) {
    m->note(5, 1, true, {});
    require(m->look(5, 1, true) != evidence::none);
  }
}

void check_traffic(byte_reader in) {
  const dedup_limits limits{.gaps_per_epoch = 3, .remembered_hashes = 16};
  window w("key", 1);
  epoch_memory& given = w.begin(1, model::epoch_origin::device);
  epoch_memory inferred(2, model::epoch_origin::inferred);
  std::set<std::uint64_t> naive;
  std::uint64_t near = 0;
  while (!in.empty()) {
    const std::uint64_t s = next_sequence(in, near);
    const bool known = naive.count(s) != 0;
    const evidence said = given.look(s, 0, true);
    require(known ? said != evidence::none : said != evidence::same);
    require(known || inferred.look(s, 7, true) != evidence::same);
    require(inferred.look(s, 8, true) != evidence::same);
    given.note(s, 0, true, limits);
    inferred.note(s, 7, true, limits);
    naive.insert(s);
    require(given.look(s, 0, true) != evidence::none);
    near = s;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_reader in({reinterpret_cast<const std::byte*>(data), size});
  const std::size_t stored = in.u8().value_or(0) * std::size_t{8};
  if (const auto bytes = in.take(std::min(stored, in.remaining()))) check_stored(*bytes);
  check_traffic(in);
  return 0;
}
