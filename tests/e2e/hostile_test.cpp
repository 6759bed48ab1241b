// Concern: whatever a peer sends, it gets a clear answer or loses its own connection; the others notice nothing, memory
// stays bounded and nothing is lost.
// Method: a real broker is attacked over raw sockets; before and after each attack a well-behaved client publishes and
// reads back, and the process's memory is looked at.

#include "client/consumer.hpp"
#include "client/producer.hpp"
#include "protocol/admin_requests.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/pull_header.hpp"
#include "protocol/send_header.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/raw_connection.hpp"

#include <gtest/gtest.h>

#include <random>
#include <sys/resource.h>
#include <vector>

namespace gantry {
namespace {

using protocol::ResponseCode;
using testing::frame;
using testing::raw_frame;
using testing::RawConnection;

constexpr std::int64_t mib = 1024 * 1024;

int code(ResponseCode response) { return static_cast<int>(response); }

class Hostile : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    folder = new testing::TempFolder;
    auto started = testing::BrokerProcess::start(*folder);
    ASSERT_TRUE(started) << started.error().text;
    broker = started->release();
  }
  static void TearDownTestSuite() {
    if (broker != nullptr) {
      EXPECT_EQ(broker->stop(), 0) << broker->log();
    }
    delete broker;
    delete folder;
  }

  void SetUp() override { ASSERT_TRUE(broker != nullptr && broker->is_running()); }
  void TearDown() override {
    ASSERT_TRUE(broker->is_running()) << broker->log();
    expect_service();
  }

  /// A well-behaved client's round trip.
  static void expect_service() {
    client::ProducerOptions producing;
    producing.name_servers = broker->name_servers();
    auto producer = client::Producer::start(producing);
    ASSERT_TRUE(producer) << producer.error().text;
    client::Message message;
    message.topic = "still-alive";
    message.body = "message " + std::to_string(++round_trips);
    const auto sent = (*producer)->send(message);
    ASSERT_TRUE(sent) << sent.error().text;

    client::PullConsumerOptions pulling;
    pulling.name_servers = broker->name_servers();
    auto consumer = client::PullConsumer::start(pulling);
    ASSERT_TRUE(consumer) << consumer.error().text;
    client::PullRequest request;
    request.queue = sent->queue;
    request.offset = sent->queue_offset;
    const auto pulled = (*consumer)->pull(request);
    ASSERT_TRUE(pulled) << pulled.error().text;
    ASSERT_EQ(pulled->messages.size(), 1U);
    EXPECT_EQ(pulled->messages[0].body, message.body);
  }

  static protocol::SendHeader send_header(std::string_view topic) {
    protocol::SendHeader header;
    header.producer_group = "hostile";
    header.topic = topic;
    header.default_topic = "TBW102";
    header.default_topic_queue_count = 4;
    header.born_ms = 1'700'000'000'000;
    return header;
  }

  /// Sends one request on a fresh connection and returns its answer.
  static std::optional<client::Reply> ask(const std::string& request) {
    RawConnection connection(broker->broker_port());
    connection.send(request);
    return connection.receive();
  }

  static testing::TempFolder* folder;
  static testing::BrokerProcess* broker;
  static int round_trips;
};

testing::TempFolder* Hostile::folder = nullptr;
testing::BrokerProcess* Hostile::broker = nullptr;
int Hostile::round_trips = 0;

TEST_F(Hostile, random_bytes_end_their_own_connection_only) {
  std::mt19937_64 random(20'261'121);
  for (int attempt = 0; attempt < 200; ++attempt) {
    for (const std::uint16_t port : {broker->broker_port(), broker->name_server_port()}) {
      RawConnection connection(port);
      ASSERT_TRUE(connection.is_open());
      std::string bytes(1 + random() % 4096, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      connection.send(bytes);
    }
  }
}

TEST_F(Hostile, frames_that_cannot_be_frames_close_the_connection) {
  const std::string_view prefixes[] = {
      {"\xff\xff\xff\xff\0\0\0\0", 8},    // negative total
      {"\0\0\0\0\0\0\0\0", 8},            // no room for the header's size
      {"\x7f\xff\xff\xff\0\0\0\x10", 8},  // 2 GiB
      {"\0\0\0\x10\x09\0\0\x02", 8},      // unknown encoding
      {"\0\0\0\x10\0\xff\xff\xff", 8},    // header longer than its frame
      {"\0\0\0\x04\0\0\0\0", 8},          // a frame of eight bytes
  };
  for (const std::string_view prefix : prefixes) {
    RawConnection connection(broker->broker_port());
    connection.send(prefix);
    EXPECT_TRUE(connection.closes_within(std::chrono::seconds(5)));
  }
}

TEST_F(Hostile, headers_that_cannot_be_decoded_are_answered_or_closed) {
  const std::string_view headers[] = {"{}", "not json at all", R"({"code":"x","opaque":1})", R"({"code":310,"opaque":)",
                                      R"({"code":99999999999,"opaque":1})"};
  for (const std::string_view header : headers) {
    RawConnection connection(broker->broker_port());
    connection.send(raw_frame(header));
    const auto reply = connection.receive(std::chrono::seconds(5));
    if (reply) {
      EXPECT_NE(reply->code, 0) << header;
      EXPECT_FALSE(reply->remark.empty()) << header;
    } else {
      EXPECT_TRUE(connection.closes_within(std::chrono::seconds(5))) << header;
    }
  }
  const std::string nested =
      R"({"code":310,"opaque":7,"extFields":{},"x":)" + std::string(5000, '[') + std::string(5000, ']') + "}";
  RawConnection connection(broker->broker_port());
  connection.send(raw_frame(nested));
  const auto reply = connection.receive(std::chrono::seconds(5));
  EXPECT_TRUE(reply ? reply->code != 0 : connection.closes_within(std::chrono::seconds(5)));
}

TEST_F(Hostile, unknown_codes_are_answered_with_their_number) {
  for (const int request : {0, -1, 7, 9999, 1'000'000'000}) {
    const auto reply = ask(raw_frame(R"({"code":)" + std::to_string(request) + R"(,"opaque":5,"flag":0})"));
    ASSERT_TRUE(reply) << request;
    EXPECT_EQ(reply->code, code(ResponseCode::request_code_not_supported)) << request;
    EXPECT_NE(reply->remark.find(std::to_string(request)), std::string::npos) << reply->remark;
  }
}

TEST_F(Hostile, names_that_are_paths_are_refused) {
  for (const std::string_view topic :
       {"../../etc/passwd", "a/b", "..", ".", "a\\b", "", "topic with blanks", "t\nt", "täglich"}) {
    const auto sent = ask(frame(310, 1, send_header(topic), "body"));
    ASSERT_TRUE(sent) << topic;
    EXPECT_NE(sent->code, 0) << topic;
    EXPECT_FALSE(sent->remark.empty()) << topic;

    protocol::CreateTopicHeader create;
    create.topic = topic;
    create.read_queue_count = create.write_queue_count = 4;
    create.perm = 6;
    const auto created = ask(frame(17, 2, create));
    ASSERT_TRUE(created) << topic;
    EXPECT_NE(created->code, 0) << topic;
  }
  const auto too_long = ask(frame(310, 1, send_header(std::string(128, 't')), "body"));
  ASSERT_TRUE(too_long);
  EXPECT_EQ(too_long->code, code(ResponseCode::invalid_parameter));
  const auto group =
      ask(raw_frame(R"({"code":34,"opaque":1})",
                    R"({"clientID":"c","consumerDataSet":[{"groupName":"../x","consumeType":"CONSUME_PASSIVELY",)"
                    R"("messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_LAST_OFFSET",)"
                    R"("subscriptionDataSet":[{"topic":"T","subString":"*","subVersion":1}]}]})"));
  ASSERT_TRUE(group);
  EXPECT_FALSE(std::filesystem::exists(folder->path() / "x"));
}

TEST_F(Hostile, absurd_queue_counts_and_ids_are_refused) {
  protocol::CreateTopicHeader create;
  create.topic = "absurd";
  create.read_queue_count = create.write_queue_count = 2147483647;
  create.perm = 6;
  const auto created = ask(frame(17, 1, create));
  ASSERT_TRUE(created);
  EXPECT_NE(created->code, 0);
  EXPECT_FALSE(created->remark.empty());

  expect_service();
  for (const std::int32_t queue : {8, 1000, 2147483647}) {
    protocol::SendHeader header = send_header("still-alive");
    header.queue_id = queue;
    const auto sent = ask(frame(310, 1, header, "body"));
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->code, code(ResponseCode::invalid_parameter)) << queue << " " << sent->remark;
  }
}

TEST_F(Hostile, system_topics_cannot_be_written_to) {
  for (const std::string_view topic :
       {"SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC",
        "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT", "rmq_sys_wheel_timer", "rmq_sys_REVIVE_LOG_DefaultCluster"}) {
    const auto sent = ask(frame(310, 1, send_header(topic), "body"));
    ASSERT_TRUE(sent) << topic;
    EXPECT_EQ(sent->code, code(ResponseCode::no_permission)) << topic << ": " << sent->remark;
  }
}

TEST_F(Hostile, oversized_messages_and_damaged_batches_are_refused_and_store_nothing) {
  const auto large = ask(frame(310, 1, send_header("still-alive"), std::string(5 * mib, 'x')));
  ASSERT_TRUE(large);
  EXPECT_EQ(large->code, code(ResponseCode::message_illegal)) << large->remark;

  const std::string properties = "k\x01" + std::string(40'000, 'v') + "\x02";
  protocol::SendHeader with_properties = send_header("still-alive");
  with_properties.properties = properties;
  const auto heavy = ask(frame(310, 1, with_properties, "body"));
  ASSERT_TRUE(heavy);
  EXPECT_EQ(heavy->code, code(ResponseCode::message_illegal)) << heavy->remark;

  const auto empty = ask(frame(310, 1, send_header("still-alive")));
  ASSERT_TRUE(empty);
  EXPECT_NE(empty->code, 0);

  protocol::SendHeader batch = send_header("still-alive");
  batch.batch = true;
  const std::string_view bodies[] = {"x",
                                     {"\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22},
                                     {"\x7f\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22}};
  for (const std::string_view body : bodies) {
    const auto sent = ask(frame(320, 1, batch, body));
    ASSERT_TRUE(sent);
    EXPECT_NE(sent->code, 0);
    EXPECT_FALSE(sent->remark.empty());
  }
}

TEST_F(Hostile, two_thousand_idle_and_two_hundred_half_open_connections_cost_little) {
  const std::int64_t before = broker->resident_bytes();
  std::vector<RawConnection> idle;
  for (int i = 0; i < 2000; ++i) {
    idle.emplace_back(broker->broker_port());
    ASSERT_TRUE(idle.back().is_open()) << i;
  }
  std::vector<RawConnection> half_open;
  const std::string request = frame(310, 1, send_header("still-alive"), std::string(100'000, 'x'));
  for (int i = 0; i < 200; ++i) {
    half_open.emplace_back(broker->broker_port());
    ASSERT_TRUE(half_open.back().is_open()) << i;
    half_open.back().send(std::string_view(request).substr(0, request.size() / 2));
  }
  expect_service();
  const std::int64_t grown = broker->resident_bytes() - before;
  EXPECT_LT(grown, 2200 * 16 * 1024 + 200 * 256 * 1024) << grown / 1024 << " KiB";
  std::printf("2000 idle and 200 half-open connections: %lld KiB\n", static_cast<long long>(grown / 1024));
}

TEST_F(Hostile, half_sent_frames_of_sixteen_mebibytes_stay_within_their_bound) {
  const std::int64_t before = broker->resident_bytes();
  std::vector<RawConnection> senders;
  std::string head = raw_frame(R"({"code":310,"opaque":1})");
  head[0] = '\0';
  head[1] = '\xff';
  const std::string almost = head + std::string(8 * mib, 'x');
  for (int i = 0; i < 100; ++i) {
    senders.emplace_back(broker->broker_port());
    senders.back().send(almost, std::chrono::milliseconds(500));
  }
  expect_service();
  EXPECT_LT(broker->resident_bytes() - before, 400 * mib);
}

TEST_F(Hostile, readers_that_ask_for_gigabytes_and_never_read_do_not_fill_the_memory) {
  client::ProducerOptions producing;
  producing.name_servers = broker->name_servers();
  auto producer = client::Producer::start(producing);
  ASSERT_TRUE(producer);
  client::Message message;
  message.topic = "heavy";
  message.body.assign(1 * mib, 'x');
  for (std::size_t i = 0; i < message.body.size(); i += 7) message.body[i] = static_cast<char>(i * 2654435761U >> 24);
  std::optional<client::SendResult> sent;
  for (int i = 0; i < 8; ++i) {
    auto result = (*producer)->send(message, [](const auto&) { return std::size_t{0}; });
    ASSERT_TRUE(result) << result.error().text;
    if (!sent) sent = *result;
  }

  const std::int64_t before = broker->resident_bytes();
  protocol::PullHeader pull;
  pull.consumer_group = "greedy";
  pull.topic = "heavy";
  pull.queue_id = sent->queue.queue_id;
  pull.message_count_max = 1'000'000;
  pull.sys_flag = protocol::PullHeader::subscription_bit;
  pull.subscription = "*";
  pull.bytes_max = 2'000'000'000;
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += frame(11, i, pull);
  std::vector<RawConnection> greedy;
  for (int i = 0; i < 8; ++i) {
    greedy.emplace_back(broker->broker_port());
    greedy.back().send(requests, std::chrono::milliseconds(500));
  }
  expect_service();
  EXPECT_LT(broker->resident_bytes() - before, 300 * mib);
}

TEST_F(Hostile, impossible_offsets_are_answered_and_not_stored) {
  protocol::UpdateConsumerOffsetHeader commit;
  commit.consumer_group = "hostile-group";
  commit.topic = "still-alive";
  for (const std::int64_t offset : {std::int64_t{-1}, std::int64_t{-1000}, std::int64_t{1} << 62}) {
    commit.commit_offset = offset;
    ASSERT_TRUE(ask(frame(15, 1, commit)));
    protocol::QueryConsumerOffsetHeader query;
    query.consumer_group = commit.consumer_group;
    query.topic = commit.topic;
    query.set_zero_if_not_found = false;
    const auto reply = ask(frame(14, 2, query));
    ASSERT_TRUE(reply);
    EXPECT_NE(reply->number("offset", -7), offset);
  }
}

}  // namespace
}  // namespace gantry
