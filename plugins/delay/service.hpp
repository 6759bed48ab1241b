#pragma once
// Delayed delivery as a whole: the index, the threads that fill and empty it, the levels, and what commands ask of
// them.

#include "plugins/delay/delivery.hpp"
#include "plugins/delay/letters.hpp"
#include "plugins/delay/levels.hpp"
#include "plugins/delay/scanner.hpp"
#include "plugins/delay/timer_index.hpp"

#include "gantry/sdk/broker.hpp"
#include "gantry/sdk/host.hpp"
#include "gantry/sdk/store_client.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gantry::delay {

/// A timer, for people.
struct TimerView {
  std::string topic;
  std::string unique_key;
  std::string keys;
  std::int64_t due_ms = 0;
  std::int64_t stored_ms = 0;
  std::int64_t queue_offset = 0;  ///< of its newest record in the timer topic
  std::int32_t queue_id = 0;
  bool is_cancelled = false;
};

/// Made and ended on the control thread. Four threads of its own: scanner, delivery, keeper, levels.
class Service {
 public:
  struct Settings {
    std::int64_t roll_after_ms = 0;
    std::size_t table_entries = 131'072;
    std::size_t batches_in_flight = 4;
  };

  Service(sdk::Host host, Settings settings);
  ~Service();

  /// [control] Recovers, before the broker serves. [may block]
  Status open();
  /// [control] Once the broker serves: makes the topics, starts the threads.
  void begin();
  /// [control] Ends the threads; gives what is on its way a little time. [may block]
  Status stop();

  /// [any-thread] A timer with that time was just accepted, or will be in a moment.
  void expect(std::int64_t due_ms);

  // ---- [any-thread], may block ----

  /// Timers of the topic that wait and have this key among their KEYS, or as their UNIQ_KEY.
  Result<std::vector<TimerView>> find(std::string_view topic, std::string_view key, bool unique_only);
  /// What is due next, at most `count_max`.
  Result<std::vector<TimerView>> next(std::size_t count_max);
  [[nodiscard]] TimerIndex::Counts counts() const { return index_->counts(); }

  /// [any-thread] Ends the timer of that key and time. `done` as in Broker::publish().
  Status cancel(std::string_view topic, std::string_view unique_key, std::int64_t due_ms,
                std::function<void(const Status&)> done);

  [[nodiscard]] const DelayMetrics& metrics() const noexcept { return metrics_; }

 private:
  void scan();
  void deliver();
  void keep();
  void serve_levels();
  void save_level_offsets();
  void schedule_saving();
  Watermark read_takeover();
  [[nodiscard]] std::optional<TimerView> view(std::int64_t log_offset);

  const sdk::Host host_;
  const sdk::Broker broker_;
  const Settings settings_;
  const DelayMetrics metrics_;
  const std::shared_ptr<Bell> delivery_bell_ = std::make_shared<Bell>();
  const std::shared_ptr<Bell> level_bell_ = std::make_shared<Bell>();
  Bell keeper_bell_;
  Bell scanner_bell_;

  std::unique_ptr<sdk::StoreClient> store_;
  std::unique_ptr<TimerIndex> index_;
  std::unique_ptr<Scanner> scanner_;
  std::unique_ptr<Delivery> delivery_;
  std::unique_ptr<Levels> levels_;
  std::map<std::int32_t, std::int64_t> saved_levels_;
  std::int64_t saved_counter_ = 0;
  sdk::Timer saving_;

  std::int64_t scan_target_ = 0;  ///< where the timer topic ended at the start
  std::atomic<bool> is_scanned_{false};
  std::atomic<bool> is_stopping_{false};
  std::atomic<std::int64_t> expected_ms_{0};  ///< until when the scanner looks often
  std::vector<std::thread> threads_;
};

}  // namespace gantry::delay
