#pragma once
// Time as a dependency: who needs it takes a Clock in its constructor, so that tests and the simulator decide what time
// it is. The system's clock and a fake one live in env.

#include <chrono>
#include <cstdint>

namespace gantry {

class Clock {
 public:
  virtual ~Clock() = default;

  /// [any-thread] Milliseconds since 1970 (UTC): what goes into messages and files. May jump when the machine's clock
  /// is set.
  [[nodiscard]] virtual std::int64_t now_ms() const noexcept = 0;

  /// [any-thread] Nanoseconds since some start, never going back: what timeouts are measured with.
  [[nodiscard]] virtual std::int64_t steady_ns() const noexcept = 0;

  [[nodiscard]] std::chrono::milliseconds steady() const noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds(steady_ns()));
  }
};

}  // namespace gantry
