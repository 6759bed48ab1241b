#pragma once
// Verifies every file of a store: each record, each queue entry, each index entry, and that they agree.
//
//   1. the end of the log is found; nothing behind it is looked at when the store is running
//   2. the structure of every queue's files is read: which offsets have entries
//   3. the log is read once, from begin to end; for each record the entry in its queue and the entries of its keys are
//      compared, with a cursor per queue and one for the index
//   4. queues of which not every entry was confirmed in 3 are looked at entry by entry
//
// Memory: one window of entries per queue, 64 MiB in all but at least 16 entries each, and one index file's slots.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/store_tools.hpp"

namespace gantry::storage_mmap::tools {

/// GANTRY_TOOLS_QUICK: only the last file of the log, the newest and the oldest entry of each queue, and headers of
/// index files, besides the small files.
Status check_store(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                   sdk::StoreReport& report);

}  // namespace gantry::storage_mmap::tools
