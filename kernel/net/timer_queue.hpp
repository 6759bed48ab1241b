#pragma once
// Timers as data: which task is due when. Knows no clock and no loop.

#include "kernel/base/executor.hpp"

#include <chrono>
#include <optional>
#include <unordered_map>
#include <vector>

namespace gantry::net {

/// Tasks ordered by the time they are due, then by the order in which they were added. One owner, no lock.
///
/// Cancelled timers give their task back at once; their place in the heap goes when it comes to the top, or when more
/// than half of the heap is such places.
class TimerQueue {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  Executor::TimerId add(Instant due, Executor::Task task);

  /// Removes the timer and returns its task (empty when unknown or finished), for the caller to destroy.
  Executor::Task cancel(Executor::TimerId timer);

  /// When the earliest timer is due.
  [[nodiscard]] std::optional<Instant> next();

  /// Removes and returns the earliest task that is due at `now`; empty when there is none.
  Executor::Task take_due(Instant now);

  [[nodiscard]] std::size_t size() const noexcept { return tasks_.size(); }

 private:
  struct Place {
    Instant due;
    Executor::TimerId timer;
  };
  static bool later(const Place& left, const Place& right) noexcept;
  void drop_cancelled();

  std::vector<Place> heap_;
  std::unordered_map<Executor::TimerId, Executor::Task> tasks_;
  Executor::TimerId last_ = 0;
};

}  // namespace gantry::net
