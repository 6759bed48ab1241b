#include "plugins/delay/timer_index.hpp"

#include "plugins/delay/source.hpp"

#include <algorithm>
#include <utility>

namespace gantry::delay {
namespace {

constexpr std::uint32_t other_topics = 0;

/// Cancels are kept for as long as what they cancel may still come.
constexpr std::int64_t cancel_kept_ms = 2'000;

}  // namespace

TimerIndex::ScanPosition TimerIndex::scan_position() const {
  const std::lock_guard lock(mutex_);
  return {scan_offset_, era_};
}

TimerIndex::Added TimerIndex::add(std::uint64_t era, const Entry& entry, std::string_view topic, std::int64_t out_ms) {
  const std::lock_guard lock(mutex_);
  if (era != era_) return Added::stale;
  if (entry.queue_offset < skip_end_ && skip_.contains(entry.queue_offset)) return Added::done;
  if (entry.queue_offset < watermark_.queue_offset && out_ms < watermark_.due_ms) return Added::done;
  if (live_->entries.size() >= settings_.table_entries_max) {
    if (frozen_) return Added::full;
    scan_offset_ = entry.queue_offset;
    freeze();
  }
  live_->entries.push_back(entry);
  std::push_heap(live_->entries.begin(), live_->entries.end(), &comes_after);
  if (entry.kind != EntryKind::cancel) count(live_.get(), entry.topic_hash, topic, 1);
  return Added::done;
}

void TimerIndex::scanned_to(ScanPosition position) {
  const std::lock_guard lock(mutex_);
  if (position.era != era_) return;
  scan_offset_ = position.offset;
  if (scan_offset_ >= skip_end_ && !skip_.empty()) skip_ = {};
  // A table whose timers come and go never fills; then the topic's part to read after a restart is what grows.
  if (!frozen_ && retired_.size() >= 4 * settings_.table_entries_max) freeze();
}

void TimerIndex::freeze() {
  frozen_ = std::exchange(live_, std::make_shared<Source>());
  frozen_->scan_end = scan_offset_;
}

void TimerIndex::count(Source* table, std::uint32_t hash, std::string_view name, std::int64_t delta) {
  if (table != nullptr) table->counts[hash] += delta;
  pending_ += delta;
  auto found = counts_.find(hash);
  if (found == counts_.end()) {
    if (delta <= 0 || counts_.size() >= counted_topics_max) {
      found = counts_.try_emplace(other_topics, TopicCount{"(other)", 0}).first;
    } else {
      found = counts_.try_emplace(hash, TopicCount{std::string(name), 0}).first;
    }
  }
  found->second.pending += delta;
  if (found->second.pending <= 0) counts_.erase(found);
}

Result<std::optional<Entry>> TimerIndex::head_of(Source& source) {
  if (source.left() == 0) return std::optional<Entry>();
  if (!source.reader) return std::optional<Entry>(source.entries.front());
  auto head = source.reader->peek();
  if (!head) return damaged(std::move(head).error());
  return std::optional<Entry>(**head);
}

Error TimerIndex::damaged(Error error) {
  if (!damage_) damage_ = error;
  return error;
}

Result<Source*> TimerIndex::first_source() {
  Source* first = nullptr;
  Entry first_entry;
  const auto look_at = [&](Source* source) -> Status {
    if (source == nullptr || source->left() == 0) return {};
    GANTRY_ASSIGN(const auto head, head_of(*source));
    if (first == nullptr || comes_before(*head, first_entry)) {
      first = source;
      first_entry = *head;
    }
    return {};
  };
  GANTRY_TRY(look_at(live_.get()));
  GANTRY_TRY(look_at(frozen_.get()));
  for (const SourcePtr& run : runs_) GANTRY_TRY(look_at(run.get()));
  return first;
}

Result<std::optional<std::int64_t>> TimerIndex::next_action_ms() {
  const std::lock_guard lock(mutex_);
  GANTRY_ASSIGN(Source * source, first_source());
  if (source == nullptr) return std::optional<std::int64_t>();
  GANTRY_ASSIGN(const auto head, head_of(*source));
  return std::optional<std::int64_t>(head->action_ms);
}

Result<std::optional<Popped>> TimerIndex::pop(std::int64_t until_ms) {
  const std::lock_guard lock(mutex_);
  GANTRY_ASSIGN(Source * source, first_source());
  if (source == nullptr) return std::optional<Popped>();
  GANTRY_ASSIGN(const auto head, head_of(*source));
  if (head->action_ms > until_ms) return std::optional<Popped>();
  Popped popped;
  popped.entry = *head;
  popped.epoch = epoch_;
  popped.from_heap = !source->reader && !source->is_copied;
  if (source == live_.get()) {
    popped.source = live_;
  } else if (source == frozen_.get()) {
    popped.source = frozen_;
  } else {
    popped.source =
        *std::find_if(runs_.begin(), runs_.end(), [&](const SourcePtr& run) { return run.get() == source; });
  }
  if (source->reader) {
    popped.entry.is_void = popped.entry.is_void || popped.entry.log_offset >= source->log_end;
    source->reader->advance();
    ++source->popped;
  } else {
    std::pop_heap(source->entries.begin(), source->entries.end(), &comes_after);
    source->entries.pop_back();
    if (source->is_copied) ++source->popped;
  }
  source->last_popped_ms = popped.entry.action_ms;
  last_popped_ms_ = std::max(last_popped_ms_, popped.entry.action_ms);
  ++outstanding_[epoch_];
  ++outstanding_ms_[popped.entry.action_ms];
  return std::optional<Popped>(std::move(popped));
}

void TimerIndex::retire(std::span<const Popped> done, std::int64_t log_end_needed) {
  const std::lock_guard lock(mutex_);
  Step step;
  for (const Popped& each : done) {
    const Entry& entry = each.entry;
    SourcePtr source = each.source;
    while (source->successor) source = source->successor;
    const bool counted = entry.kind != EntryKind::cancel;
    if (!each.from_heap) ++source->retired;
    if (!source->reader) {
      step.retired.push_back(entry.queue_offset);
      retired_.push_back(entry.queue_offset);
    } else {
      auto known = std::find_if(step.runs.begin(), step.runs.end(),
                                [&](const RunProgress& run) { return run.id == source->reader->info().id; });
      if (known == step.runs.end()) known = step.runs.insert(known, {source->reader->info().id, 0});
      known->retired = source->retired;
      if (counted) ++step.run_counts[entry.topic_hash];
    }
    if (counted) count(source->reader ? nullptr : source.get(), entry.topic_hash, {}, -1);
    if (entry.kind == EntryKind::cancel && !entry.is_roll && !entry.is_void) {
      step.cancels.push_back({entry.key_hash, entry.action_ms, entry.log_offset});
      cancels_.push_back(step.cancels.back());
    }
    last_retired_ms_ = std::max(last_retired_ms_, entry.action_ms);
    const auto epoch = outstanding_.find(each.epoch);
    if (--epoch->second == 0) outstanding_.erase(epoch);
    const auto time = outstanding_ms_.find(entry.action_ms);
    if (--time->second == 0) outstanding_ms_.erase(time);
  }
  log_end_needed_ = std::max(log_end_needed_, log_end_needed);
  step.log_end_needed = log_end_needed_;
  append_step(step);
}

bool TimerIndex::outstanding_until(std::uint64_t epoch) const {
  return !outstanding_.empty() && outstanding_.begin()->first <= epoch;
}

std::vector<CancelMark> TimerIndex::recovered_cancels() const {
  const std::lock_guard lock(mutex_);
  return cancels_;
}

void TimerIndex::set_level(std::int32_t level, std::int64_t offset, std::int64_t log_end_needed) {
  const std::lock_guard lock(mutex_);
  levels_[level] = offset;
  log_end_needed_ = std::max(log_end_needed_, log_end_needed);
  Step step;
  step.levels[level] = offset;
  step.log_end_needed = log_end_needed_;
  append_step(step);
}

std::map<std::int32_t, std::int64_t> TimerIndex::levels() const {
  const std::lock_guard lock(mutex_);
  return levels_;
}

void TimerIndex::append_step(const Step& step) {
  if (step.empty() || state_failed_) return;  // the snapshot that ends the failure will hold it
  const std::string frame = encode_frame(step);
  state_unsynced_ = true;
  state_steps_bytes_ += frame.size();
  if (const Status written = state_.write(frame); !written) {
    state_failed_ = true;
    host_.log(sdk::LogLevel::error, "timers.state_not_written", {sdk::field("reason", written.error())});
  }
}

bool TimerIndex::is_kept(const CancelMark& cancel) const noexcept {
  return cancel.due_ms + cancel_kept_ms >= last_retired_ms_;
}

Snapshot TimerIndex::make_snapshot() const {
  Snapshot snapshot;
  snapshot.log_end_needed = log_end_needed_;
  snapshot.scan_offset = checkpoint_offset_;
  snapshot.retired = retired_;
  snapshot.next_run_id = next_run_id_;
  for (const SourcePtr& run : runs_) snapshot.runs.push_back({run->reader->info().id, run->retired, run->log_end});
  snapshot.run_counts = counts_;
  for (const Source* table : {live_.get(), frozen_.get()}) {
    if (table == nullptr) continue;
    for (const auto& [hash, pending] : table->counts) {
      const auto found = snapshot.run_counts.find(hash);
      const auto other = found != snapshot.run_counts.end() ? found : snapshot.run_counts.find(other_topics);
      if (other == snapshot.run_counts.end()) continue;
      other->second.pending -= pending;
      if (other->second.pending <= 0) snapshot.run_counts.erase(other);
    }
  }
  for (const CancelMark& cancel : cancels_) {
    if (is_kept(cancel)) snapshot.cancels.push_back(cancel);
  }
  snapshot.levels = levels_;
  snapshot.watermark = watermark_;
  return snapshot;
}

TimerIndex::Counts TimerIndex::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts;
  counts.pending = pending_;
  counts.in_memory = static_cast<std::int64_t>(live_->entries.size() + (frozen_ ? frozen_->entries.size() : 0));
  counts.run_count = static_cast<std::int64_t>(runs_.size());
  for (const SourcePtr& run : runs_) {
    counts.run_bytes += static_cast<std::int64_t>(run->reader->info().entry_count * sizeof(Entry));
  }
  counts.topics = counts_;
  return counts;
}

std::int64_t TimerIndex::pending() const {
  const std::lock_guard lock(mutex_);
  return pending_;
}

Result<std::vector<Entry>> TimerIndex::peek(std::size_t count_max) {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> all;
  for (const Source* table : {live_.get(), frozen_.get()}) {
    if (table == nullptr) continue;
    std::vector<Entry> first(std::min(count_max, table->entries.size()));
    std::partial_sort_copy(table->entries.begin(), table->entries.end(), first.begin(), first.end(), &comes_before);
    all.insert(all.end(), first.begin(), first.end());
  }
  for (const SourcePtr& run : runs_) {
    GANTRY_ASSIGN(RunReader reader, run->reader->at(run->popped));
    for (std::size_t left = count_max; left > 0 && !reader.at_end(); --left, reader.advance()) {
      GANTRY_ASSIGN(const Entry* entry, reader.peek());
      if (!entry->is_void && entry->log_offset < run->log_end) all.push_back(*entry);
    }
  }
  std::sort(all.begin(), all.end(), &comes_before);
  if (all.size() > count_max) all.resize(count_max);
  return all;
}

}  // namespace gantry::delay
