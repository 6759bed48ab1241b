#pragma once
// The root folder of a store: who may open it, whether it was closed in order, and the small files in it that say how
// far the data reaches.
//
//   lock                 held by fcntl while a process has the store open; RocketMQ takes the same lock
//   abort                exists while the store is open, holds the process id
//   checkpoint           RocketMQ's timestamps of what is durable
//   gantry/dispatch      ours: up to which log offset all queue entries are durable
//   gantry/deleted-topics  ours: topics that were deleted, and the log's end at that time
//   config/              the host's blobs (see blobs.hpp)

#include "plugins/storage-mmap/disk.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::storage_mmap {

/// RocketMQ's checkpoint file: 4096 bytes, five big-endian integers.
struct Checkpoint {
  std::int64_t log_ms = 0;                 ///< store time up to which the log is durable
  std::int64_t queues_ms = 0;              ///< the same for queue entries
  std::int64_t index_ms = 0;               ///< the same for index files; kept as found
  std::int64_t master_flushed_offset = 0;  ///< kept as found
  std::int64_t confirm_offset = 0;
};

/// All queue entries of records that end at or below `end` are durable, and so is the log up to there.
struct DispatchMark {
  std::int64_t end = 0;
  std::int64_t last_record = -1;  ///< where the record begins that ends there; -1 in an empty log
  bool clean = false;             ///< written by an orderly stop: the log ended here
};

class StoreRoot {
 public:
  StoreRoot(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)), ours_(path_ + "/gantry") {}
  StoreRoot(const StoreRoot&) = delete;
  StoreRoot& operator=(const StoreRoot&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Where damaged parts of the log are put aside.
  [[nodiscard]] std::string damaged_folder() const { return ours_ + "/damaged"; }

  /// Makes the folder if needed and takes the lock, before anything else is touched. Errc::busy names the holder.
  Status lock();
  /// Refuses directories of store types that this one does not read.
  Status check_layout();
  void unlock() { lock_.close(); }

  [[nodiscard]] bool was_closed_in_order() { return !disk_.exists(path_ + "/abort"); }
  Status mark_open();
  Status mark_closed();

  Result<Checkpoint> load_checkpoint();
  Status save_checkpoint(const Checkpoint& checkpoint);

  /// Nothing when there is none or none that is whole.
  Result<std::optional<DispatchMark>> load_mark();
  Status save_mark(const DispatchMark& mark);

  using DeletedTopics = std::map<std::string, std::int64_t, std::less<>>;
  Result<DeletedTopics> load_deleted_topics();
  Status save_deleted_topics(const DeletedTopics& topics);

 private:
  Disk& disk_;
  const std::string path_;
  const std::string ours_;
  File lock_;
  File checkpoint_;
  File mark_;
  std::uint64_t mark_sequence_ = 0;
};

}  // namespace gantry::storage_mmap
