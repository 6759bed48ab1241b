// Concern: metrics count exactly, keep their identity, and the registry stays bounded.
#include "kernel/base/metrics.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace gantry {
namespace {

TEST(MetricsTest, one_name_with_two_kinds_is_refused) {
  MetricsRegistry registry;
  ASSERT_NE(registry.find_counter("a_total", "Help."), nullptr);
  EXPECT_EQ(registry.find_gauge("a_total", "Help."), nullptr);
  EXPECT_EQ(registry.find_gauge("a_total", "Help.", {{"x", "y"}}), nullptr);
}

TEST(MetricsTest, malformed_names_are_refused) {
  MetricsRegistry registry;
  for (const auto* name : {"", "1a", "a b", "a-b", "a\n"})
    EXPECT_EQ(registry.find_counter(name, "Help."), nullptr) << name;
}

TEST(MetricsDeathTest, our_own_conflicts_assert) {
  MetricsRegistry registry;
  registry.counter("a_total", "Help.");
  EXPECT_DEATH(registry.gauge("a_total", "Help."), "a_total");
}

TEST(MetricsTest, same_name_and_labels_in_any_order_are_one_metric) {
  MetricsRegistry registry;
  Counter& first = registry.counter("a_total", "Help.", {{"x", "1"}, {"y", "2"}});
  EXPECT_EQ(&first, &registry.counter("a_total", "Help.", {{"y", "2"}, {"x", "1"}}));
  EXPECT_NE(&first, &registry.counter("a_total", "Help.", {{"x", "1"}}));
}

TEST(MetricsTest, full_registry_gives_a_hidden_metric_and_says_so) {
  MetricsRegistry registry(2);
  registry.counter("a_total", "Help.").add();
  registry.counter("b_total", "Help.").add();
  registry.counter("c_total", "Help.").add(7);
  const auto samples = registry.snapshot();
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[2].name, "gantry_metrics_refused");
  EXPECT_EQ(samples[2].value, 1);
  EXPECT_EQ(&registry.counter("a_total", "Help."), registry.find_counter("a_total", "Help."));
}

TEST(MetricsTest, snapshot_is_ordered_and_complete) {
  MetricsRegistry registry;
  registry.gauge("b", "B.").set(-5);
  registry.counter("a_total", "A.", {{"k", "2"}}).add(2);
  registry.counter("a_total", "A.", {{"k", "1"}}).add(1);
  const auto callback = registry.gauge_callback("aa", "Computed.", [] { return 42; });
  const auto samples = registry.snapshot();
  ASSERT_EQ(samples.size(), 4U);
  EXPECT_EQ(samples[0].labels[0].second, "1");
  EXPECT_EQ(samples[1].value, 2);
  EXPECT_EQ(samples[2].value, 42);
  EXPECT_EQ(samples[3].value, -5);
  EXPECT_EQ(samples[3].help, "B.");
}

TEST(MetricsTest, callback_ends_with_its_owner_even_after_the_registry) {
  MetricsRegistry::Callback survivor;
  {
    MetricsRegistry registry;
    survivor = registry.gauge_callback("a", "A.", [] { return 1; });
    {
      const auto brief = registry.gauge_callback("b", "B.", [] { return 2; });
    }
    EXPECT_EQ(registry.snapshot().size(), 1U);
  }
}

TEST(MetricsTest, counts_of_many_threads_add_up) {
  MetricsRegistry registry;
  Counter& counter = registry.counter("a_total", "A.");
  Histogram& histogram = registry.histogram("b_ns", "B.");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < 1'000; ++i) {
        counter.add();
        histogram.record(i);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 4'000U);
  EXPECT_EQ(histogram.view().count, 4'000U);
  EXPECT_EQ(histogram.view().sum, 4U * 999 * 1'000 / 2);
}

TEST(HistogramTest, every_bucket_ends_where_the_next_begins) {
  for (std::size_t i = 0; i + 1 < Histogram::bucket_count; ++i) {
    const std::uint64_t upper = Histogram::upper_bound_of(i);
    EXPECT_EQ(Histogram::index_of(upper), i);
    EXPECT_EQ(Histogram::index_of(upper + 1), i + 1);
  }
  EXPECT_EQ(Histogram::index_of(UINT64_MAX), Histogram::bucket_count - 1);
  EXPECT_EQ(Histogram::upper_bound_of(Histogram::bucket_count - 1), UINT64_MAX);
}

TEST(HistogramTest, quantiles_are_within_a_quarter) {
  Histogram histogram;
  EXPECT_EQ(histogram.view().quantile(0.5), 0U);
  for (std::uint64_t i = 1; i <= 1'000; ++i) histogram.record(i);
  const auto view = histogram.view();
  EXPECT_GE(view.quantile(0.5), 500U);
  EXPECT_LE(view.quantile(0.5), 625U);
  EXPECT_GE(view.quantile(1.0), 1'000U);
  EXPECT_EQ(view.quantile(0.0), 1U);
}

}  // namespace
}  // namespace gantry
