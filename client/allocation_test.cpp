#include "client/consumer.hpp"

#include <gtest/gtest.h>

namespace gantry::client {
namespace {

std::vector<MessageQueue> queues(int count) {
  std::vector<MessageQueue> made;
  for (int i = 0; i < count; ++i) made.push_back({"topic", "broker-a", i});
  return made;
}

std::vector<int> ids(const std::vector<MessageQueue>& share) {
  std::vector<int> made;
  for (const MessageQueue& queue : share) made.push_back(queue.queue_id);
  return made;
}

// Concern: every member computes its share alone, so the shares must fit together exactly as RocketMQ's clients compute
// them. Method: the worked examples of the AVG strategy, then coverage for all small sizes.

TEST(AllocateAveragely, neighbouring_queues_with_the_remainder_going_to_the_first_members) {
  EXPECT_EQ(ids(allocate_averagely(queues(8), 3, 0)), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(ids(allocate_averagely(queues(8), 3, 1)), (std::vector<int>{3, 4, 5}));
  EXPECT_EQ(ids(allocate_averagely(queues(8), 3, 2)), (std::vector<int>{6, 7}));
}

TEST(AllocateAveragely, more_members_than_queues_leaves_the_last_ones_idle) {
  EXPECT_EQ(ids(allocate_averagely(queues(2), 3, 1)), (std::vector<int>{1}));
  EXPECT_TRUE(allocate_averagely(queues(2), 3, 2).empty());
}

TEST(AllocateAveragely, every_queue_has_exactly_one_owner) {
  for (int queue_count = 0; queue_count <= 20; ++queue_count) {
    for (std::size_t members = 1; members <= 8; ++members) {
      std::vector<MessageQueue> together;
      for (std::size_t index = 0; index < members; ++index) {
        const auto share = allocate_averagely(queues(queue_count), members, index);
        together.insert(together.end(), share.begin(), share.end());
      }
      EXPECT_EQ(together, queues(queue_count)) << queue_count << " queues, " << members << " members";
    }
  }
}

TEST(AllocateAveragely, an_outsider_gets_nothing) {
  EXPECT_TRUE(allocate_averagely(queues(4), 0, 0).empty());
  EXPECT_TRUE(allocate_averagely(queues(4), 2, 2).empty());
}

}  // namespace
}  // namespace gantry::client
