// MmapStore: how messages get out. A read is planned on queue entries, takes slices of the mapped log and pins their
// segments; nothing is copied.
#include "plugins/storage-mmap/mmap_store.hpp"
#include "plugins/storage-mmap/read_owner.hpp"

#include "protocol/stored_record.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gantry::storage_mmap {
namespace {

using protocol::QueueEntry;

constexpr std::size_t scan_batch = 64;
constexpr std::size_t match_batch = 16;
constexpr std::size_t owners_kept = 256;

Error would_block() { return {Errc::would_block, {}}; }

bool tag_matches(const gantry_matcher* match, std::int64_t code) {
  if (match == nullptr || match->tag_code_count == 0) return true;
  const auto* end = match->tag_codes + match->tag_code_count;
  return std::find(match->tag_codes, end, code) != end;
}

bool asks_records(const gantry_matcher* match) { return match != nullptr && match->match != nullptr; }

Error damaged(const MessageQueue& queue, std::int64_t log_offset, std::string_view found) {
  return {Errc::corrupt, "reading queue " + queue.name() + ": expected its record at log offset " +
                             std::to_string(log_offset) + ", found " + std::string(found) +
                             "; remove the folder consumequeue of the stopped store to have it rebuilt from the log"};
}

}  // namespace

/// One read under way: collects slices until a limit, an obstacle or the end.
class MmapStore::Reader {
 public:
  Reader(MmapStore& store, const gantry_read_request& request, gantry_read_result& result)
      : store_(store),
        request_(request),
        result_(result),
        queue_(*queue_of(request.queue)),
        may_block_((request.options & GANTRY_READ_MAY_BLOCK) != 0) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (owner_ == nullptr) return;
    store_.release(reinterpret_cast<gantry_read_owner*>(owner_));
  }

  Status run();

 private:
  Status ends(std::uint32_t outcome, std::int64_t next) {
    result_.outcome = outcome;
    result_.next_offset = next;
    return {};
  }
  Status consider(std::span<const QueueEntry> entries);
  Status match_and_take(std::span<const QueueEntry> candidates, std::span<const std::int64_t> offsets);
  bool take(const QueueEntry& entry);

  MmapStore& store_;
  const gantry_read_request& request_;
  gantry_read_result& result_;
  MessageQueue& queue_;
  const bool may_block_;
  Owner* owner_ = nullptr;
  std::int64_t next_ = 0;  // everything below was examined
  bool stopped_ = false;
  std::uint32_t obstacle_ = GANTRY_READ_FOUND;  // REMOVED or GAP, when that is what stopped the read
};

Status MmapStore::Reader::run() {
  const auto bounds = queue_.bounds();
  result_.slice_count = 0;
  result_.message_count = 0;
  result_.byte_count = 0;
  result_.last_log_offset = -1;
  result_.owner = nullptr;
  result_.min_offset = bounds.min;
  result_.max_offset = bounds.max;
  if (bounds.max == 0) return ends(GANTRY_READ_EMPTY_QUEUE, 0);
  if (request_.offset < bounds.min) return ends(GANTRY_READ_BEFORE_BEGIN, bounds.min);
  if (request_.offset == bounds.max) return ends(GANTRY_READ_AT_END, request_.offset);
  if (request_.offset > bounds.max) return ends(GANTRY_READ_BEYOND_END, bounds.max);

  next_ = request_.offset;
  const auto scan_end = std::min(bounds.max, next_ + static_cast<std::int64_t>(request_.scan_count_max));
  std::array<QueueEntry, scan_batch> entries;
  while (next_ < scan_end && !stopped_) {
    const auto wanted = std::min<std::size_t>(scan_batch, static_cast<std::size_t>(scan_end - next_));
    const auto count = store_.locate(queue_, next_, std::span(entries).first(wanted), may_block_);
    if (!count) {
      // What keeps a read from going on is only told when nothing was examined before it.
      if (next_ == request_.offset) return count.error();
      break;
    }
    if (*count == 0) break;  // the topic was deleted meanwhile
    GANTRY_TRY(consider(std::span(entries).first(*count)));
  }
  if (result_.message_count > 0) {
    result_.owner = reinterpret_cast<gantry_read_owner*>(std::exchange(owner_, nullptr));
    return ends(GANTRY_READ_FOUND, next_);
  }
  if (obstacle_ != GANTRY_READ_FOUND) return ends(obstacle_, next_);
  return ends(next_ > request_.offset ? GANTRY_READ_NO_MATCH : GANTRY_READ_AT_END, next_);
}

Status MmapStore::Reader::consider(std::span<const QueueEntry> entries) {
  std::array<QueueEntry, match_batch> candidates;
  std::array<std::int64_t, match_batch> offsets{};
  std::size_t count = 0;
  const auto log_begin = store_.log_.begin();
  auto offset = next_;
  const auto flush = [&]() -> Status {
    const auto part = std::exchange(count, 0);
    if (part == 0) return {};
    return match_and_take(std::span(candidates).first(part), std::span(offsets).first(part));
  };
  for (const auto& entry : entries) {
    const bool is_hole = !entry.is_written() || entry.is_pre_blank();
    if (is_hole || entry.log_offset < log_begin) {
      GANTRY_TRY(flush());
      if (stopped_) return {};
      if (result_.message_count > 0) {
        stopped_ = true;
        return {};
      }
      // Skipped without an end in sight, but within scan_count_max: the caller comes back at next_offset.
      obstacle_ = is_hole ? GANTRY_READ_GAP : GANTRY_READ_REMOVED;
      next_ = ++offset;
      continue;
    }
    if (obstacle_ != GANTRY_READ_FOUND || entry.log_end() > request_.visible_end) {
      GANTRY_TRY(flush());
      stopped_ = true;
      return {};
    }
    if (tag_matches(request_.match, entry.tag_code)) {
      candidates[count] = entry;
      offsets[count++] = offset;
      if (count == match_batch) GANTRY_TRY(flush());
      if (stopped_) return {};
    } else if (count == 0) {
      next_ = offset + 1;
    }
    ++offset;
  }
  GANTRY_TRY(flush());
  if (!stopped_) next_ = offset;
  return {};
}

Status MmapStore::Reader::match_and_take(std::span<const QueueEntry> candidates,
                                         std::span<const std::int64_t> offsets) {
  std::array<gantry_bytes, match_batch> records{};
  std::array<std::uint8_t, match_batch> verdicts{};
  std::size_t ready = 0;
  Status told;
  for (; ready < candidates.size(); ++ready) {
    const auto& entry = candidates[ready];
    const auto record = store_.record_of(queue_, entry, may_block_);
    if (!record) {
      told = record.error();
      break;
    }
    records[ready] = {store_.log_.find(entry.log_offset)->at(entry.log_offset), static_cast<std::uint64_t>(entry.size)};
    verdicts[ready] = 1;
  }
  if (asks_records(request_.match) && ready > 0) {
    std::fill(verdicts.begin(), verdicts.end(), std::uint8_t{0});
    request_.match->match(request_.match->context, records.data(), verdicts.data(), ready);
  }
  for (std::size_t i = 0; i < ready; ++i) {
    if (verdicts[i] != 0 && !take(candidates[i])) {
      next_ = offsets[i];
      stopped_ = true;
      return {};
    }
    next_ = offsets[i] + 1;
  }
  if (ready == candidates.size()) return {};
  next_ = offsets[ready];
  stopped_ = true;
  if (result_.message_count == 0 && next_ == request_.offset) return told;
  return {};
}

bool MmapStore::Reader::take(const QueueEntry& entry) {
  const auto size = static_cast<std::uint64_t>(entry.size);
  if (result_.message_count == request_.message_count_max) return false;
  if (result_.message_count > 0 && result_.byte_count + size > request_.bytes_max) return false;
  auto* segment = store_.log_.find(entry.log_offset);
  const auto* bytes = segment->at(entry.log_offset);
  auto* last = result_.slice_count > 0 ? &result_.slices[result_.slice_count - 1] : nullptr;
  // Mappings may lie side by side by chance; a slice stays within one file.
  const bool extends = last != nullptr && static_cast<const std::byte*>(last->data) + last->size == bytes &&
                       entry.log_offset != segment->base();
  if (!extends && result_.slice_count == result_.slice_capacity) return false;
  if (owner_ == nullptr) owner_ = store_.take_owner();
  if (!owner_->pin(*segment)) return false;
  if (extends) {
    last->size += size;
  } else {
    result_.slices[result_.slice_count++] = {bytes, size};
  }
  ++result_.message_count;
  result_.byte_count += size;
  result_.last_log_offset = entry.log_offset;
  return true;
}

Status MmapStore::read(const gantry_read_request& request, gantry_read_result& result) {
  if (request.queue == nullptr || request.message_count_max == 0 || request.scan_count_max == 0 ||
      result.slice_capacity == 0) {
    return Error{Errc::invalid_argument, "read: expected a queue and room for at least one message, entry and slice"};
  }
  return Reader(*this, request, result).run();
}

Result<std::size_t> MmapStore::locate(const MessageQueue& queue, std::int64_t offset, std::span<QueueEntry> to,
                                      bool may_block) {
  if (const auto count = queue.copy(offset, to); count > 0) return count;
  const auto bounds = queue.bounds();
  if (offset < bounds.min || offset >= bounds.max) return std::size_t{0};
  if (offset >= bounds.ring_begin) return queue.copy(offset, to);
  const auto in_files = std::min<std::int64_t>(static_cast<std::int64_t>(to.size()), bounds.ring_begin - offset);
  auto count = files_.read(queue, offset, to.first(static_cast<std::size_t>(in_files)), may_block);
  if (count && *count == 0) {
    if (queue.is_dead()) return std::size_t{0};
    return Error{Errc::corrupt, "reading queue " + queue.name() + ": expected an entry at offset " +
                                    std::to_string(offset) +
                                    ", found the end of its file; remove the folder "
                                    "consumequeue of the stopped store to have it rebuilt"};
  }
  if (!count && queue.is_dead()) return std::size_t{0};
  return count;
}

Result<protocol::RecordView> MmapStore::record_of(const MessageQueue& queue, const QueueEntry& entry, bool may_block) {
  protocol::RecordView view;
  view.size = static_cast<std::uint32_t>(entry.size);
  auto* segment = log_.find(entry.log_offset);
  if (segment == nullptr || entry.log_end() > std::min(segment->end(), log_.end())) {
    // The appender publishes the log's end after the entry: what this process wrote is there.
    if (segment == nullptr || entry.log_end() > segment->end() || entry.log_offset < trusted_from_) {
      return damaged(queue, entry.log_offset, "that the log ends before it");
    }
  }
  const auto* bytes = segment->at(entry.log_offset);
  const auto size = static_cast<std::uint64_t>(entry.size);
  if (!is_surely_in_memory(entry.log_offset)) {
    if (may_block) {
      CommitLog::make_resident(bytes, size);
    } else if (!CommitLog::is_resident(bytes, size)) {
      return would_block();
    }
    segment->touched.store(true, std::memory_order_relaxed);
    if (!cold_was_read_.exchange(true, std::memory_order_relaxed)) space_wakeup_.notify();
  }
  if (entry.log_offset >= trusted_from_) return view;
  // The checksum costs far less than bringing the record into memory did.
  const auto outcome = protocol::decode_record({bytes, size}, view, protocol::CheckBody::crc);
  if (outcome != protocol::RecordOutcome::ok) return damaged(queue, entry.log_offset, protocol::to_string(outcome));
  if (view.size != size || view.log_offset != entry.log_offset || view.queue_id != queue.id() ||
      view.topic != queue.topic()) {
    return damaged(queue, entry.log_offset,
                   "a record of " + std::string(view.topic) + "/" + std::to_string(view.queue_id) + " with " +
                       std::to_string(view.size) + " bytes that says it is at " + std::to_string(view.log_offset));
  }
  return view;
}

Status MmapStore::read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) {
  if (result.slice_capacity == 0) return Error{Errc::invalid_argument, "read_record: expected room for one slice"};
  const auto not_found = [log_offset] {
    return Error{Errc::not_found, "no record begins at log offset " + std::to_string(log_offset)};
  };
  auto* segment = log_.find(log_offset);
  const auto log_end = log_.end();
  if (segment == nullptr || log_offset < log_.begin() || log_offset >= log_end) return not_found();
  const bool may_block = (options & GANTRY_READ_MAY_BLOCK) != 0;
  const auto left = static_cast<std::uint64_t>(std::min(segment->end(), log_end) - log_offset);
  const auto* bytes = segment->at(log_offset);
  if (left < protocol::record_size_v4_min) return not_found();
  const auto bring = [&](std::uint64_t size) {
    if (is_surely_in_memory(log_offset)) return true;
    if (may_block) CommitLog::make_resident(bytes, size);
    return may_block || CommitLog::is_resident(bytes, size);
  };
  if (!bring(protocol::record_size_v4_min)) return would_block();
  const auto size = protocol::load_big_endian<std::uint32_t>(bytes);
  if (size < protocol::record_size_v4_min || size > left) return not_found();
  if (!bring(size)) return would_block();
  // The position comes from a client: bytes inside a message's body may look like a record, so everything is checked,
  // and the record's queue must know it too.
  protocol::RecordView view;
  if (protocol::decode_record({bytes, size}, view, protocol::CheckBody::crc) != protocol::RecordOutcome::ok ||
      view.log_offset != log_offset) {
    return not_found();
  }
  const auto transaction = protocol::sys_flag::transaction_of(view.sys_flag);
  const bool is_indexed =
      transaction == protocol::sys_flag::transaction_none || transaction == protocol::sys_flag::transaction_commit;
  if (const auto* queue = is_indexed ? queues_.find(view.topic, view.queue_id) : nullptr; queue != nullptr) {
    std::array<QueueEntry, 1> entry;
    GANTRY_ASSIGN(const auto count, locate(*queue, view.queue_offset, entry, may_block));
    if (count == 1 && entry[0].log_offset != log_offset) return not_found();
  }
  auto* owner = take_owner();
  owner->pin(*segment);
  result.outcome = GANTRY_READ_FOUND;
  result.next_offset = view.queue_offset + 1;
  result.min_offset = 0;
  result.max_offset = 0;
  result.slices[0] = {bytes, size};
  result.slice_count = 1;
  result.message_count = 1;
  result.byte_count = size;
  result.last_log_offset = log_offset;
  result.owner = reinterpret_cast<gantry_read_owner*>(owner);
  return {};
}

MmapStore::Owner* MmapStore::take_owner() {
  {
    const std::lock_guard lock(owners_mutex_);
    if (!owners_.empty()) {
      auto* owner = owners_.back().release();
      owners_.pop_back();
      return owner;
    }
  }
  return new Owner();
}

void MmapStore::release(gantry_read_owner* owner) {
  if (owner == nullptr) return;
  std::unique_ptr<Owner> mine(reinterpret_cast<Owner*>(owner));
  mine->unpin_all();
  const std::lock_guard lock(owners_mutex_);
  if (owners_.size() < owners_kept) owners_.push_back(std::move(mine));
}

Result<gantry_queue_entry> MmapStore::entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) {
  if (queue == nullptr) return Error{Errc::invalid_argument, "entry: expected a queue"};
  const auto& target = *queue_of(queue);
  const auto bounds = target.bounds();
  const auto not_found = [&] {
    return Error{Errc::not_found, "queue " + target.name() + " has no message at offset " + std::to_string(offset) +
                                      "; it holds [" + std::to_string(bounds.min) + ", " + std::to_string(bounds.max) +
                                      ")"};
  };
  if (offset < bounds.min || offset >= bounds.max) return not_found();
  const bool may_block = (options & GANTRY_READ_MAY_BLOCK) != 0;
  std::array<QueueEntry, 1> found;
  GANTRY_ASSIGN(const auto count, locate(target, offset, found, may_block));
  if (count == 0 || found[0].is_pre_blank() || !found[0].is_written() || found[0].log_offset < log_.begin()) {
    return not_found();
  }
  GANTRY_TRY(record_of(target, found[0], may_block));
  gantry_queue_entry out{};
  out.log_offset = found[0].log_offset;
  out.tag_code = found[0].tag_code;
  out.record_size = static_cast<std::uint32_t>(found[0].size);
  out.store_ms = store_ms_of(found[0]);
  return out;
}

std::int64_t MmapStore::store_ms_of(const QueueEntry& entry) const {
  const auto* record = log_.find(entry.log_offset)->at(entry.log_offset);
  const auto flags = protocol::load_big_endian<std::int32_t>(record + protocol::record_at::sys_flag);
  return protocol::load_big_endian<std::int64_t>(record + protocol::store_ms_position(flags));
}

Result<std::int64_t> MmapStore::search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                            std::uint32_t options) {
  if (queue == nullptr) return Error{Errc::invalid_argument, "search_time: expected a queue"};
  const auto& target = *queue_of(queue);
  const bool may_block = (options & GANTRY_READ_MAY_BLOCK) != 0;
  const bool upper = boundary == GANTRY_SEARCH_UPPER;
  const auto bounds = target.bounds();
  // Halving for the first offset whose time is >= t (lower) or > t (upper). What has no record counts as too old.
  auto low = bounds.min;
  auto high = bounds.max;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    std::array<QueueEntry, 1> found;
    GANTRY_ASSIGN(const auto count, locate(target, middle, found, may_block));
    if (count == 0) return bounds.min;  // the topic was deleted meanwhile
    bool too_old = true;
    if (found[0].is_written() && !found[0].is_pre_blank() && found[0].log_offset >= log_.begin()) {
      GANTRY_TRY(record_of(target, found[0], may_block));
      const auto store_ms = store_ms_of(found[0]);
      too_old = upper ? store_ms <= time_ms : store_ms < time_ms;
    }
    if (too_old) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return upper ? std::max(low - 1, bounds.min) : low;
}

}  // namespace gantry::storage_mmap
