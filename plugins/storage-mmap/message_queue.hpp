#pragma once
// One message queue in memory: its bounds, and its newest entries, of which those that are in no file yet are kept
// whatever happens.
//
//     min ............... ring_begin ........ written ........ max
//        in files only        also in memory       in memory, and in the ledger as of the last checkpoint

#include "plugins/storage-mmap/index_keys.hpp"
#include "plugins/storage-mmap/queue_ledger.hpp"

#include "protocol/queue_entry.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gantry::storage_mmap {

/// Lives as long as the store, also when its topic was deleted. A small lock of its own guards everything that is not
/// said to be otherwise; it is never held across a system call, and taken inside the append lock, not around it.
class alignas(64) MessageQueue {
 public:
  struct Bounds {
    std::int64_t min = 0;
    std::int64_t max = 0;
    std::int64_t ring_begin = 0;
    bool dead = false;
  };

  MessageQueue(std::string topic, std::int32_t id, std::uint64_t number)
      : topic_(std::move(topic)), id_(id), key_seed_(index_seed(topic_)), number_(number) {}
  MessageQueue(const MessageQueue&) = delete;
  MessageQueue& operator=(const MessageQueue&) = delete;

  [[nodiscard]] const std::string& topic() const noexcept { return topic_; }
  [[nodiscard]] std::int32_t id() const noexcept { return id_; }
  /// Unique in this process: what the cache of open files knows it by.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::string name() const { return topic_ + "/" + std::to_string(id_); }

  /// What the index hashes of its messages' keys begin with.
  [[nodiscard]] IndexSeed key_seed() const noexcept { return key_seed_; }

  /// Asks for what push() and the checkpoint will touch, without waiting: with many queues all of it is cold.
  void prefetch() const noexcept {
    for (std::size_t line = 0; line < 3; ++line) {
      __builtin_prefetch(reinterpret_cast<const std::byte*>(this) + line * 64, 1);
    }
  }

  [[nodiscard]] Bounds bounds() const;
  /// [append lock] The offset of the next message; no other thread moves it.
  [[nodiscard]] std::int64_t next_offset() const noexcept { return max_; }
  [[nodiscard]] bool is_dead() const noexcept { return dead_.load(std::memory_order_acquire); }

  /// [append lock] Appends the entry with offset next_offset(). True when the queue has to be listed as dirty.
  bool push(const protocol::QueueEntry& entry);

  /// Copies entries from `offset` on that are in memory; the count, 0 when `offset` is not.
  std::size_t copy(std::int64_t offset, std::span<protocol::QueueEntry> to) const;

  // ---- [store thread] the checkpoint, which looks at entries of records that end at or below `log_limit` ----

  /// How many of them are in no file.
  [[nodiscard]] std::size_t pending(std::int64_t log_limit) const;
  /// Copies the first of those, and their first offset; how many.
  std::size_t copy_pending(std::int64_t log_limit, std::int64_t& first_offset,
                           std::span<protocol::QueueEntry> to) const;
  /// The first `count` of them are in the files now.
  void mark_written(std::size_t count);
  /// The log offset of the oldest record whose entry is in no file; INT64_MAX when there is none.
  [[nodiscard]] std::int64_t oldest_unwritten() const;
  /// What the ledger is to be told: the extent, and the entries that it lacks (with `whole`: all that are in no file).
  /// False when it knows everything.
  bool to_ledger(std::int64_t log_limit, bool whole, QueueExtent& extent, std::vector<protocol::QueueEntry>& entries);
  /// Gives back memory that a burst took. True when the queue has nothing more to write or to tell, and is off the
  /// list: the next push() will say that it has to be listed again.
  bool settle();

  // ---- [control][recovery] ----

  /// What files and ledger hold. Entries in `tail` follow extent.written.
  void restore(const QueueExtent& extent, std::span<const protocol::QueueEntry> tail);
  /// True when the store has to list it as dirty before its threads start.
  bool wants_listing();
  /// Where the record of the newest entry ends in the log; -1 when there is none.
  [[nodiscard]] std::int64_t last_log_end() const noexcept { return last_log_end_; }

  // ---- [upkeep thread] ----

  /// Older messages are gone: the first one that is left, and its record's log offset (-1: none is).
  void set_min(std::int64_t min, std::int64_t first_record);
  /// True when the ledger says another minimum and the queue is on no list: the store has to list it as dirty.
  bool wants_note();
  /// As it is now. [any-thread]
  [[nodiscard]] QueueExtent extent() const;
  /// The log offset of the record at min, -1 when it is not known.
  [[nodiscard]] std::int64_t first_record() const;
  /// What is in files only cannot be read for now. [any-thread]
  void set_repairing(bool repairing) noexcept {
    if (!repairing) repairs_.fetch_add(1);
    repairing_.store(repairing);
  }
  /// Repairs that ended. What was seen of the files before the last one says nothing about them any more. [any-thread]
  [[nodiscard]] std::uint32_t repairs() const noexcept { return repairs_.load(); }
  [[nodiscard]] bool is_repairing() const noexcept { return repairing_.load(std::memory_order_acquire); }

  /// [append lock] The topic was deleted: empty from now on, and for good. The count of entries given up unwritten.
  std::size_t kill();

  /// [store thread] Link of the list of dirty queues.
  MessageQueue* next_dirty = nullptr;

 private:
  [[nodiscard]] protocol::QueueEntry& slot(std::int64_t offset) const noexcept {
    return ring_[static_cast<std::size_t>(offset) & (capacity_ - 1)];
  }
  void resize(std::size_t capacity);
  [[nodiscard]] std::int64_t end_below(std::int64_t log_limit) const;

  // What an append touches lies together, in the cache lines that prefetch() asks for.
  mutable std::mutex mutex_;
  std::int64_t max_ = 0;
  std::int64_t last_log_end_ = -1;
  std::int64_t ring_begin_ = 0;
  std::int64_t written_ = 0;
  std::size_t capacity_ = 0;  // a power of two, or 0
  std::unique_ptr<protocol::QueueEntry[]> ring_;
  bool is_listed_ = false;  // in the list of dirty queues
  bool was_pushed_ = false;
  std::atomic<bool> dead_{false};
  std::atomic<bool> repairing_{false};
  std::atomic<std::uint32_t> repairs_{0};

  std::int64_t min_ = 0;
  std::int64_t first_record_ = -1;
  const std::string topic_;
  const std::int32_t id_;
  const IndexSeed key_seed_;
  const std::uint64_t number_;

  std::int64_t written_log_end_ = -1;
  std::int64_t ledger_max_ = 0;      // the ledger knows entries below it
  std::int64_t ledger_written_ = 0;  // and took these for written
  std::int64_t ledger_min_ = 0;      // and said that it begins here
};

}  // namespace gantry::storage_mmap
