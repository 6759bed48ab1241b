#pragma once
// One mapped file of the commit log, and the table that finds the file of a log offset without a lock.

#include "plugins/storage-mmap/disk.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace gantry::storage_mmap {

/// "00000000001073741824": how files of the log and of queues are named after the offset at which they begin.
[[nodiscard]] std::string offset_name(std::int64_t offset);
/// The offset of such a name; -1 when it is not exactly 20 digits.
[[nodiscard]] std::int64_t offset_of_name(std::string_view name);

/// A commit-log file, mapped from beginning to end. Readers pin it while they hand out its bytes: a retired segment is
/// unmapped when the last pin goes. The object itself lives as long as the log.
class Segment {
 public:
  Segment(Disk& disk, std::int64_t base, std::uint64_t size, File file, std::byte* map)
      : base_(base), size_(size), disk_(disk), file_(std::move(file)), map_(map) {}
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment() { disk_.unmap(map_, size_); }

  [[nodiscard]] std::int64_t base() const noexcept { return base_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::int64_t end() const noexcept { return base_ + static_cast<std::int64_t>(size_); }
  [[nodiscard]] const File& file() const noexcept { return file_; }
  [[nodiscard]] std::byte* data() const noexcept { return map_; }
  [[nodiscard]] std::byte* at(std::int64_t log_offset) const noexcept { return map_ + (log_offset - base_); }

  void pin() noexcept { pins_.fetch_add(1, std::memory_order_relaxed); }
  void unpin() noexcept { pins_.fetch_sub(1, std::memory_order_release); }
  [[nodiscard]] bool is_pinned() const noexcept { return pins_.load(std::memory_order_acquire) != 0; }

  /// Set when a cold part was read, which makes it resident until it is advised away.
  std::atomic<bool> touched{false};

 private:
  const std::int64_t base_;
  const std::uint64_t size_;
  Disk& disk_;
  File file_;
  std::byte* const map_;
  std::atomic<std::uint32_t> pins_{0};
};

/// Segments by log offset. find() is [any-thread] and takes no lock; add() and remove_behind() belong to one thread at
/// a time. Bounded: capacity segments after the first one.
class SegmentTable {
 public:
  static constexpr std::size_t block_size = 1024;
  static constexpr std::size_t block_count = 1024;
  static constexpr std::size_t capacity = block_size * block_count;

  explicit SegmentTable(std::uint64_t segment_size) : segment_size_(static_cast<std::int64_t>(segment_size)) {}
  SegmentTable(const SegmentTable&) = delete;
  SegmentTable& operator=(const SegmentTable&) = delete;
  ~SegmentTable();

  /// The base of the first segment that will be added; before any add().
  void set_first(std::int64_t base) { first_index_ = base / segment_size_; }
  /// Takes a segment whose base is a multiple of the size and at or behind the first. Errc::full beyond the capacity.
  Status add(std::unique_ptr<Segment> segment);
  /// Drops the segments that begin at or behind `log_offset`. Nobody reads them: recovery and stop only.
  void remove_behind(std::int64_t log_offset);

  /// The segment that holds the byte at log_offset, or null. [any-thread]
  [[nodiscard]] Segment* find(std::int64_t log_offset) const noexcept {
    if (log_offset < 0) return nullptr;
    const auto index = log_offset / segment_size_ - first_index_;
    if (index < 0 || static_cast<std::size_t>(index) >= capacity) return nullptr;
    const auto* block = blocks_[static_cast<std::size_t>(index) / block_size].load(std::memory_order_acquire);
    if (block == nullptr) return nullptr;
    return (*block)[static_cast<std::size_t>(index) % block_size].load(std::memory_order_acquire);
  }

 private:
  using Block = std::array<std::atomic<Segment*>, block_size>;

  const std::int64_t segment_size_;
  std::int64_t first_index_ = 0;
  std::array<std::atomic<Block*>, block_count> blocks_{};
};

}  // namespace gantry::storage_mmap
