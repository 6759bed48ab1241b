#include "kernel/plugin/failure_policy.hpp"

#include <algorithm>
#include <string>

namespace gantry::plugin {

namespace {

std::string full_key(std::string_view plugin_id, std::string_view key) {
  return "plugins." + std::string(plugin_id) + "." + std::string(key);
}

std::int64_t nanoseconds(std::chrono::milliseconds duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

}  // namespace

bool is_reserved_option(std::string_view key) noexcept {
  return key == on_error_key || key == trip_errors_key || key == trip_window_key;
}

std::vector<config::OptionSpec> failure_options(bool with_on_error) {
  using config::OptionType;
  std::vector<config::OptionSpec> options;
  if (with_on_error) {
    options.push_back({.key = std::string(on_error_key),
                       .type = OptionType::choice,
                       .fallback = "reject",
                       .choices = {"reject", "accept"},
                       .live = true,
                       .sentence = "What becomes of messages when the plugin fails: refused, or accepted as they were "
                                   "before the plugin saw them."});
  }
  options.push_back({.key = std::string(trip_errors_key),
                     .type = OptionType::integer,
                     .fallback = "20",
                     .minimum = 1,
                     .maximum = 10'000,
                     .live = true,
                     .operator_sees = false,
                     .sentence = "Failures within trip_window after which the plugin is not called for a while; its "
                                 "messages then count as failed."});
  options.push_back({.key = std::string(trip_window_key),
                     .type = OptionType::duration,
                     .fallback = "10s",
                     .minimum = 100,
                     .maximum = 3'600'000,
                     .live = true,
                     .operator_sees = false,
                     .sentence = "The time over which failures are counted, and after which a plugin that was tripped "
                                 "is tried again."});
  return options;
}

OnError read_on_error(const config::Values& values, std::string_view plugin_id) {
  return values.text(full_key(plugin_id, on_error_key)) == "accept" ? OnError::accept : OnError::reject;
}

TripLimits read_trip_limits(const config::Values& values, std::string_view plugin_id) {
  return {.errors = values.integer(full_key(plugin_id, trip_errors_key)),
          .window = values.duration(full_key(plugin_id, trip_window_key))};
}

TripSwitch::Pass TripSwitch::admit_tripped(std::int64_t retry_at, std::int64_t now_ns) noexcept {
  if (now_ns < retry_at) return Pass::refused;
  const std::lock_guard lock(mutex_);
  // Whoever moves the time of the next probe is the probe.
  const bool mine = retry_at_ns_.compare_exchange_strong(retry_at, now_ns + nanoseconds(limits_.window));
  return mine ? Pass::probe : Pass::refused;
}

bool TripSwitch::failed(std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const std::int64_t window = nanoseconds(limits_.window);
  while (!errors_.empty() && errors_.front() <= now_ns - window) errors_.pop_front();
  errors_.push_back(now_ns);
  if (static_cast<std::int64_t>(errors_.size()) < limits_.errors) return false;
  errors_.clear();
  const std::int64_t before = retry_at_ns_.exchange(std::max<std::int64_t>(1, now_ns + window));
  return before == 0;
}

bool TripSwitch::recovered() {
  const std::lock_guard lock(mutex_);
  errors_.clear();
  return retry_at_ns_.exchange(0) != 0;
}

void TripSwitch::set_limits(TripLimits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

}  // namespace gantry::plugin
