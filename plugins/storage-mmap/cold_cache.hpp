#pragma once
// What readers of old messages may occupy of the page cache. They read ahead in large blocks, and the blocks that they
// brought in are given back, oldest first, when there are too many: a backlog of any length does not push out what the
// newest messages, other files and other processes have in memory. Blocks that were in memory anyway are left alone.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_set>

namespace gantry::storage_mmap {

/// [any-thread] A lock of its own, held for system calls that do not wait. Bounded by options.cold_cache.
class ColdCache {
 public:
  /// `find` answers the pinned segment of a log offset, for giving its blocks back.
  ColdCache(Disk& disk, const StoreOptions& options, std::function<SegmentPin(std::int64_t log_offset)> find);
  ColdCache(const ColdCache&) = delete;
  ColdCache& operator=(const ColdCache&) = delete;

  /// Somebody is about to read at `log_offset` of the pinned segment: asks for its block and the one behind it.
  void reading(const Segment& segment, std::int64_t log_offset);

  /// How many blocks are accounted for, for the tests.
  [[nodiscard]] std::size_t block_count() const {
    const std::lock_guard lock(mutex_);
    return order_.size();
  }
  /// Blocks brought in from the disk since the start.
  [[nodiscard]] std::uint64_t blocks_read() const noexcept { return blocks_read_.load(std::memory_order_relaxed); }

 private:
  void bring(const Segment& segment, std::int64_t block);
  void give_back(std::int64_t block);

  Disk& disk_;
  const std::int64_t block_size_;
  const std::uint64_t blocks_max_;
  const std::function<SegmentPin(std::int64_t)> find_;
  std::atomic<std::int64_t> last_block_{-1};
  std::atomic<std::uint64_t> blocks_read_{0};
  mutable std::mutex mutex_;  // guards the next two
  std::deque<std::int64_t> order_;
  std::unordered_set<std::int64_t> known_;
};

}  // namespace gantry::storage_mmap
