#pragma once
// One thread, its loop and the connections that live on it. Inside this room only; others see ShardPool.

#include "kernel/base/metrics.hpp"
#include "kernel/net/event_loop.hpp"
#include "kernel/net/session.hpp"
#include "kernel/net/unfinished.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

namespace gantry::net {

/// What all shards share.
struct ShardCommons {
  std::size_t read_chunk_bytes = 256 * 1024;
  ByteBudget unfinished;  ///< of half-sent frames
  ByteBudget out;         ///< of copied bytes that wait for their peers
};

/// Numbers of one shard, so that shards do not share cache lines.
struct ShardMetrics {
  ShardMetrics(MetricsRegistry& metrics, ShardId shard);
  Gauge& open;
  Gauge& paused;
  Counter& bytes_in;
  Counter& bytes_out;
  Counter& timed_out;
};

/// Thread: what is not marked [any-thread] is [shard]. Life: made and destroyed on control; run() is the thread's body.
class Shard {
 public:
  Shard(ShardId id, ShardCommons& commons, MetricsRegistry& metrics);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  [[nodiscard]] ShardId id() const noexcept { return id_; }   // [any-thread]
  [[nodiscard]] EventLoop& loop() noexcept { return loop_; }  // [any-thread]

  /// [any-thread] Connections here, with those on their way here.
  [[nodiscard]] std::size_t load() const noexcept { return load_.load(std::memory_order_relaxed); }

  /// [any-thread] Brings an accepted or connecting socket here. `setup.id` is filled in.
  void adopt(OwnedFd fd, Session::Setup setup);

  /// What adopt() does, on the shard. The id may be gone already when the session could not begin.
  ChannelId adopt_here(OwnedFd fd, Session::Setup setup);

  /// The session of that id in any phase, or only when it is open.
  [[nodiscard]] Session* find(ChannelId id) noexcept;
  [[nodiscard]] Session* find_open(ChannelId id) noexcept;

  /// No session reads any more.
  void quiesce();
  /// Closes all sessions, now and those that still arrive; `emptied` runs when none is left.
  void close_all(std::string_view reason, UniqueFunction<void()> emptied);
  [[nodiscard]] bool is_closing() const noexcept { return closing_; }
  /// Ends those that are left.
  void end_all(std::string_view reason);

  // For sessions.
  [[nodiscard]] std::span<std::byte> buffer() noexcept { return {buffer_.get(), buffer_bytes_}; }
  [[nodiscard]] ShardCommons& commons() noexcept { return commons_; }
  [[nodiscard]] ShardMetrics& metrics() noexcept { return metrics_; }
  /// The time, as of the last sweep; for timeouts.
  [[nodiscard]] Session::Instant coarse_now() const noexcept { return now_; }
  [[nodiscard]] std::unique_ptr<OutBuffer> take_out_buffer();
  void give_out_buffer(std::unique_ptr<OutBuffer> buffer);
  void mark_dirty(Session& session);
  /// The session ended: it is destroyed once nothing refers to it.
  void bury(Session& session);
  /// Has end_turn() run after what is ready now.
  void schedule_turn_end();

 private:
  struct TurnEnd;
  void end_turn();
  void watch_times(const SessionLimits& limits);
  void begin_sweep();
  void sweep_on();

  const ShardId id_;
  ShardCommons& commons_;
  ShardMetrics metrics_;
  OpSlot<128> turn_end_slot_;  // before loop_, which gives back what still waits when it goes
  EventLoop loop_;

  // One buffer for all reads of this shard: what a session keeps of it goes in front, a chunk from the socket behind.
  std::size_t buffer_bytes_;
  std::unique_ptr<std::byte[]> buffer_;

  std::unordered_map<ChannelId, std::unique_ptr<Session>> sessions_;
  std::vector<Session*> order_;  // the same, for sweeping; Session::index is the place
  std::vector<std::unique_ptr<Session>> buried_;
  std::vector<Session*> dirty_;
  std::vector<Session*> flushing_;
  std::vector<std::unique_ptr<OutBuffer>> out_buffers_;
  std::uint64_t last_channel_ = 0;

  bool turn_end_pending_ = false;

  Session::Instant now_;       // advances with each sweep
  Session::Instant swept_at_;  // when that was by the clock
  std::chrono::milliseconds sweep_period_{1000};
  std::chrono::milliseconds sweep_slack_{1000};  // twice the longest period since sweeping began
  bool sweeping_ = false;                        // a sweep is under way or its timer is set
  Executor::TimerId sweep_timer_ = 0;
  std::size_t sweep_left_ = 0;  // sessions at the front of order_ that this sweep has not seen

  bool quiesced_ = false;
  bool closing_ = false;
  UniqueFunction<void()> emptied_;
  std::atomic<std::size_t> load_{0};
};

}  // namespace gantry::net
