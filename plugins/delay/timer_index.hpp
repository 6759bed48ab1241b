#pragma once
// All pending timers in the order in which they fall due, in bounded memory, whatever their number: a table in memory
// for the newest, sorted files (runs) for the rest. docs/adr/0008-timers-on-disk.md tells why.
//
// The timer topic is the log of what was accepted; nothing here is needed to keep a timer, only to find it in time. The
// scanner adds entries in the order of the topic, delivery pops them in the order of their time and retires them once
// they are done, the keeper moves full tables into runs and merges runs. What is retired is written to the state file
// at once: a killed process repeats what was popped and not retired, and nothing else.
//
// Invariants: (1) an entry is in exactly one source: the live table, the frozen one, a run; or popped; (2) each frozen
// table and run is popped and retired from its front on; (3) a table leaves memory, and merged runs their files, only
// when nothing is outstanding that was popped before; (4) files are deleted only when a state file without them is on
// the disk and needs no more of the log than the disk has.

#include "plugins/delay/entry.hpp"
#include "plugins/delay/run.hpp"
#include "plugins/delay/state.hpp"

#include "gantry/sdk/host.hpp"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace gantry::delay {

/// Where entries wait; see timer_index.cpp.
struct Source;

/// An entry that was taken out to be acted on; give it to retire() when that is done.
struct Popped {
  Entry entry;
  std::shared_ptr<Source> source;
  std::uint64_t epoch = 0;
  bool from_heap = false;  ///< popped before its table was copied for a run
};

class TimerIndex {
 public:
  struct Settings {
    std::filesystem::path folder;
    std::size_t table_entries_max = 262'144;
    std::size_t merge_width = 4;  ///< so many runs of similar size become one
  };
  /// What the store has.
  struct StoreBounds {
    std::int64_t queue_min = 0;  ///< of the timer topic's queue
    std::int64_t queue_max = 0;
    std::int64_t log_end = 0;
  };
  /// How it looks at the store. [any-thread], not blocking.
  struct StoreView {
    std::function<StoreBounds()> bounds;
    /// The end of what survives a power cut; asks for it to move up to `wanted`.
    std::function<std::int64_t(std::int64_t wanted)> durable_end;
  };

  /// Recovers, before anything is appended to the store. Without files of its own it begins with the topic's first
  /// record, less what `takeover` rules out.
  static Result<std::unique_ptr<TimerIndex>> open(sdk::Host host, Settings settings, StoreView store,
                                                  Watermark takeover);
  ~TimerIndex();

  // ---- scanner ----

  struct ScanPosition {
    std::int64_t offset = 0;  ///< the next record of the timer topic to look at
    std::uint64_t era = 0;    ///< another one after the keeper began anew: what was read before is to be forgotten
  };
  enum class Added : std::uint8_t {
    done,   ///< or passed over, because it is known to have been delivered
    full,   ///< there is no room until the keeper has written a table; nothing was added
    stale,  ///< the era is over; ask for the position again
  };
  [[nodiscard]] ScanPosition scan_position() const;
  /// Adds what was found at the position, in the order of queue offsets. `out_ms` is the time that the takeover's
  /// Watermark speaks of.
  Added add(std::uint64_t era, const Entry& entry, std::string_view topic, std::int64_t out_ms);
  /// Everything before it has been looked at.
  void scanned_to(ScanPosition position);

  // ---- delivery ----

  /// The time of the first entry. May read a block of a file.
  Result<std::optional<std::int64_t>> next_action_ms();
  /// Takes the first entry if its time is not after `until_ms`. After an Error the keeper begins anew.
  Result<std::optional<Popped>> pop(std::int64_t until_ms);
  /// They are done, in this order; those of one run in the order in which they were popped. `log_end_needed`: the end
  /// of the last record that was published for them, 0 for none.
  void retire(std::span<const Popped> done, std::int64_t log_end_needed);
  /// Cancels that were seen before the start and may still have something to cancel.
  [[nodiscard]] std::vector<CancelMark> recovered_cancels() const;

  // ---- levels: how far the queues of the delay levels have come, kept in the same files ----

  void set_level(std::int32_t level, std::int64_t offset, std::int64_t log_end_needed);
  [[nodiscard]] std::map<std::int32_t, std::int64_t> levels() const;

  // ---- keeper: one thread ----

  /// Does one piece of pending work, such as writing a table. False: nothing to do at present. When a file turned out
  /// to be damaged it moves all of them aside and begins again with the topic's first record; what is known to have
  /// been delivered is passed over, the rest may be delivered twice.
  Result<bool> maintain();
  /// The state file is on the disk after it.
  Status sync();

  // ---- for people ----

  struct Counts {
    std::int64_t pending = 0;
    std::int64_t in_memory = 0;
    std::int64_t run_count = 0;
    std::int64_t run_bytes = 0;
    TopicCounts topics;
  };
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::int64_t pending() const;
  /// The next entries that were not popped yet, in order.
  Result<std::vector<Entry>> peek(std::size_t count_max);

  /// Topics beyond this number are counted together, as "(other)".
  static constexpr std::size_t counted_topics_max = 4096;

 private:
  struct Merge;
  using SourcePtr = std::shared_ptr<Source>;

  TimerIndex(sdk::Host host, Settings settings, StoreView store);
  Status recover(Watermark takeover);
  Result<Snapshot> load_newest(std::int64_t log_end);
  Status adopt(const Snapshot& snapshot, const StoreBounds& bounds);
  void begin_empty(std::int64_t scan_offset, const Watermark& watermark);
  Status move_aside(std::string_view reason);
  Status rebuild();

  // All of these are called with the lock held.
  [[nodiscard]] std::int64_t delivered_below() const;
  Error damaged(Error error);
  Result<Source*> first_source();
  Result<std::optional<Entry>> head_of(Source& source);
  void freeze();
  [[nodiscard]] bool outstanding_until(std::uint64_t epoch) const;
  [[nodiscard]] bool is_kept(const CancelMark& cancel) const noexcept;
  [[nodiscard]] Snapshot make_snapshot() const;
  Status begin_generation();
  void append_step(const Step& step);
  void count(Source* table, std::uint32_t hash, std::string_view name, std::int64_t delta);

  // Keeper. Each does a piece of work, or says that there is none; none holds the lock while it writes a run.
  Result<bool> write_frozen();
  Result<bool> install_frozen();
  Result<bool> begin_merge();
  Result<bool> continue_merge();
  Result<bool> install_merged();
  Result<bool> drop_exhausted();
  Result<bool> clean_up();

  const sdk::Host host_;
  const Settings settings_;
  const StoreView store_;

  mutable std::mutex mutex_;
  SourcePtr live_;
  SourcePtr frozen_;
  std::vector<SourcePtr> runs_;
  std::uint64_t next_run_id_ = 1;

  std::int64_t scan_offset_ = 0;  ///< next to look at
  std::uint64_t era_ = 1;
  std::int64_t checkpoint_offset_ = 0;     ///< all before is in runs or retired
  std::vector<std::int64_t> retired_;      ///< queue offsets from checkpoint_offset_ on
  std::unordered_set<std::int64_t> skip_;  ///< retired before the start, to be passed over by the scan
  std::int64_t skip_end_ = 0;
  Watermark watermark_;

  std::uint64_t epoch_ = 1;
  std::map<std::uint64_t, std::size_t> outstanding_;  ///< epoch -> popped and not retired
  std::int64_t log_end_needed_ = 0;
  std::map<std::int64_t, std::size_t> outstanding_ms_;  ///< the same by time
  std::int64_t last_popped_ms_ = 0;
  std::int64_t last_retired_ms_ = 0;
  std::optional<Error> damage_;
  std::vector<CancelMark> cancels_;
  std::map<std::int32_t, std::int64_t> levels_;
  TopicCounts counts_;
  std::int64_t pending_ = 0;

  std::uint64_t generation_ = 0;
  File state_;
  bool state_failed_ = false;  ///< a step could not be written: a new snapshot must be
  bool state_unsynced_ = false;
  std::uint64_t state_steps_bytes_ = 0;

  // Keeper only.
  std::unique_ptr<Merge> merge_;
  std::vector<Entry> copy_;  ///< of frozen_, to be written
  SourcePtr written_;        ///< the run that frozen_ was written to, not in use yet
  bool clean_up_due_ = false;
  std::int64_t clean_up_log_end_ = 0;
};

}  // namespace gantry::delay
