#pragma once
// How a worker thread sleeps until somebody has work for it.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace gantry::storage_mmap {

/// One sleeper, any number of wakers. A notify() that comes before the wait is not lost; many of them count as one.
class Wakeup {
 public:
  using Clock = std::chrono::steady_clock;

  /// [any-thread] Cheap when a wake-up is pending already.
  void notify() {
    if (pending_.exchange(true, std::memory_order_acq_rel)) return;
    const std::lock_guard lock(mutex_);
    sleeping_.notify_one();
  }

  /// [the one worker] Until notify(), or the deadline if there is one. True when it was notified.
  bool wait(std::optional<Clock::time_point> deadline) {
    std::unique_lock lock(mutex_);
    const auto is_pending = [this] { return pending_.load(std::memory_order_acquire); };
    if (deadline) {
#if defined(__SANITIZE_THREAD__)
      // The thread sanitizer of this compiler does not know pthread_cond_clockwait.
      sleeping_.wait_until(lock, std::chrono::system_clock::now() + (*deadline - Clock::now()), is_pending);
#else
      sleeping_.wait_until(lock, *deadline, is_pending);
#endif
    } else {
      sleeping_.wait(lock, is_pending);
    }
    return pending_.exchange(false, std::memory_order_acq_rel);
  }

 private:
  std::atomic<bool> pending_{false};
  std::mutex mutex_;
  std::condition_variable sleeping_;
};

}  // namespace gantry::storage_mmap
