#pragma once
// The machine's clock, and one that stands still until a test moves it.

#include "kernel/base/clock.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace gantry {

/// The operating system's time. Stateless. [any-thread]
class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const noexcept override;
  [[nodiscard]] std::int64_t steady_ns() const noexcept override;
};

/// Time that moves only when told to. Wall and steady time can be moved apart to play a clock that is set. [any-thread]
class FakeClock final : public Clock {
 public:
  explicit FakeClock(std::int64_t now_ms = 1'700'000'000'000, std::int64_t steady_ns = 1'000'000'000) noexcept
      : now_ms_(now_ms), steady_ns_(steady_ns) {}

  [[nodiscard]] std::int64_t now_ms() const noexcept override { return now_ms_.load(); }
  [[nodiscard]] std::int64_t steady_ns() const noexcept override { return steady_ns_.load(); }

  /// Both kinds of time pass.
  void advance(std::chrono::milliseconds by) noexcept {
    now_ms_ += by.count();
    steady_ns_ += std::chrono::nanoseconds(by).count();
  }
  /// Somebody sets the machine's clock; steady time does not notice.
  void set_wall_ms(std::int64_t now_ms) noexcept { now_ms_ = now_ms; }

 private:
  std::atomic<std::int64_t> now_ms_;
  std::atomic<std::int64_t> steady_ns_;
};

}  // namespace gantry
