#pragma once
// Which keys were seen lately, by all threads together: what a script that drops repeated messages asks.

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace gantry::script {

/// A bounded set of keys with the times at which they were first seen. [any-thread]
///
/// Bound: 65,536 keys in 2 MiB, made with the first key. A full stripe forgets its oldest entries of a few neighbours,
/// so a flood of keys shortens the memory for all and never lengthens it. Keys are kept as 64-bit hashes: two keys are
/// taken for one with a chance of 1 in 2^64 per pair.
class SeenWindow {
 public:
  static constexpr std::size_t key_count_max = 65'536;

  /// Whether `key` was first seen less than `window_ms` before `now_ms`. Otherwise it counts as first seen now.
  bool seen(std::string_view key, std::int64_t now_ms, std::int64_t window_ms);

 private:
  static constexpr std::size_t stripe_count = 16;
  static constexpr std::size_t slots_per_stripe = key_count_max / stripe_count;
  static constexpr std::size_t probes = 8;

  struct Slot {
    std::uint64_t hash = 0;  // 0: free
    std::int64_t first_ms = 0;
  };
  struct Stripe {
    std::mutex mutex;
    std::vector<Slot> slots;  // guarded by mutex
  };
  std::array<Stripe, stripe_count> stripes_;
};

/// A hash of the bytes that stays the same on all machines and in all versions: FNV-1a, then the finish of SplitMix64,
/// without which near texts would have near numbers. [any-thread]
std::uint64_t stable_hash(std::string_view bytes) noexcept;

}  // namespace gantry::script
