#pragma once
// What the parts of this plugin share: the host, the store, the options in force, the ledger and the op records on
// their way.

#include "plugins/txn/archive.hpp"
#include "plugins/txn/half_message.hpp"
#include "plugins/txn/ledger.hpp"

#include "gantry/sdk/broker.hpp"
#include "gantry/sdk/host.hpp"
#include "gantry/sdk/store_client.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::txn {

/// The options of the plugin; changed while it runs. [any-thread]
struct Settings {
  std::atomic<std::int64_t> check_interval_ms{30'000};
  std::atomic<std::int64_t> timeout_ms{6'000};
  std::atomic<std::int32_t> check_max{15};
  std::atomic<bool> reject{false};
  std::atomic<std::int64_t> open_max{1'000'000};

  [[nodiscard]] Timing timing() const noexcept { return {timeout_ms.load(), check_interval_ms.load()}; }
};

/// Counts publications whose outcome is outstanding. [any-thread]
class Flights {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    --count_;
    landed_.notify_all();
  }
  /// Whether all have ended before `timeout`.
  bool wait(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return landed_.wait_for(lock, timeout, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable landed_;
  std::int64_t count_ = 0;
};

struct Metrics {
  explicit Metrics(const sdk::Host& host);

  sdk::Counter prepared, committed, rolled_back, unknown, refused, asked, unasked, discarded, resumed;
  sdk::Gauge open;
};

/// [any-thread] unless a member says otherwise. Lives as long as the plugin.
struct Context {
  Context(const sdk::Host& used_host, const sdk::StoreClient& used_store);

  /// Stores an op record; `done(stored)` on any thread. Never waits.
  void write_op(Outcome outcome, std::string_view group, std::string_view id, const std::vector<std::int64_t>& offsets,
                std::function<void(bool stored)> done);
  /// For a finished transaction: another copy of its half message is closed.
  void close_copy(State state, const HalfMessage& half, std::int64_t half_offset);

  /// A copy of a half message that does not count any more. RocketMQ, should it take over, is told by an op record with
  /// the next flush_superseded(), unless progress gets beyond it before.
  void supersede(std::int64_t half_offset);
  void flush_superseded(std::int64_t progress);

  /// Publishes and counts it. `done` is not called after an Error.
  Status publish(std::span<const sdk::Outgoing> messages, sdk::Broker::PublishedMany done);

  const sdk::Host host;
  const sdk::Broker broker;
  sdk::StoreClient store;
  Settings settings;
  Metrics metrics;
  Ledger ledger;
  Archive archive;
  gantry_queue* half_queue = nullptr;  ///< set before the first request is served
  gantry_queue* op_queue = nullptr;
  std::int64_t run_begin = 0;  ///< the end of the log when this run began
  Flights flights;

 private:
  std::mutex superseded_mutex_;
  std::vector<std::int64_t> superseded_;
};

/// Whether a message is in the store: also when it missed the promise of being acknowledged in time.
inline bool is_stored(const sdk::Published& published) noexcept {
  return published.status.has_value() || published.status.error().code == Errc::timed_out;
}

/// How a finished state is called in op records.
Outcome outcome_of(State state) noexcept;

}  // namespace gantry::txn
