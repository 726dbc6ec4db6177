#include "actors/runtime/mapped_guard.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "actors/runtime/descriptor.hpp"

namespace fleetgate::runtime {
namespace {

class mapped_file : public testing::Test {
 protected:
  static constexpr std::size_t bytes = 16384;

  mapped_file() {
    std::string name = testing::TempDir() + "mapped-XXXXXX";
    file_ = descriptor(::mkstemp(name.data()));
    ::unlink(name.c_str());
    EXPECT_EQ(::ftruncate(file_.get(), bytes), 0);
    map_ = static_cast<char*>(
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0));
  }
  ~mapped_file() override { ::munmap(map_, bytes); }

  void truncate_it() const { EXPECT_EQ(::ftruncate(file_.get(), 4096), 0); }
  void touch() const {
    for (std::size_t at = 0; at < bytes; at += 1024) static_cast<volatile char*>(map_)[at] = 1;
  }

  descriptor file_;
  char* map_ = nullptr;
};

TEST_F(mapped_file, that_was_truncated_goes_on_as_memory_and_its_guard_says_so) {
  const mapped_guard guard(map_, bytes);
  touch();
  EXPECT_FALSE(guard.is_lost());
  EXPECT_EQ(mapped_guard::count_lost(), 0U);
  truncate_it();
  touch();
  EXPECT_TRUE(guard.is_lost());
  EXPECT_EQ(mapped_guard::count_lost(), 1U);
  touch();
}

TEST_F(mapped_file, that_is_whole_is_not_lost_with_another_one) {
  const mapped_guard first(map_, 8192), second(map_ + 8192, 8192);
  truncate_it();
  static_cast<volatile char*>(map_)[8192] = 1;
  EXPECT_TRUE(second.is_lost());
  EXPECT_FALSE(first.is_lost());
}

using mapped_file_death = mapped_file;

TEST_F(mapped_file_death, without_a_guard_ends_the_process_as_ever) {
  { const mapped_guard gone(map_, bytes); }
  truncate_it();
  EXPECT_DEATH(touch(), "");
}

TEST_F(mapped_file_death, or_not_a_bus_error_that_was_sent_ends_the_process) {
  const mapped_guard guard(map_, bytes);
  EXPECT_DEATH(::raise(SIGBUS), "");
}

}  // namespace
}  // namespace fleetgate::runtime
