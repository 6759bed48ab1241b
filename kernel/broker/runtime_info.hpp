#pragma once
// What GET_BROKER_RUNTIME_INFO(28) says about the broker, and the rates behind it.

#include "kernel/base/clock.hpp"
#include "kernel/broker/counters.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>

namespace gantry::broker {

struct Shared;

/// Remembers the counters every ten seconds or so, for ten minutes, and at midnight (UTC).
/// Thread: [any-thread]; a mutex for a few numbers.
class RateLog {
 public:
  struct Totals {
    std::uint64_t put = 0;     ///< messages stored
    std::uint64_t got = 0;     ///< messages delivered
    std::uint64_t found = 0;   ///< pulls that found messages
    std::uint64_t missed = 0;  ///< pulls that found none
  };
  static Totals totals_of(const Counters& counters) noexcept {
    return {counters.publish_messages.value(), counters.pull_messages.value(), counters.pull_found.value(),
            counters.pull_empty.value()};
  }

  void sample(const Clock& clock, const Counters& counters);

  /// Per second, over the last 10, 60 and 600 seconds (or since the start, when that is shorter).
  struct Rates {
    std::array<double, 3> put{};
    std::array<double, 3> got{};
    std::array<double, 3> found{};
    std::array<double, 3> missed{};
  };
  [[nodiscard]] Rates rates(const Clock& clock, const Counters& counters) const;

  [[nodiscard]] Totals at_last_midnight() const;
  [[nodiscard]] Totals at_midnight_before() const;

 private:
  struct Sample {
    std::chrono::milliseconds at{0};
    Totals totals;
  };
  static constexpr std::size_t samples_max = 64;

  mutable std::mutex mutex_;  // guards all below
  std::deque<Sample> samples_;
  std::int64_t day_ = -1;
  Totals last_midnight_;
  Totals midnight_before_;
};

/// [any-thread] May ask the store, which does not block for it.
std::map<std::string, std::string> describe_runtime(Shared& shared);

}  // namespace gantry::broker
