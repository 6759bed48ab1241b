#pragma once
// Which log files have to go: decided from numbers alone, so that it can be tested without a disk.

#include "plugins/storage-mmap/store_options.hpp"

#include <cstdint>
#include <span>

namespace gantry::storage_mmap {

/// A log file as retention sees it.
struct AgedFile {
  std::int64_t base = 0;
  /// Store time of the next file's first record: everything in this one is at least as old.
  std::int64_t newest_ms = 0;
};

struct RetentionInput {
  std::span<const AgedFile> files;  ///< oldest first, without the one that is written to
  std::int64_t log_end = 0;
  std::int64_t now_ms = 0;
  std::uint64_t disk_total_bytes = 0;
  std::uint64_t disk_free_bytes = 0;
};

enum class RetentionReason : std::uint8_t { nothing, age, size, disk };

struct RetentionVerdict {
  std::int64_t new_begin = -1;                        ///< files that begin before it go; -1: all stay
  RetentionReason reason = RetentionReason::nothing;  ///< of the newest one that goes
};

/// Age and size of the log first; then, if the disk is still above disk_clean_percent, more of the oldest until it
/// would be below. The file that is written to always stays. [any-thread]
RetentionVerdict judge_retention(const RetentionInput& input, const StoreOptions& options);

}  // namespace gantry::storage_mmap
