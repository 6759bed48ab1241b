#include "kernel/net/out_buffer.hpp"

#include "kernel/base/assert.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace gantry::net {

void OutBuffer::append(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  owned_.insert(owned_.end(), bytes.begin(), bytes.end());
  owned_end_ += bytes.size();
  size_ += bytes.size();
  const bool joins_last =
      segments_.size() > first_segment_ && segments_.back().borrowed == nullptr &&
      (first_release_ == releases_.size() || releases_.back().after_segment < segment_base_ + segments_.size());
  if (joins_last) {
    segments_.back().size += bytes.size();
  } else {
    segments_.push_back({nullptr, bytes.size()});
  }
}

void OutBuffer::append(std::span<const gantry_slice> slices, UniqueFunction<void()> release) {
  for (const gantry_slice& slice : slices) {
    if (slice.size == 0) continue;
    segments_.push_back({static_cast<const std::byte*>(slice.data), static_cast<std::size_t>(slice.size)});
    size_ += static_cast<std::size_t>(slice.size);
  }
  if (!release) return;
  releases_.push_back({segment_base_ + segments_.size(), std::move(release)});
  if (size_ == 0) run_due_releases();
}

std::size_t OutBuffer::gather(std::span<iovec> out) const noexcept {
  std::size_t count = 0;
  const std::byte* owned = owned_front();
  for (std::size_t i = first_segment_; i < segments_.size() && count < out.size(); ++i) {
    const Segment& segment = segments_[i];
    const std::byte* data = segment.borrowed;
    if (data == nullptr) {
      data = owned;
      owned += segment.size;
    }
    out[count++] = iovec{const_cast<std::byte*>(data), segment.size};
  }
  return count;
}

std::size_t OutBuffer::copy_front(std::span<std::byte> out) const noexcept {
  std::size_t copied = 0;
  const std::byte* owned = owned_front();
  for (std::size_t i = first_segment_; i < segments_.size() && copied < out.size(); ++i) {
    const Segment& segment = segments_[i];
    const std::byte* data = segment.borrowed;
    if (data == nullptr) {
      data = owned;
      owned += segment.size;
    }
    const std::size_t count = std::min(segment.size, out.size() - copied);
    std::memcpy(out.data() + copied, data, count);
    copied += count;
  }
  return copied;
}

void OutBuffer::consume(std::size_t count) {
  GANTRY_ASSERT(count <= size_, "no more can leave than waits");
  size_ -= count;
  while (count > 0) {
    Segment& segment = segments_[first_segment_];
    const std::size_t taken = std::min(count, segment.size);
    if (segment.borrowed == nullptr) {
      owned_begin_ += taken;
    } else {
      segment.borrowed += taken;
    }
    segment.size -= taken;
    count -= taken;
    if (segment.size == 0) ++first_segment_;
  }
  compact();
  run_due_releases();
}

// A release may append to this buffer, so nothing is held across its call.
void OutBuffer::run_due_releases() {
  while (first_release_ < releases_.size() &&
         releases_[first_release_].after_segment <= segment_base_ + first_segment_) {
    UniqueFunction<void()> run = std::move(releases_[first_release_].run);
    if (++first_release_ == releases_.size()) {
      releases_.clear();
      first_release_ = 0;
    } else if (first_release_ >= 64 && first_release_ * 2 >= releases_.size()) {
      releases_.erase(releases_.begin(), releases_.begin() + static_cast<std::ptrdiff_t>(first_release_));
      first_release_ = 0;
    }
    run();
  }
}

// Moves what waits to the front of the storage once at least half of the storage has left, so that a byte is moved at
// most once for each byte that left.
void OutBuffer::compact() {
  const auto gone = static_cast<std::size_t>(owned_begin_ - owned_base_);
  if (gone * 2 >= owned_.size()) {
    owned_.erase(owned_.begin(), owned_.begin() + static_cast<std::ptrdiff_t>(gone));
    owned_base_ = owned_begin_;
  }
  if (first_segment_ * 2 >= segments_.size()) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_segment_));
    segment_base_ += first_segment_;
    first_segment_ = 0;
  }
}

void OutBuffer::clear() {
  // Ends even when a release appends: what it appends is forgotten as well, and its releases run too.
  while (!empty()) {
    size_ = 0;
    first_segment_ = segments_.size();
    owned_begin_ = owned_end_;
    compact();
    run_due_releases();
  }
}

void OutBuffer::shrink(std::size_t bytes_max) {
  GANTRY_ASSERT(empty(), "storage is given back only when nothing is in it");
  if (owned_.capacity() > bytes_max) std::vector<std::byte>().swap(owned_);
  if (segments_.capacity() * sizeof(Segment) > bytes_max) std::vector<Segment>().swap(segments_);
  if (releases_.capacity() * sizeof(Release) > bytes_max) std::vector<Release>().swap(releases_);
}

}  // namespace gantry::net
