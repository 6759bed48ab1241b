#include "kernel/base/metrics.hpp"

#include "kernel/base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <variant>

namespace gantry {
namespace {

bool is_metric_name(std::string_view name) noexcept {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; };
  if (name.empty() || name.size() > 200 || !letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

using SeriesKey = std::pair<std::string, MetricLabels>;

struct CallbackEntry {
  SeriesKey key;
  std::string help;
  UniqueFunction<std::int64_t()> read;
};

}  // namespace

std::string_view to_string(MetricKind kind) noexcept {
  switch (kind) {
    case MetricKind::counter: return "counter";
    case MetricKind::gauge: return "gauge";
    case MetricKind::histogram: return "histogram";
  }
  return "unknown";
}

Histogram::View Histogram::view() const {
  View view;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    const std::uint64_t count = buckets_[i].load(std::memory_order_relaxed);
    if (count == 0) continue;
    view.count += count;
    view.buckets.emplace_back(upper_bound_of(i), count);
  }
  view.sum = sum_.load(std::memory_order_relaxed);
  return view;
}

std::uint64_t Histogram::View::quantile(double share) const noexcept {
  if (count == 0) return 0;
  const double clamped = std::clamp(share, 0.0, 1.0);
  const auto rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(clamped * static_cast<double>(count))));
  std::uint64_t seen = 0;
  for (const auto& [upper, in_bucket] : buckets) {
    seen += in_bucket;
    if (seen >= rank) return upper;
  }
  return buckets.back().first;
}

struct MetricsRegistry::Impl {
  using Cell = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>>;
  struct Family {
    MetricKind kind;
    std::string help;
  };

  explicit Impl(std::size_t limit) : series_max(limit) {}

  /// The family of that name, made when new; nullptr when the name is malformed or of another kind.
  Family* family(std::string_view name, std::string_view help, MetricKind kind) {
    if (!is_metric_name(name)) return nullptr;
    auto found = families.find(name);
    if (found == families.end()) {
      found = families.emplace(std::string(name), Family{kind, std::string(help)}).first;
    }
    return found->second.kind == kind ? &found->second : nullptr;
  }

  template <typename M>
  M* find(std::string_view name, std::string_view help, MetricLabels labels, MetricKind kind, M& overflow) {
    const std::lock_guard lock(mutex);
    std::sort(labels.begin(), labels.end());
    SeriesKey key{std::string(name), std::move(labels)};
    if (const auto found = series.find(key); found != series.end()) {
      auto* metric = std::get_if<std::unique_ptr<M>>(&found->second);
      return metric != nullptr ? metric->get() : nullptr;
    }
    if (series.size() >= series_max) {
      if (!is_metric_name(name)) return nullptr;
      refused.add();
      return &overflow;
    }
    if (family(name, help, kind) == nullptr) return nullptr;
    auto made = std::make_unique<M>();
    M* metric = made.get();
    series.emplace(std::move(key), std::move(made));
    return metric;
  }

  const std::size_t series_max;
  mutable std::mutex mutex;  // guards what follows; the metrics themselves are atomic
  std::map<std::string, Family, std::less<>> families;
  std::map<SeriesKey, Cell> series;
  std::map<std::uint64_t, CallbackEntry> callbacks;
  std::uint64_t next_callback = 1;
  Counter refused;
  Counter overflow_counter;
  Gauge overflow_gauge;
  Histogram overflow_histogram;
};

MetricsRegistry::MetricsRegistry(std::size_t series_max) : impl_(std::make_shared<Impl>(series_max)) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter* MetricsRegistry::find_counter(std::string_view name, std::string_view help, MetricLabels labels) {
  return impl_->find<Counter>(name, help, std::move(labels), MetricKind::counter, impl_->overflow_counter);
}
Gauge* MetricsRegistry::find_gauge(std::string_view name, std::string_view help, MetricLabels labels) {
  return impl_->find<Gauge>(name, help, std::move(labels), MetricKind::gauge, impl_->overflow_gauge);
}
Histogram* MetricsRegistry::find_histogram(std::string_view name, std::string_view help, MetricLabels labels) {
  return impl_->find<Histogram>(name, help, std::move(labels), MetricKind::histogram, impl_->overflow_histogram);
}

Counter& MetricsRegistry::counter(std::string_view name, std::string_view help, MetricLabels labels) {
  Counter* metric = find_counter(name, help, std::move(labels));
  GANTRY_ASSERT(metric != nullptr, name);
  return *metric;
}
Gauge& MetricsRegistry::gauge(std::string_view name, std::string_view help, MetricLabels labels) {
  Gauge* metric = find_gauge(name, help, std::move(labels));
  GANTRY_ASSERT(metric != nullptr, name);
  return *metric;
}
Histogram& MetricsRegistry::histogram(std::string_view name, std::string_view help, MetricLabels labels) {
  Histogram* metric = find_histogram(name, help, std::move(labels));
  GANTRY_ASSERT(metric != nullptr, name);
  return *metric;
}

MetricsRegistry::Callback MetricsRegistry::gauge_callback(std::string_view name, std::string_view help,
                                                          UniqueFunction<std::int64_t()> read, MetricLabels labels) {
  const std::lock_guard lock(impl_->mutex);
  GANTRY_ASSERT(impl_->family(name, help, MetricKind::gauge) != nullptr, name);
  std::sort(labels.begin(), labels.end());
  const std::uint64_t id = impl_->next_callback++;
  impl_->callbacks.emplace(id,
                           CallbackEntry{{std::string(name), std::move(labels)}, std::string(help), std::move(read)});
  return Callback(impl_, id);
}

std::vector<MetricSample> MetricsRegistry::snapshot() const {
  std::vector<MetricSample> samples;
  const std::lock_guard lock(impl_->mutex);
  samples.reserve(impl_->series.size() + impl_->callbacks.size() + 1);
  for (const auto& [key, cell] : impl_->series) {
    const Impl::Family& family = impl_->families.find(key.first)->second;
    MetricSample sample{key.first, family.help, family.kind, key.second, 0, {}};
    if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&cell)) {
      sample.value = static_cast<std::int64_t>((*counter)->value());
    } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&cell)) {
      sample.value = (*gauge)->value();
    } else {
      sample.histogram = std::get<std::unique_ptr<Histogram>>(cell)->view();
    }
    samples.push_back(std::move(sample));
  }
  for (auto& [id, callback] : impl_->callbacks) {
    samples.push_back({callback.key.first, callback.help, MetricKind::gauge, callback.key.second, callback.read(), {}});
  }
  if (const std::uint64_t refused = impl_->refused.value(); refused > 0) {
    samples.push_back({"gantry_metrics_refused",
                       "Metrics not kept because the registry was full.",
                       MetricKind::counter,
                       {},
                       static_cast<std::int64_t>(refused),
                       {}});
  }
  std::sort(samples.begin(), samples.end(), [](const MetricSample& a, const MetricSample& b) {
    return std::tie(a.name, a.labels) < std::tie(b.name, b.labels);
  });
  return samples;
}

MetricsRegistry::Callback& MetricsRegistry::Callback::operator=(Callback&& other) noexcept {
  std::swap(impl_, other.impl_);
  std::swap(id_, other.id_);
  return *this;
}

MetricsRegistry::Callback::~Callback() {
  if (const auto impl = impl_.lock()) {
    const std::lock_guard lock(impl->mutex);
    impl->callbacks.erase(id_);
  }
}

}  // namespace gantry
