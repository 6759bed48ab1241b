// Concern: JSON bodies in every dialect that peers write, and hostile documents.
#include "protocol/json_body.hpp"

#include "protocol/codes.hpp"
#include "protocol/compression.hpp"
#include "protocol/group_config.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/lists.hpp"
#include "protocol/offset_table.hpp"
#include "protocol/register_broker.hpp"
#include "protocol/route.hpp"
#include "protocol/stats.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gantry::protocol {
namespace {

std::string normalised(std::string_view text) {
  const auto out = normalise_fastjson(text);
  return out ? *out : "error: " + out.error().text;
}

TEST(Fastjson, dialect_becomes_strict_json) {
  EXPECT_EQ(normalised("{0:\"a\",-1:2,name:'it''s'}").substr(0, 6), "error:");
  EXPECT_EQ(normalised("{0:\"a\", -1 : 2, name:'it\\'s \"x\"'}"), R"({"0":"a","-1":2,"name":"it's \u0022x\u0022"})");
  EXPECT_EQ(normalised("/* c */ [1, // x\n 2,,3,]"), "[1,2,3]");
  EXPECT_EQ(normalised("{{\"queueId\":0,\"topic\":\"t\"}:{a:1}}"), R"({"{\"queueId\":0,\"topic\":\"t\"}":{"a":1}})");
  EXPECT_EQ(normalised("[true,false,null,-1.5e+3,\"\\x41\\q\\u00e9\"]"),
            R"([true,false,null,-1.5e+3,"\u0041q\u00e9"])");
  EXPECT_EQ(normalised("\"\xFF\x01\\uD800x\""), "\"\xEF\xBF\xBD\\u0001\xEF\xBF\xBDx\"");
}

TEST(Fastjson, hostile_documents_are_refused) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("{\"a\"}"), std::string("{\"a\":}"), std::string("[1 2]"),
        std::string("nulll"), std::string("01"), std::string("1."), std::string("-"), std::string("\"a"),
        std::string("\"\\u12"), std::string("/* x"), std::string("{}}"), std::string("{,}"), std::string(100000, '['),
        std::string(100000, '{'), std::string("{{{{\"a\":1}:1}:1}:1}")}) {
    EXPECT_FALSE(normalise_fastjson(text)) << text.substr(0, 20);
  }
  std::string commas = "[";
  for (int i = 0; i < 4'000'001; ++i) commas += "1,";
  EXPECT_FALSE(normalise_fastjson(commas + "1]"));
}

TEST(Heartbeat, reads_java) {
  const auto body = decode_body<HeartbeatData>(
      R"({"clientID":"10.0.0.1@12345#98765","heartbeatFingerprint":0,"withoutSub":false,
 "producerDataSet":[{"groupName":"pg"}],
 "consumerDataSet":[{"groupName":"cg","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",
   "consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","unitMode":false,
   "subscriptionDataSet":[{"topic":"T","subString":"A||B","tagsSet":["A","B"],"codeSet":[65,66],
      "subVersion":1700000000000,"classFilterMode":false,"expressionType":"TAG"}]}]})");
  ASSERT_TRUE(body) << body.error().text;
  EXPECT_EQ(body->client_id, "10.0.0.1@12345#98765");
  EXPECT_EQ(body->producer_groups, std::vector<std::string>{"pg"});
  ASSERT_EQ(body->consumers.size(), 1u);
  const ConsumerData& consumer = body->consumers[0];
  EXPECT_EQ(consumer.consume_from, ConsumeFrom::first_offset);
  ASSERT_EQ(consumer.subscriptions.size(), 1u);
  EXPECT_EQ(consumer.subscriptions[0], make_tag_subscription("T", "A||B", 1700000000000));
}

TEST(Heartbeat, reads_cpp_go_and_node) {
  const auto cpp = decode_body<HeartbeatData>(
      R"({"clientID":"c","consumerDataSet":[{"consumeFromWhere":4,"consumeType":1,"groupName":"g","messageModel":0,)"
      R"("subscriptionDataSet":[{"subString":"*","subVersion":"1700000000000","topic":"T"}]}]})");
  ASSERT_TRUE(cpp) << cpp.error().text;
  EXPECT_EQ(cpp->consumers[0].message_model, MessageModel::broadcasting);
  EXPECT_EQ(cpp->consumers[0].subscriptions[0].version, 1700000000000);
  EXPECT_EQ(cpp->consumers[0].subscriptions[0].expression_type, "TAG");
  EXPECT_TRUE(cpp->consumers[0].subscriptions[0].takes_all());
  EXPECT_TRUE(cpp->producer_groups.empty());

  const auto go = decode_body<HeartbeatData>(
      R"({"clientID":"c","producerDataSet":null,"consumerDataSet":[{"groupName":"g","subscriptionDataSet":[)"
      R"({"topic":"T","subString":"TagA","codeSet":["2598919"],"subVersion":1700000000123456789,"expressionType":"TAG"}]}]})");
  ASSERT_TRUE(go) << go.error().text;
  EXPECT_EQ(go->consumers[0].subscriptions[0].version, 1700000000123456789);
  EXPECT_EQ(go->consumers[0].subscriptions[0].tag_codes, std::vector<std::int32_t>{2598919});

  const auto node = decode_body<HeartbeatData>(R"({"clientID":"c","consumerDataSet":[{"groupName":"g",)"
                                               R"("subscriptionDataSet":[{"expressionType":null,"topic":"T"}]}]})");
  ASSERT_TRUE(node) << node.error().text;
  EXPECT_TRUE(node->consumers[0].subscriptions[0].is_tag());
}

TEST(Heartbeat, bad_values_name_their_path) {
  const auto bad = [](std::string_view json) { return decode_body<HeartbeatData>(json).error().text; };
  EXPECT_NE(bad(R"({"consumerDataSet":[{"messageModel":"X"}]})").find("$.consumerDataSet.[].messageModel"),
            std::string::npos);
  EXPECT_NE(bad(R"({"consumerDataSet":{}})").find("an array at $.consumerDataSet"), std::string::npos);
  EXPECT_NE(bad(R"({"consumerDataSet":[{"subscriptionDataSet":[{"subVersion":1e30}]}]})").find("64-bit"),
            std::string::npos);
  EXPECT_NE(bad("[]").find("an object at $"), std::string::npos);
  EXPECT_NE(bad("").find("position 0"), std::string::npos);
}

TEST(Heartbeat, too_many_groups_are_refused) {
  HeartbeatData data;
  data.producer_groups.assign(heartbeat_group_count_max + 1, "g");
  EXPECT_EQ(decode_body<HeartbeatData>(encode_body(data)).error().code, Errc::too_large);
}

TEST(Heartbeat, round_trips) {
  HeartbeatData data;
  data.client_id = "c\"1";
  data.producer_groups = {"p"};
  data.consumers.push_back({.group = "g", .consume_type = ConsumeType::pop, .subscriptions = {{.topic = "T"}}});
  const auto back = decode_body<HeartbeatData>(encode_body(data));
  ASSERT_TRUE(back);
  EXPECT_EQ(encode_body(*back), encode_body(data));
}

TEST(TagSubscription, splits_and_trims) {
  const auto subscription = make_tag_subscription("T", " TagA || || TagB ", 1);
  EXPECT_EQ(subscription.tags, (std::vector<std::string>{"TagA", "TagB"}));
  EXPECT_EQ(subscription.tag_codes[0], 2598919);
  EXPECT_FALSE(subscription.takes_all());
  EXPECT_TRUE(make_tag_subscription("T", "*", 1).takes_all());
}

TEST(Route, is_compact_strict_json) {
  TopicRouteData route;
  route.queues.push_back({.broker_name = "broker-a", .read_queue_count = 8, .write_queue_count = 8, .perm = 6});
  route.brokers.push_back(
      {.cluster = "DefaultCluster", .broker_name = "broker-a", .addresses = {{0, "10.0.0.1:10911"}}});
  EXPECT_EQ(
      encode_body(route),
      R"({"brokerDatas":[{"brokerAddrs":{"0":"10.0.0.1:10911"},"brokerName":"broker-a","cluster":"DefaultCluster",)"
      R"("enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,)"
      R"("readQueueNums":8,"topicSysFlag":0,"writeQueueNums":8}]})");
  EXPECT_EQ(*decode_body<TopicRouteData>(encode_body(route)), route);
  const auto bare =
      decode_body<TopicRouteData>(R"({"brokerDatas":[{"brokerAddrs":{0:"a:1",1:"b:2"},"brokerName":"b"}]})");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->brokers[0].addresses.at(1), "b:2");
}

TEST(Cluster, round_trips) {
  ClusterInfo info;
  info.brokers["b"] = {.cluster = "c", .broker_name = "b", .addresses = {{0, "a:1"}}};
  info.clusters["c"] = {"b"};
  EXPECT_EQ(encode_body(info), R"({"brokerAddrTable":{"b":{"brokerAddrs":{"0":"a:1"},"brokerName":"b","cluster":"c",)"
                               R"("enableActingMaster":false}},"clusterAddrTable":{"c":["b"]}})");
  EXPECT_EQ(encode_body(*decode_body<ClusterInfo>(encode_body(info))), encode_body(info));
  const BrokerMemberGroupBody group{"c", "b", {{0, "a:1"}}};
  EXPECT_EQ(encode_body(group), R"({"brokerMemberGroup":{"brokerAddrs":{"0":"a:1"},"brokerName":"b","cluster":"c"}})");
  EXPECT_EQ(decode_body<BrokerMemberGroupBody>(encode_body(group))->addresses.at(0), "a:1");
}

TEST(QueueMaps, object_keys_are_written_and_every_form_is_read) {
  QueueOffsetsBody body;
  body.offsets[{"t", "b", 0}] = 5;
  const std::string object_keys = R"({"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:5}})";
  EXPECT_EQ(encode_body(body), object_keys);
  const std::string list = R"({"offsetTable":[{"brokerName":"b","queueId":0,"topic":"t","offset":5}]})";
  EXPECT_EQ(encode_queue_offsets_list(body), list);
  const std::string text_keys = R"({"offsetTable":{"{\"brokerName\":\"b\",\"queueId\":0,\"topic\":\"t\"}":5}})";
  const std::string pairs = R"({"offsetTable":[[{"brokerName":"b","queueId":0,"topic":"t"},5]]})";
  for (const std::string& text : {object_keys, list, text_keys, pairs}) {
    const auto back = decode_body<QueueOffsetsBody>(text);
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(back->offsets, body.offsets) << text;
  }
  EXPECT_FALSE(decode_body<QueueOffsetsBody>(R"({"offsetTable":{"x":5}})"));
}

TEST(Locks, echo_queues_unchanged) {
  const auto body = decode_body<LockQueuesBody>(
      R"({"clientId":"cid","consumerGroup":"g","mqSet":[{"brokerName":"b","queueId":"1","topic":"t"}],"onlyThisBroker":true})");
  ASSERT_TRUE(body);
  EXPECT_TRUE(body->only_this_broker);
  EXPECT_EQ(encode_body(LockedQueuesBody{body->queues}),
            R"({"lockOKMQSet":[{"brokerName":"b","queueId":1,"topic":"t"}]})");
}

TEST(Pointers, resolve_to_other_values) {
  const auto table = decode_body<SubscriptionGroupTable>(
      R"({"subscriptionGroupTable":{"%RETRY%a":{"groupName":"a","attributes":{"k":"v"}},)"
      R"("b":{"groupName":"b","attributes":{"$ref":"$.subscriptionGroupTable.\\%RETRY\\%a.attributes"}}}})");
  ASSERT_TRUE(table) << table.error().text;
  EXPECT_EQ(table->groups.at("b").attributes.at("k"), "v");
}

TEST(Pointers, loops_dangling_ones_and_multiplication_are_refused) {
  EXPECT_FALSE(decode_body<KvTable>(R"({"table":{"$ref":"$.table"}})"));
  EXPECT_FALSE(decode_body<KvTable>(R"({"table":{"$ref":"$.nowhere"}})"));
  EXPECT_FALSE(decode_body<KvTable>(R"({"table":{"$ref":".."}})"));
  EXPECT_FALSE(decode_body<KvTable>(R"({"$ref":"$"})"));
  std::string text = R"({"consumerDataSet":[{"subscriptionDataSet":[{"tagsSet":[)";
  for (int i = 0; i < 20000; ++i) text += "\"a\",";
  text += "\"a\"]}";
  for (int i = 0; i < 20000; ++i) text += R"(,{"$ref":"$.consumerDataSet[0].subscriptionDataSet[0]"})";
  text += "]}]}";
  EXPECT_FALSE(decode_body<HeartbeatData>(text));
}

TEST(Topics, config_round_trips_and_file_looks_like_javas) {
  TopicConfigTable table;
  table.data_version = {.state_version = 0, .timestamp_ms = 5, .counter = 2};
  table.topics["T"] = {
      .topic_name = "T", .read_queue_count = 4, .write_queue_count = 4, .attributes = {{"message.type", "FIFO"}}};
  const std::string file = encode_body(table, JsonStyle::file);
  EXPECT_EQ(
      file,
      "{\n\t\"dataVersion\":{\n\t\t\"counter\":2,\n\t\t\"stateVersion\":0,\n\t\t\"timestamp\":5\n\t},\n"
      "\t\"topicConfigTable\":{\n\t\t\"T\":{\n\t\t\t\"attributes\":{\n\t\t\t\t\"message.type\":\"FIFO\"\n\t\t\t},\n"
      "\t\t\t\"order\":false,\n\t\t\t\"perm\":6,\n\t\t\t\"readQueueNums\":4,\n"
      "\t\t\t\"topicFilterType\":\"SINGLE_TAG\",\n\t\t\t\"topicName\":\"T\",\n\t\t\t\"topicSysFlag\":0,\n"
      "\t\t\t\"writeQueueNums\":4\n\t\t}\n\t}\n}");
  for (const std::string& text : {file, encode_body(table)}) {
    const auto back = decode_body<TopicConfigTable>(text);
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(back->topics, table.topics);
    EXPECT_EQ(back->data_version, table.data_version);
  }
}

TEST(Offsets, file_has_bare_integer_keys_and_both_forms_are_read) {
  ConsumerOffsetTable table;
  table.offsets["T@g"] = {{0, 5}, {1, 7}};
  EXPECT_NE(encode_body(table, JsonStyle::file).find("\t\t\t0:5,\n\t\t\t1:7\n"), std::string::npos);
  EXPECT_NE(encode_body(table).find(R"("offsetTable":{"T@g":{"0":5,"1":7}})"), std::string::npos);
  for (const auto style : {JsonStyle::file, JsonStyle::wire}) {
    EXPECT_EQ(decode_body<ConsumerOffsetTable>(encode_body(table, style))->offsets, table.offsets);
  }
  EXPECT_FALSE(decode_body<ConsumerOffsetTable>(R"({"offsetTable":{"T@g":{"x":1}}})"));
  DelayOffsetTable delays;
  delays.offsets[3] = 9;
  EXPECT_EQ(decode_body<DelayOffsetTable>(encode_body(delays, JsonStyle::file))->offsets, delays.offsets);
}

TEST(Groups, defaults_fill_what_4_9_leaves_out) {
  const auto config =
      decode_body<SubscriptionGroupConfig>(R"({"groupName":"g","retryMaxTimes":3,"subscriptionDataSet":null})");
  ASSERT_TRUE(config);
  SubscriptionGroupConfig expected;
  expected.group_name = "g";
  expected.retry_count_max = 3;
  EXPECT_EQ(*config, expected);
}

TEST(Groups, retry_policies_round_trip) {
  SubscriptionGroupTable table;
  SubscriptionGroupConfig& config = table.groups["g"];
  config.group_name = "g";
  config.retry_policy.customized_next_ms = {1, 2};
  config.retry_policy.exponential.emplace();
  config.subscriptions.push_back({.topic = "T", .expression = "*", .expression_type = "TAG", .version = 1});
  table.forbidden["g"]["T"] = 4;
  for (const auto style : {JsonStyle::file, JsonStyle::wire}) {
    const auto back = decode_body<SubscriptionGroupTable>(encode_body(table, style));
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(back->groups, table.groups);
    EXPECT_EQ(back->forbidden, table.forbidden);
  }
}

TEST(Texts, are_written_unchanged_but_for_what_json_forbids) {
  const auto written = [](const std::string& text) {
    TopicList list;
    list.topics = {text};
    const std::string body = encode_body(list);
    const auto begin = body.find('[') + 1;
    return body.substr(begin, body.find(']') - begin);
  };
  EXPECT_EQ(written(""), R"("")");
  EXPECT_EQ(written("plain"), R"("plain")");
  EXPECT_EQ(written("\"a\"b\\"), R"("\"a\"b\\")");
  EXPECT_EQ(written(std::string("\x01mid\x00"
                                "dle\x1f",
                                9)),
            R"("\u0001mid\u0000dle\u001f")");
  EXPECT_EQ(written("\xE4\xB8\xAD\xFFx\xE4\xB8"), "\"\xE4\xB8\xAD\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD\"")
      << "every bad byte by itself";
}

TEST(Lists, shapes) {
  EXPECT_EQ(encode_body(TopicList{{"a", "b"}, ""}), R"({"topicList":["a","b"]})");
  EXPECT_EQ(encode_body(TopicList{{}, "x:1"}), R"({"brokerAddr":"x:1","topicList":[]})");
  EXPECT_EQ(encode_body(ConsumerIdList{{"c1"}}), R"({"consumerIdList":["c1"]})");
  EXPECT_EQ(encode_body(GroupList{{"g"}}), R"({"groupList":["g"]})");
  EXPECT_EQ(encode_body(KvTable{{{"k", "v\x01"}}}), R"({"table":{"k":"v\u0001"}})");
  EXPECT_EQ(decode_body<KvTable>(R"({"table":{"k":1,"b":true,"n":null}})")->table.at("k"), "1");
  EXPECT_EQ(encode_body(KvTable{{{"k", "\xFF"}}}), "{\"table\":{\"k\":\"\xEF\xBF\xBD\"}}");
}

TEST(Stats, shapes) {
  TopicStatsTable topic;
  topic.queues[{"t", "b", 0}] = {1, 2, 3};
  EXPECT_EQ(encode_body(topic), R"({"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t"}:)"
                                R"({"lastUpdateTimestamp":3,"maxOffset":2,"minOffset":1}},"topicPutTps":0.0})");
  ConsumerConnection connection;
  connection.connections.push_back({"c", "1.2.3.4:5", Language::java, 479});
  connection.subscriptions["T"] = make_tag_subscription("T", "*", 1);
  const auto back = decode_body<ConsumerConnection>(encode_body(connection));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->connections[0].language, Language::java);
  EXPECT_EQ(encode_body(*back), encode_body(connection));
  ConsumeTimeSpans spans;
  spans.spans.push_back({.queue = {"t", "b", 0}, .min_ms = 1700000000123});
  EXPECT_NE(encode_body(spans).find(R"("minTimeStampStr":"2023-11-14#22:13:20:123")"), std::string::npos);
  EXPECT_NE(encode_body(BrokerStatsData{}).find(R"("statsDay":{"avgpt":0.0,"sum":0,"tps":0.0})"), std::string::npos);
}

RegisterBrokerBody sample_registration() {
  RegisterBrokerBody body;
  body.topic_configs.data_version = {1, 2, 3};
  body.topic_configs.topics["T"] = {.topic_name = "T", .order = false, .attributes = {{"a b", "c"}}};
  body.topic_configs.topics["U"] = {.topic_name = "U", .filter_type = TopicFilterType::multi_tag};
  body.filter_servers = {"1.1.1.1:1"};
  return body;
}

TEST(Register, plain_form_round_trips) {
  const auto back = decode_body<RegisterBrokerBody>(encode_body(sample_registration()));
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(back->topic_configs.topics, sample_registration().topic_configs.topics);
}

TEST(Register, compressed_form_round_trips) {
  const auto packed = encode_compressed_register_body(sample_registration());
  ASSERT_TRUE(packed);
  const auto back = decode_compressed_register_body(packed->view(), version::current);
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(back->topic_configs.topics, sample_registration().topic_configs.topics);
  EXPECT_EQ(back->topic_configs.data_version, sample_registration().topic_configs.data_version);
  EXPECT_EQ(back->filter_servers, sample_registration().filter_servers);
}

TEST(Register, either_form_is_told_by_its_first_byte) {
  const std::string plain = encode_body(sample_registration());
  const auto packed = encode_compressed_register_body(sample_registration());
  for (const ByteView body : {as_bytes(plain), packed->view()}) {
    const auto back = decode_register_body(body, version::current);
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(back->topic_configs.topics, sample_registration().topic_configs.topics);
  }
  EXPECT_FALSE(decode_register_body({}, version::current));
}

TEST(Register, damaged_compressed_forms_are_refused) {
  const auto packed = encode_compressed_register_body(sample_registration());
  ByteBuffer plain;
  ASSERT_TRUE(zlib_inflate(packed->view(), 1 << 20, plain));
  for (std::size_t size = 0; size < plain.size(); ++size) {
    ByteBuffer again;
    ASSERT_TRUE(zlib_deflate(plain.view().first(size), 1, again));
    EXPECT_FALSE(decode_compressed_register_body(again.view(), version::current)) << size;
  }
}

TEST(Register, topic_lines_of_4_9_have_no_attributes) {
  const auto config = decode_topic_config_line("T 8 4 6 SINGLE_TAG");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->read_queue_count, 8);
  EXPECT_EQ(config->write_queue_count, 4);
  EXPECT_FALSE(decode_topic_config_line(""));
  EXPECT_FALSE(decode_topic_config_line("T 8 x 6 SINGLE_TAG"));
  EXPECT_FALSE(decode_topic_config_line("T 8 4 6"));
  EXPECT_FALSE(decode_topic_config_line("T 8 4 6 NO_TAG"));
  EXPECT_FALSE(decode_topic_config_line("T 8 4 6 SINGLE_TAG {"));
}

}  // namespace
}  // namespace gantry::protocol
