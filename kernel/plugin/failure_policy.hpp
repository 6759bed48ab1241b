#pragma once
// What happens when a plugin fails while messages flow. The store fails closed; a filter that cannot evaluate does not
// match; interceptors and observers have the options below, which the broker adds to their section.

#include "kernel/config/config.hpp"
#include "kernel/config/option_spec.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>
#include <vector>

namespace gantry::plugin {

enum class OnError : std::uint8_t {
  reject,  ///< the messages of the failed batch are refused
  accept,  ///< they go on as they were before the plugin saw them
};

/// How often a plugin may fail before it is left alone for a while.
struct TripLimits {
  std::int64_t errors = 20;
  std::chrono::milliseconds window{10'000};
};

/// The names of the broker's own options of a plugin; a plugin must not declare them itself.
inline constexpr std::string_view on_error_key = "on_error";
inline constexpr std::string_view trip_errors_key = "trip_errors";
inline constexpr std::string_view trip_window_key = "trip_window";
bool is_reserved_option(std::string_view key) noexcept;

/// The declarations for a plugin that can fail per batch; `with_on_error` for interceptors.
std::vector<config::OptionSpec> failure_options(bool with_on_error);

OnError read_on_error(const config::Values& values, std::string_view plugin_id);
TripLimits read_trip_limits(const config::Values& values, std::string_view plugin_id);

/// Trips after `errors` failures within `window`; a tripped one lets a single probe through every `window`, and closes
/// again when a probe succeeds. [any-thread]; costs one relaxed load while nothing fails.
class TripSwitch {
 public:
  enum class Pass : std::uint8_t { normal, probe, refused };

  explicit TripSwitch(TripLimits limits) : limits_(limits) {}

  [[nodiscard]] bool tripped() const noexcept { return retry_at_ns_.load(std::memory_order_relaxed) != 0; }

  /// Whether a call may be made; `now_ns` is only asked for when tripped.
  template <typename Now>
  Pass admit(Now&& now_ns) noexcept {
    std::int64_t retry_at = retry_at_ns_.load(std::memory_order_relaxed);
    if (__builtin_expect(retry_at == 0, 1)) return Pass::normal;
    return admit_tripped(retry_at, now_ns());
  }

  /// The call failed. True when this failure trips the switch.
  bool failed(std::int64_t now_ns);
  /// A probe succeeded. True when the switch was tripped.
  bool recovered();
  /// [control]
  void set_limits(TripLimits limits);

 private:
  Pass admit_tripped(std::int64_t retry_at, std::int64_t now_ns) noexcept;

  std::atomic<std::int64_t> retry_at_ns_{0};  // 0: not tripped
  std::mutex mutex_;
  TripLimits limits_;                // guarded by mutex_
  std::deque<std::int64_t> errors_;  // guarded by mutex_: times of the latest failures, at most limits_.errors
};

}  // namespace gantry::plugin
