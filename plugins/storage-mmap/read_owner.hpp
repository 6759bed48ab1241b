#pragma once
// Keeps the bytes of one read in place until the read is released: pins the segments whose mapping they lie in, and
// holds the copies of those that are not mapped.

#include "plugins/storage-mmap/mmap_store.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace gantry::storage_mmap {

/// Pooled by the store. Bounded: a read ends where it would need more than capacity segments; copies are bounded by the
/// read's limits.
class MmapStore::Owner {
 public:
  static constexpr std::size_t capacity = 8;

  /// False when the owner holds as many as it can.
  bool pin(Segment& segment) {
    if (count_ > 0 && pins_[count_ - 1].get() == &segment) return true;
    if (count_ == capacity) return false;
    pins_[count_++] = SegmentPin(&segment);
    return true;
  }

  /// A place for `size` bytes, right behind the last one if there is room.
  std::byte* allocate(std::size_t size) {
    if (chunks_.empty() || size > chunk_size_ - used_) {
      chunk_size_ = std::max(size, chunk_size_min);
      chunks_.emplace_back(new std::byte[chunk_size_]);
      used_ = 0;
    }
    auto* at = chunks_.back().get() + used_;
    used_ += size;
    return at;
  }

  void clear() {
    for (std::size_t i = 0; i < count_; ++i) pins_[i] = SegmentPin();
    count_ = 0;
    chunks_.clear();
  }

 private:
  static constexpr std::size_t chunk_size_min = 256u << 10;

  std::array<SegmentPin, capacity> pins_;
  std::size_t count_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::size_t chunk_size_ = 0;
  std::size_t used_ = 0;
};

}  // namespace gantry::storage_mmap
