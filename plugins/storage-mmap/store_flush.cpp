// MmapStore: g-flush, which makes the log durable.
#include "plugins/storage-mmap/mmap_store.hpp"

#include <algorithm>
#include <pthread.h>

namespace gantry::storage_mmap {

void MmapStore::flush_loop() {
  pthread_setname_np(pthread_self(), "g-flush");
  using Clock = Wakeup::Clock;
  auto dirty_since = Clock::now();
  auto next_flush = Clock::now();
  while (!stopping_ && !failed_) {
    const auto durable = log_.durable_end();
    const auto end = log_.end();
    const auto dirty = static_cast<std::uint64_t>(end - durable);
    const auto now = Clock::now();
    const bool due = now >= next_flush &&
                     (dirty >= options_.flush_bytes_min || now - dirty_since >= options_.flush_thorough_interval);
    if (dirty > 0 && (options_.flush == FlushMode::sync || wanted_ > durable || due)) {
      if (!flush_once()) return;
      dirty_since = next_flush = Clock::now();
      next_flush += options_.flush_interval;
      continue;
    }
    if (dirty > 0) {
      flush_wakeup_.wait(now >= next_flush ? now + options_.flush_interval : next_flush);
      continue;
    }
    {
      // Under the append lock, so that no append can slip in between the look and the sleep.
      const std::lock_guard lock(append_mutex_);
      if (log_.end() != log_.durable_end()) continue;
      flush_is_idle_ = true;
    }
    flush_wakeup_.wait(std::nullopt);
    dirty_since = Clock::now();
    next_flush = dirty_since + options_.flush_interval;
  }
}

bool MmapStore::flush_once() {
  auto synced = log_.sync();
  if (!synced) {
    fail(synced.error());
    return false;
  }
  syncs_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(durable_mutex_);
    durable_moved_.notify_all();
  }
  if (listener_.durable != nullptr) listener_.durable(listener_.context, *synced);
  if (has_index_) index_.durable_moved();
  return true;
}

void MmapStore::want_durable(std::int64_t log_offset) {
  // Beyond the end there is nothing that anybody could wait for.
  log_offset = std::min(log_offset, log_.end());
  auto wanted = wanted_.load(std::memory_order_relaxed);
  while (wanted < log_offset && !wanted_.compare_exchange_weak(wanted, log_offset)) {
  }
  if (wanted < log_offset || log_.durable_end() < log_offset) flush_wakeup_.notify();
}

bool MmapStore::wait_durable(std::int64_t log_offset) {
  want_durable(log_offset);
  std::unique_lock lock(durable_mutex_);
  durable_moved_.wait(lock, [&] { return log_.durable_end() >= log_offset || stopping_ || failed_; });
  return log_.durable_end() >= log_offset;
}

}  // namespace gantry::storage_mmap
