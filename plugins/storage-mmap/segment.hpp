#pragma once
// One file of the commit log, and the table that finds the file of a log offset without a lock.

#include "plugins/storage-mmap/disk.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantry::storage_mmap {

/// "00000000001073741824": how files of the log and of queues are named after the offset at which they begin.
[[nodiscard]] std::string offset_name(std::int64_t offset);
/// The offset of such a name; -1 when it is not exactly 20 digits.
[[nodiscard]] std::int64_t offset_of_name(std::string_view name);

/// A commit-log file. It lives through three states, in this order:
///
///     hot      mapped: the appender writes to it, readers hand out its bytes
///     cold     not mapped: readers copy from the file
///     retired  removed from the disk and closed
///
/// Who touches its bytes pins it first, and looks at the state after that: what the state allows stays possible until
/// unpin(). A change of state is announced first and carried out when the last pin is gone, so it never waits for a
/// reader. The object itself lives as long as the log, so that a pointer to it is never stale.
class Segment {
 public:
  enum class State : std::uint8_t { hot, cold, retired };

  /// `map` is null for a segment that begins as cold.
  Segment(Disk& disk, std::int64_t base, std::uint64_t size, File file, std::byte* map)
      : base_(base),
        size_(size),
        disk_(disk),
        file_(std::move(file)),
        map_(map),
        state_(map == nullptr ? State::cold : State::hot) {}
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment() { unmap(); }

  [[nodiscard]] std::int64_t base() const noexcept { return base_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::int64_t end() const noexcept { return base_ + static_cast<std::int64_t>(size_); }

  // ---- [any-thread] ----

  void pin() noexcept { pins_.fetch_add(1); }
  void unpin() noexcept { pins_.fetch_sub(1, std::memory_order_release); }
  [[nodiscard]] State state() const noexcept { return state_.load(); }

  // ---- [pinned], or who changes the state ----

  /// Unless retired.
  [[nodiscard]] const File& file() const noexcept { return file_; }
  /// While hot.
  [[nodiscard]] std::byte* data() const noexcept { return map_; }
  [[nodiscard]] std::byte* at(std::int64_t log_offset) const noexcept { return map_ + (log_offset - base_); }

  // ---- [before the threads start] ----

  void warm(std::byte* map) noexcept {
    map_ = map;
    state_ = State::hot;
  }

  // ---- one thread at a time ----

  /// Announces a later state.
  void become(State state) noexcept { state_.store(state); }
  /// Carries out what was announced if nobody is inside; false: try again later.
  bool settle() noexcept;

 private:
  void unmap() noexcept {
    if (map_ != nullptr) disk_.unmap(std::exchange(map_, nullptr), size_);
  }

  const std::int64_t base_;
  const std::uint64_t size_;
  Disk& disk_;
  File file_;
  std::byte* map_;
  // Both sequentially consistent: either a reader's pin is seen before the change is carried out, or the reader sees
  // the announced state.
  std::atomic<State> state_;
  std::atomic<std::uint32_t> pins_{0};
};

/// Holds a pin. Movable.
class SegmentPin {
 public:
  SegmentPin() = default;
  explicit SegmentPin(Segment* segment) noexcept : segment_(segment) {
    if (segment_ != nullptr) segment_->pin();
  }
  SegmentPin(SegmentPin&& other) noexcept : segment_(std::exchange(other.segment_, nullptr)) {}
  SegmentPin& operator=(SegmentPin&& other) noexcept {
    SegmentPin taken(std::move(other));
    std::swap(segment_, taken.segment_);
    return *this;
  }
  ~SegmentPin() {
    if (segment_ != nullptr) segment_->unpin();
  }
  [[nodiscard]] Segment* get() const noexcept { return segment_; }
  Segment* operator->() const noexcept { return segment_; }
  explicit operator bool() const noexcept { return segment_ != nullptr; }

 private:
  Segment* segment_ = nullptr;
};

/// Segments by log offset. find() is [any-thread] and takes no lock; the others belong to one thread at a time.
/// Bounded: capacity segments after the first one.
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
  /// Takes one out, so that find() does not answer it any more. Who has found it already may still hold the pointer: it
  /// stays alive until the table goes. Null when there is none.
  Segment* retire(std::int64_t base);

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
  std::atomic<Segment*>* slot_of(std::int64_t base);

  const std::int64_t segment_size_;
  std::int64_t first_index_ = 0;
  std::array<std::atomic<Block*>, block_count> blocks_{};
  std::vector<std::unique_ptr<Segment>> retired_;
};

}  // namespace gantry::storage_mmap
