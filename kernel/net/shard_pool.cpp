#include "kernel/net/shard_pool.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/base/log.hpp"
#include "kernel/net/shard.hpp"
#include "kernel/net/threads.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace gantry::net {

namespace {

/// Lets control wait for the shards, with a deadline.
class Countdown {
 public:
  explicit Countdown(std::size_t count) : left_(count) {}
  void done() {
    const std::lock_guard lock(mutex_);
    if (--left_ == 0) reached_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    reached_.wait(lock, [this] { return left_ == 0; });
  }
  [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return reached_.wait_until(lock, deadline, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;  // guards left_
  std::condition_variable reached_;
  std::size_t left_;
};

}  // namespace

struct ShardPool::Impl {
  explicit Impl(const ShardPoolOptions& options)
      : commons{options.read_chunk_bytes, ByteBudget(options.unfinished_bytes_max), ByteBudget(options.out_bytes_max)} {
  }

  ShardCommons commons;
  std::vector<std::unique_ptr<Shard>> shards;
  std::vector<std::thread> threads;
  bool stopped = false;
};

ShardPool::ShardPool(const ShardPoolOptions& options, MetricsRegistry& metrics)
    : impl_(std::make_unique<Impl>(options)) {
  GANTRY_ASSERT(options.shards >= 1 && options.shards <= 256, "channel ids have 8 bits for the shard");
  GANTRY_ASSERT(options.read_chunk_bytes >= 16 * 1024, "a TLS record must fit into the read buffer");
  for (std::size_t i = 0; i < options.shards; ++i) {
    impl_->shards.push_back(std::make_unique<Shard>(ShardId(static_cast<std::uint32_t>(i)), impl_->commons, metrics));
  }
}

ShardPool::~ShardPool() { stop(std::chrono::milliseconds(0)); }

Status ShardPool::start() {
  GANTRY_ASSERT(impl_->threads.empty(), "a pool starts once");
  for (const auto& shard : impl_->shards) {
    auto thread =
        start_thread("g-shard-" + std::to_string(shard->id().value()), [loop = &shard->loop()] { loop->run(); });
    if (!thread) {
      stop(std::chrono::milliseconds(0));
      return std::move(thread).error();
    }
    impl_->threads.push_back(std::move(*thread));
  }
  return {};
}

void ShardPool::quiesce() {
  for (const auto& shard : impl_->shards) {
    shard->loop().post([one = shard.get()] { one->quiesce(); });
  }
}

void ShardPool::stop(std::chrono::milliseconds drain) {
  if (std::exchange(impl_->stopped, true)) return;
  const std::size_t running = impl_->threads.size();
  if (running > 0) {
    const auto deadline = std::chrono::steady_clock::now() + drain;
    // Owned by all who count down, because a shard may do so after the deadline passed here.
    const auto emptied = std::make_shared<Countdown>(running);
    for (std::size_t i = 0; i < running; ++i) {
      Shard* shard = impl_->shards[i].get();
      shard->loop().post(
          [shard, emptied] { shard->close_all("this process is stopping", [emptied] { emptied->done(); }); });
    }
    if (!emptied->wait_until(deadline)) {
      GANTRY_LOG(warn, "net.drain_timed_out", field("connections", connections()), field("drain_ms", drain));
      for (std::size_t i = 0; i < running; ++i) {
        Shard* shard = impl_->shards[i].get();
        shard->loop().post([shard] { shard->end_all("this process is stopping and the time to drain is over"); });
      }
      // Ending needs no peer any more: it waits for nothing but the shard's own turn.
      emptied->wait();
    }
  }
  for (const auto& shard : impl_->shards) shard->loop().stop();
  for (std::thread& thread : impl_->threads) thread.join();
}

std::size_t ShardPool::count() const noexcept { return impl_->shards.size(); }

Shard& ShardPool::shard(ShardId id) noexcept {
  GANTRY_ASSERT(id.value() < impl_->shards.size(), "there is no such shard");
  return *impl_->shards[id.value()];
}

Executor& ShardPool::at(ShardId id) noexcept { return shard(id).loop(); }

void ShardPool::with_channel(ChannelId channel, UniqueFunction<void(Channel*)> use) {
  const auto index = static_cast<std::uint32_t>(channel.value() & 0xFF);
  // An id that we never gave out (a test's, or the default one of no channel) is no channel on the first shard.
  Shard& owner = *impl_->shards[index < impl_->shards.size() ? index : 0];
  owner.loop().post_to_channel(channel, std::move(use));
}

std::size_t ShardPool::connections() const noexcept {
  std::size_t count = 0;
  for (const auto& shard : impl_->shards) count += shard->load();
  return count;
}

Shard& ShardPool::least_loaded() noexcept {
  Shard* best = impl_->shards.front().get();
  for (const auto& shard : impl_->shards) {
    if (shard->load() < best->load()) best = shard.get();
  }
  return *best;
}

}  // namespace gantry::net
