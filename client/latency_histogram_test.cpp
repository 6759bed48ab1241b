#include "client/latency_histogram.hpp"

#include <gtest/gtest.h>

namespace gantry::client {
namespace {

TEST(LatencyHistogram, an_empty_one_answers_zero) { EXPECT_EQ(LatencyHistogram().quantile_us(0.5), 0); }

TEST(LatencyHistogram, quantiles_are_exact_to_two_percent_at_every_magnitude) {
  for (std::int64_t value = 1; value < 1'000'000'000'000; value = value * 3 + 1) {
    LatencyHistogram histogram;
    histogram.record(value);
    const double expected = static_cast<double>(value) / 1000.0;
    EXPECT_GE(histogram.quantile_us(0.5), expected);
    EXPECT_LE(histogram.quantile_us(0.5), expected * 1.02 + 0.002) << value;
  }
}

TEST(LatencyHistogram, quantiles_follow_the_ranks) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.record(i * 1000);
  EXPECT_NEAR(histogram.quantile_us(0.50), 500, 10);
  EXPECT_NEAR(histogram.quantile_us(0.99), 990, 20);
  EXPECT_NEAR(histogram.quantile_us(1.00), 1000, 20);
}

TEST(LatencyHistogram, absurd_values_count_at_the_edges) {
  LatencyHistogram histogram;
  histogram.record(-5);
  histogram.record(INT64_MAX);
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_GT(histogram.quantile_us(1.0), 1e6);
}

}  // namespace
}  // namespace gantry::client
