#pragma once
// What readers of old messages may occupy of the page cache. Those that read on are read ahead for in large blocks,
// those that pick records here and there get just these; either way what was brought in is given back, oldest first,
// when it is too much: a backlog of any length does not push out what the newest messages, other files and other
// processes have in memory. What was in memory anyway is left alone.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include <array>
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
  /// `find` answers the pinned segment of a log offset, for giving its parts back.
  ColdCache(Disk& disk, const StoreOptions& options, std::function<SegmentPin(std::int64_t log_offset)> find);
  ColdCache(const ColdCache&) = delete;
  ColdCache& operator=(const ColdCache&) = delete;

  /// Records of a queue that lie further apart than this, on average, are not worth a block each.
  [[nodiscard]] std::int64_t distance_max() const noexcept { return block_size_ / 16; }

  /// Somebody reads at `log_offset` of the pinned segment, and will read on: asks for its block and the one behind it.
  void read_on(const Segment& segment, std::int64_t log_offset);
  /// Somebody is about to read [log_offset, log_offset + size) of the pinned segment, and nothing near it.
  void read_here(const Segment& segment, std::int64_t log_offset, std::uint64_t size);

  /// Bytes that are accounted for, for the tests.
  [[nodiscard]] std::uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }
  /// Blocks and single records brought in from the disk since the start.
  [[nodiscard]] std::uint64_t parts_read() const noexcept { return parts_read_.load(std::memory_order_relaxed); }

 private:
  struct Part {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t block = -1;  // -1: a single record
  };
  void bring_block(const Segment& segment, std::int64_t block);
  void bring(const Segment& segment, const Part& part);
  void give_back(const Part& part);

  Disk& disk_;
  const std::int64_t block_size_;
  const std::uint64_t bytes_max_;
  const std::function<SegmentPin(std::int64_t)> find_;
  std::atomic<std::int64_t> last_block_{-1};
  std::atomic<std::uint64_t> parts_read_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::deque<Part> order_;
  std::unordered_set<std::int64_t> known_;  // blocks in order_
  std::uint64_t bytes_ = 0;                 // of order_
  // Blocks that were found in memory lately: looking costs more than reading from them.
  std::array<std::int64_t, 64> found_{};
  std::size_t next_found_ = 0;
};

}  // namespace gantry::storage_mmap
