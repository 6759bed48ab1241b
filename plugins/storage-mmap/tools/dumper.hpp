#pragma once
// Hands out records of the log that fit a question.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/store_tools.hpp"

namespace gantry::storage_mmap::tools {

/// Topic and queue id together are read through the queue, without going through the rest of the log; everything else
/// reads the log, leaving out files that are too old for time_begin.
Status dump_records(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                    sdk::StoreReport& report);

}  // namespace gantry::storage_mmap::tools
