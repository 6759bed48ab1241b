#pragma once
// Memory for one turn of work: taken by moving a pointer, given back all at once.

#include "kernel/base/assert.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gantry {

/// A bump allocator for trivially destructible things that live until reset().
///
/// Thread: one owner, [shard]. Bound: `bytes_max` between two resets; beyond it allocate() answers nullptr. reset()
/// keeps one block of at most `keep_bytes`, so that a burst does not stay resident. In the steady state nothing is
/// allocated from the heap.
class Arena {
 public:
  explicit Arena(std::size_t bytes_max, std::size_t keep_bytes = 64 * 1024)
      : bytes_max_(bytes_max), keep_bytes_(std::min(keep_bytes, bytes_max)) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// `size` bytes aligned to `alignment` (a power of two), or nullptr when the bound is reached. Not initialised.
  [[nodiscard]] std::byte* allocate(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
    if (std::byte* bytes = carve(size, alignment)) return bytes;
    if (size > bytes_max_ - std::min(used_, bytes_max_)) return nullptr;
    add_block(size + alignment);
    return carve(size, alignment);
  }

  /// Room for `count` objects of a type that needs no destructor; empty when the bound is reached (and for count 0).
  template <typename T>
  [[nodiscard]] std::span<T> make_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count == 0 || count > bytes_max_ / sizeof(T)) return {};
    std::byte* bytes = allocate(count * sizeof(T), alignof(T));
    if (bytes == nullptr) return {};
    T* first = reinterpret_cast<T*>(bytes);
    std::uninitialized_value_construct_n(first, count);
    return {first, count};
  }

  /// A copy of `text` that lives until reset(); its data() is nullptr when the bound is reached.
  [[nodiscard]] std::string_view copy(std::string_view text) {
    std::byte* bytes = allocate(std::max<std::size_t>(text.size(), 1), 1);
    if (bytes == nullptr) return {};
    if (!text.empty()) std::memcpy(bytes, text.data(), text.size());
    return {reinterpret_cast<const char*>(bytes), text.size()};
  }

  /// Gives everything back at once. Whatever was allocated is gone.
  void reset() noexcept {
    if (blocks_.size() > 1 || capacity() > keep_bytes_) {
      const auto kept =
          std::find_if(blocks_.begin(), blocks_.end(), [&](const Block& b) { return b.size <= keep_bytes_; });
      if (kept == blocks_.end()) {
        blocks_.clear();
      } else {
        std::iter_swap(blocks_.begin(), kept);
        blocks_.resize(1);
      }
    }
    used_ = 0;
    rewind();
  }

  [[nodiscard]] std::size_t used() const noexcept { return used_; }  ///< bytes handed out since reset(), with padding
  [[nodiscard]] std::size_t capacity() const noexcept {              ///< bytes held
    std::size_t sum = 0;
    for (const Block& block : blocks_) sum += block.size;
    return sum;
  }

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
    Block() = default;
    explicit Block(std::size_t n) : bytes(std::make_unique_for_overwrite<std::byte[]>(n)), size(n) {}
  };

  std::byte* carve(std::size_t size, std::size_t alignment) noexcept {
    GANTRY_ASSERT((alignment & (alignment - 1)) == 0, "alignments are powers of two");
    const std::size_t padding = (alignment - reinterpret_cast<std::uintptr_t>(next_) % alignment) % alignment;
    const auto room = static_cast<std::size_t>(end_ - next_);
    if (padding > room || size > room - padding) return nullptr;
    if (padding + size > bytes_max_ - std::min(used_, bytes_max_)) return nullptr;
    std::byte* bytes = next_ + padding;
    next_ = bytes + size;
    used_ += padding + size;
    return bytes;
  }

  void add_block(std::size_t at_least) {
    const std::size_t usual = std::max(keep_bytes_, std::min(capacity(), bytes_max_));
    blocks_.emplace_back(std::max(at_least, usual));
    next_ = blocks_.back().bytes.get();
    end_ = next_ + blocks_.back().size;
  }

  void rewind() noexcept {
    next_ = blocks_.empty() ? nullptr : blocks_.front().bytes.get();
    end_ = blocks_.empty() ? nullptr : next_ + blocks_.front().size;
  }

  const std::size_t bytes_max_;
  const std::size_t keep_bytes_;
  std::vector<Block> blocks_;  // the last one is being filled
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t used_ = 0;
};

}  // namespace gantry
