#include "plugins/storage-mmap/mmap_store.hpp"

#include "plugins/storage-mmap/read_owner.hpp"

#include <algorithm>
#include <chrono>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace gantry::storage_mmap {
namespace {

constexpr std::uint64_t segment_size_min = 4096;
constexpr auto retry_interval = std::chrono::seconds(1);

Status check_options(const StoreOptions& options) {
  const auto refuse = [](std::string text) { return Status(Error{Errc::invalid_argument, std::move(text)}); };
  if (options.segment_size < segment_size_min || options.segment_size % segment_size_min != 0 ||
      options.segment_size > (1ull << 31) - segment_size_min) {
    return refuse("segment_size: expected a multiple of 4096 below 2 GiB, found " +
                  std::to_string(options.segment_size));
  }
  if (options.queue_file_entries == 0) return refuse("queue_file_entries: expected at least 1, found 0");
  if (options.open_files_max == 0) return refuse("open_files_max: expected at least 1, found 0");
  if (options.disk_full_percent == 0 || options.disk_full_percent > 100) {
    return refuse("disk_full_percent: expected 1 to 100, found " + std::to_string(options.disk_full_percent));
  }
  return {};
}

}  // namespace

MmapStore::MmapStore(StoreOptions options, Surroundings surroundings, Disk* disk)
    : options_(std::move(options)),
      surroundings_(std::move(surroundings)),
      disk_(disk != nullptr ? *disk : own_disk_),
      root_(disk_, options_.path),
      log_(disk_, options_),
      files_(disk_, options_),
      blobs_(disk_, options_.path) {}

MmapStore::~MmapStore() { stop_threads(); }

void MmapStore::log(std::uint32_t level, std::string_view event, const std::string& text) const {
  if (surroundings_.log) surroundings_.log(level, event, text);
}

void MmapStore::listen(const gantry_store_listener& listener) { listener_ = listener; }

Status MmapStore::start() {
  GANTRY_TRY(check_options(options_));
  GANTRY_TRY(root_.lock());
  const auto begin = [this]() -> Status {
    GANTRY_TRY(root_.check_layout());
    Recovery recovery({disk_, root_, log_, files_, queues_, options_, surroundings_});
    GANTRY_ASSIGN(recovered_, recovery.run());
    // The first space must be there before the first append; a full disk does not keep the store from being read.
    if (auto ready = log_.make_ready(); !ready) {
      if (ready.error().code != Errc::full) return ready;
      log(GANTRY_LOG_ERROR, "storage.full", ready.error().text);
    }
    return {};
  };
  if (auto begun = begin(); !begun) {
    root_.unlock();
    return begun;
  }
  deleted_topics_ = recovered_.deleted_topics;
  checkpoint_ = recovered_.checkpoint;
  checkpoint_end_ = recovered_.log_end;
  trusted_from_ = recovered_.log_end;
  last_store_ms_ = recovered_.last_store_ms;
  last_record_ = recovered_.last_record;
  first_store_ms_ = recovered_.oldest_store_ms;
  wanted_ = recovered_.log_end;
  if (const auto space = disk_.space(options_.path)) {
    disk_total_ = static_cast<std::int64_t>(space->total_bytes);
    disk_free_ = static_cast<std::int64_t>(space->free_bytes);
  }
  try {
    flush_thread_ = std::thread([this] { flush_loop(); });
    store_thread_ = std::thread([this] { store_loop(); });
    space_thread_ = std::thread([this] { space_loop(); });
  } catch (const std::system_error& error) {
    stop_threads();
    root_.unlock();
    return Error{Errc::io, std::string("starting the store's threads: ") + error.what()};
  }
  const std::lock_guard lock(append_mutex_);
  accepting_ = true;
  running_ = true;
  return {};
}

void MmapStore::quiesce() {
  const std::lock_guard lock(append_mutex_);
  accepting_ = false;
}

void MmapStore::stop_threads() {
  stopping_ = true;
  flush_wakeup_.notify();
  store_wakeup_.notify();
  space_wakeup_.notify();
  {
    const std::lock_guard lock(durable_mutex_);
    durable_moved_.notify_all();
  }
  for (auto* thread : {&store_thread_, &space_thread_, &flush_thread_}) {
    if (thread->joinable()) thread->join();
  }
}

Status MmapStore::stop() {
  if (!running_) return {};
  running_ = false;
  quiesce();
  stop_threads();
  const auto end = [this]() -> Status {
    if (failed_) return Error{Errc::io, "stopping the store: it failed before, its files are left as after a crash"};
    GANTRY_ASSIGN(const auto durable_end, log_.sync());
    if (listener_.durable != nullptr) listener_.durable(listener_.context, durable_end);
    GANTRY_TRY(write_dirty_queues());
    GANTRY_TRY(log_.remove_unused());
    GANTRY_TRY(checkpoint(true));
    return root_.mark_closed();
  };
  auto ended = end();
  root_.unlock();
  return ended;
}

// ---- g-flush ----

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
  {
    const std::lock_guard lock(durable_mutex_);
    durable_moved_.notify_all();
  }
  if (listener_.durable != nullptr) listener_.durable(listener_.context, *synced);
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

void MmapStore::fail(const Error& reason) {
  if (failed_.exchange(true)) return;
  quiesce();
  flush_wakeup_.notify();
  store_wakeup_.notify();
  space_wakeup_.notify();
  {
    const std::lock_guard lock(durable_mutex_);
    durable_moved_.notify_all();
  }
  log(GANTRY_LOG_ERROR, "storage.failed",
      reason.text + "; nothing is acknowledged from now on, restart the broker after the disk was looked at");
  if (listener_.failed != nullptr) listener_.failed(listener_.context, {reason.text.data(), reason.text.size()});
}

// ---- g-store ----

void MmapStore::store_loop() {
  pthread_setname_np(pthread_self(), "g-store");
  using Clock = Wakeup::Clock;
  static constexpr auto never = Clock::time_point::max();
  const auto schedule = [](Clock::time_point& when, bool wanted, Clock::duration delay) {
    if (!wanted) when = never;
    if (wanted && when == never) when = Clock::now() + delay;
  };
  auto next_write = never;
  auto next_checkpoint = never;
  bool retry = false;
  while (!stopping_ && !failed_) {
    const auto behind = static_cast<std::uint64_t>(log_.end() - checkpoint_end_);
    schedule(next_write, retry || dirty_queues_.load() != nullptr,
             retry ? Clock::duration(retry_interval) : Clock::duration(options_.queue_flush_interval));
    schedule(next_checkpoint, behind > 0, options_.checkpoint_interval);
    const auto next = std::min(next_write, next_checkpoint);
    const bool is_crowded = !retry && pending_entries_ > options_.pending_entries_max / 2;
    if (!is_crowded && Clock::now() < next) {
      store_wakeup_.wait(next == never ? std::nullopt : std::optional(next));
      continue;
    }
    next_write = never;
    auto done = write_dirty_queues();
    if (done && (Clock::now() >= next_checkpoint || behind >= options_.checkpoint_bytes_max)) {
      next_checkpoint = never;
      done = checkpoint(false);
    }
    if (stopping_) return;
    retry = !done && done.error().code == Errc::full;
    if (!done && !retry) return fail(done.error());
    if (retry && !queues_full_) {
      log(GANTRY_LOG_ERROR, "storage.full", done.error().text + "; it is tried again every second");
    }
    queues_full_ = retry;
  }
}

Status MmapStore::write_dirty_queues() {
  const std::lock_guard lock(files_mutex_);
  std::array<protocol::QueueEntry, 512> entries;
  auto* queue = dirty_queues_.exchange(nullptr, std::memory_order_acquire);
  while (queue != nullptr) {
    auto* next = queue->next_dirty;
    for (;;) {
      std::int64_t first = 0;
      const auto count = queue->copy_pending(first, entries);
      if (count > 0) {
        if (auto written = files_.write(*queue, first, std::span(entries).first(count)); !written) {
          // What is left stays listed: this queue and those behind it.
          for (; queue != nullptr; queue = next) {
            next = queue->next_dirty;
            list_dirty(*queue);
          }
          return written;
        }
      }
      pending_entries_.fetch_sub(static_cast<std::int64_t>(count), std::memory_order_relaxed);
      // The queue may be listed again, by the appender, as soon as it is marked.
      if (queue->mark_written(count)) break;
    }
    queue = next;
  }
  return {};
}

Status MmapStore::checkpoint(bool clean) {
  DispatchMark mark;
  std::int64_t store_ms = 0;
  {
    const std::lock_guard lock(append_mutex_);
    mark = {log_.end(), last_record_, clean};
    store_ms = last_store_ms_;
  }
  if (!wait_durable(mark.end)) return Error{Errc::unavailable, "the checkpoint waits for the log, which is not synced"};
  GANTRY_TRY(write_dirty_queues());
  {
    const std::lock_guard lock(files_mutex_);
    GANTRY_TRY(files_.sync());
  }
  GANTRY_TRY(root_.save_mark(mark));
  checkpoint_.log_ms = checkpoint_.queues_ms = store_ms;
  checkpoint_.confirm_offset = mark.end;
  GANTRY_TRY(root_.save_checkpoint(checkpoint_));
  checkpoint_end_ = mark.end;
  return {};
}

// ---- g-space ----

void MmapStore::space_loop() {
  pthread_setname_np(pthread_self(), "g-space");
  bool was_full = log_.is_full();
  auto next_cold = Wakeup::Clock::now();
  while (!stopping_ && !failed_) {
    const bool ticks = log_.is_full() || cold_was_read_;
    if (ticks) {
      // Woken early only to stop: appends that are refused on a full disk must not make this a busy loop.
      const auto next = Wakeup::Clock::now() + retry_interval;
      while (!stopping_ && Wakeup::Clock::now() < next && space_wakeup_.wait(next)) {
        if (!log_.is_full()) break;
      }
    } else {
      space_wakeup_.wait(std::nullopt);
    }
    if (stopping_) return;
    const auto ready = log_.make_ready();
    if (!ready && !was_full) log(GANTRY_LOG_ERROR, "storage.full", ready.error().text);
    if (ready && was_full) log(GANTRY_LOG_INFO, "storage.space_returned", "appends are accepted again");
    if (!ready && ready.error().code != Errc::full) log_.set_full(true);
    was_full = !ready;
    const bool advise_all = Wakeup::Clock::now() >= next_cold && cold_was_read_.exchange(false);
    if (advise_all) next_cold = Wakeup::Clock::now() + retry_interval;
    log_.advise_cold(advise_all);
    if (const auto space = disk_.space(options_.path)) {
      disk_total_ = static_cast<std::int64_t>(space->total_bytes);
      disk_free_ = static_cast<std::int64_t>(space->free_bytes);
    }
  }
}

// ---- queues, positions, blobs ----

Result<gantry_queue*> MmapStore::open_queue(std::string_view topic, std::int32_t queue_id) {
  GANTRY_TRY(check_topic_name(topic));
  if (queue_id < 0) {
    return Error{Errc::invalid_argument, "queue id of topic '" + std::string(topic) + "': expected 0 or more, found " +
                                             std::to_string(queue_id)};
  }
  return reinterpret_cast<gantry_queue*>(queues_.open(topic, queue_id));
}

sdk::Store::Bounds MmapStore::bounds(gantry_queue* queue) {
  if (queue == nullptr) return {};
  const auto found = queue_of(queue)->bounds();
  return {found.min, found.max};
}

gantry_store_positions MmapStore::positions() {
  gantry_store_positions out{};
  out.struct_size = sizeof out;
  out.durable_end = log_.durable_end();
  out.log_begin = log_.begin();
  out.log_end = log_.end();
  out.oldest_store_ms = first_store_ms_;
  out.disk_total_bytes = disk_total_;
  out.disk_free_bytes = disk_free_;
  out.writable = accepting_ && !log_.is_full() && !queues_full_ ? 1 : 0;
  return out;
}

Status MmapStore::delete_topic(std::string_view topic) {
  GANTRY_TRY(check_topic_name(topic));
  // Held throughout: entries of a queue that is made anew are written after the old files are gone.
  const std::lock_guard files_lock(files_mutex_);
  std::vector<MessageQueue*> taken;
  std::int64_t log_end = 0;
  {
    const std::lock_guard lock(append_mutex_);
    taken = queues_.take(topic);
    for (auto* queue : taken) pending_entries_.fetch_sub(static_cast<std::int64_t>(queue->kill()));
    log_end = log_.end();
  }
  if (taken.empty()) return {};
  deleted_topics_.insert_or_assign(std::string(topic), log_end);
  GANTRY_TRY(root_.save_deleted_topics(deleted_topics_));
  for (const auto* queue : taken) GANTRY_TRY(files_.remove(*queue));
  return files_.remove_topic(std::string(topic));
}

Status MmapStore::save_blob(std::string_view name, std::string_view content) { return blobs_.save(name, content); }

Result<std::string> MmapStore::load_blob(std::string_view name, sdk::BlobVersion version) {
  return blobs_.load(name, version);
}

std::int64_t MmapStore::now() const {
  if (surroundings_.wall_ms) return surroundings_.wall_ms();
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

}  // namespace gantry::storage_mmap
