#include "kernel/routing/name_server.hpp"

#include "kernel/env/clock.hpp"
#include "protocol/crc32.hpp"
#include "protocol/lists.hpp"
#include "protocol/register_broker.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace gantry::routing {
namespace {

using protocol::RequestCode;
using protocol::ResponseCode;
using Fields = std::vector<std::pair<std::string_view, std::string>>;

class NameServerTest : public ::testing::Test {
 protected:
  NameServerResponse ask(RequestCode code, const Fields& fields = {}, std::string_view body = {}) {
    return ask(static_cast<std::int32_t>(code), fields, body);
  }
  NameServerResponse ask(std::int32_t code, const Fields& fields, std::string_view body) {
    protocol::HeaderView header;
    header.code = code;
    header.version = protocol::version::current;
    for (const auto& [key, value] : fields) header.ext.add({key, value, protocol::ValueKind::text, false});
    protocol::Scratch scratch;
    return server_.handle({header, protocol::as_bytes(body), scratch, ChannelId(channel_), "10.0.0.9:1234",
                           "192.168.0.1", trusted_, may_administrate_});
  }
  static protocol::RegisterBrokerBody body_of(std::initializer_list<const char*> topics, std::int64_t counter = 1) {
    protocol::RegisterBrokerBody body;
    body.topic_configs.data_version = {0, 1000, counter};
    for (const char* topic : topics) body.topic_configs.topics[topic].topic_name = topic;
    return body;
  }
  static Fields identity(std::string id = "0", std::string address = "10.0.0.1:10911") {
    return {{"brokerName", "broker-a"},
            {"brokerAddr", std::move(address)},
            {"clusterName", "C"},
            {"haServerAddr", "10.0.0.1:10912"},
            {"brokerId", std::move(id)}};
  }
  NameServerResponse add_broker() {
    return ask(RequestCode::register_broker, identity(), protocol::encode_body(body_of({"T", "U"})));
  }
  static std::string field(const NameServerResponse& response, std::string_view key) {
    for (const auto& [name, value] : response.fields) {
      if (name == key) return value;
    }
    return "(missing)";
  }

  FakeClock clock_;
  RouteTable routes_{clock_};
  KvConfig kv_;
  NameServer server_{routes_, kv_, clock_};
  bool trusted_ = true;
  bool may_administrate_ = true;
  std::uint64_t channel_ = 1;
};

// ---- refusals ----

TEST_F(NameServerTest, strangers_register_nothing) {
  trusted_ = false;
  for (const RequestCode code :
       {RequestCode::register_broker, RequestCode::unregister_broker, RequestCode::register_topic_in_namesrv,
        RequestCode::query_data_version, RequestCode::broker_heartbeat}) {
    const auto response = ask(code, identity(), protocol::encode_body(body_of({"T", "U"})));
    EXPECT_EQ(response.code, ResponseCode::no_permission) << protocol::to_string(code);
    EXPECT_NE(response.remark.find("nameserver.trusted"), std::string::npos) << response.remark;
  }
  EXPECT_EQ(routes_.counts().brokers, 0u);
}

TEST_F(NameServerTest, strangers_administrate_nothing) {
  add_broker();
  may_administrate_ = false;
  const Fields fields{{"brokerName", "broker-a"}, {"topic", "T"}, {"namespace", "n"}, {"key", "k"}, {"value", "v"}};
  for (const RequestCode code : {RequestCode::put_kv_config, RequestCode::delete_kv_config,
                                 RequestCode::wipe_write_perm_of_broker, RequestCode::add_write_perm_of_broker,
                                 RequestCode::delete_topic_in_namesrv, RequestCode::update_namesrv_config}) {
    const auto response = ask(code, fields, "orderMessageEnable=true");
    EXPECT_EQ(response.code, ResponseCode::no_permission) << protocol::to_string(code);
    EXPECT_NE(response.remark.find("admin.allow_from"), std::string::npos) << response.remark;
  }
  EXPECT_EQ(ask(RequestCode::get_routeinfo_by_topic, {{"topic", "T"}}).code, ResponseCode::success);
  EXPECT_FALSE(kv_.find("n", "k"));
}

TEST_F(NameServerTest, unknown_codes_are_not_supported) {
  for (const std::int32_t code : {0, 10, 34, 320, 99999, -1}) {
    EXPECT_EQ(ask(code, {}, {}).code, ResponseCode::request_code_not_supported) << code;
  }
}

TEST_F(NameServerTest, missing_fields_are_named) {
  EXPECT_NE(ask(RequestCode::get_routeinfo_by_topic).remark.find("topic"), std::string::npos);
  EXPECT_EQ(ask(RequestCode::register_broker, {{"brokerName", "b"}}).code, ResponseCode::system_error);
  EXPECT_EQ(ask(RequestCode::put_kv_config, {{"namespace", "n"}}).code, ResponseCode::system_error);
  EXPECT_EQ(ask(RequestCode::get_topics_by_cluster).code, ResponseCode::system_error);
}

TEST_F(NameServerTest, damaged_registrations_are_refused) {
  const std::string body = protocol::encode_body(body_of({"T", "U"}));
  for (const std::string& broken : {std::string("{"), std::string("[]"), std::string("\0\1\2", 3), body.substr(1)}) {
    EXPECT_EQ(ask(RequestCode::register_broker, identity(), broken).code, ResponseCode::system_error) << broken;
  }
  Fields compressed = identity();
  compressed.emplace_back("compressed", "true");
  EXPECT_EQ(ask(RequestCode::register_broker, compressed, body).code, ResponseCode::system_error);
  Fields crc = identity();
  crc.emplace_back("bodyCrc32", "12345");
  const auto response = ask(RequestCode::register_broker, crc, body);
  EXPECT_EQ(response.code, ResponseCode::system_error);
  EXPECT_NE(response.remark.find("CRC"), std::string::npos);
  EXPECT_EQ(ask(RequestCode::register_topic_in_namesrv, {{"topic", "T"}}, "{").code, ResponseCode::system_error);
  EXPECT_EQ(ask(RequestCode::query_data_version, identity(), "nonsense").code, ResponseCode::system_error);
  EXPECT_EQ(routes_.counts().brokers, 0u);
}

TEST_F(NameServerTest, a_registration_with_one_topic_for_an_unknown_broker_fails) {
  const auto response = ask(RequestCode::register_broker, identity(), protocol::encode_body(body_of({"T"})));
  EXPECT_EQ(response.code, ResponseCode::system_error);
}

// ---- brokers ----

TEST_F(NameServerTest, a_registered_broker_is_routed) {
  ASSERT_EQ(add_broker().code, ResponseCode::success);
  const auto response = ask(RequestCode::get_routeinfo_by_topic, {{"topic", "T"}});
  EXPECT_EQ(response.code, ResponseCode::success);
  EXPECT_EQ(response.body,
            R"({"brokerDatas":[{"brokerAddrs":{"0":"10.0.0.1:10911"},"brokerName":"broker-a","cluster":"C",)"
            R"("enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,)"
            R"("readQueueNums":16,"topicSysFlag":0,"writeQueueNums":16}]})");
  const auto unknown = ask(RequestCode::get_routeinfo_by_topic, {{"topic", "V"}});
  EXPECT_EQ(unknown.code, ResponseCode::topic_not_exist);
  EXPECT_TRUE(unknown.body.empty());
}

TEST_F(NameServerTest, a_compressed_registration_with_a_checksum_is_read) {
  const auto body = protocol::encode_compressed_register_body(body_of({"T", "U"}));
  ASSERT_TRUE(body);
  Fields fields = identity();
  fields.emplace_back("compressed", "true");
  fields.emplace_back("bodyCrc32", std::to_string(protocol::crc32_positive(body->view())));
  ASSERT_EQ(ask(RequestCode::register_broker, fields, body->text()).code, ResponseCode::success);
  EXPECT_EQ(ask(RequestCode::get_routeinfo_by_topic, {{"topic", "U"}}).code, ResponseCode::success);
}

TEST_F(NameServerTest, a_slave_is_told_its_master_and_brokers_the_order_table) {
  ASSERT_TRUE(kv_.put(order_namespace, "T", "broker-a:4"));
  const auto master = add_broker();
  EXPECT_EQ(field(master, "masterAddr"), "(missing)");
  EXPECT_EQ(master.body, R"({"table":{"T":"broker-a:4"}})");
  channel_ = 2;
  const auto slave =
      ask(RequestCode::register_broker, identity("1", "10.0.0.2:10911"), protocol::encode_body(body_of({"T", "U"})));
  EXPECT_EQ(field(slave, "masterAddr"), "10.0.0.1:10911");
  EXPECT_EQ(field(slave, "haServerAddr"), "10.0.0.1:10912");
}

TEST_F(NameServerTest, the_connections_end_is_the_brokers_end) {
  add_broker();
  server_.on_close(ChannelId(1));
  EXPECT_EQ(ask(RequestCode::get_routeinfo_by_topic, {{"topic", "T"}}).code, ResponseCode::topic_not_exist);
}

TEST_F(NameServerTest, silent_brokers_are_scanned_away_after_their_timeout) {
  Fields fields = identity();
  fields.emplace_back("heartbeatTimeoutMillis", "10000");
  ASSERT_EQ(ask(RequestCode::register_broker, fields, protocol::encode_body(body_of({"T", "U"}))).code,
            ResponseCode::success);
  clock_.advance(std::chrono::seconds(9));
  EXPECT_EQ(ask(RequestCode::broker_heartbeat, identity()).code, ResponseCode::success);
  clock_.advance(std::chrono::seconds(9));
  EXPECT_TRUE(server_.scan().empty());
  clock_.advance(std::chrono::seconds(2));
  EXPECT_EQ(server_.scan(), std::vector<ChannelId>{ChannelId(1)});
}

TEST_F(NameServerTest, a_timeout_beyond_reason_does_not_overflow) {
  Fields fields = identity();
  fields.emplace_back("heartbeatTimeoutMillis", std::to_string(INT64_MAX));
  ASSERT_EQ(ask(RequestCode::register_broker, fields, protocol::encode_body(body_of({"T", "U"}))).code,
            ResponseCode::success);
  EXPECT_TRUE(server_.scan().empty());
  clock_.advance(std::chrono::hours(25));
  EXPECT_EQ(server_.scan().size(), 1u);
}

TEST_F(NameServerTest, unregisters_compares_versions_and_lists_members) {
  add_broker();
  const auto same =
      ask(RequestCode::query_data_version, identity(), protocol::encode_body(protocol::DataVersion{0, 1000, 1}));
  EXPECT_EQ(field(same, "changed"), "false");
  EXPECT_EQ(same.body, R"({"counter":1,"stateVersion":0,"timestamp":1000})");
  EXPECT_EQ(field(ask(RequestCode::query_data_version, identity()), "changed"), "true");
  const auto members = ask(RequestCode::get_broker_member_group, {{"clusterName", "C"}, {"brokerName", "broker-a"}});
  EXPECT_NE(members.body.find("10.0.0.1:10911"), std::string::npos);
  EXPECT_EQ(ask(RequestCode::unregister_broker, identity()).code, ResponseCode::success);
  EXPECT_EQ(ask(RequestCode::get_routeinfo_by_topic, {{"topic", "T"}}).code, ResponseCode::topic_not_exist);
}

TEST_F(NameServerTest, one_topic_is_registered_for_a_known_broker) {
  add_broker();
  protocol::TopicRouteData data;
  data.queues.push_back({"broker-a", 3, 3, 6, 0});
  ASSERT_EQ(ask(RequestCode::register_topic_in_namesrv, {{"topic", "V"}}, protocol::encode_body(data)).code,
            ResponseCode::success);
  EXPECT_EQ(ask(RequestCode::get_routeinfo_by_topic, {{"topic", "V"}}).code, ResponseCode::success);
}

// ---- lists ----

TEST_F(NameServerTest, lists_topics_and_clusters) {
  add_broker();
  EXPECT_EQ(ask(RequestCode::get_all_topic_list_from_nameserver).body, R"({"topicList":["T","U"]})");
  EXPECT_EQ(ask(RequestCode::get_topics_by_cluster, {{"cluster", "C"}}).body, R"({"topicList":["T","U"]})");
  EXPECT_EQ(ask(RequestCode::get_topics_by_cluster, {{"cluster", "D"}}).body, R"({"topicList":[]})");
  EXPECT_EQ(ask(RequestCode::get_system_topic_list_from_ns).body,
            R"({"brokerAddr":"10.0.0.1:10911","topicList":["C","broker-a"]})");
  EXPECT_EQ(ask(RequestCode::get_broker_cluster_info).body,
            R"({"brokerAddrTable":{"broker-a":{"brokerAddrs":{"0":"10.0.0.1:10911"},"brokerName":"broker-a",)"
            R"("cluster":"C","enableActingMaster":false}},"clusterAddrTable":{"C":["broker-a"]}})");
}

TEST_F(NameServerTest, unit_topics_are_listed_by_their_flags) {
  auto body = body_of({"unit", "sub", "both", "none"});
  body.topic_configs.topics["unit"].topic_sys_flag = 1;
  body.topic_configs.topics["sub"].topic_sys_flag = 2;
  body.topic_configs.topics["both"].topic_sys_flag = 3;
  ask(RequestCode::register_broker, identity(), protocol::encode_body(body));
  EXPECT_EQ(ask(RequestCode::get_unit_topic_list).body, R"({"topicList":["both","unit"]})");
  EXPECT_EQ(ask(RequestCode::get_has_unit_sub_topic_list).body, R"({"topicList":["both","sub"]})");
  EXPECT_EQ(ask(RequestCode::get_has_unit_sub_ununit_topic_list).body, R"({"topicList":["sub"]})");
}

// ---- administration ----

TEST_F(NameServerTest, write_permission_is_wiped_and_added) {
  add_broker();
  EXPECT_EQ(field(ask(RequestCode::wipe_write_perm_of_broker, {{"brokerName", "broker-a"}}), "wipeTopicCount"), "2");
  EXPECT_EQ(routes_.route({"T", "h", {}})->queues[0].perm, 4);
  EXPECT_EQ(field(ask(RequestCode::add_write_perm_of_broker, {{"brokerName", "broker-a"}}), "addTopicCount"), "2");
  EXPECT_EQ(field(ask(RequestCode::wipe_write_perm_of_broker, {{"brokerName", "none"}}), "wipeTopicCount"), "0");
}

TEST_F(NameServerTest, topics_are_deleted) {
  add_broker();
  EXPECT_EQ(ask(RequestCode::delete_topic_in_namesrv, {{"topic", "T"}}).code, ResponseCode::success);
  EXPECT_EQ(ask(RequestCode::delete_topic_in_namesrv, {{"topic", "T"}}).code, ResponseCode::success);
  EXPECT_EQ(ask(RequestCode::get_routeinfo_by_topic, {{"topic", "T"}}).code, ResponseCode::topic_not_exist);
}

TEST_F(NameServerTest, key_values_are_put_found_listed_and_deleted) {
  const Fields key{{"namespace", "n"}, {"key", "k"}};
  EXPECT_EQ(ask(RequestCode::get_kv_config, key).code, ResponseCode::query_not_found);
  EXPECT_EQ(ask(RequestCode::get_kvlist_by_namespace, key).code, ResponseCode::query_not_found);
  Fields entry = key;
  entry.emplace_back("value", "v");
  EXPECT_EQ(ask(RequestCode::put_kv_config, entry).code, ResponseCode::success);
  EXPECT_EQ(field(ask(RequestCode::get_kv_config, key), "value"), "v");
  EXPECT_EQ(ask(RequestCode::get_kvlist_by_namespace, key).body, R"({"table":{"k":"v"}})");
  EXPECT_EQ(ask(RequestCode::delete_kv_config, key).code, ResponseCode::success);
  EXPECT_EQ(ask(RequestCode::get_kv_config, key).code, ResponseCode::query_not_found);
  EXPECT_TRUE(NameServer::is_blocking(100));
  EXPECT_FALSE(NameServer::is_blocking(105, 1 << 20));
  EXPECT_FALSE(NameServer::is_blocking(103, 1000));
  EXPECT_TRUE(NameServer::is_blocking(103, 1 << 20));
}

TEST_F(NameServerTest, order_configuration_is_filled_in_when_switched_on_and_never_malformed) {
  add_broker();
  ASSERT_TRUE(kv_.put(order_namespace, "T", ";broker-a:4;;x;:1;y:;z:1a;broker-b:8;"));
  EXPECT_EQ(ask(RequestCode::get_routeinfo_by_topic, {{"topic", "T"}}).body.find("orderTopicConf"), std::string::npos);
  EXPECT_EQ(ask(RequestCode::update_namesrv_config, {}, "orderMessageEnable=true\n").code, ResponseCode::success);
  const std::string body = ask(RequestCode::get_routeinfo_by_topic, {{"topic", "T"}}).body;
  EXPECT_NE(body.find(R"("orderTopicConf":"broker-a:4;broker-b:8")"), std::string::npos) << body;
}

TEST_F(NameServerTest, configuration_is_shown_and_only_harmless_switches_change) {
  EXPECT_EQ(ask(RequestCode::update_namesrv_config, {}, "kvConfigPath=/etc/passwd").code, ResponseCode::no_permission);
  EXPECT_EQ(ask(RequestCode::update_namesrv_config, {}, "supportActingMaster=true\nconfigStorePath=/x").code,
            ResponseCode::no_permission);
  EXPECT_EQ(ask(RequestCode::update_namesrv_config, {}, "listenPort=1").code, ResponseCode::system_error);
  EXPECT_EQ(ask(RequestCode::update_namesrv_config, {}, "supportActingMaster=maybe").code, ResponseCode::system_error);
  EXPECT_FALSE(routes_.switches().acting_master);
  EXPECT_EQ(ask(RequestCode::update_namesrv_config, {}, "# comment\r\n supportActingMaster = true \r\n").code,
            ResponseCode::success);
  EXPECT_NE(ask(RequestCode::get_namesrv_config).body.find("supportActingMaster=true\n"), std::string::npos);
}

TEST_F(NameServerTest, zones_narrow_a_route) {
  Fields fields = identity();
  fields.emplace_back("__ZONE_NAME", "east");
  ask(RequestCode::register_broker, fields, protocol::encode_body(body_of({"T", "U"})));
  const auto far =
      ask(RequestCode::get_routeinfo_by_topic, {{"topic", "T"}, {"__ZONE_MODE", "true"}, {"__ZONE_NAME", "west"}});
  EXPECT_EQ(far.code, ResponseCode::success);
  EXPECT_EQ(far.body.find("broker-a"), std::string::npos);
  const auto near =
      ask(RequestCode::get_routeinfo_by_topic, {{"topic", "T"}, {"__ZONE_MODE", "true"}, {"__ZONE_NAME", "East"}});
  EXPECT_NE(near.body.find("broker-a"), std::string::npos);
}

TEST_F(NameServerTest, routes_wait_for_the_warm_up_when_there_is_one) {
  NameServerOptions options;
  options.warm_up = std::chrono::seconds(45);
  NameServer warming(routes_, kv_, clock_, options);
  add_broker();
  protocol::HeaderView header;
  header.code = 105;
  header.ext.add({"topic", "T", protocol::ValueKind::text, false});
  protocol::Scratch scratch;
  const NameServerRequest request{header, {}, scratch, ChannelId(9), "p:1", "h", false, false};
  EXPECT_EQ(warming.handle(request).code, ResponseCode::system_error);
  clock_.advance(std::chrono::seconds(46));
  EXPECT_EQ(warming.handle(request).code, ResponseCode::success);
}

}  // namespace
}  // namespace gantry::routing
