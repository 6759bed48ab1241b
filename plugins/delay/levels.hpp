#pragma once
// Delivers messages with a delay level: one queue of SCHEDULE_TOPIC_XXXX for each level, each in the order in which its
// messages were stored. The tag code of a queue's entry is the time when it is due.

#include "plugins/delay/letters.hpp"
#include "plugins/delay/timer_index.hpp"

#include "gantry/sdk/broker.hpp"
#include "gantry/sdk/host.hpp"
#include "gantry/sdk/store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace gantry::delay {

/// One thread calls step().
///
/// Every queue is served, also those beyond the present list of levels; entries keep the time that they were stored
/// with when the list changes. One batch per level is on its way at a time, which keeps the order within the level.
///
/// A clock that went back: an entry whose record was stored in what is now the future is due after its own delay from
/// now on, so that nothing waits for the lost time twice, and nothing comes early.
class Levels {
 public:
  struct Settings {
    std::vector<std::int64_t> delays_ms = {};           ///< of level 1, 2, ...
    std::map<std::int32_t, std::int64_t> offsets = {};  ///< level -> where to go on
    std::int32_t queue_count = 0;                       ///< at least; queues that hold something
  };

  Levels(const Mail::Office& office, sdk::Store& store, TimerIndex& index, const DelayMetrics& metrics);
  Status start(const Settings& settings);

  /// Does what can be done now; when to look again.
  std::int64_t step();
  [[nodiscard]] bool is_idle() const noexcept;
  /// Takes in acknowledgements without sending anything more.
  void settle();

 private:
  struct Level {
    std::int32_t number = 0;
    std::int64_t delay_ms = 0;
    gantry_queue* queue = nullptr;
    std::int64_t next = 0;
    std::int64_t batch_end = 0;  ///< of what is on its way
    std::unique_ptr<Mail> mail;
    std::int64_t clock_shift_ms = 0;
  };
  /// Lets a level go on; when to look at it again.
  std::int64_t serve(Level& level, std::int64_t now_ms);
  std::int64_t due_of(Level& level, const gantry_queue_entry& entry, std::int64_t now_ms) const;
  std::vector<Letter> take_due(Level& level, std::int64_t now_ms, std::int64_t& look_again_ms);
  void finish(Level& level);

  static constexpr std::int64_t poll_ms = 100;
  static constexpr std::size_t batch_size = 256;
  static constexpr std::size_t batch_bytes_max = 4u << 20;

  const Mail::Office office_;
  sdk::Store& store_;
  TimerIndex& index_;
  const DelayMetrics& metrics_;
  std::vector<Level> levels_;
};

}  // namespace gantry::delay
