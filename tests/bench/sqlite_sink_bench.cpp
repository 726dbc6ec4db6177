// What it costs to put messages into the SQLite sink: rows/s (wall clock, the disk's flushes
// included) and CPU seconds per million rows, 256-byte JSON payloads, by rows per transaction.
// With retention: the same at a full database, where every row put in pushes one out.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "actors/sink/sqlite_writer.hpp"
#include "tests/actors/sink/block_builder.hpp"

namespace {

using namespace fleetgate;

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Devices as a fleet has them: a new one with each record, 1,000 in all.
contract::read_block make_block(sink::testing::block_builder& builder, std::size_t rows) {
  const std::string_view payload =
      builder.keep(R"({"temperature":21.5,"text":")" + std::string(226, 'x') + R"("})");
  for (std::size_t i = 0; i < rows; ++i) {
    builder.add("device-" + std::to_string(1000 + i % 1000)).payload = as_bytes(payload);
  }
  return builder.take();
}

/// Moves the block on, as if the next one had been read.
void advance(contract::read_block& block) {
  const std::uint64_t step = block.records.size();
  for (contract::stored_record& record : block.records) {
    record.at.lsn += step;
    record.envelope.sequence = *record.envelope.sequence + step;
    record.envelope.trace.low += step;
    record.envelope.received_time_ns += static_cast<std::int64_t>(step) * 1000;
    block.end.lanes[model::index(record.in)] = record.at;
  }
}

void write_rows(benchmark::State& state, std::uint64_t retention_bytes) {
  const auto directory = std::filesystem::temp_directory_path() /
                         ("fleetgate-sqlite-bench-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  sink::sqlite_writer writer({.name = "bench",
                              .path = (directory / "fleet.db").string(),
                              .retention_bytes = retention_bytes,
                              .node = "node-1"});
  if (auto opened = writer.open(); !opened) {
    state.SkipWithError(to_string(opened.error()).c_str());
    return;
  }
  sink::testing::block_builder builder;
  auto block = make_block(builder, static_cast<std::size_t>(state.range(0)));
  const double cpu_before = cpu_seconds();
  std::uint64_t rows = 0;
  std::uint64_t removed = 0;
  for (auto _ : state) {
    auto written = writer.write(block);
    auto retained = writer.enforce_retention(0);
    if (!written || !retained) {
      state.SkipWithError("write or retention failed");
      break;
    }
    rows += block.records.size();
    removed += *retained;
    advance(block);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(rows));
  state.counters["removed_share"] = static_cast<double>(removed) / static_cast<double>(rows);
  state.counters["cpu_s_per_million"] =
      (cpu_seconds() - cpu_before) * 1e6 / static_cast<double>(rows);
  writer.close();
  std::filesystem::remove_all(directory);
}

void append_rows(benchmark::State& state) {
  write_rows(state, 0);
}
void append_rows_to_a_full_database(benchmark::State& state) {
  write_rows(state, 256 * 1024 * 1024);
}

}  // namespace

BENCHMARK(append_rows)->Arg(1)->Arg(64)->Arg(1000)->Arg(4000)->UseRealTime()->MinTime(2);
BENCHMARK(append_rows_to_a_full_database)->Arg(4000)->UseRealTime()->MinTime(10);
BENCHMARK_MAIN();
