#pragma once
// Readers of Gantry's own small files that share no code with the store that writes them: gantry/queues (the ledger),
// gantry/index (how far the index is whole), gantry/dispatch and gantry/deleted-topics of earlier versions.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/tools/store_files.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::storage_mmap::tools {

/// What the ledger says about a queue.
struct LedgerQueue {
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::int64_t first_record = -1;
  std::int64_t log_end = -1;
};

struct Ledger {
  DurableMark mark;
  std::int64_t log_begin = 0;
  struct Topic {
    std::int64_t deleted_at = -1;
    std::map<std::int32_t, LedgerQueue> queues;
  };
  std::map<std::string, Topic, std::less<>> topics;
  std::int64_t bytes = 0;          ///< that make sense
  std::int64_t bytes_ignored = 0;  ///< behind the last good frame
  std::string reason;              ///< why they are ignored
};

/// Nothing when there is no such file, or no good frame in it (then `why` says what is wrong).
Result<std::optional<Ledger>> read_ledger(Disk& disk, const std::string& root, std::string& why);
/// The same from the file's content.
std::optional<Ledger> parse_ledger(std::string_view content, std::string& why);

/// gantry/dispatch. Nothing when there is none or no good slot in it (then `why` says so).
Result<std::optional<DurableMark>> read_dispatch_mark(Disk& disk, const std::string& root, std::string& why);

/// gantry/index: two slots of 512 bytes, the newer good one counts.
///   0 8 "GANTRYIM"   8 8 sequence   16 8 written end   24 4 slots   28 4 entries   ...   112 4 CRC-32 of all before
struct IndexMarkSeen {
  std::int64_t written_end = 0;  ///< keys of records that end at or below it are in the files
  std::int64_t slots = 0;        ///< of every file of the directory
  std::int64_t entries = 0;
};
/// Nothing when there is none or no good slot in it (then `why` says so).
Result<std::optional<IndexMarkSeen>> read_index_mark(Disk& disk, const std::string& root, std::string& why);

/// gantry/deleted-topics; empty when there is none.
Result<std::map<std::string, std::int64_t, std::less<>>> read_deleted_topics(Disk& disk, const std::string& root);

}  // namespace gantry::storage_mmap::tools
