#pragma once
// The commit log: mapped files of one size, a write position, the space made ready in front of it, and how far it is
// on the disk.
//
//     begin ........ durable_end ........ end ........ populated_end ........ ready_end
//            synced             in memory     mapped in              disk space reserved
//
// The appender (under the store's append lock) moves `end`; the flush thread moves `durable_end`; the space thread
// moves the two on the right; the upkeep thread moves `begin`. Each is an atomic that the others read.
//
// Only the newest files are mapped, those that the hot window and the unsynced part touch. Older ones are read by
// copying (LogReader), so that mappings and resident memory stay bounded however long the log is.

#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/result.hpp"
#include "protocol/stored_record.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace gantry::storage_mmap {

class CommitLog {
 public:
  CommitLog(Disk& disk, const StoreOptions& options);
  CommitLog(const CommitLog&) = delete;
  CommitLog& operator=(const CommitLog&) = delete;

  // ---- [control][before the threads start] ----

  /// Opens what is in the folder. Refuses foreign names, wrong sizes and gaps, naming file, expected and found.
  Status load();
  [[nodiscard]] bool empty() const noexcept { return files_begin_ == files_end_; }
  /// The range that the loaded files cover.
  [[nodiscard]] std::int64_t files_begin() const noexcept { return files_begin_; }
  [[nodiscard]] std::int64_t files_end() const noexcept { return files_end_; }
  /// Ends the log here: sets all positions and maps what will be written to. [sync_from, end) was not synced, as far as
  /// is known. With `clear`, everything behind the end reads as zero afterwards, and that is durable. Files that begin
  /// behind `end` are removed, or moved to `damaged_folder` when they hold records; the count of those moved.
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
  /// Gives back the memory of what lies behind the hot window; whole files are unmapped. True when some of that has to
  /// wait for readers and is to be called for again.
  bool cool_down();

  // ---- [upkeep thread] ----

  /// Removes the oldest file; never the one that holds the end. Readers that are inside keep its bytes. A file that
  /// could not be removed is tried again before the next one goes, so that no gap arises.
  Status remove_first();

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
  [[nodiscard]] std::int64_t segment_size() const noexcept { return segment_size_; }
  /// The largest record that fits a file.
  [[nodiscard]] std::uint64_t record_size_max() const noexcept;
  /// Written by this process, and not long ago: it is in memory, and needs no checks.
  [[nodiscard]] bool is_hot(std::int64_t log_offset) const noexcept {
    return is_own(log_offset) && log_offset >= end() - static_cast<std::int64_t>(options_.hot_window);
  }
  /// Records behind it were encoded by this process.
  [[nodiscard]] bool is_own(std::int64_t log_offset) const noexcept { return log_offset >= own_from_; }
  /// The pinned segment that holds the byte at log_offset; empty when there is none (any more).
  [[nodiscard]] SegmentPin pin(std::int64_t log_offset) const noexcept;

 private:
  Status open_segment(std::int64_t base, OpenMode mode);
  /// Of a segment that no thread uses yet: maps it.
  Status map_segment(std::int64_t base);
  /// Makes everything from `from` on in its file read as zero, durably.
  Status clear_behind(std::int64_t from);
  /// True when nothing was ever written to the beginning of the file.
  Result<bool> is_unused(const std::string& path);
  Status remove_left_behind();
  Status reserve();
  void populate();

  Disk& disk_;
  const StoreOptions& options_;
  const std::string folder_;
  const std::int64_t segment_size_;
  std::int64_t own_from_ = 0;  // not changed once the threads run
  std::mutex shape_mutex_;     // guards the next four: files come on the space thread and go on the upkeep thread
  SegmentTable segments_;      // but for find()
  std::int64_t files_begin_ = 0;
  std::int64_t files_end_ = 0;
  std::vector<Segment*> leaving_;  // became cold or retired, but readers were inside

  // [upkeep thread]
  std::string left_behind_;  // the file that could not be removed

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
