#include "plugins/storage-mmap/message_queue.hpp"

#include <algorithm>

namespace gantry::storage_mmap {
namespace {
constexpr std::size_t capacity_min = 8;
}

MessageQueue::Bounds MessageQueue::bounds() const {
  const std::lock_guard lock(mutex_);
  return {min_, max_, ring_begin_, dead_.load(std::memory_order_relaxed)};
}

bool MessageQueue::push(const protocol::QueueEntry& entry) {
  const std::lock_guard lock(mutex_);
  if (static_cast<std::size_t>(max_ - ring_begin_) == capacity_) {
    // The oldest entry makes room if its file has it; a queue that fills faster than it is written grows.
    if (ring_begin_ < written_ && capacity_ > 0) {
      ++ring_begin_;
    } else {
      grow();
    }
  }
  slot(max_) = entry;
  ++max_;
  last_log_end_ = entry.log_end();
  return !std::exchange(is_listed_, true);
}

void MessageQueue::grow() {
  const auto capacity = std::max(capacity_ * 2, capacity_min);
  auto ring = std::make_unique<protocol::QueueEntry[]>(capacity);
  for (auto offset = ring_begin_; offset < max_; ++offset) {
    ring[static_cast<std::size_t>(offset) & (capacity - 1)] = slot(offset);
  }
  ring_ = std::move(ring);
  capacity_ = capacity;
}

std::size_t MessageQueue::copy(std::int64_t offset, std::span<protocol::QueueEntry> to) const {
  const std::lock_guard lock(mutex_);
  if (offset < ring_begin_ || offset >= max_) return 0;
  const auto count = std::min(to.size(), static_cast<std::size_t>(max_ - offset));
  for (std::size_t i = 0; i < count; ++i) to[i] = slot(offset + static_cast<std::int64_t>(i));
  return count;
}

std::size_t MessageQueue::copy_pending(std::int64_t& first_offset, std::span<protocol::QueueEntry> to) const {
  const std::lock_guard lock(mutex_);
  first_offset = written_;
  const auto count = std::min(to.size(), static_cast<std::size_t>(max_ - written_));
  for (std::size_t i = 0; i < count; ++i) to[i] = slot(written_ + static_cast<std::int64_t>(i));
  return count;
}

bool MessageQueue::mark_written(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (!dead_.load(std::memory_order_relaxed)) written_ += static_cast<std::int64_t>(count);
  if (written_ < max_) return false;
  is_listed_ = false;
  return true;
}

void MessageQueue::set_loaded(std::int64_t min, std::int64_t max, std::int64_t log_end) {
  const std::lock_guard lock(mutex_);
  min_ = min;
  max_ = ring_begin_ = written_ = max;
  last_log_end_ = log_end;
}

std::size_t MessageQueue::kill() {
  const std::lock_guard lock(mutex_);
  const auto pending = static_cast<std::size_t>(max_ - written_);
  dead_.store(true, std::memory_order_release);
  min_ = max_ = ring_begin_ = written_ = 0;
  ring_.reset();
  capacity_ = 0;
  return pending;
}

}  // namespace gantry::storage_mmap
