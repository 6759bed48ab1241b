#pragma once
// gantry/index: up to where the index is whole. RocketMQ does not know this file.
//
// The mark occupies one of two slots of 512 bytes in turn, so that a torn write leaves the one before:
//    0  8  "GANTRYIM"            8  8  sequence              16  8  written_end
//   24  4  slots of a file      28  4  entries of a file     32 40  header of the newest file at that time
//   72  4  flags                76  4  size of the name      80 32  name of the newest file, zero behind it
//  112  4  CRC-32 of all before
//   flags: 1 clean, 2 complete

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/index_file.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace gantry::storage_mmap {

struct IndexMark {
  std::int64_t written_end = 0;  ///< the keys of records that end at or below it are in the files; of others at most
                                 ///< some of the record that begins here, and then it is the newest in the files
  IndexGeometry geometry;        ///< of the directory's files
  std::string newest;            ///< the file that written_end is about; empty: there is none yet
  IndexHeader header;            ///< of that file then; what it holds behind that does not count
  bool clean = false;            ///< written by an orderly stop; a start takes this away before it writes anything
  bool complete = false;         ///< and that stop left no part of the log out
  friend bool operator==(const IndexMark&, const IndexMark&) = default;
};

/// One thread at a time; may block.
class IndexMarkFile {
 public:
  IndexMarkFile(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}
  IndexMarkFile(const IndexMarkFile&) = delete;
  IndexMarkFile& operator=(const IndexMarkFile&) = delete;

  /// Makes folder and file when they are missing. Nothing when no mark is whole.
  Result<std::optional<IndexMark>> load();
  /// After load(). Durable when it returns.
  Status save(const IndexMark& mark);

 private:
  Disk& disk_;
  const std::string folder_;
  File file_;
  std::uint64_t sequence_ = 0;
};

}  // namespace gantry::storage_mmap
