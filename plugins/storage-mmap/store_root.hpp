#pragma once
// The root folder of a store: who may open it, whether it was closed in order, and the small files in it that say how
// far the data reaches.
//
//   lock                 held by fcntl while a process has the store open; RocketMQ takes the same lock
//   abort                exists while the store is open, holds the process id
//   checkpoint           RocketMQ's timestamps of what is durable
//   gantry/              what is only ours: queues (queue_ledger.hpp), index (index_mark.hpp), damaged/
//   config/              the host's blobs (see blobs.hpp)

#include "plugins/storage-mmap/disk.hpp"

#include <cstdint>
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

class StoreRoot {
 public:
  StoreRoot(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)), ours_(path_ + "/gantry") {}
  StoreRoot(const StoreRoot&) = delete;
  StoreRoot& operator=(const StoreRoot&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Where what is only ours lies.
  [[nodiscard]] const std::string& ours() const noexcept { return ours_; }
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

 private:
  Result<File> open_own(const std::string& path);

  Disk& disk_;
  const std::string path_;
  const std::string ours_;
  File lock_;
  File checkpoint_;
};

}  // namespace gantry::storage_mmap
