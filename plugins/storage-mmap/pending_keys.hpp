#pragma once
// The keys that the appender handed over and that are not in index files yet: one part of the log without gaps,
// [begin, end), from the oldest key that is kept to the newest record.
//
//     head_ (chunk) -> chunk -> chunk (tail_) -> spare ...      numbers of keys:  consumed_ <= ... < produced_
//
// One appender and one consumer, no lock between them. When the bound is reached the part ends there ("closed"): the
// appender drops what follows, until the consumer has taken everything and asks to begin anew; what was dropped is read
// from the log. Memory is kept for the next keys; it is bounded by keys_max.

#include "plugins/storage-mmap/index_file.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace gantry::storage_mmap {

class PendingKeys {
 public:
  PendingKeys(std::uint32_t keys_max, std::uint32_t wake_count) : keys_max_(keys_max), wake_count_(wake_count) {}
  PendingKeys(const PendingKeys&) = delete;
  PendingKeys& operator=(const PendingKeys&) = delete;
  ~PendingKeys();

  /// [control] Before everything else: the first record that will be added begins at or behind `log_end`.
  void start(std::int64_t log_end);

  /// [append lock] True when the consumer should look now: wake_count was reached, or memory was closed or opened.
  bool add(std::int64_t log_offset, std::int64_t log_end, std::int64_t store_ms,
           std::span<const std::int32_t> hashes) noexcept;

  struct Part {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  /// [consumer] What is covered; nothing after reopen(), until the appender comes by.
  std::optional<Part> part();
  /// [consumer] Memory is closed, and the part that it covers does not grow any more.
  [[nodiscard]] bool is_closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  /// [consumer] Lets the appender begin a new part. Only when it is closed and everything was released.
  void reopen() noexcept;

  struct Taken {
    std::uint64_t until = 0;  ///< for release()
    std::int64_t end = 0;     ///< every record that ends at or below it is in what was taken, or was before
    bool more = false;        ///< stopped at `count_max`
  };
  /// [consumer] Appends to `keys` those of whole records from `from` on that end at or below `durable_end`; about
  /// `count_max` of them. Takes nothing away.
  Taken copy(std::int64_t from, std::int64_t durable_end, std::size_t count_max, std::vector<IndexKey>& keys) const;

  /// [any-thread]
  [[nodiscard]] std::uint64_t count() const noexcept {
    const auto consumed = consumed_.load(std::memory_order_acquire);
    return produced_.load(std::memory_order_acquire) - consumed;
  }
  [[nodiscard]] std::uint32_t wake_count() const noexcept { return wake_count_; }
  /// [any-thread] Where the covered part ends when it goes on from `from`; `from` when it does not.
  [[nodiscard]] std::int64_t end_from(std::int64_t from) const noexcept;

  // Under one lock of the caller's:
  /// [consumer] The keys below that number are not needed any more.
  void release(std::uint64_t until) noexcept;
  /// [any-thread] The log offsets of keys with that hash, begin_ms <= store time <= end_ms, in records from `from` on,
  /// in the order of the log.
  void collect(std::int32_t hash, std::int64_t begin_ms, std::int64_t end_ms, std::int64_t from,
               std::vector<std::int64_t>& log_offsets) const;
  /// [any-thread] The newest key.
  [[nodiscard]] std::optional<IndexKey> newest() const;

 private:
  struct Key {
    std::int64_t log_offset;
    std::int64_t store_ms;
    std::int32_t hash;
    std::int32_t record_size;
  };
  static_assert(sizeof(Key) == 24);
  static constexpr std::uint64_t chunk_keys = 2048;
  struct Chunk {
    std::array<Key, chunk_keys> keys;
    Chunk* next = nullptr;  // in the list, or among the free ones
  };

  bool make_room(std::uint64_t until) noexcept;
  template <typename Use>
  void for_each(Use use) const;

  const std::uint64_t keys_max_;
  const std::uint32_t wake_count_;

  // The appender's.
  Chunk* tail_ = nullptr;  // where the next key goes, or the chunk before
  Chunk* last_ = nullptr;  // end of the list: chunks behind tail_ are empty
  std::uint64_t tail_first_ = 0;
  std::uint64_t room_end_ = 0;  // number behind the last place of last_
  bool dropping_ = false;

  // The consumer's.
  Chunk* head_ = nullptr;
  std::uint64_t head_first_ = 0;
  bool reopening_ = false;
  std::uint64_t reopened_seen_ = 0;

  std::atomic<std::uint64_t> produced_{0};
  std::atomic<std::int64_t> begin_{0};
  std::atomic<std::int64_t> end_{0};
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> reopened_{0};
  alignas(64) std::atomic<std::uint64_t> consumed_{0};
  std::atomic<bool> reopen_{false};
  std::atomic<Chunk*> free_{nullptr};  // pushed by the consumer, popped by the appender alone
};

}  // namespace gantry::storage_mmap
