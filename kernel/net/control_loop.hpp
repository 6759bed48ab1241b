#pragma once
// The control thread's loop: lifecycle, timers, signals.

#include "kernel/base/executor.hpp"
#include "kernel/base/unique_function.hpp"

#include <chrono>
#include <initializer_list>
#include <memory>

namespace gantry::net {

/// The Executor of the thread that calls run(), which is main() in the broker.
///
/// Life: construct, post what shall run first, run() until somebody calls stop(). Tasks here may block for a while
/// (files, joins), but nothing that serves a client waits for this thread.
class ControlLoop final : public Executor {
 public:
  ControlLoop();
  ~ControlLoop() override;
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;

  /// [control] Calls `handle(number)` on this loop whenever the process receives one of the signals. Those signals no
  /// longer end the process. Call it before threads are started; at most once per loop.
  void on_signals(std::initializer_list<int> numbers, UniqueFunction<void(int)> handle);

  /// Serves until stop(); the calling thread becomes the control thread.
  void run();

  /// [any-thread] run() returns after the tasks posted before.
  void stop();

  void post(Task task) override;
  [[nodiscard]] bool runs_here() const noexcept override;
  TimerId call_after(std::chrono::milliseconds delay, Task task) override;
  void cancel(TimerId timer) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::net
