#include "plugins/storage-mmap/pending_keys.hpp"

#include <algorithm>
#include <new>

namespace gantry::storage_mmap {

PendingKeys::~PendingKeys() {
  for (auto* list : {head_, free_.load()}) {
    while (list != nullptr) {
      auto* next = list->next;
      delete list;
      list = next;
    }
  }
}

void PendingKeys::start(std::int64_t log_end) {
  begin_ = log_end;
  end_ = log_end;
}

bool PendingKeys::make_room(std::uint64_t until) noexcept {
  while (room_end_ < until) {
    auto* chunk = free_.load(std::memory_order_acquire);
    while (chunk != nullptr && !free_.compare_exchange_weak(chunk, chunk->next, std::memory_order_acquire)) {
    }
    if (chunk == nullptr) chunk = new (std::nothrow) Chunk;
    if (chunk == nullptr) return false;
    chunk->next = nullptr;
    if (last_ == nullptr) {
      tail_ = head_ = chunk;  // the consumer looks at it once there is a key
    } else {
      last_->next = chunk;
    }
    last_ = chunk;
    room_end_ += chunk_keys;
  }
  return true;
}

bool PendingKeys::add(std::int64_t log_offset, std::int64_t log_end, std::int64_t store_ms,
                      std::span<const std::int32_t> hashes) noexcept {
  bool wake = false;
  if (dropping_) {
    if (!reopen_.load(std::memory_order_acquire)) return false;
    dropping_ = false;
    reopen_.store(false, std::memory_order_relaxed);
    begin_.store(log_offset, std::memory_order_relaxed);
    end_.store(log_offset, std::memory_order_release);
    closed_.store(false, std::memory_order_release);
    reopened_.fetch_add(1, std::memory_order_release);
    wake = true;  // what was dropped can be read up to here
  }
  if (!hashes.empty()) {
    const auto before = produced_.load(std::memory_order_relaxed);
    const auto after = before + hashes.size();
    const auto consumed = consumed_.load(std::memory_order_acquire);
    if (after - consumed > keys_max_ || !make_room(after)) {
      dropping_ = true;
      closed_.store(true, std::memory_order_release);
      return true;
    }
    auto number = before;
    for (const auto hash : hashes) {
      if (number == tail_first_ + chunk_keys) {
        tail_ = tail_->next;
        tail_first_ = number;
      }
      tail_->keys[number - tail_first_] = {log_offset, store_ms, hash, static_cast<std::int32_t>(log_end - log_offset)};
      ++number;
    }
    produced_.store(after, std::memory_order_release);
    wake = wake || (before - consumed < wake_count_ && after - consumed >= wake_count_);
  }
  // Behind the keys: whoever sees this end sees the keys of all records before it.
  end_.store(log_end, std::memory_order_release);
  return wake;
}

std::optional<PendingKeys::Part> PendingKeys::part() {
  // Not closed_: the appender may have opened and closed it again meanwhile.
  if (reopening_ && reopened_.load(std::memory_order_acquire) == reopened_seen_) return std::nullopt;
  reopening_ = false;
  const auto end = end_.load(std::memory_order_acquire);
  return Part{begin_.load(std::memory_order_relaxed), end};
}

void PendingKeys::reopen() noexcept {
  reopened_seen_ = reopened_.load(std::memory_order_relaxed);
  reopening_ = true;
  reopen_.store(true, std::memory_order_release);
}

std::int64_t PendingKeys::end_from(std::int64_t from) const noexcept {
  const auto end = end_.load(std::memory_order_acquire);
  return begin_.load(std::memory_order_relaxed) <= from ? std::max(from, end) : from;
}

/// use(number, key) for all of them, until it answers false.
template <typename Use>
void PendingKeys::for_each(Use use) const {
  const auto produced = produced_.load(std::memory_order_acquire);
  auto number = consumed_.load(std::memory_order_acquire);
  if (number >= produced) return;
  const auto* chunk = head_;
  auto first = head_first_;
  for (; number < produced; ++number) {
    if (number == first + chunk_keys) {
      chunk = chunk->next;
      first = number;
    }
    if (!use(number, chunk->keys[number - first])) return;
  }
}

PendingKeys::Taken PendingKeys::copy(std::int64_t from, std::int64_t durable_end, std::size_t count_max,
                                     std::vector<IndexKey>& keys) const {
  Taken taken;
  taken.until = consumed_.load(std::memory_order_relaxed);
  taken.end = std::min(end_.load(std::memory_order_acquire), durable_end);
  std::int64_t record = -1;
  std::int64_t record_end = from;
  std::size_t copied = 0;
  for_each([&](std::uint64_t number, const Key& key) {
    const auto key_end = key.log_offset + key.record_size;
    if (key_end > durable_end) return false;
    if (copied >= count_max && key.log_offset != record) {
      taken.more = true;
      taken.end = record_end;
      return false;
    }
    record = key.log_offset;
    record_end = key_end;
    taken.until = number + 1;
    if (key.log_offset >= from) {
      keys.push_back({key.log_offset, key.store_ms, key.hash});
      ++copied;
    }
    return true;
  });
  // Keys that came after `end` was read belong to records behind it.
  if (!taken.more) taken.end = std::max(taken.end, std::min(record_end, durable_end));
  return taken;
}

void PendingKeys::release(std::uint64_t until) noexcept {
  if (until == consumed_.load(std::memory_order_relaxed)) return;  // there may be no chunk yet
  const auto produced = produced_.load(std::memory_order_acquire);
  while (head_ != nullptr && head_first_ + chunk_keys <= until && head_first_ + chunk_keys < produced) {
    auto* chunk = head_;
    head_ = chunk->next;
    head_first_ += chunk_keys;
    chunk->next = free_.load(std::memory_order_relaxed);
    while (!free_.compare_exchange_weak(chunk->next, chunk, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }
  consumed_.store(until, std::memory_order_release);
}

void PendingKeys::collect(std::int32_t hash, std::int64_t begin_ms, std::int64_t end_ms, std::int64_t from,
                          std::vector<std::int64_t>& log_offsets) const {
  for_each([&](std::uint64_t, const Key& key) {
    if (key.hash != hash || key.log_offset < from || key.store_ms < begin_ms || key.store_ms > end_ms) return true;
    if (log_offsets.empty() || log_offsets.back() != key.log_offset) log_offsets.push_back(key.log_offset);
    return true;
  });
}

std::optional<IndexKey> PendingKeys::newest() const {
  std::optional<IndexKey> newest;
  const auto produced = produced_.load(std::memory_order_acquire);
  if (consumed_.load(std::memory_order_acquire) == produced) return newest;
  const auto* chunk = head_;
  auto first = head_first_;
  for (; first + chunk_keys < produced; first += chunk_keys) chunk = chunk->next;
  const auto& key = chunk->keys[produced - 1 - first];
  return IndexKey{key.log_offset, key.store_ms, key.hash};
}

}  // namespace gantry::storage_mmap
