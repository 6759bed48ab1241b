#pragma once
// Shards, executors, channels, a pool and a clock that live on the test's own thread and do only what they are told.

#include "gantry/abi/store.h"
#include "kernel/base/channel.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/executor.hpp"
#include "kernel/broker/blocking_pool.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantry::broker::testing {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override { return 1'700'000'000'000 + passed_ns_ / 1'000'000; }
  [[nodiscard]] std::int64_t steady_ns() const noexcept override { return 1'000'000'000 + passed_ns_; }
  void advance(std::chrono::milliseconds by) noexcept { passed_ns_ += std::chrono::nanoseconds(by).count(); }

 private:
  std::int64_t passed_ns_ = 0;
};

/// Runs what was posted when run() is called, and timers once the clock has reached them.
class FakeExecutor final : public Executor {
 public:
  explicit FakeExecutor(const Clock& clock) : clock_(clock) {}

  void post(Task task) override {
    ++posted_;
    tasks_.push_back(std::move(task));
  }
  [[nodiscard]] bool runs_here() const noexcept override { return true; }
  TimerId call_after(std::chrono::milliseconds delay, Task task) override {
    const TimerId id = ++last_timer_;
    timers_.emplace(id, Timer{clock_.steady_ns() + std::chrono::nanoseconds(delay).count(), std::move(task)});
    return id;
  }
  void cancel(TimerId timer) override { timers_.erase(timer); }

  /// Runs tasks and due timers until there are none; how many ran.
  std::size_t run() {
    std::size_t ran = 0;
    for (;; ++ran) {
      if (!tasks_.empty()) {
        Task task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
        continue;
      }
      auto due = timers_.end();
      for (auto it = timers_.begin(); it != timers_.end(); ++it) {
        if (it->second.at_ns <= clock_.steady_ns() && (due == timers_.end() || it->second.at_ns < due->second.at_ns)) {
          due = it;
        }
      }
      if (due == timers_.end()) return ran;
      Task task = std::move(due->second.task);
      timers_.erase(due);
      task();
    }
  }
  [[nodiscard]] std::size_t pending() const noexcept { return tasks_.size(); }
  [[nodiscard]] std::size_t timers() const noexcept { return timers_.size(); }
  [[nodiscard]] std::size_t posted() const noexcept { return posted_; }

 private:
  struct Timer {
    std::int64_t at_ns;
    Task task;
  };
  const Clock& clock_;
  std::deque<Task> tasks_;
  std::map<TimerId, Timer> timers_;
  TimerId last_timer_ = 0;
  std::size_t posted_ = 0;
};

inline gantry_address ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint32_t port) {
  gantry_address address{};
  address.ip[0] = a;
  address.ip[1] = b;
  address.ip[2] = c;
  address.ip[3] = d;
  address.ip_size = 4;
  address.port = port;
  return address;
}

/// Keeps what was sent as one string.
class FakeChannel final : public Channel {
 public:
  FakeChannel(ChannelId id, Executor& shard) : id_(id), shard_(shard) {}
  ~FakeChannel() override { run_releases(); }

  [[nodiscard]] ChannelId id() const noexcept override { return id_; }
  [[nodiscard]] Executor& shard() noexcept override { return shard_; }
  [[nodiscard]] const gantry_address& peer() const noexcept override { return peer_; }
  [[nodiscard]] const gantry_address& local() const noexcept override { return local_; }
  [[nodiscard]] bool is_secure() const noexcept override { return false; }
  void send(std::span<const std::byte> bytes) override {
    ++sends_;
    if (keep_) sent_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void send(std::span<const std::byte> head, std::span<const gantry_slice> slices,
            UniqueFunction<void()> release) override {
    send(head);
    if (keep_) {
      for (const gantry_slice& slice : slices) sent_.append(static_cast<const char*>(slice.data), slice.size);
    }
    if (hold_releases_) {
      releases_.push_back(std::move(release));
    } else {
      release();
    }
  }
  [[nodiscard]] std::size_t pending_bytes() const noexcept override { return pending_; }
  void close(std::string_view reason) override { closed_ = reason; }

  /// What was sent since the last call.
  [[nodiscard]] std::string take_sent() { return std::exchange(sent_, {}); }
  [[nodiscard]] const std::string& closed() const noexcept { return closed_; }
  [[nodiscard]] std::size_t sends() const noexcept { return sends_; }
  void set_peer(const gantry_address& peer) { peer_ = peer; }
  void set_local(const gantry_address& local) { local_ = local; }
  void set_pending(std::size_t bytes) { pending_ = bytes; }
  void discard_what_is_sent() { keep_ = false; }
  void hold_releases() { hold_releases_ = true; }
  void run_releases() {
    for (auto& release : std::exchange(releases_, {})) release();
  }

 private:
  ChannelId id_;
  Executor& shard_;
  gantry_address peer_ = ipv4(127, 0, 0, 1, 40'000);
  gantry_address local_ = ipv4(127, 0, 0, 1, 10'911);
  std::string sent_;
  std::string closed_;
  std::size_t sends_ = 0;
  std::size_t pending_ = 0;
  bool keep_ = true;
  bool hold_releases_ = false;
  std::vector<UniqueFunction<void()>> releases_;
};

/// Shards whose channels are those added to them. A channel's id says its shard: id % count.
class FakeShards final : public Shards {
 public:
  FakeShards(std::size_t count, const Clock& clock) {
    for (std::size_t i = 0; i < count; ++i) executors_.push_back(std::make_unique<FakeExecutor>(clock));
  }
  [[nodiscard]] std::size_t count() const noexcept override { return executors_.size(); }
  [[nodiscard]] FakeExecutor& at(ShardId shard) noexcept override { return *executors_[shard.value()]; }
  void with_channel(ChannelId channel, UniqueFunction<void(Channel*)> use) override {
    executors_[channel.value() % executors_.size()]->post([this, channel, run = std::move(use)]() mutable {
      const auto found = channels_.find(channel.value());
      run(found == channels_.end() ? nullptr : found->second);
    });
  }

  void add(Channel& channel) { channels_[channel.id().value()] = &channel; }
  void remove(Channel& channel) { channels_.erase(channel.id().value()); }
  /// Runs all shards until nothing is left.
  void run() {
    for (bool again = true; again;) {
      again = false;
      for (auto& executor : executors_) again = executor->run() > 0 || again;
    }
  }

 private:
  std::vector<std::unique_ptr<FakeExecutor>> executors_;
  std::map<std::uint64_t, Channel*> channels_;
};

/// Keeps tasks until run(); or refuses them.
class FakePool final : public BlockingPool {
 public:
  [[nodiscard]] bool post(UniqueFunction<void()> task) override {
    if (full_) return false;
    tasks_.push_back(std::move(task));
    return true;
  }
  void run() {
    while (!tasks_.empty()) {
      UniqueFunction<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }
  void refuse(bool full) { full_ = full; }
  [[nodiscard]] std::size_t pending() const noexcept { return tasks_.size(); }

 private:
  std::deque<UniqueFunction<void()>> tasks_;
  bool full_ = false;
};

}  // namespace gantry::broker::testing
