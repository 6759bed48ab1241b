#pragma once
// Random numbers with a seed, so that what went wrong can be played again. Not for secrets.

#include <cstdint>

namespace gantry {

/// A small fast generator (xoshiro256**, by Blackman and Vigna). A value with one owner; the same seed gives the same
/// numbers on every machine.
class Random {
 public:
  using result_type = std::uint64_t;  ///< usable with <random> and <algorithm>

  explicit Random(std::uint64_t seed) noexcept;
  /// Seeded from the operating system.
  static Random from_system();

  std::uint64_t next() noexcept;
  /// 0 to `bound` - 1, each as likely; `bound` must not be 0.
  std::uint64_t below(std::uint64_t bound) noexcept;
  /// 0 <= x < 1.
  double unit() noexcept;
  /// True once in `n` times on average.
  bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

  std::uint64_t operator()() noexcept { return next(); }
  static constexpr std::uint64_t min() noexcept { return 0; }
  static constexpr std::uint64_t max() noexcept { return UINT64_MAX; }

 private:
  std::uint64_t state_[4];
};

}  // namespace gantry
