#pragma once
// A copy of a store that a broker may be writing to meanwhile, consistent without its help.
//
// The order makes it so: what says how far something is comes before what it speaks about, and what names something
// comes after it.
//   1. consumer offsets and the like: never beyond what is copied later
//   2. checkpoint, ledger and marks: never beyond the queue files
//   3. queue files, index files: never beyond the log
//   4. the log, up to the end of a whole record that is found now; the rest of that file is left empty
//   5. topics and groups: no message in the log lacks its topic
//   6. the marker of a crash: the first start on the copy recovers, and drops what was being written while it was read

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/store_tools.hpp"

namespace gantry::storage_mmap::tools {

/// Ends with a quick check of the copy, whose findings are told.
Status copy_store(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                  sdk::StoreReport& report);

}  // namespace gantry::storage_mmap::tools
