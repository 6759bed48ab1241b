// MmapStore: finding messages by key. The index answers candidates; each is compared with its record here, because
// other keys may have the same hash and the index keeps times in seconds.
#include "plugins/storage-mmap/index_keys.hpp"
#include "plugins/storage-mmap/log_reader.hpp"
#include "plugins/storage-mmap/mmap_store.hpp"

#include "protocol/properties.hpp"

#include <algorithm>

namespace gantry::storage_mmap {
namespace {

// Candidates looked at for one query: a bound for keys that very many messages have, or that collide.
constexpr std::uint32_t candidates_max = 100'000;

bool has_key(const protocol::RecordView& record, std::string_view key, bool unique) {
  if (protocol::find_property(record.properties, protocol::property::uniq_key) == key) return true;
  if (unique) return false;
  auto keys = protocol::find_property(record.properties, protocol::property::keys);
  while (!keys.empty()) {
    const auto word = keys.substr(0, keys.find(' '));
    if (word == key) return true;
    keys.remove_prefix(std::min(keys.size(), word.size() + 1));
  }
  return false;
}

}  // namespace

Status MmapStore::query(const gantry_query_request& request, gantry_query_result& result) {
  if (!options_.index) {
    return Error{Errc::unsupported, "messages cannot be found by key: the index is switched off (storage-mmap.index)"};
  }
  if (!has_index_) return Error{Errc::unavailable, "messages cannot be found by key: the index could not be opened"};
  if (request.count_max == 0 || request.key.size == 0 || request.topic.size == 0) {
    return Error{Errc::invalid_argument, "query: expected a topic, a key and room for at least one result"};
  }
  const std::string_view topic(static_cast<const char*>(request.topic.data), request.topic.size);
  const std::string_view key(static_cast<const char*>(request.key.data), request.key.size);
  const bool unique = (request.options & GANTRY_QUERY_UNIQUE) != 0;
  const auto progress = index_.progress();
  result.count = 0;
  result.indexed_end = progress.indexed_end;
  result.last_ms = progress.last_ms;
  result.last_log_offset = progress.last_log_offset;
  std::int64_t deleted_at = -1;
  {
    const std::lock_guard lock(files_mutex_);
    if (const auto found = deleted_topics_.find(topic); found != deleted_topics_.end()) deleted_at = found->second;
  }
  LogReader reader(log_, disk_, true);
  std::uint32_t looked_at = 0;
  Status failed;
  const auto visit = [&](std::int64_t log_offset) {
    if (log_offset < log_.begin() || log_offset < deleted_at || log_offset >= log_.end()) return true;
    if (++looked_at > candidates_max) return false;
    protocol::RecordView view;
    const auto record = record_at(log_offset, reader, view);
    if (!record && record.error().code != Errc::not_found) failed = record.error();
    if (!record) return record.error().code == Errc::not_found;
    const bool in_time = view.store_ms >= request.begin_ms && view.store_ms <= request.end_ms;
    if (in_time && view.topic == topic && has_key(view, key, unique)) result.log_offsets[result.count++] = log_offset;
    return result.count < request.count_max;
  };
  GANTRY_TRY(index_.find(index_hash(topic, key), request.begin_ms, request.end_ms, visit));
  if (!failed && result.count == 0) return failed;
  std::sort(result.log_offsets, result.log_offsets + result.count);
  return {};
}

}  // namespace gantry::storage_mmap
