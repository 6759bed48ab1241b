#pragma once
// What has been done so far, on disk: a file "state-<generation>" of frames. The first is a snapshot of everything;
// each one after it says what was finished since. A new snapshot begins a new file, so that none of them grows for
// ever.
//
//   frame    u32 size of the payload | u32 CRC-32C of the payload | payload
//   payload  u8 1 (snapshot) or 2 (step) | what encode() below writes
//
// A frame counts only when the log still holds what it relies on: `log_end_needed` is the end of the last record that
// was published before it. After a power cut the log may be shorter; then the messages were lost with it, and are
// published again because the frames that called them done are ignored.

#include "plugins/delay/file.hpp"

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::delay {

/// A cancel that has been seen; it ends timers of that key that are due at `due_ms` or up to a second later.
struct CancelMark {
  std::uint64_t key_hash = 0;
  std::int64_t due_ms = 0;
  std::int64_t log_offset = 0;  ///< of the cancel's record
};

struct RunState {
  std::uint64_t id = 0;
  std::uint64_t retired = 0;  ///< entries from the front that are done
  /// Entries at or beyond this log offset were lost with the log's end in a power cut; INT64_MAX: none.
  std::int64_t log_end = INT64_MAX;
};

struct TopicCount {
  std::string name;
  std::int64_t pending = 0;
};
using TopicCounts = std::map<std::uint32_t, TopicCount>;  ///< by topic_hash_of(name)

/// Records of the timer topic below `queue_offset` that were due before `due_ms` have been delivered.
struct Watermark {
  std::int64_t due_ms = 0;
  std::int64_t queue_offset = 0;
};

struct Snapshot {
  std::int64_t log_end_needed = 0;
  std::int64_t scan_offset = 0;       ///< what the timer topic holds from here on is in no run
  std::vector<std::int64_t> retired;  ///< queue offsets at or behind scan_offset that are done
  std::uint64_t next_run_id = 1;
  std::vector<RunState> runs;
  TopicCounts run_counts;  ///< what is pending in runs
  std::vector<CancelMark> cancels;
  std::map<std::int32_t, std::int64_t> levels;  ///< delay level -> next queue offset
  Watermark watermark;
};

struct RunProgress {
  std::uint64_t id = 0;
  std::uint64_t retired = 0;  ///< entries from the front that are done
};

struct Step {
  std::int64_t log_end_needed = 0;
  std::vector<std::int64_t> retired;  ///< queue offsets
  std::vector<RunProgress> runs;
  std::map<std::uint32_t, std::uint32_t> run_counts;  ///< topic hash -> how many of them came from runs
  std::vector<CancelMark> cancels;
  std::map<std::int32_t, std::int64_t> levels;

  [[nodiscard]] bool empty() const noexcept { return retired.empty() && runs.empty() && levels.empty(); }
};

std::string encode_frame(const Snapshot& snapshot);
std::string encode_frame(const Step& step);

/// What a file says: its snapshot with all steps applied that are whole and covered by `log_end`. A torn end is normal.
/// Errc::corrupt when it does not begin with a whole snapshot, Errc::not_found when that relies on a longer log.
Result<Snapshot> replay_state(std::string_view content, std::int64_t log_end);

void apply(Snapshot& to, const Step& step);

std::filesystem::path state_path(const std::filesystem::path& folder, std::uint64_t generation);

}  // namespace gantry::delay
