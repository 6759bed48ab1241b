#pragma once
// What Gantry's own small files say: gantry/queues (the ledger) and gantry/index (how far the index is whole).

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/tools/store_files.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace gantry::storage_mmap::tools {

/// Fills in what the ledger says: the mark, the deleted topics, up to where each queue's files hold its entries, and
/// how much of the file could not be read. `why` is not empty when there is such a file and no good frame in it.
Status read_ledger(Disk& disk, StoreFiles& files, std::string& why);

/// gantry/index: two slots of 512 bytes, the newer good one counts.
///   0 8 "GANTRYIM"   8 8 sequence   16 8 written end   24 4 slots   28 4 entries   ...   112 4 CRC-32 of all before
struct IndexMarkSeen {
  std::int64_t written_end = 0;  ///< keys of records that end at or below it are in the files
  std::int64_t slots = 0;        ///< of every file of the directory
  std::int64_t entries = 0;
};
/// Nothing when there is none or no good slot in it (then `why` says so).
Result<std::optional<IndexMarkSeen>> read_index_mark(Disk& disk, const std::string& root, std::string& why);

}  // namespace gantry::storage_mmap::tools
