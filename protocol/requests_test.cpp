// Concern: fields become structs and back, required ones are demanded by name, and hot paths do not allocate.
#include "protocol/admin_requests.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/namesrv_requests.hpp"
#include "protocol/pop_requests.hpp"
#include "protocol/pull_header.hpp"
#include "protocol/responses.hpp"
#include "protocol/send_header.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

namespace {
thread_local std::size_t allocation_count = 0;
}

// Counts what the paths under test allocate. Replaces the global operator for the whole test executable.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocation_count;
  if (void* at = std::malloc(size)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace gantry::protocol {
namespace {

constexpr std::string_view java_send_v2 =
    R"({"code":310,"extFields":{"a":"pg","b":"TopicTest","c":"TBW102","d":"4","e":"2","f":"0","g":"1700000000000",)"
    R"("h":"0","i":"KEYS\u0001key1\u0002TAGS\u0001TagA\u0002UNIQ_KEY\u00010A00000100002A9F0000000000000400\u0002",)"
    R"("j":"0","k":"false","m":"false","n":"broker-a","l":"16"},"flag":0,"language":"JAVA","opaque":17,)"
    R"("serializeTypeCurrentRPC":"JSON","version":479})";
constexpr std::string_view java_pull =
    R"({"code":11,"extFields":{"queueId":"3","maxMsgNums":"32","sysFlag":"3","suspendTimeoutMillis":"15000",)"
    R"("commitOffset":"5","topic":"TopicTest","queueOffset":"77","expressionType":"TAG","subVersion":"1700000000000",)"
    R"("consumerGroup":"cg","maxMsgBytes":"262144"},"flag":0,"language":"JAVA","opaque":3,"version":479})";

HeaderView decoded(std::string_view json) {
  HeaderView header;
  const Status status = decode_header(SerializeType::json, as_bytes(json), header);
  EXPECT_TRUE(status) << json;
  return header;
}

TEST(SendHeader, reads_the_letters_of_v2) {
  const HeaderView header = decoded(java_send_v2);
  Scratch scratch;
  SendHeader send;
  ASSERT_TRUE(decode_send(send_names_of(header.code), header.ext, scratch, send));
  EXPECT_EQ(send.producer_group, "pg");
  EXPECT_EQ(send.topic, "TopicTest");
  EXPECT_EQ(send.default_topic, "TBW102");
  EXPECT_EQ(send.default_topic_queue_count, 4);
  EXPECT_EQ(send.queue_id, 2);
  EXPECT_EQ(send.born_ms, 1700000000000);
  EXPECT_EQ(send.properties,
            "KEYS\x01key1\x02TAGS\x01TagA\x02UNIQ_KEY\x01"
            "0A00000100002A9F0000000000000400\x02");
  EXPECT_EQ(send.reconsume_count_max, 16);
  EXPECT_FALSE(send.batch);
  EXPECT_EQ(send.broker_name, "broker-a");
}

TEST(SendHeader, reads_the_long_names_of_v1_with_nodes_native_values) {
  const HeaderView header = decoded(
      R"({"code":10,"extFields":{"producerGroup":"pg","topic":"T","defaultTopic":"TBW102","defaultTopicQueueNums":4,)"
      R"("queueId":0,"sysFlag":1,"bornTimestamp":1700000000000,"flag":7,"properties":"","reconsumeTimes":2,)"
      R"("unitMode":true,"batch":true}})");
  Scratch scratch;
  SendHeader send;
  ASSERT_TRUE(decode_send(send_names_of(10), header.ext, scratch, send));
  EXPECT_EQ(send.topic, "T");
  EXPECT_EQ(send.sys_flag, 1);
  EXPECT_EQ(send.flag, 7);
  EXPECT_EQ(send.reconsume_count, 2);
  EXPECT_TRUE(send.unit_mode);
  EXPECT_TRUE(send.batch);
  EXPECT_FALSE(send.reconsume_count_max);
}

TEST(SendHeader, each_missing_required_field_is_named) {
  const std::pair<char, std::string_view> required[] = {
      {'a', "producerGroup"}, {'b', "topic"},   {'c', "defaultTopic"},  {'d', "defaultTopicQueueNums"},
      {'e', "queueId"},       {'f', "sysFlag"}, {'g', "bornTimestamp"}, {'h', "flag"}};
  for (const auto& [letter, name] : required) {
    HeaderView header = decoded(java_send_v2);
    ExtFields fields;
    for (const ExtField& field : header.ext) {
      if (field.key[0] != letter) fields.add(field);
    }
    Scratch scratch;
    SendHeader send;
    const Status status = decode_send(SendNames::v2, fields, scratch, send);
    ASSERT_FALSE(status) << letter;
    EXPECT_EQ(status.error().code, Errc::invalid_argument);
    EXPECT_NE(status.error().text.find(name), std::string::npos) << status.error().text;
  }
}

TEST(SendHeader, unparsable_number_is_shown) {
  const HeaderView header = decoded(R"({"code":310,"extFields":{"a":"p","b":"T","c":"D","d":"four"}})");
  Scratch scratch;
  SendHeader send;
  const Status status = decode_send(SendNames::v2, header.ext, scratch, send);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text,
            "decoding SEND_MESSAGE: expected field \"defaultTopicQueueNums\" to be a 32-bit integer, found \"four\"");
}

TEST(PullHeader, reads_what_java_sends) {
  const HeaderView header = decoded(java_pull);
  Scratch scratch;
  PullHeader pull;
  ASSERT_TRUE(decode_pull(header.ext, scratch, pull));
  EXPECT_EQ(pull.consumer_group, "cg");
  EXPECT_EQ(pull.topic, "TopicTest");
  EXPECT_EQ(pull.queue_id, 3);
  EXPECT_EQ(pull.queue_offset, 77);
  EXPECT_EQ(pull.message_count_max, 32);
  EXPECT_TRUE(pull.has(PullHeader::commit_offset_bit));
  EXPECT_TRUE(pull.has(PullHeader::suspend_bit));
  EXPECT_FALSE(pull.has(PullHeader::subscription_bit));
  EXPECT_EQ(pull.commit_offset, 5);
  EXPECT_EQ(pull.suspend_timeout_ms, 15000);
  EXPECT_EQ(pull.sub_version, 1700000000000);
  EXPECT_EQ(pull.expression_type, "TAG");
  EXPECT_EQ(pull.bytes_max, 262144);
  EXPECT_FALSE(pull.request_source);
}

TEST(PullHeader, each_missing_required_field_is_named) {
  for (const std::string_view name : {"consumerGroup", "topic", "queueId", "queueOffset", "maxMsgNums", "sysFlag",
                                      "commitOffset", "suspendTimeoutMillis", "subVersion"}) {
    HeaderView header = decoded(java_pull);
    ExtFields fields;
    for (const ExtField& field : header.ext) {
      if (field.key != name) fields.add(field);
    }
    Scratch scratch;
    PullHeader pull;
    const Status status = decode_pull(fields, scratch, pull);
    ASSERT_FALSE(status) << name;
    EXPECT_NE(status.error().text.find(name), std::string::npos) << status.error().text;
  }
}

/// Writes a header struct, cuts and decodes the frame, reads the struct back.
template <typename Header>
Header round_trip(const Header& in, SerializeType type, ByteBuffer& out, HeaderView& view, Scratch& scratch) {
  FrameMeta meta = request_meta(RequestCode::get_max_offset, 5);
  meta.type = type;
  out.clear();
  write_frame(out, meta, in, as_bytes("body"));
  const CutResult cut = cut_frame(out.view());
  EXPECT_EQ(cut.outcome, CutOutcome::frame);
  EXPECT_EQ(cut.frame.size, out.size());
  EXPECT_EQ(as_text(cut.frame.body), "body");
  EXPECT_TRUE(decode_header(cut.frame, view));
  EXPECT_EQ(view.opaque, 5);
  auto back = decode_fields<Header>(view.ext, scratch);
  EXPECT_TRUE(back) << (back ? "" : back.error().text);
  return back ? *back : Header{};
}

class RoundTrip : public ::testing::TestWithParam<SerializeType> {
 protected:
  template <typename Header>
  Header pass(const Header& in) {
    return round_trip(in, GetParam(), out_, view_, scratch_);
  }
  ByteBuffer out_;
  HeaderView view_;
  Scratch scratch_;
};

TEST_P(RoundTrip, texts_with_quotes_and_control_characters) {
  UnregisterClientHeader in;
  in.client_id = "10.0.0.1@\"a\\b\"\x01\x02\x1f";
  in.consumer_group = "\xE4\xB8\xAD";
  const auto back = pass(in);
  EXPECT_EQ(back.client_id, in.client_id);
  EXPECT_EQ(back.consumer_group, in.consumer_group);
  EXPECT_EQ(back.producer_group, "");
}

TEST_P(RoundTrip, numbers_and_switches) {
  EndTransactionHeader in;
  in.producer_group = "pg";
  in.half_queue_offset = -1;
  in.log_offset = INT64_MAX;
  in.commit_or_rollback = 8;
  in.from_check = true;
  in.message_id = "m";
  const auto back = pass(in);
  EXPECT_EQ(back.half_queue_offset, -1);
  EXPECT_EQ(back.log_offset, INT64_MAX);
  EXPECT_EQ(back.commit_or_rollback, 8);
  EXPECT_TRUE(back.from_check);
}

TEST_P(RoundTrip, absent_optionals_stay_absent) {
  QueryConsumerOffsetHeader in;
  in.consumer_group = "g";
  in.topic = "t";
  EXPECT_FALSE(pass(in).set_zero_if_not_found);
  in.set_zero_if_not_found = false;
  EXPECT_EQ(pass(in).set_zero_if_not_found, false);
}

TEST_P(RoundTrip, send_and_pull) {
  SendHeader send;
  send.producer_group = "pg";
  send.topic = "T";
  send.default_topic = "TBW102";
  send.properties =
      "TAGS\x01"
      "A\x02";
  send.batch = true;
  FrameMeta meta = request_meta(RequestCode::send_message_v2, 1);
  meta.type = GetParam();
  write_frame(out_, meta, send, as_bytes("x"));
  ASSERT_TRUE(decode_header(cut_frame(out_.view()).frame, view_));
  SendHeader back;
  ASSERT_TRUE(decode_send(SendNames::v2, view_.ext, scratch_, back));
  EXPECT_EQ(back.properties, send.properties);
  EXPECT_TRUE(back.batch);
}

TEST_P(RoundTrip, responses) {
  SendResponse in;
  in.message_id = "0A";
  in.queue_offset = 9;
  const auto back = pass(in);
  EXPECT_EQ(back.message_id, "0A");
  EXPECT_EQ(back.queue_offset, 9);
  EXPECT_EQ(back.region, "DefaultRegion");
  EXPECT_TRUE(back.trace_on);
}

INSTANTIATE_TEST_SUITE_P(BothEncodings, RoundTrip, ::testing::Values(SerializeType::json, SerializeType::rocketmq));

TEST(FrameWriter, response_echoes_opaque_and_sets_only_the_response_bit) {
  HeaderView request = decoded(R"({"code":11,"opaque":-9,"flag":0})");
  ByteBuffer out;
  write_frame(out, response_meta(request, ResponseCode::topic_not_exist, "no \"topic\"\n"));
  HeaderView back;
  ASSERT_TRUE(decode_header(cut_frame(out.view()).frame, back));
  EXPECT_EQ(back.opaque, -9);
  EXPECT_EQ(back.flag, 1);
  EXPECT_EQ(back.code, 17);
  EXPECT_EQ(back.version, 479);
  EXPECT_EQ(back.language, Language::cpp);
  Scratch scratch;
  EXPECT_EQ(back.remark_text(scratch), "no \"topic\"\n");
}

TEST(FrameWriter, writes_strict_json_with_text_values_only) {
  ByteBuffer out;
  PullResponse pull;
  pull.next_begin_offset = 8;
  write_frame(out, response_meta(SerializeType::json, 1, ResponseCode::pull_not_found), pull);
  EXPECT_EQ(out.text().substr(8),
            R"({"code":19,"flag":1,"language":"CPP","opaque":1,"serializeTypeCurrentRPC":"JSON","version":479,)"
            R"("extFields":{"suggestWhichBrokerId":"0","nextBeginOffset":"8","minOffset":"0","maxOffset":"0"}})");
}

TEST(FrameWriter, code_beyond_16_bits_is_written_in_json) {
  ByteBuffer out;
  FrameMeta meta = request_meta(RequestCode::pop_message, 1);
  meta.type = SerializeType::rocketmq;
  write_frame(out, meta);
  const CutResult cut = cut_frame(out.view());
  EXPECT_EQ(cut.frame.type, SerializeType::json);
  HeaderView back;
  ASSERT_TRUE(decode_header(cut.frame, back));
  EXPECT_EQ(back.code, 200050);
}

TEST(FrameWriter, head_alone_counts_the_body_that_follows) {
  ByteBuffer whole;
  ByteBuffer head;
  const FrameMeta meta = response_meta(SerializeType::json, 1, ResponseCode::success);
  write_frame(whole, meta, PullResponse{}, as_bytes("records"));
  EXPECT_EQ(write_frame_head(head, meta, PullResponse{}, 7), whole.size());
  head.append("records");
  EXPECT_EQ(head.text(), whole.text());
}

TEST(FrameWriter, long_remark_is_cut_between_characters) {
  std::string remark(4095, 'x');
  remark += "\xE4\xB8\xAD tail";
  ByteBuffer out;
  write_frame(out, response_meta(SerializeType::rocketmq, 1, ResponseCode::system_error, remark));
  HeaderView back;
  ASSERT_TRUE(decode_header(cut_frame(out.view()).frame, back));
  EXPECT_EQ(back.remark, std::string(4095, 'x'));
}

TEST(FrameWriter, frames_follow_each_other_in_one_buffer) {
  ByteBuffer out;
  write_frame(out, response_meta(SerializeType::json, 1, ResponseCode::success), OffsetResponse{.offset = 4});
  const std::size_t first = out.size();
  write_frame(out, response_meta(SerializeType::rocketmq, 2, ResponseCode::success), OffsetResponse{.offset = 5});
  EXPECT_EQ(cut_frame(out.view()).frame.size, first);
  HeaderView back;
  ASSERT_TRUE(decode_header(cut_frame(out.view().subspan(first)).frame, back));
  std::int64_t offset = 0;
  EXPECT_EQ(back.ext.get("offset", offset), FieldStatus::ok);
  EXPECT_EQ(offset, 5);
}

TEST(HotPath, send_and_pull_allocate_nothing) {
  Scratch scratch;
  scratch.allocate(1);
  scratch.reset();
  HeaderView header;
  ByteBuffer out(4096);
  SendHeader send;
  PullHeader pull;
  const std::size_t before = allocation_count;
  for (int i = 0; i < 100; ++i) {
    out.clear();
    scratch.reset();
    ASSERT_TRUE(decode_header(SerializeType::json, as_bytes(java_send_v2), header));
    ASSERT_TRUE(decode_send(send_names_of(header.code), header.ext, scratch, send));
    SendResponse response;
    response.message_id = "0A00000100002A9F0000000000000400";
    write_frame(out, response_meta(header, ResponseCode::success), response);
    ASSERT_TRUE(decode_header(SerializeType::json, as_bytes(java_pull), header));
    ASSERT_TRUE(decode_pull(header.ext, scratch, pull));
    write_frame_head(out, response_meta(header, ResponseCode::success), PullResponse{}, 1000);
  }
  EXPECT_EQ(allocation_count, before);
}

TEST(Requests, admin_and_name_server_structs_name_their_missing_fields) {
  Scratch scratch;
  const HeaderView empty = decoded(R"({"code":1})");
  EXPECT_NE(decode_fields<CreateTopicHeader>(empty.ext, scratch).error().text.find("\"topic\""), std::string::npos);
  EXPECT_NE(decode_fields<RegisterBrokerHeader>(empty.ext, scratch).error().text.find("\"brokerName\""),
            std::string::npos);
  EXPECT_NE(decode_fields<PopHeader>(empty.ext, scratch).error().text.find("\"consumerGroup\""), std::string::npos);
  EXPECT_TRUE(decode_fields<GetAllTopicConfigHeader>(empty.ext, scratch));
}

}  // namespace
}  // namespace gantry::protocol
