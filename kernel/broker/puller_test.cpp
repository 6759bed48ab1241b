// Concerns: each check of a pull in RocketMQ's order; what each outcome of a read becomes; long polling: what wakes a
// held pull, what does not, and what ends it.

#include "kernel/broker/testing/rig.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace gantry::broker {
namespace {

using std::chrono::milliseconds;
using testing::FakeChannel;
using testing::Frame;
using testing::parse_records;
using testing::pull_request;
using testing::PullShape;
using testing::Rig;
using testing::send_request;

constexpr std::int32_t commit_bit = 1;
constexpr std::int32_t suspend_bit = 2;
constexpr std::int32_t subscription_bit = 4;

class PullTest : public ::testing::Test {
 protected:
  explicit PullTest(const Options& options = testing::rig_options())
      : rig(options), consumer(rig.connect(0)), producer(rig.connect(1)) {
    rig.make_topic("T");
    rig.make_group("g");
  }
  void send(std::string_view body, std::string_view tag = {}, std::int32_t queue = 0, std::string_view topic = "T") {
    const std::string properties = tag.empty() ? std::string() : "TAGS\x01" + std::string(tag) + "\x02";
    const auto answers = rig.exchange(
        producer,
        send_request(
            {.topic = std::string(topic), .body = std::string(body), .properties = properties, .queue_id = queue}));
    ASSERT_EQ(answers.size(), 1U);
    ASSERT_EQ(answers[0].code, 0) << answers[0].remark;
  }
  Frame pull(const PullShape& shape) { return rig.ask(consumer, pull_request(shape)); }
  /// A pull that must not be answered yet.
  void hold(PullShape shape) {
    shape.sys_flag |= suspend_bit;
    ASSERT_TRUE(rig.exchange(consumer, pull_request(shape)).empty());
  }
  static void expect_numbers(const Frame& answer, std::int64_t next, std::int64_t min, std::int64_t max) {
    EXPECT_EQ(answer.ext.at("suggestWhichBrokerId"), "0");
    EXPECT_EQ(answer.ext.at("nextBeginOffset"), std::to_string(next));
    EXPECT_EQ(answer.ext.at("minOffset"), std::to_string(min));
    EXPECT_EQ(answer.ext.at("maxOffset"), std::to_string(max));
  }

  Rig rig;
  FakeChannel& consumer;
  FakeChannel& producer;
};

// ---- refusals ----

TEST_F(PullTest, missing_field_is_named) {
  auto request = pull_request();
  std::erase_if(request.fields, [](const auto& field) { return field.first == "queueOffset"; });
  const Frame answer = rig.ask(consumer, request);
  EXPECT_EQ(answer.code, 1);
  EXPECT_NE(answer.remark.find("queueOffset"), std::string::npos);
}

TEST(Pull, broker_without_read_permission_refuses) {
  Options options = testing::rig_options();
  options.permission = 2;
  Rig rig(options);
  rig.make_topic("T");
  const Frame answer = rig.ask(rig.connect(), pull_request());
  EXPECT_EQ(answer.code, 16);
  EXPECT_EQ(answer.ext.at("forbiddenType"), "1");
}

TEST(Pull, unknown_group_is_refused_without_auto_creation) {
  routing::GroupOptions options;
  options.auto_create_groups = false;
  Rig rig(testing::rig_options(), {}, options);
  rig.make_topic("T");
  EXPECT_EQ(rig.ask(rig.connect(), pull_request()).code, 26);
}

TEST_F(PullTest, path_like_group_is_refused) { EXPECT_EQ(pull({.group = "../x"}).code, 26); }

TEST_F(PullTest, disabled_group_is_forbidden) {
  rig.make_group("off", [](auto& config) { config.consume_enable = false; });
  const Frame answer = pull({.group = "off"});
  EXPECT_EQ(answer.code, 16);
  EXPECT_EQ(answer.ext.at("forbiddenType"), "2");
}

TEST_F(PullTest, unknown_topic_does_not_exist) { EXPECT_EQ(pull({.topic = "Nowhere"}).code, 17); }

TEST_F(PullTest, topic_without_read_permission_is_forbidden) {
  rig.make_topic("WriteOnly", 4, 2);
  const Frame answer = pull({.topic = "WriteOnly"});
  EXPECT_EQ(answer.code, 16);
  EXPECT_EQ(answer.ext.at("forbiddenType"), "3");
}

TEST_F(PullTest, queue_beyond_the_topic_is_an_invalid_parameter) {
  EXPECT_EQ(pull({.queue_id = 4}).code, 29);
  EXPECT_EQ(pull({.queue_id = -1}).code, 29);
}

TEST_F(PullTest, expression_of_separators_does_not_parse) { EXPECT_EQ(pull({.subscription = "||"}).code, 23); }

TEST_F(PullTest, group_without_consumers_has_no_subscription) {
  EXPECT_EQ(pull({.sys_flag = 0}).code, 24);
  rig.subscribe(consumer, "g", "Other");
  EXPECT_EQ(pull({.sys_flag = 0}).code, 24);
  rig.subscribe(consumer, "g", "T");
  EXPECT_EQ(pull({.sys_flag = 0}).code, 19);
}

TEST_F(PullTest, broadcasting_may_be_forbidden_to_a_group) {
  rig.make_group("b", [](auto& config) { config.consume_broadcast_enable = false; });
  rig.subscribe(consumer, "b", "T", "*", 1, "TAG", "BROADCASTING");
  const Frame answer = pull({.group = "b", .sys_flag = 0});
  EXPECT_EQ(answer.code, 16);
  EXPECT_EQ(answer.ext.at("forbiddenType"), "4");
}

TEST_F(PullTest, reading_a_topic_may_be_forbidden_to_a_group) {
  rig.subscribe(consumer, "g", "T");
  ASSERT_TRUE(rig.groups.set_readable("g", "T", false));
  const Frame answer = pull({.sys_flag = 0});
  EXPECT_EQ(answer.code, 16);
  EXPECT_EQ(answer.ext.at("forbiddenType"), "5");
}

TEST_F(PullTest, outdated_tag_subscription_gets_everything_until_the_heartbeat_comes) {
  rig.subscribe(consumer, "g", "T", "A", 5);
  send("a", "A");
  send("b", "B");
  EXPECT_EQ(parse_records(pull({.sys_flag = 0, .sub_version = 5}).body).size(), 1U);
  EXPECT_EQ(parse_records(pull({.sys_flag = 0, .sub_version = 6}).body).size(), 2U);
}

TEST_F(PullTest, language_without_a_plugin_is_refused_with_the_remedy) {
  const Frame answer = pull({.subscription = "a > 1", .expression_type = "SQL92"});
  EXPECT_EQ(answer.code, 1);
  EXPECT_NE(answer.remark.find("filter-sql92"), std::string::npos);
}

TEST_F(PullTest, expression_that_does_not_compile_is_refused_and_not_answered_with_everything) {
  rig.plugins.has_filter = true;
  send("a", "A");
  EXPECT_EQ(pull({.subscription = "bad", .expression_type = "SQL92"}).code, 23);
  rig.subscribe(consumer, "g", "T", "bad", 5, "SQL92");
  EXPECT_EQ(pull({.sys_flag = 0}).code, 23);
  rig.subscribe(consumer, "g", "T", "A", 6, "SQL92");
  EXPECT_EQ(pull({.sys_flag = 0, .sub_version = 7}).code, 25);
}

TEST_F(PullTest, store_that_cannot_read_is_a_system_error) {
  rig.store.unavailable = true;
  EXPECT_EQ(pull({}).code, 1);
}

// ---- outcomes ----

TEST_F(PullTest, found_messages_come_with_all_numbers) {
  send("one");
  send("two");
  const Frame answer = pull({});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.remark, "FOUND");
  expect_numbers(answer, 2, 0, 2);
  const auto messages = parse_records(answer.body);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].body, "one");
  EXPECT_EQ(messages[1].queue_offset, 1);
}

TEST_F(PullTest, large_answers_are_lent_and_given_back) {
  consumer.hold_releases();
  send(std::string(20'000, 'x'));
  const Frame answer = pull({});
  EXPECT_EQ(parse_records(answer.body).at(0).body.size(), 20'000U);
  EXPECT_EQ(rig.store.owners, 1U);
  consumer.run_releases();
  EXPECT_EQ(rig.store.owners, 0U);
}

TEST_F(PullTest, limits_of_the_request_hold) {
  for (int i = 0; i < 10; ++i) send(std::string(1'000, 'x'));
  EXPECT_EQ(parse_records(pull({.count_max = 3}).body).size(), 3U);
  EXPECT_EQ(parse_records(pull({.bytes_max = 2'500}).body).size(), 2U);
  EXPECT_EQ(parse_records(pull({.bytes_max = 1}).body).size(), 1U);
  EXPECT_EQ(parse_records(pull({.count_max = -5}).body).size(), 1U);
}

TEST_F(PullTest, request_for_gigabytes_gets_the_brokers_bound) {
  Options options = testing::rig_options();
  options.pull_bytes_max = 50'000;
  Rig bounded(options);
  bounded.make_topic("T");
  FakeChannel& client = bounded.connect();
  for (int i = 0; i < 100; ++i) bounded.ask(client, send_request({.body = std::string(1'000, 'x')}));
  const Frame answer = bounded.ask(client, pull_request({.count_max = 2'000'000'000, .bytes_max = 2'000'000'000}));
  EXPECT_LE(answer.body.size(), 50'000U);
}

TEST_F(PullTest, offsets_outside_the_queue_are_moved_into_it) {
  for (int i = 0; i < 5; ++i) send("x");
  rig.store.expire("T", 0, 2);
  Frame answer = pull({.offset = 99});
  EXPECT_EQ(answer.code, 21);
  expect_numbers(answer, 5, 2, 5);
  answer = pull({.offset = 1});
  EXPECT_EQ(answer.code, 21);
  expect_numbers(answer, 2, 2, 5);
  answer = pull({.offset = 5});
  EXPECT_EQ(answer.code, 19);
  expect_numbers(answer, 5, 2, 5);
}

TEST_F(PullTest, empty_queue_starts_at_zero) {
  Frame answer = pull({.offset = 7});
  EXPECT_EQ(answer.code, 21);
  expect_numbers(answer, 0, 0, 0);
  answer = pull({.offset = 0});
  EXPECT_EQ(answer.code, 19);
  expect_numbers(answer, 0, 0, 0);
}

TEST_F(PullTest, filtered_messages_are_skipped) {
  send("a", "A");
  send("b", "B");
  send("untagged");
  Frame answer = pull({.subscription = "B || C"});
  ASSERT_EQ(parse_records(answer.body).size(), 1U);
  EXPECT_EQ(parse_records(answer.body)[0].body, "b");
  answer = pull({.subscription = "C"});
  EXPECT_EQ(answer.code, 20);
  expect_numbers(answer, 3, 0, 3);
}

TEST_F(PullTest, plugin_language_filters) {
  rig.plugins.has_filter = true;
  send("a", "A");
  send("b", "B");
  const auto messages = parse_records(pull({.subscription = "B", .expression_type = "SQL92"}).body);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].body, "b");
}

// As in RocketMQ: clients subscribe their retry topic with all tags, so that what was refused once comes again even
// when the group's expression has changed meanwhile. Who names an expression for the retry topic itself gets it
// applied.
TEST_F(PullTest, retries_are_not_filtered_by_the_expression_of_their_topic) {
  rig.plugins.has_filter = true;
  rig.subscribe(consumer, "g", "T", "B", 5, "SQL92");
  rig.make_topic("%RETRY%g");
  rig.subscribe(consumer, "g", "%RETRY%g", "*", 5);
  send("once more", "A", 0, "%RETRY%g");
  send("and this", "B", 0, "%RETRY%g");
  EXPECT_EQ(parse_records(pull({.topic = "%RETRY%g", .sys_flag = 0}).body).size(), 2U);
  const auto chosen = pull({.topic = "%RETRY%g", .subscription = "B", .expression_type = "SQL92"});
  EXPECT_EQ(parse_records(chosen.body).size(), 1U);
}

TEST_F(PullTest, error_of_an_expression_reaches_the_client) {
  rig.plugins.has_filter = true;
  EXPECT_EQ(pull({.subscription = "bad", .expression_type = "SQL92"}).remark,
            "position 1: expected a tag, found 'bad'");
}

/// Lets through what has this text in its properties.
class HoldsText final : public CompiledFilter {
 public:
  explicit HoldsText(std::string text) : text_(std::move(text)) {}
  void match(std::span<const gantry_filter_message> messages, std::uint8_t* verdicts) const override {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const std::string_view properties(static_cast<const char*>(messages[i].properties.data),
                                        messages[i].properties.size);
      verdicts[i] = properties.find(text_) != std::string_view::npos ? 1 : 0;
    }
  }

 private:
  const std::string text_;
};

TEST_F(PullTest, bound_filters_come_on_top_of_what_the_subscription_asks_for) {
  rig.plugins.has_filter = true;
  rig.plugins.binder = [](std::string_view topic, std::string_view group) -> std::shared_ptr<const CompiledFilter> {
    if (topic != "T" || group != "g") return nullptr;
    return std::make_shared<HoldsText>(
        "TAGS\x01"
        "B");
  };
  send("a", "A");
  send("b", "B");
  const auto bodies = [&](const testing::PullShape& shape) {
    std::string all;
    for (const auto& message : parse_records(pull(shape).body)) all += message.body;
    return all;
  };
  EXPECT_EQ(bodies({}), "b");
  EXPECT_EQ(bodies({.subscription = "A || B"}), "b");
  EXPECT_EQ(bodies({.subscription = "A"}), "");
  EXPECT_EQ(bodies({.subscription = "B", .expression_type = "SQL92"}), "b");
  EXPECT_EQ(bodies({.subscription = "A", .expression_type = "SQL92"}), "");
  EXPECT_EQ(bodies({.group = "other"}), "ab");
  // A change of what is bound is seen by the next pull.
  rig.plugins.binder = [](std::string_view, std::string_view) {
    return std::make_shared<HoldsText>(
        "TAGS\x01"
        "A");
  };
  EXPECT_EQ(bodies({}), "b");
  ++rig.plugins.binder_version;
  EXPECT_EQ(bodies({}), "a");
}

TEST_F(PullTest, code_361_is_a_pull_too) {
  send("one");
  EXPECT_EQ(pull({.code = 361}).code, 0);
}

TEST_F(PullTest, fast_port_serves_sends_but_no_pulls) {
  FakeChannel& fast = rig.connect(0, true);
  EXPECT_EQ(rig.ask(fast, send_request()).code, 0);
  const Frame answer = rig.ask(fast, pull_request());
  EXPECT_EQ(answer.code, 3);
  EXPECT_NE(answer.remark.find("10911"), std::string::npos);
}

TEST_F(PullTest, piggybacked_offset_is_committed) {
  for (int i = 0; i < 5; ++i) send("x");
  pull({.sys_flag = subscription_bit | commit_bit, .commit_offset = 3});
  EXPECT_EQ(rig.offsets.find({"g", "T", 0}), 3);
  pull({.sys_flag = subscription_bit | commit_bit, .commit_offset = -1});
  EXPECT_EQ(rig.offsets.find({"g", "T", 0}), 3);
  pull({.sys_flag = subscription_bit | commit_bit, .commit_offset = 1'000});
  EXPECT_EQ(rig.offsets.find({"g", "T", 0}), 3);
}

TEST_F(PullTest, pending_reset_moves_the_consumer_once) {
  for (int i = 0; i < 5; ++i) send("x");
  ASSERT_TRUE(rig.offsets.reset({"g", "T", 0}, 2));
  const Frame answer = pull({.offset = 5});
  EXPECT_EQ(answer.code, 21);
  expect_numbers(answer, 2, 0, 5);
  EXPECT_EQ(pull({.offset = 5}).code, 19);
}

TEST_F(PullTest, cold_messages_are_read_by_the_pool) {
  send("one");
  rig.store.reads_would_block = true;
  rig.feed(consumer, testing::encode_request(pull_request()));
  EXPECT_TRUE(rig.received(consumer).empty());
  EXPECT_EQ(rig.pool.pending(), 1U);
  rig.run_all();
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(parse_records(answers[0].body).at(0).body, "one");
}

TEST_F(PullTest, cold_read_for_a_client_that_left_is_given_back) {
  send(std::string(20'000, 'x'));
  rig.store.reads_would_block = true;
  FakeChannel& leaver = rig.connect();
  rig.feed(leaver, testing::encode_request(pull_request()));
  rig.disconnect(leaver);
  rig.run_all();
  EXPECT_EQ(rig.store.owners, 0U);
}

TEST_F(PullTest, full_pool_answers_busy) {
  send("one");
  rig.store.reads_would_block = true;
  rig.pool.refuse(true);
  EXPECT_EQ(pull({}).code, 2);
}

// ---- a queue that is being rebuilt ----

TEST_F(PullTest, pull_from_a_queue_that_is_rebuilt_waits_and_is_answered_when_that_is_done) {
  send("one");
  rig.store.rebuilding = true;
  hold({});
  rig.advance(milliseconds(5'000));
  EXPECT_TRUE(rig.received(consumer).empty());
  rig.store.rebuilding = false;
  rig.advance(milliseconds(100));
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 0);
  EXPECT_EQ(parse_records(answers[0].body).at(0).body, "one");
}

TEST_F(PullTest, cold_pull_from_a_queue_that_is_rebuilt_waits_too_and_keeps_its_deadline) {
  send("one");
  rig.store.rebuilding = true;
  rig.store.reads_would_block = true;
  hold({});
  rig.run_all();
  for (int i = 0; i < 149; ++i) {
    rig.advance(milliseconds(100));
    rig.run_all();
    ASSERT_TRUE(rig.received(consumer).empty()) << i;
  }
  rig.advance(milliseconds(100));
  rig.run_all();
  auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U) << "fifteen seconds are over";
  EXPECT_EQ(answers[0].code, 19);
  expect_numbers(answers[0], 0, 0, 1);
  hold({});
  rig.run_all();
  rig.store.rebuilding = false;
  rig.advance(milliseconds(100));
  rig.run_all();
  answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(parse_records(answers[0].body).at(0).body, "one");
}

TEST_F(PullTest, long_poll_on_a_queue_that_is_rebuilt_ends_with_the_same_offset) {
  send("one");
  send("two");
  rig.store.rebuilding = true;
  hold({.offset = 1});
  rig.advance(milliseconds(15'000));
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 19);
  expect_numbers(answers[0], 1, 0, 2);
}

TEST_F(PullTest, pull_that_may_not_wait_long_is_told_to_come_back) {
  send("one");
  rig.store.rebuilding = true;
  ASSERT_TRUE(rig.exchange(consumer, pull_request()).empty());
  rig.advance(milliseconds(999));
  EXPECT_TRUE(rig.received(consumer).empty());
  rig.advance(milliseconds(1));
  auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 2) << "code 19 would say that the queue has no more";
  ASSERT_TRUE(rig.exchange(consumer, pull_request()).empty());
  rig.store.rebuilding = false;
  rig.advance(milliseconds(100));
  answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 0);
}

TEST_F(PullTest, pulls_that_wait_for_a_rebuild_are_answered_when_the_broker_stops) {
  send("one");
  rig.store.rebuilding = true;
  hold({});
  FakeChannel& other = rig.connect();
  ASSERT_TRUE(rig.exchange(other, pull_request({.sys_flag = subscription_bit | suspend_bit})).empty());
  rig.store.reads_would_block = true;
  rig.broker.stop();
  rig.run_all();
  EXPECT_EQ(rig.received(consumer).size(), 1U);
  EXPECT_EQ(rig.received(other).size(), 1U);
}

// ---- long polling ----

TEST_F(PullTest, held_pull_is_woken_by_the_append_on_another_shard) {
  hold({});
  send("one");
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 0);
  expect_numbers(answers[0], 1, 0, 1);
  EXPECT_EQ(parse_records(answers[0].body).at(0).body, "one");
}

TEST_F(PullTest, appends_nobody_waits_for_post_nothing) {
  const std::size_t before = rig.shards.at(ShardId(0)).posted();
  send("one");
  send("two");
  EXPECT_EQ(rig.shards.at(ShardId(0)).posted(), before);
}

TEST_F(PullTest, many_appends_post_one_wake_up) {
  hold({});
  const std::size_t before = rig.shards.at(ShardId(0)).posted();
  std::string bytes;
  for (int i = 0; i < 50; ++i) bytes += testing::encode_request(send_request({.opaque = i}));
  for (int i = 0; i < 10; ++i) rig.feed(producer, bytes);
  EXPECT_EQ(rig.shards.at(ShardId(0)).posted(), before + 1);
  rig.shards.run();
  EXPECT_EQ(rig.received(consumer).size(), 1U);
}

TEST_F(PullTest, append_to_another_queue_does_not_wake) {
  hold({});
  send("one", {}, 1);
  EXPECT_TRUE(rig.received(consumer).empty());
}

TEST_F(PullTest, message_that_does_not_match_leaves_the_pull_held) {
  hold({.subscription = "A"});
  send("b", "B");
  EXPECT_TRUE(rig.received(consumer).empty());
  send("a", "A");
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(parse_records(answers[0].body).at(0).body, "a");
  expect_numbers(answers[0], 2, 0, 2);
}

TEST_F(PullTest, held_pull_ends_with_nothing_new) {
  hold({.suspend_ms = 15'000});
  rig.advance(milliseconds(14'999));
  EXPECT_TRUE(rig.received(consumer).empty());
  rig.advance(milliseconds(2));
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 19);
  expect_numbers(answers[0], 0, 0, 0);
}

TEST_F(PullTest, held_pull_that_skipped_messages_ends_behind_them) {
  hold({.subscription = "A"});
  send("b", "B");
  rig.advance(milliseconds(15'001));
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 20);
  expect_numbers(answers[0], 1, 0, 1);
}

TEST_F(PullTest, each_deadline_counts) {
  hold({.suspend_ms = 9'000, .opaque = 1});
  hold({.suspend_ms = 3'000, .opaque = 2});
  hold({.suspend_ms = 6'000, .opaque = 3});
  std::vector<std::int32_t> order;
  for (int i = 0; i < 10; ++i) {
    rig.advance(milliseconds(1'000));
    for (const Frame& answer : rig.received(consumer)) order.push_back(answer.opaque);
  }
  EXPECT_EQ(order, (std::vector<std::int32_t>{2, 3, 1}));
}

TEST_F(PullTest, held_pulls_go_with_their_connection) {
  FakeChannel& leaver = rig.connect();
  auto request = pull_request({.sys_flag = subscription_bit | suspend_bit});
  ASSERT_TRUE(rig.exchange(leaver, request).empty());
  rig.disconnect(leaver);
  EXPECT_EQ(rig.metrics.gauge("gantry_pull_held", "").value(), 0);
  send("one");
  rig.advance(milliseconds(20'000));
}

TEST_F(PullTest, several_consumers_of_a_queue_are_all_woken) {
  FakeChannel& second = rig.connect(0);
  FakeChannel& third = rig.connect(1);
  hold({});
  const auto request = pull_request({.sys_flag = subscription_bit | suspend_bit});
  EXPECT_TRUE(rig.exchange(second, request).empty());
  EXPECT_TRUE(rig.exchange(third, request).empty());
  send("one");
  for (FakeChannel* channel : {&consumer, &second, &third}) EXPECT_EQ(rig.received(*channel).size(), 1U);
}

TEST_F(PullTest, message_that_arrived_meanwhile_is_not_missed) {
  // The append that runs between the read and the registration of the hold announces itself to nobody; here it stands
  // in the same chunk as the pull, on another shard's behalf, and the pull must still end at once.
  send("one");
  const Frame answer = pull({.sys_flag = subscription_bit | suspend_bit});
  EXPECT_EQ(answer.code, 0);
}

TEST_F(PullTest, held_pull_learns_that_its_topic_is_gone) {
  hold({});
  testing::RequestShape remove;
  remove.code = 215;
  remove.fields = {{"topic", "T"}};
  EXPECT_EQ(rig.ask(producer, remove).code, 0);
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 17);
}

TEST_F(PullTest, held_pull_is_answered_when_the_broker_stops) {
  hold({});
  rig.broker.stop();
  rig.shards.run();
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 19);
}

TEST_F(PullTest, connection_that_does_not_read_gets_no_more_until_it_does) {
  send("one");
  consumer.set_pending(std::size_t{1} << 30);
  EXPECT_TRUE(rig.exchange(consumer, pull_request()).empty());
  rig.advance(milliseconds(25));
  EXPECT_TRUE(rig.received(consumer).empty());
  consumer.set_pending(0);
  rig.advance(milliseconds(25));
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 0);
}

class BoundedPullTest : public PullTest {
 protected:
  static Options options() {
    Options made = testing::rig_options();
    made.holds_per_shard_max = 3;
    made.holds_per_channel_max = 2;
    return made;
  }
  BoundedPullTest() : PullTest(options()) {}
};

TEST_F(BoundedPullTest, pulls_beyond_the_bounds_are_answered_at_once) {
  hold({.opaque = 1});
  hold({.opaque = 2});
  EXPECT_EQ(pull({.sys_flag = subscription_bit | suspend_bit, .opaque = 3}).code, 19);
  const auto request = pull_request({.sys_flag = subscription_bit | suspend_bit});
  EXPECT_TRUE(rig.exchange(rig.connect(), request).empty());
  EXPECT_EQ(rig.ask(rig.connect(), request).code, 19);
}

TEST_F(BoundedPullTest, pulls_that_cannot_wait_for_a_rebuild_are_told_to_come_back) {
  send("one");
  rig.store.rebuilding = true;
  hold({.opaque = 1});
  hold({.opaque = 2});
  EXPECT_EQ(pull({.sys_flag = subscription_bit | suspend_bit, .opaque = 3}).code, 2);
}

class ShortPollTest : public PullTest {
 protected:
  static Options options() {
    Options made = testing::rig_options();
    made.long_polling = false;
    return made;
  }
  ShortPollTest() : PullTest(options()) {}
};

TEST_F(ShortPollTest, without_long_polling_pulls_are_held_for_a_second) {
  hold({});
  rig.advance(milliseconds(1'001));
  EXPECT_EQ(rig.received(consumer).size(), 1U);
}

class SyncPullTest : public PullTest {
 protected:
  static Options options() {
    Options made = testing::rig_options();
    made.ack = AckPromise::disk;
    return made;
  }
  SyncPullTest() : PullTest(options()) { rig.store.durable_at_once = false; }
};

TEST_F(SyncPullTest, message_is_seen_once_it_is_durable_and_not_earlier) {
  rig.exchange(producer, send_request());
  EXPECT_EQ(pull({}).code, 19);
  hold({});
  rig.store.sync();
  rig.shards.run();
  EXPECT_EQ(rig.received(consumer).size(), 1U);
  EXPECT_EQ(rig.received(producer).size(), 1U);
}

TEST_F(SyncPullTest, unacknowledged_wish_for_speed_still_waits_for_durability) {
  hold({});
  EXPECT_EQ(rig.exchange(producer, send_request({.properties = "WAIT\x01"
                                                               "false\x02"}))
                .size(),
            1U);
  EXPECT_TRUE(rig.received(consumer).empty());
  EXPECT_GT(rig.store.wanted, 0);  // somebody waits for it
  rig.store.sync();
  rig.shards.run();
  EXPECT_EQ(rig.received(consumer).size(), 1U);
}

}  // namespace
}  // namespace gantry::broker
