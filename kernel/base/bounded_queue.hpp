#pragma once
// A queue between threads that cannot grow without limit.

#include "kernel/base/assert.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace gantry {

/// Many producers, one or more consumers, at most `capacity` items.
///
/// Full policy: push() refuses and leaves the item with the caller; nothing waits for room, nothing is dropped.
/// Closing: push() refuses; pop() hands out what is left, then nothing. Thread: [any-thread]; push never waits for a
/// consumer, pop() waits for an item and belongs on threads that may block.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {
    GANTRY_ASSERT(capacity > 0, "a queue must have room for one item");
  }

  /// False when full or closed; `item` is then untouched.
  [[nodiscard]] bool push(T&& item) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
    return true;
  }
  [[nodiscard]] bool push(const T& item) { return push(T(item)); }

  /// Waits until there is an item or the queue is closed and empty (then nothing).
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return closed_ || !items_.empty(); });
    return take(lock);
  }

  /// The same, but gives up after `limit`.
  std::optional<T> pop_for(std::chrono::nanoseconds limit) {
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, limit, [this] { return closed_ || !items_.empty(); });
    return take(lock);
  }

  std::optional<T> try_pop() {
    std::unique_lock lock(mutex_);
    return take(lock);
  }

  /// Moves up to `count_max` items to the end of `out` without waiting; returns how many.
  std::size_t drain(std::vector<T>& out, std::size_t count_max) {
    const std::lock_guard lock(mutex_);
    const std::size_t count = std::min(count_max, items_.size());
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    return count;
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  std::optional<T> take(std::unique_lock<std::mutex>&) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;  // guards items_ and closed_; never held while an item runs or is destroyed
  std::condition_variable ready_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace gantry
