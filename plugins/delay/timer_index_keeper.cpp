// The keeper's half of TimerIndex: tables become runs, runs become fewer, old files go.
#include "plugins/delay/source.hpp"
#include "plugins/delay/timer_index.hpp"

#include <algorithm>
#include <system_error>

namespace gantry::delay {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t merge_step_entries = 4096;
constexpr std::uint64_t state_steps_bytes_max = 16u << 20;

/// Runs of one tier are of similar size.
std::size_t tier_of(std::uint64_t entries, const TimerIndex::Settings& settings) {
  std::size_t tier = 0;
  for (std::uint64_t size = settings.table_entries_max; entries > size; size *= settings.merge_width) ++tier;
  return tier;
}

}  // namespace

/// Several runs on their way to become one.
struct TimerIndex::Merge {
  struct Input {
    SourcePtr run;
    RunReader reader;
    std::uint64_t begin;
  };
  std::vector<Input> inputs;
  RunWriter writer;
  std::uint64_t barrier;
  SourcePtr merged = nullptr;  ///< once all is written
};

TimerIndex::TimerIndex(sdk::Host host, Settings settings, StoreView store)
    : host_(host), settings_(std::move(settings)), store_(std::move(store)) {}
TimerIndex::~TimerIndex() = default;

Result<bool> TimerIndex::maintain() {
  {
    const std::lock_guard lock(mutex_);
    if (damage_) {
      GANTRY_TRY(rebuild());
      return true;
    }
    if (state_failed_ || state_steps_bytes_ >= state_steps_bytes_max) {
      GANTRY_TRY(begin_generation());
      return true;
    }
  }
  // In this order: a full table makes the scanner wait, a merge can wait.
  for (const auto step :
       {&TimerIndex::install_frozen, &TimerIndex::write_frozen, &TimerIndex::clean_up, &TimerIndex::install_merged,
        &TimerIndex::continue_merge, &TimerIndex::drop_exhausted, &TimerIndex::begin_merge}) {
    auto did = (this->*step)();
    if (!did) {
      if (did.error().code != Errc::corrupt) return did;
      const std::lock_guard lock(mutex_);
      return damaged(std::move(did).error());
    }
    if (*did) return true;
  }
  return false;
}

Status TimerIndex::rebuild() {
  const Watermark watermark{delivered_below(), scan_offset_};
  GANTRY_TRY(move_aside(damage_->text));
  merge_.reset();
  written_.reset();
  copy_ = {};
  begin_empty(store_.bounds().queue_min, watermark);
  ++era_;
  damage_.reset();
  return begin_generation();
}

Result<bool> TimerIndex::write_frozen() {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!frozen_ || written_) return false;
    if (!frozen_->is_copied) {
      copy_ = frozen_->entries;
      frozen_->is_copied = true;
      frozen_->barrier = epoch_++;
    }
    if (copy_.empty()) return false;  // nothing to write: only the checkpoint moves
    id = next_run_id_++;
  }
  std::sort(copy_.begin(), copy_.end(), &comes_before);
  GANTRY_ASSIGN(RunWriter writer, RunWriter::create(settings_.folder, id));
  for (const Entry& entry : copy_) GANTRY_TRY(writer.add(entry));
  GANTRY_TRY(writer.finish());
  GANTRY_ASSIGN(RunReader reader, RunReader::open(settings_.folder, id, 0));
  copy_ = {};
  written_ = std::make_shared<Source>();
  written_->reader.emplace(std::move(reader));
  return true;
}

Result<bool> TimerIndex::install_frozen() {
  const std::lock_guard lock(mutex_);
  const bool is_written = frozen_ && frozen_->is_copied && copy_.empty();
  if (!is_written || outstanding_until(frozen_->barrier)) return false;
  if (written_) {
    written_->popped = frozen_->popped;
    written_->retired = frozen_->retired;
    GANTRY_ASSIGN(RunReader reader, written_->reader->at(written_->popped));
    written_->reader.emplace(std::move(reader));
    frozen_->successor = written_;
    runs_.push_back(std::exchange(written_, nullptr));
  }
  checkpoint_offset_ = frozen_->scan_end;
  frozen_.reset();
  std::erase_if(retired_, [&](std::int64_t offset) { return offset < checkpoint_offset_; });
  GANTRY_TRY(begin_generation());
  return true;
}

Result<bool> TimerIndex::begin_merge() {
  const std::lock_guard lock(mutex_);
  if (merge_) return false;
  std::map<std::size_t, std::vector<SourcePtr>> tiers;
  for (const SourcePtr& run : runs_) tiers[tier_of(run->left(), settings_)].push_back(run);
  const auto chosen = std::find_if(tiers.begin(), tiers.end(),
                                   [&](const auto& tier) { return tier.second.size() >= settings_.merge_width; });
  if (chosen == tiers.end()) return false;
  std::vector<Merge::Input> inputs;
  for (const SourcePtr& run : chosen->second) {
    GANTRY_ASSIGN(RunReader reader, run->reader->at(run->popped));
    inputs.push_back({run, std::move(reader), run->popped});
  }
  GANTRY_ASSIGN(RunWriter writer, RunWriter::create(settings_.folder, next_run_id_++));
  merge_.reset(new Merge{std::move(inputs), std::move(writer), epoch_++});
  return true;
}

Result<bool> TimerIndex::continue_merge() {
  if (!merge_ || merge_->merged) return false;
  const auto write = [&]() -> Result<bool> {
    for (std::size_t left = merge_step_entries; left > 0; --left) {
      Merge::Input* first = nullptr;
      Entry first_entry;
      for (Merge::Input& input : merge_->inputs) {
        if (input.reader.at_end()) continue;
        GANTRY_ASSIGN(const Entry* head, input.reader.peek());
        if (first != nullptr && !comes_before(*head, first_entry)) continue;
        first = &input;
        first_entry = *head;
      }
      if (first == nullptr) {
        GANTRY_ASSIGN(const RunInfo info, merge_->writer.finish());
        GANTRY_ASSIGN(RunReader reader, RunReader::open(settings_.folder, info.id, 0));
        merge_->merged = std::make_shared<Source>();
        merge_->merged->reader.emplace(std::move(reader));
        return true;
      }
      first_entry.is_void = first_entry.is_void || first_entry.log_offset >= first->run->log_end;
      GANTRY_TRY(merge_->writer.add(first_entry));
      first->reader.advance();
    }
    return true;
  };
  auto done = write();
  // Without the merge the runs stay as they are; it begins anew later.
  if (!done) merge_.reset();
  return done;
}

Result<bool> TimerIndex::install_merged() {
  const std::lock_guard lock(mutex_);
  if (!merge_ || !merge_->merged || outstanding_until(merge_->barrier)) return false;
  const SourcePtr merged = merge_->merged;
  for (const Merge::Input& input : merge_->inputs) {
    merged->popped += input.run->popped - input.begin;
    merged->retired += input.run->retired - input.begin;
  }
  GANTRY_ASSIGN(RunReader reader, merged->reader->at(merged->popped));
  merged->reader.emplace(std::move(reader));
  for (const Merge::Input& input : merge_->inputs) {
    input.run->successor = merged;
    std::erase(runs_, input.run);
  }
  runs_.push_back(merged);
  merge_.reset();
  GANTRY_TRY(begin_generation());
  return true;
}

Result<bool> TimerIndex::drop_exhausted() {
  const std::lock_guard lock(mutex_);
  if (merge_) return false;  // it may be one of its inputs
  const auto removed =
      std::erase_if(runs_, [](const SourcePtr& run) { return run->retired >= run->reader->info().entry_count; });
  if (removed == 0) return false;
  GANTRY_TRY(begin_generation());
  return true;
}

Status TimerIndex::begin_generation() {
  const std::string frame = encode_frame(make_snapshot());
  std::erase_if(cancels_, [&](const CancelMark& cancel) { return !is_kept(cancel); });
  state_failed_ = true;  // unless all of it is written
  GANTRY_ASSIGN(File file, File::create(state_path(settings_.folder, generation_ + 1)));
  GANTRY_TRY(file.write(frame));
  ++generation_;
  state_ = std::move(file);
  state_failed_ = false;
  state_unsynced_ = true;
  state_steps_bytes_ = 0;
  clean_up_due_ = true;
  clean_up_log_end_ = log_end_needed_;
  return {};
}

Status TimerIndex::sync() {
  std::optional<File> state;
  {
    const std::lock_guard lock(mutex_);
    if (!state_unsynced_ || !state_.is_open()) return {};
    state_unsynced_ = false;
    GANTRY_ASSIGN(File again, File::open_to_read(state_.path()));
    state.emplace(std::move(again));
  }
  return state->sync();  // without the lock: nobody waits for the disk
}

Result<bool> TimerIndex::clean_up() {
  std::uint64_t generation = 0;
  std::int64_t needed = 0;
  std::vector<std::uint64_t> used;
  {
    const std::lock_guard lock(mutex_);
    if (!clean_up_due_) return false;
    generation = generation_;
    needed = clean_up_log_end_;
    for (const SourcePtr& run : runs_) used.push_back(run->reader->info().id);
    if (written_) used.push_back(written_->reader->info().id);
    if (merge_) used.push_back(merge_->writer.id());
  }
  if (store_.durable_end(needed) < needed) return false;  // the older state may be wanted yet
  GANTRY_TRY(sync());
  GANTRY_TRY(sync_folder(settings_.folder));
  {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) return true;  // a newer one is to be looked at
    clean_up_due_ = false;
  }
  std::error_code failed;
  for (const fs::directory_entry& each : fs::directory_iterator(settings_.folder, failed)) {
    const auto state = numbered(each.path(), "state-");
    const auto run = numbered(each.path(), "run-");
    const bool old_state = state && *state < generation;
    const bool old_run = run && std::find(used.begin(), used.end(), *run) == used.end();
    std::error_code ignored;
    if (old_state || old_run) fs::remove(each.path(), ignored);
  }
  return true;
}

}  // namespace gantry::delay
