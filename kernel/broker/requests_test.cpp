// Concerns: heartbeats and who hears of them, locks, offsets, administration, plugin commands, damaged
// input.

#include "kernel/broker/testing/rig.hpp"
#include "protocol/group_config.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/lists.hpp"
#include "protocol/message_queue.hpp"
#include "protocol/stats.hpp"
#include "protocol/topic_config.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <string>

namespace gantry::broker {
namespace {

using std::chrono::milliseconds;
using testing::FakeChannel;
using testing::Fields;
using testing::Frame;
using testing::RequestShape;
using testing::Rig;
using testing::send_request;

RequestShape shape_of(std::int32_t code, Fields fields = {}, std::string body = {}) {
  RequestShape shape;
  shape.code = code;
  shape.fields = std::move(fields);
  shape.body = std::move(body);
  return shape;
}

class RequestTest : public ::testing::Test {
 protected:
  RequestTest() : client(rig.connect()) { rig.make_topic("T"); }
  Frame ask(std::int32_t code, Fields fields = {}, std::string body = {}) {
    return rig.ask(client, shape_of(code, std::move(fields), std::move(body)));
  }
  void send(int count, std::int32_t queue = 0, std::string_view topic = "T") {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(rig.ask(client, send_request({.topic = std::string(topic), .queue_id = queue})).code, 0);
    }
  }
  Rig rig;
  FakeChannel& client;
};

// ---- clients ----

TEST_F(RequestTest, heartbeat_creates_group_and_retry_topic_and_reports_a_version_that_allows_sql) {
  protocol::HeartbeatData heartbeat;
  heartbeat.client_id = "c1";
  heartbeat.producer_groups = {"pg"};
  heartbeat.consumers.push_back({.group = "cg", .subscriptions = {protocol::make_tag_subscription("T", "*", 1)}});
  const Frame answer = ask(34, {}, protocol::encode_body(heartbeat));
  EXPECT_EQ(answer.code, 0);
  EXPECT_GE(answer.version, 232);
  EXPECT_TRUE(rig.groups.find("cg"));
  EXPECT_TRUE(rig.topics.find("%RETRY%cg"));
  EXPECT_TRUE(rig.clients.producer_group("pg"));
}

TEST_F(RequestTest, damaged_heartbeats_are_answered_with_an_error) {
  for (const char* body : {"", "{", "[]", "{\"clientID\":{}}", "nonsense"}) {
    const Frame answer = ask(34, {}, body);
    EXPECT_NE(answer.remark.empty() && answer.code != 0, true);
  }
}

TEST_F(RequestTest, members_hear_at_once_of_joining_leaving_and_closing) {
  FakeChannel& second = rig.connect(1);
  rig.subscribe(client, "g", "T");
  rig.received(client);
  rig.subscribe(second, "g", "T");
  auto notices = rig.received(client);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].code, 40);
  EXPECT_EQ(notices[0].flag, 2);
  EXPECT_EQ(notices[0].ext.at("consumerGroup"), "g");
  rig.received(second);

  EXPECT_EQ(rig.ask(second, shape_of(35, {{"clientID", "x"}, {"consumerGroup", "g"}})).code, 0);
  notices = rig.received(client);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].code, 40);

  FakeChannel& third = rig.connect(1);
  rig.subscribe(third, "g", "T");
  rig.received(client);
  rig.disconnect(third);
  rig.shards.run();
  notices = rig.received(client);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].code, 40);
}

TEST_F(RequestTest, consumer_list_is_an_error_rather_than_empty) {
  EXPECT_EQ(ask(38, {{"consumerGroup", "g"}}).code, 1);
  rig.subscribe(client, "g", "T");
  const Frame answer = ask(38, {{"consumerGroup", "g"}});
  EXPECT_EQ(answer.code, 0);
  const auto list = protocol::decode_body<protocol::ConsumerIdList>(std::string_view(answer.body));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->client_ids.size(), 1U);
}

TEST_F(RequestTest, silent_clients_leave) {
  rig.subscribe(client, "g", "T");
  rig.clock.advance(milliseconds(121'000));
  rig.broker.upkeep();
  rig.shards.run();
  EXPECT_FALSE(client.closed().empty());
  EXPECT_EQ(ask(38, {{"consumerGroup", "g"}}).code, 1);
}

TEST_F(RequestTest, queue_locks_are_exclusive_until_unlocked) {
  protocol::LockQueuesBody body;
  body.consumer_group = "g";
  body.client_id = "c1";
  body.queues = {{"T", "broker-a", 0}, {"T", "broker-a", 1}};
  const auto held_by = [&](const char* who) {
    body.client_id = who;
    const Frame answer = ask(41, {}, protocol::encode_body(body));
    EXPECT_EQ(answer.code, 0);
    return protocol::decode_body<protocol::LockedQueuesBody>(std::string_view(answer.body))->queues.size();
  };
  EXPECT_EQ(held_by("c1"), 2U);
  EXPECT_EQ(held_by("c2"), 0U);
  body.client_id = "c1";
  EXPECT_EQ(ask(42, {}, protocol::encode_body(body)).code, 0);
  EXPECT_EQ(held_by("c2"), 2U);
}

TEST_F(RequestTest, client_config_is_checked) {
  protocol::CheckClientConfigBody body;
  body.client_id = "c";
  body.group = "g";
  body.subscription = protocol::make_tag_subscription("T", "A", 1);
  EXPECT_EQ(ask(46, {}, protocol::encode_body(body)).code, 0);
  body.subscription.expression_type = "SQL92";
  EXPECT_EQ(ask(46, {}, protocol::encode_body(body)).code, 1);
  rig.plugins.has_filter = true;
  EXPECT_EQ(ask(46, {}, protocol::encode_body(body)).code, 0);
  body.subscription.expression = "bad";
  EXPECT_EQ(ask(46, {}, protocol::encode_body(body)).code, 23);
  // Scripts serve a part of SQL92; without the plugin nobody serves the rest.
  body.subscription.expression = "unspoken";
  const Frame answer = ask(46, {}, protocol::encode_body(body));
  EXPECT_EQ(answer.code, 1);
  EXPECT_NE(answer.remark.find("filter-sql92"), std::string::npos) << answer.remark;
}

// ---- offsets ----

TEST_F(RequestTest, new_group_of_a_young_queue_starts_at_zero) {
  const Fields query{{"consumerGroup", "g"}, {"topic", "T"}, {"queueId", "0"}};
  EXPECT_EQ(ask(14, query).code, 22);  // empty
  send(1);
  Frame answer = ask(14, query);
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.ext.at("offset"), "0");
  Fields strict = query;
  strict.emplace_back("setZeroIfNotFound", "false");
  EXPECT_EQ(ask(14, strict).code, 22);
  rig.store.reads_would_block = true;
  EXPECT_EQ(ask(14, query).code, 22);  // not in memory any more
}

TEST_F(RequestTest, questions_about_a_queue_that_is_rebuilt_are_to_be_asked_again) {
  send(2);
  rig.store.rebuilding = true;
  const Fields queue{{"topic", "T"}, {"queueId", "0"}, {"timestamp", "5"}};
  EXPECT_EQ(ask(29, queue).code, 2);
  EXPECT_EQ(ask(32, queue).code, 2) << "-1 would say that there is no message";
  EXPECT_EQ(ask(30, queue).ext.at("offset"), "2");
  rig.store.reads_would_block = true;
  EXPECT_EQ(ask(29, queue).code, 2);
  EXPECT_EQ(ask(32, queue).code, 2);
  rig.store.rebuilding = false;
  EXPECT_EQ(ask(29, queue).code, 0);
  EXPECT_EQ(ask(32, queue).code, 0);
}

TEST(Offsets, new_group_is_not_sent_to_the_end_of_a_queue_that_is_rebuilt) {
  const auto query = shape_of(14, {{"consumerGroup", "g"}, {"topic", "T"}, {"queueId", "0"}});
  Options options = testing::rig_options();
  for (const bool all_is_hot : {true, false}) {
    options.hot_window_bytes = all_is_hot ? 1'000'000 : 10;
    Rig rig(options);
    rig.make_topic("T");
    FakeChannel& client = rig.connect();
    ASSERT_EQ(rig.ask(client, send_request()).code, 0);
    rig.store.rebuilding = true;
    EXPECT_EQ(rig.ask(client, query).code, all_is_hot ? 0 : 2);
    rig.store.rebuilding = false;
    EXPECT_EQ(rig.ask(client, query).code, all_is_hot ? 0 : 22);
  }
}

TEST(Offsets, queue_beyond_the_hot_window_is_not_young) {
  Options options = testing::rig_options();
  options.hot_window_bytes = 10;
  Rig rig(options);
  rig.make_topic("T");
  FakeChannel& client = rig.connect();
  rig.ask(client, send_request());
  EXPECT_EQ(rig.ask(client, shape_of(14, {{"consumerGroup", "g"}, {"topic", "T"}, {"queueId", "0"}})).code, 22);
}

TEST_F(RequestTest, commits_are_checked_and_kept) {
  rig.make_group("g");
  send(5);
  const auto commit = [&](const char* group, const char* topic, const char* queue, const char* offset) {
    return ask(15, {{"consumerGroup", group}, {"topic", topic}, {"queueId", queue}, {"commitOffset", offset}}).code;
  };
  EXPECT_EQ(commit("nobody", "T", "0", "1"), 26);
  EXPECT_EQ(commit("g", "Nowhere", "0", "1"), 17);
  EXPECT_EQ(commit("g", "T", "9", "1"), 29);
  EXPECT_EQ(commit("g", "T", "0", "6"), 29);
  EXPECT_EQ(ask(15, {{"consumerGroup", "g"}, {"topic", "T"}}).code, 29);
  EXPECT_EQ(commit("g", "T", "0", "-1"), 0);
  EXPECT_FALSE(rig.offsets.find({"g", "T", 0}));
  EXPECT_EQ(commit("g", "T", "0", "5"), 0);
  EXPECT_EQ(ask(14, {{"consumerGroup", "g"}, {"topic", "T"}, {"queueId", "0"}}).ext.at("offset"), "5");
}

TEST_F(RequestTest, bounds_and_times_of_queues) {
  send(3);
  rig.store.expire("T", 0, 1);
  const Fields queue{{"topic", "T"}, {"queueId", "0"}};
  EXPECT_EQ(ask(30, queue).ext.at("offset"), "3");
  EXPECT_EQ(ask(31, queue).ext.at("offset"), "1");
  EXPECT_EQ(ask(32, queue).ext.at("timestamp"), "1700000000000");
  EXPECT_EQ(ask(29, {{"topic", "T"}, {"queueId", "0"}, {"timestamp", "0"}}).ext.at("offset"), "1");
  EXPECT_EQ(ask(29, {{"topic", "T"}, {"queueId", "0"}, {"timestamp", "1800000000000"}, {"boundaryType", "lower"}})
                .ext.at("offset"),
            "3");
  EXPECT_EQ(ask(29, {{"topic", "T"}, {"queueId", "0"}, {"timestamp", "1800000000000"}, {"boundaryType", "UPPER"}})
                .ext.at("offset"),
            "2");
}

TEST_F(RequestTest, unknown_queues_have_zeros) {
  for (const Fields& queue :
       {Fields{{"topic", "Nowhere"}, {"queueId", "0"}}, Fields{{"topic", "T"}, {"queueId", "99"}}}) {
    EXPECT_EQ(ask(30, queue).ext.at("offset"), "0");
    EXPECT_EQ(ask(31, queue).ext.at("offset"), "0");
    EXPECT_EQ(ask(32, queue).ext.at("timestamp"), "-1");
  }
}

TEST_F(RequestTest, cold_times_are_looked_up_by_the_pool) {
  send(1);
  rig.store.reads_would_block = true;
  EXPECT_EQ(ask(29, {{"topic", "T"}, {"queueId", "0"}, {"timestamp", "0"}}).ext.at("offset"), "0");
  EXPECT_EQ(ask(32, {{"topic", "T"}, {"queueId", "0"}}).ext.at("timestamp"), "1700000000000");
}

// ---- administration ----

Fields topic_fields(const char* name, const char* queues = "2") {
  return {{"topic", name}, {"defaultTopic", "TBW102"},        {"readQueueNums", queues}, {"writeQueueNums", queues},
          {"perm", "6"},   {"topicFilterType", "SINGLE_TAG"}, {"order", "false"}};
}

TEST_F(RequestTest, topic_is_created_saved_shown_and_deleted) {
  EXPECT_EQ(ask(17, topic_fields("New")).code, 0);
  EXPECT_TRUE(rig.store.load_blob("topics.json", sdk::BlobVersion::newest));
  Frame answer = ask(351, {{"topic", "New"}});
  EXPECT_EQ(answer.code, 0);
  EXPECT_NE(answer.body.find("\"readQueueNums\":2"), std::string::npos);
  answer = ask(21);
  EXPECT_NE(answer.body.find("\"New\""), std::string::npos);
  send(1, 0, "New");
  EXPECT_EQ(ask(215, {{"topic", "New"}}).code, 0);
  EXPECT_EQ(ask(351, {{"topic", "New"}}).code, 17);
  EXPECT_EQ(ask(215, {{"topic", "New"}}).code, 0);
  EXPECT_EQ(ask(17, topic_fields("New")).code, 0);
  EXPECT_EQ(ask(30, {{"topic", "New"}, {"queueId", "0"}}).ext.at("offset"), "0");
}

TEST_F(RequestTest, bad_topics_are_refused) {
  EXPECT_EQ(ask(17, topic_fields("../x")).code, 29);
  EXPECT_EQ(ask(17, topic_fields("TBW102")).code, 29);
  EXPECT_EQ(ask(17, topic_fields("Huge", "2147483647")).code, 29);
  EXPECT_EQ(ask(17, {{"topic", "X"}}).code, 29);
  EXPECT_EQ(ask(215, {{"topic", "TBW102"}}).code, 29);
}

TEST_F(RequestTest, list_of_topics_is_created_at_once) {
  protocol::TopicConfigList list;
  list.topics.resize(2);
  list.topics[0].topic_name = "One";
  list.topics[1].topic_name = "Two";
  EXPECT_EQ(ask(18, {}, protocol::encode_body(list)).code, 0);
  EXPECT_TRUE(rig.topics.find("One"));
  EXPECT_TRUE(rig.topics.find("Two"));
}

TEST_F(RequestTest, only_administrators_change_the_broker) {
  FakeChannel& stranger = rig.connect();
  stranger.set_peer(testing::ipv4(8, 8, 8, 8, 1234));
  for (const std::int32_t code : {17, 18, 200, 207, 215, 225}) {
    const Frame answer = rig.ask(stranger, shape_of(code, topic_fields("X")));
    EXPECT_EQ(answer.code, 16) << code;
    EXPECT_NE(answer.remark.find("admin.allow_from"), std::string::npos);
  }
  EXPECT_EQ(rig.ask(stranger, send_request()).code, 0);
}

TEST_F(RequestTest, group_is_created_with_its_retry_topic_shown_and_deleted) {
  protocol::SubscriptionGroupConfig config;
  config.group_name = "g1";
  config.retry_count_max = 3;
  EXPECT_EQ(ask(200, {}, protocol::encode_body(config)).code, 0);
  EXPECT_TRUE(rig.topics.find("%RETRY%g1"));
  EXPECT_NE(ask(352, {{"group", "g1"}}).body.find("\"retryMaxTimes\":3"), std::string::npos);
  EXPECT_NE(ask(201).body.find("\"g1\""), std::string::npos);
  ASSERT_TRUE(rig.offsets.set({"g1", "T", 0}, 7));
  EXPECT_EQ(ask(207, {{"groupName", "g1"}, {"cleanOffset", "true"}}).code, 0);
  EXPECT_FALSE(rig.offsets.find({"g1", "T", 0}));
  EXPECT_EQ(ask(352, {{"group", "g1"}}).code, 26);
  config.group_name = "../g";
  EXPECT_EQ(ask(200, {}, protocol::encode_body(config)).code, 29);
  EXPECT_EQ(ask(200, {}, "{").code, 29);
}

TEST_F(RequestTest, connections_are_listed) {
  EXPECT_EQ(ask(203, {{"consumerGroup", "g"}}).code, 206);
  EXPECT_EQ(ask(204, {{"producerGroup", "p"}}).code, 1);
  rig.subscribe(client, "g", "T", "A");
  const Frame answer = ask(203, {{"consumerGroup", "g"}});
  const auto body = protocol::decode_body<protocol::ConsumerConnection>(std::string_view(answer.body));
  ASSERT_TRUE(body);
  ASSERT_EQ(body->connections.size(), 1U);
  EXPECT_EQ(body->connections[0].language, protocol::Language::java);
  EXPECT_EQ(body->subscriptions.count("T"), 1U);
}

TEST_F(RequestTest, statistics_count_queues_and_progress) {
  send(3, 1);
  rig.make_group("g");
  ASSERT_TRUE(rig.offsets.set({"g", "T", 1}, 2));
  Frame answer = ask(202, {{"topic", "T"}});
  const auto stats = protocol::decode_body<protocol::TopicStatsTable>(std::string_view(answer.body));
  ASSERT_TRUE(stats) << stats.error().text;
  EXPECT_EQ(stats->queues.size(), 4U);
  EXPECT_EQ(stats->queues.at({"T", "broker-a", 1}).max_offset, 3);
  EXPECT_EQ(ask(202, {{"topic", "Nowhere"}}).code, 17);

  answer = ask(208, {{"consumerGroup", "g"}});
  const auto progress = protocol::decode_body<protocol::ConsumeStats>(std::string_view(answer.body));
  ASSERT_TRUE(progress) << progress.error().text;
  EXPECT_EQ(progress->queues.at({"T", "broker-a", 1}).consumer_offset, 2);
  EXPECT_EQ(progress->queues.at({"T", "broker-a", 1}).broker_offset, 3);
  EXPECT_NE(ask(300, {{"topic", "T"}}).body.find("\"g\""), std::string::npos);
  EXPECT_NE(ask(305).body.find("TBW102"), std::string::npos);
  EXPECT_NE(ask(43).body.find("T@g"), std::string::npos);
}

TEST_F(RequestTest, runtime_information_has_what_tools_parse) {
  send(2);
  const Frame answer = ask(28);
  const auto info = protocol::decode_body<protocol::KvTable>(std::string_view(answer.body));
  ASSERT_TRUE(info);
  for (const char* key : {"brokerVersionDesc", "putTps", "getTransferredTps", "getTotalTps", "sendThreadPoolQueueSize",
                          "pullThreadPoolQueueSize", "sendThreadPoolQueueHeadWaitTimeMills", "pageCacheLockTimeMills",
                          "earliestMessageTimeStamp", "commitLogDiskRatio", "msgPutTotalTodayNow", "brokerActive",
                          "msgPutTotalYesterdayMorning", "msgGetTotalTodayMorning"}) {
    EXPECT_TRUE(info->table.contains(key)) << key;
  }
  EXPECT_EQ(info->table.at("msgPutTotalTodayNow"), "2");
  EXPECT_EQ(std::count(info->table.at("putTps").begin(), info->table.at("putTps").end(), ' '), 2);
}

TEST_F(RequestTest, configuration_is_shown_and_what_is_in_files_is_not_changed_over_the_wire) {
  const Frame answer = ask(26);
  EXPECT_EQ(answer.body, "brokerName=broker-a\n");
  EXPECT_NE(answer.ext.at("version").find("counter"), std::string::npos);
  const Frame refused = ask(25, {}, "brokerPermission=4\nstorePathRootDir=/tmp/x\n");
  EXPECT_EQ(refused.code, 29);
  EXPECT_NE(refused.remark.find("storePathRootDir"), std::string::npos);
  EXPECT_TRUE(rig.node.permissions.empty());
}

TEST_F(RequestTest, forbidding_a_group_is_told_back) {
  const Frame answer = ask(353, {{"group", "g"}, {"topic", "T"}, {"readable", "false"}});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.body, R"({"group":"g","readable":false,"topic":"T"})");
}

// ---- single messages ----

TEST_F(RequestTest, sending_back_for_a_retry_needs_the_delay_plugin) {
  send(1);
  const Frame answer = ask(36, {{"offset", "0"}, {"group", "g"}, {"delayLevel", "0"}, {"maxReconsumeTimes", "16"}});
  EXPECT_EQ(answer.code, 1);
  EXPECT_NE(answer.remark.find("delay"), std::string::npos);
}

TEST_F(RequestTest, message_that_is_given_up_becomes_a_dead_letter) {
  send(1);
  EXPECT_EQ(ask(36, {{"offset", "0"}, {"group", "g"}, {"delayLevel", "-1"}}).code, 0);
  ASSERT_EQ(rig.store.count("%DLQ%g", 0), 1);
  const auto letter = testing::parse_records(rig.store.record("%DLQ%g", 0, 0)).at(0);
  EXPECT_EQ(testing::property(letter.properties, "RETRY_TOPIC"), "T");
  EXPECT_EQ(testing::property(letter.properties, "ORIGIN_MESSAGE_ID").size(), 32U);
  EXPECT_EQ(letter.reconsume_count, 1);
  EXPECT_EQ(letter.body, "hello");
  EXPECT_EQ(ask(36, {{"offset", "0"}, {"group", "g"}, {"delayLevel", "0"}, {"maxReconsumeTimes", "0"}}).code, 0);
  EXPECT_EQ(ask(36, {{"offset", "12345"}, {"group", "g"}, {"delayLevel", "-1"}}).code, 1);
}

TEST_F(RequestTest, interceptors_decide_about_dead_letters) {
  send(1);
  rig.plugins.sender_back = [](gantry_publishing& message, const gantry_scratch& scratch) {
    EXPECT_EQ(std::string_view(static_cast<const char*>(message.topic.data), message.topic.size), "%DLQ%g");
    message.body = {std::strcpy(static_cast<char*>(scratch.allocate(scratch.context, 4)), "new"), 3};
  };
  EXPECT_EQ(ask(36, {{"offset", "0"}, {"group", "g"}, {"delayLevel", "-1"}}).code, 0);
  EXPECT_EQ(testing::parse_records(rig.store.record("%DLQ%g", 0, 0)).at(0).body, "new");
  rig.plugins.sender_back = [](gantry_publishing& message, const gantry_scratch&) {
    message.verdict = GANTRY_VERDICT_REJECT;
    message.reject_reason = {"poison", 6};
  };
  const Frame answer = ask(36, {{"offset", "0"}, {"group", "g"}, {"delayLevel", "-1"}});
  EXPECT_EQ(answer.code, 13);
  EXPECT_EQ(answer.remark, "poison");
}

// ---- scripts ----

TEST_F(RequestTest, scripts_are_shown_and_reloaded) {
  EXPECT_EQ(ask(30'001).body, R"({"scripts":[]})");
  EXPECT_EQ(ask(30'002).body, R"({"changed":[]})");
}

// ---- plugins ----

TEST_F(RequestTest, unknown_code_is_not_supported_and_named) {
  const Frame answer = ask(4711);
  EXPECT_EQ(answer.code, 3);
  EXPECT_NE(answer.remark.find("4711"), std::string::npos);
}

TEST_F(RequestTest, plugin_answers_at_once) {
  rig.plugins.command_code = 4711;
  rig.plugins.executor = [&](const gantry_command_request& request) {
    ASSERT_EQ(request.field_count, 1U);
    const std::pair<std::string_view, std::string_view> fields[] = {{"name", "value"}};
    rig.broker.answer(request.ticket, {0, "done", fields, protocol::as_bytes("body")});
    rig.broker.answer(request.ticket, {1, "again", {}, {}});
  };
  const Frame answer = ask(4711, {{"a", "b"}});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.remark, "done");
  EXPECT_EQ(answer.ext.at("name"), "value");
  EXPECT_EQ(answer.body, "body");
}

TEST_F(RequestTest, plugin_answers_later_or_is_answered_for) {
  std::uint64_t ticket = 0;
  rig.plugins.command_code = 4711;
  rig.plugins.executor = [&](const gantry_command_request& request) { ticket = request.ticket; };
  EXPECT_TRUE(rig.exchange(client, shape_of(4711)).empty());
  rig.broker.answer(ticket, {7, {}, {}, {}});
  rig.shards.run();
  auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 7);

  EXPECT_TRUE(rig.exchange(client, shape_of(4711)).empty());
  rig.advance(milliseconds(30'001));
  answers = rig.received(client);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 1);
  rig.broker.answer(ticket, {0, {}, {}, {}});
  rig.shards.run();
  EXPECT_TRUE(rig.received(client).empty());
}

TEST_F(RequestTest, answer_for_a_client_that_left_is_dropped) {
  std::uint64_t ticket = 0;
  rig.plugins.command_code = 4711;
  rig.plugins.executor = [&](const gantry_command_request& request) { ticket = request.ticket; };
  FakeChannel& leaver = rig.connect();
  rig.exchange(leaver, shape_of(4711));
  rig.disconnect(leaver);
  rig.broker.answer(ticket, {0, {}, {}, {}});
  rig.shards.run();
}

TEST_F(RequestTest, administrative_commands_are_for_administrators) {
  rig.plugins.command_code = 4711;
  rig.plugins.command_is_administrative = true;
  rig.plugins.executor = [&](const gantry_command_request& request) {
    rig.broker.answer(request.ticket, {0, {}, {}, {}});
  };
  EXPECT_EQ(ask(4711).code, 0);
  FakeChannel& stranger = rig.connect();
  stranger.set_peer(testing::ipv4(8, 8, 8, 8, 1234));
  EXPECT_EQ(rig.ask(stranger, shape_of(4711)).code, 16);
}

// ---- damaged input ----

TEST_F(RequestTest, frames_may_arrive_in_any_pieces) {
  const std::string bytes =
      testing::encode_request(send_request()) + testing::encode_request(send_request({.opaque = 2}));
  for (const char byte : bytes) EXPECT_TRUE(rig.feed(client, std::string_view(&byte, 1)).fault.empty());
  EXPECT_EQ(rig.received(client).size(), 2U);
}

TEST_F(RequestTest, damaged_frame_ends_only_its_own_connection) {
  const std::string cases[] = {std::string("\0\0\0\x01x", 5),
                               std::string("\x7f\xff\xff\xff\0\0\0\0", 8),
                               std::string("\0\0\0\x06\0\0\0\x02{}", 10),
                               std::string("\0\0\0\x08\0\0\0\x04{{{{", 12),
                               std::string("\0\0\0\x04\0\0\0\0", 8),
                               std::string("\0\0\0\x08\x09\0\0\x04{\"a\"", 12)};
  for (const std::string& bytes : cases) {
    FakeChannel& attacker = rig.connect();
    EXPECT_FALSE(rig.feed(attacker, bytes).fault.empty());
    rig.disconnect(attacker);
  }
  EXPECT_EQ(rig.ask(client, send_request()).code, 0);
}

TEST_F(RequestTest, good_requests_before_a_damaged_frame_are_still_served) {
  const Consumed consumed = rig.feed(client, testing::encode_request(send_request()) + std::string("\0\0\0\x01x", 5));
  EXPECT_FALSE(consumed.fault.empty());
  EXPECT_EQ(rig.received(client).size(), 1U);
}

TEST_F(RequestTest, random_bytes_never_hurt) {
  std::mt19937 random(20'261'121);
  for (int round = 0; round < 2'000; ++round) {
    FakeChannel& attacker = rig.connect();
    std::string bytes = round % 2 == 0 ? testing::encode_request(send_request()) : std::string(64, '\0');
    for (int i = 0; i < 8; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    rig.feed(attacker, bytes);
    rig.disconnect(attacker);
  }
  rig.run_all();
  EXPECT_EQ(rig.ask(client, send_request()).code, 0);
}

TEST_F(RequestTest, answers_of_clients_are_ignored) {
  RequestShape shape = shape_of(0);
  std::string bytes = testing::encode_request(shape);
  const auto flag = bytes.find("\"flag\":0");
  ASSERT_NE(flag, std::string::npos);
  bytes[flag + 7] = '1';
  rig.feed(client, bytes);
  EXPECT_TRUE(rig.received(client).empty());
}

}  // namespace
}  // namespace gantry::broker
