#include "kernel/broker/testing/fake_store.hpp"

#include "protocol/crc32.hpp"
#include "protocol/host.hpp"
#include "protocol/java_hash.hpp"
#include "protocol/properties.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>

namespace gantry::broker::testing {

namespace {

std::string_view to_text(gantry_bytes bytes) {
  return {static_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}

Error being_rebuilt() { return {Errc::busy, "the queue is being rebuilt"}; }

}  // namespace

void FakeStore::append(std::span<const gantry_append_item> items, std::span<gantry_append_result> results) {
  const std::lock_guard lock(mutex_);
  ++append_calls;
  if (null_appends) {
    for (std::size_t i = 0; i < items.size(); ++i) results[i] = {GANTRY_OK, 1'200, 0, 0, now_ms};
    return;
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    const gantry_append_item& item = items[i];
    results[i] = {};
    results[i].status = item.queue->deleted ? GANTRY_E_UNAVAILABLE : append_status;
    const std::string_view body(static_cast<const char*>(item.body.data), item.body.size);
    if (!refused_body.empty() && body == refused_body) results[i].status = GANTRY_E_FULL;
    if (results[i].status != GANTRY_OK) continue;
    gantry_queue& queue = *item.queue;
    protocol::RecordSource source;
    source.topic = queue.topic;
    source.body = protocol::as_bytes(to_text(item.body));
    source.properties = to_text(item.properties);
    source.properties_more = to_text(item.properties_more);
    source.body_crc = protocol::crc32_positive(source.body);
    source.queue_id = queue.id;
    source.flag = item.flag;
    source.sys_flag = item.sys_flag;
    source.queue_offset = queue.first + static_cast<std::int64_t>(queue.entries.size());
    source.log_offset = log_end();
    source.born_ms = item.born_ms;
    source.store_ms = now_ms;
    source.prepared_offset = item.prepared_offset;
    source.reconsume_count = item.reconsume_count;
    source.born_host = protocol::host_of(item.born_host);
    source.store_host = protocol::host_of(item.store_host);
    const std::size_t size = protocol::record_size_unchecked(source);
    log_.resize(log_.size() + size);
    protocol::encode_record(source, reinterpret_cast<std::byte*>(log_.data()) + source.log_offset);
    const std::string_view tag = protocol::find_property(source.properties, protocol::property::tags);
    const auto transaction = protocol::sys_flag::transaction_of(source.sys_flag);
    if (transaction == protocol::sys_flag::transaction_none || transaction == protocol::sys_flag::transaction_commit) {
      queue.entries.push_back({source.log_offset, protocol::tag_code(tag), now_ms, static_cast<std::uint32_t>(size)});
    }
    results[i].record_size = static_cast<std::uint32_t>(size);
    results[i].log_offset = source.log_offset;
    results[i].queue_offset = source.queue_offset;
    results[i].store_ms = now_ms;
  }
  if (durable_at_once) durable_end_ = log_end();
}

Status FakeStore::read(const gantry_read_request& request, gantry_read_result& result) {
  const std::lock_guard lock(mutex_);
  if (unavailable) return Error{Errc::unavailable, "the store is closed"};
  if (reads_would_block && (request.options & GANTRY_READ_MAY_BLOCK) == 0) return Error{Errc::would_block, {}};
  if (rebuilding) return being_rebuilt();
  const gantry_queue& queue = *request.queue;
  result.min_offset = queue.first;
  result.max_offset = queue.first + static_cast<std::int64_t>(queue.entries.size());
  result.next_offset = request.offset;
  result.slice_count = 0;
  if (result.max_offset == 0) {
    result.outcome = GANTRY_READ_EMPTY_QUEUE;
    result.next_offset = 0;
    return {};
  }
  if (request.offset < result.min_offset || request.offset >= result.max_offset) {
    result.outcome = request.offset < result.min_offset    ? GANTRY_READ_BEFORE_BEGIN
                     : request.offset == result.max_offset ? GANTRY_READ_AT_END
                                                           : GANTRY_READ_BEYOND_END;
    return {};
  }
  std::uint32_t scanned = 0;
  for (std::int64_t at = request.offset; at < result.max_offset && scanned < request.scan_count_max; ++at, ++scanned) {
    const auto& entry = queue.entries[static_cast<std::size_t>(at - queue.first)];
    const std::int64_t end = entry.log_offset + entry.size;
    if (end > request.visible_end) break;
    const char* bytes = log_.data() + entry.log_offset;
    if (request.match != nullptr) {
      const gantry_matcher& match = *request.match;
      bool passes = match.tag_code_count == 0 ||
                    std::count(match.tag_codes, match.tag_codes + match.tag_code_count, entry.tag_code) > 0;
      if (passes && match.match != nullptr) {
        const gantry_bytes record{bytes, entry.size};
        std::uint8_t verdict = 0;
        match.match(match.context, &record, &verdict, 1);
        passes = verdict != 0;
      }
      if (!passes) {
        result.next_offset = at + 1;
        continue;
      }
    }
    const bool full = result.message_count > 0 && (result.message_count >= request.message_count_max ||
                                                   result.byte_count + entry.size > request.bytes_max ||
                                                   result.slice_count >= result.slice_capacity);
    if (full) break;
    result.slices[result.slice_count++] = {bytes, entry.size};
    ++result.message_count;
    result.byte_count += entry.size;
    result.last_log_offset = entry.log_offset;
    result.next_offset = at + 1;
  }
  if (result.message_count > 0) {
    result.outcome = GANTRY_READ_FOUND;
    result.owner = &owner_;
    ++owners;
  } else {
    result.outcome = result.next_offset > request.offset ? GANTRY_READ_NO_MATCH : GANTRY_READ_AT_END;
  }
  return {};
}

Status FakeStore::read_record(std::int64_t log_offset, std::uint32_t /*options*/, gantry_read_result& result) {
  const std::lock_guard lock(mutex_);
  protocol::RecordView view;
  if (log_offset < 0 || log_offset >= log_end()) return Error{Errc::not_found, "outside the log"};
  const auto rest = protocol::as_bytes(std::string_view(log_).substr(static_cast<std::size_t>(log_offset)));
  if (protocol::decode_record(rest, view) != protocol::RecordOutcome::ok) return Error{Errc::not_found, "no record"};
  result.slices[0] = {log_.data() + log_offset, view.size};
  result.slice_count = 1;
  result.message_count = 1;
  result.byte_count = view.size;
  result.owner = &owner_;
  ++owners;
  return {};
}

Result<gantry_queue_entry> FakeStore::entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) {
  const std::lock_guard lock(mutex_);
  if (reads_would_block && (options & GANTRY_READ_MAY_BLOCK) == 0) return Error{Errc::would_block, {}};
  if (rebuilding) return being_rebuilt();
  if (offset < queue->first || offset >= queue->first + static_cast<std::int64_t>(queue->entries.size())) {
    return Error{Errc::not_found, "no such entry"};
  }
  const auto& entry = queue->entries[static_cast<std::size_t>(offset - queue->first)];
  return gantry_queue_entry{entry.log_offset, entry.tag_code, entry.store_ms, entry.size, 0};
}

Result<std::int64_t> FakeStore::search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                            std::uint32_t options) {
  const std::lock_guard lock(mutex_);
  if (reads_would_block && (options & GANTRY_READ_MAY_BLOCK) == 0) return Error{Errc::would_block, {}};
  if (rebuilding) return being_rebuilt();
  std::int64_t at = queue->first;
  if (boundary == GANTRY_SEARCH_LOWER) {
    for (const auto& entry : queue->entries) {
      if (entry.store_ms >= time_ms) return at;
      ++at;
    }
    return at;
  }
  std::int64_t last = queue->first;
  for (const auto& entry : queue->entries) {
    if (entry.store_ms <= time_ms) last = at;
    ++at;
  }
  return last;
}

Status FakeStore::query(const gantry_query_request& request, gantry_query_result& result) {
  const std::lock_guard lock(mutex_);
  ++queries;
  if (!keeps_index) return Error{Errc::unsupported, "no index"};
  if (unavailable) return Error{Errc::unavailable, "the store is closed"};
  result.indexed_end = log_end() - index_behind;
  std::vector<std::int64_t> found;
  protocol::RecordView view;
  for (std::int64_t at = 0; at < result.indexed_end; at += view.size) {
    const auto rest = protocol::as_bytes(std::string_view(log_).substr(static_cast<std::size_t>(at)));
    if (protocol::decode_record(rest, view) != protocol::RecordOutcome::ok) break;
    result.last_ms = view.store_ms;
    result.last_log_offset = at;
    const bool matches =
        view.topic == to_text(request.topic) && view.store_ms >= request.begin_ms && view.store_ms <= request.end_ms &&
        protocol::has_index_key(view.properties, to_text(request.key), (request.options & GANTRY_QUERY_UNIQUE) != 0);
    if (matches) found.push_back(at);
  }
  const std::size_t skipped = found.size() - std::min<std::size_t>(found.size(), request.count_max);
  result.count = static_cast<std::uint32_t>(found.size() - skipped);
  std::copy(found.begin() + static_cast<std::ptrdiff_t>(skipped), found.end(), result.log_offsets);
  return {};
}

}  // namespace gantry::broker::testing
