#pragma once
// Keeps the segments of one read mapped until the read is released.

#include "plugins/storage-mmap/mmap_store.hpp"

#include <array>
#include <cstddef>

namespace gantry::storage_mmap {

/// Pooled by the store. Bounded: a read ends where it would need more than capacity segments.
class MmapStore::Owner {
 public:
  static constexpr std::size_t capacity = 8;

  /// False when the owner holds as many as it can.
  bool pin(Segment& segment) {
    if (count_ > 0 && segments_[count_ - 1] == &segment) return true;
    if (count_ == capacity) return false;
    segment.pin();
    segments_[count_++] = &segment;
    return true;
  }
  void unpin_all() {
    for (std::size_t i = 0; i < count_; ++i) segments_[i]->unpin();
    count_ = 0;
  }

 private:
  std::array<Segment*, capacity> segments_{};
  std::size_t count_ = 0;
};

}  // namespace gantry::storage_mmap
