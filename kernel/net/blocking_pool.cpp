#include "kernel/net/blocking_pool.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/base/log.hpp"
#include "kernel/net/threads.hpp"

#include <sys/resource.h>
#include <utility>

namespace gantry::net {
namespace {
constexpr int nice_value = 10;
}  // namespace

BlockingPool::BlockingPool(const BlockingPoolOptions& options, MetricsRegistry& metrics)
    : queue_(options.waiting_max),
      refused_(metrics.counter("gantry_blocking_refused", "Tasks refused because too many waited for a thread")),
      waiting_(metrics.gauge("gantry_blocking_waiting", "Tasks that wait for a thread of the blocking pool")) {
  for (std::size_t i = 0; i < options.threads; ++i) {
    auto thread = start_thread(options.name + "-" + std::to_string(i), [this] { serve(); });
    if (!thread) {
      // A smaller pool is slower, not wrong; none at all would never answer.
      GANTRY_LOG(error, "net.blocking_thread_failed", field("error", thread.error()));
      break;
    }
    threads_.push_back(std::move(*thread));
  }
  GANTRY_ASSERT(!threads_.empty(), "the blocking pool needs at least one thread");
}

BlockingPool::~BlockingPool() { stop(); }

bool BlockingPool::post(Executor::Task&& task) {
  // Counted before, because the thread that takes it may be faster than we are.
  waiting_.add(1);
  if (queue_.push(std::move(task))) return true;
  waiting_.add(-1);
  refused_.add();
  return false;
}

void BlockingPool::serve() {
  // Where cores are short, a shard that wakes up goes first: its clients wait for microseconds, ours for the disk. On
  // Linux this is the thread's own priority; it needs no privilege, and where it fails nothing is lost.
  (void)::setpriority(PRIO_PROCESS, 0, nice_value);
  while (auto task = queue_.pop()) {
    waiting_.add(-1);
    (*task)();
  }
}

void BlockingPool::stop() {
  queue_.close();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace gantry::net
