#pragma once
// Says what bytes of a store are, and what refers to them.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/store_tools.hpp"

namespace gantry::storage_mmap::tools {

/// A range of the log, or a byte of a file of the log, of a queue or of the index. At most count_max records, ten
/// without one.
Status locate_bytes(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                    sdk::StoreReport& report);

}  // namespace gantry::storage_mmap::tools
