// Concern: an acknowledged message survives the death of the process, whenever that comes, with acknowledgement from
// memory as well: the page cache outlives the process.
// Method: a real broker is killed with SIGKILL at random moments under load (single messages, batches, several topics,
// topics made and deleted), again and again. After each start the newest acknowledged messages of each queue are read
// back; now and then, and at the end, every message from the first on, byte for byte and in queue order.
// GANTRY_KILL_CYCLES says how often (`./dev soak kill`); GANTRY_TEST_SEED repeats the moments.

#include "client/admin.hpp"
#include "tests/support/acknowledged.hpp"
#include "tests/support/broker_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

namespace gantry {
namespace {

using testing::AckLedger;
using testing::AckLoad;
using testing::BrokerProcess;

std::uint64_t number_in(const char* name, std::uint64_t fallback) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : fallback;
}

/// Makes topics, publishes to them and deletes some again, for as long as the broker lives.
class TopicChurn {
 public:
  /// The outcome of an operation that got no answer is not known.
  enum class State : std::uint8_t { made, deleted, unknown };
  using States = std::map<std::string, State>;

  TopicChurn(const BrokerProcess& broker, AckLedger& ledger, States& states, int cycle)
      : ledger_(ledger), states_(states), prefix_("churn-" + std::to_string(cycle) + "-") {
    client::AdminOptions administration;
    administration.name_servers = broker.name_servers();
    auto admin = client::Admin::start(administration);
    client::ProducerOptions producing;
    producing.name_servers = broker.name_servers();
    producing.attempts_max = 1;
    auto producer = client::Producer::start(producing);
    if (!admin || !producer) return;
    admin_ = *std::move(admin);
    producer_ = *std::move(producer);
    thread_ = std::thread([this] { run(); });
  }
  ~TopicChurn() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  TopicChurn(const TopicChurn&) = delete;
  TopicChurn& operator=(const TopicChurn&) = delete;

 private:
  static constexpr int topics_max = 20;

  void run() {
    for (int i = 0; i < topics_max && !stopping_; ++i) {
      const auto topic = prefix_ + std::to_string(i);
      client::TopicSettings settings;
      settings.topic = topic;
      settings.read_queues = settings.write_queues = 2;
      const auto made = admin_->create_topic(settings);
      states_[topic] = made ? State::made : State::unknown;
      if (!made) return;
      for (int message_number = 0; message_number < 3; ++message_number) {
        client::Message message;
        message.topic = topic;
        message.body = topic + " " + std::to_string(message_number);
        if (const auto sent = producer_->send(message); sent && sent->status == client::SendStatus::stored) {
          ledger_.acknowledged(*sent, message.body);
        }
      }
      if (i % 2 == 0) continue;
      ledger_.forget(topic);
      const auto deleted = admin_->delete_topic(topic);
      states_[topic] = deleted ? State::deleted : State::unknown;
      if (!deleted) return;
    }
  }

  AckLedger& ledger_;
  States& states_;
  const std::string prefix_;
  std::unique_ptr<client::Admin> admin_;
  std::unique_ptr<client::Producer> producer_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

class Kill : public ::testing::Test {
 protected:
  static constexpr std::uint64_t quick_cycles = 20;
  static constexpr int full_check_every = 50;
  static constexpr std::int64_t spot_check = 20;  // messages of each queue

  void run(const std::string& ack) {
    const auto seed = number_in("GANTRY_TEST_SEED", std::random_device()());
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    settings_.ack = ack;
    const int cycles = static_cast<int>(number_in("GANTRY_KILL_CYCLES", quick_cycles));
    for (int cycle = 0; cycle < cycles; ++cycle) {
      SCOPED_TRACE("cycle " + std::to_string(cycle));
      const bool is_full_check = cycle % full_check_every == full_check_every - 1;
      ASSERT_NO_FATAL_FAILURE(kill_one(cycle, 20 + random() % 400, is_full_check ? -1 : spot_check));
    }
    auto survivor = BrokerProcess::start(folder_, settings_);
    ASSERT_TRUE(survivor) << survivor.error().text;
    ASSERT_NO_FATAL_FAILURE(check(**survivor, -1));
    EXPECT_EQ((*survivor)->stop(), 0) << (*survivor)->log();
    const auto deleted = std::count_if(topics_.begin(), topics_.end(),
                                       [](const auto& entry) { return entry.second == TopicChurn::State::deleted; });
    std::printf("%d kills, %zu acknowledged messages, all found; %zu topics made, %lld of them deleted\n", cycles,
                ledger_.count(), topics_.size(), static_cast<long long>(deleted));
  }

  void kill_one(int cycle, std::size_t wanted, std::int64_t tail) {
    auto broker = BrokerProcess::start(folder_, settings_);
    ASSERT_TRUE(broker) << broker.error().text;
    ASSERT_NO_FATAL_FAILURE(check(**broker, tail));
    const std::size_t before = ledger_.count();
    TopicChurn churn(**broker, ledger_, topics_, cycle);
    auto load = AckLoad::start(**broker, ledger_);
    ASSERT_TRUE(load) << load.error().text;
    ASSERT_TRUE(testing::eventually([&] { return ledger_.count() >= before + wanted; }))
        << "last refusal: " << (*load)->last_refusal() << "\n"
        << (*broker)->log();
    (*broker)->kill();
  }

  void check(const BrokerProcess& broker, std::int64_t tail) {
    const auto checked = testing::check_acknowledged(broker, ledger_, tail);
    ASSERT_TRUE(checked) << checked.error().text << "\n" << broker.log();
    client::AdminOptions options;
    options.name_servers = broker.name_servers();
    auto admin = client::Admin::start(options);
    ASSERT_TRUE(admin) << admin.error().text;
    const auto listed = (*admin)->topics();
    ASSERT_TRUE(listed) << listed.error().text;
    const std::set<std::string> there(listed->begin(), listed->end());
    for (const auto& [topic, state] : topics_) {
      if (state == TopicChurn::State::unknown) continue;
      ASSERT_EQ(there.contains(topic), state == TopicChurn::State::made) << topic;
    }
  }

  testing::TempFolder folder_;
  testing::BrokerSettings settings_;
  AckLedger ledger_;
  TopicChurn::States topics_;
};

TEST_F(Kill, messages_acknowledged_from_disk_survive_every_kill_under_load) { run("disk"); }
TEST_F(Kill, messages_acknowledged_from_memory_survive_every_kill_under_load) { run("memory"); }

}  // namespace
}  // namespace gantry
