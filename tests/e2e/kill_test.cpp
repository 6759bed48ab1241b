// Concern: an acknowledged message survives the death of the process, whenever that comes.
// Method: a real broker with acknowledgement from disk is killed with SIGKILL at random moments under load, again and
// again; after each start, and in full at the end, every acknowledged message is read back from its queue, byte for
// byte and in queue order.

#include "client/consumer.hpp"
#include "client/producer.hpp"
#include "tests/support/broker_process.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <thread>

namespace gantry {
namespace {

using client::MessageQueue;

int cycle_count() {
  const char* given = std::getenv("GANTRY_KILL_CYCLES");
  return given != nullptr ? std::atoi(given) : 50;
}

/// What the broker promised: queue, offset and body of each acknowledged message.
class Ledger {
 public:
  void acknowledged(const client::SendResult& result, const std::string& body) {
    const std::lock_guard lock(mutex_);
    auto [at, fresh] = entries_[result.queue].emplace(result.queue_offset, body);
    EXPECT_TRUE(fresh) << "offset " << result.queue_offset << " of queue " << result.queue.queue_id
                       << " was given to two acknowledged messages";
    ++count_;
  }
  [[nodiscard]] std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  [[nodiscard]] std::map<MessageQueue, std::map<std::int64_t, std::string>> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<MessageQueue, std::map<std::int64_t, std::string>> entries_;
  std::size_t count_ = 0;
};

/// Publishes numbered messages until told to stop; whatever fails is not in the ledger.
class Load {
 public:
  Load(const testing::BrokerProcess& broker, Ledger& ledger, std::atomic<std::uint64_t>& next)
      : ledger_(ledger), next_(next) {
    client::ProducerOptions options;
    options.name_servers = broker.name_servers();
    options.attempts_max = 1;
    options.timeout = std::chrono::milliseconds(2000);
    auto started = client::Producer::start(options);
    if (!started) {
      ADD_FAILURE() << started.error().text;
      return;
    }
    producer_ = *std::move(started);
    for (int i = 0; i < 4; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Load() { stop(); }

  void stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void run() {
    while (!stopping_) {
      client::Message message;
      message.topic = "kill-test";
      const std::uint64_t number = next_++;
      message.body =
          "message " + std::to_string(number) + " " + std::string(number % 700, static_cast<char>('a' + number % 26));
      if (const auto sent = producer_->send(message); sent && sent->status == client::SendStatus::stored) {
        ledger_.acknowledged(*sent, message.body);
      }
    }
  }

  Ledger& ledger_;
  std::atomic<std::uint64_t>& next_;
  std::unique_ptr<client::Producer> producer_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

void verify(const testing::BrokerProcess& broker, const Ledger& ledger) {
  client::PullConsumerOptions options;
  options.name_servers = broker.name_servers();
  auto consumer = client::PullConsumer::start(options);
  ASSERT_TRUE(consumer) << consumer.error().text;
  for (const auto& [queue, expected] : ledger.entries()) {
    client::PullRequest request;
    request.queue = queue;
    std::int64_t previous = -1;
    std::size_t found = 0;
    while (true) {
      const auto pulled = (*consumer)->pull(request);
      ASSERT_TRUE(pulled) << pulled.error().text;
      if (pulled->status == client::PullStatus::nothing_new) break;
      ASSERT_EQ(pulled->status, client::PullStatus::found);
      for (const client::ReceivedMessage& message : pulled->messages) {
        ASSERT_EQ(message.queue_offset, previous + 1) << "a hole or a step back in queue " << queue.queue_id;
        previous = message.queue_offset;
        if (const auto at = expected.find(message.queue_offset); at != expected.end()) {
          ASSERT_EQ(message.body, at->second) << "queue " << queue.queue_id << ", offset " << message.queue_offset;
          ++found;
        }
      }
      request.offset = pulled->next_offset;
    }
    ASSERT_EQ(found, expected.size()) << "acknowledged messages are missing in queue " << queue.queue_id;
  }
}

TEST(Kill, acknowledged_messages_survive_every_kill_under_load) {
  testing::TempFolder folder;
  testing::BrokerSettings settings;
  settings.ack = "disk";
  Ledger ledger;
  std::atomic<std::uint64_t> next{0};
  std::mt19937 random(std::random_device{}());
  const int cycles = cycle_count();
  for (int cycle = 0; cycle < cycles; ++cycle) {
    auto broker = testing::BrokerProcess::start(folder, settings);
    ASSERT_TRUE(broker) << broker.error().text;
    const std::size_t before = ledger.count();
    {
      Load load(**broker, ledger, next);
      const std::size_t wanted = before + 20 + random() % 400;
      ASSERT_TRUE(testing::eventually([&] { return ledger.count() >= wanted; })) << (*broker)->log();
      (*broker)->kill();
    }
    if (cycle % 10 == 9) {
      auto survivor = testing::BrokerProcess::start(folder, settings);
      ASSERT_TRUE(survivor) << survivor.error().text;
      ASSERT_NO_FATAL_FAILURE(verify(**survivor, ledger)) << "after cycle " << cycle << "\n" << (*survivor)->log();
      EXPECT_EQ((*survivor)->stop(), 0) << (*survivor)->log();
    }
  }
  auto survivor = testing::BrokerProcess::start(folder, settings);
  ASSERT_TRUE(survivor) << survivor.error().text;
  verify(**survivor, ledger);
  std::printf("%d kills, %zu acknowledged messages, all found\n", cycles, ledger.count());
}

}  // namespace
}  // namespace gantry
