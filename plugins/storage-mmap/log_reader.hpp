#pragma once
// Gets at records of the log, wherever they are: views into the mapping for those of the hot window, copies through the
// file for older ones, which only callers that may block get. Every access holds a pin of its segment.

#include "plugins/storage-mmap/cold_cache.hpp"
#include "plugins/storage-mmap/commit_log.hpp"

#include "gantry/sdk/result.hpp"
#include "protocol/bytes.hpp"
#include "protocol/queue_entry.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
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
  /// `cache` accounts for what is read from the file, which plan() tells of; null: a look or two.
  LogReader(const CommitLog& log, Disk& disk, bool may_block, ColdCache* cache = nullptr)
      : log_(log), disk_(disk), cache_(cache), may_block_(may_block) {}
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  /// What the caller will read next, in this order. `distance`: how far apart such records lie, on average. If they are
  /// close, what follows is read ahead with them; if not, just they are asked for, all at once.
  void plan(std::span<const protocol::QueueEntry> records, std::int64_t distance);

  /// The bytes [log_offset, log_offset + size), which lie in one file. `likely_end` says how far the caller will
  /// probably read on from there, so that neighbours come with one call.
  /// Errc::would_block when they are not in the hot window and the reader may not block; not_found when no file (of
  /// this size) has them any more; or what the disk says.
  Result<LogBytes> get(std::int64_t log_offset, std::uint64_t size, std::int64_t likely_end = 0);

 private:
  bool pin(std::int64_t log_offset);

  const CommitLog& log_;
  Disk& disk_;
  ColdCache* const cache_;
  const bool may_block_;
  bool reads_on_ = false;
  SegmentPin pin_;
  std::vector<std::byte> window_;
  std::int64_t window_begin_ = 0;
  std::int64_t window_end_ = 0;
};

}  // namespace gantry::storage_mmap
