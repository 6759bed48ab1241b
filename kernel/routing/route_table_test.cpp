#include "kernel/routing/route_table.hpp"

#include "kernel/env/clock.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gantry::routing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::vector<std::string>;

class RouteTableTest : public ::testing::Test {
 protected:
  explicit RouteTableTest(RouteOptions options = {}) : routes_(clock_, options) {}

  struct Broker {
    std::string name = "broker-a";
    std::int64_t id = 0;
    std::string address = "10.0.0.1:10911";
    std::uint64_t channel = 1;
    std::int64_t counter = 1;
    std::vector<std::string> topics{"T", "U"};
    std::int32_t queues = 4;
    std::int32_t perm = 6;
    std::string cluster = "C";
    std::int64_t epoch = 0;
    std::optional<bool> acting{};
    std::string zone{};
    std::optional<milliseconds> timeout{};
  };

  Result<RegistrationReply> add(const Broker& broker) {
    std::vector<protocol::TopicConfig> topics;
    for (const std::string& name : broker.topics) {
      protocol::TopicConfig& topic = topics.emplace_back();
      topic.topic_name = name;
      topic.read_queue_count = topic.write_queue_count = broker.queues;
      topic.perm = broker.perm;
    }
    BrokerRegistration registration;
    registration.identity = {broker.cluster, broker.name, broker.id, BrokerAddress::fixed(broker.address)};
    registration.ha_address = BrokerAddress::fixed("10.0.0.1:10912");
    registration.channel = ChannelId(broker.channel);
    registration.version = {broker.epoch, 1000, broker.counter};
    registration.topics = topics;
    registration.enable_acting_master = broker.acting;
    registration.zone = broker.zone;
    registration.timeout = broker.timeout;
    return routes_.register_broker(registration);
  }
  std::optional<protocol::TopicRouteData> route(std::string_view topic) const {
    return routes_.route({topic, "192.168.0.1", {}});
  }
  std::int32_t perm(std::string_view topic) const { return route(topic)->queues.at(0).perm; }

  FakeClock clock_;
  RouteTable routes_;
};

// ---- refusals ----

TEST_F(RouteTableTest, refuses_registrations_that_clients_could_not_use) {
  EXPECT_EQ(add({.name = ""}).error().code, Errc::invalid_argument);
  EXPECT_EQ(add({.name = "a b"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(add({.id = -1}).error().code, Errc::invalid_argument);
  EXPECT_EQ(add({.cluster = std::string(256, 'c')}).error().code, Errc::invalid_argument);
  for (const char* address : {"", "host", "host:", ":1", "host:0", "host:65536", "host:1x", "ho st:1"}) {
    EXPECT_EQ(add({.address = address}).error().code, Errc::invalid_argument) << address;
  }
  EXPECT_EQ(routes_.counts().brokers, 0u);
  EXPECT_TRUE(routes_.clusters("h").clusters.empty());
}

TEST_F(RouteTableTest, refuses_a_first_registration_with_a_single_topic) {
  EXPECT_EQ(add({.topics = {"T"}}).error().code, Errc::unsupported);
  EXPECT_FALSE(route("T"));
  ASSERT_TRUE(add({}));
  EXPECT_TRUE(add({.counter = 2, .topics = {"V"}}));
  EXPECT_TRUE(route("V"));
  EXPECT_EQ(add({.id = 1, .address = "10.0.0.2:1", .topics = {"T"}}).error().code, Errc::unsupported);
}

TEST_F(RouteTableTest, leaves_out_topics_with_bad_names_or_absurd_queue_counts) {
  ASSERT_TRUE(add({.topics = {"good", "../bad"}}));
  EXPECT_TRUE(route("good"));
  EXPECT_FALSE(route("../bad"));
  ASSERT_TRUE(add({.counter = 2, .topics = {"good", "huge"}, .queues = 2'147'483'647}));
  EXPECT_FALSE(route("huge"));
  EXPECT_EQ(route("good")->queues[0].read_queue_count, 4);
  EXPECT_EQ(routes_.counts().topics_left_out, 3u);
}

class SmallRouteTableTest : public RouteTableTest {
 protected:
  static RouteOptions options() {
    RouteOptions made;
    made.brokers_max = 1;
    made.addresses_per_broker_max = 2;
    made.topics_max = 2;
    return made;
  }
  SmallRouteTableTest() : RouteTableTest(options()) {}
};

TEST_F(SmallRouteTableTest, bounds_hold) {
  ASSERT_TRUE(add({}));
  EXPECT_EQ(add({.name = "broker-b", .address = "10.0.0.2:1"}).error().code, Errc::full);
  ASSERT_TRUE(add({.id = 1, .address = "10.0.0.2:1"}));
  EXPECT_EQ(add({.id = 2, .address = "10.0.0.3:1"}).error().code, Errc::full);
  ASSERT_TRUE(add({.counter = 2, .topics = {"T", "U", "V"}}));
  EXPECT_FALSE(route("V"));
  EXPECT_EQ(routes_.counts().topics_left_out, 1u);
}

// ---- registration ----

TEST_F(RouteTableTest, routes_name_brokers_and_queues) {
  ASSERT_TRUE(add({}));
  ASSERT_TRUE(add({.name = "broker-b", .address = "10.0.0.2:10911", .channel = 2, .topics = {"T", "X"}, .queues = 8}));
  const auto found = route("T");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->queues.size(), 2u);
  EXPECT_EQ(found->queues[0], (protocol::QueueData{"broker-a", 4, 4, 6, 0}));
  EXPECT_EQ(found->queues[1], (protocol::QueueData{"broker-b", 8, 8, 6, 0}));
  ASSERT_EQ(found->brokers.size(), 2u);
  EXPECT_EQ(found->brokers[0].addresses, (std::map<std::int64_t, std::string>{{0, "10.0.0.1:10911"}}));
  EXPECT_EQ(found->brokers[0].cluster, "C");
  EXPECT_EQ(route("X")->queues.size(), 1u);
  EXPECT_FALSE(route("unknown"));
  EXPECT_EQ(routes_.topics(), (Names{"T", "U", "X"}));
}

TEST_F(RouteTableTest, the_same_version_keeps_what_is_known_and_adds_what_is_missing) {
  ASSERT_TRUE(add({}));
  ASSERT_TRUE(add({.topics = {"T", "V"}, .queues = 16}));
  EXPECT_EQ(route("T")->queues[0].read_queue_count, 4);
  EXPECT_EQ(route("V")->queues[0].read_queue_count, 16);
  ASSERT_TRUE(add({.counter = 2, .topics = {"T", "V"}, .queues = 32}));
  EXPECT_EQ(route("T")->queues[0].read_queue_count, 32);
  EXPECT_TRUE(route("U"));
}

TEST_F(RouteTableTest, unlisted_topics_go_only_when_that_is_switched_on) {
  ASSERT_TRUE(add({}));
  routes_.set_delete_unlisted_topics(true);
  ASSERT_TRUE(add({.counter = 2, .topics = {"T", "V"}}));
  EXPECT_FALSE(route("U"));
  EXPECT_TRUE(route("V"));
}

TEST_F(RouteTableTest, a_slave_learns_its_master_and_adds_its_address_only) {
  ASSERT_TRUE(add({}));
  const auto reply = add({.id = 1, .address = "10.0.0.2:10911", .channel = 2, .topics = {"A", "B"}});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->master_address, "10.0.0.1:10911");
  EXPECT_EQ(reply->ha_address, "10.0.0.1:10912");
  EXPECT_FALSE(route("A"));
  EXPECT_EQ(route("T")->brokers[0].addresses.size(), 2u);
  EXPECT_TRUE(add({})->master_address.empty());
}

TEST_F(RouteTableTest, an_address_that_changes_its_id_leaves_the_old_one) {
  ASSERT_TRUE(add({.id = 1}));
  ASSERT_TRUE(add({.id = 0}));
  EXPECT_EQ(routes_.members("C", "broker-a", "h"), (std::map<std::int64_t, std::string>{{0, "10.0.0.1:10911"}}));
}

TEST_F(RouteTableTest, a_newcomer_takes_the_slot_unless_its_epoch_is_older) {
  ASSERT_TRUE(add({.epoch = 5}));
  const auto outdated = add({.address = "10.0.0.9:1", .channel = 2, .epoch = 4});
  ASSERT_TRUE(outdated);
  EXPECT_EQ(route("T")->brokers[0].addresses.at(0), "10.0.0.1:10911");
  ASSERT_TRUE(add({.address = "10.0.0.9:1", .channel = 2, .epoch = 5}));
  EXPECT_EQ(route("T")->brokers[0].addresses.at(0), "10.0.0.9:1");
}

TEST_F(RouteTableTest, nobody_outside_replaces_or_ends_the_broker_of_this_process) {
  BrokerRegistration own;
  own.identity = {"C", "broker-a", 0, BrokerAddress::same_host(10911)};
  std::vector<protocol::TopicConfig> topics(2);
  topics[0].topic_name = "T";
  topics[1].topic_name = "U";
  own.topics = topics;
  ASSERT_TRUE(routes_.register_broker(own));
  EXPECT_EQ(add({.address = "6.6.6.6:666"}).error().code, Errc::already_exists);
  routes_.unregister_broker({"C", "broker-a", 0, BrokerAddress::fixed("192.168.0.1:10911")}, ChannelId(5));
  EXPECT_EQ(route("T")->brokers[0].addresses.at(0), "192.168.0.1:10911");
  clock_.advance(seconds(10'000));
  EXPECT_TRUE(routes_.expire().empty());
  EXPECT_TRUE(route("T"));
  routes_.unregister_broker(own.identity);
  EXPECT_FALSE(route("T"));

  own.identity.address = BrokerAddress::fixed("gantry.example:10911");
  ASSERT_TRUE(routes_.register_broker(own));
  EXPECT_EQ(add({.address = "gantry.example:10911"}).error().code, Errc::already_exists);
  routes_.unregister_broker(own.identity, ChannelId(5));
  EXPECT_TRUE(route("T"));
}

TEST_F(RouteTableTest, our_own_address_is_the_one_by_which_the_client_came) {
  EXPECT_EQ(BrokerAddress::same_host(10911).as_seen_from("10.1.1.1"), "10.1.1.1:10911");
  EXPECT_EQ(BrokerAddress::same_host(10911).as_seen_from("::1"), "[::1]:10911");
  EXPECT_EQ(BrokerAddress::same_host(10911).as_seen_from("[::1]"), "[::1]:10911");
  EXPECT_EQ(BrokerAddress::fixed("a:1").as_seen_from("10.1.1.1"), "a:1");
}

TEST_F(RouteTableTest, single_topics_of_our_own_broker_come_and_go) {
  ASSERT_TRUE(add({}));
  const BrokerIdentity identity{"C", "broker-a", 0, BrokerAddress::fixed("10.0.0.1:10911")};
  protocol::TopicConfig topic;
  topic.topic_name = "new";
  routes_.put_topic({"C", "unknown", 0, BrokerAddress::fixed("x:1")}, topic, {});
  EXPECT_FALSE(route("new"));
  routes_.put_topic(identity, topic, {0, 1000, 2});
  EXPECT_TRUE(route("new"));
  EXPECT_FALSE(routes_.query_version(identity, {0, 1000, 2}).changed);
  routes_.remove_topic(identity, "new", {0, 1000, 3});
  routes_.remove_topic(identity, "never", {0, 1000, 3});
  EXPECT_FALSE(route("new"));
}

TEST_F(RouteTableTest, one_topic_is_merged_for_known_brokers) {
  ASSERT_TRUE(add({}));
  const std::vector<protocol::QueueData> queues{{"broker-a", 2, 2, 6, 0}, {"unknown", 2, 2, 6, 0}};
  ASSERT_TRUE(routes_.merge_topic("V", queues));
  EXPECT_EQ(route("V")->queues.size(), 1u);
  EXPECT_FALSE(routes_.merge_topic("a/b", queues));
  const std::vector<protocol::QueueData> absurd{{"broker-a", -2, 2, 6, 0}};
  EXPECT_FALSE(routes_.merge_topic("W", absurd));
}

// ---- life and death ----

TEST_F(RouteTableTest, a_closed_connection_ends_its_broker_at_once) {
  ASSERT_TRUE(add({}));
  routes_.close(ChannelId(77));
  EXPECT_TRUE(route("T"));
  routes_.close(ChannelId(1));
  EXPECT_FALSE(route("T"));
  EXPECT_TRUE(routes_.clusters("h").clusters.empty());
  EXPECT_EQ(routes_.counts().topics, 0u);
}

TEST_F(RouteTableTest, the_old_connection_of_a_broker_that_reconnected_ends_nothing) {
  ASSERT_TRUE(add({.channel = 1}));
  ASSERT_TRUE(add({.channel = 2}));
  routes_.close(ChannelId(1));
  EXPECT_TRUE(route("T"));
}

TEST_F(RouteTableTest, a_silent_broker_expires_after_its_own_timeout) {
  ASSERT_TRUE(add({}));
  ASSERT_TRUE(add({.name = "fast", .address = "10.0.0.2:1", .channel = 2, .timeout = seconds(10)}));
  clock_.advance(seconds(11));
  EXPECT_EQ(routes_.expire(), std::vector<ChannelId>{ChannelId(2)});
  clock_.advance(seconds(100));
  EXPECT_TRUE(routes_.heartbeat("C", BrokerAddress::fixed("10.0.0.1:10911")));
  clock_.advance(seconds(119));
  EXPECT_TRUE(routes_.expire().empty());
  clock_.advance(seconds(2));
  EXPECT_EQ(routes_.expire(), std::vector<ChannelId>{ChannelId(1)});
  EXPECT_FALSE(route("T"));
  EXPECT_FALSE(routes_.heartbeat("C", BrokerAddress::fixed("10.0.0.1:10911")));
}

TEST_F(RouteTableTest, asking_for_the_version_keeps_a_broker_alive) {
  const BrokerIdentity identity{"C", "broker-a", 0, BrokerAddress::fixed("10.0.0.1:10911")};
  EXPECT_TRUE(routes_.query_version(identity, {}).changed);
  EXPECT_FALSE(routes_.query_version(identity, {}).known);
  ASSERT_TRUE(add({}));
  clock_.advance(seconds(100));
  EXPECT_FALSE(routes_.query_version(identity, {0, 1000, 1}).changed);
  EXPECT_TRUE(routes_.query_version(identity, {0, 1000, 2}).changed);
  clock_.advance(seconds(100));
  EXPECT_TRUE(routes_.expire().empty());
}

TEST_F(RouteTableTest, unregistering_one_member_leaves_the_others) {
  ASSERT_TRUE(add({}));
  ASSERT_TRUE(add({.id = 1, .address = "10.0.0.2:10911", .channel = 2}));
  routes_.unregister_broker({"C", "broker-a", 0, BrokerAddress::fixed("10.0.0.1:10911")}, ChannelId(1));
  EXPECT_EQ(route("T")->brokers[0].addresses, (std::map<std::int64_t, std::string>{{1, "10.0.0.2:10911"}}));
  EXPECT_EQ(perm("T"), 6);
  routes_.unregister_broker({"C", "broker-a", 1, BrokerAddress::fixed("10.0.0.2:10911")}, ChannelId(2));
  EXPECT_FALSE(route("T"));
}

TEST_F(RouteTableTest, unregistering_under_another_name_leaves_no_ghost) {
  ASSERT_TRUE(add({}));
  ASSERT_TRUE(add({.name = "broker-b", .address = "10.0.0.2:10911", .channel = 2}));
  routes_.unregister_broker({"C", "broker-b", 0, BrokerAddress::fixed("10.0.0.1:10911")}, ChannelId(2));
  EXPECT_EQ(route("T")->brokers.size(), 1u);
  EXPECT_EQ(route("T")->brokers[0].broker_name, "broker-b");
  EXPECT_EQ(routes_.counts().brokers, 1u);
}

// ---- acting masters and zones ----

TEST_F(RouteTableTest, the_smallest_slave_acts_for_a_missing_master_when_switched_on) {
  routes_.set_acting_master(true);
  ASSERT_TRUE(add({.acting = true}));
  ASSERT_TRUE(add({.id = 2, .address = "10.0.0.3:1", .channel = 3, .acting = true}));
  ASSERT_TRUE(add({.id = 1, .address = "10.0.0.2:1", .channel = 2, .acting = true}));
  EXPECT_EQ(route("T")->brokers[0].addresses.at(0), "10.0.0.1:10911");
  routes_.close(ChannelId(1));
  EXPECT_EQ(perm("T"), 4);
  EXPECT_EQ(route("T")->brokers[0].addresses,
            (std::map<std::int64_t, std::string>{{0, "10.0.0.2:1"}, {2, "10.0.0.3:1"}}));
  EXPECT_EQ(routes_.members("C", "broker-a", "h").begin()->first, 1);
  ASSERT_TRUE(
      add({.id = 1, .address = "10.0.0.2:1", .channel = 2, .counter = 2, .topics = {"T", "N"}, .acting = true}));
  EXPECT_EQ(perm("N"), 4);
  routes_.set_acting_master(false);
  EXPECT_EQ(route("T")->brokers[0].addresses.begin()->first, 1);
}

TEST_F(RouteTableTest, a_zone_sees_its_own_brokers_and_those_without_a_master) {
  ASSERT_TRUE(add({.zone = "East"}));
  ASSERT_TRUE(add({.name = "broker-b", .address = "10.0.0.2:1", .channel = 2, .zone = "west"}));
  const auto east = routes_.route({"T", "h", "EAST"});
  ASSERT_EQ(east->brokers.size(), 1u);
  EXPECT_EQ(east->brokers[0].broker_name, "broker-a");
  EXPECT_EQ(east->queues.size(), 1u);
  ASSERT_TRUE(add({.name = "broker-b", .id = 1, .address = "10.0.0.3:1", .channel = 3, .zone = "west"}));
  routes_.close(ChannelId(2));
  EXPECT_EQ(routes_.route({"T", "h", "east"})->brokers.size(), 2u);
  const auto nowhere = routes_.route({"U", "h", "south"});
  ASSERT_TRUE(nowhere);
}

// ---- administration ----

TEST_F(RouteTableTest, wiping_lasts_until_the_next_changed_registration) {
  ASSERT_TRUE(add({}));
  EXPECT_EQ(routes_.wipe_write_permission("unknown"), 0);
  EXPECT_EQ(routes_.wipe_write_permission("broker-a"), 2);
  EXPECT_EQ(perm("T"), 4);
  ASSERT_TRUE(add({}));
  EXPECT_EQ(perm("T"), 4);
  ASSERT_TRUE(add({.counter = 2}));
  EXPECT_EQ(perm("T"), 6);
}

TEST_F(RouteTableTest, adding_write_permission_sets_exactly_read_and_write) {
  ASSERT_TRUE(add({.perm = 1}));
  EXPECT_EQ(routes_.add_write_permission("broker-a"), 2);
  EXPECT_EQ(perm("T"), 6);
}

TEST_F(RouteTableTest, a_topic_is_deleted_everywhere_or_in_one_cluster) {
  ASSERT_TRUE(add({}));
  ASSERT_TRUE(add({.name = "broker-b", .address = "10.0.0.2:1", .channel = 2, .cluster = "D"}));
  routes_.delete_topic("T", "D");
  EXPECT_EQ(route("T")->queues.size(), 1u);
  routes_.delete_topic("T", "");
  EXPECT_FALSE(route("T"));
  routes_.delete_topic("unknown", "");
}

TEST_F(RouteTableTest, lists_clusters_members_and_topics) {
  ASSERT_TRUE(add({}));
  ASSERT_TRUE(add({.name = "broker-b", .address = "10.0.0.2:1", .channel = 2, .topics = {"X", "Y"}, .cluster = "D"}));
  const protocol::ClusterInfo info = routes_.clusters("h");
  EXPECT_EQ(info.clusters.at("C"), std::set<std::string>{"broker-a"});
  EXPECT_EQ(info.brokers.at("broker-b").addresses.at(0), "10.0.0.2:1");
  EXPECT_EQ(routes_.topics_of_cluster("D"), (Names{"X", "Y"}));
  EXPECT_TRUE(routes_.topics_of_cluster("none").empty());
  EXPECT_EQ(routes_.system_topics("h").first, (Names{"C", "D", "broker-a", "broker-b"}));
  EXPECT_FALSE(routes_.system_topics("h").second.empty());
  EXPECT_TRUE(routes_.members("D", "broker-a", "h").empty());
}

}  // namespace
}  // namespace gantry::routing
