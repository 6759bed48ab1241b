// Messages of the broker's own and of plugins, words to producers, and what consumers give back.

#include "kernel/broker/testing/rig.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace gantry::broker {
namespace {

using testing::FakeChannel;
using testing::Frame;
using testing::Rig;

using Outcomes = std::vector<Result<PublishedMessage>>;

OutgoingMessage message_for(std::string_view topic, std::string_view body, std::int32_t queue_id = 0) {
  OutgoingMessage message;
  message.topic = topic;
  message.body = body;
  message.properties = "k\x01v\x02";
  message.queue_id = queue_id;
  return message;
}

class OwnMessagesTest : public ::testing::Test {
 protected:
  explicit OwnMessagesTest(Options options = testing::rig_options()) : rig(std::move(options)) { rig.make_topic("T"); }
  Status publish(std::span<const OutgoingMessage> messages, std::uint32_t lane = 0) {
    return rig.broker.publish(messages, lane, [this](std::span<const Result<PublishedMessage>> published) {
      outcomes.emplace_back(published.begin(), published.end());
    });
  }
  testing::Message stored(std::string_view topic, std::int32_t queue, std::int64_t offset) {
    return testing::parse_records(rig.store.record(topic, queue, offset)).at(0);
  }
  Rig rig;
  std::vector<Outcomes> outcomes;  // of each call that was accepted
};

TEST_F(OwnMessagesTest, are_stored_in_order_with_one_append) {
  const std::array messages{message_for("T", "a"), message_for("T", "b", 2), message_for("T", "c")};
  ASSERT_TRUE(publish(messages));
  EXPECT_TRUE(outcomes.empty());
  rig.run_all();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(rig.store.append_calls, 1U);
  for (const auto& outcome : outcomes[0]) ASSERT_TRUE(outcome);
  EXPECT_EQ(outcomes[0][0]->queue_offset, 0);
  EXPECT_EQ(outcomes[0][1]->queue_id, 2);
  EXPECT_EQ(outcomes[0][2]->queue_offset, 1);
  EXPECT_LT(outcomes[0][0]->log_offset, outcomes[0][1]->log_offset);
  EXPECT_EQ(outcomes[0][0]->message_id.view().size(), 32U);
  EXPECT_EQ(stored("T", 0, 1).body, "c");
  EXPECT_EQ(stored("T", 2, 0).properties, "k\x01v\x02");
}

TEST_F(OwnMessagesTest, have_each_their_own_outcome) {
  const std::array messages{message_for("Nowhere", "a"), message_for("T", "b"), message_for("T", "c", 99)};
  ASSERT_TRUE(publish(messages));
  rig.run_all();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0][0].error().code, Errc::not_found);
  EXPECT_TRUE(outcomes[0][1]);
  EXPECT_EQ(outcomes[0][2].error().code, Errc::invalid_argument);
  EXPECT_EQ(rig.store.count("T", 0), 1);
}

TEST_F(OwnMessagesTest, that_follow_one_that_was_not_stored_are_not_stored_either) {
  std::array messages{message_for("Nowhere", "a"), message_for("T", "b"), message_for("T", "c"), message_for("T", "d")};
  messages[1].after = true;
  messages[2].after = true;
  ASSERT_TRUE(publish(messages));
  rig.run_all();
  EXPECT_EQ(outcomes.at(0)[0].error().code, Errc::not_found);
  EXPECT_EQ(outcomes[0][1].error().code, Errc::unavailable);
  EXPECT_EQ(outcomes[0][2].error().code, Errc::unavailable);
  EXPECT_TRUE(outcomes[0][3]);
  EXPECT_EQ(rig.store.count("T", 0), 1);

  messages[0] = message_for("T", "a");
  rig.store.refused_body = "a";
  ASSERT_TRUE(publish(messages));
  rig.run_all();
  EXPECT_EQ(outcomes.at(1)[0].error().code, Errc::full);
  EXPECT_EQ(outcomes[1][1].error().code, Errc::unavailable);
  EXPECT_EQ(outcomes[1][2].error().code, Errc::unavailable);
  EXPECT_TRUE(outcomes[1][3]);
  rig.store.refused_body.clear();
  ASSERT_TRUE(publish(messages));
  rig.run_all();
  for (const auto& outcome : outcomes.at(2)) EXPECT_TRUE(outcome);
}

TEST_F(OwnMessagesTest, that_the_store_refuses_are_told) {
  rig.store.append_status = GANTRY_E_FULL;
  const std::array messages{message_for("T", "a"), message_for("T", "b")};
  ASSERT_TRUE(publish(messages));
  rig.run_all();
  EXPECT_EQ(outcomes.at(0)[0].error().code, Errc::full);
  EXPECT_EQ(outcomes.at(0)[1].error().code, Errc::full);
}

TEST_F(OwnMessagesTest, of_one_lane_keep_their_order) {
  for (const char* body : {"1", "2", "3"}) {
    const std::array messages{message_for("T", body)};
    ASSERT_TRUE(publish(messages, 7));
  }
  rig.run_all();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(stored("T", 0, i).body, std::to_string(i + 1));
}

TEST_F(OwnMessagesTest, wake_a_consumer_that_waits) {
  FakeChannel& consumer = rig.connect();
  rig.subscribe(consumer, "g", "T");
  rig.received(consumer);
  EXPECT_TRUE(rig.exchange(consumer, testing::pull_request({.sys_flag = 6})).empty());
  const std::array messages{message_for("T", "hello")};
  ASSERT_TRUE(publish(messages));
  rig.run_all();
  const auto answers = rig.received(consumer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(testing::parse_records(answers[0].body).at(0).body, "hello");
}

TEST_F(OwnMessagesTest, beyond_the_bound_are_refused_at_once) {
  const std::vector<OutgoingMessage> many(1024, message_for("T", "a"));
  std::size_t accepted = 0;
  Status last;
  while (accepted < 64 && (last = publish(many))) ++accepted;
  EXPECT_EQ(last.error().code, Errc::busy);
  EXPECT_EQ(accepted, testing::rig_options().deferred_max / many.size());
  rig.run_all();
  EXPECT_EQ(outcomes.size(), accepted);
  EXPECT_TRUE(rig.broker.drained());
}

class DurableOwnMessagesTest : public OwnMessagesTest {
 protected:
  static Options options() {
    Options made = testing::rig_options();
    made.ack = AckPromise::disk;
    made.sync_flush_timeout = std::chrono::milliseconds(5'000);
    return made;
  }
  DurableOwnMessagesTest() : OwnMessagesTest(options()) { rig.store.durable_at_once = false; }
};

TEST_F(DurableOwnMessagesTest, are_done_when_the_last_one_is_durable) {
  const std::array messages{message_for("T", "a"), message_for("T", "b", 1)};
  ASSERT_TRUE(publish(messages));
  rig.shards.run();
  EXPECT_TRUE(outcomes.empty());
  EXPECT_EQ(rig.store.wanted, rig.store.log_end());
  rig.store.sync();
  rig.shards.run();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_TRUE(outcomes[0][0]);
  EXPECT_TRUE(outcomes[0][1]);
  EXPECT_TRUE(rig.broker.drained());
}

TEST_F(DurableOwnMessagesTest, say_when_the_promise_was_not_kept_in_time) {
  const std::array messages{message_for("T", "a"), message_for("Nowhere", "b")};
  ASSERT_TRUE(publish(messages));
  rig.shards.run();
  rig.advance(std::chrono::milliseconds(5'001));
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0][0].error().code, Errc::timed_out);
  EXPECT_EQ(outcomes[0][1].error().code, Errc::not_found);
  rig.store.sync();
  rig.shards.run();
  EXPECT_EQ(outcomes.size(), 1U);
}

TEST_F(DurableOwnMessagesTest, fail_with_the_store) {
  const std::array messages{message_for("T", "a")};
  ASSERT_TRUE(publish(messages));
  rig.shards.run();
  rig.store.fail("fsync: EIO");
  rig.run_all();
  EXPECT_EQ(outcomes.at(0)[0].error().code, Errc::unavailable);
}

// ---- words to producers ----

TEST_F(OwnMessagesTest, a_producer_of_the_group_is_asked) {
  const std::array<gantry_bytes, 2> fields{gantry_bytes{"msgId", 5}, gantry_bytes{"id-1", 4}};
  const std::string body = "half";
  const auto ask = [&] { return rig.broker.ask_producer("p", 39, fields, std::as_bytes(std::span(body))); };
  EXPECT_EQ(ask().error().code, Errc::not_found);
  FakeChannel& producer = rig.connect(1);
  testing::RequestShape heartbeat;
  heartbeat.code = 34;
  heartbeat.body = R"({"clientID":"c1","consumerDataSet":[],"producerDataSet":[{"groupName":"p"}]})";
  rig.exchange(producer, heartbeat);
  ASSERT_TRUE(ask());
  rig.run_all();
  const auto frames = rig.received(producer);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].code, 39);
  EXPECT_EQ(frames[0].flag & 3, 2);  // a request without an answer
  EXPECT_EQ(frames[0].ext.at("msgId"), "id-1");
  EXPECT_EQ(frames[0].body, body);
}

// ---- what consumers give back ----

class SendBackTest : public OwnMessagesTest {
 protected:
  SendBackTest() : client(rig.connect()) {
    rig.make_group("g");
    rig.ask(client, testing::send_request({.properties = "TAGS\x01red\x02"
                                                         "DELAY\x01-1\x02"}));
    rig.plugins.sender_back = [this](gantry_publishing& message, const gantry_scratch&) {
      seen = std::string(static_cast<const char*>(message.properties.data), message.properties.size);
      if (takes) message.taken |= GANTRY_TAKEN_DELAY;
    };
  }
  Frame send_back(std::int64_t offset, int level) {
    testing::RequestShape request;
    request.code = 36;
    request.fields = {{"offset", std::to_string(offset)},
                      {"group", "g"},
                      {"delayLevel", std::to_string(level)},
                      {"maxReconsumeTimes", "16"}};
    return rig.ask(client, request);
  }
  FakeChannel& client;
  std::string seen;
  bool takes = true;
};

TEST_F(SendBackTest, a_retry_goes_to_the_retry_topic_by_way_of_the_interceptors) {
  ASSERT_EQ(send_back(0, 0).code, 0);
  EXPECT_EQ(testing::property(seen, "DELAY"), "3");
  ASSERT_EQ(rig.store.count("%RETRY%g", 0), 1);
  const auto retry = stored("%RETRY%g", 0, 0);
  EXPECT_EQ(retry.reconsume_count, 1);
  EXPECT_EQ(retry.body, "hello");
  EXPECT_EQ(testing::property(retry.properties, "TAGS"), "red");
  EXPECT_EQ(testing::property(retry.properties, "RETRY_TOPIC"), "T");
  const std::string origin = testing::property(retry.properties, "ORIGIN_MESSAGE_ID");
  EXPECT_EQ(origin.size(), 32U);
  EXPECT_EQ(testing::property(retry.properties, "DELAY"), "3");
  // Once more: the first delivery stays known, and the wait grows.
  ASSERT_EQ(send_back(retry.log_offset, 0).code, 0);
  EXPECT_EQ(testing::property(seen, "DELAY"), "4");
  EXPECT_EQ(testing::property(seen, "ORIGIN_MESSAGE_ID"), origin);
  EXPECT_EQ(testing::property(seen, "RETRY_TOPIC"), "T");
  EXPECT_EQ(stored("%RETRY%g", 0, 1).reconsume_count, 2);
  // The consumer may choose the level.
  ASSERT_EQ(send_back(0, 7).code, 0);
  EXPECT_EQ(testing::property(seen, "DELAY"), "7");
}

TEST_F(SendBackTest, a_retry_that_nobody_delays_is_refused) {
  takes = false;
  const Frame answer = send_back(0, 0);
  EXPECT_EQ(answer.code, 1);
  EXPECT_NE(answer.remark.find("delay"), std::string::npos);
  EXPECT_EQ(rig.store.count("%RETRY%g", 0), 0);
}

TEST_F(SendBackTest, a_dead_letter_waits_for_nothing) {
  takes = false;
  ASSERT_EQ(send_back(0, -1).code, 0);
  EXPECT_EQ(testing::property(seen, "DELAY"), "");
  EXPECT_EQ(rig.store.count("%DLQ%g", 0), 1);
}

}  // namespace
}  // namespace gantry::broker
