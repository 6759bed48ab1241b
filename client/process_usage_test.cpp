// What /proc says about this process follows what the process does.

#include "client/process_usage.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace gantry::client {
namespace {

TEST(ProcessUsage, counts_files_mappings_memory_and_time) {
  const auto before = read_process_usage(0);
  ASSERT_TRUE(before) << before.error().text;
  EXPECT_GT(before->resident_bytes, 0);

  std::vector<int> files;
  for (int i = 0; i < 10; ++i) files.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  constexpr std::size_t bytes = 32 * 1024 * 1024;
  // Every other page may be read only, so that the kernel cannot merge the mappings into one.
  std::vector<void*> maps;
  for (int i = 0; i < 8; ++i) {
    maps.push_back(mmap(nullptr, bytes / 8, i % 2 == 0 ? PROT_READ | PROT_WRITE : PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | (i % 2 == 0 ? MAP_POPULATE : 0), -1, 0));
  }
  const auto after = read_process_usage(0);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->open_files - before->open_files, 10);
  EXPECT_GE(after->mappings - before->mappings, 4);
  EXPECT_GE(after->anonymous_bytes - before->anonymous_bytes, static_cast<std::int64_t>(bytes / 2 - bytes / 8));
  EXPECT_GE(after->resident_bytes, after->anonymous_bytes);
  EXPECT_GE(after->cpu_ns, before->cpu_ns);
  for (const int file : files) close(file);
  for (void* map : maps) munmap(map, bytes / 8);
}

TEST(ProcessUsage, of_nobody_is_an_error) {
  EXPECT_EQ(read_process_usage(2'000'000'000).error().code, Errc::not_found);
  EXPECT_EQ(process_cpu_ns(2'000'000'000), 0);
}

}  // namespace
}  // namespace gantry::client
