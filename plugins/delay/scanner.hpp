#pragma once
// Reads the timer topic in order and puts what it finds into the index.

#include "plugins/delay/letters.hpp"
#include "plugins/delay/timer_index.hpp"

#include "gantry/sdk/host.hpp"
#include "gantry/sdk/store.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

namespace gantry::delay {

/// One thread.
class Scanner {
 public:
  struct Settings {
    std::int64_t roll_after_ms = 0;
    /// Told of each entry that was added.
    std::function<void(std::int64_t action_ms)> added;
  };
  enum class Found : std::uint8_t {
    something,  ///< there may be more
    nothing,    ///< it has come to the topic's end
    no_room,    ///< the keeper must write a table first
    trouble,    ///< the store cannot be read at present
  };

  Scanner(sdk::Host host, sdk::Store& store, gantry_queue* queue, TimerIndex& index, const DelayMetrics& metrics,
          Settings settings)
      : host_(host), store_(store), queue_(queue), index_(index), metrics_(metrics), settings_(std::move(settings)) {}

  /// Reads up to a batch. [may block]
  Found step();

 private:
  /// False: there is no room for it, or the era is over.
  bool take(const sdk::Record& record, std::uint64_t era);

  const sdk::Host host_;
  sdk::Store& store_;
  gantry_queue* const queue_;
  TimerIndex& index_;
  const DelayMetrics& metrics_;
  const Settings settings_;
  std::array<gantry_slice, 64> slices_ = {};
};

}  // namespace gantry::delay
