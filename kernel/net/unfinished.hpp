#pragma once
// The part of a frame that has arrived while the rest has not.

#include "kernel/base/assert.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

namespace gantry::net {

/// A number of bytes that all connections of a process share. [any-thread]
class ByteBudget {
 public:
  explicit ByteBudget(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  /// False, and nothing taken, when that would pass the limit.
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= bytes_max_) return true;
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  /// Takes them even beyond the limit; the caller slows down by exhausted().
  void force(std::size_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void give_back(std::size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  [[nodiscard]] bool exhausted() const noexcept { return used() > bytes_max_; }
  [[nodiscard]] std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bytes_max() const noexcept { return bytes_max_; }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> used_{0};
};

/// A connection's unfinished bytes. Holds memory only while there are some; grows by what arrived (doubling), never by
/// what a frame promises. Storage above `free_bytes` counts against the process's budget. [shard]
class Unfinished {
 public:
  static constexpr std::size_t free_bytes = 16 * 1024;

  explicit Unfinished(ByteBudget& budget) noexcept : budget_(&budget) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() { clear(); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::span<std::byte> room() noexcept { return {data_ + size_, capacity_ - size_}; }
  /// `count` bytes were put into room().
  void add(std::size_t count) noexcept { size_ += count; }

  /// Holds exactly `bytes` from now on, which must not be its own. False when the budget has no room; then it is empty.
  [[nodiscard]] bool assign(std::span<const std::byte> bytes) {
    size_ = 0;
    if (bytes.empty() || (capacity_ > free_bytes && bytes.size() * 2 < capacity_)) clear();
    if (bytes.empty()) return true;
    if (capacity_ < bytes.size() && !resize(bytes.size())) return false;
    std::memcpy(data_, bytes.data(), bytes.size());
    size_ = bytes.size();
    return true;
  }

  /// Makes room for at least one more byte: twice as much as there is, but not beyond `bytes_max` in all. False when
  /// the budget has no room.
  [[nodiscard]] bool grow(std::size_t bytes_max) {
    return resize(std::min(bytes_max, std::max(capacity_ * 2, free_bytes)));
  }

  /// Drops the first `count` bytes.
  void drop_front(std::size_t count) noexcept {
    GANTRY_ASSERT(count <= size_);
    size_ -= count;
    if (size_ == 0) return clear();
    std::memmove(data_, data_ + count, size_);
  }

  void clear() noexcept {
    if (capacity_ > free_bytes) budget_->give_back(capacity_);
    std::free(data_);
    data_ = nullptr;
    size_ = capacity_ = 0;
  }

 private:
  // Plain malloc, because these bytes need no initialising and realloc can move large blocks by remapping pages.
  [[nodiscard]] bool resize(std::size_t capacity) {
    if (capacity > free_bytes && !budget_->take(capacity)) {
      clear();
      return false;
    }
    auto* data = static_cast<std::byte*>(std::realloc(data_, capacity));
    if (data == nullptr) {
      if (capacity > free_bytes) budget_->give_back(capacity);
      clear();
      return false;
    }
    if (capacity_ > free_bytes) budget_->give_back(capacity_);
    data_ = data;
    capacity_ = capacity;
    return true;
  }

  ByteBudget* budget_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace gantry::net
