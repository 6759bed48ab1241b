#pragma once
// Where work goes that may wait for a disk.

#include "kernel/base/unique_function.hpp"

namespace gantry::broker {

/// A bounded pool of threads; kernel.cpp adapts the process's pool to it.
///
/// Life: tasks refer to the broker and the store, so the pool is stopped (its tasks run or destroyed) before either
/// goes.
class BlockingPool {
 public:
  virtual ~BlockingPool() = default;

  /// [any-thread] False: the queue is full and `task` will not run. Does not block.
  [[nodiscard]] virtual bool post(UniqueFunction<void()> task) = 0;
};

}  // namespace gantry::broker
