#pragma once
// What is known of transactions: the undecided ones, and for a while how others ended. Every change of a transaction's
// state goes through here and the table in state.hpp.

#include "plugins/txn/half_message.hpp"
#include "plugins/txn/index.hpp"
#include "plugins/txn/state.hpp"

#include "gantry/sdk/result.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace gantry::txn {

/// Told what became of a decision: RocketMQ's code and a remark.
using Tell = std::function<void(std::int32_t code, std::string_view remark)>;

/// When a transaction is asked about.
struct Timing {
  std::int64_t timeout_ms = 6'000;
  std::int64_t check_interval_ms = 30'000;

  /// For a half message that was just found in the queue.
  [[nodiscard]] std::int64_t first_due(const HalfMessage& half) const noexcept;
};

/// What an event did, with the transaction as it is afterwards.
struct Step {
  State before = State::absent;
  Transition what = {};
  Transaction transaction = {};
  std::int64_t superseded = -1;    ///< half offset of a copy that does not count any more
  bool needs_look_up = false;      ///< nothing was done: first see whether its message is there (message_found)
  std::vector<Tell> waiters = {};  ///< who waits for what has now happened
};

/// [any-thread] One lock, held for the few lookups of each call and across nothing else.
///
/// Bounded by what the half queue holds (the caller refuses half messages beyond its limit), and finished_max finished
/// transactions, of which the oldest are forgotten first.
class Ledger {
 public:
  static constexpr std::size_t finished_max = 65'536;

  // ---- the producer's decision ----

  /// commit, rollback or unknown, for the transaction of a half message that the producer quoted. `tell` is kept when
  /// the answer is `wait`. A message that the scanner has not come to yet becomes known by this.
  Step decide(const HalfMessage& half, Event event, const Timing& timing, Tell tell);
  /// It was looked up: there is no committed message yet.
  void clear_suspicion(std::uint64_t key);

  // ---- what the scanner finds ----

  /// A half message at `half.record.queue_offset`. `is_closed`: an op record names it.
  Step see_half(const HalfMessage& half, bool is_closed, bool is_suspect, const Timing& timing);
  /// An op record that names a transaction, and the newest half message that it closes.
  void see_op(std::uint64_t key, Outcome outcome, std::int64_t half_offset);
  /// Half messages before it have been seen.
  void set_scanned(std::int64_t half_offset);
  [[nodiscard]] std::int64_t scanned() const;

  // ---- the checker ----

  /// Up to `count_max` transactions that are due; they are not due any more until put_off() or the next step.
  std::vector<Transaction> take_due(std::int64_t now_ms, std::size_t count_max);
  void put_off(std::uint64_t key, std::int64_t due_ms);
  /// check_due, limit_reached, record_gone, message_found, copy_failed, stored, message_stored, store_failed.
  Step apply(std::uint64_t key, Event event);
  /// copy_stored: where the copy went.
  Step apply_copy(std::uint64_t key, const Transaction& copy);

  /// The undecided transaction that stands first in the half queue.
  [[nodiscard]] std::optional<Transaction> lowest();
  /// Everything before this half offset is done with.
  [[nodiscard]] std::int64_t progress();

  // ---- questions ----

  [[nodiscard]] std::size_t open_count() const;
  [[nodiscard]] std::optional<Transaction> find(std::uint64_t key) const;
  /// How it ended, while that is remembered.
  [[nodiscard]] State finished_state(std::uint64_t key) const;
  /// The `count_max` undecided ones that stand first in the half queue.
  [[nodiscard]] std::vector<Transaction> first_open(std::size_t count_max) const;

 private:
  struct Finished {
    State state = State::absent;
    std::int64_t half_offset = -1;  // the newest copy that is closed
  };

  Step step(std::uint64_t key, Event event, const Transaction* copy, Tell tell);
  void finish(std::uint64_t key, State state, std::int64_t half_offset);
  [[nodiscard]] State state_of(std::uint64_t key) noexcept;

  mutable std::mutex mutex_;  // guards everything below
  Index index_;
  std::unordered_map<std::uint64_t, Finished> finished_;
  std::deque<std::uint64_t> finished_order_;
  std::unordered_map<std::uint64_t, std::vector<Tell>> waiters_;
  std::int64_t scanned_ = 0;
};

}  // namespace gantry::txn
