#include "plugins/storage-mmap/cold_cache.hpp"

#include <algorithm>
#include <utility>

namespace gantry::storage_mmap {

ColdCache::ColdCache(Disk& disk, const StoreOptions& options, std::function<SegmentPin(std::int64_t)> find)
    : disk_(disk),
      block_size_(static_cast<std::int64_t>(options.cold_read_ahead)),
      blocks_max_(std::max<std::uint64_t>(options.cold_cache / options.cold_read_ahead, 2)),
      find_(std::move(find)) {}

void ColdCache::reading(const Segment& segment, std::int64_t log_offset) {
  const auto block = log_offset / block_size_;
  if (last_block_.load(std::memory_order_relaxed) == block) return;
  const std::lock_guard lock(mutex_);
  last_block_.store(block, std::memory_order_relaxed);
  bring(segment, block);
  bring(segment, block + 1);
}

void ColdCache::bring(const Segment& segment, std::int64_t block) {
  // A block may begin before its segment, or end behind it: then it is the part in this one.
  const auto from = std::max(block * block_size_, segment.base());
  const auto to = std::min((block + 1) * block_size_, segment.end());
  if (from >= to || known_.contains(block)) return;
  const auto at = static_cast<std::uint64_t>(from - segment.base());
  const auto size = static_cast<std::uint64_t>(to - from);
  if (disk_.is_cached(segment.file(), at, size)) return;
  disk_.advise(segment.file(), at, size, Advice::will_need);
  blocks_read_.fetch_add(1, std::memory_order_relaxed);
  known_.insert(block);
  order_.push_back(block);
  while (order_.size() > blocks_max_) {
    give_back(order_.front());
    known_.erase(order_.front());
    order_.pop_front();
  }
}

void ColdCache::give_back(std::int64_t block) {
  const auto end = (block + 1) * block_size_;
  for (auto from = block * block_size_; from < end;) {
    const auto pin = find_(from);
    if (!pin) return;
    const auto to = std::min(end, pin->end());
    disk_.advise(pin->file(), static_cast<std::uint64_t>(from - pin->base()), static_cast<std::uint64_t>(to - from),
                 Advice::dont_need);
    from = to;
  }
}

}  // namespace gantry::storage_mmap
