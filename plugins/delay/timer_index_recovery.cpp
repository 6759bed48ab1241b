// How TimerIndex finds its way back after a start, a power cut, or damage.
#include "plugins/delay/source.hpp"
#include "plugins/delay/timer_index.hpp"

#include <algorithm>
#include <system_error>

namespace gantry::delay {

namespace fs = std::filesystem;

Result<std::unique_ptr<TimerIndex>> TimerIndex::open(sdk::Host host, Settings settings, StoreView store,
                                                     Watermark takeover) {
  std::error_code failed;
  fs::create_directories(settings.folder, failed);
  if (failed) {
    return Error{Errc::io, settings.folder.string() + ": cannot create the folder: " + failed.message()};
  }
  std::unique_ptr<TimerIndex> index(new TimerIndex(host, std::move(settings), std::move(store)));
  GANTRY_TRY(index->recover(takeover));
  return index;
}

Status TimerIndex::recover(Watermark takeover) {
  const std::lock_guard lock(mutex_);
  const StoreBounds bounds = store_.bounds();
  const auto newest = load_newest(bounds.log_end);
  if (newest) {
    if (const Status adopted = adopt(*newest, bounds); !adopted) {
      GANTRY_TRY(move_aside(adopted.error().text));
      levels_ = newest->levels;
      begin_empty(bounds.queue_min, newest->watermark);
    }
  } else {
    if (newest.error().code != Errc::not_found) GANTRY_TRY(move_aside(newest.error().text));
    begin_empty(bounds.queue_min, takeover);
  }
  // From here on the log grows again: what was too long before must not seem covered then.
  GANTRY_TRY(begin_generation());
  host_.log(sdk::LogLevel::info, "timers.recovered",
            {sdk::field("runs", runs_.size()), sdk::field("pending_in_runs", pending_),
             sdk::field("scan_from", scan_offset_), sdk::field("scan_to", bounds.queue_max)});
  return {};
}

/// The newest state that the log covers. Errc::not_found: there is none at all.
Result<Snapshot> TimerIndex::load_newest(std::int64_t log_end) {
  std::vector<std::uint64_t> generations;
  std::error_code failed;
  for (const fs::directory_entry& each : fs::directory_iterator(settings_.folder, failed)) {
    if (const auto generation = numbered(each.path(), "state-")) generations.push_back(*generation);
  }
  if (failed) return Error{Errc::io, settings_.folder.string() + ": cannot list the folder: " + failed.message()};
  std::sort(generations.rbegin(), generations.rend());
  if (generations.empty()) return Error{Errc::not_found, "no state"};
  generation_ = generations.front();
  std::string reasons;
  for (const std::uint64_t generation : generations) {
    const fs::path path = state_path(settings_.folder, generation);
    const auto content = read_whole_file(path);
    auto snapshot = content ? replay_state(*content, log_end) : Result<Snapshot>(content.error());
    if (snapshot) return snapshot;
    host_.log(sdk::LogLevel::warn, "timers.state_passed_over",
              {sdk::field("file", path.string()), sdk::field("reason", snapshot.error())});
    reasons += (reasons.empty() ? "" : "; ") + path.filename().string() + ": " + snapshot.error().text;
  }
  return Error{Errc::corrupt, "no usable state: " + reasons};
}

Status TimerIndex::adopt(const Snapshot& snapshot, const StoreBounds& bounds) {
  std::vector<SourcePtr> runs;
  for (const RunState& state : snapshot.runs) {
    GANTRY_ASSIGN(RunReader reader, RunReader::open(settings_.folder, state.id, state.retired));
    auto run = std::make_shared<Source>();
    run->popped = run->retired = std::min(state.retired, reader.info().entry_count);
    run->log_end = state.log_end;
    if (reader.info().log_end_max > bounds.log_end) {
      // A power cut took the end of the log: those records come again, or never were acknowledged.
      run->log_end = std::min(run->log_end, bounds.log_end);
      host_.log(sdk::LogLevel::warn, "timers.log_is_shorter",
                {sdk::field("run", state.id), sdk::field("expected_end", reader.info().log_end_max),
                 sdk::field("found_end", bounds.log_end)});
    }
    run->reader.emplace(std::move(reader));
    runs.push_back(std::move(run));
  }
  begin_empty(std::clamp(snapshot.scan_offset, bounds.queue_min, bounds.queue_max), snapshot.watermark);
  runs_ = std::move(runs);
  next_run_id_ = snapshot.next_run_id;
  for (const std::int64_t offset : snapshot.retired) {
    if (offset < scan_offset_ || offset >= bounds.queue_max) continue;
    retired_.push_back(offset);
    skip_.insert(offset);
    skip_end_ = std::max(skip_end_, offset + 1);
  }
  for (const auto& [hash, count] : snapshot.run_counts) {
    if (count.pending <= 0) continue;
    counts_[hash] = count;
    pending_ += count.pending;
  }
  cancels_ = snapshot.cancels;
  for (const CancelMark& cancel : cancels_) last_retired_ms_ = std::max(last_retired_ms_, cancel.due_ms);
  levels_ = snapshot.levels;
  log_end_needed_ = snapshot.log_end_needed;
  return {};
}

void TimerIndex::begin_empty(std::int64_t scan_offset, const Watermark& watermark) {
  live_ = std::make_shared<Source>();
  frozen_.reset();
  runs_.clear();
  scan_offset_ = checkpoint_offset_ = scan_offset;
  retired_.clear();
  skip_ = {};
  skip_end_ = 0;
  watermark_ = watermark;
  counts_.clear();
  pending_ = 0;
}

Status TimerIndex::move_aside(std::string_view reason) {
  const fs::path aside = settings_.folder / ("damaged-" + std::to_string(host_.wall_ms()));
  host_.log(sdk::LogLevel::error, "timers.damaged",
            {sdk::field("reason", reason), sdk::field("moved_to", aside.string()),
             sdk::field("remedy", "none needed: all timers are read from the log again; some may be delivered twice")});
  std::error_code failed;
  fs::create_directories(aside, failed);
  std::vector<fs::path> files;
  for (const fs::directory_entry& each : fs::directory_iterator(settings_.folder, failed)) {
    if (each.is_regular_file(failed)) files.push_back(each.path());
  }
  for (const fs::path& file : files) {
    if (!failed) fs::rename(file, aside / file.filename(), failed);
  }
  if (failed) return Error{Errc::io, settings_.folder.string() + ": cannot move files aside: " + failed.message()};
  return sync_folder(settings_.folder);
}

/// Everything that was due before it has been delivered, as far as can be known.
std::int64_t TimerIndex::delivered_below() const {
  std::int64_t below = last_popped_ms_;
  if (!outstanding_ms_.empty()) below = std::min(below, outstanding_ms_.begin()->first);
  for (const Source* table : {live_.get(), frozen_.get()}) {
    if (table != nullptr && !table->entries.empty()) below = std::min(below, table->entries.front().action_ms);
  }
  // What comes next in a run is not before what came last; the next entry itself may be unreadable.
  for (const SourcePtr& run : runs_) {
    if (run->left() > 0) below = std::min(below, run->last_popped_ms);
  }
  return below;
}

}  // namespace gantry::delay
