#pragma once
// Consume-queue files: consumequeue/<topic>/<queue id>/<first byte, 20 digits>, each of the same size, entries of 20
// bytes, zero where nothing was written. Files are opened on demand and kept open in a bounded cache; none is mapped,
// so that fifty thousand queues cost fifty thousand directories and nothing else.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/message_queue.hpp"
#include "plugins/storage-mmap/queue_ledger.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace gantry::storage_mmap {

class QueueFiles {
 public:
  QueueFiles(Disk& disk, const StoreOptions& options);
  QueueFiles(const QueueFiles&) = delete;
  QueueFiles& operator=(const QueueFiles&) = delete;

  struct Name {
    std::string topic;
    std::int32_t id = 0;
  };
  /// [control] All queues on the disk. Refuses a folder that holds something else (RocksDB), naming the file.
  Result<std::vector<Name>> list();
  /// [control] Finds the queue's extent: entries up to the first that was not written or whose record begins at or
  /// behind `log_limit`. Removes files behind it and clears what follows it in its file, so that nothing stale is left.
  Result<QueueExtent> load(const MessageQueue& queue, std::int64_t log_begin, std::int64_t log_limit);

  /// [control] Removes the folder of a topic that has no queues, if there is one.
  Status remove_leftovers(const std::string& topic);
  /// [control] Nothing follows the entry before `max` afterwards: a cut of the log must not leave entries behind.
  Status clear_behind(const MessageQueue& queue, std::int64_t max);

  // ---- who holds the store's files lock ----

  /// Writes entries from `first_offset` on. Makes folders and files as needed, and pre-blank entries before the first
  /// of a file, unless the queue is under repair.
  Status write(const MessageQueue& queue, std::int64_t first_offset, std::span<const protocol::QueueEntry> entries);
  /// Offsets that no message has: pre-blank entries, up to `end_offset`.
  Status write_blanks(const MessageQueue& queue, std::int64_t first_offset, std::int64_t end_offset);
  /// The offset that the file of `offset` begins with.
  [[nodiscard]] std::int64_t file_begin(std::int64_t offset) const noexcept { return offset - offset % file_entries_; }
  /// Everything written before is on the disk afterwards.
  Status sync();
  /// Closes the queue's files.
  void forget(const MessageQueue& queue) { forget(queue.number()); }
  /// Removes the queue's, or the whole topic's, folder.
  Status remove(const MessageQueue& queue);
  Status remove_topic(const std::string& topic);
  /// Removes files whose entries are all before `min`, but never the newest file.
  Status remove_before(const MessageQueue& queue, std::int64_t min);
  struct Finding {
    std::string wrong;    ///< why the queue's files cannot be believed; empty: they can
    std::string foreign;  ///< a file that does not belong there, and does no harm; empty: none
  };
  /// Looks whether the files hold [min, written), and nothing behind max, as far as their names, sizes, first and last
  /// entries tell.
  Result<Finding> check(const MessageQueue& queue, const QueueExtent& extent);
  /// Moves the folder of a queue that is none to `folder`, under the queue's name.
  Status put_aside(const Name& queue, const std::string& folder);

  /// [any-thread] Reads entries from `offset` on, up to the end of a file; the count. Errc::would_block when that needs
  /// the disk and `may_block` is not set.
  Result<std::size_t> read(const MessageQueue& queue, std::int64_t offset, std::span<protocol::QueueEntry> to,
                           bool may_block);

 private:
  struct OpenFile {
    File file;
    bool is_dirty = false;  // [store thread]
  };
  struct Key {
    std::uint64_t queue = 0;
    std::int64_t index = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return static_cast<std::size_t>(key.queue * 0x9E3779B97F4A7C15ull + static_cast<std::uint64_t>(key.index));
    }
  };
  using Handle = std::shared_ptr<OpenFile>;
  using Recent = std::list<std::pair<Key, Handle>>;

  [[nodiscard]] std::string folder_of(const std::string& topic) const { return root_ + "/" + topic; }
  [[nodiscard]] std::string folder_of(const MessageQueue& queue) const;
  [[nodiscard]] std::string path_of(const MessageQueue& queue, std::int64_t index) const;
  Handle cached(const Key& key);
  Handle remember(const Key& key, File file);
  void forget(std::uint64_t queue);
  Result<Handle> open_for_write(const MessageQueue& queue, std::int64_t index, std::int64_t first_slot);
  Result<File> make_file(const MessageQueue& queue, const std::string& path, std::int64_t first_slot);
  Status fill_slots(const File& file, std::int64_t first_slot, std::int64_t end_slot);
  /// Makes everything from the slot on read as zero.
  Status clear_slots(const File& file, std::int64_t first_slot);
  Result<protocol::QueueEntry> entry_at(const File& file, std::int64_t slot);

  Disk& disk_;
  const StoreOptions& options_;
  const std::string root_;
  const std::int64_t file_entries_;

  std::mutex cache_mutex_;  // guards the two below
  Recent recent_;           // newest use first; at most open_files_max
  std::unordered_map<Key, Recent::iterator, KeyHash> by_key_;

  // [store thread]
  std::vector<Handle> dirty_;
  std::set<std::string> dirty_folders_;
  bool too_many_dirty_ = false;  // then one sync of the file system is cheaper than one per file
};

}  // namespace gantry::storage_mmap
