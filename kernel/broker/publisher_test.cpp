// Concerns: each check of a send in RocketMQ's order, with code and remark; what is stored; when it is acknowledged.

#include "kernel/broker/testing/rig.hpp"
#include "protocol/batch.hpp"
#include "protocol/message_id.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace gantry::broker {
namespace {

using testing::FakeChannel;
using testing::Frame;
using testing::parse_frames;
using testing::parse_records;
using testing::property;
using testing::Rig;
using testing::send_request;
using testing::SendShape;

std::string make_batch(const std::vector<protocol::BatchElement>& elements) {
  protocol::ByteBuffer out;
  for (const auto& element : elements) EXPECT_TRUE(protocol::append_batch_element(out, element));
  return std::string(out.text());
}

constexpr const char* delayed =
    "DELAY\x01"
    "3\x02";

class PublishTest : public ::testing::Test {
 protected:
  PublishTest() : client(rig.connect()) { rig.make_topic("T"); }
  Frame send(const SendShape& shape) { return rig.ask(client, send_request(shape)); }
  testing::Message stored(std::string_view topic, std::int32_t queue, std::int64_t offset) {
    return parse_records(rig.store.record(topic, queue, offset)).at(0);
  }
  Rig rig;
  FakeChannel& client;
};

// ---- refusals ----

TEST_F(PublishTest, missing_field_is_named) {
  auto request = send_request();
  std::erase_if(request.fields, [](const auto& field) { return field.first == "b"; });
  const Frame answer = rig.ask(client, request);
  EXPECT_EQ(answer.code, 1);
  EXPECT_NE(answer.remark.find("b"), std::string::npos);
}

TEST_F(PublishTest, bad_topic_name_is_an_invalid_parameter) {
  for (const char* name : {"../x", "a/b", "a b", ""}) {
    SendShape shape;
    shape.topic = name;
    const int code = send(shape).code;
    EXPECT_TRUE(code == 29 || (code == 1 && *name == '\0')) << name << " " << code;
  }
  SendShape shape;
  shape.topic = std::string(128, 'a');
  EXPECT_EQ(send(shape).code, 29);
}

TEST_F(PublishTest, system_topics_are_closed_to_clients) {
  for (const char* name :
       {"SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC",
        "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT", "rmq_sys_wheel_timer", "rmq_sys_REVIVE_LOG_DefaultCluster"}) {
    SendShape shape;
    shape.topic = name;
    EXPECT_EQ(send(shape).code, 16) << name;
  }
}

TEST_F(PublishTest, unknown_topic_is_created_from_the_default_topic) {
  SendShape shape;
  shape.topic = "Fresh";
  shape.queue_id = 3;
  EXPECT_EQ(send(shape).code, 0);
  const auto made = rig.topics.find("Fresh");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->write_queues(), 4);
  EXPECT_FALSE(made->inheritable());
}

TEST(Publish, unknown_topic_is_refused_without_auto_creation) {
  routing::TopicOptions options;
  options.auto_create_topics = false;
  Rig rig(testing::rig_options(), options);
  SendShape shape;
  shape.topic = "Fresh";
  const Frame answer = rig.ask(rig.connect(), send_request(shape));
  EXPECT_EQ(answer.code, 17);
  EXPECT_FALSE(answer.remark.empty());
  EXPECT_EQ(answer.ext.at("MSG_REGION"), "DefaultRegion");
  EXPECT_EQ(answer.ext.at("TRACE_ON"), "true");
}

TEST_F(PublishTest, queue_id_beyond_the_topic_is_an_invalid_parameter) {
  SendShape shape;
  shape.queue_id = 4;
  const Frame answer = send(shape);
  EXPECT_EQ(answer.code, 29);
  EXPECT_NE(answer.remark.find("4 queues"), std::string::npos);
}

TEST_F(PublishTest, negative_queue_id_lets_the_broker_choose) {
  SendShape shape;
  shape.queue_id = -1;
  std::set<std::string> queues;
  for (int i = 0; i < 4; ++i) {
    const Frame answer = send(shape);
    ASSERT_EQ(answer.code, 0);
    queues.insert(answer.ext.at("queueId"));
  }
  EXPECT_EQ(queues.size(), 4U);
}

TEST_F(PublishTest, topic_without_write_permission_is_refused) {
  rig.make_topic("ReadOnly", 4, 4);
  SendShape shape;
  shape.topic = "ReadOnly";
  EXPECT_EQ(send(shape).code, 16);
}

TEST(Publish, write_permission_is_not_enforced_when_switched_off) {
  Options options = testing::rig_options();
  options.enforce_topic_write_permission = false;
  Rig rig(options);
  rig.make_topic("ReadOnly", 4, 4);
  SendShape shape;
  shape.topic = "ReadOnly";
  EXPECT_EQ(rig.ask(rig.connect(), send_request(shape)).code, 0);
}

TEST(Publish, broker_without_write_permission_refuses_ordered_topics_only) {
  Options options = testing::rig_options();
  options.permission = 4;
  Rig rig(options);
  rig.make_topic("Ordered", 4, 6, true);
  rig.make_topic("Plain");
  FakeChannel& client = rig.connect();
  SendShape shape;
  shape.topic = "Ordered";
  EXPECT_EQ(rig.ask(client, send_request(shape)).code, 16);
  shape.topic = "Plain";
  EXPECT_EQ(rig.ask(client, send_request(shape)).code, 0);
}

TEST_F(PublishTest, empty_body_is_illegal) {
  SendShape shape;
  shape.body.clear();
  EXPECT_EQ(send(shape).code, 13);
}

TEST(Publish, body_over_the_limit_is_illegal) {
  Options options = testing::rig_options();
  options.message_bytes_max = 100;
  Rig rig(options);
  rig.make_topic("T");
  SendShape shape;
  shape.body = std::string(101, 'x');
  const Frame answer = rig.ask(rig.connect(), send_request(shape));
  EXPECT_EQ(answer.code, 13);
  EXPECT_NE(answer.remark.find("101"), std::string::npos);
}

TEST_F(PublishTest, properties_with_the_brokers_own_may_not_exceed_32767) {
  SendShape shape;
  shape.properties = std::string("k\x01") + std::string(32'700, 'v') + "\x02";
  EXPECT_EQ(send(shape).code, 13);
  shape.properties = std::string("k\x01") + std::string(32'000, 'v') + "\x02";
  EXPECT_EQ(send(shape).code, 0);
}

TEST_F(PublishTest, what_only_plugins_can_do_is_refused_and_names_the_plugin) {
  for (const char* properties : {"DELAY\x01"
                                 "3\x02",
                                 "TIMER_DELAY_SEC\x01"
                                 "5\x02",
                                 "TIMER_DELAY_MS\x01"
                                 "5\x02",
                                 "TIMER_DELIVER_MS\x01"
                                 "1700000009999\x02"}) {
    SendShape shape;
    shape.properties = properties;
    const Frame answer = send(shape);
    EXPECT_EQ(answer.code, 13) << properties;
    EXPECT_NE(answer.remark.find("\"delay\""), std::string::npos);
  }
  SendShape half;
  half.properties = "TRAN_MSG\x01true\x02PGROUP\x01pg\x02";
  half.sys_flag = 4;
  EXPECT_EQ(send(half).code, 16);
  half.properties.clear();
  EXPECT_NE(send(half).remark.find("\"txn\""), std::string::npos);
  EXPECT_EQ(rig.store.append_calls, 0U);
}

TEST_F(PublishTest, delay_level_zero_is_an_ordinary_message) {
  SendShape shape;
  shape.properties =
      "DELAY\x01"
      "0\x02";
  EXPECT_EQ(send(shape).code, 0);
}

TEST_F(PublishTest, forged_inner_batch_flag_is_illegal) {
  SendShape shape;
  shape.sys_flag = 0x80;
  EXPECT_EQ(send(shape).code, 13);
}

TEST_F(PublishTest, compacted_topic_needs_keys) {
  protocol::TopicConfig config;
  config.topic_name = "Compact";
  config.attributes["cleanup.policy"] = "COMPACTION";
  ASSERT_TRUE(rig.topics.ensure(config));
  SendShape shape;
  shape.topic = "Compact";
  EXPECT_EQ(send(shape).code, 13);
  shape.properties = "KEYS\x01k1\x02";
  EXPECT_EQ(send(shape).code, 0);
}

TEST_F(PublishTest, store_statuses_become_codes) {
  const std::pair<gantry_status, int> table[] = {{GANTRY_E_BUSY, 2},
                                                 {GANTRY_E_FULL, 14},
                                                 {GANTRY_E_UNAVAILABLE, 14},
                                                 {GANTRY_E_TOO_LARGE, 13},
                                                 {GANTRY_E_INVALID_ARGUMENT, 13},
                                                 {GANTRY_E_INTERNAL, 1}};
  for (const auto& [status, code] : table) {
    rig.store.append_status = status;
    const Frame answer = send({});
    EXPECT_EQ(answer.code, code) << status;
    EXPECT_FALSE(answer.remark.empty());
    EXPECT_EQ(answer.ext.count("msgId"), 0U);
  }
}

// ---- what is stored and answered ----

TEST_F(PublishTest, answer_names_the_message) {
  SendShape shape;
  shape.properties =
      "UNIQ_KEY\x01"
      "7F00000100002A139F5500\x02";
  shape.queue_id = 2;
  const Frame first = send(shape);
  EXPECT_EQ(first.code, 0);
  EXPECT_EQ(first.flag, 1);
  EXPECT_EQ(first.version, 479);
  EXPECT_TRUE(first.remark.empty());
  EXPECT_EQ(first.ext.at("queueId"), "2");
  EXPECT_EQ(first.ext.at("queueOffset"), "0");
  EXPECT_EQ(first.ext.at("transactionId"), "7F00000100002A139F5500");
  EXPECT_EQ(first.ext.at("MSG_REGION"), "DefaultRegion");
  EXPECT_EQ(first.ext.at("TRACE_ON"), "true");
  const auto id = protocol::decode_offset_message_id(first.ext.at("msgId"));
  ASSERT_TRUE(id);
  EXPECT_EQ(id->store_host.port, 10911U);
  EXPECT_EQ(id->log_offset, 0);
  EXPECT_EQ(send(shape).ext.at("queueOffset"), "1");
}

TEST_F(PublishTest, record_carries_what_was_sent_and_what_the_broker_adds) {
  SendShape shape;
  shape.properties =
      "TAGS\x01"
      "A\x02";  // without UNIQ_KEY
  const Frame answer = send(shape);
  const auto message = stored("T", 0, 0);
  EXPECT_EQ(message.body, "hello");
  EXPECT_EQ(property(message.properties, "TAGS"), "A");
  EXPECT_EQ(property(message.properties, "CLUSTER"), "DefaultCluster");
  EXPECT_EQ(property(message.properties, "MSG_REGION"), "DefaultRegion");
  EXPECT_EQ(property(message.properties, "TRACE_ON"), "true");
  EXPECT_EQ(property(message.properties, "UNIQ_KEY").size(), 32U);
  EXPECT_EQ(property(message.properties, "UNIQ_KEY"), answer.ext.at("transactionId"));
}

TEST_F(PublishTest, properties_of_the_broker_replace_those_of_the_client) {
  SendShape shape;
  shape.properties = "CLUSTER\x01other\x02POP_CK\x01x y z\x02k\x01v";  // and no separator at the end
  ASSERT_EQ(send(shape).code, 0);
  const auto message = stored("T", 0, 0);
  EXPECT_EQ(property(message.properties, "CLUSTER"), "DefaultCluster");
  EXPECT_EQ(message.properties.find("other"), std::string::npos);
  EXPECT_EQ(property(message.properties, "POP_CK"), "");
  EXPECT_EQ(property(message.properties, "k"), "v");
}

TEST_F(PublishTest, both_forms_of_the_header_are_served) {
  SendShape shape;
  shape.code = 10;
  EXPECT_EQ(send(shape).code, 0);
  shape.code = 310;
  EXPECT_EQ(send(shape).ext.at("queueOffset"), "1");
}

TEST_F(PublishTest, binary_requests_get_binary_answers) {
  auto request = send_request();
  request.type = protocol::SerializeType::rocketmq;
  const Frame answer = rig.ask(client, request);
  EXPECT_EQ(answer.type, protocol::SerializeType::rocketmq);
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.ext.at("queueOffset"), "0");
}

TEST_F(PublishTest, one_way_send_is_stored_and_not_answered) {
  SendShape shape;
  shape.oneway = true;
  EXPECT_TRUE(rig.exchange(client, send_request(shape)).empty());
  EXPECT_EQ(rig.store.count("T", 0), 1);
  shape.topic = "../bad";
  EXPECT_TRUE(rig.exchange(client, send_request(shape)).empty());
}

TEST_F(PublishTest, sends_of_one_chunk_are_appended_together_and_answered_in_order) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    SendShape shape;
    shape.opaque = i;
    shape.queue_id = i % 4;
    bytes += testing::encode_request(send_request(shape));
  }
  rig.feed(client, bytes);
  EXPECT_EQ(rig.store.append_calls, 1U);
  EXPECT_EQ(client.sends(), 1U);
  const auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 100U);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(answers[static_cast<std::size_t>(i)].opaque, i);
    EXPECT_EQ(answers[static_cast<std::size_t>(i)].code, 0);
  }
}

TEST_F(PublishTest, other_requests_see_the_sends_before_them) {
  testing::RequestShape max;
  max.code = 30;
  max.opaque = 2;
  max.fields = {{"topic", "T"}, {"queueId", "0"}};
  rig.feed(client, testing::encode_request(send_request()) + testing::encode_request(max));
  const auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].opaque, 1);
  EXPECT_EQ(answers[1].ext.at("offset"), "1");
}

TEST_F(PublishTest, one_refused_send_does_not_touch_its_neighbours) {
  SendShape good;
  SendShape bad;
  bad.queue_id = 99;
  bad.opaque = 2;
  SendShape last;
  last.opaque = 3;
  rig.feed(client, testing::encode_request(send_request(good)) + testing::encode_request(send_request(bad)) +
                       testing::encode_request(send_request(last)));
  auto answers = rig.received(client);
  std::sort(answers.begin(), answers.end(), [](const auto& a, const auto& b) { return a.opaque < b.opaque; });
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[0].code, 0);
  EXPECT_EQ(answers[1].code, 29);
  EXPECT_EQ(answers[2].code, 0);
  EXPECT_EQ(rig.store.count("T", 0), 2);
}

TEST(Publish, advertised_address_is_in_ids) {
  Options options = testing::rig_options();
  options.advertise = testing::ipv4(10, 1, 2, 3, 4567);
  Rig rig(options);
  rig.make_topic("T");
  const Frame answer = rig.ask(rig.connect(), send_request());
  EXPECT_EQ(answer.ext.at("msgId").substr(0, 16), "0A010203000011D7");
}

// ---- batches ----

TEST_F(PublishTest, batch_becomes_consecutive_messages) {
  SendShape shape;
  shape.batch = true;
  shape.body = make_batch({{1, protocol::as_bytes("one"),
                            "TAGS\x01"
                            "A\x02"},
                           {2, protocol::as_bytes("two"), ""}});
  const Frame answer = send(shape);
  ASSERT_EQ(answer.code, 0) << answer.remark;
  EXPECT_EQ(answer.ext.at("queueOffset"), "0");
  EXPECT_EQ(std::count(answer.ext.at("msgId").begin(), answer.ext.at("msgId").end(), ','), 1);
  EXPECT_EQ(stored("T", 0, 0).body, "one");
  EXPECT_EQ(stored("T", 0, 1).body, "two");
  EXPECT_EQ(stored("T", 0, 0).properties,
            "TAGS\x01"
            "A\x02");
}

TEST_F(PublishTest, batch_flag_decides_and_not_the_code) {
  SendShape shape;
  shape.code = 320;
  shape.batch = false;
  EXPECT_EQ(send(shape).code, 0);
  EXPECT_EQ(stored("T", 0, 0).body, "hello");
}

TEST_F(PublishTest, damaged_batches_are_illegal_and_store_nothing) {
  const std::string good = make_batch({{0, protocol::as_bytes("one"), ""}});
  std::vector<std::string> bodies = {"", "x", good + "x", good.substr(0, good.size() - 1)};
  for (const char size : {'\xff', '\x7f'}) {
    std::string forged = good;
    forged[0] = size;
    bodies.push_back(forged);
  }
  for (const std::string& body : bodies) {
    SendShape shape;
    shape.batch = true;
    shape.body = body;
    EXPECT_EQ(send(shape).code, 13);
  }
  EXPECT_EQ(rig.store.append_calls, 0U);
}

TEST_F(PublishTest, batch_with_a_bad_element_stores_none_of_it) {
  SendShape shape;
  shape.batch = true;
  shape.body = make_batch({{0, protocol::as_bytes("one"), ""},
                           {0, protocol::as_bytes("two"),
                            "DELAY\x01"
                            "3\x02"}});
  EXPECT_EQ(send(shape).code, 13);
  shape.body = make_batch({{0, protocol::as_bytes("one"), ""}});
  shape.sys_flag = 4;
  EXPECT_EQ(send(shape).code, 13);
  shape.sys_flag = 0;
  shape.topic = "%RETRY%g";
  EXPECT_EQ(send(shape).code, 13);
  EXPECT_EQ(rig.store.append_calls, 0U);
}

// ---- retry topics ----

TEST(Publish, retry_topic_needs_its_group) {
  routing::GroupOptions options;
  options.auto_create_groups = false;
  Rig rig(testing::rig_options(), {}, options);
  SendShape shape;
  shape.topic = "%RETRY%nobody";
  EXPECT_EQ(rig.ask(rig.connect(), send_request(shape)).code, 26);
}

TEST_F(PublishTest, retries_within_the_limit_go_to_the_retry_topic) {
  rig.make_group("g");
  SendShape shape;
  shape.topic = "%RETRY%g";
  shape.reconsume_count = 16;
  shape.reconsume_count_max = 16;
  EXPECT_EQ(send(shape).code, 0);
  EXPECT_EQ(rig.store.count("%RETRY%g", 0), 1);
}

TEST_F(PublishTest, retries_beyond_the_limit_become_dead_letters_without_delay) {
  rig.make_group("g");
  SendShape shape;
  shape.topic = "%RETRY%g";
  shape.reconsume_count = 17;
  shape.reconsume_count_max = 16;
  shape.properties =
      "DELAY\x01"
      "5\x02k\x01v\x02";
  EXPECT_EQ(send(shape).code, 0);
  ASSERT_EQ(rig.store.count("%DLQ%g", 0), 1);
  const auto letter = stored("%DLQ%g", 0, 0);
  EXPECT_EQ(property(letter.properties, "DELAY"), "");
  EXPECT_EQ(property(letter.properties, "k"), "v");
}

TEST_F(PublishTest, old_clients_are_held_to_the_groups_limit) {
  rig.make_group("g", [](auto& config) { config.retry_count_max = 2; });
  auto request = send_request({.topic = "%RETRY%g", .reconsume_count = 3, .reconsume_count_max = 16});
  request.version = 100;
  EXPECT_EQ(rig.ask(client, request).code, 0);
  EXPECT_EQ(rig.store.count("%DLQ%g", 0), 1);
}

TEST_F(PublishTest, what_an_orderly_group_sends_back_is_a_dead_letter) {
  rig.make_group("g");
  const std::vector<protocol::MessageQueue> queues{{"T", "broker-a", 0}};
  rig.locks.lock("g", "c1", queues);
  SendShape shape;
  shape.topic = "%RETRY%g";
  EXPECT_EQ(send(shape).code, 0);
  EXPECT_EQ(rig.store.count("%DLQ%g", 0), 1);
}

// ---- interceptors ----

TEST_F(PublishTest, interceptor_rejects_one_of_several) {
  rig.plugins.interceptor = [](std::span<gantry_publishing> messages, const gantry_scratch&) {
    for (auto& message : messages) {
      if (message.body.size != 3) continue;
      message.verdict = GANTRY_VERDICT_REJECT;
      message.reject_reason = {"no threes", 9};
    }
  };
  std::string bytes;
  for (const char* body : {"one", "three"}) {
    bytes += testing::encode_request(send_request({.body = body, .opaque = body[1]}));
  }
  rig.feed(client, bytes);
  auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].code, 13);
  EXPECT_EQ(answers[0].remark, "no threes");
  EXPECT_EQ(answers[1].code, 0);
  EXPECT_EQ(rig.store.count("T", 0), 1);
  EXPECT_EQ(stored("T", 0, 0).body, "three");
}

TEST_F(PublishTest, interceptor_rewrites_and_diverts) {
  rig.make_topic("Other", 2);
  rig.plugins.interceptor = [](std::span<gantry_publishing> messages, const gantry_scratch& scratch) {
    for (auto& message : messages) {
      auto* topic = static_cast<char*>(scratch.allocate(scratch.context, 5));
      std::copy_n("Other", 5, topic);
      message.topic = {topic, 5};
      message.queue_id = 1;
      message.body = {"new", 3};
    }
  };
  const Frame answer = send({});
  EXPECT_EQ(answer.code, 0) << answer.remark;
  EXPECT_EQ(answer.ext.at("queueId"), "1");
  EXPECT_EQ(stored("Other", 1, 0).body, "new");
  // Going elsewhere is not waiting.
  EXPECT_EQ(send({.properties = delayed}).code, 13);
}

TEST_F(PublishTest, what_is_put_aside_is_answered_with_the_queue_that_was_asked_for_and_a_recall_handle) {
  rig.plugins.interceptor = [](std::span<gantry_publishing> messages, const gantry_scratch&) {
    ASSERT_EQ(messages.size(), 1U);
    messages[0].topic = {"rmq_sys_wheel_timer", 19};
    messages[0].queue_id = 0;
    messages[0].taken = GANTRY_TAKEN_DELAY;
    messages[0].recall_handle = {"djE", 3};
  };
  const Frame answer = send({.properties = delayed, .queue_id = 3});
  EXPECT_EQ(answer.code, 0) << answer.remark;
  EXPECT_EQ(answer.ext.at("queueId"), "3");
  EXPECT_EQ(answer.ext.at("recallHandle"), "djE");
  EXPECT_EQ(rig.store.count("rmq_sys_wheel_timer", 0), 1);
  EXPECT_EQ(rig.store.count("T", 3), 0);
}

TEST_F(PublishTest, an_interceptor_may_say_that_a_delayed_message_is_due) {
  rig.plugins.interceptor = [](std::span<gantry_publishing> messages, const gantry_scratch&) {
    messages[0].taken = GANTRY_TAKEN_DELAY;
  };
  const Frame answer = send({.properties = delayed});
  EXPECT_EQ(answer.code, 0) << answer.remark;
  EXPECT_EQ(rig.store.count("T", 0), 1);
  // That was not its transaction.
  EXPECT_EQ(send({.properties = "TRAN_MSG\x01true\x02"}).code, 16);
}

TEST_F(PublishTest, interceptor_that_leaves_a_delayed_message_alone_does_not_deliver_it_at_once) {
  rig.plugins.interceptor = [](std::span<gantry_publishing>, const gantry_scratch&) {};
  EXPECT_EQ(send({.properties = "DELAY\x01"
                                "3\x02"})
                .code,
            13);
}

TEST_F(PublishTest, interceptors_know_whether_the_producer_chose_the_queue) {
  rig.plugins.interceptor = [](std::span<gantry_publishing> messages, const gantry_scratch&) {
    EXPECT_GE(messages[0].queue_id, 0);
  };
  EXPECT_EQ(rig.ask(client, send_request({.queue_id = -1})).code, 0);
  EXPECT_EQ(rig.plugins.last_queue_open, std::vector<std::uint8_t>{1});
  EXPECT_EQ(rig.ask(client, send_request({.queue_id = 0})).code, 0);
  EXPECT_EQ(rig.plugins.last_queue_open, std::vector<std::uint8_t>{0});
}

TEST_F(PublishTest, interceptor_that_makes_a_body_too_large_or_empty_is_refused) {
  std::string body;
  rig.plugins.interceptor = [&](std::span<gantry_publishing> messages, const gantry_scratch&) {
    messages[0].body = {body.data(), body.size()};
  };
  EXPECT_EQ(rig.ask(client, send_request()).code, 13);
  body.assign(64 * 1024 * 1024, 'x');
  EXPECT_EQ(rig.ask(client, send_request()).code, 13);
  body = "fine";
  EXPECT_EQ(rig.ask(client, send_request()).code, 0);
}

TEST_F(PublishTest, interceptor_that_diverts_to_nowhere_is_answered) {
  rig.plugins.interceptor = [](std::span<gantry_publishing> messages, const gantry_scratch&) {
    messages[0].topic = {"Nowhere", 7};
  };
  EXPECT_EQ(send({}).code, 17);
}

// ---- promises ----

class SyncPublishTest : public ::testing::Test {
 protected:
  static Options options() {
    Options made = testing::rig_options();
    made.ack = AckPromise::disk;
    made.sync_flush_timeout = std::chrono::milliseconds(5'000);
    made.unacknowledged_max = 4;
    return made;
  }
  SyncPublishTest() : client(rig.connect()) {
    rig.make_topic("T");
    rig.store.durable_at_once = false;
  }
  Rig rig{options()};
  FakeChannel& client;
};

TEST_F(SyncPublishTest, answers_when_durable_and_not_before) {
  EXPECT_TRUE(rig.exchange(client, send_request()).empty());
  EXPECT_GT(rig.store.wanted, 0);
  rig.store.sync();
  rig.shards.run();
  const auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 0);
  EXPECT_EQ(answers[0].ext.at("queueOffset"), "0");
  EXPECT_EQ(answers[0].ext.at("msgId").size(), 32U);
}

TEST_F(SyncPublishTest, one_wake_answers_all_in_order) {
  std::string bytes;
  for (int i = 0; i < 3; ++i) bytes += testing::encode_request(send_request({.opaque = i}));
  rig.feed(client, bytes);
  rig.store.sync();
  rig.shards.run();
  const auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(answers[static_cast<std::size_t>(i)].opaque, i);
}

TEST_F(SyncPublishTest, late_flush_is_answered_with_its_own_status_and_all_fields) {
  rig.feed(client, testing::encode_request(send_request()));
  rig.advance(std::chrono::milliseconds(5'001));
  const auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 10);
  EXPECT_EQ(answers[0].ext.at("queueOffset"), "0");
  EXPECT_EQ(answers[0].ext.at("msgId").size(), 32U);
  rig.store.sync();
  rig.shards.run();
  EXPECT_TRUE(rig.received(client).empty());
}

TEST_F(SyncPublishTest, wait_false_is_answered_at_once) {
  const auto answers = rig.exchange(client, send_request({.properties = "WAIT\x01"
                                                                        "false\x02"}));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 0);
}

TEST_F(SyncPublishTest, nothing_is_acknowledged_after_the_store_failed) {
  rig.feed(client, testing::encode_request(send_request()));
  rig.store.fail("fsync: EIO");
  rig.shards.run();
  auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 14);
  answers = rig.exchange(client, send_request());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 14);
}

TEST_F(SyncPublishTest, a_failed_store_stops_the_node_once_waiters_can_be_told) {
  rig.feed(client, testing::encode_request(send_request()));
  EXPECT_FALSE(rig.broker.drained());
  rig.store.fail("fsync: EIO");
  EXPECT_EQ(rig.node.store_failures, std::vector<std::string>{"fsync: EIO"});
  rig.shards.run();
  EXPECT_TRUE(rig.broker.drained()) << "the stop would wait for the answer that was given";
  EXPECT_EQ(rig.received(client).size(), 1U);
}

TEST_F(SyncPublishTest, waiting_sends_are_bounded) {
  std::string bytes;
  for (int i = 0; i < 6; ++i) bytes += testing::encode_request(send_request({.opaque = i}));
  rig.feed(client, bytes);
  const auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].code, 2);
  EXPECT_EQ(rig.store.count("T", 0), 4);
}

TEST_F(SyncPublishTest, a_client_that_left_gets_nothing_and_harms_nobody) {
  FakeChannel& other = rig.connect();
  rig.feed(client, testing::encode_request(send_request()));
  rig.feed(other, testing::encode_request(send_request()));
  rig.disconnect(client);
  rig.store.sync();
  rig.shards.run();
  EXPECT_EQ(rig.received(other).size(), 1U);
}

TEST_F(PublishTest, first_message_of_a_new_topic_is_acknowledged_once_the_topic_is_saved) {
  const auto request = send_request({.topic = "Fresh"});
  EXPECT_TRUE(rig.exchange(client, request).empty());
  EXPECT_EQ(rig.store.count("Fresh", 0), 1);
  rig.run_all();
  const auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 0);
  EXPECT_TRUE(rig.store.load_blob("topics.json", sdk::BlobVersion::newest));
  EXPECT_EQ(rig.exchange(client, request).size(), 1U);  // from now on at once
}

TEST_F(SyncPublishTest, first_message_of_a_new_topic_waits_for_both_promises) {
  const auto request = send_request({.topic = "Fresh"});
  EXPECT_TRUE(rig.exchange(client, request).empty());
  rig.run_all();
  EXPECT_TRUE(rig.received(client).empty());
  rig.store.sync();
  rig.run_all();
  const auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 0);
}

TEST_F(SyncPublishTest, first_message_of_a_new_topic_is_not_acknowledged_by_a_failed_store) {
  EXPECT_TRUE(rig.exchange(client, send_request({.topic = "Fresh"})).empty());
  rig.store.fail("fsync: EIO");
  rig.run_all();
  const auto answers = rig.received(client);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 14);
}

// ---- stopping ----

TEST_F(PublishTest, stopping_broker_sends_clients_away) {
  rig.broker.stop();
  EXPECT_EQ(send({}).code, 1500);
  auto request = send_request();
  request.version = protocol::version::v4_9_4;
  EXPECT_EQ(rig.ask(client, request).code, 14);
  EXPECT_TRUE(rig.broker.drained());
}

}  // namespace
}  // namespace gantry::broker
