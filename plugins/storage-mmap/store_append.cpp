// MmapStore: how messages get into the log. Everything that does not depend on the place in the log is computed before
// the append lock is taken; inside it a message costs one encoding into the mapping and one queue entry.
#include "plugins/storage-mmap/index_keys.hpp"
#include "plugins/storage-mmap/mmap_store.hpp"

#include "protocol/crc32.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <vector>

namespace gantry::storage_mmap {
namespace {

std::string_view text_of(const gantry_bytes& bytes) { return {static_cast<const char*>(bytes.data), bytes.size}; }

gantry_status status_of(Errc code) { return static_cast<gantry_status>(code); }

}  // namespace

struct MmapStore::Prepared {
  MessageQueue* queue = nullptr;
  gantry_status status = GANTRY_OK;
  bool takes_queue_offset = true;
  std::uint64_t size = 0;
  std::uint32_t keys_begin = 0;  // in the batch's list of key hashes
  std::uint32_t keys_count = 0;
  protocol::EntryTag tag;
  protocol::RecordSource source;
};

gantry_status MmapStore::prepare(const gantry_append_item& item, Prepared& out) const {
  out.queue = queue_of(item.queue);
  if (out.queue == nullptr || item.body.data == nullptr || item.body.size == 0) return GANTRY_E_INVALID_ARGUMENT;
  if (item.properties.size > protocol::properties_size_max ||
      item.properties_more.size > protocol::properties_size_max - item.properties.size ||
      item.body.size > log_.record_size_max()) {
    return GANTRY_E_TOO_LARGE;
  }
  // Recovery takes a last record that ends in a zero for one that was not written to its end.
  const auto& last_text = item.properties_more.size > 0 ? item.properties_more : item.properties;
  if (last_text.size > 0 && text_of(last_text).back() == '\0') return GANTRY_E_INVALID_ARGUMENT;
  auto& source = out.source;
  source.topic = out.queue->topic();
  source.body = {static_cast<const std::byte*>(item.body.data), static_cast<std::size_t>(item.body.size)};
  source.properties = text_of(item.properties);
  source.properties_more = text_of(item.properties_more);
  source.body_crc = protocol::crc32_positive(source.body);
  source.queue_id = out.queue->id();
  source.flag = item.flag;
  source.sys_flag = item.sys_flag;
  source.born_ms = item.born_ms;
  source.prepared_offset = item.prepared_offset;
  source.reconsume_count = item.reconsume_count;
  source.born_host = protocol::host_of(item.born_host);
  source.store_host = protocol::host_of(item.store_host);
  out.size = protocol::record_size_unchecked(source);
  if (out.size > log_.record_size_max()) return GANTRY_E_TOO_LARGE;
  out.takes_queue_offset = protocol::sys_flag::takes_queue_offset(item.sys_flag);
  if (out.takes_queue_offset) {
    out.tag = protocol::entry_tag(options_.delay_levels_ms, source.topic, source.properties, source.properties_more);
  }
  return GANTRY_OK;
}

void MmapStore::prepare_keys(Prepared& prepared, std::vector<std::int32_t>& keys) {
  thread_local std::vector<std::int32_t> own;
  record_keys(prepared.queue->key_seed(), prepared.source.properties, prepared.source.properties_more,
              prepared.source.sys_flag, own);
  prepared.keys_begin = static_cast<std::uint32_t>(keys.size());
  prepared.keys_count = static_cast<std::uint32_t>(own.size());
  keys.insert(keys.end(), own.begin(), own.end());
}

gantry_status MmapStore::place_group(std::span<const Prepared> group, std::int64_t& log_offset) {
  std::uint64_t size = 0;
  for (const auto& item : group) {
    if (item.status != GANTRY_OK) return item.status;
    if (item.queue != group.front().queue) return GANTRY_E_INVALID_ARGUMENT;
    size += item.size;
  }
  if (!accepting_ || group.front().queue->is_dead()) return GANTRY_E_UNAVAILABLE;
  if (queues_full_.load(std::memory_order_relaxed)) return GANTRY_E_FULL;
  if (pending_entries_.load(std::memory_order_relaxed) + static_cast<std::int64_t>(group.size()) >
      options_.pending_entries_max) {
    return GANTRY_E_BUSY;
  }
  return status_of(log_.place(size, log_offset));
}

void MmapStore::append_prepared(const Prepared& prepared, std::span<const std::int32_t> keys, std::int64_t log_offset,
                                gantry_append_result& result) {
  auto source = prepared.source;
  source.queue_offset = prepared.takes_queue_offset ? prepared.queue->next_offset() : 0;
  source.log_offset = log_offset;
  source.store_ms = last_store_ms_;
  protocol::encode_record(source, log_.at(log_offset));
  last_record_ = log_offset;
  if (has_index_) index_.add(log_offset, log_offset + static_cast<std::int64_t>(prepared.size), last_store_ms_, keys);
  if (prepared.takes_queue_offset) {
    const protocol::QueueEntry entry{log_offset, static_cast<std::int32_t>(prepared.size),
                                     prepared.tag.at(last_store_ms_)};
    if (prepared.queue->push(entry)) list_dirty(*prepared.queue);
    pending_entries_.fetch_add(1, std::memory_order_relaxed);
  }
  result.status = GANTRY_OK;
  result.record_size = static_cast<std::uint32_t>(prepared.size);
  result.log_offset = log_offset;
  result.queue_offset = source.queue_offset;
  result.store_ms = last_store_ms_;
}

void MmapStore::list_dirty(MessageQueue& queue) {
  auto* head = dirty_queues_.load(std::memory_order_relaxed);
  do queue.next_dirty = head;
  while (!dirty_queues_.compare_exchange_weak(head, &queue, std::memory_order_acq_rel));
  dirty_count_.fetch_add(1, std::memory_order_relaxed);
  if (head == nullptr) store_wakeup_.notify();
}

void MmapStore::append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) {
  if (items.empty()) return;
  // They keep their memory from batch to batch.
  thread_local std::vector<Prepared> prepared;
  thread_local std::vector<std::int32_t> keys;
  if (prepared.size() < items.size()) prepared.resize(items.size());
  keys.clear();
  for (const auto& item : items) {
    if (const auto* queue = queue_of(item.queue)) queue->prefetch();
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    prepared[i].status = prepare(items[i], prepared[i]);
    if (has_index_ && prepared[i].status == GANTRY_OK) prepare_keys(prepared[i], keys);
  }
  const auto wall_ms = now();

  bool wake_space = false;
  bool wake_flush = false;
  bool wake_store = false;
  {
    const std::lock_guard lock(append_mutex_);
    last_store_ms_ = std::max(last_store_ms_, wall_ms);
    // Once a bound is reached the rest of the call is refused as well: a later message of the same queue must not pass
    // an earlier one that the caller will repeat.
    gantry_status refused = GANTRY_OK;
    for (std::size_t begin = 0; begin < items.size();) {
      auto end = begin + 1;
      while (end < items.size() && (items[end].options & GANTRY_APPEND_JOINED) != 0) ++end;
      std::int64_t log_offset = 0;
      auto status = refused;
      if (status == GANTRY_OK) status = place_group(std::span(prepared).subspan(begin, end - begin), log_offset);
      if (status == GANTRY_E_BUSY || status == GANTRY_E_FULL) refused = status;
      for (auto i = begin; i < end; ++i) {
        results[i] = {};
        results[i].status = status;
        if (status != GANTRY_OK) continue;
        append_prepared(prepared[i], std::span(keys).subspan(prepared[i].keys_begin, prepared[i].keys_count),
                        log_offset, results[i]);
        log_offset += static_cast<std::int64_t>(prepared[i].size);
      }
      if (status == GANTRY_OK) log_.commit(log_offset);
      begin = end;
    }
    wake_space = log_.publish() || refused != GANTRY_OK;
    wake_flush = flush_is_idle_ && log_.end() != log_.durable_end();
    if (wake_flush) flush_is_idle_ = false;
    wake_store = store_is_idle_ && log_.end() != checkpoint_end_.load(std::memory_order_relaxed);
    if (wake_store) store_is_idle_ = false;
    if (first_store_ms_.load(std::memory_order_relaxed) < 0 && last_record_ >= 0) first_store_ms_ = last_store_ms_;
  }
  if (wake_flush) flush_wakeup_.notify();
  if (wake_space) space_wakeup_.notify();
  const auto behind = log_.end() - checkpoint_end_.load(std::memory_order_relaxed);
  const bool is_crowded =
      pending_entries_.load(std::memory_order_relaxed) >= crowded_at_.load(std::memory_order_relaxed) ||
      behind >= static_cast<std::int64_t>(options_.checkpoint_bytes_max);
  if (is_crowded || wake_store) store_wakeup_.notify();
}

}  // namespace gantry::storage_mmap
