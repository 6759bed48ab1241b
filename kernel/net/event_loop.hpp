#pragma once
// One thread's loop: descriptors by Asio, posted tasks and timers by our own queues.

#include "kernel/base/channel.hpp"
#include "kernel/base/executor.hpp"
#include "kernel/net/asio.hpp"
#include "kernel/net/op_slot.hpp"
#include "kernel/net/timer_queue.hpp"

#include <atomic>
#include <mutex>
#include <vector>

namespace gantry::net {

/// The Executor that shards and the control thread are made of. Inside this room only.
///
/// Posted tasks wait in one queue of our own: however many are posted in a turn, they cost one wake-up, and in the
/// steady state no allocation. Order: as posted.
class EventLoop final : public Executor {
 public:
  using FindChannel = UniqueFunction<Channel*(ChannelId)>;

  EventLoop();
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Serves on the calling thread until stop(). Then destroys, without running them, the tasks and timers that are
  /// left. Once only.
  void run();

  /// [any-thread] run() returns after the tasks posted before this call.
  void stop();

  /// Before run(): how post_to_channel() finds the channel.
  void set_channels(FindChannel find) { find_channel_ = std::move(find); }

  void post(Task task) override;
  /// [any-thread] Runs `use` with the channel of that id, or nullptr when there is none by then.
  void post_to_channel(ChannelId channel, UniqueFunction<void(Channel*)> use);
  [[nodiscard]] bool runs_here() const noexcept override;
  TimerId call_after(std::chrono::milliseconds delay, Task task) override;
  void cancel(TimerId timer) override;

  [[nodiscard]] asio::io_context& io() noexcept { return io_; }

 private:
  // Either a task, or something to do with a channel. One type for both keeps the closure of the latter off the heap.
  struct Posted {
    Task task;
    ChannelId channel;
    UniqueFunction<void(Channel*)> use;
  };
  struct Wake;
  static constexpr std::size_t kept_posts = 4096;  // capacity of the queue that survives a burst

  void enqueue(Posted posted);
  void run_posted();
  void fire_timers();
  void arm_timer();
  void discard();

  OpSlot<128> wake_slot_;  // before io_, which gives back what still waits when it goes
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  FindChannel find_channel_;

  std::mutex mutex_;  // guards the three below; held for a push or a swap only
  std::vector<Posted> posted_;
  bool wake_pending_ = false;    // a Wake is on its way; it alone may use wake_slot_
  bool ended_ = false;           // nothing is accepted any more
  std::vector<Posted> running_;  // this thread's alone

  TimerQueue timers_;
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                             asio::io_context::executor_type>
      timer_;
  TimerQueue::Instant armed_for_ = TimerQueue::Instant::max();
  std::atomic<bool> started_{false};
};

}  // namespace gantry::net
