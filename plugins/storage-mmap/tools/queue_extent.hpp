#pragma once
// What a queue's files hold, found by halving: for tools that do not verify.

#include "plugins/storage-mmap/tools/store_files.hpp"

#include <cstdint>

namespace gantry::storage_mmap::tools {

struct FoundExtent {
  std::int64_t min = 0;       ///< the first entry that points into the log
  std::int64_t max = 0;       ///< one behind the last
  std::int64_t log_end = -1;  ///< end of the last entry's record
  std::int64_t files = 0;
};

/// Believes that entries ascend, and that what was not written is zero. Entries that point at or behind `log_limit` do
/// not count. A few dozen reads.
Result<FoundExtent> queue_extent(Disk& disk, const StoreFiles& files, const QueueName& name, std::int64_t log_limit);

}  // namespace gantry::storage_mmap::tools
