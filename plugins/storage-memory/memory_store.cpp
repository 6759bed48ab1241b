#include "plugins/storage-memory/memory_store.hpp"

#include "protocol/crc32.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace gantry::storage_memory {
namespace {

constexpr std::uint64_t chunk_bytes_min = 64u << 10;
constexpr std::uint64_t chunk_bytes_max = 16u << 20;
constexpr std::uint64_t topic_size_max = 255;
constexpr std::uint64_t blob_name_size_max = 200;

std::string_view text_of(const gantry_bytes& bytes) { return {static_cast<const char*>(bytes.data), bytes.size}; }

protocol::ByteView view_of(const gantry_bytes& bytes) {
  return {static_cast<const std::byte*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}

Status check_topic(std::string_view topic) {
  const bool leaves = topic.empty() || topic == "." || topic == ".." || topic.size() > topic_size_max ||
                      topic.find('/') != std::string_view::npos || topic.find('\0') != std::string_view::npos;
  if (!leaves) return {};
  return Error{Errc::invalid_argument, "topic '" + std::string(topic.substr(0, topic_size_max)) +
                                           "': expected 1 to 255 bytes without '/' and NUL, and not '.' or '..'"};
}

Status check_blob_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= blob_name_size_max && name.front() != '.' &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
                    });
  if (good) return {};
  return Error{Errc::invalid_argument, "blob name '" + std::string(name.substr(0, blob_name_size_max)) +
                                           "': expected letters, digits, '.', '-' and '_', not beginning with '.'"};
}

bool tag_matches(const gantry_matcher* match, std::int64_t code) {
  if (match == nullptr || match->tag_code_count == 0) return true;
  const auto* end = match->tag_codes + match->tag_code_count;
  return std::find(match->tag_codes, end, code) != end;
}

}  // namespace

struct MemoryStore::Chunk {
  Chunk(std::int64_t at, std::uint64_t size) : base(at), capacity(size), bytes(new std::byte[size]) {}
  [[nodiscard]] std::int64_t end() const { return base + static_cast<std::int64_t>(used); }

  const std::int64_t base;
  const std::uint64_t capacity;
  std::uint64_t used = 0;
  std::unique_ptr<std::byte[]> bytes;
};

struct MemoryStore::Queue {
  std::string topic;
  std::int32_t id = 0;
  bool dead = false;
  std::int64_t min = 0;
  std::deque<protocol::QueueEntry> entries;

  [[nodiscard]] std::int64_t max() const { return min + static_cast<std::int64_t>(entries.size()); }
  [[nodiscard]] const protocol::QueueEntry& at(std::int64_t offset) const {
    return entries[static_cast<std::size_t>(offset - min)];
  }
};

struct MemoryStore::Owner {
  std::vector<std::shared_ptr<Chunk>> chunks;
};

struct MemoryStore::Prepared {
  Queue* queue = nullptr;
  protocol::RecordSource source;
  std::uint64_t size = 0;
  protocol::EntryTag tag;
};

MemoryStore::MemoryStore(MemoryOptions options)
    : options_(std::move(options)),
      chunk_bytes_(std::clamp(options_.bytes_max / 8, chunk_bytes_min, chunk_bytes_max)) {}

MemoryStore::~MemoryStore() { stop(); }

Status MemoryStore::start() {
  try {
    teller_ = std::thread([this] { tell_durable(); });
  } catch (const std::system_error& error) {
    return Error{Errc::io, std::string("starting the store's thread: ") + error.what()};
  }
  return {};
}

void MemoryStore::stop() {
  quiesce();
  {
    const std::lock_guard lock(teller_mutex_);
    teller_stops_ = true;
    teller_wakes_.notify_one();
  }
  if (teller_.joinable()) teller_.join();
}

void MemoryStore::quiesce() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
}

void MemoryStore::listen(const gantry_store_listener& listener) { listener_ = listener; }

Result<gantry_queue*> MemoryStore::open_queue(std::string_view topic, std::int32_t queue_id) {
  GANTRY_TRY(check_topic(topic));
  if (queue_id < 0) {
    return Error{Errc::invalid_argument, "queue id of topic '" + std::string(topic) + "': expected 0 or more, found " +
                                             std::to_string(queue_id)};
  }
  const std::lock_guard lock(mutex_);
  auto& slot = topics_[std::string(topic)][queue_id];
  if (slot == nullptr) {
    auto queue = std::make_unique<Queue>();
    queue->topic = topic;
    queue->id = queue_id;
    slot = queue.get();
    queues_.push_back(std::move(queue));
  }
  return reinterpret_cast<gantry_queue*>(slot);
}

sdk::Store::Bounds MemoryStore::bounds(gantry_queue* queue) {
  if (queue == nullptr) return {};
  const std::lock_guard lock(mutex_);
  auto& target = *reinterpret_cast<Queue*>(queue);
  trim(target);
  return {target.min, target.max()};
}

void MemoryStore::trim(Queue& queue) const {
  while (!queue.entries.empty() && queue.entries.front().log_offset < log_begin_) {
    queue.entries.pop_front();
    ++queue.min;
  }
}

std::int64_t MemoryStore::now() {
  if (options_.now_ms) return options_.now_ms();
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

gantry_status MemoryStore::prepare(const gantry_append_item& item, Prepared& out) const {
  if (item.queue == nullptr || item.body.data == nullptr || item.body.size == 0) return GANTRY_E_INVALID_ARGUMENT;
  if (item.properties.size + item.properties_more.size > protocol::properties_size_max) return GANTRY_E_TOO_LARGE;
  out.queue = reinterpret_cast<Queue*>(item.queue);
  auto& source = out.source;
  source.topic = out.queue->topic;
  source.body = view_of(item.body);
  source.properties = text_of(item.properties);
  source.properties_more = text_of(item.properties_more);
  source.body_crc = protocol::crc32_positive(source.body);
  source.queue_id = out.queue->id;
  source.flag = item.flag;
  source.sys_flag = item.sys_flag;
  source.born_ms = item.born_ms;
  source.prepared_offset = item.prepared_offset;
  source.reconsume_count = item.reconsume_count;
  source.born_host = protocol::host_of(item.born_host);
  source.store_host = protocol::host_of(item.store_host);
  out.size = protocol::record_size_unchecked(source);
  if (out.size > options_.bytes_max / 2) return GANTRY_E_TOO_LARGE;
  out.tag = protocol::entry_tag(delay_levels_ms_, source.topic, source.properties, source.properties_more);
  return GANTRY_OK;
}

Status MemoryStore::delay_levels(std::span<const std::int64_t> ms) {
  if (ms.empty()) return Error{Errc::invalid_argument, "expected the delay of at least one level, found none"};
  delay_levels_ms_.assign(ms.begin(), ms.end());
  return {};
}

gantry_status MemoryStore::make_room(std::uint64_t size) {
  if (!chunks_.empty() && chunks_.back()->capacity - chunks_.back()->used >= size) return GANTRY_OK;
  const auto capacity = std::max(size, chunk_bytes_);
  while (!chunks_.empty() && chunk_bytes_total_ + capacity > options_.bytes_max) {
    // Readers keep their chunk alive through the shared pointer; it only leaves the count.
    chunk_bytes_total_ -= chunks_.front()->capacity;
    log_begin_ = chunks_.front()->end();
    chunks_.pop_front();
  }
  chunks_.push_back(std::make_shared<Chunk>(log_end_, capacity));
  chunk_bytes_total_ += capacity;
  return GANTRY_OK;
}

void MemoryStore::append_prepared(const Prepared& prepared, gantry_append_result& result) {
  auto& queue = *prepared.queue;
  auto source = prepared.source;
  const bool indexed = protocol::sys_flag::takes_queue_offset(source.sys_flag);
  source.queue_offset = indexed ? queue.max() : 0;
  source.log_offset = log_end_;
  source.store_ms = last_store_ms_;
  auto& chunk = *chunks_.back();
  protocol::encode_record(source, chunk.bytes.get() + chunk.used);
  chunk.used += prepared.size;
  last_log_offset_ = log_end_;
  log_end_ += static_cast<std::int64_t>(prepared.size);
  if (indexed) {
    queue.entries.push_back(
        {source.log_offset, static_cast<std::int32_t>(prepared.size), prepared.tag.at(last_store_ms_)});
  }
  result.status = GANTRY_OK;
  result.record_size = static_cast<std::uint32_t>(prepared.size);
  result.log_offset = source.log_offset;
  result.queue_offset = source.queue_offset;
  result.store_ms = last_store_ms_;
}

void MemoryStore::append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) {
  if (items.empty()) return;
  thread_local std::vector<Prepared> prepared;  // keeps its memory from batch to batch
  prepared.assign(items.size(), {});
  for (std::size_t i = 0; i < items.size(); ++i) {
    results[i] = {};
    results[i].status = prepare(items[i], prepared[i]);
  }
  std::unique_lock lock(mutex_);
  last_store_ms_ = std::max(last_store_ms_, now());
  for (std::size_t begin = 0; begin < items.size();) {
    auto end = begin + 1;
    while (end < items.size() && (items[end].options & GANTRY_APPEND_JOINED) != 0) ++end;
    gantry_status status = stopping_ ? GANTRY_E_UNAVAILABLE : GANTRY_OK;
    std::uint64_t size = 0;
    for (auto i = begin; i < end && status == GANTRY_OK; ++i) {
      status = results[i].status;
      if (status == GANTRY_OK && items[i].queue != items[begin].queue) status = GANTRY_E_INVALID_ARGUMENT;
      if (status == GANTRY_OK && prepared[i].queue->dead) status = GANTRY_E_UNAVAILABLE;
      size += prepared[i].size;
    }
    if (status == GANTRY_OK && size > options_.bytes_max / 2) status = GANTRY_E_TOO_LARGE;
    if (status == GANTRY_OK) status = make_room(size);
    for (auto i = begin; i < end; ++i) {
      if (status == GANTRY_OK) {
        append_prepared(prepared[i], results[i]);
      } else {
        results[i].status = status;
      }
    }
    begin = end;
  }
}

void MemoryStore::want_durable(std::int64_t /*log_offset*/) {
  const std::lock_guard lock(teller_mutex_);
  durable_wanted_ = true;
  teller_wakes_.notify_one();
}

void MemoryStore::tell_durable() {
  pthread_setname_np(pthread_self(), "g-store");
  std::int64_t told = -1;
  std::unique_lock lock(teller_mutex_);
  for (;;) {
    teller_wakes_.wait(lock, [this] { return durable_wanted_ || teller_stops_; });
    if (teller_stops_) return;
    durable_wanted_ = false;
    lock.unlock();
    // What is in memory is as durable as it will ever be here.
    const auto end = positions().durable_end;
    if (end > told && listener_.durable != nullptr) listener_.durable(listener_.context, end);
    told = std::max(told, end);
    lock.lock();
  }
}

const std::shared_ptr<MemoryStore::Chunk>* MemoryStore::chunk_at(std::int64_t log_offset) const {
  const auto behind = std::upper_bound(chunks_.begin(), chunks_.end(), log_offset,
                                       [](std::int64_t at, const auto& chunk) { return at < chunk->base; });
  if (behind == chunks_.begin()) return nullptr;
  const auto& chunk = *std::prev(behind);
  return log_offset < chunk->end() ? &chunk : nullptr;
}

const std::byte* MemoryStore::record_at(std::int64_t log_offset) const {
  const auto* chunk = chunk_at(log_offset);
  return chunk == nullptr ? nullptr : (*chunk)->bytes.get() + (log_offset - (*chunk)->base);
}

std::int64_t MemoryStore::store_ms_at(std::int64_t log_offset) const {
  const auto* record = record_at(log_offset);
  if (record == nullptr) return -1;
  const auto flags = protocol::load_big_endian<std::int32_t>(record + protocol::record_at::sys_flag);
  return protocol::load_big_endian<std::int64_t>(record + protocol::store_ms_position(flags));
}

Status MemoryStore::read(const gantry_read_request& request, gantry_read_result& result) {
  if (request.queue == nullptr || request.message_count_max == 0 || request.scan_count_max == 0 ||
      result.slice_capacity == 0) {
    return Error{Errc::invalid_argument, "read: expected a queue and room for at least one message, entry and slice"};
  }
  result.slice_count = 0;
  result.message_count = 0;
  result.byte_count = 0;
  result.last_log_offset = -1;
  result.owner = nullptr;
  const std::lock_guard lock(mutex_);
  auto& queue = *reinterpret_cast<Queue*>(request.queue);
  trim(queue);
  result.min_offset = queue.min;
  result.max_offset = queue.max();
  const auto ends = [&](std::uint32_t outcome, std::int64_t next) {
    result.outcome = outcome;
    result.next_offset = next;
    return Status();
  };
  if (result.max_offset == 0) return ends(GANTRY_READ_EMPTY_QUEUE, 0);
  if (request.offset < result.min_offset) return ends(GANTRY_READ_BEFORE_BEGIN, result.min_offset);
  if (request.offset == result.max_offset) return ends(GANTRY_READ_AT_END, request.offset);
  if (request.offset > result.max_offset) return ends(GANTRY_READ_BEYOND_END, result.max_offset);

  auto owner = std::make_unique<Owner>();
  auto next = request.offset;
  const auto scan_end = std::min(result.max_offset, next + static_cast<std::int64_t>(request.scan_count_max));
  bool full = false;
  while (next < scan_end && !full) {
    const auto& entry = queue.at(next);
    if (entry.log_end() > request.visible_end) break;
    const auto size = static_cast<std::uint64_t>(entry.size);
    const auto* record = record_at(entry.log_offset);
    bool wanted = tag_matches(request.match, entry.tag_code);
    if (wanted && request.match != nullptr && request.match->match != nullptr) {
      const gantry_bytes bytes{record, size};
      std::uint8_t verdict = 0;
      request.match->match(request.match->context, &bytes, &verdict, 1);
      wanted = verdict != 0;
    }
    if (wanted) {
      full = result.message_count == request.message_count_max ||
             (result.message_count > 0 && result.byte_count + size > request.bytes_max);
      if (full) break;
      auto* last = result.slice_count > 0 ? &result.slices[result.slice_count - 1] : nullptr;
      if (last != nullptr && static_cast<const std::byte*>(last->data) + last->size == record) {
        last->size += size;
      } else if (result.slice_count == result.slice_capacity) {
        full = true;
        break;
      } else {
        result.slices[result.slice_count++] = {record, size};
      }
      const auto& chunk = *chunk_at(entry.log_offset);
      if (owner->chunks.empty() || owner->chunks.back() != chunk) owner->chunks.push_back(chunk);
      ++result.message_count;
      result.byte_count += size;
      result.last_log_offset = entry.log_offset;
    }
    ++next;
  }
  if (result.message_count == 0) return ends(next > request.offset ? GANTRY_READ_NO_MATCH : GANTRY_READ_AT_END, next);
  result.owner = reinterpret_cast<gantry_read_owner*>(owner.release());
  return ends(GANTRY_READ_FOUND, next);
}

Status MemoryStore::read_record(std::int64_t log_offset, std::uint32_t /*options*/, gantry_read_result& result) {
  if (result.slice_capacity == 0) return Error{Errc::invalid_argument, "read_record: expected room for one slice"};
  const std::lock_guard lock(mutex_);
  const auto* chunk = chunk_at(log_offset);
  protocol::RecordView view;
  const auto offset_in_chunk = chunk == nullptr ? 0 : static_cast<std::uint64_t>(log_offset - (*chunk)->base);
  if (chunk == nullptr ||
      protocol::decode_record({(*chunk)->bytes.get() + offset_in_chunk, (*chunk)->used - offset_in_chunk}, view) !=
          protocol::RecordOutcome::ok ||
      view.log_offset != log_offset) {
    return Error{Errc::not_found, "no record begins at log offset " + std::to_string(log_offset)};
  }
  auto owner = std::make_unique<Owner>();
  owner->chunks.push_back(*chunk);
  result.outcome = GANTRY_READ_FOUND;
  result.next_offset = view.queue_offset + 1;
  result.min_offset = 0;
  result.max_offset = 0;
  result.slices[0] = {(*chunk)->bytes.get() + offset_in_chunk, view.size};
  result.slice_count = 1;
  result.message_count = 1;
  result.byte_count = view.size;
  result.last_log_offset = log_offset;
  result.owner = reinterpret_cast<gantry_read_owner*>(owner.release());
  return {};
}

void MemoryStore::release(gantry_read_owner* owner) { delete reinterpret_cast<Owner*>(owner); }

Result<gantry_queue_entry> MemoryStore::entry(gantry_queue* queue, std::int64_t offset, std::uint32_t /*options*/) {
  if (queue == nullptr) return Error{Errc::invalid_argument, "entry: expected a queue"};
  const std::lock_guard lock(mutex_);
  auto& target = *reinterpret_cast<Queue*>(queue);
  trim(target);
  if (offset < target.min || offset >= target.max()) {
    return Error{Errc::not_found, "queue " + target.topic + "/" + std::to_string(target.id) + " has no offset " +
                                      std::to_string(offset) + "; it holds [" + std::to_string(target.min) + ", " +
                                      std::to_string(target.max()) + ")"};
  }
  const auto& found = target.at(offset);
  gantry_queue_entry out{};
  out.log_offset = found.log_offset;
  out.tag_code = found.tag_code;
  out.record_size = static_cast<std::uint32_t>(found.size);
  out.store_ms = store_ms_at(found.log_offset);
  return out;
}

Result<std::int64_t> MemoryStore::search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                              std::uint32_t /*options*/) {
  if (queue == nullptr) return Error{Errc::invalid_argument, "search_time: expected a queue"};
  const std::lock_guard lock(mutex_);
  auto& target = *reinterpret_cast<Queue*>(queue);
  trim(target);
  const bool upper = boundary == GANTRY_SEARCH_UPPER;
  // The first entry whose time is >= t (lower) or > t (upper).
  const auto found = std::partition_point(target.entries.begin(), target.entries.end(), [&](const auto& entry) {
    const auto store_ms = store_ms_at(entry.log_offset);
    return upper ? store_ms <= time_ms : store_ms < time_ms;
  });
  const auto offset = target.min + (found - target.entries.begin());
  return upper ? std::max(offset - 1, target.min) : offset;
}

gantry_store_positions MemoryStore::positions() {
  const std::lock_guard lock(mutex_);
  gantry_store_positions out{};
  out.struct_size = sizeof out;
  out.writable = stopping_ ? 0 : 1;
  out.log_begin = log_begin_;
  out.log_end = log_end_;
  out.durable_end = log_end_;
  out.oldest_store_ms = log_begin_ == log_end_ ? -1 : store_ms_at(log_begin_);
  out.disk_total_bytes = static_cast<std::int64_t>(options_.bytes_max);
  // The oldest messages make room for new ones, so that the store is never full.
  out.disk_free_bytes = out.disk_total_bytes;
  return out;
}

Status MemoryStore::delete_topic(std::string_view topic) {
  GANTRY_TRY(check_topic(topic));
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(std::string(topic));
  if (found == topics_.end()) return {};
  for (const auto& [id, queue] : found->second) {
    queue->dead = true;
    queue->min = 0;
    queue->entries.clear();
  }
  topics_.erase(found);
  return {};
}

Status MemoryStore::save_blob(std::string_view name, std::string_view content) {
  GANTRY_TRY(check_blob_name(name));
  const std::lock_guard lock(mutex_);
  const auto found = blobs_.find(name);
  if (found == blobs_.end()) {
    blobs_.emplace(name, Blob{std::string(content), {}, false});
    return {};
  }
  found->second.backup = std::exchange(found->second.newest, std::string(content));
  found->second.has_backup = true;
  return {};
}

Result<std::string> MemoryStore::load_blob(std::string_view name, sdk::BlobVersion version) {
  GANTRY_TRY(check_blob_name(name));
  const std::lock_guard lock(mutex_);
  const auto found = blobs_.find(name);
  const bool backup = version == sdk::BlobVersion::backup;
  if (found == blobs_.end() || (backup && !found->second.has_backup)) {
    return Error{Errc::not_found, "blob '" + std::string(name) + "' was never saved"};
  }
  return backup ? found->second.backup : found->second.newest;
}

namespace {

bool is_asked_for(const protocol::RecordView& record, const gantry_query_request& request) {
  return record.store_ms >= request.begin_ms && record.store_ms <= request.end_ms &&
         record.topic == text_of(request.topic) &&
         protocol::sys_flag::transaction_of(record.sys_flag) != protocol::sys_flag::transaction_rollback &&
         protocol::has_index_key(record.properties, text_of(request.key), (request.options & GANTRY_QUERY_UNIQUE) != 0);
}

/// Calls `visit` with each record of a chunk's first `used` bytes, in order.
template <typename Visit>
void each_record(const std::byte* bytes, std::uint64_t used, Visit&& visit) {
  protocol::RecordView record;
  for (std::uint64_t at = 0; at < used; at += record.size) {
    if (protocol::decode_record({bytes + at, used - at}, record) != protocol::RecordOutcome::ok) return;
    visit(record);
  }
}

}  // namespace

bool MemoryStore::is_in_use(const protocol::RecordView& record) const {
  const auto topic = topics_.find(std::string(record.topic));
  if (topic == topics_.end()) return false;
  const auto queue = topic->second.find(record.queue_id);
  if (queue == topic->second.end()) return false;
  // Half messages have no entry in their queue.
  if (protocol::sys_flag::transaction_of(record.sys_flag) == protocol::sys_flag::transaction_prepared) return true;
  const auto& entries = queue->second->entries;
  const auto entry = std::lower_bound(entries.begin(), entries.end(), record.log_offset,
                                      [](const auto& each, std::int64_t at) { return each.log_offset < at; });
  return entry != entries.end() && entry->log_offset == record.log_offset;
}

Status MemoryStore::query(const gantry_query_request& request, gantry_query_result& result) {
  if (request.key.size == 0 || request.count_max == 0 || result.log_offsets == nullptr) {
    return Error{Errc::invalid_argument, "query: expected a key and room for at least one message"};
  }
  // A chunk's bytes do not change once they are used, so only the list needs the lock.
  std::vector<std::pair<std::shared_ptr<Chunk>, std::uint64_t>> chunks;
  {
    const std::lock_guard lock(mutex_);
    chunks.reserve(chunks_.size());
    for (const auto& chunk : chunks_) chunks.emplace_back(chunk, chunk->used);
    result.indexed_end = log_end_;
    result.last_ms = log_end_ > 0 ? last_store_ms_ : 0;
    result.last_log_offset = last_log_offset_;
  }
  std::vector<std::int64_t> newest_first;
  std::vector<protocol::RecordView> found;
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend() && newest_first.size() < request.count_max; ++chunk) {
    found.clear();
    auto oldest_ms = request.begin_ms;
    each_record(chunk->first->bytes.get(), chunk->second, [&](const protocol::RecordView& record) {
      if (record.log_offset == chunk->first->base) oldest_ms = record.store_ms;
      if (is_asked_for(record, request)) found.push_back(record);
    });
    const std::lock_guard lock(mutex_);
    for (auto record = found.rbegin(); record != found.rend() && newest_first.size() < request.count_max; ++record) {
      if (is_in_use(*record)) newest_first.push_back(record->log_offset);
    }
    if (oldest_ms < request.begin_ms) break;  // what lies before it is older still
  }
  std::copy(newest_first.rbegin(), newest_first.rend(), result.log_offsets);
  result.count = static_cast<std::uint32_t>(newest_first.size());
  return {};
}

}  // namespace gantry::storage_memory
