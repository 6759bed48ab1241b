#pragma once
// Reads the log from one record to the next, in large pieces through the file: what recovery, the rebuilding of queues
// and the index, and tools go over the log with. Nothing is mapped, so a scan of a long log costs one buffer.

#include "plugins/storage-mmap/commit_log.hpp"

#include "protocol/stored_record.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gantry::storage_mmap {

/// What lies at a position of the log.
enum class LogItem : std::uint8_t {
  record,  ///< `view` is it
  blank,   ///< nothing up to the next file
  end,     ///< no whole, valid record: the log ends here
};

/// What the bytes at `position` are: structure, body checksum, own position and the room that stays behind it are
/// checked. `left` is how much of the file follows from there; `bytes` holds the record and the 8 bytes behind it, or
/// all that is left. When it is LogItem::end, `reason` says why, for a person. [any-thread]
LogItem inspect_record(protocol::ByteView bytes, std::uint64_t left, std::int64_t position, protocol::RecordView& view,
                       std::string& reason);

/// One thread. The log outlives it.
class LogScanner {
 public:
  enum class Cache : std::uint8_t {
    keep,  ///< what is read will be wanted again soon
    drop,  ///< what had to be read from the disk is given back, so that it pushes nothing else out
  };

  LogScanner(const CommitLog& log, Disk& disk, Cache cache) : log_(log), disk_(disk), cache_(cache) {}
  LogScanner(const LogScanner&) = delete;
  LogScanner& operator=(const LogScanner&) = delete;
  ~LogScanner() { reset(); }

  /// Lets go of the file that it is in, and forgets what it has read.
  void reset() noexcept;

  /// What lies at `position`; the view is valid until the next call. Errors are those of the disk.
  Result<LogItem> inspect(std::int64_t position, protocol::RecordView& view, std::string& reason);
  /// The first position in [from, end) at which a whole record begins, within one file; -1 when there is none. For what
  /// lies behind damage: a record proves itself by its checksum and the position that it names.
  Result<std::int64_t> find_record(std::int64_t from, std::int64_t end);
  /// Where to go on behind what inspect() found: the next record, or the next file.
  [[nodiscard]] std::int64_t next(std::int64_t position, LogItem item,
                                  const protocol::RecordView& view) const noexcept {
    if (item == LogItem::record) return position + view.size;
    return (position / log_.segment_size() + 1) * log_.segment_size();
  }

 private:
  /// Makes [position, position + size) of the segment available; fewer bytes only at the file's end.
  Result<protocol::ByteView> bytes(Segment& segment, std::int64_t position, std::uint64_t size);
  void drop_window() noexcept;

  const CommitLog& log_;
  Disk& disk_;
  const Cache cache_;
  SegmentPin pin_;
  std::vector<std::byte> window_;
  std::int64_t window_begin_ = 0;
  std::int64_t window_end_ = 0;
  bool was_cached_ = true;
};

}  // namespace gantry::storage_mmap
