// The spool's cost per message without the disk: append and commit on a memory file system, sync
// left out. What a real sync adds is the disk's.
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <xxhash.h>

#include <filesystem>

#include "actors/spool/group_buffer.hpp"
#include "actors/spool/posix_file_layer.hpp"
#include "actors/spool/segment_reader.hpp"
#include "actors/spool/spool.hpp"

namespace fleetgate::spool {
namespace {

class unsynced_file final : public contract::file {
 public:
  explicit unsynced_file(std::unique_ptr<contract::file> real) : real_(std::move(real)) {}
  result<void> write_at(std::uint64_t offset, byte_view data) override {
    return real_->write_at(offset, data);
  }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    return real_->read_at(offset, into);
  }
  result<void> sync() override { return {}; }
  result<void> truncate(std::uint64_t size) override { return real_->truncate(size); }
  result<std::uint64_t> size() override { return real_->size(); }
  void forget_cached(std::uint64_t end) noexcept override { real_->forget_cached(end); }
  bool disk_gives(std::uint64_t offset) noexcept override { return real_->disk_gives(offset); }

 private:
  std::unique_ptr<contract::file> real_;
};

class unsynced_layer final : public contract::file_layer {
 public:
  result<std::unique_ptr<contract::file>> create(const std::string& path) override {
    return wrap(real_.create(path));
  }
  result<std::unique_ptr<contract::file>> open_for_writing(const std::string& path) override {
    return wrap(real_.open_for_writing(path));
  }
  result<std::unique_ptr<contract::file>> open_for_reading(const std::string& path) override {
    return real_.open_for_reading(path);
  }
  result<std::vector<std::string>> list(const std::string& directory) override {
    return real_.list(directory);
  }
  result<void> make_directory(const std::string& path) override {
    return real_.make_directory(path);
  }
  result<void> remove(const std::string& path) override { return real_.remove(path); }
  result<void> sync_directory(const std::string&) override { return {}; }

 private:
  static result<std::unique_ptr<contract::file>> wrap(
      result<std::unique_ptr<contract::file>> file) {
    if (!file) return file;
    return std::make_unique<unsynced_file>(std::move(*file));
  }

  posix_file_layer real_;
};

struct bench_spool {
  bench_spool() {
    std::string pattern = "/dev/shm/spool-bench-XXXXXX";
    directory = ::mkdtemp(pattern.data());
    spool_options options;
    options.directory = directory + "/spool";
    options.budget_bytes = std::uint64_t{1} << 30;
    auto opened =
        spool::open(files, options, 0, [](const contract::stored_record&, std::uint64_t) {});
    if (!opened) std::abort();
    brain = std::move(*opened);
  }
  ~bench_spool() { std::filesystem::remove_all(directory); }

  unsynced_layer files;
  std::string directory;
  std::unique_ptr<spool> brain;
};

contract::append_request request_of(std::size_t count, const std::string& payload) {
  contract::append_request request;
  request.batch = std::make_unique<contract::envelope_batch>();
  for (std::size_t i = 0; i < count; ++i) {
    model::envelope e;
    e.level = model::ack_level::durable;
    e.device = "device-000017";
    e.stream = "default";
    e.topic = "devices/device-000017/telemetry";
    e.content_type = "application/json";
    e.client_id = "device-000017";
    e.sequence = i;
    e.payload = as_bytes(payload);
    e.payload_hash = XXH3_64bits(payload.data(), payload.size());
    request.batch->envelopes.push_back(e);
    request.items.push_back({static_cast<std::uint32_t>(i), i + 1});
  }
  return request;
}

/// Time per message: append of a group of range(1) messages of range(0) bytes, one commit.
void append_and_commit(benchmark::State& state) {
  bench_spool b;
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  const auto count = static_cast<std::size_t>(state.range(1));
  const auto request = request_of(count, payload);
  std::vector<contract::settlement> settled;
  std::uint64_t now = 0;
  for (auto _ : state) {
    b.brain->append(request, settled);
    b.brain->commit(++now, settled);
    b.brain->set_snapshot_floor(b.brain->durable_lsn());
    settled.clear();
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(append_and_commit)
    ->Args({256, 1})
    ->Args({256, 100})
    ->Args({256, 1000})
    ->Args({4096, 100});

/// Time per message: encoding alone.
void encode(benchmark::State& state) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  const auto request = request_of(1, payload);
  const auto& e = request.batch->envelopes.front();
  const std::size_t bytes = encoded_bytes(e);
  group_buffer group;
  std::uint64_t n = 1;
  for (auto _ : state) {
    if (group.size() > (1 << 20)) group.clear();
    const std::size_t offset = group.size();
    encode_record(e, {n, n, 0, 1, 1}, 77, offset, bytes, group.grow(bytes));
    ++n;
    benchmark::DoNotOptimize(group.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(encode)->Arg(256)->Arg(4096);

/// Time per message: reading back in blocks of 1000.
void read_back(benchmark::State& state) {
  bench_spool b;
  const std::string payload(256, 'x');
  const auto request = request_of(1000, payload);
  std::vector<contract::settlement> settled;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    b.brain->append(request, settled);
    b.brain->commit(i, settled);
  }
  auto reader = make_reader(b.files, b.brain->view());
  contract::read_block block;
  for (auto _ : state) {
    if (!reader->read(block, 1 << 20, 1000)) std::abort();
    if (block.empty() && !reader->seek({})) std::abort();
    benchmark::DoNotOptimize(block.records.data());
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(read_back);

}  // namespace
}  // namespace fleetgate::spool

BENCHMARK_MAIN();
