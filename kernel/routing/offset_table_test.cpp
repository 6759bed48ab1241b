#include "kernel/routing/offset_table.hpp"

#include "kernel/env/clock.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gantry::routing {
namespace {

struct OffsetTableTest : ::testing::Test {
  FakeClock clock;
  OffsetTable table{clock};
  CommitBounds bounds{4, 100};
  OffsetKey key{"g", "T", 1};
};

TEST_F(OffsetTableTest, refuses_commits_that_nobody_can_mean) {
  EXPECT_EQ(table.commit(key, -1, bounds), CommitOutcome::ignored_negative);
  EXPECT_EQ(table.commit(key, INT64_MIN, bounds), CommitOutcome::ignored_negative);
  EXPECT_EQ(table.commit(key, 101, bounds), CommitOutcome::refused_beyond);
  EXPECT_EQ(table.commit(key, INT64_MAX, bounds), CommitOutcome::refused_beyond);
  EXPECT_EQ(table.commit({"g", "T", -1}, 5, bounds), CommitOutcome::refused_queue);
  EXPECT_EQ(table.commit({"g", "T", 4}, 5, bounds), CommitOutcome::refused_queue);
  EXPECT_EQ(table.commit({"g", "T", INT32_MAX}, 5, {INT32_MAX, 100}), CommitOutcome::refused_queue);
  EXPECT_FALSE(table.find(key));
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.revision(), 0u);
}

TEST_F(OffsetTableTest, the_last_commit_wins_even_when_smaller) {
  EXPECT_EQ(table.commit(key, 100, bounds), CommitOutcome::stored);
  EXPECT_EQ(table.commit(key, 7, bounds), CommitOutcome::stored);
  EXPECT_EQ(table.find(key), 7);
  EXPECT_FALSE(table.find({"g", "T", 0}));
  EXPECT_FALSE(table.find({"g", "T", -1}));
  EXPECT_FALSE(table.find({"other", "T", 1}));
}

TEST_F(OffsetTableTest, names_that_join_to_the_same_text_stay_apart) {
  EXPECT_EQ(table.commit({"b", "a", 0}, 1, bounds), CommitOutcome::stored);
  EXPECT_FALSE(table.find({"", "a@b", 0}));
  EXPECT_FALSE(table.find({"ab", "", 0}));
}

TEST_F(OffsetTableTest, pairs_beyond_the_bound_are_refused) {
  OffsetTable small(clock, {500, 1});
  EXPECT_EQ(small.commit(key, 1, bounds), CommitOutcome::stored);
  EXPECT_EQ(small.commit({"h", "T", 1}, 1, bounds), CommitOutcome::refused_full);
  EXPECT_FALSE(small.reset({"h", "T", 1}, 1));
  EXPECT_EQ(small.commit(key, 2, bounds), CommitOutcome::stored);
  small.remove_group("g");
  EXPECT_EQ(small.commit({"h", "T", 1}, 1, bounds), CommitOutcome::stored);
}

TEST_F(OffsetTableTest, a_reset_holds_until_its_consumer_took_it) {
  ASSERT_EQ(table.commit(key, 50, bounds), CommitOutcome::stored);
  ASSERT_TRUE(table.reset(key, 10));
  EXPECT_EQ(table.commit(key, 60, bounds), CommitOutcome::ignored_reset);
  EXPECT_EQ(table.commit({"g", "T", 0}, 60, bounds), CommitOutcome::stored);
  EXPECT_EQ(table.find(key), 10);
  ASSERT_TRUE(table.reset(key, 20));
  EXPECT_EQ(table.take_reset(key), 20);
  EXPECT_FALSE(table.take_reset(key));
  EXPECT_EQ(table.find(key), 20);
  EXPECT_EQ(table.commit(key, 60, bounds), CommitOutcome::stored);
  EXPECT_FALSE(table.reset(key, -1));
}

TEST_F(OffsetTableTest, marks_of_removed_groups_are_gone) {
  ASSERT_TRUE(table.reset(key, 10));
  table.remove_group("g");
  EXPECT_FALSE(table.take_reset(key));
  EXPECT_EQ(table.commit(key, 60, bounds), CommitOutcome::stored);
}

TEST_F(OffsetTableTest, lists_what_a_group_or_topic_has) {
  for (const char* topic : {"B", "A"}) table.set({"g", topic, 3}, 30);
  table.set({"g", "A", 0}, 5);
  table.set({"h", "A", 0}, 6);
  EXPECT_EQ(table.topics_of("g"), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(table.groups_of("A"), (std::vector<std::string>{"g", "h"}));
  EXPECT_EQ(table.queues_of("g", "A"), (OffsetTable::QueueOffsets{{0, 5}, {3, 30}}));
  table.clone("g", "clone", "A");
  EXPECT_EQ(table.queues_of("clone", "A"), (OffsetTable::QueueOffsets{{0, 5}, {3, 30}}));
  table.remove_topic("A");
  EXPECT_EQ(table.topics_of("g"), (std::vector<std::string>{"B"}));
  EXPECT_TRUE(table.groups_of("A").empty());
  table.remove("g", "B");
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(OffsetTableTest, the_version_moves_every_500_commits_and_the_revision_with_each) {
  const auto before = table.data_version();
  for (int i = 0; i < 499; ++i) table.commit(key, i % 100, bounds);
  EXPECT_EQ(table.data_version(), before);
  EXPECT_EQ(table.revision(), 499u);
  table.commit(key, 1, bounds);
  EXPECT_EQ(table.data_version().counter, before.counter + 1);
}

TEST_F(OffsetTableTest, an_image_restores_the_table_and_broadcast_keys_survive) {
  protocol::ConsumerOffsetTable stored;
  stored.offsets["T@g"] = {{0, 10}, {7, 20}, {8, -1}, {-3, 5}, {INT32_MAX, 5}};
  stored.offsets["T@g@broadcast"] = {{0, 3}};
  stored.offsets["no-separator"] = {{0, 1}};
  stored.offsets["@g"] = {{0, 1}};
  stored.data_version.counter = 9;
  const Restored restored = table.restore(stored);
  EXPECT_EQ(restored.count, 2u);
  EXPECT_EQ(restored.rejected, 5u);
  EXPECT_EQ(restored.first, "expected topic@group, found \"@g\"");
  EXPECT_EQ(table.queues_of("g", "T"), (OffsetTable::QueueOffsets{{0, 10}, {7, 20}}));
  EXPECT_EQ(table.find({"g@broadcast", "T", 0}), 3);
  const auto image = table.image();
  EXPECT_EQ(image.offsets.at("T@g"), (std::map<std::int32_t, std::int64_t>{{0, 10}, {7, 20}}));
  EXPECT_TRUE(image.offsets.contains("T@g@broadcast"));
  EXPECT_EQ(image.data_version.counter, 9);
}

TEST_F(OffsetTableTest, offsets_that_cannot_be_are_left_out_and_the_first_is_named) {
  protocol::ConsumerOffsetTable stored;
  stored.offsets["T@g"] = {{1, -99'999'999'999}, {2, -1}, {3, 4}};
  const Restored restored = table.restore(stored);
  EXPECT_EQ(restored.count, 1u);
  EXPECT_EQ(restored.rejected, 2u);
  EXPECT_NE(restored.first.find("\"T@g\", queue 1"), std::string::npos) << restored.first;
  EXPECT_NE(restored.first.find("found -99999999999"), std::string::npos) << restored.first;
  EXPECT_FALSE(table.find({"g", "T", 1}));
  EXPECT_EQ(table.find({"g", "T", 3}), 4);
}

TEST_F(OffsetTableTest, commits_from_many_threads_all_arrive) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      const std::string group = "group-" + std::to_string(t);
      for (std::int64_t i = 0; i <= 1000; ++i) table.commit({group, "T", 0}, i, {1, 1000});
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < 4; ++t) EXPECT_EQ(table.find({"group-" + std::to_string(t), "T", 0}), 1000);
  EXPECT_EQ(table.revision(), 4004u);
}

}  // namespace
}  // namespace gantry::routing
