// Concern: no message is missed when an append on one shard and a pull that is about to be held on another cross.
//
// Plan: two real threads are two shards. One appends messages one by one; the other pulls the next offset each time it
// got the one before. Time stands still, so no deadline ever helps: a lost wake-up is a test that does not end.

#include "kernel/broker/testing/rig.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace gantry::broker {
namespace {

class ThreadExecutor final : public Executor {
 public:
  ThreadExecutor() : thread_([this] { run(); }) {}
  ~ThreadExecutor() override {
    post([this] { stopped_ = true; });
    thread_.join();
  }
  void post(Task task) override {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    ready_.notify_one();
  }
  [[nodiscard]] bool runs_here() const noexcept override { return std::this_thread::get_id() == thread_.get_id(); }
  TimerId call_after(std::chrono::milliseconds, Task task) override {
    timers_.push_back(std::move(task));  // never due
    return timers_.size();
  }
  void cancel(TimerId) override {}

  void run_and_wait(const std::function<void()>& work) {
    std::promise<void> done;
    post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  void run() {
    while (!stopped_) {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return !tasks_.empty(); });
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
  }

  std::mutex mutex_;  // guards tasks_
  std::condition_variable ready_;
  std::deque<Task> tasks_;
  std::deque<Task> timers_;  // own thread only
  bool stopped_ = false;     // own thread only
  std::thread thread_;
};

class ThreadShards final : public Shards {
 public:
  [[nodiscard]] std::size_t count() const noexcept override { return executors_.size(); }
  [[nodiscard]] Executor& at(ShardId shard) noexcept override { return executors_[shard.value()]; }
  void with_channel(ChannelId, UniqueFunction<void(Channel*)>) override {}
  [[nodiscard]] ThreadExecutor& thread(std::size_t index) { return executors_[index]; }

 private:
  std::array<ThreadExecutor, 2> executors_;
};

class WakeRaceTest : public ::testing::TestWithParam<AckPromise> {};

TEST_P(WakeRaceTest, no_wake_up_is_lost) {
  constexpr int message_count = 1'500;
  testing::ManualClock clock;
  testing::FakeExecutor control(clock);
  testing::FakePool pool;
  testing::FakeStore store;
  store.reserve(8 << 20, message_count + 1);
  store.durable_at_once = GetParam() == AckPromise::memory;
  testing::TestPlugins plugins;
  testing::TestNode node;
  MetricsRegistry metrics;
  routing::TopicTable topics({}, clock);
  routing::GroupTable groups({}, clock);
  routing::OffsetTable offsets(clock);
  routing::ClientRegistry clients(clock);
  routing::RebalanceLocks locks(clock);
  routing::Persistence persistence(store, topics, groups, offsets, clock);
  protocol::TopicConfig config;
  config.topic_name = "T";
  ASSERT_TRUE(topics.ensure(config));
  Options options = testing::rig_options();
  options.ack = GetParam();

  std::atomic<std::int64_t> received{0};
  std::promise<void> all_received;
  {
    std::unique_ptr<Broker> broker;  // goes after the threads whose tasks use it
    ThreadShards shards;
    broker = std::make_unique<Broker>(Environment{shards, control, clock, store, plugins, pool, metrics, node, topics,
                                                  groups, offsets, clients, locks, persistence},
                                      options);
    testing::FakeChannel consumer(ChannelId(2), shards.thread(0));
    testing::FakeChannel producer(ChannelId(3), shards.thread(1));
    producer.discard_what_is_sent();
    ChannelHandler& consumer_port = broker->main_port(ShardId(0));
    ChannelHandler& producer_port = broker->main_port(ShardId(1));
    shards.thread(0).run_and_wait([&] { consumer_port.on_open(consumer); });
    shards.thread(1).run_and_wait([&] { producer_port.on_open(producer); });

    std::int64_t next = 0;  // shard 0 only
    std::atomic<bool> running{true};
    std::function<void()> step = [&] {
      for (const testing::Frame& answer : testing::parse_frames(consumer.take_sent())) {
        if (answer.code != 0) continue;
        next = std::stoll(answer.ext.at("nextBeginOffset"));
        received = next;
        if (next == message_count) return all_received.set_value();
        const std::string pull =
            testing::encode_request(testing::pull_request({.offset = next, .count_max = 1, .sys_flag = 4 | 2}));
        consumer_port.on_bytes(consumer, protocol::as_bytes(std::string_view(pull)));
      }
      if (running) shards.thread(0).post([&] { step(); });
    };
    shards.thread(0).run_and_wait([&] {
      const std::string pull = testing::encode_request(testing::pull_request({.count_max = 1, .sys_flag = 4 | 2}));
      consumer_port.on_bytes(consumer, protocol::as_bytes(std::string_view(pull)));
      shards.thread(0).post([&] { step(); });
    });

    const std::string send = testing::encode_request(testing::send_request({.body = "x"}));
    for (int i = 0; i < message_count; ++i) {
      shards.thread(1).run_and_wait([&] {
        producer_port.on_bytes(producer, protocol::as_bytes(std::string_view(send)));
        if (GetParam() == AckPromise::disk) store.sync();
      });
      // Now and then the producer waits for the consumer, so that pulls are held at every stage of an append.
      if (i % 3 == 0) {
        const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (received.load() < i && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
        if (received.load() < i) break;
      }
    }
    const auto outcome = all_received.get_future().wait_for(std::chrono::seconds(60));
    EXPECT_EQ(outcome, std::future_status::ready) << "received " << received.load() << " of " << message_count;
    running = false;
    shards.thread(0).run_and_wait([] {});  // the last step has run
    shards.thread(0).run_and_wait([&] { consumer_port.on_close(consumer, "test"); });
    shards.thread(1).run_and_wait([&] { producer_port.on_close(producer, "test"); });
  }
}

INSTANTIATE_TEST_SUITE_P(Promises, WakeRaceTest, ::testing::Values(AckPromise::memory, AckPromise::disk));

}  // namespace
}  // namespace gantry::broker
