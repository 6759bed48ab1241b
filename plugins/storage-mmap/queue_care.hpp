#pragma once
// Looks after the queues' files while the store serves: checks those that a start took the ledger's word for, and makes
// entries again, from the log, where files are missing, short, stale or damaged. Meanwhile the rest of the store
// serves: a queue under repair takes new messages and hands out those whose entries are in memory; what is in its files
// only is answered as busy until it is whole again.

#include "plugins/storage-mmap/commit_log.hpp"
#include "plugins/storage-mmap/queue_files.hpp"
#include "plugins/storage-mmap/queue_table.hpp"
#include "plugins/storage-mmap/recovery.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace gantry::storage_mmap {

class QueueCare {
 public:
  struct Parts {
    Disk& disk;
    CommitLog& log;
    QueueFiles& files;
    QueueTable& queues;
    std::mutex& files_mutex;  ///< guards `files`
    const Surroundings& surroundings;
    std::string damaged_folder;
    /// The log's end when the topic was deleted last, -1: never. Asked under files_mutex.
    std::function<std::int64_t(std::string_view topic)> deleted_at;
    std::function<bool()> stopping;
    const std::vector<std::int64_t>& delay_levels_ms;
  };

  explicit QueueCare(Parts parts) : parts_(std::move(parts)) {}
  QueueCare(const QueueCare&) = delete;
  QueueCare& operator=(const QueueCare&) = delete;

  /// [any-thread] The queue's files were found wanting: `why` is for people. `repairs` is queue.repairs() from before
  /// they were looked at. True when that is news.
  bool report(MessageQueue& queue, std::uint32_t repairs, std::string_view why);

  /// [upkeep thread] Looks at the files of all queues, reporting what is wrong with them.
  Status check_all();
  /// [upkeep thread] Repairs all queues that were reported, with one pass over the log. Ends early when stopping.
  Status repair_reported();
  [[nodiscard]] bool has_work() const noexcept { return has_work_.load(std::memory_order_relaxed); }
  /// Whether some queue's files are not whole: other brokers must not take the store for one that was closed in order.
  [[nodiscard]] bool is_unfinished() const;
  /// Queues repaired since the start. [any-thread]
  [[nodiscard]] std::uint64_t repaired() const noexcept { return repaired_.load(std::memory_order_relaxed); }

 private:
  struct Patient;
  Status put_strangers_aside();
  Status begin(Patient& patient);
  Status take(Patient& patient, const protocol::RecordView& record, std::int64_t position);
  Status flush(Patient& patient);
  Status finish(Patient& patient);
  void log(std::uint32_t level, std::string_view event, const std::string& text) const;

  const Parts parts_;
  std::mutex mutex_;  // guards reported_
  std::vector<MessageQueue*> reported_;
  std::atomic<bool> has_work_{false};
  std::atomic<std::uint64_t> repaired_{0};
};

}  // namespace gantry::storage_mmap
