#pragma once
// Index files of keys, read from outside. Source of the layout: classes IndexFile, IndexHeader.
//
//   header, 40 bytes:  0 8 begin store time   8 8 end store time   16 8 begin log offset   24 8 end log offset
//                     32 4 slots in use      36 4 entry count, which begins at 1
//   slots:    4 bytes each: number of the newest entry of the chain, 0: none
//   entries: 20 bytes each: 0 4 hash   4 8 log offset   12 4 seconds since begin   16 4 number of the one before

#include "plugins/storage-mmap/tools/reporter.hpp"
#include "plugins/storage-mmap/tools/store_files.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::storage_mmap::tools {

struct IndexEntry {
  std::int32_t hash = 0;
  std::int64_t log_offset = 0;
  std::int32_t seconds = 0;
  std::int32_t previous = 0;
};

struct IndexFileState {
  std::string name;  ///< "index/2026..."
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = 0;
  std::int64_t begin_offset = 0;
  std::int64_t end_offset = 0;
  std::int32_t slots_used = 0;
  std::int32_t count = 1;  ///< entries are 1 .. count - 1
  bool readable = false;   ///< size and header make sense
};

/// "<topic>#<key>" as RocketMQ hashes it, not negative.
[[nodiscard]] std::int32_t key_hash(std::string_view topic, std::string_view key);
/// The hashes under which a record with these properties is found, in the order in which they are written.
void append_key_hashes(std::string_view topic, std::string_view properties, std::vector<std::int32_t>& out);

/// Names and headers of all index files, oldest first. What is wrong with them is told.
Result<std::vector<IndexFileState>> list_index(Disk& disk, const StoreFiles& files, Reporter& reporter,
                                               std::int64_t log_end);
/// Follows every chain of a file: entries ascend in the log, each names the one before it with the same slot, and the
/// slots name the newest. 20 bytes read per entry, 4 bytes of memory per slot.
Status check_index_chains(Disk& disk, const StoreFiles& files, const IndexFileState& file, Reporter& reporter);

/// The entries of all files, in order.
class IndexStream {
 public:
  IndexStream(Disk& disk, const StoreFiles& files, const std::vector<IndexFileState>& index)
      : disk_(disk), files_(files), index_(index) {}

  /// False: no more.
  Result<bool> load();
  [[nodiscard]] const IndexEntry& entry() const noexcept { return entry_; }
  [[nodiscard]] const std::string& file_name() const noexcept { return index_[file_].name; }
  [[nodiscard]] std::int64_t position() const noexcept;
  void advance() noexcept { ++number_; }

 private:
  Disk& disk_;
  const StoreFiles& files_;
  const std::vector<IndexFileState>& index_;
  std::size_t file_ = 0;
  std::int32_t number_ = 1;
  File open_;
  std::vector<std::byte> bytes_;
  std::int32_t first_ = 0;
  std::int32_t loaded_ = 0;
  IndexEntry entry_;
};

}  // namespace gantry::storage_mmap::tools
