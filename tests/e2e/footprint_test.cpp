// Concern: an idle broker is small, and serves as soon as it was started.
// Method: a real broker on an empty folder. The bounds asserted are those we promise to users with room for slow test
// machines; the figures themselves are printed.

#include "tests/support/broker_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sys/resource.h>

namespace gantry {
namespace {

TEST(Footprint, an_idle_broker_is_small_and_ready_at_once) {
  std::vector<double> starts_ms;
  std::int64_t resident = 0;
  for (int i = 0; i < 5; ++i) {
    testing::TempFolder folder;
    auto broker = testing::BrokerProcess::start(folder);
    ASSERT_TRUE(broker) << broker.error().text;
    starts_ms.push_back(static_cast<double>((*broker)->start_duration().count()) / 1000.0);
    resident = std::max(resident, (*broker)->resident_bytes());
    EXPECT_EQ((*broker)->stop(), 0) << (*broker)->log();
  }
  std::sort(starts_ms.begin(), starts_ms.end());
  std::printf("ready after %.1f ms (median of %zu), resident %.1f MiB\n", starts_ms[starts_ms.size() / 2],
              starts_ms.size(), static_cast<double>(resident) / (1024.0 * 1024.0));
  EXPECT_LE(resident, 20 * 1024 * 1024);
}

TEST(Footprint, an_idle_broker_uses_no_processor_time) {
  testing::TempFolder folder;
  auto broker = testing::BrokerProcess::start(folder);
  ASSERT_TRUE(broker) << broker.error().text;
  const auto ticks = [&] {
    std::ifstream stat("/proc/" + std::to_string((*broker)->pid()) + "/stat");
    std::string field;
    long used = 0;
    for (int i = 1; i <= 15 && stat >> field; ++i) {
      if (i >= 14) used += std::stol(field);  // utime, stime
    }
    return used;
  };
  const long before = ticks();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  testing::eventually([&] { return std::chrono::steady_clock::now() >= until; });
  EXPECT_LE(ticks() - before, 6) << "of 300 ticks in three seconds";
}

}  // namespace
}  // namespace gantry
