#pragma once
// Threads for what may block: cold reads, name lookups, file work.

#include "kernel/base/bounded_queue.hpp"
#include "kernel/base/executor.hpp"
#include "kernel/base/metrics.hpp"

#include <cstddef>
#include <string>
#include <thread>
#include <vector>

namespace gantry::net {

struct BlockingPoolOptions {
  std::size_t threads = 4;
  std::size_t waiting_max = 4096;  ///< tasks that wait for a thread
  std::string name = "g-block";    ///< threads are called name-0, name-1, ... (15 characters at most)
};

/// A fixed number of threads behind one bounded queue, of lower priority than the shards.
///
/// Full policy: post() refuses and leaves the task with the caller, who answers "busy"; refusals are counted.
/// Life: runs from construction to stop() (or the destructor), which finishes the waiting tasks and joins.
class BlockingPool {
 public:
  BlockingPool(const BlockingPoolOptions& options, MetricsRegistry& metrics);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// [any-thread] False when the queue is full or the pool is stopping; `task` is then untouched.
  [[nodiscard]] bool post(Executor::Task&& task);

  /// [control] Refuses new tasks, finishes those waiting, joins. Idempotent.
  void stop();

 private:
  void serve();

  BoundedQueue<Executor::Task> queue_;
  Counter& refused_;
  Gauge& waiting_;
  std::vector<std::thread> threads_;
};

}  // namespace gantry::net
