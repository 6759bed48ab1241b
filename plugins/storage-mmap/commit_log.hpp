#pragma once
// The commit log: mapped files of one size, a write position, the space made ready in front of it, and how far it is
// on the disk.
//
//     begin ........ durable_end ........ end ........ populated_end ........ ready_end
//            synced             in memory     mapped in              disk space reserved
//
// The appender (under the store's append lock) moves `end`; the flush thread moves `durable_end`; the space thread
// moves the two on the right. Each is an atomic that the others read.

#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/result.hpp"
#include "protocol/stored_record.hpp"

#include <atomic>
#include <cstdint>
#include <string>

namespace gantry::storage_mmap {

/// What lies at a position of the log.
enum class LogItem : std::uint8_t {
  record,  ///< `view` is it
  blank,   ///< nothing up to the next file
  end,     ///< no whole, valid record: the log ends here
};

class CommitLog {
 public:
  CommitLog(Disk& disk, const StoreOptions& options);
  CommitLog(const CommitLog&) = delete;
  CommitLog& operator=(const CommitLog&) = delete;

  // ---- [control][before the threads start] ----

  /// Maps what is in the folder. Refuses foreign names, wrong sizes and gaps, naming file, expected and found.
  Status load();
  [[nodiscard]] bool empty() const noexcept { return files_begin_ == files_end_; }
  /// The range that the loaded files cover.
  [[nodiscard]] std::int64_t files_begin() const noexcept { return files_begin_; }
  [[nodiscard]] std::int64_t files_end() const noexcept { return files_end_; }
  /// Checks what lies at `position`: structure, body checksum, own position and the room that stays behind it. When it
  /// is LogItem::end, `reason` says why, for a person.
  LogItem inspect(std::int64_t position, protocol::RecordView& view, std::string& reason) const;
  /// Ends the log here: sets all positions, and makes everything behind it zero when `clear` says so. Files that begin
  /// behind `end` are removed, or moved to `damaged_folder` when they hold records.
  /// The count of files that were moved.
  /// What lies between `sync_from` and `end` is on the disk afterwards: a killed process left it in the cache only.
  Result<int> settle(std::int64_t end, std::int64_t sync_from, bool clear, const std::string& damaged_folder);
  /// Removes the files that begin behind the log's end: an orderly stop leaves none.
  Status remove_unused();

  // ---- [append lock] ----

  /// Room for `size` bytes in one file, as the log offset of its first byte. Ends the current file with a blank record
  /// when the rest of it is too small. Errc::busy: the space thread is behind; Errc::full; Errc::too_large.
  /// The room is taken when commit() is called with its end.
  Errc place(std::uint64_t size, std::int64_t& log_offset);
  [[nodiscard]] std::byte* at(std::int64_t log_offset) const noexcept { return current_->at(log_offset); }
  void commit(std::int64_t end) { next_ = end; }
  /// Shows what was committed to the other threads. True: the space thread has work.
  bool publish() {
    end_.store(next_, std::memory_order_release);
    return next_ > wake_at_.load(std::memory_order_relaxed);
  }

  // ---- [space thread] ----

  /// Reserves and maps in what the options ask for in front of the end. Errc::full when the disk is.
  Status make_ready();
  /// Unmaps the pages behind the hot window; with `everything`, also those of cold files that were read.
  void advise_cold(bool everything);

  // ---- [flush thread] ----

  /// Syncs up to the end as it was when the call began; the new durable end. One failure is final: what the system
  /// could not write may be lost from its cache, and a second sync would claim success.
  Result<std::int64_t> sync();

  // ---- [any-thread] ----

  [[nodiscard]] std::int64_t begin() const noexcept { return begin_.load(std::memory_order_acquire); }
  [[nodiscard]] std::int64_t end() const noexcept { return end_.load(std::memory_order_acquire); }
  [[nodiscard]] std::int64_t durable_end() const noexcept { return durable_end_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_full() const noexcept { return full_.load(std::memory_order_relaxed); }
  void set_full(bool full) noexcept { full_.store(full, std::memory_order_relaxed); }
  [[nodiscard]] Segment* find(std::int64_t log_offset) const noexcept { return segments_.find(log_offset); }
  /// The largest record that fits a file.
  [[nodiscard]] std::uint64_t record_size_max() const noexcept;
  [[nodiscard]] bool is_hot(std::int64_t log_offset) const noexcept {
    return log_offset >= end() - static_cast<std::int64_t>(options_.hot_window);
  }
  /// Whether all pages of the range are in memory. Costs a system call.
  static bool is_resident(const std::byte* from, std::uint64_t size) noexcept;
  /// Brings the pages of the range into memory; waits for the disk.
  static void make_resident(const std::byte* from, std::uint64_t size) noexcept;

 private:
  Status open_segment(std::int64_t base, OpenMode mode);
  /// True when nothing was ever written to the beginning of the file.
  Result<bool> is_unused(const std::string& path);
  /// True when a record begins at the file's first byte.
  [[nodiscard]] bool holds_records(const Segment& segment) const;
  Status reserve();
  void populate();

  Disk& disk_;
  const StoreOptions& options_;
  const std::string folder_;
  const std::int64_t segment_size_;
  SegmentTable segments_;
  std::int64_t files_begin_ = 0;  // [control], then [space thread]
  std::int64_t files_end_ = 0;

  // [append lock]
  std::int64_t next_ = 0;
  Segment* current_ = nullptr;

  // [space thread]
  std::int64_t populated_end_ = 0;
  std::int64_t advised_end_ = 0;
  std::uint64_t populate_window_;
  std::int64_t populate_round_end_ = 0;  // log end and time at the last round, for the rate
  std::int64_t populate_round_ns_ = 0;

  std::atomic<std::int64_t> begin_{0};
  std::atomic<std::int64_t> end_{0};
  std::atomic<std::int64_t> durable_end_{0};
  std::atomic<std::int64_t> ready_end_{0};
  std::atomic<std::int64_t> wake_at_{0};
  std::atomic<bool> full_{false};
};

}  // namespace gantry::storage_mmap
