#pragma once
// Knows how much work is inside something that is about to stop.

#include "kernel/base/assert.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace gantry {

/// Counts work in flight, so that stopping is: close() (no new work), wait (what is inside finishes), destroy.
///
/// Thread: [any-thread] throughout; wait_empty_for() blocks and belongs on control. Life: must be empty when destroyed.
/// Invariant: once close() returned, the count never grows.
class Gate {
 public:
  /// One piece of work inside. Leaves when destroyed; empty when the gate refused or after a move.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      if (this != &other) {
        leave();
        gate_ = std::exchange(other.gate_, nullptr);
      }
      return *this;
    }
    ~Pass() { leave(); }
    explicit operator bool() const noexcept { return gate_ != nullptr; }
    void leave() noexcept {
      if (Gate* gate = std::exchange(gate_, nullptr)) gate->leave_one();
    }

   private:
    friend class Gate;
    explicit Pass(Gate* gate) noexcept : gate_(gate) {}
    Gate* gate_ = nullptr;
  };

  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { GANTRY_ASSERT(count_ == 0, "a gate must be empty before it goes"); }

  /// An empty pass when the gate is closed.
  [[nodiscard]] Pass enter() noexcept {
    const std::lock_guard lock(mutex_);
    if (closed_) return Pass();
    ++count_;
    return Pass(this);
  }

  void close() noexcept {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (count_ == 0) empty_.notify_all();
  }

  /// True once the gate is closed and empty; false when `limit` passed before.
  [[nodiscard]] bool wait_empty_for(std::chrono::nanoseconds limit) {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, limit, [this] { return closed_ && count_ == 0; });
  }

  [[nodiscard]] bool is_closed() const noexcept {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  [[nodiscard]] std::uint64_t count() const noexcept {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  // Notifies under the lock: whoever waits may destroy the gate as soon as it can take the mutex.
  void leave_one() noexcept {
    const std::lock_guard lock(mutex_);
    GANTRY_ASSERT(count_ > 0);
    if (--count_ == 0 && closed_) empty_.notify_all();
  }

  mutable std::mutex mutex_;  // guards count_ and closed_
  std::condition_variable empty_;
  std::uint64_t count_ = 0;
  bool closed_ = false;
};

}  // namespace gantry
