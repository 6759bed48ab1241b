#pragma once
// gantry.store/1 on RocketMQ's files: the commit log in mapped files, consume queues, checkpoint, lock and abort as
// RocketMQ 5.3 keeps them. What is only ours lies in the folder gantry/ below the root.
//
// Threads of its own:  g-flush   syncs the log: one sync at a time, for all who wait (want_durable);
//                      g-store   makes checkpoints: queue entries to their files, what changed to the ledger;
//                      g-space   makes disk space and pages ready in front of the log, unmaps what has become old;
//                      g-upkeep  checks and repairs queue files, removes what has expired;
//                      g-index   writes the index of keys (MessageIndex).
// All of them sleep while there is nothing to do.
//
// Locks, in the order in which they may nest: files_mutex_ > append_mutex_ > a queue's own. See docs/threading.md.
// Invariants: (1) the durable end never decreases and is told only after the sync that covers it returned; (2) after a
// failed sync it never moves again and nothing is appended; (3) queue files, ledger and index know only of records
// below the durable end.

#include "plugins/storage-mmap/blobs.hpp"
#include "plugins/storage-mmap/cold_cache.hpp"
#include "plugins/storage-mmap/commit_log.hpp"
#include "plugins/storage-mmap/log_reader.hpp"
#include "plugins/storage-mmap/message_index.hpp"
#include "plugins/storage-mmap/message_queue.hpp"
#include "plugins/storage-mmap/queue_care.hpp"
#include "plugins/storage-mmap/queue_files.hpp"
#include "plugins/storage-mmap/queue_ledger.hpp"
#include "plugins/storage-mmap/queue_table.hpp"
#include "plugins/storage-mmap/recovery.hpp"
#include "plugins/storage-mmap/store_options.hpp"
#include "plugins/storage-mmap/store_root.hpp"
#include "plugins/storage-mmap/wakeup.hpp"

#include "gantry/sdk/store.hpp"
#include "protocol/queue_entry.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gantry::storage_mmap {

/// What the store counts, for metrics.
struct StoreFigures {
  std::int64_t log_bytes = 0;
  std::int64_t unsynced_bytes = 0;
  std::int64_t behind_checkpoint_bytes = 0;
  std::int64_t pending_queue_entries = 0;
  std::int64_t index_behind_bytes = 0;
  std::uint64_t syncs = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t files_expired = 0;
  std::uint64_t queues_repaired = 0;
  std::uint64_t cold_parts_read = 0;
  bool failed = false;
  bool full = false;
};

/// Life: constructed -> listen -> start -> (running) -> quiesce -> stop -> destroyed. A destructor without stop()
/// leaves the files as a crash would.
class MmapStore final : public sdk::Store {
 public:
  /// `disk` outlives the store; null: the system's.
  MmapStore(StoreOptions options, Surroundings surroundings, Disk* disk = nullptr);
  ~MmapStore() override;
  MmapStore(const MmapStore&) = delete;
  MmapStore& operator=(const MmapStore&) = delete;

  /// [control] Takes the lock, recovers, starts the threads. On failure nothing runs and the lock is free.
  Status start();
  /// [control] Refuses appends from now on.
  void quiesce();
  /// [control] Ends the threads, writes and syncs everything, removes the crash marker. Nobody is inside the store.
  Status stop();
  /// What the last start() found.
  [[nodiscard]] const RecoveryOutcome& recovered() const noexcept { return recovered_; }

  void listen(const gantry_store_listener& listener) override;
  Result<gantry_queue*> open_queue(std::string_view topic, std::int32_t queue_id) override;
  Bounds bounds(gantry_queue* queue) override;
  void append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) override;
  void want_durable(std::int64_t log_offset) override;
  Status read(const gantry_read_request& request, gantry_read_result& result) override;
  Status read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) override;
  void release(gantry_read_owner* owner) override;
  Result<gantry_queue_entry> entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) override;
  Result<std::int64_t> search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                   std::uint32_t options) override;
  gantry_store_positions positions() override;
  Status delete_topic(std::string_view topic) override;
  Status save_blob(std::string_view name, std::string_view content) override;
  Result<std::string> load_blob(std::string_view name, sdk::BlobVersion version) override;
  Status query(const gantry_query_request& request, gantry_query_result& result) override;
  Status delay_levels(std::span<const std::int64_t> ms) override;

  /// For metrics. [any-thread]
  [[nodiscard]] StoreFigures figures() const;

 private:
  struct Prepared;
  class Owner;
  class Reader;

  // ---- append ----
  gantry_status prepare(const gantry_append_item& item, Prepared& out) const;
  gantry_status place_group(std::span<const Prepared> group, std::int64_t& log_offset);
  static void prepare_keys(Prepared& prepared, std::vector<std::int32_t>& keys);
  void append_prepared(const Prepared& prepared, std::span<const std::int32_t> keys, std::int64_t log_offset,
                       gantry_append_result& result);
  void list_dirty(MessageQueue& queue);
  std::int64_t now() const;

  // ---- read ----
  [[nodiscard]] static MessageQueue* queue_of(gantry_queue* queue) { return reinterpret_cast<MessageQueue*>(queue); }
  /// Entries from `offset` on, from memory or files; at least one unless the queue ends there.
  Result<std::size_t> locate(MessageQueue& queue, std::int64_t offset, std::span<protocol::QueueEntry> to,
                             bool may_block);
  /// The first offset in [from, to) that has a message, past those that have none, with its entry; `to` when there is
  /// none, -1 when the topic was deleted or the offset expired meanwhile. Errors as locate().
  Result<std::int64_t> locate_first(MessageQueue& queue, std::int64_t from, std::int64_t to, bool may_block,
                                    protocol::QueueEntry& entry);
  /// The record that the entry points to, checked. Errc::would_block; busy when the queue turns out to be damaged;
  /// not_found when its file was removed.
  Result<LogBytes> record_of(MessageQueue& queue, std::int64_t offset, const protocol::QueueEntry& entry,
                             LogReader& reader, std::int64_t likely_end);
  /// The record that begins there, with everything about it checked. Errc::not_found.
  Result<LogBytes> record_at(std::int64_t log_offset, LogReader& reader, protocol::RecordView& view);
  Result<std::int64_t> store_ms_of(MessageQueue& queue, std::int64_t offset, const protocol::QueueEntry& entry,
                                   LogReader& reader);
  [[nodiscard]] Error being_rebuilt(const MessageQueue& queue) const;
  Owner* take_owner();

  // ---- start ----
  Status begin();
  Status start_index();
  /// For the index: goes over the durable part of the log. [index thread]
  Result<std::int64_t> scan_durable(std::int64_t from, const std::function<bool(const protocol::RecordView&)>& visit);
  void update_space();

  // ---- g-flush ----
  void flush_loop();
  bool flush_once();
  bool wait_durable(std::int64_t log_offset);

  // ---- g-store ----
  enum class Extent : std::uint8_t { due, everything };
  void store_loop();
  /// Makes all that was appended so far durable, and notes it. `everything`: queue files hold all entries afterwards.
  Status checkpoint(Extent extent);
  /// The same under the files lock.
  Status checkpoint_locked(Extent extent);
  Status write_queues(const LedgerMark& mark, Extent extent, std::int64_t& oldest_unwritten);
  Status write_queue(MessageQueue& queue, std::int64_t log_limit);
  Status write_checkpoint_file(std::int64_t end, std::int64_t store_ms, std::int64_t oldest_unwritten);
  Status note_deletion(std::string_view topic, std::int64_t log_end);
  [[nodiscard]] std::int64_t crowded_at() const;

  // ---- g-space ----
  void space_loop();

  // ---- g-upkeep ----
  void upkeep_loop();
  Status retain();
  /// Moves the queues' minima to the first record at or behind log_begin.
  Status expire_queues(std::int64_t log_begin);
  Status expire_queue(MessageQueue& queue, std::int64_t log_begin);
  Result<std::int64_t> first_store_ms(std::int64_t base);

  void fail(const Error& reason);
  void stop_threads();
  void log(std::uint32_t level, std::string_view event, const std::string& text) const;

  StoreOptions options_;  // constant from start() on
  const Surroundings surroundings_;
  Disk own_disk_;
  Disk& disk_;
  gantry_store_listener listener_{};
  StoreRoot root_;
  CommitLog log_;
  ColdCache cold_;
  QueueFiles files_;
  QueueTable queues_;
  QueueLedger ledger_;
  Blobs blobs_;
  MessageIndex index_;
  QueueCare care_;
  RecoveryOutcome recovered_;
  bool running_ = false;    // [control]
  bool has_index_ = false;  // not changed once the threads run

  std::atomic<bool> accepting_{false};  // written under the append lock
  std::mutex append_mutex_;             // guards the next four and the appender's side of log_
  bool flush_is_idle_ = false;
  bool store_is_idle_ = false;
  std::int64_t last_store_ms_ = 0;
  std::int64_t last_record_ = -1;
  std::atomic<std::int64_t> first_store_ms_{-1};

  std::atomic<std::int64_t> pending_entries_{0};
  std::atomic<std::int64_t> crowded_at_;  // pending_entries_ from which a checkpoint does not wait for its time
  std::atomic<MessageQueue*> dirty_queues_{nullptr};
  std::atomic<std::int64_t> dirty_count_{0};
  std::atomic<bool> queues_full_{false};  // no disk space for queue entries
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> disk_total_{0};
  std::atomic<std::int64_t> disk_free_{0};
  std::atomic<std::uint64_t> syncs_{0};
  std::atomic<std::uint64_t> checkpoints_{0};
  std::atomic<std::uint64_t> files_expired_{0};

  std::mutex files_mutex_;  // guards the next seven and files_, ledger_: queue files and what is noted about them
  DeletedTopics deleted_topics_;
  DeletedTopics unfinished_deletions_;  // of them, those whose note or removal failed so far
  LedgerMark mark_;                     // of the last checkpoint
  bool ledger_whole_ = true;            // the next frame has to be a whole one
  Checkpoint checkpoint_;
  std::int64_t aged_end_ = 0;  // log end at aged_at_: entries of older records are due to be written
  Wakeup::Clock::time_point aged_at_{};
  std::atomic<std::int64_t> checkpoint_end_{0};

  Wakeup flush_wakeup_;
  std::atomic<std::int64_t> wanted_{0};
  std::mutex durable_mutex_;
  std::condition_variable durable_moved_;
  Wakeup store_wakeup_;
  Wakeup space_wakeup_;
  Wakeup upkeep_wakeup_;
  std::thread flush_thread_;
  std::thread store_thread_;
  std::thread space_thread_;
  std::thread upkeep_thread_;

  std::mutex owners_mutex_;  // guards the pool
  std::vector<std::unique_ptr<Owner>> owners_;
};

}  // namespace gantry::storage_mmap
