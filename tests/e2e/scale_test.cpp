// Concern: ten thousand topics and a thousand clients are an ordinary day.
// Method: a real broker; the topics are created over one connection, each is looked up; a thousand connections send
// heartbeats of their own clients and publish. After a restart everything is still there.

#include "protocol/admin_requests.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/json_body.hpp"
#include "protocol/lists.hpp"
#include "protocol/namesrv_requests.hpp"
#include "protocol/route.hpp"
#include "protocol/send_header.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/raw_connection.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <sys/resource.h>
#include <vector>

namespace gantry {
namespace {

using testing::frame;
using testing::RawConnection;

constexpr int topic_count = 10'000;
constexpr int client_count = 1'000;
constexpr int window = 256;  // requests under way on one connection

std::string topic_name(int index) { return "scale-" + std::to_string(index); }

/// Sends `count` requests with at most `window` under way, and checks each answer.
template <typename Make, typename Check>
void pipeline(RawConnection& connection, int count, Make&& make, Check&& check) {
  int sent = 0;
  for (int received = 0; received < count; ++received) {
    while (sent < count && sent - received < window) {
      const std::string request = make(sent++);
      ASSERT_EQ(connection.send(request), request.size());
    }
    const auto reply = connection.receive(std::chrono::seconds(60));
    ASSERT_TRUE(reply) << "answer " << received;
    ASSERT_NO_FATAL_FAILURE(check(*reply));
  }
}

void expect_all_routed(const testing::BrokerProcess& broker) {
  RawConnection name_server(broker.name_server_port());
  pipeline(
      name_server, topic_count,
      [](int i) {
        const std::string topic = topic_name(i);
        return frame(105, i, protocol::RouteInfoHeader{.topic = topic});
      },
      [&](const client::Reply& reply) {
        ASSERT_EQ(reply.code, 0) << reply.remark;
        const auto route = protocol::decode_body<protocol::TopicRouteData>(reply.body);
        ASSERT_TRUE(route) << route.error().text;
        ASSERT_EQ(route->queues.size(), 1U);
        EXPECT_EQ(route->queues[0].write_queue_count, 4);
        ASSERT_EQ(route->brokers.size(), 1U);
        EXPECT_EQ(route->brokers[0].addresses.at(0), broker.broker_address());
      });
}

TEST(Scale, ten_thousand_topics_are_routed_and_survive_a_restart) {
  testing::TempFolder folder;
  auto broker = testing::BrokerProcess::start(folder);
  ASSERT_TRUE(broker) << broker.error().text;
  const auto begin = std::chrono::steady_clock::now();
  {
    RawConnection connection((*broker)->broker_port());
    pipeline(
        connection, topic_count,
        [](int i) {
          const std::string topic = topic_name(i);
          protocol::CreateTopicHeader header;
          header.topic = topic;
          header.read_queue_count = header.write_queue_count = 4;
          header.perm = 6;
          return frame(17, i, header);
        },
        [](const client::Reply& reply) { ASSERT_EQ(reply.code, 0) << reply.remark; });
  }
  const std::chrono::duration<double> created = std::chrono::steady_clock::now() - begin;
  ASSERT_NO_FATAL_FAILURE(expect_all_routed(**broker));
  std::printf("%d topics created in %.2f s\n", topic_count, created.count());

  (*broker)->kill();
  auto again = testing::BrokerProcess::start(folder);
  ASSERT_TRUE(again) << again.error().text;
  ASSERT_NO_FATAL_FAILURE(expect_all_routed(**again));
  std::printf("ready %.0f ms after the restart\n", static_cast<double>((*again)->start_duration().count()) / 1000.0);
}

TEST(Scale, a_thousand_connected_clients_are_served_and_listed) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  testing::TempFolder folder;
  auto broker = testing::BrokerProcess::start(folder);
  ASSERT_TRUE(broker) << broker.error().text;

  std::vector<RawConnection> clients;
  for (int i = 0; i < client_count; ++i) {
    clients.emplace_back((*broker)->broker_port());
    ASSERT_TRUE(clients.back().is_open()) << i;
    protocol::HeartbeatData heartbeat;
    heartbeat.client_id = "client-" + std::to_string(i);
    heartbeat.producer_groups = {"scale-producers"};
    protocol::ConsumerData consumer;
    consumer.group = "scale-consumers-" + std::to_string(i % 10);
    consumer.subscriptions = {protocol::make_tag_subscription("scale", "*", 1)};
    heartbeat.consumers = {consumer};
    clients.back().send(testing::raw_frame(R"({"code":34,"opaque":1,"flag":0,"version":479,"language":"JAVA"})",
                                           protocol::encode_body(heartbeat)));
  }
  const auto answer_of = [](RawConnection& client, std::int32_t skip_requests) -> std::optional<client::Reply> {
    // Notices that the group changed come in between; they are requests of the broker.
    for (int i = 0; i < skip_requests; ++i) {
      auto reply = client.receive();
      if (!reply || reply->code != 40) return reply;
    }
    return std::nullopt;
  };
  for (RawConnection& client : clients) {
    const auto reply = answer_of(client, 10'000);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->code, 0) << reply->remark;
  }
  for (RawConnection& client : clients) {
    protocol::SendHeader header;
    header.producer_group = "scale-producers";
    header.topic = "scale";
    header.default_topic = "TBW102";
    header.default_topic_queue_count = 4;
    header.queue_id = -1;
    client.send(frame(310, 2, header, "hello"));
  }
  for (RawConnection& client : clients) {
    const auto reply = answer_of(client, 10'000);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->code, 0) << reply->remark;
  }
  for (int group = 0; group < 10; ++group) {
    const std::string name = "scale-consumers-" + std::to_string(group);
    RawConnection connection((*broker)->broker_port());
    connection.send(frame(38, 3, protocol::ConsumerGroupHeader{.consumer_group = name}));
    const auto reply = connection.receive();
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->code, 0) << reply->remark;
    const auto list = protocol::decode_body<protocol::ConsumerIdList>(reply->body);
    ASSERT_TRUE(list);
    EXPECT_EQ(list->client_ids.size(), static_cast<std::size_t>(client_count / 10));
  }
  std::printf("resident with %d clients: %lld KiB\n", client_count,
              static_cast<long long>((*broker)->resident_bytes() / 1024));
}

}  // namespace
}  // namespace gantry
