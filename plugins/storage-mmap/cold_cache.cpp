#include "plugins/storage-mmap/cold_cache.hpp"

#include <algorithm>
#include <utility>

namespace gantry::storage_mmap {

ColdCache::ColdCache(Disk& disk, const StoreOptions& options, std::function<SegmentPin(std::int64_t)> find)
    : disk_(disk),
      block_size_(static_cast<std::int64_t>(options.cold_read_ahead)),
      bytes_max_(std::max(options.cold_cache, 2 * options.cold_read_ahead)),
      find_(std::move(find)) {
  found_.fill(-1);
}

void ColdCache::read_on(const Segment& segment, std::int64_t log_offset) {
  const auto block = log_offset / block_size_;
  if (last_block_.load(std::memory_order_relaxed) == block) return;
  const std::lock_guard lock(mutex_);
  last_block_.store(block, std::memory_order_relaxed);
  bring_block(segment, block);
  bring_block(segment, block + 1);
}

void ColdCache::bring_block(const Segment& segment, std::int64_t block) {
  // A block may begin before its segment, or end behind it: then it is the part in this one.
  const auto from = std::max(block * block_size_, segment.base());
  const auto to = std::min((block + 1) * block_size_, segment.end());
  if (from >= to || known_.contains(block) || std::ranges::find(found_, block) != found_.end()) return;
  if (disk_.is_cached(segment.file(), static_cast<std::uint64_t>(from - segment.base()),
                      static_cast<std::uint64_t>(to - from))) {
    found_[next_found_++ % found_.size()] = block;
    return;
  }
  known_.insert(block);
  bring(segment, {from, to, block});
}

void ColdCache::read_here(const Segment& segment, std::int64_t log_offset, std::uint64_t size) {
  const auto is_there = [&](std::int64_t offset) {
    std::byte byte{};
    return static_cast<bool>(
        disk_.read_cached(segment.file(), {&byte, 1}, static_cast<std::uint64_t>(offset - segment.base())));
  };
  const auto end = log_offset + static_cast<std::int64_t>(size);
  if (is_there(log_offset) && is_there(end - 1)) return;
  // Whole pages: nothing less is given back.
  const auto page = static_cast<std::int64_t>(page_size());
  const auto from = std::max(log_offset / page * page, segment.base());
  const auto to = std::min((end + page - 1) / page * page, segment.end());
  const std::lock_guard lock(mutex_);
  bring(segment, {from, to, -1});
}

void ColdCache::bring(const Segment& segment, const Part& part) {
  disk_.advise(segment.file(), static_cast<std::uint64_t>(part.begin - segment.base()),
               static_cast<std::uint64_t>(part.end - part.begin), Advice::will_need);
  parts_read_.fetch_add(1, std::memory_order_relaxed);
  order_.push_back(part);
  bytes_ += static_cast<std::uint64_t>(part.end - part.begin);
  while (bytes_ > bytes_max_) {
    const auto oldest = order_.front();
    order_.pop_front();
    bytes_ -= static_cast<std::uint64_t>(oldest.end - oldest.begin);
    if (oldest.block >= 0) known_.erase(oldest.block);
    give_back(oldest);
  }
}

void ColdCache::give_back(const Part& part) {
  for (auto from = part.begin; from < part.end;) {
    const auto pin = find_(from);
    if (!pin) return;
    const auto to = std::min(part.end, pin->end());
    disk_.advise(pin->file(), static_cast<std::uint64_t>(from - pin->base()), static_cast<std::uint64_t>(to - from),
                 Advice::dont_need);
    from = to;
  }
}

}  // namespace gantry::storage_mmap
