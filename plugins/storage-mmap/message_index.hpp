#pragma once
// Finds messages by key: RocketMQ's index files, and the keys that are not in them yet.
//
//     log:     begin ......... written_end ............ pending_begin ........ log end
//     keys:      in index files      (scanned from the log)    in memory
//
// The appender hands over the hash of every key under its lock; a thread of the index (g-index) writes them to the
// files in batches, in the order of the log, never beyond what is durable. What the files lack and memory does not hold
// (after a crash, in a directory without index files, after an overflow of memory) that thread reads from the log:
// there is one way to catch up, and it runs in the background while the rest serves.
//
// Files: index/<yyyyMMddHHmmssSSS>, see index_file.hpp. gantry/index says up to where they are whole (index_mark.hpp).
// A full disk is tried again every second, and nothing is lost. Another I/O error ends the writing until the next start
// ("index.failed"); publishing never waits for the index.
// Invariants: (1) keys enter the files in the order of the log, each once, so that writing the same part of the log
// again gives the same bytes; (2) entries are synced before slots that point to them are written, slots and header
// before the mark that counts them; (3) nothing that a crash can take from the log is in the files.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/index_choice.hpp"
#include "plugins/storage-mmap/index_keys.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/result.hpp"
#include "protocol/stored_record.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace gantry::storage_mmap {

/// What the index needs of the log. Every function is called on g-index, or on the thread of find().
struct IndexSource {
  /// Reads records in order from `from` on until `visit` answers false or the log's durable end is reached; where it
  /// stopped. Reads past the page cache's hot part without keeping it (a catch-up must not push others out).
  /// Errc::corrupt when no record begins at `from`.
  std::function<Result<std::int64_t>(std::int64_t from,
                                     const std::function<bool(const protocol::RecordView& record)>& visit)>
      scan;
  std::function<std::int64_t()> durable_end;  ///< where a record ends
  std::function<std::int64_t()> log_begin;
};

class MessageIndex {
 public:
  MessageIndex(Disk& disk, const StoreOptions& options, const Surroundings& surroundings);
  MessageIndex(const MessageIndex&) = delete;
  MessageIndex& operator=(const MessageIndex&) = delete;
  ~MessageIndex();

  /// [control] Opens the files and starts g-index, which does everything that takes long. Damage never fails it: what
  /// cannot be believed is made again from the log, with a line that says so. Errors are those of the disk; the store
  /// can run without its index then.
  Status start(IndexSource source, const IndexStart& found);
  /// [control] Writes what is pending (the log is synced, nobody appends), syncs, ends the thread. Reading what a
  /// catch-up still lacks is left to the next start. An error loses nothing either: the next start continues at the
  /// last mark, whatever the files hold.
  Status stop();
  /// [control] Ends the thread as a crash would: nothing more is written.
  void abandon();

  /// [append lock] The record at [log_offset, log_end) has these key hashes; called for every record, in order. Does
  /// not block and does not allocate once warm. Beyond index_pending_max the keys are dropped and read from the log
  /// later.
  void add(std::int64_t log_offset, std::int64_t log_end, std::int64_t store_ms,
           std::span<const std::int32_t> hashes) noexcept;
  /// [any-thread] More became durable: g-index may have work.
  void durable_moved() noexcept;

  /// [any-thread][may block] Candidates for the hash with begin_ms <= store time <= end_ms, newest first, each log
  /// offset once, until `visit` answers false. Candidates: another key may have the same hash, a file knows the time to
  /// a second only, and keys in memory may belong to records that are not durable yet. Where g-index failed, or has not
  /// caught up, answers with what there is; progress() says how far that reaches. Errors are those of reading files.
  Status find(std::int32_t hash, std::int64_t begin_ms, std::int64_t end_ms,
              const std::function<bool(std::int64_t log_offset)>& visit);

  struct Progress {
    std::int64_t indexed_end = 0;  ///< records that begin at or behind it are not found yet
    std::int64_t last_ms = 0;      ///< of the newest record with keys; 0 without one
    std::int64_t last_log_offset = 0;
    std::int64_t full_files_ms = 0;  ///< RocketMQ's index timestamp: where the newest full, synced file ends
    std::int64_t pending_keys = 0;   ///< in memory
    bool failed = false;             ///< an I/O error ended the writing; keys are found up to indexed_end only
  };
  /// [any-thread]
  [[nodiscard]] Progress progress() const;

  /// [store thread] Removes files whose records are all before `log_begin`; never the newest one.
  Status remove_expired(std::int64_t log_begin);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::storage_mmap
