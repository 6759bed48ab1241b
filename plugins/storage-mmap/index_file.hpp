#pragma once
// One of RocketMQ's index files: a hash table from keys to places in the log, written once from its beginning to its
// end. Source: classes IndexFile, IndexHeader.
//
//        at            size          what
//         0              8           begin_ms       store time of the first entry
//         8              8           end_ms         of the last one
//        16              8           begin_offset   log offset of the first entry's record
//        24              8           end_offset     of the last one's
//        32              4           slots_used     slots that are not 0
//        36              4           count          number of the next entry; the first one is 1, entry 0 stays unused
//        40              4 * slots   slots: number of the newest entry whose hash falls there, 0: none
//        40 + 4 * slots  20 * entries
//
//   entry:  0  4  hash      4  8  log offset     12  4  store time - begin_ms, in seconds
//          16  4  number of the entry before it in the same slot, 0: none
//
// Integers are big-endian. Nothing in the file tells how many slots and entries it has: the whole directory has the
// same. Keys themselves are not stored.
//
// A batch is written in this order: entries, sync, slots, header, sync. So whatever a crash leaves, what a slot points
// to is an entry that is whole, and following `previous` from there leads to the entries of an earlier state of the
// file. rewind() does that for every slot, and find() does it on its way.
//
// Files are read and written by system calls, not mapped: storing into a hole of a mapping on a full disk kills the
// process.

#include "plugins/storage-mmap/disk.hpp"

#include "gantry/sdk/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::storage_mmap {

struct IndexGeometry {
  std::uint32_t slots = 5'000'000;
  std::uint32_t entries = 20'000'000;  ///< counts entry 0, which is not used
  friend bool operator==(const IndexGeometry&, const IndexGeometry&) = default;
};

namespace index_layout {
inline constexpr std::size_t begin_ms = 0;
inline constexpr std::size_t end_ms = 8;
inline constexpr std::size_t begin_offset = 16;
inline constexpr std::size_t end_offset = 24;
inline constexpr std::size_t slots_used = 32;
inline constexpr std::size_t count = 36;
inline constexpr std::size_t header_size = 40;
inline constexpr std::size_t slot_size = 4;

inline constexpr std::size_t entry_hash = 0;
inline constexpr std::size_t entry_log_offset = 4;
inline constexpr std::size_t entry_seconds = 12;
inline constexpr std::size_t entry_previous = 16;
inline constexpr std::size_t entry_size = 20;

constexpr std::uint64_t slot_at(std::uint32_t slot) { return header_size + std::uint64_t{slot} * slot_size; }
constexpr std::uint64_t entry_at(const IndexGeometry& geometry, std::uint32_t number) {
  return slot_at(geometry.slots) + std::uint64_t{number} * entry_size;
}
constexpr std::uint64_t file_size(const IndexGeometry& geometry) { return entry_at(geometry, geometry.entries); }

static_assert(count + sizeof(std::int32_t) == header_size);
static_assert(entry_previous + sizeof(std::int32_t) == entry_size);
static_assert(entry_at({}, 0) == 20'000'040);
static_assert(file_size({}) == 420'000'040, "RocketMQ's default size");
}  // namespace index_layout

/// The first 40 bytes. A value.
struct IndexHeader {
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = 0;
  std::int64_t begin_offset = 0;
  std::int64_t end_offset = 0;
  std::int32_t slots_used = 0;
  std::int32_t count = 1;

  [[nodiscard]] bool is_empty() const noexcept { return count <= 1; }
  friend bool operator==(const IndexHeader&, const IndexHeader&) = default;
};

/// Reads index_layout::header_size bytes. A count of 0 reads as 1, as RocketMQ does it.
IndexHeader decode_index_header(const std::byte* from) noexcept;
void encode_index_header(const IndexHeader& header, std::byte* to) noexcept;

/// A key on its way into a file.
struct IndexKey {
  std::int64_t log_offset = 0;
  std::int64_t store_ms = 0;
  std::int32_t hash = 0;  ///< as index_hash() makes it, not negative
};

/// An open index file. It does not remember its header: whoever writes keeps it, and gives readers the one they may
/// see. One writer at a time (insert, rewind); find() and entries_at_end() from any thread beside it. May block.
class IndexFile {
 public:
  IndexFile(Disk& disk, File file, std::string name, IndexGeometry geometry)
      : disk_(disk), file_(std::move(file)), name_(std::move(name)), geometry_(geometry) {}
  IndexFile(const IndexFile&) = delete;
  IndexFile& operator=(const IndexFile&) = delete;

  struct Opened {
    std::unique_ptr<IndexFile> file;
    IndexHeader header;
    std::string damage;  ///< what is wrong with the header, for a person; empty: it can be believed
  };
  /// A file that is shorter than it should be is brought to its size, as RocketMQ does it.
  static Result<Opened> open(Disk& disk, const std::string& folder, const std::string& name, IndexGeometry geometry);
  /// Makes a file without entries whose header carries the end of `before`, as RocketMQ's do, durably. What a failure
  /// leaves is a file that RocketMQ takes for an empty one.
  static Result<Opened> create(Disk& disk, const std::string& folder, const std::string& name, IndexGeometry geometry,
                               const IndexHeader& before);

  /// What contradicts itself in a header with these entries in the file; empty: nothing.
  Result<std::string> find_damage(const IndexHeader& header) const;

  /// Adds keys, which are in the order of the log and of which there are at most room(header), behind the entries that
  /// `header` counts; the new header, durable. After a failure the file holds what it held, once it was rewound.
  Result<IndexHeader> insert(const IndexHeader& header, std::span<const IndexKey> keys);
  /// Makes the file what it was when it had that header, whatever was written behind it since. Errc::corrupt when the
  /// file does not hold together. Durable.
  Status rewind(const IndexHeader& header);

  /// Entries with the hash and begin_ms <= store time <= end_ms (give or take a second), newest first, until `visit`
  /// answers false (then false). Damage ends the search of this file early and is no error.
  Result<bool> find(const IndexHeader& header, std::int32_t hash, std::int64_t begin_ms, std::int64_t end_ms,
                    const std::function<bool(std::int64_t log_offset)>& visit) const;
  /// How many of the newest entries have the header's end_offset; counts to `max` at most.
  Result<std::uint32_t> entries_at_end(const IndexHeader& header, std::uint32_t max) const;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }
  [[nodiscard]] std::uint32_t room(const IndexHeader& header) const noexcept {
    return geometry_.entries - std::min(geometry_.entries, static_cast<std::uint32_t>(header.count));
  }
  [[nodiscard]] bool is_full(const IndexHeader& header) const noexcept { return room(header) == 0; }

 private:
  struct Entry;
  class EntryReader;
  class SlotWindow;

  Status write_header(const IndexHeader& header);
  template <typename Use>
  Status for_each_window(std::span<const std::uint64_t> order, bool write, Use use);

  Disk& disk_;
  const File file_;
  const std::string name_;
  const IndexGeometry geometry_;
  /// A slot is read whole: held by the writer while it writes a window of slots, shared by readers of one slot.
  mutable std::shared_mutex slots_mutex_;
  // The writer's memory, kept from batch to batch.
  std::vector<std::uint64_t> order_;
  std::vector<std::byte> entries_;
  std::vector<std::byte> window_;
};

/// yyyyMMddHHmmssSSS in the local time zone, as RocketMQ names its files; behind `newest` in the order of names if that
/// is not empty, whatever the clock says.
std::string index_file_name(std::int64_t wall_ms, std::string_view newest);
/// Whether RocketMQ would take a file of that name for an index file.
bool is_index_file_name(std::string_view name) noexcept;

}  // namespace gantry::storage_mmap
