#pragma once
// One message queue in memory: its bounds, and its newest entries, of which those not yet written to files are kept
// whatever happens.
//
//     min ............... ring_begin ........ written ........ max
//        in files only        also in memory       in memory only

#include "protocol/queue_entry.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

namespace gantry::storage_mmap {

/// Lives as long as the store, also when its topic was deleted. A small lock of its own guards everything that is not
/// said to be otherwise; it is never held across a system call, and taken inside the append lock, not around it.
class MessageQueue {
 public:
  struct Bounds {
    std::int64_t min = 0;
    std::int64_t max = 0;
    std::int64_t ring_begin = 0;
    bool dead = false;
  };

  MessageQueue(std::string topic, std::int32_t id, std::uint64_t number)
      : topic_(std::move(topic)), id_(id), number_(number) {}
  MessageQueue(const MessageQueue&) = delete;
  MessageQueue& operator=(const MessageQueue&) = delete;

  [[nodiscard]] const std::string& topic() const noexcept { return topic_; }
  [[nodiscard]] std::int32_t id() const noexcept { return id_; }
  /// Unique in this process: what the cache of open files knows it by.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::string name() const { return topic_ + "/" + std::to_string(id_); }

  [[nodiscard]] Bounds bounds() const;
  /// [append lock] The offset of the next message; no other thread moves it.
  [[nodiscard]] std::int64_t next_offset() const noexcept { return max_; }
  [[nodiscard]] bool is_dead() const noexcept { return dead_.load(std::memory_order_acquire); }

  /// [append lock] Appends the entry with offset next_offset(). True when the queue had nothing to write before.
  bool push(const protocol::QueueEntry& entry);

  /// Copies entries from `offset` on that are in memory; the count, 0 when `offset` is not.
  std::size_t copy(std::int64_t offset, std::span<protocol::QueueEntry> to) const;

  /// [store thread] Copies entries that wait for being written, and the offset of the first of them.
  std::size_t copy_pending(std::int64_t& first_offset, std::span<protocol::QueueEntry> to) const;
  /// [store thread] `count` of those are in the files now. True when none is left.
  bool mark_written(std::size_t count);

  /// [control][recovery] What the files hold: offsets [min, max), the last entry's record ends at log_end.
  void set_loaded(std::int64_t min, std::int64_t max, std::int64_t log_end);
  /// [recovery] Where the record of the newest entry ends in the log; -1 when there is none.
  [[nodiscard]] std::int64_t last_log_end() const noexcept { return last_log_end_; }

  /// [append lock] The topic was deleted: empty from now on, and for good. The count of entries given up unwritten.
  std::size_t kill();

  /// [store thread] Link of the list of queues with pending entries.
  MessageQueue* next_dirty = nullptr;

 private:
  [[nodiscard]] protocol::QueueEntry& slot(std::int64_t offset) const noexcept {
    return ring_[static_cast<std::size_t>(offset) & (capacity_ - 1)];
  }
  void grow();

  const std::string topic_;
  const std::int32_t id_;
  const std::uint64_t number_;

  mutable std::mutex mutex_;
  std::int64_t min_ = 0;
  std::int64_t max_ = 0;
  std::int64_t ring_begin_ = 0;
  std::int64_t written_ = 0;
  std::int64_t last_log_end_ = -1;
  std::size_t capacity_ = 0;  // a power of two, or 0
  std::unique_ptr<protocol::QueueEntry[]> ring_;
  bool is_listed_ = false;  // in the list of dirty queues
  std::atomic<bool> dead_{false};
};

}  // namespace gantry::storage_mmap
