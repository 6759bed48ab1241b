// MmapStore: g-space, which keeps room in front of the log and memory behind it small, and g-upkeep, which checks and
// repairs queue files and removes what has expired.
#include "plugins/storage-mmap/log_scanner.hpp"
#include "plugins/storage-mmap/mmap_store.hpp"
#include "plugins/storage-mmap/retention.hpp"

#include <algorithm>
#include <array>
#include <pthread.h>
#include <vector>

namespace gantry::storage_mmap {
namespace {

constexpr auto retry_interval = std::chrono::seconds(1);
constexpr std::size_t files_per_round_max = 64;

std::string_view to_string(RetentionReason reason) {
  switch (reason) {
    case RetentionReason::age: return "older than retention_time";
    case RetentionReason::size: return "the log is larger than retention_bytes";
    case RetentionReason::disk: return "more than disk_clean_percent of the disk is in use";
    case RetentionReason::nothing: break;
  }
  return "";
}

}  // namespace

void MmapStore::space_loop() {
  pthread_setname_np(pthread_self(), "g-space");
  bool was_full = log_.is_full();
  bool is_cooling = false;
  while (!stopping_ && !failed_) {
    if (log_.is_full() || is_cooling) {
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
    if (!ready && !was_full) {
      log(GANTRY_LOG_ERROR, "storage.full", ready.error().text);
      upkeep_wakeup_.notify();
    }
    if (ready && was_full) log(GANTRY_LOG_INFO, "storage.space_returned", "appends are accepted again");
    if (!ready && ready.error().code != Errc::full) log_.set_full(true);
    was_full = !ready;
    is_cooling = log_.cool_down();
    update_space();
  }
}

void MmapStore::upkeep_loop() {
  pthread_setname_np(pthread_self(), "g-upkeep");
  const auto report = [this](const Status& done, std::string_view event) {
    if (!done && done.error().code != Errc::unavailable) log(GANTRY_LOG_ERROR, event, done.error().text);
  };
  if (recovered_.from_ledger) report(care_.check_all(), "storage.check_failed");
  auto next_retention = Wakeup::Clock::now();
  while (!stopping_ && !failed_) {
    if (care_.has_work()) report(care_.repair_reported(), "storage.repair_failed");
    if (Wakeup::Clock::now() >= next_retention) {
      report(retain(), "storage.retention_failed");
      next_retention = Wakeup::Clock::now() + options_.retention_interval;
    }
    if (stopping_ || failed_) return;
    const auto next =
        care_.has_work() ? std::min(next_retention, Wakeup::Clock::now() + retry_interval) : next_retention;
    if (upkeep_wakeup_.wait(next) && log_.is_full()) next_retention = Wakeup::Clock::now();
  }
}

Result<std::int64_t> MmapStore::first_store_ms(std::int64_t base) {
  LogScanner scanner(log_, disk_, LogScanner::Cache::keep);
  protocol::RecordView view;
  std::string reason;
  GANTRY_ASSIGN(const auto item, scanner.inspect(base, view, reason));
  if (item == LogItem::record) return view.store_ms;
  // Damaged: the first whole one in the file.
  GANTRY_ASSIGN(const auto found,
                scanner.find_record(base + 1, std::min(base + log_.segment_size(), log_.durable_end())));
  if (found < 0) return Error{Errc::not_found, "no whole record in the file of log offset " + std::to_string(base)};
  GANTRY_TRY(scanner.inspect(found, view, reason));
  return view.store_ms;
}

Status MmapStore::retain() {
  std::int64_t limit = 0;
  {
    // A start needs the record that the last checkpoint ends with.
    const std::lock_guard lock(files_mutex_);
    limit = std::min(mark_.last_record, log_.durable_end());
  }
  const auto size = log_.segment_size();
  std::vector<AgedFile> files;
  for (auto base = log_.begin(); base + size <= limit / size * size && files.size() < files_per_round_max;
       base += size) {
    const auto newest_ms = first_store_ms(base + size);
    if (!newest_ms && newest_ms.error().code != Errc::not_found) return newest_ms.error();
    files.push_back({base, newest_ms ? *newest_ms : INT64_MAX});
  }
  // A file that is damaged throughout does not keep those before it for ever: it is no younger than the one behind it.
  for (auto i = files.size(); i-- > 0;) {
    const auto behind_ms = i + 1 < files.size() ? files[i + 1].newest_ms : now();
    files[i].newest_ms = std::min(files[i].newest_ms, behind_ms);
  }
  GANTRY_ASSIGN(const auto space, disk_.space(options_.path));
  const auto verdict = judge_retention({files, log_.end(), now(), space.total_bytes, space.free_bytes}, options_);
  // Also without a verdict: what an earlier broker or an interrupted round left behind.
  GANTRY_TRY(expire_queues(std::max(verdict.new_begin, log_.begin())));
  if (verdict.new_begin < 0) return {};
  while (log_.begin() < verdict.new_begin && !stopping_) {
    const auto base = log_.begin();
    GANTRY_TRY(log_.remove_first());
    files_expired_.fetch_add(1, std::memory_order_relaxed);
    log(GANTRY_LOG_INFO, "storage.file_expired",
        "file=" + offset_name(base) + " why=\"" + std::string(to_string(verdict.reason)) +
            "\" log_begin=" + std::to_string(log_.begin()));
  }
  if (const auto oldest_ms = first_store_ms(log_.begin())) first_store_ms_ = *oldest_ms;
  if (has_index_) GANTRY_TRY(index_.remove_expired(log_.begin()));
  update_space();
  space_wakeup_.notify();  // appends that were refused on a full disk may go on
  return {};
}

Status MmapStore::expire_queues(std::int64_t log_begin) {
  for (auto* queue : queues_.all()) {
    if (stopping_) return {};
    const auto bounds = queue->bounds();
    const auto first_record = queue->first_record();
    const bool is_due = bounds.min != bounds.max && first_record < log_begin && !queue->is_repairing();
    if (is_due) GANTRY_TRY(expire_queue(*queue, log_begin));
    // Also after a repair: the next start must not look for entries that went.
    if (queue->wants_note()) list_dirty(*queue);
  }
  return {};
}

Status MmapStore::expire_queue(MessageQueue& queue, std::int64_t log_begin) {
  const auto bounds = queue.bounds();
  auto low = bounds.min;
  auto high = bounds.max;
  auto first = bounds.max;
  std::int64_t first_record = -1;
  // Halving for the first message that stays; offsets without one may lie anywhere.
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    protocol::QueueEntry found;
    const auto offset = locate_first(queue, middle, high, true, found);
    if (!offset && offset.error().code == Errc::busy) return {};  // its repair looks at the log's begin, too
    if (!offset) return offset.error();
    if (*offset < 0) return {};  // the topic was deleted meanwhile
    if (*offset < high && found.log_offset < log_begin) {
      low = *offset + 1;
      continue;
    }
    if (*offset < high) {
      first = *offset;
      first_record = found.log_offset;
    }
    high = middle;
  }
  low = first;
  queue.set_min(low, first_record);
  const std::lock_guard lock(files_mutex_);
  if (queue.is_dead() || low / options_.queue_file_entries == bounds.min / options_.queue_file_entries) return {};
  return files_.remove_before(queue, low);
}

}  // namespace gantry::storage_mmap
