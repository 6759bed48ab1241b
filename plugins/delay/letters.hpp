#pragma once
// Messages on their way from where they waited to where they belong.

#include "plugins/delay/held_record.hpp"

#include "gantry/sdk/broker.hpp"
#include "gantry/sdk/host.hpp"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::delay {

/// Wakes one thread. [any-thread] Shared with callbacks that may outlive who waits.
class Bell {
 public:
  void ring() {
    {
      const std::lock_guard lock(mutex_);
      rung_ = true;
    }
    wake_.notify_all();
  }
  /// Until it rings or the wall clock says so; a jump of the clock is noticed within 200 ms.
  void wait_until_ms(std::int64_t wall_ms);

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool rung_ = false;
};

/// One message to publish, with all the bytes it needs.
struct Letter {
  HeldRecord held;
  std::string topic;  ///< used when it is not that of the record
  std::string properties;
  std::int32_t queue_id = 0;
  std::int64_t due_ms = 0;
  bool is_roll = false;
  bool is_undeliverable = false;  ///< goes to the topic for those
};

/// What the delay plugin tells its operator.
struct DelayMetrics {
  explicit DelayMetrics(sdk::Host host);

  sdk::Counter delivered;
  sdk::Counter level_delivered;
  sdk::Counter recalled;
  sdk::Counter rolled;
  sdk::Counter discarded;
  sdk::Counter lost;
  sdk::Counter repeated;
  sdk::Gauge pending;
  sdk::Gauge due_lag_ms;
  sdk::Gauge runs;
  sdk::Gauge run_bytes;
  sdk::Gauge level_lag_ms;
  sdk::Histogram lateness_us;
};

/// A batch of letters until each of them has arrived. One thread, and the callbacks of the broker.
///
/// What the broker cannot take at present is sent again, for ever. A message whose topic is gone goes to the topic of
/// the undeliverable, where it can be seen.
class Mail {
 public:
  struct Office {
    sdk::Host host;
    sdk::Broker broker;
    std::shared_ptr<Bell> bell;
    const DelayMetrics* metrics;
  };

  Mail(const Office& office, std::vector<Letter> letters);

  /// Sends what has not arrived. To be called when is_waiting() and the time to try again has come.
  void send();
  /// Takes in what the broker has said since.
  void look();

  [[nodiscard]] bool is_done() const noexcept { return left_.empty() && !is_sent_; }
  /// Something must be sent again.
  [[nodiscard]] bool is_waiting() const noexcept { return !left_.empty() && !is_sent_; }
  [[nodiscard]] std::int64_t retry_at_ms() const noexcept { return retry_at_ms_; }
  /// Of what has arrived: a log offset behind the beginning of its last record.
  [[nodiscard]] std::int64_t log_end_needed() const noexcept { return log_end_needed_; }

 private:
  struct Reply {
    std::mutex mutex;
    bool is_there = false;
    std::vector<std::pair<Errc, std::int64_t>> outcomes;  ///< and the log offset
  };
  bool settle(Letter& letter, Errc outcome, std::int64_t log_offset);
  void make_undeliverable(Letter& letter, Errc why);
  void back_off();

  const Office office_;
  std::vector<Letter> letters_;
  std::vector<std::size_t> left_;  ///< letters that have not arrived, in order
  std::shared_ptr<Reply> reply_;
  bool is_sent_ = false;
  std::int64_t retry_at_ms_ = 0;
  std::int64_t pause_ms_ = 0;
  std::int64_t log_end_needed_ = 0;
};

/// A letter for the message of a record to its real topic: the queue it asked for if there is one of that number.
/// Nothing of the record but `properties` changes.
Letter address_letter(const sdk::Broker& broker, HeldRecord held, std::string_view real_topic, std::int32_t real_queue,
                      std::string properties);

}  // namespace gantry::delay
