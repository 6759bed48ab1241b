#pragma once
// What a store holds, in numbers.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/store_tools.hpp"

#include <cstdint>
#include <string>

namespace gantry::storage_mmap::tools {

/// GANTRY_TOOLS_DEEP: counts messages and bytes of each topic by reading the log; else from the ends of the queues.
Status describe_store(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                      sdk::StoreReport& report);

/// "2026-11-25T18:50:57.123Z"; "-" for a negative time.
[[nodiscard]] std::string time_text(std::int64_t ms);

}  // namespace gantry::storage_mmap::tools
