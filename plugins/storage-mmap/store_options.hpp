#pragma once
// What an operator can set, what the tests shrink, and what the store asks of its surroundings.

#include "gantry/abi/host.h"
#include "protocol/queue_entry.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::storage_mmap {

enum class FlushMode : std::uint8_t { async, sync };

struct StoreOptions {
  std::string path = "./data/store";
  /// Size of every commit-log file; a directory keeps the size that it was made with.
  std::uint64_t segment_size = 1ull << 30;
  /// Entries (20 bytes each) in every consume-queue file.
  std::uint32_t queue_file_entries = 300'000;

  /// sync: data goes to the disk as soon as it is there. async: at the pace of the next three. Either way
  /// want_durable() is obeyed at once.
  FlushMode flush = FlushMode::async;
  std::chrono::milliseconds flush_interval{500};
  std::uint64_t flush_bytes_min = 4 * 4096;
  std::chrono::milliseconds flush_thorough_interval{10'000};

  /// How often, and at least after how much log, a checkpoint notes what the queues hold; bounds the log that is read
  /// after a crash.
  std::chrono::milliseconds checkpoint_interval{10'000};
  std::uint64_t checkpoint_bytes_max = 512ull << 20;
  /// Queue entries of a queue that are worth a write of its own; fewer stay in memory and in the ledger for a while.
  std::uint32_t queue_write_entries_min = 48;
  std::chrono::milliseconds queue_write_age_max{60'000};

  /// The newest part of the log that counts as being in memory and stays mapped.
  std::uint64_t hot_window = 64ull << 20;
  /// Page cache that readers of older parts may occupy; what they read before is given back first.
  std::uint64_t cold_cache = 256ull << 20;
  /// How much is read ahead for a reader of older parts.
  std::uint64_t cold_read_ahead = 4ull << 20;
  /// Queue entries that are in no file yet; beyond it append() answers BUSY.
  std::int64_t pending_entries_max = 4'000'000;
  std::uint32_t open_files_max = 512;
  /// Used part of the disk, in percent, from which append() answers FULL.
  std::uint32_t disk_full_percent = 90;
  /// Used part of the disk, in percent, from which the oldest log files go before their time; 100: never.
  std::uint32_t disk_clean_percent = 85;
  /// Log files whose newest record is older go; 0: no limit of time.
  std::chrono::milliseconds retention_time{72LL * 3'600'000};
  /// The oldest log files go when the log is larger; 0: no limit of size.
  std::uint64_t retention_bytes = 0;
  std::chrono::milliseconds retention_interval{10'000};

  /// The delays of the levels 1, 2, ... in milliseconds: from them the tag codes of delayed messages.
  std::vector<std::int64_t> delay_levels_ms{protocol::delay_level_ms.begin(), protocol::delay_level_ms.end()};

  /// Whether messages can be found by key.
  bool index = true;
  /// RocketMQ's sizes of an index file; a directory keeps what it was made with.
  std::uint32_t index_slots = 5'000'000;
  std::uint32_t index_entries = 20'000'000;
  /// How long keys gather in memory before they are written to index files, and how many may.
  std::chrono::milliseconds index_interval{60'000};
  std::uint32_t index_pending_max = 1'000'000;

  /// Disk space reserved ahead of the log's end, and the bounds of the part of it that is mapped in already.
  std::uint64_t reserve_ahead = 64ull << 20;
  std::uint64_t populate_min = 1ull << 20;
  std::uint64_t populate_max = 32ull << 20;
};

/// What the store needs from whoever runs it. Empty functions fall back to the system's clock and to silence.
struct Surroundings {
  std::function<std::int64_t()> wall_ms;
  /// level is GANTRY_LOG_*; [any-thread]
  std::function<void(std::uint32_t level, std::string_view event, std::string_view text)> log;
};

}  // namespace gantry::storage_mmap
