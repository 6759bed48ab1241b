#include "kernel/plugin/failure_policy.hpp"

#include <gtest/gtest.h>

namespace gantry::plugin {
namespace {

using std::chrono::milliseconds;
constexpr std::int64_t second = 1'000'000'000;

TripSwitch::Pass admit(TripSwitch& trip, std::int64_t now) {
  return trip.admit([now] { return now; });
}

TEST(TripSwitch, trips_after_that_many_failures_within_the_window) {
  TripSwitch trip({.errors = 3, .window = milliseconds(1'000)});
  EXPECT_FALSE(trip.failed(1));
  EXPECT_FALSE(trip.failed(2));
  EXPECT_EQ(admit(trip, 3), TripSwitch::Pass::normal);
  EXPECT_TRUE(trip.failed(3));
  EXPECT_TRUE(trip.tripped());
  EXPECT_EQ(admit(trip, 4), TripSwitch::Pass::refused);
}

TEST(TripSwitch, forgets_failures_that_are_older_than_the_window) {
  TripSwitch trip({.errors = 2, .window = milliseconds(1'000)});
  EXPECT_FALSE(trip.failed(1));
  EXPECT_FALSE(trip.failed(2 + second));
  EXPECT_FALSE(trip.tripped());
}

TEST(TripSwitch, lets_one_probe_through_after_each_window) {
  TripSwitch trip({.errors = 1, .window = milliseconds(1'000)});
  EXPECT_TRUE(trip.failed(1));
  EXPECT_EQ(admit(trip, 1 + second), TripSwitch::Pass::probe);
  EXPECT_EQ(admit(trip, 2 + second), TripSwitch::Pass::refused);
  EXPECT_FALSE(trip.failed(2 + second)) << "it is tripped already";
  EXPECT_EQ(admit(trip, 3 + second), TripSwitch::Pass::refused);
  EXPECT_EQ(admit(trip, 3 + 2 * second), TripSwitch::Pass::probe);
}

TEST(TripSwitch, closes_when_a_probe_succeeds) {
  TripSwitch trip({.errors = 1, .window = milliseconds(1'000)});
  EXPECT_TRUE(trip.failed(1));
  EXPECT_TRUE(trip.recovered());
  EXPECT_FALSE(trip.tripped());
  EXPECT_EQ(admit(trip, 2), TripSwitch::Pass::normal);
  EXPECT_FALSE(trip.recovered());
}

TEST(TripSwitch, takes_new_limits) {
  TripSwitch trip({.errors = 100, .window = milliseconds(1'000)});
  trip.set_limits({.errors = 1, .window = milliseconds(1'000)});
  EXPECT_TRUE(trip.failed(1));
}

TEST(FailureOptions, are_accepted_by_the_configuration) {
  config::OptionTables tables;
  EXPECT_TRUE(tables.add({.path = "plugins.x", .sentence = "X.", .options = failure_options(true)}));
  const config::Values values(tables);
  EXPECT_EQ(read_on_error(values, "x"), OnError::reject);
  EXPECT_EQ(read_trip_limits(values, "x").errors, 20);
  EXPECT_EQ(read_trip_limits(values, "x").window, milliseconds(10'000));
}

}  // namespace
}  // namespace gantry::plugin
