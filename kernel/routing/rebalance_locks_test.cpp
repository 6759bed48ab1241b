#include "kernel/routing/rebalance_locks.hpp"

#include "kernel/env/clock.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gantry::routing {
namespace {

using Queues = std::vector<protocol::MessageQueue>;
using std::chrono::seconds;

struct RebalanceLocksTest : ::testing::Test {
  FakeClock clock;
  RebalanceLocks locks{clock};
  Queues two{{"T", "b", 0}, {"T", "b", 1}};
};

TEST_F(RebalanceLocksTest, a_queue_belongs_to_one_client) {
  EXPECT_EQ(locks.lock("g", "c1", {&two[0], 1}), Queues{two[0]});
  EXPECT_EQ(locks.lock("g", "c2", two), Queues{two[1]});
  EXPECT_EQ(locks.lock("g", "c1", two), Queues{two[0]});
  EXPECT_EQ(locks.lock("other", "c2", two), two);
  EXPECT_TRUE(locks.lock("g", "c3", {}).empty());
}

TEST_F(RebalanceLocksTest, only_the_holder_unlocks) {
  ASSERT_EQ(locks.lock("g", "c1", two), two);
  locks.unlock("g", "c2", two);
  EXPECT_TRUE(locks.lock("g", "c2", two).empty());
  locks.unlock("g", "c1", two);
  EXPECT_EQ(locks.lock("g", "c2", two), two);
  locks.unlock("unknown", "c1", two);
}

TEST_F(RebalanceLocksTest, a_lock_expires_a_minute_after_its_last_renewal) {
  ASSERT_EQ(locks.lock("g", "c1", two), two);
  clock.advance(seconds(50));
  ASSERT_EQ(locks.lock("g", "c1", {&two[0], 1}), Queues{two[0]});
  clock.advance(seconds(11));
  EXPECT_EQ(locks.lock("g", "c2", two), Queues{two[1]});
  EXPECT_TRUE(locks.holds_any("g"));
  clock.advance(seconds(61));
  EXPECT_FALSE(locks.holds_any("g"));
  EXPECT_EQ(locks.lock("g", "c3", two), two);
}

TEST_F(RebalanceLocksTest, setting_the_wall_clock_expires_nothing) {
  ASSERT_EQ(locks.lock("g", "c1", two), two);
  clock.set_wall_ms(clock.now_ms() + 3'600'000);
  EXPECT_TRUE(locks.lock("g", "c2", two).empty());
}

TEST_F(RebalanceLocksTest, expired_locks_leave_nothing_behind) {
  ASSERT_EQ(locks.lock("g", "c1", two), two);
  EXPECT_EQ(locks.expire(), 0u);
  clock.advance(seconds(61));
  EXPECT_EQ(locks.expire(), 2u);
  EXPECT_FALSE(locks.holds_any("g"));
  ASSERT_EQ(locks.lock("g", "c1", two), two);
  locks.remove_group("g");
  EXPECT_EQ(locks.lock("g", "c2", two), two);
}

TEST_F(RebalanceLocksTest, a_group_has_a_bounded_number_of_locks) {
  RebalanceLockOptions options;
  options.locks_per_group_max = 1;
  options.groups_max = 0;
  RebalanceLocks small(clock, options);
  EXPECT_EQ(small.lock("g", "c", two), Queues{two[0]});
}

}  // namespace
}  // namespace gantry::routing
