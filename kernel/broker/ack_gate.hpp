#pragma once
// The ack gate: one mechanism for every promise that an acknowledgement makes.
//
// The store publishes how far the log is durable, replication (later) how far it is replicated. What waits for such a
// watermark waits in the AckQueue of its shard: answers of sends, and the wake-ups of consumers who must not see a
// message before its promise is kept.

#include "kernel/base/executor.hpp"
#include "kernel/base/ids.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace gantry::broker {

/// A position in the log below which something has been promised to hold.
enum class Watermark : std::uint8_t { durable = 0, replicated = 1 };
inline constexpr std::size_t watermark_count = 2;

/// The watermarks, and who must be told when they move. Shared by all shards.
///
/// Invariants: (1) positions never decrease; (2) after fail() nothing is reported as kept any more; (3) one wake-up per
/// shard is under way at most, however often the watermark moves meanwhile.
class AckGate {
 public:
  static constexpr std::int64_t nobody = std::numeric_limits<std::int64_t>::max();

  explicit AckGate(Shards& shards);
  AckGate(const AckGate&) = delete;
  AckGate& operator=(const AckGate&) = delete;

  /// [any-thread] The log is good up to `end`. A smaller value than before is ignored.
  void advance(Watermark watermark, std::int64_t end);

  /// [any-thread] The promise cannot be kept any more: every waiter is told so, now and from now on.
  void fail();

  [[nodiscard]] std::int64_t position(Watermark watermark) const noexcept {
    return positions_[static_cast<std::size_t>(watermark)].load(std::memory_order_acquire);
  }
  [[nodiscard]] bool has_failed() const noexcept { return failed_.load(std::memory_order_acquire); }

  /// [shard][before the loops run] `wake` is run on `shard` when what it waits for happened. It outlives the gate's
  /// use.
  void attach(ShardId shard, UniqueFunction<void()> wake);

  /// [shard] `shard` waits for `end`; the wake-up comes even when `end` has just been passed. One wait per watermark
  /// and shard: the smallest end it needs. A wake-up ends the wait.
  void wait_for(ShardId shard, Watermark watermark, std::int64_t end);

 private:
  struct alignas(64) Waiter {
    std::array<std::atomic<std::int64_t>, watermark_count> wanted;
    UniqueFunction<void()> wake;
  };
  void wake_if_due(std::size_t shard, Watermark watermark, std::int64_t position);

  Shards& shards_;
  std::array<std::atomic<std::int64_t>, watermark_count> positions_{};
  std::atomic<bool> failed_{false};
  std::vector<std::unique_ptr<Waiter>> waiters_;
};

/// What waits for the gate on one shard, in the order of the log. Entry is movable; `Entry::log_end` and
/// `Entry::deadline_ns` are what the queue looks at. [shard]
///
/// Because one shard appends in order, ends and deadlines never decrease from one entry to the next, and a ring
/// suffices. Bound: the caller asks size() before it appends.
template <typename Entry>
class AckQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] Entry& front() noexcept { return ring_[first_]; }
  /// The entry `index` places behind the front.
  [[nodiscard]] Entry& at(std::size_t index) noexcept { return ring_[(first_ + index) & (ring_.size() - 1)]; }

  /// The new last entry, for the caller to fill: a used one (with its memory) or a fresh one.
  Entry& push() {
    if (count_ == ring_.size()) grow();
    Entry& entry = ring_[(first_ + count_) & (ring_.size() - 1)];
    ++count_;
    return entry;
  }
  void pop() noexcept {
    first_ = (first_ + 1) & (ring_.size() - 1);
    --count_;
  }

 private:
  void grow() {
    std::vector<Entry> bigger(ring_.empty() ? 64 : ring_.size() * 2);
    for (std::size_t i = 0; i < count_; ++i) bigger[i] = std::move(at(i));
    ring_ = std::move(bigger);
    first_ = 0;
  }

  std::vector<Entry> ring_;  // a power of two long
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace gantry::broker
