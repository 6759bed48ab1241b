#include "kernel/routing/heartbeat.hpp"

#include "kernel/env/clock.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gantry::routing {
namespace {

class HeartbeatTest : public ::testing::Test {
 protected:
  HeartbeatOutcome beat(const protocol::HeartbeatData& heartbeat) {
    return apply_heartbeat({ChannelId(1), "c", protocol::Language::java, 479, "10.0.0.1:1"}, heartbeat, topics_,
                           groups_, clients_);
  }
  static protocol::HeartbeatData consumer(std::string group, std::string topic = "T") {
    protocol::HeartbeatData heartbeat;
    heartbeat.client_id = "c";
    protocol::ConsumerData& data = heartbeat.consumers.emplace_back();
    data.group = std::move(group);
    data.subscriptions.emplace_back().topic = std::move(topic);
    return heartbeat;
  }

  FakeClock clock_;
  TopicTable topics_{TopicOptions{}, clock_};
  GroupTable groups_{GroupOptions{}, clock_};
  ClientRegistry clients_{clock_};
};

TEST_F(HeartbeatTest, skips_groups_with_bad_names_and_serves_the_rest) {
  auto heartbeat = consumer("../evil");
  heartbeat.consumers.push_back(consumer("good").consumers[0]);
  heartbeat.producer_groups = {"p", "a/b"};
  const HeartbeatOutcome outcome = beat(heartbeat);
  EXPECT_EQ(outcome.refused_groups, 2u);
  EXPECT_TRUE(clients_.consumer_group("good"));
  EXPECT_TRUE(clients_.producer_group("p"));
  EXPECT_FALSE(topics_.find("%RETRY%../evil"));
}

TEST_F(HeartbeatTest, creates_the_group_and_its_retry_topic) {
  protocol::SubscriptionGroupConfig config;
  config.group_name = "g";
  config.retry_queue_count = 3;
  ASSERT_TRUE(groups_.put(config));
  const HeartbeatOutcome first = beat(consumer("g"));
  EXPECT_TRUE(first.topics_created);
  EXPECT_EQ(topics_.find("%RETRY%g")->write_queues(), 3);
  EXPECT_TRUE(first.subscriptions_changed);
  EXPECT_EQ(first.notices.size(), 1u);
  const HeartbeatOutcome second = beat(consumer("g"));
  EXPECT_FALSE(second.topics_created);
  EXPECT_TRUE(second.notices.empty());
}

TEST_F(HeartbeatTest, an_ordered_topic_makes_an_ordered_retry_topic) {
  TopicRequest ordered;
  ordered.config.topic_name = "T";
  ordered.config.order = true;
  ASSERT_TRUE(topics_.put(ordered));
  beat(consumer("g"));
  EXPECT_TRUE(topics_.find("%RETRY%g")->config().order);
  beat(consumer("g", "other"));
  EXPECT_FALSE(topics_.find("%RETRY%g")->config().order);
}

TEST_F(HeartbeatTest, a_silent_group_is_not_announced) {
  protocol::SubscriptionGroupConfig config;
  config.group_name = "g";
  config.notify_consumer_ids_changed_enable = false;
  ASSERT_TRUE(groups_.put(config));
  EXPECT_TRUE(beat(consumer("g")).notices.empty());
}

TEST_F(HeartbeatTest, the_second_version_asks_for_subscriptions_until_it_knows_them) {
  auto full = consumer("g");
  full.fingerprint = 42;
  auto minimal = full;
  minimal.without_subscriptions = true;
  minimal.consumers[0].subscriptions.clear();
  EXPECT_TRUE(beat(minimal).subscriptions_changed);
  EXPECT_TRUE(beat(minimal).subscriptions_changed);
  beat(full);
  EXPECT_FALSE(beat(minimal).subscriptions_changed);
  EXPECT_NE(clients_.consumer_group("g")->find("T"), nullptr);
  minimal.fingerprint = 43;
  EXPECT_TRUE(beat(minimal).subscriptions_changed);
}

TEST_F(HeartbeatTest, more_groups_than_the_bound_are_counted_as_refused) {
  protocol::HeartbeatData heartbeat;
  for (std::size_t i = 0; i < protocol::heartbeat_group_count_max + 10; ++i) {
    heartbeat.producer_groups.push_back("p" + std::to_string(i));
  }
  EXPECT_EQ(beat(heartbeat).refused_groups, 10u);
  EXPECT_EQ(clients_.producer_group_count(), protocol::heartbeat_group_count_max);
}

}  // namespace
}  // namespace gantry::routing
