#pragma once
// Brings a store's folder to a state from which it can be served: finds where the log ends, cuts off what a crash tore,
// and makes the queues agree with the log.
//
// With a ledger of ours (queue_ledger.hpp) that fits the log, the queues are what it says, and only the log behind its
// mark is read: a start costs the same however long the log and however many the queues are. No queue file is looked
// at; QueueCare does that later, beside the running store.
//
// The ledger is not believed when another broker used the directory since: RocketMQ leaves another confirm offset in
// the checkpoint file than we do.
//
// Without one (a directory of RocketMQ's, or damage) the queues' files say what they hold, and the log is read from
// where RocketMQ would begin: the file that the checkpoint (after a crash) or the queues (after an orderly stop) name.
// Queue entries behind that point are dropped after a crash and made again. A queue that turns out to lack entries is
// rebuilt from the whole log.

#include "plugins/storage-mmap/commit_log.hpp"
#include "plugins/storage-mmap/log_scanner.hpp"
#include "plugins/storage-mmap/queue_files.hpp"
#include "plugins/storage-mmap/queue_ledger.hpp"
#include "plugins/storage-mmap/queue_table.hpp"
#include "plugins/storage-mmap/store_root.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::storage_mmap {

/// Topics that were deleted, and the log's end at that time: older records of theirs are in no queue.
using DeletedTopics = std::map<std::string, std::int64_t, std::less<>>;

struct RecoveryOutcome {
  std::int64_t log_end = 0;
  std::int64_t last_record = -1;
  std::int64_t last_store_ms = 0;
  std::int64_t oldest_store_ms = -1;
  std::int64_t records_read = 0;
  std::int64_t bytes_cut = 0;
  std::int64_t pending_entries = 0;  ///< queue entries that are in memory only
  bool closed_in_order = true;
  bool from_ledger = false;      ///< else the ledger has to be written anew
  bool ledger_is_stale = false;  ///< true, but it has to be written anew all the same
  LedgerMark mark;               ///< what the ledger on the disk says, if from_ledger
  Checkpoint checkpoint;
  DeletedTopics deleted_topics;
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
    QueueLedger& ledger;
    const StoreOptions& options;
    const Surroundings& surroundings;
  };

  explicit Recovery(const Parts& parts) : parts_(parts), scanner_(parts.log, parts.disk, LogScanner::Cache::keep) {}
  Result<RecoveryOutcome> run();

 private:
  Status read_ledger();
  struct Doubt {
    std::string why;                 ///< for a person; empty: the ledger can be believed
    bool is_another_broker = false;  ///< somebody else used the directory since
  };
  /// What is wrong with believing the ledger. Errc::corrupt when log files are missing that it knows of.
  Result<Doubt> doubt(const QueueLedger::Image& image);
  Status restore_queues(const QueueLedger::Image& image);
  Status load_queues(std::int64_t log_limit);
  Status check_queue_tails();
  Result<std::int64_t> choose_start();
  Result<std::int64_t> start_after_crash();
  Result<std::int64_t> start_after_order();
  Status scan(std::int64_t from, bool only_damaged);
  Status dispatch(const protocol::RecordView& record, std::int64_t position, bool from_beginning, bool only_damaged);
  Status forget_entries(MessageQueue& queue);
  Status rebuild_damaged();
  Status cut_queues();
  Status report_cut();
  /// The size of what is not zero behind the end of the log, up to the last such byte; written to `copy` if it is open.
  Result<std::int64_t> measure_garbage(const Segment& segment, std::int64_t from, const File* copy);
  /// The first whole record in that range; -1 when there is none.
  Result<std::int64_t> find_whole_record(std::int64_t from, std::int64_t end);
  Status find_store_times();
  Status write_pending(std::int64_t synced_end);
  void progress(std::int64_t position, std::int64_t from);
  void log(std::uint32_t level, std::string_view event, const std::string& text) const;

  const Parts parts_;
  LogScanner scanner_;
  RecoveryOutcome out_;
  bool clear_tail_ = false;
  std::int64_t start_ = 0;
  std::int64_t dispatch_from_ = 0;  // older records have their entries, or are not to have any
  std::string end_reason_;
  std::set<MessageQueue*> damaged_;
  std::set<MessageQueue*> pending_;
  std::int64_t pending_count_ = 0;
  std::int64_t next_progress_ns_ = 0;
};

}  // namespace gantry::storage_mmap
