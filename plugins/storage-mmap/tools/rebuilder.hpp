#pragma once
// Makes the files that follow from the log anew: moves them aside and lets the store's own recovery write them again.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/store_tools.hpp"

namespace gantry::storage_mmap::tools {

/// Options GANTRY_TOOLS_QUEUES, _INDEX, _DISCARD; `topic` limits queues to one topic. Errc::busy names who has the
/// store open. Checks the queues and the index when it is done.
Status rebuild_store(Disk& disk, const StoreOptions& options, const Surroundings& surroundings,
                     const sdk::StoreQuestion& question, sdk::StoreReport& report);

}  // namespace gantry::storage_mmap::tools
