#include "kernel/routing/offset_table.hpp"

#include "kernel/base/log.hpp"
#include "kernel/routing/topic.hpp"

#include <algorithm>
#include <functional>

namespace gantry::routing {

std::size_t OffsetTable::PairHash::operator()(const PairView& pair) const noexcept {
  const std::size_t topic = std::hash<std::string_view>{}(pair.topic);
  const std::size_t group = std::hash<std::string_view>{}(pair.group);
  return topic ^ (group + 0x9e3779b97f4a7c15ull + (topic << 6) + (topic >> 2));
}

OffsetTable::OffsetTable(const Clock& clock, OffsetOptions options) : clock_(clock), options_(options) {
  version_.timestamp_ms = clock_.now_ms();
}

OffsetTable::Stripe& OffsetTable::stripe_of(const PairView& pair) const noexcept {
  return stripes_[(PairHash{}(pair) >> 16) % stripe_count];
}

OffsetTable::Entry* OffsetTable::entry_locked(Stripe& stripe, const PairView& pair) {
  if (const auto found = stripe.entries.find(pair); found != stripe.entries.end()) return &found->second;
  if (size_.fetch_add(1, std::memory_order_relaxed) >= options_.entries_max) {
    size_.fetch_sub(1, std::memory_order_relaxed);
    GANTRY_LOG_EVERY(std::chrono::seconds(10), warn, "offsets.full", field("entries_max", options_.entries_max),
                     field("group", pair.group), field("topic", pair.topic));
    return nullptr;
  }
  Pair key;
  key.text.reserve(pair.topic.size() + 1 + pair.group.size());
  key.text.append(pair.topic).append(1, '@').append(pair.group);
  key.topic_size = pair.topic.size();
  return &stripe.entries.emplace(std::move(key), Entry{}).first->second;
}

namespace {

void put(std::vector<std::int64_t>& offsets, std::int32_t queue_id, std::int64_t offset, std::int64_t none) {
  const auto index = static_cast<std::size_t>(queue_id);
  if (index >= offsets.size()) offsets.resize(index + 1, none);
  offsets[index] = offset;
}

auto find_mark(auto& resets, std::int32_t queue_id) {
  return std::find_if(resets.begin(), resets.end(), [queue_id](const auto& mark) { return mark.first == queue_id; });
}

}  // namespace

void OffsetTable::count_change(bool is_commit) noexcept {
  revision_.fetch_add(1, std::memory_order_release);
  if (!is_commit) return;
  const std::int64_t commits = commits_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (commits % options_.version_step != 0) return;
  const std::lock_guard lock(version_mutex_);
  version_.advance(clock_.now_ms(), version_.state_version);
}

CommitOutcome OffsetTable::commit(const OffsetKey& key, std::int64_t offset, const CommitBounds& bounds) {
  if (offset < 0) return CommitOutcome::ignored_negative;
  if (key.queue_id < 0 || key.queue_id >= std::min(bounds.queue_count, TopicQueues::count_max)) {
    return CommitOutcome::refused_queue;
  }
  if (offset > bounds.max_offset) return CommitOutcome::refused_beyond;
  const PairView pair{key.topic, key.group};
  Stripe& stripe = stripe_of(pair);
  {
    const std::lock_guard lock(stripe.mutex);
    Entry* entry = entry_locked(stripe, pair);
    if (entry == nullptr) return CommitOutcome::refused_full;
    if (find_mark(entry->resets, key.queue_id) != entry->resets.end()) return CommitOutcome::ignored_reset;
    put(entry->offsets, key.queue_id, offset, none);
  }
  count_change(true);
  return CommitOutcome::stored;
}

std::optional<std::int64_t> OffsetTable::find(const OffsetKey& key) const {
  const PairView pair{key.topic, key.group};
  const Stripe& stripe = stripe_of(pair);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.entries.find(pair);
  if (found == stripe.entries.end() || key.queue_id < 0) return std::nullopt;
  const Entry& entry = found->second;
  if (const auto mark = find_mark(entry.resets, key.queue_id); mark != entry.resets.end()) return mark->second;
  const auto index = static_cast<std::size_t>(key.queue_id);
  if (index >= entry.offsets.size() || entry.offsets[index] == none) return std::nullopt;
  return entry.offsets[index];
}

bool OffsetTable::store(const OffsetKey& key, std::int64_t offset, bool mark) {
  if (offset < 0 || key.queue_id < 0 || key.queue_id >= TopicQueues::count_max) return false;
  const PairView pair{key.topic, key.group};
  Stripe& stripe = stripe_of(pair);
  {
    const std::lock_guard lock(stripe.mutex);
    Entry* entry = entry_locked(stripe, pair);
    if (entry == nullptr) return false;
    put(entry->offsets, key.queue_id, offset, none);
    if (mark) {
      if (const auto known = find_mark(entry->resets, key.queue_id); known != entry->resets.end()) {
        known->second = offset;
      } else {
        entry->resets.emplace_back(key.queue_id, offset);
        reset_count_.fetch_add(1, std::memory_order_relaxed);
      }
    }
  }
  count_change(false);
  return true;
}

bool OffsetTable::reset(const OffsetKey& key, std::int64_t offset) { return store(key, offset, true); }

bool OffsetTable::set(const OffsetKey& key, std::int64_t offset) { return store(key, offset, false); }

std::optional<std::int64_t> OffsetTable::take_reset(const OffsetKey& key) {
  if (reset_count_.load(std::memory_order_relaxed) == 0) return std::nullopt;
  const PairView pair{key.topic, key.group};
  Stripe& stripe = stripe_of(pair);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.entries.find(pair);
  if (found == stripe.entries.end()) return std::nullopt;
  auto& resets = found->second.resets;
  const auto mark = find_mark(resets, key.queue_id);
  if (mark == resets.end()) return std::nullopt;
  const std::int64_t offset = mark->second;
  resets.erase(mark);
  reset_count_.fetch_sub(1, std::memory_order_relaxed);
  return offset;
}

OffsetTable::QueueOffsets OffsetTable::queues_of(std::string_view group, std::string_view topic) const {
  QueueOffsets queues;
  const PairView pair{topic, group};
  const Stripe& stripe = stripe_of(pair);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.entries.find(pair);
  if (found == stripe.entries.end()) return queues;
  const std::vector<std::int64_t>& offsets = found->second.offsets;
  for (std::size_t index = 0; index < offsets.size(); ++index) {
    if (offsets[index] != none) queues.emplace_back(static_cast<std::int32_t>(index), offsets[index]);
  }
  return queues;
}

std::vector<std::string> OffsetTable::topics_of(std::string_view group) const {
  std::vector<std::string> topics;
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    for (const auto& [pair, entry] : stripe.entries) {
      if (pair.view().group == group) topics.emplace_back(pair.view().topic);
    }
  }
  std::sort(topics.begin(), topics.end());
  return topics;
}

std::vector<std::string> OffsetTable::groups_of(std::string_view topic) const {
  std::vector<std::string> groups;
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    for (const auto& [pair, entry] : stripe.entries) {
      if (pair.view().topic == topic) groups.emplace_back(pair.view().group);
    }
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

void OffsetTable::clone(std::string_view from, std::string_view to, std::string_view topic) {
  for (const auto& [queue_id, offset] : queues_of(from, topic)) set({to, topic, queue_id}, offset);
}

template <typename Condition>
void OffsetTable::remove_if(Condition&& condition) {
  bool removed = false;
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    for (auto at = stripe.entries.begin(); at != stripe.entries.end();) {
      if (!condition(at->first.view())) {
        ++at;
        continue;
      }
      reset_count_.fetch_sub(at->second.resets.size(), std::memory_order_relaxed);
      size_.fetch_sub(1, std::memory_order_relaxed);
      at = stripe.entries.erase(at);
      removed = true;
    }
  }
  if (removed) count_change(false);
}

void OffsetTable::remove_group(std::string_view group) {
  remove_if([group](const PairView& pair) { return pair.group == group; });
}

void OffsetTable::remove_topic(std::string_view topic) {
  remove_if([topic](const PairView& pair) { return pair.topic == topic; });
}

void OffsetTable::remove(std::string_view group, std::string_view topic) {
  const PairView pair{topic, group};
  Stripe& stripe = stripe_of(pair);
  {
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.entries.find(pair);
    if (found == stripe.entries.end()) return;
    reset_count_.fetch_sub(found->second.resets.size(), std::memory_order_relaxed);
    size_.fetch_sub(1, std::memory_order_relaxed);
    stripe.entries.erase(found);
  }
  count_change(false);
}

Restored OffsetTable::restore(const protocol::ConsumerOffsetTable& loaded) {
  Restored restored;
  for (const auto& [key, queues] : loaded.offsets) {
    const std::size_t at = key.find('@');
    if (at == std::string::npos || at == 0 || at + 1 == key.size()) {
      restored.reject([&key] { return "expected topic@group, found \"" + key + "\""; });
      continue;
    }
    const OffsetKey pair{std::string_view(key).substr(at + 1), std::string_view(key).substr(0, at), 0};
    bool any = false;
    for (const auto& [queue_id, offset] : queues) {
      const bool is_sound = offset >= 0 && queue_id >= 0 && queue_id < TopicQueues::count_max;
      if (is_sound && set({pair.group, pair.topic, queue_id}, offset)) {
        any = true;
        continue;
      }
      restored.reject([&, id = queue_id, found = offset] {
        return "\"" + key + "\", queue " + std::to_string(id) + ": " +
               (is_sound ? "the table is full at " + std::to_string(options_.entries_max) + " pairs"
                         : "expected an offset of at least 0 in a queue from 0 to " +
                               std::to_string(TopicQueues::count_max - 1) + ", found " + std::to_string(found));
      });
    }
    restored.count += any ? 1 : 0;
  }
  const std::lock_guard lock(version_mutex_);
  version_ = loaded.data_version;
  return restored;
}

protocol::ConsumerOffsetTable OffsetTable::image() const {
  protocol::ConsumerOffsetTable table;
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    for (const auto& [pair, entry] : stripe.entries) {
      std::map<std::int32_t, std::int64_t>& queues = table.offsets[pair.text];
      for (std::size_t index = 0; index < entry.offsets.size(); ++index) {
        if (entry.offsets[index] != none) queues.emplace(static_cast<std::int32_t>(index), entry.offsets[index]);
      }
    }
  }
  table.data_version = data_version();
  return table;
}

protocol::DataVersion OffsetTable::data_version() const {
  const std::lock_guard lock(version_mutex_);
  return version_;
}

}  // namespace gantry::routing
