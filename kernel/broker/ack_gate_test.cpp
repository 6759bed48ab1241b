// Concerns: the gate reports a watermark exactly once per wish, never misses one that moved meanwhile, and after a
// failure wakes everybody.

#include "kernel/broker/ack_gate.hpp"

#include "kernel/broker/testing/fake_threads.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace gantry::broker {
namespace {

class AckGateTest : public ::testing::Test {
 protected:
  AckGateTest() {
    gate_.attach(ShardId(0), [this] { ++wakes_[0]; });
    gate_.attach(ShardId(1), [this] { ++wakes_[1]; });
  }
  testing::ManualClock clock_;
  testing::FakeShards shards_{2, clock_};
  AckGate gate_{shards_};
  int wakes_[2] = {0, 0};
};

TEST_F(AckGateTest, nobody_is_woken_who_did_not_ask) {
  gate_.advance(Watermark::durable, 100);
  shards_.run();
  EXPECT_EQ(wakes_[0] + wakes_[1], 0);
}

TEST_F(AckGateTest, positions_never_decrease) {
  gate_.advance(Watermark::durable, 100);
  gate_.advance(Watermark::durable, 50);
  EXPECT_EQ(gate_.position(Watermark::durable), 100);
}

TEST_F(AckGateTest, a_wish_beyond_the_watermark_waits_until_it_is_passed) {
  gate_.wait_for(ShardId(0), Watermark::durable, 100);
  gate_.advance(Watermark::durable, 99);
  shards_.run();
  EXPECT_EQ(wakes_[0], 0);
  gate_.advance(Watermark::durable, 100);
  shards_.run();
  EXPECT_EQ(wakes_[0], 1);
  EXPECT_EQ(wakes_[1], 0);
}

TEST_F(AckGateTest, a_wish_that_was_passed_before_is_answered_at_once) {
  gate_.advance(Watermark::durable, 100);
  gate_.wait_for(ShardId(1), Watermark::durable, 70);
  shards_.run();
  EXPECT_EQ(wakes_[1], 1);
}

TEST_F(AckGateTest, many_moves_post_one_wake_up) {
  gate_.wait_for(ShardId(0), Watermark::durable, 10);
  for (int end = 10; end < 100; ++end) gate_.advance(Watermark::durable, end);
  EXPECT_EQ(shards_.at(ShardId(0)).pending(), 1U);
}

TEST_F(AckGateTest, watermarks_are_told_apart) {
  gate_.wait_for(ShardId(0), Watermark::replicated, 10);
  gate_.advance(Watermark::durable, 10);
  shards_.run();
  EXPECT_EQ(wakes_[0], 0);
  gate_.advance(Watermark::replicated, 10);
  shards_.run();
  EXPECT_EQ(wakes_[0], 1);
}

TEST_F(AckGateTest, failure_wakes_who_waits_and_who_comes_later) {
  gate_.wait_for(ShardId(0), Watermark::durable, 1'000);
  gate_.fail();
  shards_.run();
  EXPECT_EQ(wakes_[0], 1);
  gate_.wait_for(ShardId(1), Watermark::durable, 1'000);
  shards_.run();
  EXPECT_EQ(wakes_[1], 1);
  EXPECT_TRUE(gate_.has_failed());
}

TEST(AckQueueTest, keeps_order_through_growth_and_reuse) {
  struct Entry {
    int value = 0;
    std::string text;
  };
  AckQueue<Entry> queue;
  int next_in = 0;
  int next_out = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 37; ++i) queue.push().value = next_in++;
    for (int i = 0; i < 29; ++i) {
      ASSERT_EQ(queue.front().value, next_out++);
      queue.pop();
    }
  }
  EXPECT_EQ(queue.size(), 50U * 8U);
  EXPECT_EQ(queue.at(3).value, next_out + 3);
  while (!queue.empty()) {
    ASSERT_EQ(queue.front().value, next_out++);
    queue.pop();
  }
  EXPECT_EQ(next_in, next_out);
}

}  // namespace
}  // namespace gantry::broker
