// Concern: `gantry store` says the truth about a broker that is running under load and about one that is stopped, and a
// copy of a running broker is a broker with everything that was acknowledged before.
// Method: the `gantry` program beside a real broker.

#include "client/consumer.hpp"
#include "client/producer.hpp"
#include "tests/support/broker_process.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <set>
#include <string>
#include <thread>

namespace gantry {
namespace {

struct Outcome {
  int status = -1;
  std::string text;  // standard output and error together
};

Outcome run(const std::string& arguments) {
  const std::string command = (testing::build_folder() / "bin" / "gantry").string() + " store " + arguments + " 2>&1";
  Outcome outcome;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> chunk{};
  while (const std::size_t count = fread(chunk.data(), 1, chunk.size(), pipe)) outcome.text.append(chunk.data(), count);
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class StoreTools : public ::testing::Test {
 protected:
  void SetUp() override { start(); }
  void start() {
    testing::BrokerSettings settings;
    settings.extra_toml = "[plugins.storage-mmap]\nsegment_size = \"1MiB\"\nqueue_file_entries = 1000\n";
    auto started = testing::BrokerProcess::start(folder, settings);
    ASSERT_TRUE(started) << started.error().text;
    broker = *std::move(started);
    config = " --config " + (folder.path() / "gantry.toml").string();
  }
  std::unique_ptr<client::Producer> producer() {
    client::ProducerOptions options;
    options.name_servers = broker->name_servers();
    auto started = client::Producer::start(options);
    EXPECT_TRUE(started) << started.error().text;
    return started ? *std::move(started) : nullptr;
  }
  void send(client::Producer& to, const std::string& topic, const std::string& body) {
    client::Message message;
    message.topic = topic;
    message.body = body;
    const auto sent = to.send(message);
    ASSERT_TRUE(sent) << sent.error().text;
  }

  testing::TempFolder folder;
  std::unique_ptr<testing::BrokerProcess> broker;
  std::string config;
};

TEST_F(StoreTools, a_running_broker_and_a_stopped_one_are_clean) {
  auto to = producer();
  for (int i = 0; i < 2000; ++i) send(*to, "orders", "order " + std::to_string(i) + std::string(1000, 'x'));
  const auto running = run("check --json" + config);
  EXPECT_EQ(running.status, 0) << running.text;
  EXPECT_NE(running.text.find("open by process " + std::to_string(broker->pid())), std::string::npos) << running.text;
  EXPECT_NE(running.text.find("\"errors\":0"), std::string::npos) << running.text;
  EXPECT_EQ(run("rebuild --all --yes" + config).status, 1) << "it is running";
  to.reset();
  ASSERT_EQ(broker->stop(), 0) << broker->log();
  const auto stopped = run("check" + config);
  EXPECT_EQ(stopped.status, 0) << stopped.text;
  EXPECT_NE(stopped.text.find("closed in order"), std::string::npos) << stopped.text;
  EXPECT_EQ(stopped.text.find("error"), std::string::npos) << stopped.text;

  const auto path = " --path " + (folder.path() / "store").string();
  const auto by_path = run("stat --json" + path);
  EXPECT_EQ(by_path.status, 0) << by_path.text;
  EXPECT_NE(by_path.text.find("\"name\":\"orders\""), std::string::npos) << by_path.text;

  const auto dumped = run("dump --topic orders --body text" + config);
  EXPECT_EQ(dumped.status, 0);
  EXPECT_EQ(count_of(dumped.text, "\n"), 2000u);
  EXPECT_EQ(count_of(dumped.text, "\"body\":\"order 1999x"), 1u);
  EXPECT_EQ(count_of(dumped.text, "\"record_size\":"), 2000u) << "the names that gantry message gives them";
  EXPECT_EQ(count_of(run("dump --topic orders --queue 0 --count 5 --body none" + config).text, "\n"), 5u);
  const auto located = run("locate 100 --json" + config);
  EXPECT_EQ(located.status, 0) << located.text;
  EXPECT_NE(located.text.find("\"queue_entry\":\"points here\""), std::string::npos) << located.text;

  EXPECT_EQ(run("rebuild --queues" + config).status, 2) << "it needs --yes";
  std::filesystem::remove_all(folder.path() / "store" / "consumequeue" / "orders" / "1");
  EXPECT_EQ(run("check" + config).status, 1);
  const auto rebuilt = run("rebuild --queues --discard --yes" + config);
  EXPECT_EQ(rebuilt.status, 0) << rebuilt.text;
  EXPECT_EQ(run("check" + config).status, 0);
}

TEST_F(StoreTools, usage_and_absence_are_told_apart) {
  EXPECT_EQ(run("dump --from-time yesterday" + config).status, 2);
  EXPECT_EQ(run("locate somewhere" + config).status, 2);
  EXPECT_EQ(run("check --path " + (folder.path() / "nothing").string() + config).status, 1);
  EXPECT_EQ(run("unknown").status, 2);
}

TEST_F(StoreTools, a_copy_made_under_load_is_a_broker_with_everything_acknowledged_before) {
  auto to = producer();
  for (int i = 0; i < 500; ++i) send(*to, "orders", "before " + std::to_string(i));
  std::atomic<bool> stopping{false};
  std::thread load([&] {
    auto more = producer();
    for (int i = 0; !stopping; ++i) send(*more, "orders", "during " + std::to_string(i) + std::string(2000, 'y'));
  });
  const auto target = (folder.path() / "copy").string();
  const auto checked = run("check" + config);
  const auto copied = run("copy " + target + config);
  stopping = true;
  load.join();
  to.reset();
  EXPECT_EQ(checked.status, 0) << checked.text;
  ASSERT_EQ(copied.status, 0) << copied.text;
  EXPECT_EQ(run("copy " + target + config).status, 1) << "it is not empty";
  ASSERT_EQ(broker->stop(), 0) << broker->log();

  std::filesystem::rename(folder.path() / "store", folder.path() / "original");
  std::filesystem::rename(target, folder.path() / "store");
  start();
  client::PullConsumerOptions options;
  options.name_servers = broker->name_servers();
  auto consumer = client::PullConsumer::start(options);
  ASSERT_TRUE(consumer) << consumer.error().text;
  std::set<std::string> bodies;
  const auto queues = (*consumer)->queues("orders");
  ASSERT_TRUE(queues) << queues.error().text;
  for (const auto& queue : *queues) {
    client::PullRequest request;
    request.queue = queue;
    while (true) {
      const auto pulled = (*consumer)->pull(request);
      ASSERT_TRUE(pulled) << pulled.error().text;
      if (pulled->status == client::PullStatus::nothing_new) break;
      for (const auto& message : pulled->messages) bodies.insert(message.body);
      request.offset = pulled->next_offset;
    }
  }
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(bodies.contains("before " + std::to_string(i))) << i;
  ASSERT_EQ(broker->stop(), 0) << broker->log();
  const auto after = run("check" + config);
  EXPECT_EQ(after.status, 0) << after.text;
}

}  // namespace
}  // namespace gantry
