#pragma once
// Brings a store's folder to a state from which it can be served: finds where the log ends, cuts off what a crash tore,
// and makes the queues agree with the log.
//
// From where the log is read: from our mark (gantry/dispatch) if it fits the log; else as RocketMQ does it, from the
// file that the checkpoint (after a crash) or the queues (after an orderly stop) name; else from the beginning. Queue
// entries of records behind that point are dropped after a crash and made again from the log. A queue that turns out to
// lack entries is rebuilt from the whole log.

#include "plugins/storage-mmap/commit_log.hpp"
#include "plugins/storage-mmap/queue_files.hpp"
#include "plugins/storage-mmap/queue_table.hpp"
#include "plugins/storage-mmap/store_root.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::storage_mmap {

struct RecoveryOutcome {
  std::int64_t log_end = 0;
  std::int64_t last_record = -1;
  std::int64_t last_store_ms = 0;
  std::int64_t oldest_store_ms = -1;
  std::int64_t records_read = 0;
  std::int64_t bytes_cut = 0;
  Checkpoint checkpoint;
  StoreRoot::DeletedTopics deleted_topics;
};

/// [control][before the threads start] One use.
class Recovery {
 public:
  struct Parts {
    Disk& disk;
    StoreRoot& root;
    CommitLog& log;
    QueueFiles& files;
    QueueTable& queues;
    const StoreOptions& options;
    const Surroundings& surroundings;
  };

  explicit Recovery(const Parts& parts) : parts_(parts) {}
  Result<RecoveryOutcome> run();

 private:
  Status load_queues(std::int64_t log_limit);
  Status check_queue_tails();
  Result<std::int64_t> choose_start();
  std::int64_t start_after_crash() const;
  std::int64_t start_after_order() const;
  Status scan(std::int64_t from, bool only_damaged);
  Status dispatch(const protocol::RecordView& record, std::int64_t position, bool from_beginning, bool only_damaged);
  Status forget_entries(MessageQueue& queue);
  Status rebuild_damaged();
  Status cut_queues();
  /// What is not zero behind the end of the log, up to the last such byte.
  Result<std::vector<std::byte>> read_garbage(const Segment& segment, std::int64_t from);
  Status report_cut(const std::string& reason);
  Status write_pending();
  void progress(std::int64_t position, std::int64_t from);
  void log(std::uint32_t level, std::string_view event, const std::string& text) const;

  const Parts parts_;
  RecoveryOutcome out_;
  std::optional<DispatchMark> mark_;
  bool closed_in_order_ = true;
  bool mark_fits_ = false;
  bool clear_tail_ = false;
  std::string end_reason_;
  std::set<MessageQueue*> damaged_;
  std::set<MessageQueue*> pending_;
  std::int64_t pending_count_ = 0;
  std::int64_t next_progress_ns_ = 0;
};

}  // namespace gantry::storage_mmap
