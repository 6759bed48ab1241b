// Concern: delayed messages of a real broker come at their time, never before it, once, in order; and all of them come
// after the process was killed in the middle. Method: the `gantry` program with the plugin delay, our own client; the
// time of delivery is the store time of the message in its topic, by the broker's own clock.

#include "client/admin.hpp"
#include "client/consumer.hpp"
#include "client/producer.hpp"
#include "client/remoting_client.hpp"
#include "protocol/client_requests.hpp"
#include "protocol/codes.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/command.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

namespace gantry {
namespace {

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class DelayE2e : public ::testing::Test {
 protected:
  void start(const std::string& broker_toml = {}, const std::string& delay_toml = {}) {
    settings.plugins = {"delay"};
    settings.broker_toml = broker_toml;
    // Far fewer than by default, so that small tests see files and merges.
    settings.extra_toml = "[plugins.delay]\ntable_entries = 1024\n" + delay_toml + "\n";
    launch();
  }
  void launch() {
    auto started = testing::BrokerProcess::start(folder, settings);
    ASSERT_TRUE(started) << started.error().text;
    broker = *std::move(started);
    cluster = " -n " + broker->name_servers()[0];
    if (producer) return;
    ASSERT_EQ(testing::run_gantry("topic create orders --queues 1" + cluster).status, 0);
    client::ProducerOptions producing;
    producing.name_servers = broker->name_servers();
    auto made = client::Producer::start(producing);
    ASSERT_TRUE(made);
    producer = *std::move(made);
    client::PullConsumerOptions reading;
    reading.name_servers = broker->name_servers();
    auto reads = client::PullConsumer::start(reading);
    ASSERT_TRUE(reads);
    consumer = *std::move(reads);
  }

  static client::Message message(const std::string& body, std::map<std::string, std::string> properties) {
    client::Message made;
    made.topic = "orders";
    made.body = body;
    made.properties = std::move(properties);
    return made;
  }

  /// Everything in the topic's only queue from `from` on.
  std::vector<client::ReceivedMessage> read_all(const std::string& topic = "orders") {
    std::vector<client::ReceivedMessage> all;
    const auto queues = consumer->queues(topic);
    if (!queues || queues->empty()) return all;
    for (std::int64_t at = 0;;) {
      client::PullRequest request;
      request.queue = queues->front();
      request.offset = at;
      request.message_count_max = 1024;
      auto pulled = consumer->pull(request);
      if (!pulled || pulled->messages.empty()) return all;
      at = pulled->next_offset;
      for (auto& each : pulled->messages) all.push_back(std::move(each));
    }
  }
  std::vector<client::ReceivedMessage> wait_for(std::size_t count) {
    std::vector<client::ReceivedMessage> all;
    EXPECT_TRUE(testing::eventually([&] {
      all = read_all();
      return all.size() >= count;
    })) << all.size()
        << " of " << count << "\n"
        << broker->log();
    return all;
  }
  /// The timers that the broker says are waiting.
  std::int64_t pending() {
    const auto outcome = testing::run_gantry("timer list --json --limit 0" + cluster);
    const auto at = outcome.text.find("\"pending\":");
    return at == std::string::npos ? -1 : std::strtoll(outcome.text.c_str() + at + 10, nullptr, 10);
  }

  testing::TempFolder folder;
  testing::BrokerSettings settings;
  std::unique_ptr<testing::BrokerProcess> broker;
  std::unique_ptr<client::Producer> producer;
  std::unique_ptr<client::PullConsumer> consumer;
  std::string cluster;
};

TEST_F(DelayE2e, timers_come_at_their_time_and_in_their_order) {
  start();
  constexpr int count = 200;
  const std::int64_t base = now_ms() + 1'000;
  for (int i = 0; i < count; ++i) {
    const std::int64_t due = base + (i * 37) % count * 5;  // every fifth millisecond, in a shuffled order
    ASSERT_TRUE(producer->send(message(std::to_string(due), {{"TIMER_DELIVER_MS", std::to_string(due)}})));
  }
  const auto all = wait_for(count);
  ASSERT_EQ(all.size(), static_cast<std::size_t>(count));
  std::int64_t before = 0;
  for (const auto& each : all) {
    const std::int64_t due = std::stoll(each.body);
    EXPECT_GE(each.store_ms, due);
    EXPECT_GT(due, before) << "out of order";
    before = due;
    EXPECT_EQ(each.properties.at("TIMER_OUT_MS"), each.body);
    EXPECT_EQ(each.properties.at("REAL_TOPIC"), "orders");
    EXPECT_GE(std::stoll(each.properties.at("TIMER_DEQUEUE_MS")), due);
    EXPECT_FALSE(each.properties.contains("TIMER_EXACT"));
  }
}

TEST_F(DelayE2e, relative_delays_past_times_and_levels) {
  start("delay_levels = \"1s 2s 1d\"");
  const std::int64_t begin = now_ms();
  ASSERT_TRUE(producer->send(message("past", {{"TIMER_DELIVER_MS", std::to_string(begin - 5)}})));
  ASSERT_EQ(read_all().size(), 1U) << "a time that is over is no delay";
  ASSERT_TRUE(producer->send(message("level 2", {{"DELAY", "2"}, {"TIMER_DELAY_MS", "1"}})));
  ASSERT_TRUE(producer->send(message("level 1", {{"DELAY", "1"}})));
  ASSERT_TRUE(producer->send(message("ms", {{"TIMER_DELAY_MS", "300"}})));
  ASSERT_TRUE(producer->send(message("s", {{"TIMER_DELAY_SEC", "1"}, {"TIMER_DELAY_MS", "1"}})));
  std::map<std::string, client::ReceivedMessage> by_body;
  for (const auto& each : wait_for(5)) by_body[each.body] = each;
  ASSERT_EQ(by_body.size(), 5U);
  EXPECT_GE(by_body["ms"].store_ms, begin + 300);
  EXPECT_GE(by_body["s"].store_ms, begin + 1'000);
  EXPECT_GE(by_body["level 1"].store_ms, begin + 1'000);
  EXPECT_GE(by_body["level 2"].store_ms, begin + 2'000);
  EXPECT_EQ(by_body["level 2"].properties.at("DELAY"), "2");
}

TEST_F(DelayE2e, wishes_that_make_no_sense_are_refused_with_the_reason) {
  start();
  for (const auto& [name, value, expected] :
       {std::tuple("TIMER_DELAY_MS", "soon", "found \"soon\""), std::tuple("TIMER_DELAY_SEC", "-1", "not negative"),
        std::tuple("TIMER_DELAY_SEC", "99999999999", "horizon"),
        std::tuple("TIMER_DELIVER_MS", "99999999999999999999", "found"), std::tuple("DELAY", "x", "a delay level")}) {
    const auto refused = producer->send(message("x", {{name, value}}));
    ASSERT_FALSE(refused) << name;
    EXPECT_NE(refused.error().text.find(expected), std::string::npos) << refused.error().text;
  }
  EXPECT_TRUE(read_all().empty());
}

TEST_F(DelayE2e, kills_in_the_middle_lose_nothing_deliver_nothing_early_and_double_little) {
  start();
  constexpr int count = 6'000;
  constexpr int kills = 3;
  const std::int64_t base = now_ms() + 2'500;
  std::atomic<int> stored{0};
  for (int i = 0; i < count; ++i) {
    const std::string due = std::to_string(base + i % 6'000);
    producer->send_async(message(due + " " + std::to_string(i), {{"TIMER_DELIVER_MS", due}}), [&stored](auto sent) {
      EXPECT_TRUE(sent);
      ++stored;
    });
  }
  ASSERT_TRUE(testing::eventually([&] { return stored == count; }));
  for (int kill = 0; kill < kills; ++kill) {
    std::this_thread::sleep_until(std::chrono::system_clock::time_point(std::chrono::milliseconds(base + 900 * kill)));
    broker->kill();
    launch();
  }
  std::set<std::string> bodies;
  std::vector<client::ReceivedMessage> all;
  ASSERT_TRUE(testing::eventually(
      [&] {
        all = read_all();
        bodies.clear();
        for (const auto& each : all) bodies.insert(each.body);
        return bodies.size() == static_cast<std::size_t>(count);
      },
      std::chrono::seconds(30)))
      << bodies.size() << " of " << count << "\n"
      << broker->log();
  for (const auto& each : all) EXPECT_GE(each.store_ms, std::stoll(each.body)) << "early";
  // At most what was on its way at each kill.
  RecordProperty("doubled", static_cast<int>(all.size()) - count);
  EXPECT_LE(all.size(), static_cast<std::size_t>(count + kills * 4 * 512));
  EXPECT_TRUE(testing::eventually([&] { return pending() == 0; })) << pending();
}

TEST_F(DelayE2e, recalled_messages_do_not_come_and_foreign_handles_are_refused) {
  start();
  const std::string due = std::to_string(now_ms() + 1'500);
  auto remoting = client::RemotingClient::start({});
  ASSERT_TRUE(remoting);
  const auto recall = [&](const std::string& topic, const std::string& handle) {
    protocol::RecallMessageHeader header;
    header.producer_group = "p";
    header.topic = topic;
    header.recall_handle = handle;
    const auto reply = (*remoting)->call(broker->broker_address(), protocol::RequestCode::recall_message, header);
    return reply ? *reply : client::Reply{-1, reply.error().text, {}, {}};
  };
  const auto kept = producer->send(message("kept", {{"TIMER_DELIVER_MS", due}}));
  const auto gone = producer->send(message("gone", {{"TIMER_DELIVER_MS", due}}));
  ASSERT_TRUE(kept && gone);
  ASSERT_FALSE(gone->recall_handle.empty());
  const client::Reply reply = recall("orders", gone->recall_handle);
  EXPECT_EQ(reply.code, 0) << reply.remark;
  EXPECT_EQ(reply.field("msgId"), gone->message_id);
  EXPECT_EQ(recall("nowhere", gone->recall_handle).code, 17);
  EXPECT_EQ(recall("orders", "bm9uc2Vuc2U=").code, 604);
  EXPECT_EQ(recall("orders", "not base64!").code, 604);
  ASSERT_TRUE(producer->send(message("last", {{"TIMER_DELIVER_MS", std::to_string(std::stoll(due) + 1)}})));
  const auto all = wait_for(2);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].body, "kept");
  EXPECT_EQ(all[1].body, "last");
  const client::Reply late = recall("orders", kept->recall_handle);
  EXPECT_EQ(late.code, 604);
  EXPECT_NE(late.remark.find("ms ago"), std::string::npos) << late.remark;
}

TEST_F(DelayE2e, timers_are_listed_and_cancelled_by_key) {
  start();
  for (int i = 0; i < 3; ++i) {
    client::Message each = message("x", {{"TIMER_DELAY_SEC", std::to_string(3'600 + i)}});
    each.keys = "order-" + std::to_string(i);
    ASSERT_TRUE(producer->send(each));
  }
  ASSERT_TRUE(testing::eventually([&] { return pending() == 3; })) << pending();
  const auto listed = testing::run_gantry("timer list" + cluster);
  EXPECT_EQ(listed.status, 0);
  EXPECT_NE(listed.text.find("3 timers wait"), std::string::npos) << listed.text;
  EXPECT_LT(listed.text.find("order-0"), listed.text.find("order-2")) << listed.text;
  EXPECT_TRUE(testing::eventually(
      [&] { return testing::run_gantry("timer cancel --topic orders --key order-1" + cluster).status == 0; }));
  EXPECT_TRUE(testing::eventually([&] {
    const auto shown = testing::run_gantry("timer list" + cluster).text;
    return shown.find("cancelled") != std::string::npos;
  }));
  EXPECT_NE(testing::run_gantry("timer cancel --topic orders --key nothing" + cluster).status, 0);
}

TEST_F(DelayE2e, retries_of_consumers_wait_for_their_level) {
  start("delay_levels = \"1s 1s 1s\"");
  client::PushConsumerOptions consuming;
  consuming.name_servers = broker->name_servers();
  consuming.group = "workers";
  consuming.topic = "orders";
  consuming.from = client::ConsumeFrom::first;
  std::atomic<std::int64_t> given_back{0};
  auto workers = client::PushConsumer::start(consuming, [&](const client::ReceivedMessage&) {
    given_back = now_ms();
    return client::ConsumeVerdict::later;
  });
  ASSERT_TRUE(workers) << workers.error().text;
  ASSERT_TRUE(producer->send(message("work", {})));
  std::vector<client::ReceivedMessage> retries;
  ASSERT_TRUE(testing::eventually([&] {
    retries = read_all("%RETRY%workers");
    return !retries.empty();
  })) << broker->log();
  ASSERT_EQ(retries.size(), 1U);
  EXPECT_GE(retries[0].store_ms - given_back, 1'000);
  EXPECT_EQ(retries[0].reconsume_count, 1);
  EXPECT_EQ(retries[0].body, "work");
}

TEST_F(DelayE2e, message_whose_topic_was_deleted_is_kept_where_it_can_be_seen) {
  start();
  ASSERT_TRUE(producer->send(message("orphan", {{"TIMER_DELAY_MS", "1500"}})));
  ASSERT_EQ(testing::run_gantry("topic delete orders --yes" + cluster).status, 0);
  ASSERT_TRUE(testing::eventually([&] { return read_all("rmq_sys_gantry_undeliverable").size() == 1; }))
      << broker->log();
}

}  // namespace
}  // namespace gantry
