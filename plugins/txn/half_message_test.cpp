// Concern: records as this plugin reads and writes them. Method: small records, written and read back, and damaged
// ones.

#include "plugins/txn/half_message.hpp"

#include "plugins/txn/json_writer.hpp"
#include "plugins/txn/message_id.hpp"
#include "plugins/txn/names.hpp"

#include "gantry/sdk/properties.hpp"
#include "gantry/sdk/record_writer.hpp"

#include <gtest/gtest.h>

namespace gantry::txn {
namespace {

std::string half_record(std::string_view properties, std::string_view topic = half_topic) {
  sdk::Record record;
  record.topic = topic;
  record.body = "body";
  record.properties = properties;
  record.queue_offset = 7;
  record.log_offset = 1'000;
  record.sys_flag = 1;
  std::string bytes;
  EXPECT_TRUE(sdk::append_record(bytes, record));
  return bytes;
}

constexpr std::string_view usual =
    "REAL_TOPIC\x01t\x02REAL_QID\x01"
    "3\x02PGROUP\x01g\x02UNIQ_KEY\x01K\x02TRANSACTION_CHECK_TIMES\x01"
    "4\x02"
    "CHECK_IMMUNITY_TIME_IN_SECONDS\x01"
    "60\x02";

TEST(HalfMessage, is_read_from_its_record) {
  const std::string bytes = half_record(usual);
  const auto half = read_half_message(bytes);
  ASSERT_TRUE(half) << half.error().text;
  EXPECT_EQ(half->real_topic, "t");
  EXPECT_EQ(half->real_queue, 3);
  EXPECT_EQ(half->group, "g");
  EXPECT_EQ(half->id(), "K");
  EXPECT_EQ(half->checks, 4);
  EXPECT_EQ(half->immunity_ms, 60'000);
  EXPECT_EQ(half->first_half_offset, 7);
  EXPECT_EQ(half->key(), key_of("g", "K"));
  EXPECT_NE(key_of("g", "K"), key_of("gK", ""));
  EXPECT_NE(key_of("g", "K"), key_of("K", "g"));
}

TEST(HalfMessage, what_is_none_says_what_was_found) {
  for (const auto& [bytes, found] : std::vector<std::pair<std::string, std::string>>{
           {"", "found none"},
           {half_record(usual).substr(0, 50), "found none"},
           {half_record(usual, "orders"), "of topic orders"},
           {half_record("REAL_QID\x01"
                        "3\x02"),
            "REAL_TOPIC=[]"},
           {half_record("REAL_TOPIC\x01t\x02"), "REAL_QID=[]"},
           {half_record("REAL_TOPIC\x01t\x02REAL_QID\x01-1\x02"), "REAL_QID=[-1]"},
           {half_record("REAL_TOPIC\x01t\x02REAL_QID\x01"
                        "99999999999\x02"),
            "REAL_QID=[99999999999]"}}) {
    const auto half = read_half_message(bytes);
    ASSERT_FALSE(half);
    EXPECT_NE(half.error().text.find(found), std::string::npos) << half.error().text;
  }
}

TEST(HalfMessage, odd_numbers_are_as_none) {
  for (const std::string odd : {"-1", "x", "", "1.5", "99999999999999999999", "9223372036854775807"}) {
    const std::string bytes = half_record(
        "REAL_TOPIC\x01t\x02REAL_QID\x01"
        "0\x02TRANSACTION_CHECK_TIMES\x01" +
        odd +
        "\x02"
        "CHECK_IMMUNITY_TIME_IN_SECONDS\x01" +
        odd + "\x02");
    const auto half = read_half_message(bytes);
    ASSERT_TRUE(half) << odd;
    EXPECT_EQ(half->checks, 0) << odd;
    EXPECT_FALSE(half->immunity_ms) << odd;
  }
}

TEST(HalfMessage, copies_keep_everything_and_count) {
  const std::string bytes = half_record(usual);
  const auto half = read_half_message(bytes);
  const std::string properties = copy_properties(*half, 5);
  EXPECT_EQ(sdk::find_property(properties, "TRANSACTION_CHECK_TIMES"), "5");
  EXPECT_EQ(sdk::find_property(properties, "TRAN_PREPARED_QUEUE_OFFSET"), "7");
  EXPECT_EQ(sdk::find_property(properties, "REAL_TOPIC"), "t");
  EXPECT_EQ(copy_properties(*half, 5).size(), properties.size());
  const auto discarded = discard_properties(*half, "because");
  EXPECT_EQ(sdk::find_property(discarded, "GANTRY_TXN_DISCARD"), "because");
  const std::string discarded_bytes = half_record(discarded, discard_topic);
  const auto again = read_half_message(discarded_bytes);
  ASSERT_TRUE(again);
  EXPECT_FALSE(sdk::find_property(resume_properties(*again), "GANTRY_TXN_DISCARD"));
  EXPECT_EQ(sdk::find_property(resume_properties(*again), "TRANSACTION_CHECK_TIMES"), "0");
  const auto message = make_committed(*half, 3);
  EXPECT_EQ(message.topic, "t");
  EXPECT_EQ(message.prepared_offset, 1'000);
  EXPECT_EQ(message.sys_flag, 9);
}

std::optional<OpRecord> read_op(std::string_view body, std::string_view properties) {
  sdk::Record record;
  record.body = body;
  record.properties = properties;
  return read_op_record(record);
}

TEST(OpRecord, of_one_offset_is_readable_by_rocketmq_4_and_of_many_by_5) {
  EXPECT_EQ(make_op(Outcome::committed, "g", "K", {12}).body, "12");
  EXPECT_EQ(make_op(Outcome::committed, "g", "K", {12, 7}).body, "12,7,");
}

TEST(OpRecord, says_how_a_transaction_ended) {
  for (const Outcome outcome : {Outcome::committed, Outcome::rolled_back, Outcome::discarded}) {
    const OpText written = make_op(outcome, "g", "K 1", {12, 7});
    const auto op = read_op(written.body, written.properties);
    ASSERT_TRUE(op);
    EXPECT_EQ(op->outcome, outcome);
    EXPECT_EQ(op->group, "g");
    EXPECT_EQ(op->id, "K 1");
    EXPECT_EQ(op->offsets, (std::vector<std::int64_t>{12, 7}));
  }
  const OpText superseded = make_op(Outcome::superseded, "", "", {1, 2});
  EXPECT_EQ(read_op(superseded.body, superseded.properties)->id, "");
}

TEST(OpRecord, of_rocketmq_names_offsets_only) {
  const auto five = read_op("1,22,,x,-4,333,",
                            "TAGS\x01"
                            "d\x02");
  ASSERT_TRUE(five);
  EXPECT_EQ(five->outcome, Outcome::unknown);
  EXPECT_EQ(five->offsets, (std::vector<std::int64_t>{1, 22, 333}));
  EXPECT_EQ(read_op("5",
                    "TAGS\x01"
                    "d\x02")
                ->offsets,
            (std::vector<std::int64_t>{5}));
  EXPECT_FALSE(read_op("5", "TAGS\x01x\x02"));
  EXPECT_FALSE(read_op("5", ""));
  EXPECT_TRUE(read_op("",
                      "TAGS\x01"
                      "d\x02GANTRY_TXN\x01nonsense\x02")
                  ->offsets.empty());
}

TEST(MessageId, names_a_place_in_the_log) {
  const gantry_address host{{127, 0, 0, 1}, 4, 10'911};
  EXPECT_EQ(make_message_id(host, 255), "7F00000100002A9F00000000000000FF");
  EXPECT_EQ(log_offset_in("7F00000100002A9F00000000000000FF"), 255);
  gantry_address six{};
  six.ip_size = 16;
  EXPECT_EQ(log_offset_in(make_message_id(six, 77)), 77);
  for (const char* odd : {"", "FF", "7F00000100002A9F0000000000000 FF", "7F00000100002A9FFFFFFFFFFFFFFFFF",
                          "7F00000100002A9F00000000000000FFF"}) {
    EXPECT_FALSE(log_offset_in(odd)) << odd;
  }
}

TEST(Json, escapes_what_must_be_escaped) {
  JsonObject json;
  json.add("a\"", "\x01\\\xC3").add("n", 5).raw("l", "[]");
  EXPECT_EQ(json.text(), "{\"a\\\"\":\"\\u0001\\\\\\u00c3\",\"n\":5,\"l\":[]}");
}

}  // namespace
}  // namespace gantry::txn
