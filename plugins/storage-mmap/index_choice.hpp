#pragma once
// What a start believes of the index files that it finds. Reads, and brings short files to their size; what has to be
// removed or rewound is for the caller, later and on another thread.
//
//   mark  closed in order                        after a crash
//   yes   files as the mark says; what RocketMQ   the marked file rewound to the mark, newer files removed;
//         added since, if the mark is complete    a clean mark: RocketMQ ran last and crashed, as without mark
//   no    files as they are                       files that end behind RocketMQ's checkpoint removed, as RocketMQ does
//
// A file whose header contradicts itself or the file before is put aside, and newer ones with it are removed; files
// with records behind the log's end are removed. What is missing then is made again from the log.

#include "plugins/storage-mmap/index_file.hpp"
#include "plugins/storage-mmap/index_mark.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::storage_mmap {

/// What the start found, for the index to decide what of its files can be believed.
struct IndexStart {
  std::int64_t log_end = 0;        ///< nothing behind it exists
  bool closed_in_order = true;     ///< the store's last user stopped in order
  std::int64_t checkpoint_ms = 0;  ///< RocketMQ's index timestamp: files that end later do not survive its crash
};

struct ListedIndexFile {
  std::shared_ptr<IndexFile> file;
  IndexHeader header;  ///< what readers may see
};

struct IndexChoice {
  std::vector<ListedIndexFile> files;  ///< oldest first
  std::int64_t written_end = 0;        ///< the log is to be read from here; what the newest file has of it is skipped
  bool rewind = false;                 ///< the newest file may hold more than its header says
  bool position_is_known = false;      ///< written_end is where a record begins: it is not taken from a header
  struct Unwanted {
    std::string name;
    std::string reason;
    bool is_damaged = false;  ///< put aside, not removed
  };
  std::vector<Unwanted> unwanted;
  std::vector<std::string> strangers;  ///< files that are none of an index; left alone
};

Result<IndexChoice> choose_index_files(Disk& disk, const std::string& folder, IndexGeometry geometry,
                                       const std::optional<IndexMark>& mark, const IndexStart& found,
                                       std::int64_t log_begin);

/// The newest file with entries, or nullptr.
const ListedIndexFile* newest_with_entries(const std::vector<ListedIndexFile>& files);

}  // namespace gantry::storage_mmap
