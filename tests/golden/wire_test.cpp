// Concern: everything that official clients and Apache RocketMQ were seen to write is understood.
// Method: each captured frame is cut, its header decoded, and its fields and body read as what its code says they are.
#include "protocol/admin_requests.hpp"
#include "protocol/batch.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/crc32.hpp"
#include "protocol/group_config.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/lists.hpp"
#include "protocol/message_id.hpp"
#include "protocol/message_queue.hpp"
#include "protocol/names.hpp"
#include "protocol/namesrv_requests.hpp"
#include "protocol/pull_header.hpp"
#include "protocol/register_broker.hpp"
#include "protocol/responses.hpp"
#include "protocol/route.hpp"
#include "protocol/send_header.hpp"
#include "protocol/stats.hpp"
#include "protocol/stored_record.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace gantry::protocol {
namespace {

struct Capture {
  std::string name;  ///< "java5/310-send_message_v2-request.bin"
  std::int32_t request_code = 0;
  bool is_request = false;
  std::string bytes;
};

std::vector<Capture> captures() {
  std::vector<Capture> out;
  const std::filesystem::path root = GANTRY_GOLDEN_WIRE;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".bin") continue;
    Capture capture;
    const std::string file = entry.path().filename().string();
    std::from_chars(file.data(), file.data() + file.size(), capture.request_code);
    capture.name = std::filesystem::relative(entry.path(), root).string();
    capture.is_request = file.find("-request") != std::string::npos;
    std::ifstream in(entry.path(), std::ios::binary);
    capture.bytes.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    out.push_back(std::move(capture));
  }
  std::sort(out.begin(), out.end(), [](const Capture& a, const Capture& b) { return a.name < b.name; });
  return out;
}

/// One decoded capture.
struct Seen {
  FrameView frame;
  HeaderView header;
  Scratch scratch;

  template <typename Header>
  void fields() {
    const auto out = decode_fields<Header>(header.ext, scratch);
    EXPECT_TRUE(out) << out.error().text;
  }
  template <typename Body>
  Body body() {
    const auto out = decode_body<Body>(frame.body);
    EXPECT_TRUE(out) << out.error().text;
    return out ? *out : Body{};
  }
  void records(std::size_t count_min) {
    ByteView rest = frame.body;
    std::size_t count = 0;
    for (; !rest.empty(); ++count) {
      RecordView view;
      ASSERT_EQ(decode_record(rest, view, CheckBody::crc), RecordOutcome::ok);
      rest = rest.subspan(view.size);
    }
    EXPECT_GE(count, count_min);
  }
};

using Reader = std::function<void(Seen&)>;

template <typename Header>
Reader fields_of() {
  return [](Seen& seen) { seen.fields<Header>(); };
}
template <typename Body>
Reader body_of() {
  return [](Seen& seen) { seen.body<Body>(); };
}

void read_send(Seen& seen) {
  SendHeader send;
  const Status status = decode_send(send_names_of(seen.header.code), seen.header.ext, seen.scratch, send);
  ASSERT_TRUE(status) << status.error().text;
  EXPECT_TRUE(is_topic_name(send.topic));
  EXPECT_TRUE(is_group_name(send.producer_group));
  EXPECT_GT(send.born_ms, 1'600'000'000'000);
  if (!send.batch) return;
  std::vector<BatchElement> elements;
  const Status batch = decode_batch(seen.frame.body, elements);
  EXPECT_TRUE(batch) << batch.error().text;
}

void read_pull(Seen& seen) {
  PullHeader pull;
  const Status status = decode_pull(seen.header.ext, seen.scratch, pull);
  EXPECT_TRUE(status) << status.error().text;
}

void read_heartbeat(Seen& seen) {
  const auto heartbeat = seen.body<HeartbeatData>();
  EXPECT_FALSE(heartbeat.client_id.empty());
  for (const ConsumerData& consumer : heartbeat.consumers) {
    EXPECT_FALSE(consumer.group.empty());
    for (const SubscriptionData& subscription : consumer.subscriptions) {
      EXPECT_GT(subscription.version, 0);
      if (!subscription.is_tag() || subscription.takes_all()) continue;
      auto codes = make_tag_subscription(subscription.topic, subscription.expression, 0).tag_codes;
      auto given = subscription.tag_codes;
      std::sort(codes.begin(), codes.end());
      std::sort(given.begin(), given.end());
      EXPECT_EQ(given, codes) << subscription.expression;
    }
  }
}

void read_registration(Seen& seen) {
  const auto fields = decode_fields<RegisterBrokerHeader>(seen.header.ext, seen.scratch);
  ASSERT_TRUE(fields) << fields.error().text;
  if (fields->body_crc32 != 0) {
    EXPECT_EQ(crc32_positive(seen.frame.body), static_cast<std::uint32_t>(fields->body_crc32));
  }
  const auto body = decode_register_body(seen.frame.body, seen.header.version);
  ASSERT_TRUE(body) << body.error().text;
  EXPECT_FALSE(body->topic_configs.topics.empty());
  for (const auto& [name, config] : body->topic_configs.topics) EXPECT_EQ(name, config.topic_name);
}

const std::map<std::int32_t, Reader>& request_readers() {
  static const std::map<std::int32_t, Reader> readers = {
      {10, read_send},
      {11, read_pull},
      {12, fields_of<QueryMessageHeader>()},
      {14, fields_of<QueryConsumerOffsetHeader>()},
      {15, fields_of<UpdateConsumerOffsetHeader>()},
      {17, fields_of<CreateTopicHeader>()},
      {29, fields_of<SearchOffsetHeader>()},
      {30, fields_of<QueueHeader>()},
      {31, fields_of<QueueHeader>()},
      {32, fields_of<QueueHeader>()},
      {33, fields_of<ViewMessageHeader>()},
      {34, read_heartbeat},
      {35, fields_of<UnregisterClientHeader>()},
      {36, fields_of<SendBackHeader>()},
      {37, fields_of<EndTransactionHeader>()},
      {38, fields_of<ConsumerGroupHeader>()},
      {39,
       [](Seen& seen) {
         seen.fields<CheckTransactionHeader>();
         seen.records(1);
       }},
      {40, fields_of<ConsumerGroupHeader>()},
      {41, body_of<LockQueuesBody>()},
      {42, body_of<LockQueuesBody>()},
      {46, body_of<CheckClientConfigBody>()},
      {103, read_registration},
      {104, fields_of<BrokerIdentityHeader>()},
      {105, fields_of<RouteInfoHeader>()},
      {200, body_of<SubscriptionGroupConfig>()},
      {202, fields_of<TopicHeader>()},
      {203, fields_of<ConsumerGroupHeader>()},
      {208, fields_of<ConsumeStatsHeader>()},
      {215, fields_of<TopicHeader>()},
      {216, fields_of<DeleteTopicInNamesrvHeader>()},
      {220, body_of<QueueOffsetsBody>()},
      {221, fields_of<GroupTopicHeader>()},
      {222, fields_of<ResetOffsetHeader>()},
      {300, fields_of<TopicHeader>()},
      {307, fields_of<ConsumerRunningInfoHeader>()},
      {309, fields_of<ConsumeDirectlyHeader>()},
      {310, read_send},
      {320, read_send},
      {324, read_send},
      {325, read_send},
      {326, fields_of<PushReplyHeader>()},
      {351, fields_of<TopicHeader>()},
      {361, read_pull},
      {370, fields_of<RecallMessageHeader>()},
  };
  return readers;
}

/// Of successful answers.
const std::map<std::int32_t, Reader>& response_readers() {
  static const Reader read_sent = [](Seen& seen) {
    const auto sent = decode_fields<SendResponse>(seen.header.ext, seen.scratch);
    ASSERT_TRUE(sent) << sent.error().text;
    const auto id = decode_offset_message_id(sent->message_id.substr(0, sent->message_id.find(',')));
    EXPECT_TRUE(id) << id.error().text;
  };
  static const Reader read_pulled = [](Seen& seen) {
    seen.fields<PullResponse>();
    seen.records(1);
  };
  static const std::map<std::int32_t, Reader> readers = {
      {10, read_sent},
      {11, read_pulled},
      {12, [](Seen& seen) { seen.records(1); }},
      {14, fields_of<OffsetResponse>()},
      {29, fields_of<OffsetResponse>()},
      {30, fields_of<OffsetResponse>()},
      {31, fields_of<OffsetResponse>()},
      {32, fields_of<TimestampResponse>()},
      {33, [](Seen& seen) { seen.records(1); }},
      {38, body_of<ConsumerIdList>()},
      {41, body_of<LockedQueuesBody>()},
      {105, body_of<TopicRouteData>()},
      {106, body_of<ClusterInfo>()},
      {28, body_of<KvTable>()},
      {202, body_of<TopicStatsTable>()},
      {203, body_of<ConsumerConnection>()},
      {206, body_of<TopicList>()},
      {208, body_of<ConsumeStats>()},
      {222, body_of<QueueOffsetsBody>()},
      {300, body_of<GroupList>()},
      {310, read_sent},
      {320, read_sent},
      {351, body_of<TopicConfig>()},
      {361, read_pulled},
  };
  return readers;
}

TEST(GoldenWire, every_captured_frame_is_understood) {
  const auto all = captures();
  ASSERT_FALSE(all.empty());
  std::size_t judged_count = 0;
  for (const Capture& capture : all) {
    SCOPED_TRACE(capture.name);
    const CutResult cut = cut_frame(as_bytes(capture.bytes));
    ASSERT_EQ(cut.outcome, CutOutcome::frame) << cut.describe();
    EXPECT_EQ(cut.frame.size, capture.bytes.size());
    Seen seen;
    seen.frame = cut.frame;
    const Status status = decode_header(cut.frame, seen.header);
    ASSERT_TRUE(status) << status.error().text;
    EXPECT_EQ(seen.header.is_response(), !capture.is_request);
    if (capture.is_request) {
      EXPECT_EQ(seen.header.code, capture.request_code);
    }
    if (!capture.is_request && seen.header.code != 0) continue;
    const auto& readers = capture.is_request ? request_readers() : response_readers();
    const auto reader = readers.find(capture.request_code);
    if (reader == readers.end()) continue;
    reader->second(seen);
    ++judged_count;
  }
  EXPECT_GT(judged_count, all.size() / 2);
}

// index.json was written by a decoder that shares no code with ours.
TEST(GoldenWire, headers_read_as_the_independent_decoder_read_them) {
  std::ifstream in(std::filesystem::path(GANTRY_GOLDEN_WIRE) / "index.json");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto index = boost::json::parse(text);
  std::map<std::string, const boost::json::object*> expected;
  for (const auto& frame : index.at("frames").as_array()) {
    expected[std::string(frame.at("file").as_string())] = &frame.as_object();
  }
  const auto all = captures();
  EXPECT_EQ(all.size(), expected.size());
  for (const Capture& capture : all) {
    SCOPED_TRACE(capture.name);
    ASSERT_TRUE(expected.contains(capture.name));
    const auto& want = *expected.at(capture.name);
    const CutResult cut = cut_frame(as_bytes(capture.bytes));
    HeaderView header;
    Scratch scratch;
    ASSERT_TRUE(decode_header(cut.frame, header));
    EXPECT_EQ(header.code, want.at("code").as_int64());
    EXPECT_EQ(header.opaque, want.at("opaque").as_int64());
    EXPECT_EQ(header.flag, want.at("flag").as_int64());
    EXPECT_EQ(header.version, want.at("version").as_int64());
    EXPECT_EQ(to_string(header.language), std::string_view(want.at("language").as_string()));
    EXPECT_EQ(cut.frame.body.size(), static_cast<std::size_t>(want.at("body_bytes").as_int64()));
    const auto* remark = want.at("remark").if_string();
    EXPECT_EQ(header.remark_text(scratch), remark == nullptr ? std::string_view() : std::string_view(*remark));
    const auto& fields = want.at("extFields").as_object();
    EXPECT_EQ(header.ext.size(), fields.size());
    for (const auto& field : fields) {
      const std::string_view key(field.key().data(), field.key().size());
      std::string_view value;
      const FieldStatus status = header.ext.get(key, scratch, value);
      if (field.value().is_null()) {
        EXPECT_EQ(status, FieldStatus::missing) << key;
      } else {
        EXPECT_EQ(value, std::string_view(field.value().as_string())) << key;
      }
    }
  }
}

TEST(GoldenWire, captured_records_encode_to_the_same_bytes) {
  std::size_t count = 0;
  for (const Capture& capture : captures()) {
    if (capture.is_request || (capture.request_code != 11 && capture.request_code != 33)) continue;
    SCOPED_TRACE(capture.name);
    ByteView rest = cut_frame(as_bytes(capture.bytes)).frame.body;
    RecordView view;
    while (!rest.empty() && decode_record(rest, view) == RecordOutcome::ok) {
      RecordSource source;
      source.topic = view.topic;
      source.body = view.body;
      source.properties = view.properties;
      source.body_crc = crc32_positive(view.body);
      source.queue_id = view.queue_id;
      source.flag = view.flag;
      source.sys_flag = view.sys_flag;
      source.queue_offset = view.queue_offset;
      source.log_offset = view.log_offset;
      source.born_ms = view.born_ms;
      source.store_ms = view.store_ms;
      source.prepared_offset = view.prepared_offset;
      source.reconsume_count = view.reconsume_count;
      source.born_host = view.born_host;
      source.store_host = view.store_host;
      std::string again(*record_size(source), '\0');
      encode_record(source, reinterpret_cast<std::byte*>(again.data()));
      EXPECT_EQ(again, as_text(rest.first(view.size)));
      rest = rest.subspan(view.size);
      ++count;
    }
  }
  EXPECT_GT(count, 0u);
}

}  // namespace
}  // namespace gantry::protocol
