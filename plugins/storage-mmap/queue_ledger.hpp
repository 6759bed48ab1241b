#pragma once
// gantry/queues: what every message queue held at the last checkpoint, so that a start needs to look at none of their
// files, and the newest entries of queues that have too few of them to be worth a write of their own file yet. A file
// of frames, to which a checkpoint adds what changed; it is rewritten when it has grown.
//
//   head:    "GANTRYQL", u32 version (1), u32 zero
//   frame:   u32 payload size, u32 CRC-32 of the payload, payload
//   payload: u64 number of the frame, i64 mark.end, i64 mark.last_record, i64 mark.log_begin, i64 mark.confirmed,
//            u8 mark.clean, u8 whole (1: forget the frames before), then items up to its end:
//     u8 1   u16 size, topic, i32 id, i64 min, i64 written, i64 max, i64 first_record, i64 log_end,
//            u32 count, entries [max - count, max) of 20 bytes as in consume-queue files
//     u8 2   u16 size, topic, i64 deleted_at
//
// Integers are big-endian. A torn or damaged frame ends the file: what the frames before it say is older, and as true.

#include "plugins/storage-mmap/disk.hpp"

#include "protocol/buffer.hpp"
#include "protocol/queue_entry.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::storage_mmap {

/// What a queue holds.
struct QueueExtent {
  std::int64_t min = 0;            ///< first offset that can be read
  std::int64_t written = 0;        ///< offsets below it are in the queue's files
  std::int64_t max = 0;            ///< one behind the last entry
  std::int64_t first_record = -1;  ///< log offset of the entry at min; -1 when there is none or it is not known
  std::int64_t log_end = -1;       ///< end of the last entry's record; -1 when there is none
  friend bool operator==(const QueueExtent&, const QueueExtent&) = default;
};

/// All queue entries of records that end at or below `end` are durable, and so is the log up to there.
struct LedgerMark {
  std::int64_t end = 0;
  std::int64_t last_record = -1;  ///< where the record begins that ends there; -1 in an empty log
  std::int64_t log_begin = 0;     ///< where the log began
  /// The confirm offset that the checkpoint file had when this was written; it is to become `end` right after that. One
  /// of the two is found there unless another broker used the directory since.
  std::int64_t confirmed = 0;
  bool clean = false;  ///< written by an orderly stop: the log ended here
};

/// One frame in the making. A value.
class LedgerFrame {
 public:
  enum class Kind : std::uint8_t { changes, whole };

  LedgerFrame(const LedgerMark& mark, Kind kind);
  /// `entries` are the newest of [extent.written, extent.max) that no frame before has; a whole frame needs them all.
  void add_queue(std::string_view topic, std::int32_t id, const QueueExtent& extent,
                 std::span<const protocol::QueueEntry> entries);
  /// The topic's queues of before are gone. Queues added behind this belong to a new topic of that name.
  void add_deleted(std::string_view topic, std::int64_t deleted_at);

 private:
  friend class QueueLedger;
  void put_topic(std::uint8_t kind, std::string_view topic);

  protocol::ByteBuffer bytes_;  // with room for the frame's head
};

/// One thread at a time; may block.
class QueueLedger {
 public:
  QueueLedger(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}
  QueueLedger(const QueueLedger&) = delete;
  QueueLedger& operator=(const QueueLedger&) = delete;

  struct Queue {
    QueueExtent extent;
    std::vector<protocol::QueueEntry> tail;  ///< entries [extent.written, extent.max); fewer: some are missing
  };
  struct Topic {
    std::int64_t deleted_at = -1;  ///< the log's end when the topic was deleted last; -1: never
    std::map<std::int32_t, Queue> queues;
  };
  struct Image {
    LedgerMark mark;
    std::map<std::string, Topic, std::less<>> topics;
    std::uint64_t bytes = 0;          ///< up to the end of the last good frame
    std::uint64_t bytes_ignored = 0;  ///< behind it
  };
  /// Reads the file and changes nothing. Nothing when there is none, or no whole frame in it.
  Result<std::optional<Image>> load();
  /// Replaces the file by one whole frame. Durable when it returns.
  Status rewrite(LedgerFrame frame);
  /// Adds a frame of changes. Durable when it returns. Needs a load() that found something, or a rewrite(), before.
  Status append(LedgerFrame frame);
  /// Whether the next frame should be a whole one: there is no good file to add to, or it has become long.
  [[nodiscard]] bool wants_rewrite() const noexcept {
    return end_ == 0 || is_torn_ || appended_bytes_ > std::max<std::uint64_t>(whole_bytes_, 4u << 20);
  }

 private:
  [[nodiscard]] protocol::ByteView seal(LedgerFrame& frame);
  /// Whether it is the frame that comes next.
  [[nodiscard]] bool follows(std::string_view payload) const;
  bool apply(std::string_view payload, Image& image);

  Disk& disk_;
  const std::string folder_;
  File file_;
  std::uint64_t number_ = 0;  // of the last frame
  std::uint64_t end_ = 0;     // where the next frame goes; 0: there is no file
  bool is_torn_ = false;
  std::uint64_t whole_bytes_ = 0;
  std::uint64_t appended_bytes_ = 0;
};

}  // namespace gantry::storage_mmap
