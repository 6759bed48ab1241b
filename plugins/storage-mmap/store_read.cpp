// MmapStore: how messages get out. A read is planned on queue entries. Records of the hot window leave as slices of the
// mapped log, with their segments pinned and nothing copied; older ones are copied through the file, in runs of
// neighbours, by a thread that may wait for the disk.
#include "plugins/storage-mmap/log_reader.hpp"
#include "plugins/storage-mmap/mmap_store.hpp"
#include "plugins/storage-mmap/read_owner.hpp"

#include "protocol/stored_record.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace gantry::storage_mmap {
namespace {

using protocol::QueueEntry;

constexpr std::size_t scan_batch = 64;
constexpr std::size_t match_batch = 16;
constexpr std::size_t owners_kept = 256;
// Neighbouring records come with one call when no more than this lies between them, up to that much in all.
constexpr std::int64_t run_gap_max = 16 << 10;
constexpr std::int64_t run_size_max = 256 << 10;
constexpr std::uint64_t record_guess = 4096;

bool tag_matches(const gantry_matcher* match, std::int64_t code) {
  if (match == nullptr || match->tag_code_count == 0) return true;
  // No hash: RocketMQ's consume-queue extension keeps it elsewhere. Consumers compare tags themselves, too.
  if (code < std::numeric_limits<std::int32_t>::min()) return true;
  const auto* end = match->tag_codes + match->tag_code_count;
  return std::find(match->tag_codes, end, code) != end;
}

bool asks_records(const gantry_matcher* match) { return match != nullptr && match->match != nullptr; }

/// How far apart the records of these entries of a queue lie, on average; very far when that cannot be told.
std::int64_t distance_of(std::span<const QueueEntry> entries) {
  const auto way = entries.back().log_offset - entries.front().log_offset;
  if (entries.size() < 2 || way < 0) return std::numeric_limits<std::int64_t>::max();
  return way / static_cast<std::int64_t>(entries.size() - 1);
}

/// How far a reader of the first candidate should read on for those behind it.
std::int64_t run_end(std::span<const QueueEntry> candidates) {
  auto end = candidates.front().log_end();
  for (const auto& next : candidates.subspan(1)) {
    if (next.log_offset < end || next.log_offset - end > run_gap_max ||
        next.log_end() - candidates.front().log_offset > run_size_max) {
      break;
    }
    end = next.log_end();
  }
  return end;
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
        may_block_((request.options & GANTRY_READ_MAY_BLOCK) != 0),
        log_reader_(store.log_, store.disk_, may_block_, &store.cold_) {}
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
  Status take_all(std::span<const QueueEntry> candidates, std::span<const std::int64_t> offsets);
  Status match_and_take(std::span<const QueueEntry> candidates, std::span<const std::int64_t> offsets);
  [[nodiscard]] bool has_room(const QueueEntry& entry) const;
  bool take(const QueueEntry& entry, const LogBytes& record);
  /// The read ends before `offset`, for `why`. What keeps a read from going on is only told when nothing was examined
  /// before it.
  Status stop_at(std::int64_t offset, const Error& why);
  Owner& owner() {
    if (owner_ == nullptr) owner_ = store_.take_owner();
    return *owner_;
  }

  MmapStore& store_;
  const gantry_read_request& request_;
  gantry_read_result& result_;
  MessageQueue& queue_;
  const bool may_block_;
  const std::uint32_t repairs_ = queue_.repairs();
  LogReader log_reader_;
  Owner* owner_ = nullptr;
  std::int64_t next_ = 0;      // everything below was examined
  std::int64_t distance_ = 0;  // between records of the queue hereabouts
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
      GANTRY_TRY(stop_at(next_, count.error()));
      break;
    }
    if (*count == 0) {
      // The topic was deleted, or its oldest messages expired, since the bounds were looked at.
      const auto min = queue_.bounds().min;
      if (next_ >= min || result_.message_count > 0) break;
      result_.min_offset = min;
      return ends(GANTRY_READ_BEFORE_BEGIN, min);
    }
    GANTRY_TRY(consider(std::span(entries).first(*count)));
  }
  if (result_.message_count > 0) {
    result_.owner = reinterpret_cast<gantry_read_owner*>(std::exchange(owner_, nullptr));
    return ends(GANTRY_READ_FOUND, next_);
  }
  if (obstacle_ != GANTRY_READ_FOUND) return ends(obstacle_, next_);
  return ends(next_ > request_.offset ? GANTRY_READ_NO_MATCH : GANTRY_READ_AT_END, next_);
}

Status MmapStore::Reader::stop_at(std::int64_t offset, const Error& why) {
  next_ = offset;
  stopped_ = true;
  if (why.code == Errc::not_found) {
    // Its file was removed since the entries were looked at.
    if (result_.message_count > 0) return {};
    obstacle_ = GANTRY_READ_REMOVED;
    next_ = offset + 1;
    return {};
  }
  if (result_.message_count == 0 && next_ == request_.offset) return why;
  return {};
}

Status MmapStore::Reader::consider(std::span<const QueueEntry> entries) {
  std::array<QueueEntry, match_batch> candidates;
  std::array<std::int64_t, match_batch> offsets{};
  std::size_t count = 0;
  const auto log_begin = store_.log_.begin();
  distance_ = distance_of(entries);
  auto offset = next_;
  const auto flush = [&]() -> Status {
    const auto part = std::exchange(count, 0);
    if (part == 0) return {};
    const auto first = std::span(candidates).first(part);
    const auto numbers = std::span(offsets).first(part);
    // Bytes of the mapping stay where they are, so a matcher can look at many at a time; copies are matched one by one.
    if (asks_records(request_.match) && !may_block_) return match_and_take(first, numbers);
    return take_all(first, numbers);
  };
  for (const auto& entry : entries) {
    if (!entry.is_written()) {
      GANTRY_TRY(flush());
      if (stopped_) return {};
      store_.care_.report(queue_, repairs_, "offset " + std::to_string(offset) + " has no entry");
      return stop_at(offset, store_.being_rebuilt(queue_));
    }
    if (entry.is_pre_blank() || entry.log_offset < log_begin) {
      GANTRY_TRY(flush());
      if (stopped_) return {};
      if (result_.message_count > 0) {
        stopped_ = true;
        return {};
      }
      // Skipped without an end in sight, but within scan_count_max: the caller comes back at next_offset.
      obstacle_ = entry.is_pre_blank() ? GANTRY_READ_GAP : GANTRY_READ_REMOVED;
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

Status MmapStore::Reader::take_all(std::span<const QueueEntry> candidates, std::span<const std::int64_t> offsets) {
  log_reader_.plan(candidates, distance_);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto& entry = candidates[i];
    if (!has_room(entry)) {
      next_ = offsets[i];
      stopped_ = true;
      return {};
    }
    const auto record = store_.record_of(queue_, offsets[i], entry, log_reader_, run_end(candidates.subspan(i)));
    if (!record) return stop_at(offsets[i], record.error());
    std::uint8_t verdict = 1;
    if (asks_records(request_.match)) {
      const gantry_bytes bytes{record->bytes.data(), record->bytes.size()};
      verdict = 0;
      request_.match->match(request_.match->context, &bytes, &verdict, 1);
    }
    if (verdict != 0 && !take(entry, *record)) {
      next_ = offsets[i];
      stopped_ = true;
      return {};
    }
    next_ = offsets[i] + 1;
  }
  return {};
}

Status MmapStore::Reader::match_and_take(std::span<const QueueEntry> candidates,
                                         std::span<const std::int64_t> offsets) {
  std::array<LogBytes, match_batch> found{};
  std::array<gantry_bytes, match_batch> records{};
  std::array<std::uint8_t, match_batch> verdicts{};
  std::size_t ready = 0;
  Error why;
  for (; ready < candidates.size(); ++ready) {
    auto record = store_.record_of(queue_, offsets[ready], candidates[ready], log_reader_, 0);
    if (!record) {
      why = record.error();
      break;
    }
    if (!owner().pin(*record->mapped_in)) break;
    found[ready] = *record;
    records[ready] = {record->bytes.data(), record->bytes.size()};
  }
  if (ready > 0) request_.match->match(request_.match->context, records.data(), verdicts.data(), ready);
  for (std::size_t i = 0; i < ready; ++i) {
    if (verdicts[i] != 0 && (!has_room(candidates[i]) || !take(candidates[i], found[i]))) {
      next_ = offsets[i];
      stopped_ = true;
      return {};
    }
    next_ = offsets[i] + 1;
  }
  if (ready == candidates.size()) return {};
  return stop_at(offsets[ready], why);
}

bool MmapStore::Reader::has_room(const QueueEntry& entry) const {
  if (result_.message_count == request_.message_count_max) return false;
  return result_.message_count == 0 ||
         result_.byte_count + static_cast<std::uint64_t>(entry.size) <= request_.bytes_max;
}

bool MmapStore::Reader::take(const QueueEntry& entry, const LogBytes& record) {
  const auto size = record.bytes.size();
  const auto* bytes = record.bytes.data();
  auto* last = result_.slice_count > 0 ? &result_.slices[result_.slice_count - 1] : nullptr;
  // Copies follow each other within a chunk. Mappings may lie side by side by chance; a slice stays within one file.
  if (record.mapped_in == nullptr) bytes = owner().allocate(size);
  const bool extends = last != nullptr && static_cast<const std::byte*>(last->data) + last->size == bytes &&
                       (record.mapped_in == nullptr || entry.log_offset != record.mapped_in->base());
  if (!extends && result_.slice_count == result_.slice_capacity) return false;
  if (record.mapped_in != nullptr) {
    if (!owner().pin(*record.mapped_in)) return false;
  } else {
    std::memcpy(const_cast<std::byte*>(bytes), record.bytes.data(), size);
  }
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

Error MmapStore::being_rebuilt(const MessageQueue& queue) const {
  return {Errc::busy, "queue " + queue.name() +
                          " is being rebuilt from the log: its older messages can be read when that is done, new ones "
                          "already now"};
}

Result<std::size_t> MmapStore::locate(MessageQueue& queue, std::int64_t offset, std::span<QueueEntry> to,
                                      bool may_block) {
  if (const auto count = queue.copy(offset, to); count > 0) return count;
  const auto repairs = queue.repairs();
  const auto bounds = queue.bounds();
  if (offset < bounds.min || offset >= bounds.max) return std::size_t{0};
  if (offset >= bounds.ring_begin) return queue.copy(offset, to);
  if (queue.is_repairing()) return being_rebuilt(queue);
  const auto in_files = std::min<std::int64_t>(static_cast<std::int64_t>(to.size()), bounds.ring_begin - offset);
  auto count = files_.read(queue, offset, to.first(static_cast<std::size_t>(in_files)), may_block);
  if (queue.is_dead()) return std::size_t{0};
  const bool is_missing = count ? *count == 0 : count.error().code == Errc::not_found;
  if (!is_missing) return count;
  if (offset < queue.bounds().min) return std::size_t{0};  // it expired meanwhile
  care_.report(queue, repairs, "offset " + std::to_string(offset) + " is in no file of it");
  upkeep_wakeup_.notify();
  return being_rebuilt(queue);
}

Result<std::int64_t> MmapStore::locate_first(MessageQueue& queue, std::int64_t from, std::int64_t to, bool may_block,
                                             QueueEntry& entry) {
  std::array<QueueEntry, scan_batch> entries;
  while (from < to) {
    const auto repairs = queue.repairs();
    const auto wanted = std::min<std::size_t>(scan_batch, static_cast<std::size_t>(to - from));
    GANTRY_ASSIGN(const auto count, locate(queue, from, std::span(entries).first(wanted), may_block));
    if (count == 0) return std::int64_t{-1};
    for (std::size_t i = 0; i < count; ++i, ++from) {
      if (entries[i].is_pre_blank()) continue;
      entry = entries[i];
      if (entry.is_written()) return from;
      care_.report(queue, repairs, "offset " + std::to_string(from) + " has no entry");
      upkeep_wakeup_.notify();
      return being_rebuilt(queue);
    }
  }
  return to;
}

Result<LogBytes> MmapStore::record_of(MessageQueue& queue, std::int64_t offset, const QueueEntry& entry,
                                      LogReader& reader, std::int64_t likely_end) {
  const auto mismatch = [&, repairs = queue.repairs()](const std::string& what) {
    care_.report(queue, repairs,
                 "its entry for offset " + std::to_string(offset) + " leads to log offset " +
                     std::to_string(entry.log_offset) + " and there to " + what);
    upkeep_wakeup_.notify();
    return being_rebuilt(queue);
  };
  // The appender publishes the log's end after the entry: what this process wrote is there.
  if (!log_.is_own(entry.log_offset) && entry.log_end() > log_.end()) return mismatch("the end of the log");
  auto bytes = reader.get(entry.log_offset, static_cast<std::uint64_t>(entry.size), likely_end);
  if (!bytes && bytes.error().code == Errc::not_found && entry.log_offset >= log_.begin()) {
    return mismatch("no file of it");
  }
  if (!bytes || bytes->mapped_in != nullptr) return bytes;  // the mapping shows only what this process encoded
  // The checksum costs far less than getting the record did.
  protocol::RecordView view;
  const auto outcome = protocol::decode_record(bytes->bytes, view, protocol::CheckBody::crc);
  if (outcome != protocol::RecordOutcome::ok) return mismatch(std::string(protocol::to_string(outcome)));
  if (view.size != bytes->bytes.size() || view.log_offset != entry.log_offset || view.queue_id != queue.id() ||
      view.queue_offset != offset || view.topic != queue.topic()) {
    return mismatch("a record of " + std::string(view.topic) + "/" + std::to_string(view.queue_id) + " offset " +
                    std::to_string(view.queue_offset) + " with " + std::to_string(view.size) +
                    " bytes that says it is at " + std::to_string(view.log_offset));
  }
  // What a filter would leave out for ever. Delay levels may have been others when the entry was made.
  const auto tag = protocol::entry_tag(options_.delay_levels_ms, view.topic, view.properties);
  const bool is_hash = entry.tag_code >= std::numeric_limits<std::int32_t>::min();
  if (is_hash && !tag.is_relative && tag.code != entry.tag_code) {
    return mismatch("a record with tag code " + std::to_string(tag.code) + " where the entry says " +
                    std::to_string(entry.tag_code));
  }
  return bytes;
}

Result<LogBytes> MmapStore::record_at(std::int64_t log_offset, LogReader& reader, protocol::RecordView& view) {
  const auto not_found = [log_offset] {
    return Error{Errc::not_found, "no record begins at log offset " + std::to_string(log_offset)};
  };
  const auto log_end = log_.end();
  if (log_offset < log_.begin() || log_offset >= log_end) return not_found();
  const auto file_end = (log_offset / log_.segment_size() + 1) * log_.segment_size();
  const auto left = static_cast<std::uint64_t>(std::min(file_end, log_end) - log_offset);
  if (left < protocol::record_size_v4_min) return not_found();
  GANTRY_ASSIGN(const auto head, reader.get(log_offset, protocol::record_size_v4_min,
                                            log_offset + static_cast<std::int64_t>(std::min(left, record_guess))));
  const auto size = protocol::load_big_endian<std::uint32_t>(head.bytes.data());
  if (size < protocol::record_size_v4_min || size > left) return not_found();
  GANTRY_ASSIGN(const auto record, reader.get(log_offset, size));
  // The position may come from a client: bytes inside a message's body can look like a record, so everything is
  // checked, and the record's queue must know it too.
  if (protocol::decode_record(record.bytes, view, protocol::CheckBody::crc) != protocol::RecordOutcome::ok ||
      view.size != size || view.log_offset != log_offset) {
    return not_found();
  }
  return record;
}

Status MmapStore::read_record(std::int64_t log_offset, std::uint32_t options, gantry_read_result& result) {
  if (result.slice_capacity == 0) return Error{Errc::invalid_argument, "read_record: expected room for one slice"};
  const bool may_block = (options & GANTRY_READ_MAY_BLOCK) != 0;
  LogReader reader(log_, disk_, may_block);
  protocol::RecordView view;
  GANTRY_ASSIGN(const auto record, record_at(log_offset, reader, view));
  if (protocol::sys_flag::takes_queue_offset(view.sys_flag)) {
    // No queue has it: it is of a topic that was deleted, or bytes that only look like a record.
    auto* queue = queues_.find(view.topic, view.queue_id);
    std::array<QueueEntry, 1> entry;
    std::size_t count = 0;
    if (queue != nullptr) {
      GANTRY_ASSIGN(count, locate(*queue, view.queue_offset, entry, may_block));
    }
    if (count != 1 || entry[0].log_offset != log_offset) {
      return Error{Errc::not_found, "no record begins at log offset " + std::to_string(log_offset)};
    }
  }
  auto* owner = take_owner();
  const auto size = record.bytes.size();
  if (record.mapped_in != nullptr) {
    owner->pin(*record.mapped_in);
    result.slices[0] = {record.bytes.data(), size};
  } else {
    auto* copy = owner->allocate(size);
    std::memcpy(copy, record.bytes.data(), size);
    result.slices[0] = {copy, size};
  }
  result.outcome = GANTRY_READ_FOUND;
  result.next_offset = view.queue_offset + 1;
  result.min_offset = 0;
  result.max_offset = 0;
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
  mine->clear();
  const std::lock_guard lock(owners_mutex_);
  if (owners_.size() < owners_kept) owners_.push_back(std::move(mine));
}

Result<gantry_queue_entry> MmapStore::entry(gantry_queue* queue, std::int64_t offset, std::uint32_t options) {
  if (queue == nullptr) return Error{Errc::invalid_argument, "entry: expected a queue"};
  auto& target = *queue_of(queue);
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
  LogReader reader(log_, disk_, may_block);
  gantry_queue_entry out{};
  GANTRY_ASSIGN(out.store_ms, store_ms_of(target, offset, found[0], reader));
  out.log_offset = found[0].log_offset;
  out.tag_code = found[0].tag_code;
  out.record_size = static_cast<std::uint32_t>(found[0].size);
  return out;
}

Result<std::int64_t> MmapStore::store_ms_of(MessageQueue& queue, std::int64_t offset, const QueueEntry& entry,
                                            LogReader& reader) {
  GANTRY_ASSIGN(const auto record, record_of(queue, offset, entry, reader, 0));
  const auto flags = protocol::load_big_endian<std::int32_t>(record.bytes.data() + protocol::record_at::sys_flag);
  return protocol::load_big_endian<std::int64_t>(record.bytes.data() + protocol::store_ms_position(flags));
}

Result<std::int64_t> MmapStore::search_time(gantry_queue* queue, std::int64_t time_ms, std::uint32_t boundary,
                                            std::uint32_t options) {
  if (queue == nullptr) return Error{Errc::invalid_argument, "search_time: expected a queue"};
  auto& target = *queue_of(queue);
  const bool may_block = (options & GANTRY_READ_MAY_BLOCK) != 0;
  const bool upper = boundary == GANTRY_SEARCH_UPPER;
  const auto bounds = target.bounds();
  LogReader reader(log_, disk_, may_block);
  // Halving for the first offset from which on the next message's time is >= t (lower) or > t (upper). What was removed
  // counts as too old.
  auto low = bounds.min;
  auto high = bounds.max;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    QueueEntry found;
    GANTRY_ASSIGN(const auto offset, locate_first(target, middle, high, may_block, found));
    if (offset < 0) return bounds.min;
    bool too_old = false;
    if (offset < high) {
      too_old = true;
      if (found.log_offset >= log_.begin()) {
        auto store_ms = store_ms_of(target, offset, found, reader);
        if (!store_ms && store_ms.error().code != Errc::not_found) return store_ms;
        // Not found: its file was removed meanwhile.
        if (store_ms) too_old = upper ? *store_ms <= time_ms : *store_ms < time_ms;
      }
    }
    if (too_old) {
      low = offset + 1;
    } else {
      high = middle;
    }
  }
  // Before `low` there is a message, if anything is.
  if (upper) return std::max(low - 1, bounds.min);
  QueueEntry ignored;
  GANTRY_ASSIGN(const auto offset, locate_first(target, low, bounds.max, may_block, ignored));
  return offset < 0 ? low : offset;
}

}  // namespace gantry::storage_mmap
