#include "plugins/storage-mmap/message_queue.hpp"

#include <algorithm>

namespace gantry::storage_mmap {
namespace {
constexpr std::size_t capacity_min = 8;
constexpr std::size_t capacity_kept = 1024;  // rings up to it shrink only when the queue is idle
}  // namespace

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
      resize(std::max(capacity_ * 2, capacity_min));
    }
  }
  if (first_record_ < 0 && min_ == max_) first_record_ = entry.log_offset;
  slot(max_) = entry;
  ++max_;
  last_log_end_ = entry.log_end();
  was_pushed_ = true;
  return !std::exchange(is_listed_, true);
}

void MessageQueue::resize(std::size_t capacity) {
  std::unique_ptr<protocol::QueueEntry[]> ring;
  if (capacity > 0) ring = std::make_unique<protocol::QueueEntry[]>(capacity);
  const auto begin = std::max(ring_begin_, max_ - static_cast<std::int64_t>(capacity));
  for (auto offset = begin; offset < max_; ++offset) {
    ring[static_cast<std::size_t>(offset) & (capacity - 1)] = slot(offset);
  }
  ring_begin_ = begin;
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

std::int64_t MessageQueue::end_below(std::int64_t log_limit) const {
  if (last_log_end_ <= log_limit) return max_;
  auto low = written_;
  auto high = max_;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (slot(middle).log_end() <= log_limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::size_t MessageQueue::pending(std::int64_t log_limit) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(end_below(log_limit) - written_);
}

std::size_t MessageQueue::copy_pending(std::int64_t log_limit, std::int64_t& first_offset,
                                       std::span<protocol::QueueEntry> to) const {
  const std::lock_guard lock(mutex_);
  first_offset = written_;
  const auto count = std::min(to.size(), static_cast<std::size_t>(end_below(log_limit) - written_));
  for (std::size_t i = 0; i < count; ++i) to[i] = slot(written_ + static_cast<std::int64_t>(i));
  return count;
}

void MessageQueue::mark_written(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (dead_.load(std::memory_order_relaxed) || count == 0) return;
  written_ += static_cast<std::int64_t>(count);
  written_log_end_ = slot(written_ - 1).log_end();
}

std::int64_t MessageQueue::oldest_unwritten() const {
  const std::lock_guard lock(mutex_);
  return written_ < max_ ? slot(written_).log_offset : INT64_MAX;
}

bool MessageQueue::to_ledger(std::int64_t log_limit, bool whole, QueueExtent& extent,
                             std::vector<protocol::QueueEntry>& entries) {
  const std::lock_guard lock(mutex_);
  entries.clear();
  if (dead_.load(std::memory_order_relaxed)) return false;
  const auto end = end_below(log_limit);
  if (!whole && end == ledger_max_ && written_ == ledger_written_ && min_ == ledger_min_) return false;
  extent = {min_, written_, end, first_record_, end > written_ ? slot(end - 1).log_end() : written_log_end_};
  for (auto offset = whole ? written_ : std::max(written_, ledger_max_); offset < end; ++offset) {
    entries.push_back(slot(offset));
  }
  ledger_max_ = end;
  ledger_written_ = written_;
  ledger_min_ = min_;
  return true;
}

bool MessageQueue::settle() {
  const std::lock_guard lock(mutex_);
  if (dead_.load(std::memory_order_relaxed)) return true;
  const auto used = static_cast<std::size_t>(max_ - written_);
  const bool is_idle = !std::exchange(was_pushed_, false);
  if (used == 0 && is_idle) {
    resize(0);
  } else if (capacity_ > capacity_kept && used * 4 < capacity_) {
    resize(capacity_ / 2);
  }
  if (used > 0 || ledger_max_ != max_ || ledger_written_ != written_ || ledger_min_ != min_) return false;
  // One more round on the list, so that an idle queue gives its memory back.
  if (capacity_ > 0) return false;
  is_listed_ = false;
  return true;
}

void MessageQueue::restore(const QueueExtent& extent, std::span<const protocol::QueueEntry> tail) {
  const std::lock_guard lock(mutex_);
  min_ = extent.min;
  first_record_ = extent.first_record;
  max_ = ring_begin_ = written_ = extent.written;
  written_log_end_ = last_log_end_ = extent.log_end;
  ring_.reset();
  capacity_ = 0;
  if (!tail.empty()) {
    std::size_t capacity = capacity_min;
    while (capacity < tail.size()) capacity *= 2;
    resize(capacity);
    for (const auto& entry : tail) slot(max_++) = entry;
    last_log_end_ = tail.back().log_end();
  }
  ledger_max_ = max_;
  ledger_written_ = written_;
  ledger_min_ = min_;
}

bool MessageQueue::wants_listing() {
  const std::lock_guard lock(mutex_);
  if (written_ < max_) is_listed_ = true;
  return is_listed_;
}

void MessageQueue::set_min(std::int64_t min, std::int64_t first_record) {
  const std::lock_guard lock(mutex_);
  if (dead_.load(std::memory_order_relaxed) || min < min_) return;
  min_ = std::min(min, max_);
  first_record_ = min_ < max_ ? first_record : -1;
}

bool MessageQueue::wants_note() {
  const std::lock_guard lock(mutex_);
  if (dead_.load(std::memory_order_relaxed) || ledger_min_ == min_) return false;
  return !std::exchange(is_listed_, true);
}

QueueExtent MessageQueue::extent() const {
  const std::lock_guard lock(mutex_);
  return {min_, written_, max_, first_record_, last_log_end_};
}

std::int64_t MessageQueue::first_record() const {
  const std::lock_guard lock(mutex_);
  return first_record_;
}

std::size_t MessageQueue::kill() {
  const std::lock_guard lock(mutex_);
  const auto pending = static_cast<std::size_t>(max_ - written_);
  dead_.store(true, std::memory_order_release);
  min_ = max_ = ring_begin_ = written_ = 0;
  first_record_ = last_log_end_ = written_log_end_ = -1;
  ring_.reset();
  capacity_ = 0;
  return pending;
}

}  // namespace gantry::storage_mmap
