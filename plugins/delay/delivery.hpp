#pragma once
// Brings timers to their topics when they are due: to the millisecond, in the order of their times, never early.

#include "plugins/delay/letters.hpp"
#include "plugins/delay/timer_index.hpp"
#include "plugins/delay/timer_record.hpp"

#include "gantry/sdk/broker.hpp"
#include "gantry/sdk/host.hpp"
#include "gantry/sdk/store.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace gantry::delay {

/// One thread calls step(); ring the bell from anywhere.
///
/// Records are read a little before their time (prefetch_ms), so that the disk does not make them late. At most
/// `batches_in_flight` batches of `batch_size` messages are on their way at the same time, so that what fell due during
/// a downtime does not push new traffic aside. While the broker cannot take a batch, no later one is sent.
class Delivery {
 public:
  struct Settings {
    std::int64_t roll_after_ms = 0;
    std::size_t batches_in_flight = 4;
    std::size_t batch_size = 512;
  };

  Delivery(const Mail::Office& office, sdk::Store& store, TimerIndex& index, const DelayMetrics& metrics,
           Settings settings);

  /// Does what can be done now. The wall clock's time of what comes next.
  std::int64_t step();
  /// [any-thread] An entry of that time has been added to the index.
  void added(std::int64_t action_ms) {
    if (action_ms < asleep_until_ms_.load()) office_.bell->ring();
  }
  /// Sleeps until `wall_ms`, an acknowledgement, or an earlier entry.
  void sleep_until(std::int64_t wall_ms);
  /// Nothing is on its way.
  [[nodiscard]] bool is_idle() const noexcept { return in_flight_.empty(); }
  /// Takes in acknowledgements without sending anything more.
  void settle() { collect(); }

 private:
  enum class Action : std::uint8_t { deliver, roll, cancel, drop };
  struct Staged {
    Popped popped;
    Action action = Action::drop;
    HeldRecord held;
  };
  struct Batch {
    std::vector<Popped> entries;
    std::unique_ptr<Mail> mail;
  };

  void collect();
  bool stage(std::int64_t now_ms);
  Staged prepare(Popped popped);
  bool send_batch(std::int64_t now_ms);
  bool is_passed_over(const Staged& staged);
  bool is_cancelled(const Staged& staged) const;
  void forget_cancels(std::int64_t time_ms);
  void lose(const Entry& entry, std::string_view reason);

  static constexpr std::int64_t prefetch_ms = 300;
  static constexpr std::size_t staged_max = 4096;
  static constexpr std::size_t staged_bytes_max = 32u << 20;
  static constexpr std::size_t batch_bytes_max = 4u << 20;
  /// RocketMQ's cancels are rounded down by up to this.
  static constexpr std::int64_t cancel_reach_ms = 1'000;

  const Mail::Office office_;
  sdk::Store& store_;
  TimerIndex& index_;
  const DelayMetrics& metrics_;
  const Settings settings_;

  std::deque<Staged> staged_;  ///< popped and read, in order
  std::size_t staged_bytes_ = 0;
  std::deque<Batch> in_flight_;
  std::multimap<std::uint64_t, CancelMark> cancels_;  ///< by key, of the last second
  std::multimap<std::int64_t, std::uint64_t> cancels_by_time_;
  std::optional<Entry> last_rolled_;
  std::atomic<std::int64_t> asleep_until_ms_{0};
};

}  // namespace gantry::delay
