#pragma once
// Consume-queue files, read from outside: their structure, and single entries of them.

#include "plugins/storage-mmap/tools/reporter.hpp"
#include "plugins/storage-mmap/tools/store_files.hpp"

#include "protocol/queue_entry.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::storage_mmap::tools {

/// What a queue's files hold, and how far a check of it is. A value.
struct QueueState {
  std::string topic{};
  std::int32_t id = 0;
  std::int64_t first = 0;      ///< offset of the first file's first entry
  std::int64_t max = 0;        ///< one behind the last entry that points below the log's end
  std::int64_t live_min = -1;  ///< the first entry that points into the log; -1: none does
  std::int64_t live_log = -1;  ///< where it points
  std::int64_t live = 0;       ///< such entries
  std::int64_t last_log_end = -1;
  bool has_folder = false;
  bool has_damage = false;  ///< something was told about it

  // Filled by the walk over the log.
  std::int64_t confirmed = 0;   ///< records whose entry is right
  std::int64_t superseded = 0;  ///< records whose place in the queue belongs to a newer one
  struct Lack {
    std::int64_t count = 0;
    std::int64_t first_offset = -1;
    std::int64_t last_offset = -1;
    std::int64_t first_record = -1;
  };
  Lack missing{};  ///< records whose entry should be there
  Lack pending{};  ///< records whose entry may come later

  // A window of entries, for cursors that move forward.
  std::vector<std::byte> window{};
  std::int64_t window_first = 0;
  std::int64_t window_count = 0;
};

struct QueueScanContext {
  Disk& disk;
  const StoreFiles& files;
  Reporter& reporter;
  std::int64_t log_begin = 0;
  std::int64_t log_end = 0;  ///< entries that point at or behind it are not looked at on a running store
};

/// Reads the structure of a queue's files: names, sizes, contiguity, order of the entries, what lies behind the last.
/// Holes of the files cost nothing.
Result<QueueState> scan_queue(const QueueScanContext& context, const QueueName& name);

/// The entry at `offset`, through a window of `window_entries`. One that no file holds reads as zero.
Result<protocol::QueueEntry> queue_entry_at(Disk& disk, const StoreFiles& files, QueueState& queue, std::int64_t offset,
                                            std::size_t window_entries);

/// File and byte of an entry, for findings.
std::string queue_file_of(const StoreFiles& files, const std::string& topic, std::int32_t id, std::int64_t offset);
std::int64_t queue_position_of(const StoreFiles& files, std::int64_t offset);

}  // namespace gantry::storage_mmap::tools
