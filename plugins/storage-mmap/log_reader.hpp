#pragma once
// Gets at records of the log, wherever they are: views into the mapping for those of the hot window, copies through the
// file for older ones, which only callers that may block get. Every access holds a pin of its segment.

#include "plugins/storage-mmap/cold_cache.hpp"
#include "plugins/storage-mmap/commit_log.hpp"

#include "gantry/sdk/result.hpp"
#include "protocol/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gantry::storage_mmap {

/// A short run of bytes of the log. Valid until the reader is asked again or goes.
struct LogBytes {
  protocol::ByteView bytes{};
  Segment* mapped_in = nullptr;  ///< the segment whose mapping the bytes lie in; null: a copy of the reader's
};

/// One read's access to the log: one thread, cheap to make.
class LogReader {
 public:
  /// `ahead`: what is read from the file will be followed by more, so it is read ahead; null: looks here and there.
  LogReader(const CommitLog& log, Disk& disk, bool may_block, ColdCache* ahead = nullptr)
      : log_(log), disk_(disk), ahead_(ahead), may_block_(may_block) {}
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  /// The bytes [log_offset, log_offset + size), which lie in one file. `likely_end` says how far the caller will
  /// probably read on from there, so that neighbours come with one call.
  /// Errc::would_block when they are not in the hot window and the reader may not block; not_found when no file (of
  /// this size) has them any more; or what the disk says.
  Result<LogBytes> get(std::int64_t log_offset, std::uint64_t size, std::int64_t likely_end = 0);

 private:
  const CommitLog& log_;
  Disk& disk_;
  ColdCache* const ahead_;
  const bool may_block_;
  SegmentPin pin_;
  std::vector<std::byte> window_;
  std::int64_t window_begin_ = 0;
  std::int64_t window_end_ = 0;
};

}  // namespace gantry::storage_mmap
