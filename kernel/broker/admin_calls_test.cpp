// What operators do to groups and clients, and the numbers they ask for.

#include "kernel/broker/client_calls.hpp"
#include "kernel/broker/testing/rig.hpp"
#include "kernel/broker/traffic_log.hpp"
#include "protocol/message_queue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gantry::broker {
namespace {

using testing::FakeChannel;
using testing::Fields;
using testing::Frame;
using testing::Rig;

class AdminCallsTest : public ::testing::Test {
 protected:
  AdminCallsTest() : admin(rig.connect()), consumer(rig.connect(1)) {
    rig.make_topic("T");
    rig.make_group("g");
  }
  testing::RequestShape request(std::int32_t code, const Fields& fields, std::string body = {}) {
    testing::RequestShape shape;
    shape.code = code;
    shape.fields = fields;
    shape.body = std::move(body);
    return shape;
  }
  Frame ask(std::int32_t code, const Fields& fields = {}, std::string body = {}) {
    return rig.ask(admin, request(code, fields, std::move(body)));
  }
  void send(int count, std::int32_t queue = 0) {
    for (int i = 0; i < count; ++i) rig.ask(admin, testing::send_request({.queue_id = queue}));
  }
  void go_online() {
    rig.subscribe(consumer, "g", "T");
    rig.run_all();
    rig.received(consumer);
  }
  std::int64_t offset(std::int32_t queue) { return rig.offsets.find({"g", "T", queue}).value_or(-1); }
  Rig rig;
  FakeChannel& admin;
  FakeChannel& consumer;
};

// ---- moving groups ----

TEST_F(AdminCallsTest, an_offline_group_is_moved_by_time) {
  send(3);
  rig.store.now_ms += 1'000;
  send(2);
  const Frame answer =
      ask(222, {{"topic", "T"}, {"group", "g"}, {"timestamp", std::to_string(rig.store.now_ms)}, {"isForce", "true"}});
  ASSERT_EQ(answer.code, 0) << answer.remark;
  const auto moved = protocol::decode_body<protocol::QueueOffsetsBody>(std::string_view(answer.body));
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->offsets.size(), 4U);
  EXPECT_EQ(offset(0), 3);
  EXPECT_EQ(offset(1), 0);
}

TEST_F(AdminCallsTest, a_live_group_is_moved_with_the_pull_that_it_holds_or_the_next_one) {
  send(5);
  go_online();
  EXPECT_TRUE(rig.exchange(consumer, testing::pull_request({.offset = 5, .sys_flag = 6})).empty());
  ASSERT_EQ(ask(222, {{"topic", "T"}, {"group", "g"}, {"timestamp", "0"}, {"isForce", "true"}}).code, 0);
  rig.run_all();
  const auto told = rig.received(consumer);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].code, 21);
  EXPECT_EQ(told[0].ext.at("nextBeginOffset"), "0");
  ASSERT_EQ(ask(222, {{"topic", "T"}, {"group", "g"}, {"timestamp", "-1"}, {"isForce", "true"}}).code, 0);
  const Frame pulled = rig.ask(consumer, testing::pull_request({.offset = 1}));
  EXPECT_EQ(pulled.code, 21);
  EXPECT_EQ(pulled.ext.at("nextBeginOffset"), "5");
}

TEST_F(AdminCallsTest, one_queue_is_moved_to_an_offset_that_it_holds) {
  send(5, 1);
  const auto reset = [&](const char* queue, const char* to) {
    return ask(
        222,
        {{"topic", "T"}, {"group", "g"}, {"timestamp", "-1"}, {"isForce", "true"}, {"queueId", queue}, {"offset", to}});
  };
  EXPECT_EQ(reset("1", "3").code, 0);
  EXPECT_EQ(offset(1), 3);
  const Frame beyond = reset("1", "6");
  EXPECT_EQ(beyond.code, 1);
  EXPECT_NE(beyond.remark.find("0 to 5"), std::string::npos) << beyond.remark;
  EXPECT_EQ(reset("99", "0").code, 1);
  EXPECT_EQ(offset(1), 3);
}

TEST_F(AdminCallsTest, unknown_topics_and_groups_are_named) {
  EXPECT_EQ(ask(222, {{"topic", "U"}, {"group", "g"}, {"timestamp", "0"}, {"isForce", "true"}}).code, 17);
  EXPECT_EQ(ask(222, {{"topic", "T"}, {"group", "u"}, {"timestamp", "0"}, {"isForce", "true"}}).code, 26);
  EXPECT_EQ(ask(314, {{"srcGroup", "u"}, {"destGroup", "g"}}).code, 26);
}

TEST_F(AdminCallsTest, offsets_are_cloned) {
  rig.make_group("h");
  rig.offsets.set({"g", "T", 2}, 7);
  EXPECT_EQ(ask(314, {{"srcGroup", "g"}, {"destGroup", "h"}, {"topic", "T"}, {"offline", "true"}}).code, 0);
  EXPECT_EQ(rig.offsets.find({"h", "T", 2}), 7);
}

// ---- asking clients ----

TEST_F(AdminCallsTest, running_info_is_relayed_as_the_client_gives_it) {
  go_online();
  rig.feed(admin, testing::encode_request(
                      request(307, {{"consumerGroup", "g"}, {"clientId", "client-g"}, {"jstackEnable", "true"}})));
  rig.run_all();
  auto asked = rig.received(consumer);
  if (asked.empty()) {  // the id is whatever the rig's heartbeat said
    const std::string id = rig.clients.consumer_group("g")->members.at(0)->client_id;
    rig.received(admin);
    rig.feed(admin, testing::encode_request(request(307, {{"consumerGroup", "g"}, {"clientId", id}})));
    rig.run_all();
    asked = rig.received(consumer);
  }
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].code, 307);
  EXPECT_EQ(asked[0].flag & 3, 0);  // a request that wants an answer
  EXPECT_TRUE(rig.received(admin).empty());
  protocol::ByteBuffer answer;
  const std::string body = "{\"properties\":{}}";
  protocol::write_frame(
      answer,
      protocol::response_meta(protocol::SerializeType::json, asked[0].opaque, protocol::ResponseCode::success, "fine"),
      protocol::as_bytes(body));
  rig.feed(consumer, answer.text());
  rig.run_all();
  const auto relayed = rig.received(admin);
  ASSERT_EQ(relayed.size(), 1U);
  EXPECT_EQ(relayed[0].code, 0);
  EXPECT_EQ(relayed[0].remark, "fine");
  EXPECT_EQ(relayed[0].body, body);
  // An answer that nobody waits for is ignored.
  rig.feed(consumer, answer.text());
  rig.run_all();
  EXPECT_TRUE(rig.received(admin).empty());
}

TEST_F(AdminCallsTest, clients_that_go_or_stay_silent_are_told_of) {
  EXPECT_EQ(ask(307, {{"consumerGroup", "g"}, {"clientId", "nobody"}}).code, 1);
  go_online();
  const std::string id = rig.clients.consumer_group("g")->members.at(0)->client_id;
  const auto call = testing::encode_request(request(307, {{"consumerGroup", "g"}, {"clientId", id}}));
  rig.feed(admin, call);
  rig.run_all();
  rig.control.run();
  rig.clock.advance(ClientCalls::timeout + std::chrono::milliseconds(1));
  rig.broker.upkeep();
  rig.run_all();
  auto answers = rig.received(admin);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 207);

  rig.feed(admin, call);
  rig.run_all();
  rig.disconnect(consumer);
  rig.run_all();
  answers = rig.received(admin);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 1);
}

TEST_F(AdminCallsTest, a_message_is_given_to_one_consumer_directly) {
  send(1);
  go_online();
  const std::string id = rig.clients.consumer_group("g")->members.at(0)->client_id;
  const auto record = testing::parse_records(rig.store.record("T", 0, 0)).at(0);
  const auto sent = rig.ask(admin, testing::send_request());
  rig.feed(admin, testing::encode_request(
                      request(309, {{"consumerGroup", "g"}, {"clientId", id}, {"msgId", sent.ext.at("msgId")}})));
  rig.run_all();
  const auto asked = rig.received(consumer);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].code, 309);
  EXPECT_EQ(asked[0].ext.at("brokerName"), "broker-a");
  EXPECT_EQ(testing::parse_records(asked[0].body).at(0).body, record.body);
  EXPECT_EQ(ask(309, {{"consumerGroup", "g"}, {"clientId", id}, {"msgId", "no id"}}).code, 1);
}

// ---- replies ----

TEST_F(AdminCallsTest, a_reply_is_pushed_to_the_client_that_waits_for_it_and_stored) {
  rig.make_topic("DefaultCluster_REPLY_TOPIC", 1);
  testing::RequestShape heartbeat;
  heartbeat.code = 34;
  heartbeat.body = R"({"clientID":"asker","consumerDataSet":[],"producerDataSet":[{"groupName":"p"}]})";
  rig.exchange(consumer, heartbeat);
  auto reply = testing::send_request({.topic = "DefaultCluster_REPLY_TOPIC",
                                      .body = "42",
                                      .properties = "REPLY_TO_CLIENT\x01"
                                                    "asker\x02"
                                                    "CORRELATION_ID\x01"
                                                    "c-1\x02"});
  reply.code = 325;
  rig.feed(admin, testing::encode_request(reply));
  rig.run_all();
  const auto pushed = rig.received(consumer);
  ASSERT_EQ(pushed.size(), 1U);
  EXPECT_EQ(pushed[0].code, 326);
  EXPECT_EQ(pushed[0].body, "42");
  EXPECT_EQ(testing::property(pushed[0].ext.at("properties"), "CORRELATION_ID"), "c-1");
  EXPECT_NE(testing::property(pushed[0].ext.at("properties"), "PUSH_REPLY_TIME"), "");
  EXPECT_TRUE(rig.received(admin).empty());
  protocol::ByteBuffer answer;
  protocol::write_frame(answer, protocol::response_meta(protocol::SerializeType::json, pushed[0].opaque,
                                                        protocol::ResponseCode::success, {}));
  rig.feed(consumer, answer.text());
  rig.run_all();
  const auto answers = rig.received(admin);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 0) << answers[0].remark;
  EXPECT_EQ(answers[0].ext.at("msgId").size(), 32U);
  EXPECT_EQ(rig.store.count("DefaultCluster_REPLY_TOPIC", 0), 1);
}

TEST_F(AdminCallsTest, a_reply_that_nobody_waits_for_is_refused) {
  rig.make_topic("DefaultCluster_REPLY_TOPIC", 1);
  const auto refused = [&](const char* topic, const char* properties) {
    auto reply = testing::send_request({.topic = topic, .body = "42", .properties = properties});
    reply.code = 325;
    return rig.ask(admin, reply);
  };
  EXPECT_NE(refused("DefaultCluster_REPLY_TOPIC", "").remark.find("REPLY_TO_CLIENT"), std::string::npos);
  EXPECT_EQ(refused("DefaultCluster_REPLY_TOPIC", "REPLY_TO_CLIENT\x01nobody\x02").code, 1);
  EXPECT_EQ(refused("Nowhere", "REPLY_TO_CLIENT\x01nobody\x02").code, 17);
}

// ---- numbers ----

TEST_F(AdminCallsTest, traffic_is_what_came_since_the_samples_before) {
  EXPECT_EQ(ask(315, {{"statsName", "TOPIC_PUT_NUMS"}, {"statsKey", "T"}}).code, 1);
  rig.broker.start();
  send(10);
  rig.offsets.set({"g", "T", 0}, 4);
  rig.clock.advance(std::chrono::seconds(10));
  rig.broker.upkeep();
  const Frame put = ask(315, {{"statsName", "TOPIC_PUT_NUMS"}, {"statsKey", "T"}});
  ASSERT_EQ(put.code, 0) << put.remark;
  EXPECT_NE(put.body.find("\"sum\":10"), std::string::npos) << put.body;
  const Frame got = ask(315, {{"statsName", "GROUP_GET_NUMS"}, {"statsKey", "T@g"}});
  EXPECT_NE(got.body.find("\"sum\":4"), std::string::npos) << got.body;
  // Later the minute is quiet, the hour is not.
  for (int i = 0; i < 12; ++i) {
    rig.clock.advance(std::chrono::seconds(10));
    rig.broker.upkeep();
  }
  const Frame later = ask(315, {{"statsName", "TOPIC_PUT_NUMS"}, {"statsKey", "T"}});
  EXPECT_NE(later.body.find("\"statsHour\":{\"avgpt\":1.0,\"sum\":10"), std::string::npos) << later.body;
  EXPECT_NE(later.body.find("\"statsMinute\":{\"avgpt\":0.0,\"sum\":0"), std::string::npos) << later.body;
  EXPECT_NE(ask(315, {{"statsName", "DLQ_PUT_NUMS"}, {"statsKey", "T"}}).remark.find("DLQ_PUT_NUMS"),
            std::string::npos);
}

TEST_F(AdminCallsTest, the_lag_of_all_groups_is_told) {
  send(10);
  rig.offsets.set({"g", "T", 0}, 4);
  const Frame answer = ask(317, {{"isOrder", "false"}});
  ASSERT_EQ(answer.code, 0);
  EXPECT_NE(answer.body.find("\"totalDiff\":6"), std::string::npos) << answer.body;
}

TEST_F(AdminCallsTest, entries_of_a_queue_are_shown) {
  send(3);
  const Frame answer = ask(321, {{"topic", "T"}, {"queueId", "0"}, {"index", "1"}, {"count", "5"}});
  ASSERT_EQ(answer.code, 0);
  EXPECT_NE(answer.body.find("\"maxQueueIndex\":3"), std::string::npos) << answer.body;
  EXPECT_EQ(ask(321, {{"topic", "T"}, {"queueId", "77"}, {"index", "0"}, {"count", "5"}}).code, 1);
  EXPECT_EQ(ask(321, {{"topic", "U"}, {"queueId", "0"}, {"index", "0"}, {"count", "5"}}).code, 17);
}

// ---- the broker ----

TEST_F(AdminCallsTest, permission_changes_while_the_broker_runs) {
  send(1);
  EXPECT_EQ(ask(25, {}, "brokerPermission=2\n").code, 0);
  EXPECT_EQ(rig.node.permissions, std::vector<int>{2});
  EXPECT_EQ(rig.ask(consumer, testing::pull_request()).code, 16);
  EXPECT_EQ(ask(25, {}, "brokerPermission=6\n").code, 0);
  EXPECT_EQ(ask(25, {}, "brokerPermission=7\n").code, 29);
  EXPECT_EQ(ask(25).code, 29);
}

TEST_F(AdminCallsTest, a_group_pulls_and_cannot_be_told_otherwise) {
  const auto mode = [&](const char* topic, const char* group, const char* to) {
    return ask(401, {},
               std::string("{\"topic\":\"") + topic + "\",\"consumerGroup\":\"" + group + "\",\"mode\":\"" + to +
                   "\",\"popShareQueueNum\":0}");
  };
  EXPECT_EQ(mode("T", "g", "PULL").code, 0);
  EXPECT_EQ(mode("T", "g", "POP").code, 3);
  EXPECT_EQ(mode("U", "g", "PULL").code, 17);
  EXPECT_EQ(mode("T", "u", "PULL").code, 26);
}

}  // namespace
}  // namespace gantry::broker
