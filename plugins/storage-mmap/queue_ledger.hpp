#pragma once
// gantry/queues: what every message queue held at the last checkpoint, so that a start needs to look at none of their
// files. An append-only file of frames, rewritten when it has grown.
//
//   head:   "GANTRYQL", u32 version (1), u32 zero
//   frame:  u32 payload size, u32 CRC-32 of the payload, payload
//   payload:
//     i64 mark.end, i64 mark.last_record, i64 mark.log_begin, u8 mark.clean, u8 whole (1: forget the frames before)
//     u32 topics, for each:
//       u16 size, topic; u8 restarts (1: forget the topic's queues first); i64 deleted_at (-1: never)
//       u32 queues, for each:  i32 id, i64 min, i64 max, i64 first_record, i64 log_end
//
// Integers are big-endian. A torn or damaged frame ends the file: what the frames before it say is older, and as true.

#include "plugins/storage-mmap/disk.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::storage_mmap {

/// What a queue's files hold.
struct QueueExtent {
  std::int64_t min = 0;            ///< first offset that can be read
  std::int64_t max = 0;            ///< one behind the last entry
  std::int64_t first_record = -1;  ///< log offset of the entry at min; -1 when there is none or it is not known
  std::int64_t log_end = -1;       ///< end of the last entry's record; -1 when there is none
  friend bool operator==(const QueueExtent&, const QueueExtent&) = default;
};

/// All queue entries of records that end at or below `end` are durable, and so is the log up to there.
struct LedgerMark {
  std::int64_t end = 0;
  std::int64_t last_record = -1;  ///< where the record begins that ends there; -1 in an empty log
  std::int64_t log_begin = 0;     ///< the extents' minima are right for a log that begins here
  bool clean = false;             ///< written by an orderly stop: the log ended here
};

struct LedgerTopic {
  bool restarts = false;         ///< the topic was deleted: queues of earlier frames are gone
  std::int64_t deleted_at = -1;  ///< the log's end when the topic was deleted last: its older records are in no queue
  std::map<std::int32_t, QueueExtent> queues;
};
using LedgerTopics = std::map<std::string, LedgerTopic, std::less<>>;

/// One thread at a time; may block.
class QueueLedger {
 public:
  QueueLedger(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}
  QueueLedger(const QueueLedger&) = delete;
  QueueLedger& operator=(const QueueLedger&) = delete;

  struct Image {
    LedgerMark mark;
    LedgerTopics topics;
    std::uint64_t bytes = 0;          ///< of the file that could be read
    std::uint64_t bytes_ignored = 0;  ///< behind the last good frame
  };
  /// Reads the file; does not change it. Nothing when there is none, or no whole frame in it.
  Result<std::optional<Image>> load();
  /// Replaces the file by one frame. Durable when it returns.
  Status rewrite(const LedgerMark& mark, const LedgerTopics& topics);
  /// Adds a frame with what changed; after load() or rewrite(). Durable when it returns.
  Status append(const LedgerMark& mark, const LedgerTopics& changes);
  /// Whether so much was appended that a rewrite() pays.
  [[nodiscard]] bool is_long() const noexcept { return appended_bytes_ > whole_bytes_ + (1u << 20); }

 private:
  Status open_for_append();

  Disk& disk_;
  const std::string folder_;
  File file_;
  std::uint64_t end_ = 0;  // where the next frame goes
  std::uint64_t whole_bytes_ = 0;
  std::uint64_t appended_bytes_ = 0;
};

}  // namespace gantry::storage_mmap
