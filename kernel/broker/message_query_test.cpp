// Concerns: finding messages by key, by position and by time; what may be shown; how much one answer holds.

#include "kernel/broker/testing/rig.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace gantry::broker {
namespace {

using testing::FakeChannel;
using testing::Fields;
using testing::Frame;
using testing::RequestShape;
using testing::Rig;
using testing::send_request;

std::string keys(const std::string& text) { return "KEYS\x01" + text + '\x02'; }
std::string uniq_key(const std::string& text) { return "UNIQ_KEY\x01" + text + '\x02'; }

class MessageQueryTest : public ::testing::Test {
 protected:
  MessageQueryTest() : client(rig.connect()) { rig.make_topic("T"); }

  Frame ask(std::int32_t code, Fields fields) {
    RequestShape shape;
    shape.code = code;
    shape.fields = std::move(fields);
    return rig.ask(client, shape);
  }
  void send(int count) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(rig.ask(client, send_request()).code, 0);
  }
  /// Stores a message one millisecond after the one before; when.
  std::int64_t send(const std::string& properties, std::string body = "hello") {
    ++rig.store.now_ms;
    EXPECT_EQ(rig.ask(client, send_request({.body = std::move(body), .properties = properties})).code, 0);
    return rig.store.now_ms;
  }
  static Fields query(const std::string& key, const std::string& count_max = "64") {
    return {{"topic", "T"},
            {"key", key},
            {"maxNum", count_max},
            {"beginTimestamp", "0"},
            {"endTimestamp", "9223372036854775807"}};
  }
  static Fields unique_query(const std::string& key) {
    Fields fields = query(key);
    fields.emplace_back("_UNIQUE_KEY_QUERY", "true");
    return fields;
  }
  static Fields query_between(const std::string& key, std::int64_t begin_ms, std::int64_t end_ms) {
    return {{"topic", "T"},
            {"key", key},
            {"maxNum", "64"},
            {"beginTimestamp", std::to_string(begin_ms)},
            {"endTimestamp", std::to_string(end_ms)}};
  }
  /// Queue offsets of the messages that the answer holds.
  static std::vector<std::int64_t> offsets(const Frame& answer) {
    std::vector<std::int64_t> found;
    for (const auto& message : testing::parse_records(answer.body)) found.push_back(message.queue_offset);
    return found;
  }
  using Offsets = std::vector<std::int64_t>;

  Rig rig;
  FakeChannel& client;
};

// ---- by key ----

TEST_F(MessageQueryTest, messages_are_found_by_key_oldest_first) {
  send(keys("a shared"));
  send(keys("b"));
  const std::int64_t last_ms = send(keys("shared c"));
  const Frame answer = ask(12, query("shared"));
  EXPECT_EQ(answer.code, 0);
  EXPECT_TRUE(answer.remark.empty());
  EXPECT_EQ(offsets(answer), (Offsets{0, 2}));
  EXPECT_EQ(answer.ext.at("indexLastUpdateTimestamp"), std::to_string(last_ms));
  const auto last = testing::parse_records(rig.store.record("T", 0, 2)).at(0);
  EXPECT_EQ(answer.ext.at("indexLastUpdatePhyoffset"), std::to_string(last.log_offset));
  EXPECT_EQ(rig.store.owners, 0U);
}

TEST_F(MessageQueryTest, unique_keys_are_told_from_keys) {
  send(uniq_key("X"));
  send(uniq_key("Y") + keys("X"));
  EXPECT_EQ(offsets(ask(12, query("X"))), (Offsets{0, 1}));
  EXPECT_EQ(offsets(ask(12, unique_query("X"))), (Offsets{0}));
}

TEST_F(MessageQueryTest, time_ranges_hold_both_ends) {
  const std::int64_t first = send(keys("k"));
  const std::int64_t second = send(keys("k"));
  EXPECT_EQ(offsets(ask(12, query_between("k", first, second))), (Offsets{0, 1}));
  EXPECT_EQ(offsets(ask(12, query_between("k", first, first))), (Offsets{0}));
  EXPECT_EQ(offsets(ask(12, query_between("k", second, second + 100))), (Offsets{1}));
  EXPECT_EQ(ask(12, query_between("k", second + 1, second + 100)).code, 22);
  EXPECT_EQ(ask(12, query_between("k", second, first)).code, 22);
}

TEST_F(MessageQueryTest, the_newest_64_messages_are_answered_and_32_by_unique_key) {
  for (int i = 0; i < 70; ++i) send(keys("k") + uniq_key("u"));
  const Offsets many = offsets(ask(12, query("k", "1000")));
  ASSERT_EQ(many.size(), 64U);
  EXPECT_EQ(many.front(), 6);
  EXPECT_EQ(many.back(), 69);
  EXPECT_EQ(offsets(ask(12, query("k", "3"))), (Offsets{67, 68, 69}));
  Fields unique = unique_query("u");
  EXPECT_EQ(offsets(ask(12, unique)).size(), 32U);
  for (auto& [name, value] : unique) {
    if (name == "maxNum") value = "1";
  }
  EXPECT_EQ(offsets(ask(12, unique)).size(), 32U) << "RocketMQ's broker ignores maxNum here";
}

TEST_F(MessageQueryTest, nothing_found_says_what_was_searched) {
  send(keys("k"));
  const Frame answer = ask(12, query_between("other", 5, 7));
  EXPECT_EQ(answer.code, 22);
  EXPECT_NE(answer.remark.find("topic [T] stored from 5 to 7 has the key [other]"), std::string::npos) << answer.remark;
  EXPECT_EQ(answer.remark.find("index reaches"), std::string::npos) << answer.remark;
  EXPECT_TRUE(answer.body.empty());
  EXPECT_TRUE(answer.ext.contains("indexLastUpdateTimestamp"));
}

TEST_F(MessageQueryTest, a_query_that_comes_before_the_index_says_so) {
  send(keys("k"));
  rig.store.index_behind = 1;
  const Frame answer = ask(12, query("k"));
  EXPECT_EQ(answer.code, 0) << "what is indexed is found";
  const Frame later = ask(12, query("unknown"));
  EXPECT_EQ(later.code, 22);
  EXPECT_NE(later.remark.find("the index reaches log offset"), std::string::npos) << later.remark;
}

TEST_F(MessageQueryTest, a_store_without_an_index_is_named) {
  rig.store.keeps_index = false;
  const Frame answer = ask(12, query("k"));
  EXPECT_EQ(answer.code, 3);
  EXPECT_NE(answer.remark.find("keeps no index"), std::string::npos) << answer.remark;
}

TEST_F(MessageQueryTest, malformed_queries_are_refused_without_asking_the_store) {
  EXPECT_EQ(ask(12, {{"topic", "T"}, {"key", "k"}}).code, 29);
  EXPECT_EQ(ask(12, query("k", "0")).code, 29);
  EXPECT_EQ(ask(12, query("k", "-2147483648")).code, 29);
  EXPECT_EQ(ask(12, query("")).code, 29);
  Fields nowhere = query("k");
  nowhere[0].second = "Nowhere";
  const Frame answer = ask(12, nowhere);
  EXPECT_EQ(answer.code, 22);
  EXPECT_NE(answer.remark.find("Nowhere"), std::string::npos) << answer.remark;
  EXPECT_EQ(rig.store.queries, 0U);
}

TEST_F(MessageQueryTest, failing_stores_are_reported) {
  rig.store.unavailable = true;
  const Frame answer = ask(12, query("k"));
  EXPECT_EQ(answer.code, 1);
  EXPECT_EQ(answer.remark, "the store is closed");
}

TEST_F(MessageQueryTest, topics_without_read_permission_are_searched_like_rocketmq_does) {
  send(keys("k"));
  rig.make_topic("T", 4, 2);
  EXPECT_EQ(ask(12, query("k")).code, 0);
}

TEST_F(MessageQueryTest, an_answer_fits_what_clients_accept) {
  for (int i = 0; i < 20; ++i) send(keys("k"), std::string(1 << 20, static_cast<char>('a' + i)));
  const Frame answer = ask(12, query("k"));
  EXPECT_EQ(answer.code, 0);
  EXPECT_LE(answer.body.size(), 12U << 20);
  const Offsets found = offsets(answer);
  ASSERT_EQ(found.size(), 11U);
  EXPECT_EQ(found.front(), 9) << "the oldest stay out";
  EXPECT_EQ(found.back(), 19);
  EXPECT_NE(answer.remark.find("the oldest 9 matches"), std::string::npos) << answer.remark;
  EXPECT_EQ(rig.store.owners, 0U);
}

TEST_F(MessageQueryTest, a_connection_that_does_not_read_gets_no_large_answers) {
  send(keys("large"), std::string(1 << 20, 'x'));
  send(keys("small"));
  client.set_pending(9 << 20);
  const Frame large = ask(12, query("large"));
  EXPECT_EQ(large.code, 2);
  EXPECT_NE(large.remark.find("does not take"), std::string::npos) << large.remark;
  EXPECT_EQ(ask(12, query("small")).code, 0);
  client.set_pending(0);
  EXPECT_EQ(ask(12, query("large")).code, 0);
}

TEST_F(MessageQueryTest, a_full_pool_answers_busy) {
  rig.pool.refuse(true);
  EXPECT_EQ(ask(12, query("k")).code, 2);
}

TEST(DurableQuery, what_a_power_cut_could_take_back_is_not_shown) {
  Options options = testing::rig_options();
  options.ack = AckPromise::disk;
  Rig rig(options);
  rig.make_topic("T");
  FakeChannel& client = rig.connect();
  const auto ask = [&](std::int32_t code, Fields fields) {
    RequestShape shape;
    shape.code = code;
    shape.fields = std::move(fields);
    return rig.ask(client, shape);
  };
  const Fields by_key{
      {"topic", "T"}, {"key", "k"}, {"maxNum", "1"}, {"beginTimestamp", "0"}, {"endTimestamp", "1800000000000"}};
  rig.store.durable_at_once = false;
  rig.exchange(client, send_request({.properties = keys("k")}));
  EXPECT_EQ(ask(12, by_key).code, 22);
  EXPECT_EQ(ask(33, {{"offset", "0"}}).code, 1);
  rig.store.sync();
  rig.run_all();
  rig.received(client);
  EXPECT_EQ(ask(12, by_key).code, 0);
  EXPECT_EQ(ask(33, {{"offset", "0"}}).code, 0);
}

// ---- by position ----

TEST_F(MessageQueryTest, message_is_viewed_by_its_position) {
  send(2);
  const auto second = testing::parse_records(rig.store.record("T", 0, 1)).at(0);
  Frame answer = ask(33, {{"offset", std::to_string(second.log_offset)}});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(testing::parse_records(answer.body).at(0).queue_offset, 1);
  EXPECT_EQ(ask(33, {{"offset", "1"}}).code, 1);
  EXPECT_EQ(ask(33, {{"offset", "-1"}}).code, 1);
  EXPECT_EQ(ask(33, {{"offset", "999999"}}).code, 1);
}

TEST_F(MessageQueryTest, record_forged_inside_a_body_is_not_a_message) {
  send(1);
  const std::string forged = rig.store.record("T", 0, 0);
  ASSERT_EQ(rig.ask(client, send_request({.body = forged})).code, 0);
  const auto carrier = rig.store.record("T", 0, 1);
  const auto inside = static_cast<std::int64_t>(forged.size() + carrier.find(forged));
  EXPECT_EQ(ask(33, {{"offset", std::to_string(inside)}}).code, 1);
}

TEST_F(MessageQueryTest, the_topic_of_a_view_is_optional_and_not_compared) {
  send(1);
  EXPECT_EQ(ask(33, {{"offset", "0"}, {"topic", "T"}}).code, 0);
  EXPECT_EQ(ask(33, {{"offset", "0"}, {"topic", "Other"}}).code, 0);
  EXPECT_EQ(ask(33, {{"topic", "T"}}).code, 29);
}

/// Appends a record that no queue points to, past the broker; where.
std::int64_t append_half(Rig& rig, std::int32_t transaction, const std::string& properties) {
  gantry_append_item item{};
  item.queue = *rig.store.open_queue("T", 0);
  item.body = {"half", 4};
  item.properties = {properties.data(), properties.size()};
  item.sys_flag = transaction;
  gantry_append_result result{};
  rig.store.append({&item, 1}, {&result, 1});
  EXPECT_EQ(result.status, GANTRY_OK);
  return result.log_offset;
}

TEST_F(MessageQueryTest, half_messages_are_viewed_when_the_index_knows_them) {
  for (const std::string& properties : {uniq_key("u") + keys("k"), keys("  k2 k3")}) {
    const std::int64_t half = append_half(rig, 4, properties);
    EXPECT_EQ(ask(33, {{"offset", std::to_string(half)}}).code, 0);
    rig.store.keeps_index = false;
    EXPECT_EQ(ask(33, {{"offset", std::to_string(half)}}).code, 1) << "nothing proves that a record begins there";
    rig.store.keeps_index = true;
  }
  EXPECT_EQ(ask(33, {{"offset", std::to_string(append_half(rig, 4, ""))}}).code, 1);
  EXPECT_EQ(ask(33, {{"offset", std::to_string(append_half(rig, 12, keys("k")))}}).code, 1) << "rolled back";
}

TEST_F(MessageQueryTest, half_message_forged_inside_a_body_is_not_a_message) {
  // The body is a whole record that claims the very position where it will come to lie.
  send(1);
  Rig other;
  other.make_topic("T");
  const std::int64_t first = append_half(other, 4, uniq_key("u"));
  std::string forged;
  {
    gantry_slice slice{};
    gantry_read_result result{};
    result.slices = &slice;
    result.slice_capacity = 1;
    ASSERT_TRUE(other.store.read_record(first, 0, result));
    forged.assign(static_cast<const char*>(slice.data), slice.size);
    other.store.release(result.owner);
  }
  const std::int64_t position = rig.store.log_end() + 88;  // of a body: behind the fixed fields of its record
  for (int i = 0; i < 8; ++i) forged[28 + static_cast<std::size_t>(i)] = static_cast<char>(position >> (56 - 8 * i));
  ASSERT_EQ(rig.ask(client, send_request({.body = forged})).code, 0);
  gantry_slice slice{};
  gantry_read_result result{};
  result.slices = &slice;
  result.slice_capacity = 1;
  ASSERT_TRUE(rig.store.read_record(position, 0, result)) << "the forgery is where it says";
  rig.store.release(result.owner);
  EXPECT_EQ(ask(33, {{"offset", std::to_string(position)}}).code, 1);
}

TEST_F(MessageQueryTest, messages_are_viewed_while_their_queue_is_rebuilt) {
  send(keys("k"));
  send("");
  const auto second = testing::parse_records(rig.store.record("T", 0, 1)).at(0);
  rig.store.rebuilding = true;
  EXPECT_EQ(ask(33, {{"offset", "0"}}).code, 0) << "its keys are indexed";
  // The broker gives every single message a unique key; see that it is what proved this one.
  EXPECT_EQ(ask(33, {{"offset", std::to_string(second.log_offset)}}).code, 0);
  rig.store.keeps_index = false;
  EXPECT_EQ(ask(33, {{"offset", "0"}}).code, 2) << "nothing can prove it yet";
  rig.store.rebuilding = false;
  EXPECT_EQ(ask(33, {{"offset", "0"}}).code, 0);
}

TEST_F(MessageQueryTest, messages_of_topics_that_are_gone_are_not_viewed) {
  send(1);
  ASSERT_EQ(ask(215, {{"topic", "T"}}).code, 0);
  EXPECT_EQ(ask(33, {{"offset", "0"}}).code, 1);
}

// ---- by time ----

class SearchTest : public MessageQueryTest {
 protected:
  std::int64_t search(std::int64_t time_ms, const std::string& boundary = {}, const std::string& queue = "0") {
    Fields fields{{"topic", "T"}, {"queueId", queue}, {"timestamp", std::to_string(time_ms)}};
    if (!boundary.empty()) fields.emplace_back("boundaryType", boundary);
    const Frame answer = ask(29, fields);
    EXPECT_EQ(answer.code, 0);
    return std::stoll(answer.ext.at("offset"));
  }
};

TEST_F(SearchTest, boundaries_are_exact_to_the_millisecond) {
  // Store times: 10, 20, 20, 20, 30.
  const std::int64_t base = rig.store.now_ms;
  for (const int at : {10, 20, 20, 20, 30}) {
    rig.store.now_ms = base + at;
    send(1);
  }
  const struct {
    int at;
    std::int64_t lower, upper;
  } cases[] = {{9, 0, 0},  {10, 0, 0}, {11, 1, 0}, {19, 1, 0}, {20, 1, 3},
               {21, 4, 3}, {29, 4, 3}, {30, 4, 4}, {31, 5, 4}};
  for (const auto& each : cases) {
    EXPECT_EQ(search(base + each.at), each.lower) << each.at;
    EXPECT_EQ(search(base + each.at, "LOWER"), each.lower) << each.at;
    EXPECT_EQ(search(base + each.at, "UPPER"), each.upper) << each.at;
  }
  EXPECT_EQ(search(0), 0);
  EXPECT_EQ(search(-1, "UPPER"), 0);
  EXPECT_EQ(search(INT64_MAX), 5);
  EXPECT_EQ(search(INT64_MAX, "UPPER"), 4);
}

TEST_F(SearchTest, results_stay_within_the_queue) {
  send(5);
  rig.store.expire("T", 0, 2);
  EXPECT_EQ(search(0), 2);
  EXPECT_EQ(search(0, "UPPER"), 2);
  EXPECT_EQ(search(INT64_MAX), 5);
  rig.store.expire("T", 0, 3);
  for (const char* boundary : {"LOWER", "UPPER"}) {
    EXPECT_EQ(search(0, boundary), 5) << "an empty queue that once held messages";
    EXPECT_EQ(search(0, boundary, "1"), 0) << "a queue that never held one";
    EXPECT_EQ(search(INT64_MAX, boundary, "1"), 0);
  }
}

TEST_F(SearchTest, the_boundary_is_named_in_any_case_and_lower_otherwise) {
  send(2);
  for (const char* upper : {"UPPER", "upper", "Upper"}) EXPECT_EQ(search(INT64_MAX, upper), 1) << upper;
  for (const char* lower : {"LOWER", "lower", "", "UPPERMOST", "UPPE", "x"}) EXPECT_EQ(search(INT64_MAX, lower), 2);
}

}  // namespace
}  // namespace gantry::broker
