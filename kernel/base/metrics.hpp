#pragma once
// What is counted while the broker works. Names are API: they are listed in docs/ and tested. How they are shown is the
// business of a plugin or of the admin pages, which take a snapshot().

#include "kernel/base/unique_function.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry {

enum class MetricKind : std::uint8_t { counter = 1, gauge = 2, histogram = 3 };  // numbers of gantry/abi/host.h
std::string_view to_string(MetricKind kind) noexcept;

/// Only grows. [any-thread], wait-free; a cache line of its own so that neighbours do not slow each other.
class alignas(64) Counter {
 public:
  void add(std::uint64_t count = 1) noexcept { value_.fetch_add(count, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. [any-thread], wait-free.
class alignas(64) Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t delta) noexcept { value_.fetch_add(delta, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Counts values in fixed buckets, four per power of two, so that any quantile is off by at most a quarter of its
/// value. Values are whole numbers >= 0 in the unit that the metric's name ends in. [any-thread], wait-free; 2 KiB
/// each.
class alignas(64) Histogram {
 public:
  static constexpr std::size_t bucket_count = 4 + 4 * 62;

  void record(std::uint64_t value) noexcept {
    buckets_[index_of(value)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  /// Which bucket holds `value`: 0 to 3 hold themselves, then four steps for each power of two.
  static constexpr std::size_t index_of(std::uint64_t value) noexcept {
    if (value < 4) return static_cast<std::size_t>(value);
    const auto power = static_cast<std::size_t>(std::bit_width(value)) - 1;
    return 4 + (power - 2) * 4 + static_cast<std::size_t>((value >> (power - 2)) & 3U);
  }
  /// The largest value that bucket `index` holds.
  static constexpr std::uint64_t upper_bound_of(std::size_t index) noexcept {
    if (index < 4) return index;
    const std::size_t power = (index - 4) / 4 + 2;
    const std::uint64_t step = std::uint64_t{1} << (power - 2);
    return (std::uint64_t{1} << power) + step * ((index - 4) % 4) + (step - 1);
  }

  struct View {
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> buckets;  ///< {largest value, count}, without the empty ones

    /// The value below which `share` (0 to 1) of the recorded ones lie, rounded up to its bucket's end; 0 when empty.
    [[nodiscard]] std::uint64_t quantile(double share) const noexcept;
  };
  [[nodiscard]] View view() const;

 private:
  std::array<std::atomic<std::uint64_t>, bucket_count> buckets_{};
  std::atomic<std::uint64_t> sum_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// One metric's state at the time of the snapshot.
struct MetricSample {
  std::string name;
  std::string help;
  MetricKind kind = MetricKind::counter;
  MetricLabels labels;
  std::int64_t value = 0;     ///< counter, gauge
  Histogram::View histogram;  ///< histogram
};

/// Owns all metrics of a process, or of a test. Metrics live as long as the registry; references stay valid.
///
/// Bound: at most `series_max` metrics; beyond it, callers get a shared metric that is not shown, and
/// `gantry_metrics_refused` counts. Thread: [any-thread]; looking up takes a mutex, so look up once and keep the
/// reference; add, set and record take none.
class MetricsRegistry {
 public:
  static constexpr std::size_t series_max_default = 50'000;

  explicit MetricsRegistry(std::size_t series_max = series_max_default);
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  /// The metric of that name and labels, made when new. Names match [a-zA-Z_:][a-zA-Z0-9_:]*. Asserts when the name is
  /// malformed or known with another kind: these calls are for names written in our own code.
  Counter& counter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, MetricLabels labels = {});

  /// The same for names from elsewhere (plugins): nullptr when the name is malformed or known with another kind.
  Counter* find_counter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge* find_gauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram* find_histogram(std::string_view name, std::string_view help, MetricLabels labels = {});

  /// Keeps a callback registered; ends with it, after which the callback neither runs nor is referred to.
  class Callback;

  /// A gauge whose value is computed when a snapshot is taken, on the thread that takes it, under the registry's mutex:
  /// `read` must be quick, thread-safe and must not use the registry.
  [[nodiscard]] Callback gauge_callback(std::string_view name, std::string_view help,
                                        UniqueFunction<std::int64_t()> read, MetricLabels labels = {});

  /// All metrics, ordered by name and labels.
  [[nodiscard]] std::vector<MetricSample> snapshot() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with callbacks that outlive the registry; they then do nothing
};

class MetricsRegistry::Callback {
 public:
  Callback() = default;
  Callback(Callback&& other) noexcept : impl_(std::move(other.impl_)), id_(other.id_) {}
  Callback& operator=(Callback&& other) noexcept;
  ~Callback();

 private:
  friend class MetricsRegistry;
  Callback(std::weak_ptr<Impl> impl, std::uint64_t id) : impl_(std::move(impl)), id_(id) {}
  std::weak_ptr<Impl> impl_;
  std::uint64_t id_ = 0;
};

}  // namespace gantry
