#pragma once
// Notices scripts that take long, so that those that are quick need not look at the clock themselves.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <vector>

namespace gantry::script {

class Machine;

/// What one thread tells the watchdog: which call it is in. Owned by its thread; registered for as long as it lives.
class WatchSlot {
 public:
  /// [the slot's thread] Lets SIGURG through in this thread: threads of a server block all signals.
  WatchSlot();
  WatchSlot(const WatchSlot&) = delete;
  WatchSlot& operator=(const WatchSlot&) = delete;

  /// [the slot's thread] A call of that machine begins, or ends. Calls do not nest.
  void begin(Machine& machine) noexcept;
  void end() noexcept;
  /// [the slot's thread] During a call: what follows is another one, of the same machine.
  void next() noexcept { calls_.store(calls_.load(std::memory_order_relaxed) + 2, std::memory_order_relaxed); }

 private:
  friend class Watchdog;
  const pthread_t thread_;
  std::atomic<std::uint64_t> calls_{0};  // odd during a call
  std::uint64_t seen_ = 0;               // the watchdog's
};

/// One thread that looks every millisecond whether a call that was there a look ago is still there, and then sends
/// SIGURG (which nobody else uses, and which is ignored by default) to the thread that is in it. The handler has the
/// running Machine count its instructions, which Lua allows at any moment for exactly this purpose; from there on the
/// Machine looks at the clock itself.
///
/// Why: the hook that counts instructions costs a quarter of a short filter. A thread that never ran a script is never
/// signalled; without any slot the watchdog sleeps.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// [any-thread] Between add() and remove() the slot's thread must live.
  void add(WatchSlot& slot);
  void remove(WatchSlot& slot);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<WatchSlot*> slots_;  // guarded by mutex_
  bool stopping_ = false;          // guarded by mutex_
  std::thread thread_;
};

}  // namespace gantry::script
