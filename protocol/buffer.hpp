#pragma once
// Where encoded bytes are gathered, and where unescaped text lives while a request is handled.

#include "protocol/bytes.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace gantry::protocol {

/// A growing run of bytes. Appending within the capacity allocates nothing; clear() keeps the capacity. Growth doubles,
/// and pointers into the buffer die with it. Unbounded by itself: its owner bounds what it appends.
/// A resource: moves, does not copy. One thread at a time.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(std::size_t capacity) { reserve(capacity); }
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ~ByteBuffer() = default;

  [[nodiscard]] std::byte* data() noexcept { return bytes_.get(); }
  [[nodiscard]] const std::byte* data() const noexcept { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] ByteView view() const noexcept { return {bytes_.get(), size_}; }
  [[nodiscard]] std::string_view text() const noexcept { return as_text(view()); }

  void clear() noexcept { size_ = 0; }
  /// Drops everything behind the first `size` bytes; size <= size().
  void truncate(std::size_t size) noexcept {
    assert(size <= size_);
    size_ = size;
  }
  /// Makes room for `capacity` bytes in all.
  void reserve(std::size_t capacity) {
    if (capacity > capacity_) grow(capacity);
  }

  /// Adds `count` uninitialised bytes and returns where they start.
  std::byte* extend(std::size_t count) {
    if (count > capacity_ - size_) grow(size_ + count);
    std::byte* at = bytes_.get() + size_;
    size_ += count;
    return at;
  }

  void append(ByteView bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }
  void append(std::string_view text) { append(as_bytes(text)); }
  void push_back(char c) { *extend(1) = static_cast<std::byte>(c); }

  template <std::integral T>
  void append_integer(T value) {
    store_big_endian(extend(sizeof(T)), value);
  }
  /// Overwrites sizeof(T) bytes at `position`, which were appended before.
  template <std::integral T>
  void patch_integer(std::size_t position, T value) noexcept {
    assert(position + sizeof(T) <= size_);
    store_big_endian(bytes_.get() + position, value);
  }

  void swap(ByteBuffer& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void grow(std::size_t wanted) {
    const std::size_t capacity = std::max({wanted, capacity_ * 2, std::size_t{256}});
    std::unique_ptr<std::byte[]> bigger(new std::byte[capacity]);
    if (size_ != 0) std::memcpy(bigger.get(), bytes_.get(), size_);
    bytes_ = std::move(bigger);
    capacity_ = capacity;
  }

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Room for text that had to be unescaped. What allocate() returned stays in place until reset(), so the headers of all
/// requests of one readable chunk can share one. The first block is kept and reused: after warm-up no request with
/// ordinary headers allocates. Bounded by `bytes_max`; allocate() then gives nullptr.
/// A resource: does not copy or move. One thread at a time.
class Scratch {
 public:
  static constexpr std::size_t block_size = 64 * 1024;
  explicit Scratch(std::size_t bytes_max = 32 * 1024 * 1024) noexcept : bytes_max_(bytes_max) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// `size` bytes that stay in place until reset(); nullptr when the bound is reached.
  char* allocate(std::size_t size) {
    if (size > static_cast<std::size_t>(end_ - next_)) return allocate_slowly(size);
    char* at = next_;
    next_ += size;
    return at;
  }
  /// Gives back the last `size` bytes of the most recent allocate().
  void give_back(std::size_t size) noexcept { next_ -= size; }

  /// Invalidates everything handed out.
  void reset() noexcept {
    if (blocks_.empty()) return;
    blocks_.resize(1);
    reserved_ = block_size;
    next_ = blocks_[0].get();
    end_ = next_ + block_size;
  }

 private:
  char* allocate_slowly(std::size_t size) {
    const std::size_t block = std::max(size, block_size);
    if (block > bytes_max_ - reserved_) return nullptr;
    if (blocks_.empty() && block != block_size) {  // The first block always has the size that reset() relies on.
      if (block_size > bytes_max_ - block) return nullptr;
      blocks_.emplace_back(new char[block_size]);
      reserved_ += block_size;
    }
    blocks_.emplace_back(new char[block]);
    reserved_ += block;
    next_ = blocks_.back().get() + size;
    end_ = blocks_.back().get() + block;
    return next_ - size;
  }

  std::size_t bytes_max_;
  std::size_t reserved_ = 0;
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

}  // namespace gantry::protocol
