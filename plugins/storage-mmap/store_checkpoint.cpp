// MmapStore: g-store, which makes checkpoints. A checkpoint syncs the log, writes the entries of queues that have
// enough of them to their files, and notes in the ledger what every queue that changed holds, with the entries that are
// in no file. So a start needs the ledger and the log behind the last checkpoint, however many queues there are; and a
// queue costs a write of its own once for many messages, not once a second.
#include "plugins/storage-mmap/log_reader.hpp"
#include "plugins/storage-mmap/mmap_store.hpp"

#include <algorithm>
#include <array>
#include <pthread.h>
#include <utility>
#include <vector>

namespace gantry::storage_mmap {
namespace {

constexpr auto retry_interval = std::chrono::seconds(1);
constexpr std::int64_t crowded_min = 256 * 1024;
constexpr std::size_t queues_ahead = 8;  // asked for before their turn

/// Calls `visit` with one after the other, and asks for what it will touch of those ahead.
template <typename Visit>
Status visit_all(const std::vector<MessageQueue*>& queues, Visit&& visit) {
  for (std::size_t i = 0; i < queues.size(); ++i) {
    if (i + queues_ahead < queues.size()) queues[i + queues_ahead]->prefetch();
    GANTRY_TRY(visit(*queues[i]));
  }
  return {};
}

}  // namespace

std::int64_t MmapStore::crowded_at() const {
  // With many queues, enough of each gather to be worth a write; in any case well before appends are refused.
  const auto worthwhile = dirty_count_ * static_cast<std::int64_t>(options_.queue_write_entries_min);
  return std::min(std::max(worthwhile, crowded_min), options_.pending_entries_max / 2);
}

void MmapStore::store_loop() {
  pthread_setname_np(pthread_self(), "g-store");
  using Clock = Wakeup::Clock;
  auto last = Clock::now();
  while (!stopping_ && !failed_) {
    const auto behind = static_cast<std::uint64_t>(log_.end() - checkpoint_end_);
    const bool has_work = behind > 0 || pending_entries_ > 0;
    // Without new messages there is only what is kept in memory for a while to be written.
    const auto next = last + (behind > 0 ? options_.checkpoint_interval : options_.queue_write_age_max);
    crowded_at_ = crowded_at();
    const bool is_due = has_work && (Clock::now() >= next || behind >= options_.checkpoint_bytes_max ||
                                     pending_entries_ >= crowded_at_);
    if (!is_due && behind > 0) {
      store_wakeup_.wait(next);
      continue;
    }
    if (!is_due) {
      {
        // Under the append lock, so that no append can slip in between the look and the sleep.
        const std::lock_guard lock(append_mutex_);
        if (log_.end() != checkpoint_end_) continue;
        store_is_idle_ = true;
      }
      store_wakeup_.wait(has_work ? std::optional(next) : std::nullopt);
      // The first message after a pause waits for the next ones.
      if (!has_work) last = Clock::now();
      continue;
    }
    const auto done = checkpoint(Extent::due);
    if (stopping_) return;
    last = Clock::now();
    if (!done && done.error().code != Errc::full) return fail(done.error());
    if (!done && !queues_full_) {
      log(GANTRY_LOG_ERROR, "storage.full", done.error().text + "; it is tried again every second");
    }
    if (done && queues_full_) log(GANTRY_LOG_INFO, "storage.space_returned", "queue entries can be written again");
    queues_full_ = !done;
    if (!done) {
      const auto again = Clock::now() + retry_interval;
      while (!stopping_ && !failed_ && Clock::now() < again) store_wakeup_.wait(again);
      last -= options_.checkpoint_interval + options_.queue_write_age_max;
    }
  }
}

Status MmapStore::checkpoint(Extent extent) {
  const std::lock_guard lock(files_mutex_);
  return checkpoint_locked(extent);
}

Status MmapStore::checkpoint_locked(Extent extent) {
  LedgerMark mark;
  std::int64_t store_ms = 0;
  {
    const std::lock_guard lock(append_mutex_);
    mark = {log_.end(), last_record_, log_.begin(), checkpoint_.confirm_offset, extent == Extent::everything};
    store_ms = last_store_ms_;
  }
  if (log_.durable_end() < mark.end && !wait_durable(mark.end)) {
    return Error{Errc::unavailable, "the checkpoint waits for the log, which is not synced"};
  }
  std::int64_t oldest_unwritten = INT64_MAX;
  GANTRY_TRY(write_queues(mark, extent, oldest_unwritten));
  mark_ = mark;
  GANTRY_TRY(write_checkpoint_file(mark.end, store_ms, oldest_unwritten));
  checkpoint_end_ = mark.end;
  checkpoints_.fetch_add(1, std::memory_order_relaxed);
  if (Wakeup::Clock::now() - aged_at_ >= options_.queue_write_age_max) {
    aged_at_ = Wakeup::Clock::now();
    aged_end_ = mark.end;
  }
  return {};
}

Status MmapStore::write_queue(MessageQueue& queue, std::int64_t log_limit) {
  std::array<protocol::QueueEntry, 512> entries;
  for (;;) {
    std::int64_t first = 0;
    const auto count = queue.copy_pending(log_limit, first, entries);
    if (count == 0) return {};
    GANTRY_TRY(files_.write(queue, first, std::span(entries).first(count)));
    pending_entries_.fetch_sub(static_cast<std::int64_t>(count), std::memory_order_relaxed);
    queue.mark_written(count);
  }
}

Status MmapStore::write_queues(const LedgerMark& mark, Extent extent, std::int64_t& oldest_unwritten) {
  const bool everything = extent == Extent::everything || pending_entries_ >= options_.pending_entries_max / 2;
  const bool whole = ledger_whole_ || ledger_.wants_rewrite() || extent == Extent::everything;
  std::vector<MessageQueue*> queues;
  for (auto* queue = dirty_queues_.exchange(nullptr, std::memory_order_acquire); queue != nullptr;
       queue = queue->next_dirty) {
    queues.push_back(queue);
  }
  const auto write = [&]() -> Status {
    const auto write_if_worthwhile = [&](MessageQueue& queue) -> Status {
      const auto pending = queue.pending(mark.end);
      if (pending == 0) return {};
      const bool is_worthwhile =
          pending >= options_.queue_write_entries_min || queue.oldest_unwritten() < aged_end_ || everything;
      // The folder still holds, or will lose, the files of the deleted topic of that name.
      const bool must_wait = !unfinished_deletions_.empty() && unfinished_deletions_.contains(queue.topic());
      if (is_worthwhile && !must_wait) GANTRY_TRY(write_queue(queue, mark.end));
      oldest_unwritten = std::min(oldest_unwritten, queue.oldest_unwritten());
      return {};
    };
    GANTRY_TRY(visit_all(queues, write_if_worthwhile));
    // A failed sync may have lost what it was to sync: it is never repeated as if it could succeed.
    if (auto synced = files_.sync(); !synced) return Error{Errc::io, synced.error().text};
    QueueExtent state;
    std::vector<protocol::QueueEntry> entries;
    LedgerFrame frame(mark, whole ? LedgerFrame::Kind::whole : LedgerFrame::Kind::changes);
    if (whole) {
      for (const auto& [topic, deleted_at] : deleted_topics_) frame.add_deleted(topic, deleted_at);
    }
    GANTRY_TRY(visit_all(whole ? queues_.all() : queues, [&](MessageQueue& queue) -> Status {
      if (queue.to_ledger(mark.end, whole, state, entries) && state.max != 0) {
        frame.add_queue(queue.topic(), queue.id(), state, entries);
      }
      return {};
    }));
    GANTRY_TRY(whole ? ledger_.rewrite(std::move(frame)) : ledger_.append(std::move(frame)));
    ledger_whole_ = false;
    return {};
  };
  auto written = write();
  dirty_count_.fetch_sub(static_cast<std::int64_t>(queues.size()), std::memory_order_relaxed);
  (void)visit_all(queues, [&](MessageQueue& queue) -> Status {
    if (!written || !queue.settle()) list_dirty(queue);
    return {};
  });
  return written;
}

// What RocketMQ reads after a crash: from the file that holds this time on it makes queue entries again.
Status MmapStore::write_checkpoint_file(std::int64_t end, std::int64_t store_ms, std::int64_t oldest_unwritten) {
  auto queues_ms = store_ms;
  if (oldest_unwritten < log_.end()) {
    LogReader reader(log_, disk_, true);
    protocol::RecordView view;
    const auto record = record_at(oldest_unwritten, reader, view);
    if (record) queues_ms = std::min(queues_ms, view.store_ms);
  }
  checkpoint_.log_ms = store_ms;
  checkpoint_.queues_ms = queues_ms;
  checkpoint_.confirm_offset = end;  // by which the next start knows that nobody else was here
  if (has_index_) checkpoint_.index_ms = index_.progress().full_files_ms;
  return root_.save_checkpoint(checkpoint_);
}

Status MmapStore::note_deletion(std::string_view topic, std::int64_t log_end) {
  // A power cut must not take the log back below the note: the topic's new messages would lie before its deletion.
  if (!wait_durable(log_end))
    return Error{Errc::unavailable, "deleting a topic waits for the log, which is not synced"};
  if (ledger_whole_ || ledger_.wants_rewrite()) return checkpoint_locked(Extent::due);
  LedgerFrame frame(mark_, LedgerFrame::Kind::changes);
  frame.add_deleted(topic, log_end);
  return ledger_.append(std::move(frame));
}

}  // namespace gantry::storage_mmap
