#include "sdk/check/store_probe.hpp"

#include <chrono>
#include <cstring>
#include <thread>

namespace gantry::check {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto wait_limit = std::chrono::seconds(10);
constexpr std::uint32_t slice_capacity_max = 64;

std::uint64_t big_endian(const unsigned char* from, int size) {
  std::uint64_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | from[i];
  return value;
}

gantry_address loopback(std::uint32_t port) {
  gantry_address address{};
  address.ip[0] = 127;
  address.ip[3] = 1;
  address.ip_size = 4;
  address.port = port;
  return address;
}

}  // namespace

Error unexpected(std::string_view what, std::string_view expected, std::string_view found) {
  std::string text(what);
  text.append(": expected ").append(expected).append(", found ").append(found);
  return {Errc::internal, std::move(text)};
}

Status expect_true(bool holds, std::string_view what) {
  if (holds) return {};
  return Error{Errc::internal, "does not hold: " + std::string(what)};
}

gantry_store_listener Events::listener() {
  gantry_store_listener table{};
  table.struct_size = sizeof table;
  table.context = this;
  table.durable = [](void* context, std::int64_t end) {
    auto& self = *static_cast<Events*>(context);
    if (self.durable_end.exchange(end) > end) self.went_backwards = true;
  };
  table.failed = [](void* context, gantry_bytes) { ++static_cast<Events*>(context)->failures; };
  return table;
}

std::string property(std::string_view name, std::string_view value) {
  std::string text(name);
  text.append(1, '\x01').append(value).append(1, '\x02');
  return text;
}

std::int64_t tag_code(std::string_view tag) {
  std::uint32_t hash = 0;
  for (const char c : tag) hash = hash * 31 + static_cast<unsigned char>(c);
  return static_cast<std::int32_t>(hash);
}

gantry_append_item to_item(const Draft& draft) {
  gantry_append_item item{};
  item.queue = draft.queue;
  item.body = as_bytes(draft.body);
  item.properties = as_bytes(draft.properties);
  item.properties_more = as_bytes(draft.properties_more);
  item.born_ms = 1700000000000;
  item.sys_flag = draft.sys_flag;
  item.options = draft.options;
  item.born_host = loopback(50000);
  item.store_host = loopback(10911);
  return item;
}

Result<SeenRecord> parse_record(const void* data, std::uint64_t size) {
  const auto* at = static_cast<const unsigned char*>(data);
  if (size < 91) return unexpected("record size", "at least 91", std::to_string(size));
  SeenRecord record;
  record.size = static_cast<std::uint32_t>(big_endian(at, 4));
  if (record.size > size || record.size < 91) {
    return unexpected("TOTALSIZE of a record", "at most " + std::to_string(size), std::to_string(record.size));
  }
  const auto magic = big_endian(at + 4, 4);
  if (magic != 0xDAA320A7 && magic != 0xDAA320AB) return unexpected("magic", "0xDAA320A7", std::to_string(magic));
  record.queue_id = static_cast<std::int32_t>(big_endian(at + 12, 4));
  record.queue_offset = static_cast<std::int64_t>(big_endian(at + 20, 8));
  record.log_offset = static_cast<std::int64_t>(big_endian(at + 28, 8));
  const auto sys_flag = big_endian(at + 36, 4);
  const std::uint64_t born_more = (sys_flag & 0x10) != 0 ? 12 : 0;
  const std::uint64_t host_more = born_more + ((sys_flag & 0x20) != 0 ? 12 : 0);
  record.store_ms = static_cast<std::int64_t>(big_endian(at + 56 + born_more, 8));
  std::uint64_t position = 84 + host_more;
  const auto text = [&](int length_size) -> Result<std::string> {
    if (position + static_cast<std::uint64_t>(length_size) > record.size) {
      return unexpected("a length inside a record", "inside the record", "behind its end");
    }
    const auto length = big_endian(at + position, length_size);
    position += static_cast<std::uint64_t>(length_size);
    if (length > record.size - position)
      return unexpected("a length inside a record", "inside", std::to_string(length));
    std::string found(reinterpret_cast<const char*>(at + position), length);
    position += length;
    return found;
  };
  GANTRY_ASSIGN(record.body, text(4));
  GANTRY_ASSIGN(record.topic, text(magic == 0xDAA320AB ? 2 : 1));
  GANTRY_ASSIGN(record.properties, text(2));
  GANTRY_TRY(expect_equal(position, std::uint64_t{record.size}, "length of a record by its parts"));
  return record;
}

Result<std::unique_ptr<StoreProbe>> StoreProbe::open(StoreHarness& harness) {
  std::unique_ptr<StoreProbe> probe(new StoreProbe(harness, std::make_unique<Events>()));
  GANTRY_ASSIGN(probe->store_, harness.open(probe->events_->listener()));
  return probe;
}

StoreProbe::~StoreProbe() {
  if (store_ == nullptr) return;
  if (const auto closed = harness_.close(); !closed) events_->failures.fetch_add(1);
}

Status StoreProbe::reopen() {
  store_ = nullptr;
  GANTRY_TRY(harness_.close());
  events_->durable_end = 0;
  GANTRY_ASSIGN(store_, harness_.open(events_->listener()));
  return {};
}

Result<gantry_queue*> StoreProbe::queue(std::string_view topic, std::int32_t queue_id) {
  return store_->open_queue(topic, queue_id);
}

Result<std::vector<gantry_append_result>> StoreProbe::append(const std::vector<Draft>& drafts) {
  std::vector<gantry_append_item> items;
  for (const auto& draft : drafts) items.push_back(to_item(draft));
  std::vector<gantry_append_result> results(items.size());
  const auto deadline = Clock::now() + wait_limit;
  std::size_t done = 0;
  while (done < items.size()) {
    store_->append(std::span(items).subspan(done), std::span(results).subspan(done));
    // Only a tail of whole groups may be repeated, or the order of the messages would change.
    std::size_t next = done;
    while (next < items.size() && results[next].status != GANTRY_E_BUSY) ++next;
    while (next > done && next < items.size() && (items[next].options & GANTRY_APPEND_JOINED) != 0) --next;
    done = next;
    if (done == items.size()) break;
    for (auto later = done; later < items.size(); ++later) {
      if (results[later].status == GANTRY_OK) return unexpected("items behind a busy one", "busy", "stored");
    }
    if (Clock::now() > deadline) return Error{Errc::timed_out, "append answered BUSY for ten seconds"};
    std::this_thread::yield();
  }
  return results;
}

Result<gantry_append_result> StoreProbe::append_one(gantry_queue* queue, std::string_view body,
                                                    std::string_view properties) {
  Draft draft{.queue = queue, .body = std::string(body), .properties = std::string(properties)};
  GANTRY_ASSIGN(auto results, append({draft}));
  GANTRY_TRY(expect_equal(results[0].status, GANTRY_OK, "status of an append"));
  return results[0];
}

Result<SeenRead> StoreProbe::copy_out(gantry_read_result& result) {
  SeenRead seen;
  seen.outcome = result.outcome;
  seen.next_offset = result.next_offset;
  seen.min_offset = result.min_offset;
  seen.max_offset = result.max_offset;
  seen.last_log_offset = result.last_log_offset;
  seen.message_count = result.message_count;
  seen.slice_count = result.slice_count;
  seen.byte_count = result.byte_count;
  Status parsed;
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < result.slice_count && parsed; ++i) {
    const auto* at = static_cast<const char*>(result.slices[i].data);
    auto left = result.slices[i].size;
    bytes += left;
    while (left > 0) {
      auto record = parse_record(at, left);
      if (!record) {
        parsed = std::move(record).error();
        break;
      }
      at += record->size;
      left -= record->size;
      seen.records.push_back(std::move(*record));
    }
  }
  const bool owned = result.owner != nullptr;
  if (owned) store_->release(result.owner);
  GANTRY_TRY(std::move(parsed));
  GANTRY_TRY(expect_true(owned || result.slice_count == 0, "slices come with an owner"));
  GANTRY_TRY(expect_equal(seen.records.size(), std::size_t{seen.message_count}, "message_count of a read"));
  GANTRY_TRY(expect_equal(bytes, seen.byte_count, "byte_count of a read"));
  if (!seen.records.empty()) {
    GANTRY_TRY(expect_equal(seen.last_log_offset, seen.records.back().log_offset, "last_log_offset of a read"));
  }
  return seen;
}

Result<SeenRead> StoreProbe::read(gantry_queue* queue, std::int64_t offset, const ReadLimits& limits) {
  std::array<gantry_slice, slice_capacity_max> slices{};
  gantry_read_request request{};
  request.struct_size = sizeof request;
  request.options = GANTRY_READ_MAY_BLOCK;
  request.queue = queue;
  request.offset = offset;
  request.visible_end = limits.visible_end;
  request.match = limits.match;
  request.message_count_max = limits.messages;
  request.bytes_max = limits.bytes;
  request.scan_count_max = limits.scan;
  gantry_read_result result{};
  result.struct_size = sizeof result;
  result.slices = slices.data();
  result.slice_capacity = std::min(limits.slices, slice_capacity_max);
  GANTRY_TRY(store_->read(request, result));
  return copy_out(result);
}

Result<SeenRead> StoreProbe::read_record(std::int64_t log_offset) {
  std::array<gantry_slice, 1> slices{};
  gantry_read_result result{};
  result.struct_size = sizeof result;
  result.slices = slices.data();
  result.slice_capacity = 1;
  GANTRY_TRY(store_->read_record(log_offset, GANTRY_READ_MAY_BLOCK, result));
  return copy_out(result);
}

Status StoreProbe::wait_durable(std::int64_t log_offset) {
  store_->want_durable(log_offset);
  const auto deadline = Clock::now() + wait_limit;
  while (events_->durable_end < log_offset && store_->positions().durable_end < log_offset) {
    if (Clock::now() > deadline) {
      return unexpected("durable_end ten seconds after want_durable", std::to_string(log_offset),
                        std::to_string(events_->durable_end));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {};
}

Result<bool> StoreProbe::keeps_an_index() {
  const auto answer = query({.key = "k"});
  if (answer) return true;
  if (answer.error().code == Errc::unsupported) return false;
  return answer.error();
}

Result<SeenQuery> StoreProbe::query(const QueryDraft& draft) {
  // One more than asked for, to see what is written behind the end.
  constexpr std::int64_t untouched = -4711;
  std::vector<std::int64_t> offsets(std::size_t{draft.count_max} + 1, untouched);
  gantry_query_request request{};
  request.struct_size = sizeof request;
  request.options = draft.options;
  request.topic = as_bytes(draft.topic);
  request.key = as_bytes(draft.key);
  request.begin_ms = draft.begin_ms;
  request.end_ms = draft.end_ms;
  request.count_max = draft.count_max;
  gantry_query_result result{};
  result.struct_size = sizeof result;
  result.log_offsets = offsets.data();
  GANTRY_TRY(store_->query(request, result));
  GANTRY_TRY(expect_true(result.count <= draft.count_max, "count_max of a query holds"));
  GANTRY_TRY(expect_equal(offsets[draft.count_max], untouched, "what lies behind the caller's array"));
  offsets.resize(result.count);
  return SeenQuery{std::move(offsets), result.indexed_end, result.last_ms, result.last_log_offset};
}

Status StoreProbe::wait_indexed() {
  const auto end = store_->positions().log_end;
  GANTRY_TRY(wait_durable(end));
  const auto deadline = Clock::now() + wait_limit;
  for (;;) {
    GANTRY_ASSIGN(const auto seen, query({.key = "k"}));
    if (seen.indexed_end >= end) return {};
    if (Clock::now() > deadline) {
      return unexpected("indexed_end ten seconds after the append", std::to_string(end),
                        std::to_string(seen.indexed_end));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace gantry::check
