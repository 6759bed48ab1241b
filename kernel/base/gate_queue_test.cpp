// Concern: gates let nobody in after closing and wait for those inside; queues refuse at their bound and lose nothing.
#include "kernel/base/bounded_queue.hpp"
#include "kernel/base/gate.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace gantry {
namespace {

using namespace std::chrono_literals;

TEST(GateTest, closed_gate_refuses) {
  Gate gate;
  gate.close();
  EXPECT_FALSE(gate.enter());
  EXPECT_TRUE(gate.wait_empty_for(0s));
}

TEST(GateTest, waiting_gives_up_while_someone_is_inside) {
  Gate gate;
  auto pass = gate.enter();
  ASSERT_TRUE(pass);
  gate.close();
  EXPECT_FALSE(gate.wait_empty_for(1ms));
  pass.leave();
  EXPECT_TRUE(gate.wait_empty_for(0s));
}

TEST(GateTest, an_open_gate_is_never_done) {
  Gate gate;
  EXPECT_FALSE(gate.wait_empty_for(1ms));
  EXPECT_FALSE(gate.is_closed());
}

TEST(GateTest, a_moved_pass_leaves_once) {
  Gate gate;
  auto first = gate.enter();
  Gate::Pass second = std::move(first);
  EXPECT_EQ(gate.count(), 1U);
  first.leave();  // NOLINT(bugprone-use-after-move): leaving twice must be harmless
  EXPECT_EQ(gate.count(), 1U);
  second = gate.enter();
  EXPECT_EQ(gate.count(), 1U);
  second.leave();
  EXPECT_EQ(gate.count(), 0U);
}

TEST(GateTest, last_one_out_wakes_the_waiter) {
  auto gate = std::make_unique<Gate>();
  std::thread worker([pass = gate->enter()]() mutable { pass.leave(); });
  gate->close();
  EXPECT_TRUE(gate->wait_empty_for(10s));
  gate.reset();
  worker.join();
}

TEST(GateDeathTest, going_while_someone_is_inside_asserts) {
  EXPECT_DEATH(
      {
        Gate::Pass kept;  // outlives the gate, which is the mistake
        Gate gate;
        kept = gate.enter();
      },
      "gate must be empty");
}

TEST(BoundedQueueTest, full_queue_refuses_and_leaves_the_item_with_the_caller) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.push(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(queue.push(std::move(second)));
  ASSERT_NE(second, nullptr);  // NOLINT(bugprone-use-after-move): the promise under test
  EXPECT_EQ(**queue.pop(), 1);
  EXPECT_TRUE(queue.push(std::move(second)));
}

TEST(BoundedQueueTest, closing_refuses_new_items_and_hands_out_the_rest) {
  BoundedQueue<int> queue(4);
  EXPECT_TRUE(queue.push(1));
  queue.close();
  EXPECT_FALSE(queue.push(2));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueueTest, waiting_ends_at_the_limit) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.pop_for(1ms), std::nullopt);
}

TEST(BoundedQueueTest, closing_wakes_a_waiting_consumer) {
  BoundedQueue<int> queue(1);
  std::thread consumer([&] { EXPECT_EQ(queue.pop(), std::nullopt); });
  queue.close();
  consumer.join();
}

TEST(BoundedQueueTest, drains_in_order_up_to_the_wanted_count) {
  BoundedQueue<int> queue(8);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(queue.push(i));
  std::vector<int> out{-1};
  EXPECT_EQ(queue.drain(out, 3), 3U);
  EXPECT_EQ(out, (std::vector<int>{-1, 0, 1, 2}));
  EXPECT_EQ(queue.size(), 2U);
}

TEST(BoundedQueueTest, items_of_many_producers_all_arrive) {
  BoundedQueue<int> queue(16);
  constexpr int per_producer = 500;
  std::vector<std::thread> producers;
  for (int t = 0; t < 3; ++t) {
    producers.emplace_back([&] {
      for (int i = 0; i < per_producer; ++i) {
        while (!queue.push(1)) std::this_thread::yield();
      }
    });
  }
  int sum = 0;
  while (sum < 3 * per_producer) sum += *queue.pop();
  for (auto& producer : producers) producer.join();
  EXPECT_EQ(queue.size(), 0U);
}

}  // namespace
}  // namespace gantry
