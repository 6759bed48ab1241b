#pragma once
// Memory for one asynchronous operation, kept by whoever starts it, so that waiting allocates nothing.

#include <cstddef>
#include <new>

namespace gantry::net {

/// Room for one operation at a time. Not thread-safe: who starts the next operation must know that the last one's
/// memory was given back, which Asio does before it calls the handler.
template <std::size_t Size>
struct OpSlot {
  OpSlot() = default;
  OpSlot(const OpSlot&) = delete;
  OpSlot& operator=(const OpSlot&) = delete;

  alignas(std::max_align_t) std::byte bytes[Size];
  bool used = false;
};

/// The allocator that hands out an OpSlot, and heap memory when the slot is taken or too small.
template <typename T, std::size_t Size>
class OpAllocator {
 public:
  using value_type = T;
  template <typename Other>
  struct rebind {
    using other = OpAllocator<Other, Size>;
  };

  explicit OpAllocator(OpSlot<Size>& slot) noexcept : slot_(&slot) {}
  template <typename Other>
  OpAllocator(const OpAllocator<Other, Size>& other) noexcept : slot_(other.slot_) {}  // NOLINT: converting by design

  T* allocate(std::size_t count) {
    if (!slot_->used && count * sizeof(T) <= Size) {
      slot_->used = true;
      return reinterpret_cast<T*>(slot_->bytes);
    }
    return static_cast<T*>(::operator new(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t) noexcept {
    if (reinterpret_cast<std::byte*>(memory) == slot_->bytes) {
      slot_->used = false;
    } else {
      ::operator delete(memory);
    }
  }
  template <typename Other>
  bool operator==(const OpAllocator<Other, Size>& other) const noexcept {
    return slot_ == other.slot_;
  }

 private:
  template <typename, std::size_t>
  friend class OpAllocator;
  OpSlot<Size>* slot_;
};

}  // namespace gantry::net
