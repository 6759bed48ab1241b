#pragma once
// A callable that is owned by one place: move-only, so that it can carry a unique_ptr, a socket or a response.

#include "kernel/base/assert.hpp"

#include <cstddef>
#include <cstring>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace gantry {

template <typename Signature>
class UniqueFunction;

/// Owns one callable of the given signature. C++20 has no std::move_only_function; this is the part of it that we use.
///
/// Callables of at most `inline_size` bytes whose move cannot throw live inside the object (no allocation); others live
/// on the heap. Moving is always noexcept and leaves the source empty. Calling an empty one asserts.
/// Thread: a value; whoever holds it calls it. [any-thread]
template <typename R, typename... Args>
class UniqueFunction<R(Args...)> {
 public:
  static constexpr std::size_t inline_size = 48;  ///< bytes; with the table pointer the object is one cache line

  UniqueFunction() noexcept = default;
  UniqueFunction(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)

  template <typename F, typename Stored = std::decay_t<F>>
  requires(!std::is_same_v<Stored, UniqueFunction> && std::is_invocable_r_v<R, Stored&, Args...>)
      UniqueFunction(F&& callable) {  // NOLINT(google-explicit-constructor)
    if constexpr (std::is_pointer_v<Stored> || std::is_member_pointer_v<Stored>) {
      if (callable == nullptr) return;
    }
    if constexpr (fits_inline<Stored>) {
      ::new (static_cast<void*>(storage_)) Stored(std::forward<F>(callable));
      table_ = &inline_table<Stored>;
    } else {
      auto* stored = new Stored(std::forward<F>(callable));
      std::memcpy(storage_, &stored, sizeof(void*));
      table_ = &heap_table<Stored>;
    }
  }

  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      clear();
      take(other);
    }
    return *this;
  }
  UniqueFunction& operator=(std::nullptr_t) noexcept {
    clear();
    return *this;
  }
  UniqueFunction(const UniqueFunction&) = delete;
  UniqueFunction& operator=(const UniqueFunction&) = delete;
  ~UniqueFunction() { clear(); }

  explicit operator bool() const noexcept { return table_ != nullptr; }

  R operator()(Args... args) {
    GANTRY_ASSERT(table_ != nullptr, "an empty function must not be called");
    return table_->call(storage_, std::forward<Args>(args)...);
  }

 private:
  struct Table {
    R (*call)(void* storage, Args&&... args);
    void (*relocate)(void* from, void* to) noexcept;  ///< nullptr: copying the bytes is enough
    void (*destroy)(void* storage) noexcept;          ///< nullptr: nothing to do
  };

  template <typename Stored>
  static constexpr bool fits_inline =
      sizeof(Stored) <= inline_size &&
      alignof(Stored) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<Stored>;

  template <typename Stored>
  static Stored& in_place(void* storage) noexcept {
    return *std::launder(static_cast<Stored*>(storage));
  }

  template <typename Stored>
  static Stored* on_heap(void* storage) noexcept {
    Stored* stored = nullptr;
    std::memcpy(&stored, storage, sizeof(void*));
    return stored;
  }

  template <typename Stored>
  static R invoke(Stored& stored, Args&&... args) {
    if constexpr (std::is_void_v<R>) {
      std::invoke(stored, std::forward<Args>(args)...);
    } else {
      return std::invoke(stored, std::forward<Args>(args)...);
    }
  }

  template <typename Stored>
  static void relocate_in_place(void* from, void* to) noexcept {
    Stored& source = in_place<Stored>(from);
    ::new (to) Stored(std::move(source));
    source.~Stored();  // NOLINT(bugprone-use-after-move): what a move leaves behind still has to be destroyed
  }

  template <typename Stored>
  static constexpr Table make_inline_table() {
    Table table{[](void* s, Args&&... args) -> R { return invoke(in_place<Stored>(s), std::forward<Args>(args)...); },
                nullptr, nullptr};
    if constexpr (!std::is_trivially_copyable_v<Stored>) table.relocate = &relocate_in_place<Stored>;
    if constexpr (!std::is_trivially_destructible_v<Stored>) {
      table.destroy = [](void* s) noexcept { in_place<Stored>(s).~Stored(); };
    }
    return table;
  }

  template <typename Stored>
  static constexpr Table make_heap_table() {
    return Table{[](void* s, Args&&... args) -> R { return invoke(*on_heap<Stored>(s), std::forward<Args>(args)...); },
                 nullptr, [](void* s) noexcept { delete on_heap<Stored>(s); }};
  }

  template <typename Stored>
  static constexpr Table inline_table = make_inline_table<Stored>();
  template <typename Stored>
  static constexpr Table heap_table = make_heap_table<Stored>();

  void take(UniqueFunction& other) noexcept {
    table_ = std::exchange(other.table_, nullptr);
    if (table_ == nullptr) return;
    if (table_->relocate != nullptr) {
      table_->relocate(other.storage_, storage_);
    } else {
      std::memcpy(storage_, other.storage_, inline_size);
    }
  }

  void clear() noexcept {
    const Table* table = std::exchange(table_, nullptr);
    if (table != nullptr && table->destroy != nullptr) table->destroy(storage_);
  }

  alignas(std::max_align_t) std::byte storage_[inline_size];
  const Table* table_ = nullptr;
};

}  // namespace gantry
