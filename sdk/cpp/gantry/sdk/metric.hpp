#pragma once
// Handles of a plugin's metrics. Small values; they do nothing when the host refused the metric's name.
// Look one up once (Host::counter and its siblings) and keep it: using it is wait-free. [any-thread]

#include "gantry/abi/host.h"

#include <cstdint>

namespace gantry::sdk {

/// Only grows.
class Counter {
 public:
  Counter() = default;
  Counter(const gantry_host* host, gantry_metric* metric) noexcept : host_(host), metric_(metric) {}
  void add(std::int64_t count = 1) const noexcept {
    if (metric_ != nullptr) host_->metric_add(metric_, count);
  }

 private:
  const gantry_host* host_ = nullptr;
  gantry_metric* metric_ = nullptr;
};

/// Goes up and down.
class Gauge {
 public:
  Gauge() = default;
  Gauge(const gantry_host* host, gantry_metric* metric) noexcept : host_(host), metric_(metric) {}
  void add(std::int64_t delta) const noexcept {
    if (metric_ != nullptr) host_->metric_add(metric_, delta);
  }
  void set(std::int64_t value) const noexcept {
    if (metric_ != nullptr) host_->metric_set(metric_, value);
  }

 private:
  const gantry_host* host_ = nullptr;
  gantry_metric* metric_ = nullptr;
};

/// Counts values >= 0 in buckets; the metric's name ends in their unit ("_ns", "_bytes").
class Histogram {
 public:
  Histogram() = default;
  Histogram(const gantry_host* host, gantry_metric* metric) noexcept : host_(host), metric_(metric) {}
  void record(std::int64_t value) const noexcept {
    if (metric_ != nullptr) host_->metric_record(metric_, value);
  }

 private:
  const gantry_host* host_ = nullptr;
  gantry_metric* metric_ = nullptr;
};

}  // namespace gantry::sdk
