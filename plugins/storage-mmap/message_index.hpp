#pragma once
// Finds messages by key: RocketMQ's index files, and the keys that are not in them yet.
//
//     log:     begin ......... written_end ............ pending_begin ........ log end
//     keys:      in index files      (scanned from the log)    in memory
//
// The appender hands over the hash of every key under its lock; a thread of the index (g-index) writes them to the files
// in batches, in the order of the log, never beyond what is durable. What the files lack and memory does not hold (after
// a crash, in a directory without index files, after an overflow of memory) that thread reads from the log: there is one
// way to catch up, and it runs in the background while the rest serves.
//
// Files: index/<yyyyMMddHHmmssSSS>, see index_file.hpp. gantry/index says up to where they are whole (index_mark.hpp).
// Invariants: (1) keys enter the files in the order of the log, each once, so that writing the same part of the log
// again gives the same bytes; (2) entries are synced before slots that point to them are written, slots and header before
// the mark that counts them; (3) nothing that a crash can take from the log is in the files.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/result.hpp"
#include "protocol/stored_record.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace gantry::storage_mmap {

/// "<topic>#<key>" as RocketMQ hashes it, not negative. [any-thread]
[[nodiscard]] std::int32_t index_hash(std::string_view topic, std::string_view key) noexcept;

/// What the index needs of the log. Every function is called on g-index, or on the thread of find().
struct IndexSource {
  /// Reads records in order from `from` on until `visit` answers false or the log's durable end is reached; where it
  /// stopped. Reads past the page cache's hot part without keeping it (a catch-up must not push others out).
  std::function<Result<std::int64_t>(std::int64_t from,
                                     const std::function<bool(const protocol::RecordView& record)>& visit)>
      scan;
  std::function<std::int64_t()> durable_end;
  std::function<std::int64_t()> log_begin;
};

/// What the start found, for the index to decide what of its files can be believed.
struct IndexStart {
  std::int64_t log_end = 0;       ///< nothing behind it exists
  bool closed_in_order = true;    ///< the store's last user stopped in order
  std::int64_t checkpoint_ms = 0; ///< RocketMQ's index timestamp: files that end later do not survive its crash
};

class MessageIndex {
 public:
  MessageIndex(Disk& disk, const StoreOptions& options, const Surroundings& surroundings);
  MessageIndex(const MessageIndex&) = delete;
  MessageIndex& operator=(const MessageIndex&) = delete;
  ~MessageIndex();

  /// [control] Opens the files and starts g-index. Damage never fails it: what cannot be believed is made again from the
  /// log, with a line that says so. Errors are those of the disk.
  Status start(IndexSource source, const IndexStart& found);
  /// [control] Writes what is pending (the log is synced, nobody appends), syncs, ends the thread. Reading what a
  /// catch-up still lacks is left to the next start.
  Status stop();
  /// [control] Ends the thread as a crash would: nothing more is written.
  void abandon();

  /// [append lock] The record at [log_offset, log_end) has these key hashes; called for every record, in order. Does not
  /// block and does not allocate once warm. Beyond index_pending_max the keys are dropped and read from the log later.
  void add(std::int64_t log_offset, std::int64_t log_end, std::int64_t store_ms,
           std::span<const std::int32_t> hashes) noexcept;
  /// [any-thread] More became durable: g-index may have work.
  void durable_moved() noexcept;

  /// [any-thread][may block] Candidates for the hash with begin_ms <= store time <= end_ms (to RocketMQ's precision of a
  /// second), newest first, each log offset once, until `visit` answers false. Another key may have the same hash.
  Status find(std::int32_t hash, std::int64_t begin_ms, std::int64_t end_ms,
              const std::function<bool(std::int64_t log_offset)>& visit);

  struct Progress {
    std::int64_t indexed_end = 0;      ///< records that begin at or behind it are not found yet
    std::int64_t last_ms = 0;          ///< of the newest record with keys; 0 without one
    std::int64_t last_log_offset = 0;
    std::int64_t full_files_ms = 0;    ///< RocketMQ's index timestamp: where the newest full, synced file ends
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
