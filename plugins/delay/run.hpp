#pragma once
// A run: an immutable file of sorted entries. Written once, then read from front to back.
//
//   block 0, 1, ...   4096 bytes: 85 entries of 48 bytes (the last block: fewer, then zeros), then the block's tail
//                       u32 entry count | u32 block index | u32 run id, low half | u32 CRC-32C of all before
//   footer            4096 bytes: magic "GDLYRUN1" | RunInfo | zeros | u32 CRC-32C of all before
//
// Where a reader stands is a number of entries, so that the place in the file follows from it and needs no index.

#include "plugins/delay/entry.hpp"
#include "plugins/delay/file.hpp"

#include "gantry/sdk/result.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace gantry::delay {

inline constexpr std::size_t run_block_size = 4096;
inline constexpr std::size_t run_block_entries = (run_block_size - 16) / sizeof(Entry);
static_assert(run_block_entries == 85);

/// What the footer says.
struct RunInfo {
  std::uint64_t id = 0;
  std::uint64_t entry_count = 0;
  std::int64_t queue_offset_min = 0;
  std::int64_t log_end_max = 0;  ///< the end of the last record in the log that an entry points to
};

std::filesystem::path run_path(const std::filesystem::path& folder, std::uint64_t id);

/// Entries in, in ascending order; a file out. One thread.
class RunWriter {
 public:
  static Result<RunWriter> create(const std::filesystem::path& folder, std::uint64_t id);
  [[nodiscard]] std::uint64_t id() const noexcept { return info_.id; }
  Status add(const Entry& entry);
  /// Everything is on the disk after it.
  Result<RunInfo> finish();

 private:
  RunWriter(File file, std::uint64_t id);
  Status end_block();

  static constexpr std::size_t write_bytes = 64 * run_block_size;
  static constexpr std::uint64_t sync_bytes = 16u << 20;  ///< synced piecewise, so that no sync has to move gigabytes

  File file_;
  RunInfo info_;
  std::string pending_;  ///< whole blocks that were not written yet
  std::array<Entry, run_block_entries> block_ = {};
  std::uint32_t block_count_ = 0;
  std::uint32_t block_index_ = 0;
  std::uint64_t unsynced_ = 0;
};

/// A place in a run. Holds one block in memory. One thread at a time.
class RunReader {
 public:
  /// Checks the footer. Errc::corrupt when the file is no whole run of that id.
  static Result<RunReader> open(const std::filesystem::path& folder, std::uint64_t id, std::uint64_t position);

  [[nodiscard]] const RunInfo& info() const noexcept { return info_; }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] bool at_end() const noexcept { return position_ >= info_.entry_count; }
  /// The entry it stands at, valid until the next call; not at the end. Errc::corrupt when its block is damaged.
  Result<const Entry*> peek();
  void advance() noexcept { ++position_; }
  /// Another place in the same run, with a file of its own.
  [[nodiscard]] Result<RunReader> at(std::uint64_t position) const;

 private:
  struct Block {
    std::array<Entry, run_block_entries> entries = {};
    std::uint64_t index = UINT64_MAX;
  };
  RunReader(File file, const RunInfo& info, std::uint64_t position)
      : file_(std::move(file)), info_(info), position_(position), block_(std::make_unique<Block>()) {}
  Status load(std::uint64_t block_index);

  File file_;
  RunInfo info_;
  std::uint64_t position_ = 0;
  std::unique_ptr<Block> block_;
};

}  // namespace gantry::delay
