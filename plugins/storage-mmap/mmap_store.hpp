#pragma once
// gantry.store/1 on RocketMQ's files: the commit log in mapped files, consume queues, checkpoint, lock and abort as
// RocketMQ 5.3 keeps them. What is only ours lies in the folder gantry/ below the root.
//
// Threads of its own:  g-flush  syncs the log: one sync at a time, for all who wait (want_durable);
//                      g-store  writes queue entries to their files in batches, syncs them, writes the checkpoint;
//                      g-space  makes disk space and pages ready in front of the log, advises cold pages away.
// All three sleep while there is nothing to do.
//
// Locks, in the order in which they may nest: files_mutex_ > append_mutex_ > a queue's own. See docs/threading.md.
// Invariants: (1) the durable end never decreases and is told only after the sync that covers it returned; (2) after a
// failed sync it never moves again and nothing is appended; (3) the dispatch mark never passes the durable end nor an
// entry that is not synced.

#include "plugins/storage-mmap/blobs.hpp"
#include "plugins/storage-mmap/commit_log.hpp"
#include "plugins/storage-mmap/message_queue.hpp"
#include "plugins/storage-mmap/queue_files.hpp"
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

 private:
  struct Prepared;
  class Owner;
  class Reader;

  // ---- append ----
  gantry_status prepare(const gantry_append_item& item, Prepared& out) const;
  gantry_status place_group(std::span<const Prepared> group, std::int64_t& log_offset);
  void append_prepared(const Prepared& prepared, std::int64_t log_offset, gantry_append_result& result);
  void list_dirty(MessageQueue& queue);
  std::int64_t now() const;

  // ---- read ----
  [[nodiscard]] static MessageQueue* queue_of(gantry_queue* queue) { return reinterpret_cast<MessageQueue*>(queue); }
  /// Entries from `offset` on, from memory or files; at least one unless the queue ends there.
  Result<std::size_t> locate(const MessageQueue& queue, std::int64_t offset, std::span<protocol::QueueEntry> to,
                             bool may_block);
  /// The record that the entry points to, checked and in memory. Errc::would_block, corrupt.
  Result<protocol::RecordView> record_of(const MessageQueue& queue, const protocol::QueueEntry& entry, bool may_block);
  /// The store time of a record that record_of() accepted.
  [[nodiscard]] std::int64_t store_ms_of(const protocol::QueueEntry& entry) const;
  /// Whether a record can be taken for being in memory without asking the system.
  [[nodiscard]] bool is_surely_in_memory(std::int64_t log_offset) const noexcept {
    return log_offset >= trusted_from_ && log_.is_hot(log_offset);
  }
  Owner* take_owner();

  // ---- threads ----
  void flush_loop();
  void store_loop();
  void space_loop();
  bool flush_once();
  Status write_dirty_queues();
  Status checkpoint(bool clean);
  bool wait_durable(std::int64_t log_offset);
  void fail(const Error& reason);
  void stop_threads();
  void log(std::uint32_t level, std::string_view event, const std::string& text) const;

  const StoreOptions options_;
  const Surroundings surroundings_;
  Disk own_disk_;
  Disk& disk_;
  gantry_store_listener listener_{};
  StoreRoot root_;
  CommitLog log_;
  QueueFiles files_;
  QueueTable queues_;
  Blobs blobs_;
  RecoveryOutcome recovered_;
  /// Records behind it were encoded by this process and need no checks.
  std::int64_t trusted_from_ = 0;
  bool running_ = false;  // [control]

  std::atomic<bool> accepting_{false};  // written under the append lock
  std::mutex append_mutex_;             // guards the next three and the appender's side of log_
  bool flush_is_idle_ = false;
  std::int64_t last_store_ms_ = 0;
  std::int64_t last_record_ = -1;
  std::atomic<std::int64_t> first_store_ms_{-1};

  std::atomic<std::int64_t> pending_entries_{0};
  std::atomic<MessageQueue*> dirty_queues_{nullptr};
  std::atomic<bool> queues_full_{false};  // no disk space for queue entries
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> cold_was_read_{false};
  std::atomic<std::int64_t> disk_total_{0};
  std::atomic<std::int64_t> disk_free_{0};

  std::mutex files_mutex_;  // [store] and [control]: who writes or removes queue files
  StoreRoot::DeletedTopics deleted_topics_;
  Checkpoint checkpoint_;
  std::int64_t checkpoint_end_ = 0;

  Wakeup flush_wakeup_;
  std::atomic<std::int64_t> wanted_{0};
  std::mutex durable_mutex_;
  std::condition_variable durable_moved_;
  Wakeup store_wakeup_;
  Wakeup space_wakeup_;
  std::thread flush_thread_;
  std::thread store_thread_;
  std::thread space_thread_;

  std::mutex owners_mutex_;  // guards the pool
  std::vector<std::unique_ptr<Owner>> owners_;
};

}  // namespace gantry::storage_mmap
