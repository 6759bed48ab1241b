#pragma once
// What lies in a store's folder, seen from outside: the files' sizes and names, who has the store open, and what the
// small files at its root say. Nothing is written.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"
#include "plugins/storage-mmap/tools/reporter.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::storage_mmap::tools {

struct SegmentFile {
  std::int64_t base = 0;
  std::string path;
};

struct QueueName {
  std::string topic;
  std::int32_t id = 0;
};

/// How far queue entries were durable at the last checkpoint.
struct DurableMark {
  std::int64_t end = 0;
  std::int64_t last_record = -1;  ///< where the record begins that ends there; -1: none
  bool clean = false;
  std::string file;  ///< where that is said
};

struct CheckpointFile {
  std::int64_t log_ms = 0;
  std::int64_t queues_ms = 0;
  std::int64_t index_ms = 0;
  std::int64_t confirm_offset = 0;
};

/// A value; a picture of the moment of look().
struct StoreFiles {
  enum class Sizes : std::uint8_t { from_options, from_files };

  std::string root;
  std::int64_t segment_size = 0;
  std::int64_t queue_file_size = 0;  ///< bytes
  std::int64_t index_slots = 0;
  std::int64_t index_entries = 0;
  std::vector<SegmentFile> segments;  ///< ascending; those that could be used
  std::string holder;                 ///< who has the store open: "process 17"; empty: nobody
  bool crash_marker = false;          ///< the last one who had it open did not close it, or has it open still
  std::optional<CheckpointFile> checkpoint;
  std::optional<DurableMark> mark;
  std::int64_t index_written_end = 0;  ///< keys of records that end at or below it are in the index; 0: not known
  std::map<std::string, std::int64_t, std::less<>> deleted_topics;  ///< the log's end when they were deleted
  /// By topic and queue: entries below it are in the queue's files as of the mark, newer ones in the ledger itself.
  std::map<std::string, std::map<std::int32_t, std::int64_t>, std::less<>> written_ends;
  std::int64_t ledger_bytes = 0;          ///< that make sense
  std::int64_t ledger_bytes_ignored = 0;  ///< behind the last good frame

  [[nodiscard]] bool is_running() const noexcept { return !holder.empty(); }
  [[nodiscard]] std::int64_t files_begin() const noexcept { return segments.empty() ? 0 : segments.front().base; }
  [[nodiscard]] std::int64_t files_end() const noexcept {
    return segments.empty() ? 0 : segments.back().base + segment_size;
  }
  /// The index of the segment that covers the byte; nothing when none does.
  [[nodiscard]] std::optional<std::size_t> segment_at(std::int64_t log_offset) const noexcept;
  /// The file and the position in it, for people: "commitlog/0000...".
  [[nodiscard]] std::string segment_name(std::int64_t log_offset) const;
  [[nodiscard]] std::int64_t position_in_segment(std::int64_t log_offset) const noexcept {
    return segment_size > 0 ? log_offset % segment_size : 0;
  }
  [[nodiscard]] std::string queue_folder(std::string_view topic, std::int32_t id) const {
    return "consumequeue/" + std::string(topic) + "/" + std::to_string(id);
  }

  /// Errc::not_found when there is no store. Wrong names and sizes are findings.
  static Result<StoreFiles> look(Disk& disk, const StoreOptions& options, Sizes sizes, Reporter& reporter);
};

/// All queues that have a folder, sorted.
Result<std::vector<QueueName>> list_queues(Disk& disk, const StoreFiles& files);

/// Who holds a store's lock; empty when nobody does, or when there is no lock file.
std::string lock_holder(const std::string& root);

}  // namespace gantry::storage_mmap::tools
