#include "actors/spool/posix_file_layer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "actors/runtime/descriptor.hpp"
#include "actors/spool/segment_reader.hpp"
#include "actors/spool/spool.hpp"

namespace fleetgate::spool {
namespace {

class posix_file_layer_test : public ::testing::Test {
 protected:
  posix_file_layer_test() {
    std::string pattern = (std::filesystem::temp_directory_path() / "spool-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
  }
  ~posix_file_layer_test() override { std::filesystem::remove_all(directory); }

  std::string directory;
  posix_file_layer files;
};

TEST_F(posix_file_layer_test, what_is_written_is_read_back) {
  ASSERT_TRUE(files.make_directory(directory + "/a/b"));
  const std::string path = directory + "/a/b/f";
  auto f = files.create(path);
  ASSERT_TRUE(f);
  ASSERT_TRUE((*f)->write_at(3, as_bytes("abc")));
  ASSERT_TRUE((*f)->sync());
  ASSERT_TRUE(files.sync_directory(directory + "/a/b"));
  std::array<std::byte, 10> into{};
  auto r = files.open_for_reading(path);
  ASSERT_TRUE(r);
  EXPECT_EQ(*(*r)->read_at(0, into), 6U);
  EXPECT_EQ(as_text(byte_view(into).subspan(3, 3)), "abc");
  ASSERT_TRUE((*f)->truncate(4));
  EXPECT_EQ(*(*r)->size(), 4U);
  EXPECT_EQ(*files.list(directory + "/a/b"), std::vector<std::string>{"f"});
  ASSERT_TRUE(files.remove(path));
  EXPECT_TRUE(files.list(directory + "/a/b")->empty());
}

TEST_F(posix_file_layer_test, faults_have_their_code_and_name_the_path) {
  const auto missing = files.open_for_reading(directory + "/none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, fault_code::not_found);
  EXPECT_NE(missing.error().detail.find("/none"), std::string::npos);
  ASSERT_TRUE(files.create(directory + "/f"));
  EXPECT_EQ(files.create(directory + "/f").error().code, fault_code::storage_io);
  EXPECT_EQ(files.list(directory + "/none").error().code, fault_code::not_found);
}

TEST_F(posix_file_layer_test, what_is_no_regular_file_is_a_fault_and_holds_nobody_up) {
  const std::string pipe = directory + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, directory}) {
    for (const bool writes : {false, true}) {
      const auto opened = writes ? files.open_for_writing(path) : files.open_for_reading(path);
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().code, fault_code::storage_io);
    }
    EXPECT_NE(files.open_for_reading(path).error().detail.find("not a regular file"),
              std::string::npos);
  }
}

TEST_F(posix_file_layer_test, a_file_that_may_not_grow_is_as_a_full_disk) {
  auto f = files.create(directory + "/f");
  ASSERT_TRUE(f);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto heard = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit least{4, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &least), 0);
  const auto written = (*f)->write_at(4, as_bytes("abc"));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, heard);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, fault_code::storage_full);
}

TEST_F(posix_file_layer_test, full_device_is_storage_full) {
  auto full = files.open_for_writing("/dev/full");
  if (!full) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ((*full)->write_at(0, as_bytes("x")).error().code, fault_code::storage_full);
}

TEST_F(posix_file_layer_test, only_the_disk_gives_what_memory_does_not_hold) {
  const std::string path = directory + "/f";
  auto f = files.create(path);
  ASSERT_TRUE(f);
  std::string content(4 * 1024 * 1024, 'x');
  ASSERT_TRUE((*f)->write_at(0, as_bytes(content)));
  ASSERT_TRUE((*f)->sync());
  auto r = files.open_for_reading(path);
  ASSERT_TRUE(r);
  if (!(*r)->disk_gives(0)) GTEST_SKIP() << "a file system in memory";
  std::vector<std::byte> into(content.size());
  ASSERT_TRUE((*r)->read_at(0, into));
  EXPECT_TRUE((*r)->disk_gives(3 * 1024 * 1024 + 5)) << "memory has forgotten it";
  EXPECT_FALSE((*r)->disk_gives(content.size())) << "nothing is there";

  ASSERT_TRUE((*r)->read_at(0, into));
  void* const mapped = ::mmap(nullptr, content.size(), PROT_READ, MAP_SHARED | MAP_POPULATE,
                              runtime::descriptor(::open(path.c_str(), O_RDONLY)).get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_FALSE((*r)->disk_gives(5)) << "memory cannot forget what is mapped";
  ::munmap(mapped, content.size());
  EXPECT_TRUE((*r)->disk_gives(5));
}

TEST_F(posix_file_layer_test, sync_of_a_file_that_was_removed_promises_nothing) {
  auto f = files.create(directory + "/f");
  ASSERT_TRUE(f);
  ASSERT_TRUE((*f)->write_at(0, as_bytes("x")));
  ASSERT_TRUE((*f)->sync());
  std::filesystem::remove(directory + "/f");
  const auto synced = (*f)->sync();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, fault_code::storage_io);
}

/// Also for ThreadSanitizer: one thread writes and removes, two read.
TEST_F(posix_file_layer_test, readers_on_other_threads_see_every_record_once_and_in_order) {
  constexpr std::uint64_t count = 20'000;
  spool_options options;
  options.directory = directory + "/spool";
  options.segment_bytes = 64 * 1024;
  auto opened =
      spool::open(files, options, 0, [](const contract::stored_record&, std::uint64_t) {});
  ASSERT_TRUE(opened) << to_string(opened.error());
  spool& brain = **opened;
  ASSERT_TRUE(brain.register_reader("a", true, {}));
  std::array<contract::cursor, 2> reached;
  std::mutex lock;
  std::atomic<bool> failed{false};
  const auto read = [&](std::size_t who) {
    auto reader = make_reader(files, brain.view());
    contract::read_block block;
    for (std::uint64_t next = 1; next <= count && !failed;) {
      if (!reader->read(block, 32 * 1024, 500) || block.damaged != 0 || block.shed != 0) {
        failed = true;
      }
      for (const auto& r : block.records) failed = failed || r.envelope.sequence != next++;
      const std::lock_guard hold(lock);
      reached[who] = block.end;
    }
  };
  ASSERT_TRUE(brain.register_reader("b", true, {}));
  std::thread first(read, 0), second(read, 1);
  std::vector<contract::settlement> settled;
  const std::string payload(100, 'x');
  for (std::uint64_t n = 1; n <= count; ++n) {
    contract::append_request request;
    request.batch = std::make_unique<contract::envelope_batch>();
    model::envelope e;
    e.level = model::ack_level::durable;
    e.sequence = n;
    e.payload = as_bytes(payload);
    request.batch->envelopes.push_back(e);
    request.items.push_back({0, n});
    brain.append(request, settled);
    if (n % 100 != 0) continue;
    brain.commit(n, settled);
    brain.set_snapshot_floor(brain.durable_lsn());
    const std::lock_guard hold(lock);
    for (const auto& [name, who] : {std::pair{"a", 0U}, std::pair{"b", 1U}}) {
      if (reached[who] != contract::cursor{}) {
        EXPECT_TRUE(brain.advance_reader(name, reached[who], settled));
      }
    }
  }
  first.join();
  second.join();
  EXPECT_FALSE(failed);
  EXPECT_EQ(settled.size(), count);
}

}  // namespace
}  // namespace fleetgate::spool
