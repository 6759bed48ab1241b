#pragma once
// Latencies in buckets of at most 1/64 relative width, in the manner of HdrHistogram: constant memory, no allocation.

#include <array>
#include <bit>
#include <cstdint>

namespace gantry::client {

/// Counts durations from 1 ns to about 18 minutes; longer ones count as the longest. One thread.
class LatencyHistogram {
 public:
  void record(std::int64_t nanoseconds) {
    ++buckets_[bucket_of(nanoseconds)];
    ++count_;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }

  /// The upper edge of the bucket in which the given share (0..1) of all records lies; 0 when empty. Microseconds.
  [[nodiscard]] double quantile_us(double share) const {
    if (count_ == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_) + 0.5);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (buckets_[i] != 0 && seen >= wanted) return static_cast<double>(upper_edge(i)) / 1000.0;
    }
    return static_cast<double>(upper_edge(buckets_.size() - 1)) / 1000.0;
  }

 private:
  static constexpr unsigned sub_bits = 6;  // 64 buckets per power of two
  static constexpr unsigned powers = 35;

  static std::size_t bucket_of(std::int64_t nanoseconds) {
    const std::uint64_t value = nanoseconds < 1 ? 1 : static_cast<std::uint64_t>(nanoseconds);
    const unsigned width = static_cast<unsigned>(std::bit_width(value));
    if (width <= sub_bits) return value;
    const unsigned shift = width - sub_bits - 1;
    if (shift >= powers) return bucket_count - 1;
    return (static_cast<std::size_t>(shift) << sub_bits) + (value >> shift);
  }

  static std::uint64_t upper_edge(std::size_t bucket) {
    if (bucket < (1U << (sub_bits + 1))) return bucket;
    const std::size_t shift = (bucket >> sub_bits) - 1;
    const std::uint64_t mantissa = (bucket & ((1U << sub_bits) - 1)) | (1U << sub_bits);
    return ((mantissa + 1) << shift) - 1;
  }

  static constexpr std::size_t bucket_count = (static_cast<std::size_t>(powers) << sub_bits) + (1U << (sub_bits + 1));
  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace gantry::client
