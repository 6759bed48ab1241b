#include "kernel/routing/client_registry.hpp"

#include "kernel/base/log.hpp"
#include "kernel/env/clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace gantry::routing {
namespace {

using std::chrono::seconds;
using Notices = std::vector<ChangeNotice>;
using Subscriptions = std::vector<protocol::SubscriptionData>;

Client client(std::uint64_t channel) {
  return {ChannelId(channel), "client-" + std::to_string(channel), protocol::Language::java, 479, "10.0.0.1:1"};
}

protocol::SubscriptionData subscribe(std::string topic, std::int64_t version = 1, std::string expression = "*") {
  protocol::SubscriptionData made;
  made.topic = std::move(topic);
  made.version = version;
  made.expression = std::move(expression);
  return made;
}

class ClientRegistryTest : public ::testing::Test {
 protected:
  RegisterOutcome join(std::uint64_t channel, const Subscriptions& subscriptions, std::string_view group = "g") {
    notices_.clear();
    ConsumerRegistration registration;
    registration.group = group;
    registration.subscriptions = &subscriptions;
    return clients_.register_consumer(client(channel), registration, notices_);
  }
  std::vector<std::uint64_t> told() const {
    std::vector<std::uint64_t> channels;
    for (const ChangeNotice& notice : notices_) {
      for (const ChannelId channel : notice.channels) channels.push_back(channel.value());
    }
    std::sort(channels.begin(), channels.end());
    return channels;
  }
  std::vector<std::string> topics(std::string_view group = "g") const {
    std::vector<std::string> names;
    if (const auto found = clients_.consumer_group(group)) {
      for (const auto& subscription : found->subscriptions) names.push_back(subscription->topic);
    }
    return names;
  }

  using Channels = std::vector<std::uint64_t>;
  using Names = std::vector<std::string>;

  FakeClock clock_;
  ClientRegistry clients_{clock_};
  Notices notices_;
};

TEST_F(ClientRegistryTest, a_new_member_is_announced_to_all) {
  EXPECT_EQ(join(1, {subscribe("T")}), RegisterOutcome::changed);
  EXPECT_EQ(told(), Channels{1});
  EXPECT_EQ(join(2, {subscribe("T")}), RegisterOutcome::changed);
  EXPECT_EQ(told(), (Channels{1, 2}));
  EXPECT_EQ(clients_.consumer_group("g")->members.size(), 2u);
}

TEST_F(ClientRegistryTest, a_heartbeat_that_says_nothing_new_changes_nothing) {
  join(1, {subscribe("T"), subscribe("A")});
  const auto before = clients_.consumer_group("g");
  EXPECT_EQ(join(1, {subscribe("A"), subscribe("T")}), RegisterOutcome::unchanged);
  EXPECT_TRUE(notices_.empty());
  EXPECT_EQ(clients_.consumer_group("g"), before);
}

TEST_F(ClientRegistryTest, a_new_or_removed_topic_is_announced_a_new_version_is_not) {
  join(1, {subscribe("A", 1)});
  EXPECT_EQ(join(1, {subscribe("A", 2, "x")}), RegisterOutcome::unchanged);
  EXPECT_EQ(clients_.consumer_group("g")->find("A")->expression, "x");
  EXPECT_TRUE(notices_.empty());
  EXPECT_EQ(join(1, {subscribe("A", 2, "x"), subscribe("B")}), RegisterOutcome::changed);
  EXPECT_EQ(join(1, {subscribe("B")}), RegisterOutcome::changed);
  EXPECT_EQ(topics(), Names{"B"});
}

TEST_F(ClientRegistryTest, an_older_version_is_ignored) {
  join(1, {subscribe("A", 5, "new")});
  join(1, {subscribe("A", 4, "old")});
  EXPECT_EQ(clients_.consumer_group("g")->find("A")->expression, "new");
  join(2, {subscribe("A", 3, "older")});
  EXPECT_EQ(clients_.consumer_group("g")->find("A")->expression, "new");
}

TEST_F(ClientRegistryTest, members_that_disagree_do_not_take_each_others_topics_away) {
  LogCapture log;
  join(1, {subscribe("A")});
  join(2, {subscribe("B")});
  EXPECT_EQ(topics(), (Names{"A", "B"}));
  EXPECT_TRUE(log.contains("group.members.disagree"));
  EXPECT_EQ(join(1, {subscribe("A")}), RegisterOutcome::unchanged);
  EXPECT_EQ(join(2, {subscribe("B")}), RegisterOutcome::unchanged);
  EXPECT_EQ(topics(), (Names{"A", "B"}));
  notices_.clear();
  clients_.close(ChannelId(2), notices_);
  EXPECT_EQ(topics(), Names{"A"});
  EXPECT_EQ(told(), Channels{1});
}

TEST_F(ClientRegistryTest, when_the_newest_subscription_leaves_the_next_newest_holds) {
  join(1, {subscribe("A", 1, "one")});
  join(2, {subscribe("A", 3, "three")});
  join(3, {subscribe("A", 2, "two")});
  join(4, {subscribe("A", 3, "three")});
  EXPECT_EQ(clients_.consumer_group("g")->find("A")->expression, "three");
  clients_.close(ChannelId(2), notices_);
  EXPECT_EQ(clients_.consumer_group("g")->find("A")->expression, "three");
  clients_.close(ChannelId(4), notices_);
  EXPECT_EQ(clients_.consumer_group("g")->find("A")->expression, "two");
  clients_.close(ChannelId(3), notices_);
  EXPECT_EQ(clients_.consumer_group("g")->find("A")->expression, "one");
  clients_.close(ChannelId(1), notices_);
  EXPECT_FALSE(clients_.consumer_group("g"));
}

TEST_F(ClientRegistryTest, a_topic_named_twice_counts_once) {
  join(1, {subscribe("A", 1), subscribe("A", 2)});
  EXPECT_EQ(topics(), Names{"A"});
  clients_.close(ChannelId(1), notices_);
  EXPECT_FALSE(clients_.consumer_group("g"));
}

TEST_F(ClientRegistryTest, broadcasting_and_silenced_groups_are_not_notified) {
  ConsumerRegistration registration;
  const Subscriptions subscriptions{subscribe("T")};
  registration.group = "g";
  registration.subscriptions = &subscriptions;
  registration.message_model = protocol::MessageModel::broadcasting;
  clients_.register_consumer(client(1), registration, notices_);
  registration.group = "h";
  registration.message_model = protocol::MessageModel::clustering;
  registration.notify = false;
  clients_.register_consumer(client(1), registration, notices_);
  EXPECT_TRUE(notices_.empty());
}

TEST_F(ClientRegistryTest, the_last_heartbeat_describes_the_group) {
  join(1, {subscribe("T")});
  ConsumerRegistration registration;
  registration.group = "g";
  registration.consume_type = protocol::ConsumeType::pop;
  registration.consume_from = protocol::ConsumeFrom::first_offset;
  clients_.register_consumer(client(2), registration, notices_);
  const auto group = clients_.consumer_group("g");
  EXPECT_EQ(group->consume_type, protocol::ConsumeType::pop);
  EXPECT_EQ(group->consume_from, protocol::ConsumeFrom::first_offset);
  EXPECT_EQ(topics(), Names{"T"});
}

TEST_F(ClientRegistryTest, a_channel_that_takes_another_id_replaces_the_old_one_quietly) {
  const Subscriptions subscriptions{subscribe("T")};
  join(1, subscriptions);
  Client renamed = client(1);
  renamed.client_id = "other";
  ConsumerRegistration registration;
  registration.group = "g";
  registration.subscriptions = &subscriptions;
  EXPECT_EQ(clients_.register_consumer(renamed, registration, notices_ = {}), RegisterOutcome::unchanged);
  ASSERT_EQ(clients_.consumer_group("g")->members.size(), 1u);
  EXPECT_EQ(clients_.consumer_group("g")->members[0]->client_id, "other");
}

TEST_F(ClientRegistryTest, unregistering_leaves_the_named_groups_only) {
  join(1, {subscribe("T")}, "g");
  join(1, {subscribe("T")}, "h");
  clients_.register_producer(client(1), "p");
  clients_.unregister(ChannelId(1), "", "g", notices_);
  EXPECT_FALSE(clients_.consumer_group("g"));
  EXPECT_TRUE(clients_.consumer_group("h"));
  EXPECT_TRUE(clients_.producer_group("p"));
  clients_.unregister(ChannelId(1), "p", "h", notices_);
  EXPECT_FALSE(clients_.producer_group("p"));
  clients_.unregister(ChannelId(1), "p", "unknown", notices_);
  EXPECT_EQ(clients_.consumer_group_count() + clients_.producer_group_count(), 0u);
}

TEST_F(ClientRegistryTest, a_closed_channel_leaves_everything) {
  join(1, {subscribe("T")}, "g");
  join(2, {subscribe("T")}, "g");
  clients_.register_producer(client(1), "p");
  notices_.clear();
  clients_.close(ChannelId(1), notices_);
  EXPECT_EQ(told(), Channels{2});
  EXPECT_FALSE(clients_.producer_group("p"));
  EXPECT_FALSE(clients_.producer_channel("client-1"));
  notices_.clear();
  clients_.close(ChannelId(1), notices_);
  clients_.close(ChannelId(99), notices_);
  EXPECT_TRUE(notices_.empty());
}

TEST_F(ClientRegistryTest, members_without_a_heartbeat_expire_after_two_minutes) {
  join(1, {subscribe("T")});
  join(2, {subscribe("T")});
  clients_.register_producer(client(3), "p");
  clock_.advance(seconds(100));
  join(2, {subscribe("T")});
  clock_.advance(seconds(21));
  notices_.clear();
  EXPECT_EQ(clients_.expire(notices_), (std::vector<ChannelId>{ChannelId(1), ChannelId(3)}));
  EXPECT_EQ(told(), Channels{2});
  EXPECT_EQ(clients_.consumer_group("g")->members.size(), 1u);
  EXPECT_FALSE(clients_.producer_group("p"));
  EXPECT_TRUE(clients_.expire(notices_).empty());
}

TEST_F(ClientRegistryTest, a_channel_that_lives_in_another_group_is_not_closed) {
  join(1, {subscribe("T")}, "old");
  join(1, {subscribe("T")}, "alive");
  clock_.advance(seconds(100));
  join(1, {subscribe("T")}, "alive");
  clock_.advance(seconds(30));
  EXPECT_TRUE(clients_.expire(notices_).empty());
  EXPECT_FALSE(clients_.consumer_group("old"));
  EXPECT_TRUE(clients_.consumer_group("alive"));
}

TEST_F(ClientRegistryTest, bounds_refuse_and_leave_no_trace) {
  ClientOptions options;
  options.groups_max = 1;
  options.clients_per_group_max = 1;
  options.subscriptions_per_group_max = 1;
  ClientRegistry small(clock_, options);
  const Subscriptions one{subscribe("A")};
  const Subscriptions two{subscribe("A"), subscribe("B")};
  ConsumerRegistration registration;
  registration.group = "g";
  registration.subscriptions = &two;
  EXPECT_EQ(small.register_consumer(client(1), registration, notices_), RegisterOutcome::refused_full);
  registration.subscriptions = &one;
  EXPECT_EQ(small.register_consumer(client(1), registration, notices_), RegisterOutcome::changed);
  EXPECT_EQ(small.register_consumer(client(2), registration, notices_), RegisterOutcome::refused_full);
  registration.group = "h";
  EXPECT_EQ(small.register_consumer(client(1), registration, notices_), RegisterOutcome::refused_full);
  EXPECT_EQ(small.register_producer(client(1), "p"), RegisterOutcome::changed);
  EXPECT_EQ(small.register_producer(client(2), "p"), RegisterOutcome::refused_full);
  EXPECT_EQ(small.register_producer(client(2), "q"), RegisterOutcome::refused_full);
  EXPECT_EQ(small.consumer_group_count(), 1u);
}

TEST_F(ClientRegistryTest, producers_are_found_by_group_and_by_client) {
  clients_.register_producer(client(1), "p");
  clients_.register_producer(client(2), "p");
  EXPECT_EQ(clients_.register_producer(client(2), "p"), RegisterOutcome::unchanged);
  EXPECT_EQ(clients_.producer_channel("client-2"), ChannelId(2));
  EXPECT_NE(clients_.any_producer("p"), clients_.any_producer("p"));
  EXPECT_FALSE(clients_.any_producer("unknown"));
}

TEST_F(ClientRegistryTest, a_client_that_came_back_is_not_forgotten_when_its_old_channel_closes) {
  Client again = client(2);
  again.client_id = "client-1";
  clients_.register_producer(client(1), "p");
  clients_.register_producer(again, "p");
  clients_.close(ChannelId(1), notices_);
  EXPECT_EQ(clients_.producer_channel("client-1"), ChannelId(2));
}

TEST_F(ClientRegistryTest, a_client_on_two_channels_is_listed_once) {
  const Subscriptions subscriptions{subscribe("T")};
  Client again = client(2);
  again.client_id = "client-1";
  join(1, subscriptions);
  join(3, subscriptions);
  ConsumerRegistration registration;
  registration.group = "g";
  registration.subscriptions = &subscriptions;
  clients_.register_consumer(again, registration, notices_);
  EXPECT_EQ(clients_.consumer_group("g")->client_ids(), (Names{"client-1", "client-3"}));
}

TEST_F(ClientRegistryTest, a_fingerprint_is_known_only_with_subscriptions) {
  EXPECT_TRUE(clients_.fingerprint_changed("g", 7));
  ConsumerRegistration minimal;
  minimal.group = "g";
  clients_.register_consumer(client(1), minimal, notices_);
  EXPECT_TRUE(clients_.fingerprint_changed("g", 7));
  EXPECT_TRUE(clients_.fingerprint_changed("g", 7));
  join(1, {subscribe("T")});
  EXPECT_FALSE(clients_.fingerprint_changed("g", 7));
  EXPECT_TRUE(clients_.fingerprint_changed("g", 8));
  EXPECT_FALSE(clients_.fingerprint_changed("g", 8));
}

TEST_F(ClientRegistryTest, readers_see_changes_and_keep_what_they_hold) {
  auto reader = clients_.consumer_reader();
  EXPECT_EQ(reader.find("g"), nullptr);
  join(1, {subscribe("T")});
  const ConsumerGroup* before = reader.find("g");
  ASSERT_NE(before, nullptr);
  join(2, {subscribe("T")});
  EXPECT_EQ(reader.find("g")->members.size(), 2u);
  EXPECT_EQ(before->members.size(), 1u);
  EXPECT_NE(reader.find("g")->version, before->version);
  reader.turn();
}

TEST_F(ClientRegistryTest, lists_groups_by_topic) {
  join(1, {subscribe("T")}, "b");
  join(1, {subscribe("T")}, "a");
  join(1, {subscribe("U")}, "c");
  EXPECT_EQ(clients_.groups_of("T"), (Names{"a", "b"}));
  EXPECT_EQ(clients_.consumer_groups().size(), 3u);
}

TEST_F(ClientRegistryTest, many_threads_join_and_leave) {
  std::vector<std::thread> threads;
  for (std::uint64_t t = 1; t <= 4; ++t) {
    threads.emplace_back([this, t] {
      const Subscriptions subscriptions{subscribe("T", static_cast<std::int64_t>(t))};
      ConsumerRegistration registration;
      registration.group = "g";
      registration.subscriptions = &subscriptions;
      for (int i = 0; i < 200; ++i) {
        Notices notices;
        clients_.register_consumer(client(t), registration, notices);
        clients_.close(ChannelId(t), notices);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(clients_.consumer_group("g"));
}

}  // namespace
}  // namespace gantry::routing
