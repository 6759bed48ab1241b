#pragma once
// Undoes something when the scope ends, unless dismissed.

#include <type_traits>
#include <utility>

namespace gantry {

/// `ScopeGuard undo([&] { ... });` runs the callable once, at the end of the scope. The callable must not throw.
template <typename F>
class [[nodiscard]] ScopeGuard {
 public:
  explicit ScopeGuard(F action) noexcept(std::is_nothrow_move_constructible_v<F>) : action_(std::move(action)) {}
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;
  ~ScopeGuard() {
    if (armed_) action_();
  }
  void dismiss() noexcept { armed_ = false; }

 private:
  F action_;
  bool armed_ = true;
};

}  // namespace gantry
