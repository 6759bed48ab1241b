// Concern: clocks, random numbers and resource readings behave as their headers say.
#include "kernel/env/clock.hpp"
#include "kernel/env/random.hpp"
#include "kernel/env/resources.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace gantry {
namespace {

using namespace std::chrono_literals;

TEST(ClockTest, fake_time_moves_only_when_told) {
  FakeClock clock(1'000, 0);
  EXPECT_EQ(clock.now_ms(), 1'000);
  clock.advance(5s);
  EXPECT_EQ(clock.now_ms(), 6'000);
  EXPECT_EQ(clock.steady(), 5s);
}

TEST(ClockTest, setting_the_wall_clock_leaves_steady_time_alone) {
  FakeClock clock(1'000, 7);
  clock.set_wall_ms(10);
  EXPECT_EQ(clock.now_ms(), 10);
  EXPECT_EQ(clock.steady_ns(), 7);
}

TEST(ClockTest, system_steady_time_never_goes_back) {
  const SystemClock clock;
  const auto first = clock.steady_ns();
  EXPECT_GE(clock.steady_ns(), first);
  EXPECT_GT(clock.now_ms(), 1'600'000'000'000);
}

TEST(RandomTest, same_seed_gives_the_same_numbers) {
  Random a(42);
  Random b(42);
  Random c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const auto drawn = a.next();
    EXPECT_EQ(drawn, b.next());
    differs |= drawn != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(RandomTest, numbers_stay_below_the_bound_and_all_occur) {
  Random random(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7'000; ++i) ++seen.at(random.below(7));
  for (const int count : seen) EXPECT_GT(count, 700);
  EXPECT_EQ(random.below(1), 0U);
}

TEST(RandomTest, unit_stays_in_its_half_open_interval) {
  Random random(2);
  for (int i = 0; i < 1'000; ++i) {
    const double x = random.unit();
    EXPECT_GE(x, 0.0);
    EXPECT_LT(x, 1.0);
  }
}

TEST(ResourcesTest, usage_of_this_process_is_plausible) {
  const auto usage = process_usage();
  ASSERT_TRUE(usage);
  EXPECT_GT(usage->resident_bytes, 100'000U);
  EXPECT_GE(usage->threads, 1U);
  EXPECT_GE(usage->open_files, 1U);
}

TEST(ResourcesTest, machine_has_cores_memory_and_pages) {
  EXPECT_GE(usable_cores(), 1U);
  EXPECT_GT(memory_bytes(), 1U << 20);
  EXPECT_GE(page_size(), 4096U);
}

TEST(ResourcesTest, open_files_limit_is_never_lowered) {
  const auto now = raise_open_files_limit(1);
  ASSERT_TRUE(now);
  EXPECT_GE(*raise_open_files_limit(*now), *now);
  EXPECT_GE(*raise_open_files_limit(UINT64_MAX), *now);
}

}  // namespace
}  // namespace gantry
