#include "kernel/config/delay_levels.hpp"

#include <gtest/gtest.h>

namespace gantry::config {
namespace {

TEST(DelayLevelsTest, reads_what_rocketmq_writes) {
  const auto levels = parse_delay_levels("1s 5s  10m\t2h 1d ");
  ASSERT_TRUE(levels);
  EXPECT_EQ(*levels, (std::vector<std::int64_t>{1'000, 5'000, 600'000, 7'200'000, 86'400'000}));
}

TEST(DelayLevelsTest, names_the_bad_level) {
  EXPECT_EQ(parse_delay_levels("1s 5 10s").error().text,
            "level 2: expected a time above zero with its unit, like 30s or 2h, found \"5\"");
  EXPECT_EQ(parse_delay_levels("0s").error().text,
            "level 1: expected a time above zero with its unit, like 30s or 2h, found \"0s\"");
  EXPECT_EQ(parse_delay_levels("  ").error().text, "expected at least one level, found none");
  std::string many;
  for (int i = 0; i < 65; ++i) many += "1s ";
  EXPECT_EQ(parse_delay_levels(many).error().text, "expected at most 64 levels");
}

}  // namespace
}  // namespace gantry::config
