#pragma once
// Reads the commit log's files from outside, believing nothing: through read calls, because a mapping of a file that is
// damaged or cut short would end the process.

#include "plugins/storage-mmap/tools/store_files.hpp"

#include "protocol/stored_record.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gantry::storage_mmap::tools {

/// What lies at a position of the log.
struct LogPlace {
  enum class Kind : std::uint8_t {
    record,   ///< whole, with the right checksum, its own position in it, and room for a blank behind it
    blank,    ///< nothing up to the end of the file
    nothing,  ///< zeros
    damaged,  ///< anything else; `reason` says what
    no_file,  ///< no file covers it (any more)
  };
  Kind kind = Kind::no_file;
  std::int64_t offset = 0;
  std::uint32_t size = 0;       ///< of the record, or of the blank
  protocol::RecordView view{};  ///< of a record; valid until the reader is used again
  protocol::ByteView bytes{};
  std::string expected{};  ///< when damaged
  std::string found{};

  [[nodiscard]] std::int64_t end() const noexcept { return offset + size; }
};

/// One thread. Holds one file open and one buffer, which grows to the largest record.
class LogReader {
 public:
  /// `read_ahead`: how much is read at a time; large to go through the log, small to jump about in it.
  LogReader(Disk& disk, const StoreFiles& files, std::size_t read_ahead)
      : disk_(disk), files_(files), read_ahead_(read_ahead) {}
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  static constexpr std::size_t sequential = 1 << 20;
  static constexpr std::size_t random = 4 << 10;

  /// What lies there. Errors are those of the disk; a file that is gone is no error.
  Result<LogPlace> at(std::int64_t offset);
  /// The same, read from the file again.
  Result<LogPlace> again(std::int64_t offset) {
    buffer_size_ = 0;
    return at(offset);
  }
  /// The first whole record in [from, end of the file that covers `from`); -1: there is none.
  Result<std::int64_t> next_record_in_file(std::int64_t from);
  /// Gives back the page cache of the file that is open, for readers of more than should stay in memory.
  void drop_cache() const;

 private:
  /// Makes [offset, offset + size) be in the buffer; false when the file ends before.
  Result<bool> load(std::int64_t offset, std::size_t size);
  Result<bool> open_segment(std::int64_t offset);
  [[nodiscard]] const std::byte* data_at(std::int64_t offset) const noexcept {
    return buffer_.data() + (offset - buffer_begin_);
  }

  Disk& disk_;
  const StoreFiles& files_;
  const std::size_t read_ahead_;
  File file_;
  std::int64_t file_base_ = -1;
  std::vector<std::byte> buffer_;
  std::int64_t buffer_begin_ = 0;
  std::int64_t buffer_size_ = 0;
};

/// Where the log ends, and what lies there and behind.
struct LogEnd {
  std::int64_t end = 0;  ///< one behind the last whole record
  std::int64_t last_record = -1;
  std::int64_t last_store_ms = 0;
  LogPlace::Kind what = LogPlace::Kind::nothing;  ///< at `end`
  std::string reason;                             ///< when that is damaged
};

/// A part of the log that could not be read as records.
struct LogDamage {
  std::int64_t begin = 0;
  std::int64_t end = 0;  ///< where the next whole record or file begins
  std::string expected;
  std::string found;
};

/// Goes over the records from `from` (a record's begin) up to `limit`. A damaged place is told, and the walk goes on at
/// the next whole record; where none follows, the log ends. `visit` answers false to stop.
/// The store may be running: a place that was read while it was written is read again before it counts as damaged.
struct LogWalk {
  std::function<Result<bool>(const LogPlace& record)> visit;
  std::function<Status(const LogDamage& damage)> damaged;  ///< may be empty
  bool drop_cache = false;                                 ///< after each file but the last two
};
Result<LogEnd> walk_log(LogReader& reader, LogReader& probe, const StoreFiles& files, std::int64_t from,
                        std::int64_t limit, const LogWalk& walk);

/// Finds the log's end by reading from the newest place that is known to be a record's begin.
Result<LogEnd> find_log_end(Disk& disk, const StoreFiles& files);

}  // namespace gantry::storage_mmap::tools
