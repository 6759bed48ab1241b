// Concern: timers and levels are delivered when they are due and not before, whole, in order, and whatever the broker
// answers. Method: the parts of the delay plugin on a store in memory and a broker for tests, step by step, with a
// clock that the test sets.

#include "plugins/delay/delivery.hpp"

#include "plugins/delay/levels.hpp"
#include "plugins/delay/names.hpp"
#include "plugins/delay/scanner.hpp"
#include "plugins/delay/testing.hpp"
#include "plugins/storage-memory/memory_store.hpp"

#include "gantry/sdk/testing_broker.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gantry::delay {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;

class DeliveryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store.start());
    broker.join(host);
    broker.serve();
    broker.delay_levels = {1'000, 2'000};
    for (const std::string_view topic : {std::string_view("orders"), timer_topic, level_topic, undeliverable_topic}) {
      broker.add_topic(topic, topic == level_topic ? 18 : 4);
    }
    host.now_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    timers = *store.open_queue(timer_topic, 0);
    auto opened =
        TimerIndex::open(host.host(), {.folder = folder.path(), .table_entries_max = 64},
                         {.bounds =
                              [this] {
                                const auto bounds = store.bounds(timers);
                                return TimerIndex::StoreBounds{bounds.min, bounds.max, store.positions().log_end};
                              },
                          .durable_end = [this](std::int64_t) { return store.positions().durable_end; }},
                         {});
    ASSERT_TRUE(opened) << opened.error().text;
    index = *std::move(opened);
    metrics.emplace(host.host());
    const Mail::Office office{host.host(), host.host().broker(), std::make_shared<Bell>(), &*metrics};
    delivery.emplace(office, store, *index, *metrics, Delivery::Settings{.roll_after_ms = 24 * hour_ms});
    scanner.emplace(host.host(), store, timers, *index, *metrics,
                    Scanner::Settings{.roll_after_ms = 24 * hour_ms, .added = [](std::int64_t) {}});
    levels.emplace(office, store, *index, *metrics);
  }
  void TearDown() override { store.stop(); }

  void put_timer(const std::string& body, std::int64_t due_ms, const std::string& key = {},
                 std::vector<std::pair<std::string, std::string>> more = {}) {
    std::string properties;
    more.insert(
        more.begin(),
        {{"REAL_TOPIC", "orders"}, {"REAL_QID", "0"}, {"TIMER_OUT_MS", std::to_string(due_ms)}, {"TIMER_EXACT", "1"}});
    if (!key.empty()) more.emplace_back("UNIQ_KEY", key);
    for (const auto& [name, value] : more) properties = sdk::with_property(properties, name, value);
    ASSERT_EQ(broker.put(timer_topic, 0, body, properties).status, GANTRY_OK);
  }
  void put_level(const std::string& body, int level, const std::string& topic = "orders") {
    std::string properties = sdk::with_property("", "DELAY", std::to_string(level));
    properties = sdk::with_property(properties, "REAL_TOPIC", topic);
    properties = sdk::with_property(properties, "REAL_QID", "0");
    ASSERT_EQ(broker.put(level_topic, level - 1, body, properties).status, GANTRY_OK);
  }
  void scan() {
    while (scanner->step() == Scanner::Found::something) continue;
    static_cast<void>(index->maintain());
  }
  /// Lets the time be `ms` and delivers what is due.
  void at(std::int64_t ms) {
    host.now_ms = ms;
    scan();
    delivery->step();
    delivery->step();
    levels->step();
    levels->step();
  }
  std::string delivered(std::string_view topic = "orders") {
    std::string bodies;
    for (const auto& message : broker.stored(topic, 0))
      bodies += (bodies.empty() ? "" : " ") + std::string(message.body());
    return bodies;
  }

  const testing::TempFolder folder;
  sdk::testing::TestHost host;
  storage_memory::MemoryStore store{{.now_ms = [this] { return host.now_ms; }}};
  sdk::testing::TestBroker broker{store};
  gantry_queue* timers = nullptr;
  std::unique_ptr<TimerIndex> index;
  std::optional<DelayMetrics> metrics;
  std::optional<Delivery> delivery;
  std::optional<Scanner> scanner;
  std::optional<Levels> levels;
};

TEST_F(DeliveryTest, timers_come_exactly_at_their_millisecond_in_order) {
  const std::int64_t now = host.now_ms;
  put_timer("c", now + 300);
  put_timer("a", now + 100);
  put_timer("b1", now + 200);
  put_timer("b2", now + 200);
  at(now + 99);
  EXPECT_EQ(delivered(), "");
  at(now + 100);
  EXPECT_EQ(delivered(), "a");
  at(now + 199);
  EXPECT_EQ(delivered(), "a");
  at(now + 300);
  EXPECT_EQ(delivered(), "a b1 b2 c");
  EXPECT_EQ(index->pending(), 0);
}

TEST_F(DeliveryTest, timer_that_arrives_while_later_ones_are_read_already_comes_first) {
  const std::int64_t now = host.now_ms;
  put_timer("late", now + 50);
  at(now);
  put_timer("early", now + 20);
  at(now);
  at(now + 60);
  EXPECT_EQ(delivered(), "early late");
}

TEST_F(DeliveryTest, cancelled_timer_does_not_come) {
  const std::int64_t now = host.now_ms;
  put_timer("kept", now + 50, "u1");
  put_timer("gone", now + 50, "u2");
  put_timer("same key, other time", now + 5'000, "u2");
  at(now);
  put_timer("0", now + 50, {}, {{"TIMER_DEL_UNIQKEY", "orders+u2"}});
  at(now + 60);
  EXPECT_EQ(delivered(), "kept");
  at(now + 5'000);
  EXPECT_EQ(delivered(), "kept same key, other time");
  EXPECT_EQ(host.metrics["recalled"], 1);
}

TEST_F(DeliveryTest, copies_of_a_rolled_timer_come_once) {
  const std::int64_t now = host.now_ms;
  put_timer("x", now + 50, "u1", {{"TIMER_ROLL_TIMES", "1"}});
  put_timer("y", now + 50, "u2", {{"TIMER_ROLL_TIMES", "1"}});
  put_timer("x", now + 50, "u1", {{"TIMER_ROLL_TIMES", "1"}});
  at(now + 50);
  EXPECT_EQ(delivered().size(), 3U) << delivered();
  EXPECT_EQ(host.metrics["repeated"], 1);
}

TEST_F(DeliveryTest, long_timer_is_appended_again_and_comes_once) {
  const std::int64_t now = host.now_ms;
  put_timer("x", now + 40 * hour_ms, "u1");
  at(now + 24 * hour_ms - 1);
  ASSERT_EQ(broker.stored(timer_topic, 0).size(), 1U);
  at(now + 24 * hour_ms);
  ASSERT_EQ(broker.stored(timer_topic, 0).size(), 2U);
  EXPECT_EQ(broker.stored(timer_topic, 0)[1].property("TIMER_ROLL_TIMES"), "1");
  at(now + 40 * hour_ms - 1);
  EXPECT_EQ(delivered(), "");
  at(now + 40 * hour_ms);
  EXPECT_EQ(delivered(), "x");
  EXPECT_EQ(index->pending(), 0);
}

TEST_F(DeliveryTest, busy_broker_gets_everything_later_and_in_order) {
  const std::int64_t now = host.now_ms;
  for (int i = 0; i < 5; ++i) put_timer(std::to_string(i), now + i);
  int refusals = 3;
  broker.refuse_publish = [&]() -> Status {
    if (refusals-- > 0) return Error{Errc::busy, "busy"};
    return {};
  };
  for (int i = 0; i < 40; ++i) at(now + i * 50);
  EXPECT_EQ(delivered(), "0 1 2 3 4");
  EXPECT_EQ(index->pending(), 0);
}

TEST_F(DeliveryTest, message_without_its_topic_is_kept_visible) {
  const std::int64_t now = host.now_ms;
  put_timer("orphan", now + 1);
  broker.remove_topic("orders");
  for (int i = 1; i < 10; ++i) at(now + i * 100);
  EXPECT_EQ(delivered(undeliverable_topic), "orphan");
  EXPECT_EQ(broker.stored(undeliverable_topic, 0)[0].property("REAL_TOPIC"), "orders");
  EXPECT_EQ(index->pending(), 0);
}

TEST_F(DeliveryTest, levels_come_after_their_delay_in_their_order) {
  put_level("a", 1);
  put_level("b", 1);
  put_level("long", 2);
  const auto due = store.entry(*store.open_queue(level_topic, 0), 1, GANTRY_READ_MAY_BLOCK)->tag_code;
  ASSERT_TRUE(levels->start({.delays_ms = {1'000, 2'000}}));
  at(due - 1'000);
  EXPECT_EQ(delivered(), "");
  at(due);
  EXPECT_EQ(delivered(), "a b");
  at(due + 5'000);
  EXPECT_EQ(delivered(), "a b long");
  EXPECT_EQ(index->levels().at(1), 2);
  EXPECT_EQ(index->levels().at(2), 1);
}

TEST_F(DeliveryTest, levels_go_on_where_they_were_and_beyond_the_present_list) {
  put_level("done", 1);
  put_level("next", 1);
  put_level("dropped level", 9);
  ASSERT_TRUE(levels->start({.delays_ms = {1'000}, .offsets = {{1, 1}}, .queue_count = 18}));
  at(host.now_ms + 40 * hour_ms);
  EXPECT_EQ(delivered(), "next dropped level");
}

TEST_F(DeliveryTest, half_message_on_a_level_is_not_published) {
  put_level("half", 1, std::string(half_topic));
  put_level("whole", 1);
  broker.add_topic(half_topic, 1);
  ASSERT_TRUE(levels->start({.delays_ms = {1'000}}));
  at(host.now_ms + hour_ms);
  EXPECT_EQ(delivered(), "whole");
  EXPECT_EQ(delivered(half_topic), "");
}

TEST_F(DeliveryTest, clock_that_went_back_makes_levels_wait_their_delay_and_no_longer) {
  put_level("a", 1);
  ASSERT_TRUE(levels->start({.delays_ms = {1'000}}));
  const std::int64_t back = host.now_ms - 10 * hour_ms;
  at(back);
  EXPECT_EQ(delivered(), "");
  at(back + 990);
  EXPECT_EQ(delivered(), "");
  at(back + 1'100);
  EXPECT_EQ(delivered(), "a");
}

}  // namespace
}  // namespace gantry::delay
