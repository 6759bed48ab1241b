// Large tables: that the bounds on time which the design promises hold with room to spare. The measured times are
// printed; the limits are generous, because tests share their machine.

#include "kernel/env/clock.hpp"
#include "kernel/routing/heartbeat.hpp"
#include "kernel/routing/offset_table.hpp"
#include "kernel/routing/registration.hpp"
#include "kernel/routing/testing/allocation_counter.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace gantry::routing {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool is_timed = false;  // Sanitizers decide the speed: run the work, judge nothing.
#else
constexpr bool is_timed = true;
#endif

using Micros = std::chrono::duration<double, std::micro>;

template <typename Work>
double micros_of(const char* what, int rounds, Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) work(i);
  const double each = Micros(std::chrono::steady_clock::now() - begin).count() / rounds;
  std::printf("[ measured ] %-60s %10.3f us\n", what, each);
  return is_timed ? each : 0;
}

std::string topic_name(int i) { return "topic-number-" + std::to_string(i); }

struct ScaleTest : ::testing::Test {
  void create_topics(int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(topics.create_for_send({topic_name(i), "TBW102", 4, false}));
  }
  FakeClock clock;
  TopicTable topics{TopicOptions{}, clock};
  RouteTable routes{clock};
};

TEST_F(ScaleTest, creating_topics_does_not_slow_down_as_the_table_grows) {
  const double first = micros_of("create a topic, of the first 10,000", 10'000, [this](int i) {
    ASSERT_TRUE(topics.create_for_send({topic_name(i), "TBW102", 4, false}));
  });
  const double last =
      micros_of("create a topic, with 10,000 to 90,000 there", is_timed ? 80'000 : 5'000, [this](int i) {
        ASSERT_TRUE(topics.create_for_send({topic_name(10'000 + i), "TBW102", 4, false}));
      });
  EXPECT_LT(first, 200);
  EXPECT_LT(last, 400);
}

TEST_F(ScaleTest, ten_thousand_topics_register_and_are_routed_fast) {
  create_topics(10'000);
  const Registration registration(topics, clock, {});
  EXPECT_LT(micros_of("register 10,000 topics with the embedded name server", 1,
                      [&](int) { ASSERT_TRUE(registration.register_with(routes)); }),
            500'000);
  double each = micros_of("encode a registration of 10,000 topics", 1, [&](int) {
    const auto frames = registration.encode_registration(1, "10.0.0.1");
    ASSERT_TRUE(frames);
    ASSERT_EQ(frames->size(), 1u);
    EXPECT_LT((*frames)[0].size(), protocol::frame_size_max);
  });
  EXPECT_LT(each, 2'000'000);
  std::vector<std::string> names;
  for (int i = 0; i < 10'000; ++i) names.push_back(topic_name(i));
  each = micros_of("look up a route", 100'000, [&](int i) {
    ASSERT_TRUE(routes.route({names[static_cast<std::size_t>(i * 7 % 10'000)], "192.168.0.1", {}}));
  });
  EXPECT_LT(each, 50);
}

TEST_F(ScaleTest, very_many_topics_are_registered_in_parts_that_fit_a_frame) {
  create_topics(60'000);
  const Registration registration(topics, clock, {});
  const auto frames = registration.encode_registration(1, "10.0.0.1");
  ASSERT_TRUE(frames);
  ASSERT_EQ(frames->size(), 2u);
  for (const protocol::ByteBuffer& frame : *frames) {
    std::printf("[ measured ] registration frame: %zu bytes\n", frame.size());
    EXPECT_LT(frame.size(), protocol::frame_size_max);
  }
}

TEST_F(ScaleTest, lookups_per_message_allocate_nothing) {
  create_topics(10'000);
  OffsetTable offsets(clock);
  TopicTable::Reader reader = topics.reader();
  std::vector<std::string> names;
  for (int i = 0; i < 10'000; ++i) names.push_back(topic_name(i));
  const auto touch = [&](int i) {
    const std::string& name = names[static_cast<std::size_t>(i) * 7919 % names.size()];
    const Topic* topic = reader.find(name);
    ASSERT_NE(topic, nullptr);
    ASSERT_EQ(offsets.commit({"group", name, 3}, i, {topic->queue_count(), 1'000'000}), CommitOutcome::stored);
    reader.turn();
  };
  for (int i = 0; i < 10'000; ++i) touch(i);
  const std::size_t before = testing::allocation_count();
  micros_of("find a topic and commit an offset", 100'000, touch);
  EXPECT_EQ(testing::allocation_count() - before, 0u);
  micros_of("find a topic", 1'000'000,
            [&](int i) { ASSERT_NE(reader.find(names[static_cast<std::size_t>(i & 1023)]), nullptr); });
}

TEST_F(ScaleTest, a_heartbeat_with_two_thousand_groups_takes_milliseconds) {
  GroupTable groups({}, clock);
  ClientRegistry clients(clock);
  protocol::HeartbeatData heartbeat;
  for (int i = 0; i < 2'000; ++i) {
    protocol::ConsumerData& consumer = heartbeat.consumers.emplace_back();
    consumer.group = "group-" + std::to_string(i);
    consumer.subscriptions.emplace_back().topic = "T";
    heartbeat.producer_groups.push_back("producers-" + std::to_string(i));
  }
  const Client client{ChannelId(1), "client", protocol::Language::java, 479, "10.0.0.1:1"};
  const auto beat = [&](int) { apply_heartbeat(client, heartbeat, topics, groups, clients); };
  EXPECT_LT(micros_of("first heartbeat with 2,000 consumer and producer groups", 1, beat), 2'000'000);
  EXPECT_LT(micros_of("the next one", 10, beat), 500'000);
  std::vector<ChangeNotice> notices;
  EXPECT_LT(micros_of("close its connection", 1, [&](int) { clients.close(client.channel, notices); }), 2'000'000);
  EXPECT_EQ(clients.consumer_group_count(), 0u);
}

TEST_F(ScaleTest, a_thousand_members_join_one_group) {
  ClientRegistry clients(clock);
  std::vector<protocol::SubscriptionData> subscriptions(10);
  for (std::size_t i = 0; i < subscriptions.size(); ++i) subscriptions[i].topic = "T" + std::to_string(i);
  ConsumerRegistration registration;
  registration.group = "g";
  registration.subscriptions = &subscriptions;
  std::vector<ChangeNotice> notices;
  const double each = micros_of("join a group, up to 1,000 members", 1'000, [&](int i) {
    notices.clear();
    clients.register_consumer(
        {ChannelId(static_cast<std::uint64_t>(i + 1)), "c" + std::to_string(i), protocol::Language::java, 479, ""},
        registration, notices);
  });
  EXPECT_LT(each, 5'000);
  ClientRegistry::ConsumerReader reader = clients.consumer_reader();
  const std::size_t before = testing::allocation_count();
  micros_of("find a group and a subscription of it", 100'000,
            [&](int) { ASSERT_NE(reader.find("g")->find("T7"), nullptr); });
  EXPECT_LE(testing::allocation_count() - before, 1u);
}

}  // namespace
}  // namespace gantry::routing
