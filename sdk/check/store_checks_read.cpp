#include "sdk/check/store_checks.hpp"
#include "sdk/check/store_probe.hpp"

#include <array>
#include <cstring>

namespace gantry::check {
namespace {

constexpr std::string_view topic = "ContractTopic";

struct Filled {
  std::unique_ptr<StoreProbe> probe;
  gantry_queue* queue = nullptr;
  std::vector<gantry_append_result> at;
};

/// A store with `count` messages "0", "1", ... in one queue; odd ones carry tag "odd", even ones "even".
Result<Filled> filled(StoreHarness& harness, int count) {
  Filled result;
  GANTRY_ASSIGN(result.probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(result.queue, result.probe->queue(topic));
  for (int i = 0; i < count; ++i) {
    GANTRY_ASSIGN(const auto at, result.probe->append_one(result.queue, std::to_string(i),
                                                          property("TAGS", i % 2 == 1 ? "odd" : "even")));
    result.at.push_back(at);
  }
  return result;
}

Status outcome_is(StoreProbe& probe, gantry_queue* queue, std::int64_t offset, std::uint32_t outcome,
                  std::int64_t next_offset, const ReadLimits& limits = {}) {
  const auto what = "reading at " + std::to_string(offset);
  GANTRY_ASSIGN(const auto seen, probe.read(queue, offset, limits));
  GANTRY_TRY(expect_equal(seen.outcome, outcome, what + ": outcome"));
  GANTRY_TRY(expect_equal(seen.next_offset, next_offset, what + ": next_offset"));
  if (outcome == GANTRY_READ_FOUND) return {};
  return expect_equal(seen.message_count, 0u, what + ": messages");
}

Status outcomes_follow_the_table(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 5));
  GANTRY_ASSIGN(auto* empty, store.probe->queue("NeverUsed"));
  GANTRY_TRY(outcome_is(*store.probe, empty, 0, GANTRY_READ_EMPTY_QUEUE, 0));
  GANTRY_TRY(outcome_is(*store.probe, empty, 7, GANTRY_READ_EMPTY_QUEUE, 0));
  GANTRY_TRY(outcome_is(*store.probe, store.queue, -1, GANTRY_READ_BEFORE_BEGIN, 0));
  GANTRY_TRY(outcome_is(*store.probe, store.queue, INT64_MIN, GANTRY_READ_BEFORE_BEGIN, 0));
  GANTRY_TRY(outcome_is(*store.probe, store.queue, 0, GANTRY_READ_FOUND, 5));
  GANTRY_TRY(outcome_is(*store.probe, store.queue, 4, GANTRY_READ_FOUND, 5));
  GANTRY_TRY(outcome_is(*store.probe, store.queue, 5, GANTRY_READ_AT_END, 5));
  GANTRY_TRY(outcome_is(*store.probe, store.queue, 6, GANTRY_READ_BEYOND_END, 5));
  return outcome_is(*store.probe, store.queue, INT64_MAX, GANTRY_READ_BEYOND_END, 5);
}

Status a_read_reports_the_bounds(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 5));
  for (const std::int64_t offset : {-3, 0, 3, 5, 9}) {
    GANTRY_ASSIGN(const auto seen, store.probe->read(store.queue, offset));
    GANTRY_TRY(expect_equal(seen.min_offset, 0, "min_offset of a read"));
    GANTRY_TRY(expect_equal(seen.max_offset, 5, "max_offset of a read"));
  }
  return {};
}

Status messages_come_in_order_and_whole(StoreHarness& harness) {
  constexpr int count = 200;
  GANTRY_ASSIGN(auto store, filled(harness, count));
  std::int64_t next = 0;
  for (int reads = 0; next < count; ++reads) {
    GANTRY_TRY(expect_true(reads < count, "reading makes progress"));
    GANTRY_ASSIGN(const auto seen, store.probe->read(store.queue, next, {.messages = 7}));
    GANTRY_TRY(expect_equal(seen.outcome, GANTRY_READ_FOUND, "outcome"));
    GANTRY_TRY(expect_true(seen.message_count <= 7, "message_count_max holds"));
    for (const auto& record : seen.records) {
      GANTRY_TRY(expect_equal(record.queue_offset, next, "queue offset"));
      GANTRY_TRY(expect_equal(record.body, std::to_string(next), "body"));
      ++next;
    }
    GANTRY_TRY(expect_equal(seen.next_offset, next, "next_offset"));
  }
  return {};
}

Status limits_end_a_read(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 10));
  const auto size = store.at[0].record_size;
  GANTRY_ASSIGN(const auto first, store.probe->read(store.queue, 0, {.bytes = 1}));
  GANTRY_TRY(expect_equal(first.message_count, 1u, "the first message comes whatever its size"));
  GANTRY_ASSIGN(const auto three, store.probe->read(store.queue, 0, {.bytes = size * 4}));
  GANTRY_TRY(expect_true(three.message_count >= 2 && three.message_count <= 4, "bytes_max holds"));
  GANTRY_TRY(expect_true(three.byte_count <= size * 4, "byte_count stays within bytes_max"));
  GANTRY_ASSIGN(const auto scanned, store.probe->read(store.queue, 0, {.scan = 4}));
  GANTRY_TRY(expect_true(scanned.message_count <= 4, "scan_count_max holds"));
  GANTRY_TRY(expect_true(scanned.message_count >= 1, "a read within scan_count_max finds"));
  GANTRY_ASSIGN(const auto one, store.probe->read(store.queue, 0, {.messages = 1}));
  return expect_equal(one.message_count, 1u, "message_count_max of one");
}

Status slices_are_bounded_by_the_caller(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* zero, probe->queue(topic, 0));
  GANTRY_ASSIGN(auto* one, probe->queue(topic, 1));
  for (int i = 0; i < 10; ++i) {
    GANTRY_TRY(probe->append_one(zero, "zero"));
    GANTRY_TRY(probe->append_one(one, "one"));
  }
  GANTRY_ASSIGN(const auto seen, probe->read(zero, 0, {.slices = 3}));
  GANTRY_TRY(expect_true(seen.slice_count <= 3, "slice_capacity holds"));
  GANTRY_TRY(expect_true(seen.message_count >= 1, "a read with few slices finds"));
  GANTRY_TRY(expect_equal(seen.next_offset, std::int64_t{seen.message_count}, "next_offset"));
  const auto none = probe->read(zero, 0, {.slices = 0});
  return expect_true(!none || none->message_count == 0, "a read without slices returns nothing");
}

Status a_read_without_room_is_refused(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 3));
  GANTRY_TRY(expect_true(!store.probe->read(store.queue, 0, {.messages = 0}), "message_count_max 0 is refused"));
  GANTRY_TRY(expect_true(!store.probe->read(store.queue, 0, {.scan = 0}), "scan_count_max 0 is refused"));
  return expect_true(!store.probe->read(nullptr, 0), "a read without a queue is refused");
}

Status what_is_not_visible_is_not_shown(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 6));
  const auto end_of_third = store.at[2].log_offset + store.at[2].record_size;
  GANTRY_ASSIGN(const auto seen, store.probe->read(store.queue, 0, {.visible_end = end_of_third}));
  GANTRY_TRY(expect_equal(seen.message_count, 3u, "messages below visible_end"));
  GANTRY_TRY(expect_equal(seen.next_offset, 3, "next_offset"));
  GANTRY_TRY(expect_equal(seen.max_offset, 6, "max_offset"));
  GANTRY_TRY(outcome_is(*store.probe, store.queue, 3, GANTRY_READ_AT_END, 3, {.visible_end = end_of_third}));
  GANTRY_TRY(outcome_is(*store.probe, store.queue, 2, GANTRY_READ_AT_END, 2, {.visible_end = end_of_third - 1}));
  return outcome_is(*store.probe, store.queue, 0, GANTRY_READ_AT_END, 0, {.visible_end = 0});
}

Status tag_codes_select(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 10));
  const std::int64_t odd = tag_code("odd");
  gantry_matcher matcher{};
  matcher.struct_size = sizeof matcher;
  matcher.tag_codes = &odd;
  matcher.tag_code_count = 1;
  GANTRY_ASSIGN(const auto seen, store.probe->read(store.queue, 0, {.match = &matcher}));
  GANTRY_TRY(expect_equal(seen.message_count, 5u, "messages with the tag"));
  for (const auto& record : seen.records) {
    GANTRY_TRY(expect_equal(record.queue_offset % 2, 1, "parity of a matching offset"));
  }
  GANTRY_TRY(expect_equal(seen.next_offset, 10, "next_offset"));
  const std::int64_t codes[] = {tag_code("even"), odd};
  matcher.tag_codes = codes;
  matcher.tag_code_count = 2;
  GANTRY_ASSIGN(const auto both, store.probe->read(store.queue, 0, {.match = &matcher}));
  return expect_equal(both.message_count, 10u, "messages with one of two tags");
}

Status nothing_matching_moves_on(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 10));
  const std::int64_t absent = tag_code("absent");
  gantry_matcher matcher{};
  matcher.struct_size = sizeof matcher;
  matcher.tag_codes = &absent;
  matcher.tag_code_count = 1;
  GANTRY_TRY(outcome_is(*store.probe, store.queue, 0, GANTRY_READ_NO_MATCH, 10, {.match = &matcher}));
  GANTRY_TRY(outcome_is(*store.probe, store.queue, 2, GANTRY_READ_NO_MATCH, 6, {.scan = 4, .match = &matcher}));
  const auto visible = store.at[3].log_offset;
  return outcome_is(*store.probe, store.queue, 0, GANTRY_READ_NO_MATCH, 3, {.visible_end = visible, .match = &matcher});
}

/// Matches records whose body is an even number of at most two digits, and counts what it is shown.
struct EvenBodies {
  std::uint64_t shown = 0;
  bool all_valid = true;

  static void match(void* context, const gantry_bytes* records, std::uint8_t* verdicts, std::uint64_t count) {
    auto& self = *static_cast<EvenBodies*>(context);
    self.shown += count;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto record = parse_record(records[i].data, records[i].size);
      self.all_valid = self.all_valid && record && record->size == records[i].size;
      verdicts[i] = record && (record->body.back() - '0') % 2 == 0 ? 1 : 0;
    }
  }
};

Status a_matcher_sees_whole_records(StoreHarness& harness) {
  constexpr int count = 50;
  GANTRY_ASSIGN(auto store, filled(harness, count));
  EvenBodies even;
  gantry_matcher matcher{};
  matcher.struct_size = sizeof matcher;
  matcher.context = &even;
  matcher.match = EvenBodies::match;
  GANTRY_ASSIGN(const auto seen, store.probe->read(store.queue, 0, {.match = &matcher}));
  GANTRY_TRY(expect_true(even.all_valid, "the matcher is shown whole records"));
  GANTRY_TRY(expect_equal(seen.message_count, std::uint32_t{count / 2}, "matching messages"));
  for (std::size_t i = 0; i < seen.records.size(); ++i) {
    GANTRY_TRY(expect_equal(seen.records[i].body, std::to_string(2 * i), "body of a matching message"));
  }
  const std::int64_t odd = tag_code("odd");
  matcher.tag_codes = &odd;
  matcher.tag_code_count = 1;
  even.shown = 0;
  GANTRY_TRY(outcome_is(*store.probe, store.queue, 0, GANTRY_READ_NO_MATCH, count, {.match = &matcher}));
  return expect_equal(even.shown, std::uint64_t{count / 2}, "records shown behind the tag codes");
}

Status a_matched_read_resumes_without_loss(StoreHarness& harness) {
  constexpr int count = 60;
  GANTRY_ASSIGN(auto store, filled(harness, count));
  EvenBodies even;
  gantry_matcher matcher{};
  matcher.struct_size = sizeof matcher;
  matcher.context = &even;
  matcher.match = EvenBodies::match;
  std::int64_t next = 0;
  std::size_t found = 0;
  for (int reads = 0; next < count && reads < count; ++reads) {
    GANTRY_ASSIGN(const auto seen, store.probe->read(store.queue, next, {.messages = 4, .match = &matcher}));
    GANTRY_TRY(expect_true(seen.message_count <= 4, "message_count_max holds behind a matcher"));
    for (const auto& record : seen.records) {
      GANTRY_TRY(expect_equal(record.body, std::to_string(2 * found++), "body"));
    }
    GANTRY_TRY(expect_true(seen.next_offset > next, "reading makes progress"));
    next = seen.next_offset;
  }
  return expect_equal(found, std::size_t{count / 2}, "messages over all reads");
}

Status a_record_is_found_by_its_position(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 4));
  for (std::size_t i = 0; i < store.at.size(); ++i) {
    GANTRY_ASSIGN(const auto seen, store.probe->read_record(store.at[i].log_offset));
    GANTRY_TRY(expect_equal(seen.records.size(), std::size_t{1}, "records at a position"));
    GANTRY_TRY(expect_equal(seen.records[0].body, std::to_string(i), "body at a position"));
  }
  const auto end = store.probe->store().positions().log_end;
  for (const std::int64_t wrong : {std::int64_t{-1}, std::int64_t{1}, store.at[1].log_offset + 4, end - 1, end,
                                   end + 1000, INT64_MAX, INT64_MIN}) {
    const auto seen = store.probe->read_record(wrong);
    GANTRY_TRY(
        expect_true(!seen && seen.error().code == Errc::not_found, "no record begins at " + std::to_string(wrong)));
  }
  return {};
}

Status entries_point_at_their_records(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 4));
  for (std::size_t i = 0; i < store.at.size(); ++i) {
    const auto offset = static_cast<std::int64_t>(i);
    GANTRY_ASSIGN(const auto entry, store.probe->store().entry(store.queue, offset, GANTRY_READ_MAY_BLOCK));
    GANTRY_TRY(expect_equal(entry.log_offset, store.at[i].log_offset, "log offset of an entry"));
    GANTRY_TRY(expect_equal(entry.record_size, store.at[i].record_size, "record size of an entry"));
    GANTRY_TRY(expect_equal(entry.store_ms, store.at[i].store_ms, "store timestamp of an entry"));
    GANTRY_TRY(expect_equal(entry.tag_code, tag_code(i % 2 == 1 ? "odd" : "even"), "tag code of an entry"));
  }
  for (const std::int64_t outside : {std::int64_t{-1}, std::int64_t{4}, INT64_MAX, INT64_MIN}) {
    const auto entry = store.probe->store().entry(store.queue, outside, GANTRY_READ_MAY_BLOCK);
    GANTRY_TRY(expect_true(!entry && entry.error().code == Errc::not_found, "no entry outside the bounds"));
  }
  return {};
}

Status time_search_finds_both_boundaries(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 40));
  auto& target = store.probe->store();
  const auto first = store.at.front().store_ms;
  const auto last = store.at.back().store_ms;
  for (auto t = first - 2; t <= last + 2; ++t) {
    std::int64_t lower = 40;
    std::int64_t upper = 0;
    for (int i = 39; i >= 0; --i) {
      if (store.at[static_cast<std::size_t>(i)].store_ms >= t) lower = i;
    }
    for (int i = 0; i < 40; ++i) {
      if (store.at[static_cast<std::size_t>(i)].store_ms <= t) upper = i;
    }
    GANTRY_ASSIGN(const auto low, target.search_time(store.queue, t, GANTRY_SEARCH_LOWER, GANTRY_READ_MAY_BLOCK));
    GANTRY_ASSIGN(const auto up, target.search_time(store.queue, t, GANTRY_SEARCH_UPPER, GANTRY_READ_MAY_BLOCK));
    GANTRY_TRY(expect_equal(low, lower, "lower boundary at " + std::to_string(t - first) + " ms"));
    GANTRY_TRY(expect_equal(up, upper, "upper boundary at " + std::to_string(t - first) + " ms"));
  }
  for (const std::int64_t t : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}}) {
    GANTRY_ASSIGN(const auto low, target.search_time(store.queue, t, GANTRY_SEARCH_LOWER, GANTRY_READ_MAY_BLOCK));
    GANTRY_TRY(expect_equal(low, 0, "lower boundary before everything"));
  }
  GANTRY_ASSIGN(const auto end, target.search_time(store.queue, INT64_MAX, GANTRY_SEARCH_LOWER, GANTRY_READ_MAY_BLOCK));
  GANTRY_TRY(expect_equal(end, 40, "lower boundary behind everything"));
  GANTRY_ASSIGN(auto* empty, store.probe->queue("NeverUsed"));
  GANTRY_ASSIGN(const auto none, target.search_time(empty, first, GANTRY_SEARCH_UPPER, GANTRY_READ_MAY_BLOCK));
  return expect_equal(none, 0, "upper boundary in an empty queue");
}

Status fresh_messages_are_read_without_blocking(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 10));
  std::array<gantry_slice, 16> slices{};
  gantry_read_request request{};
  request.struct_size = sizeof request;
  request.queue = store.queue;
  request.visible_end = INT64_MAX;
  request.message_count_max = 32;
  request.bytes_max = 1u << 20;
  request.scan_count_max = 100;
  gantry_read_result result{};
  result.struct_size = sizeof result;
  result.slices = slices.data();
  result.slice_capacity = slices.size();
  GANTRY_TRY(store.probe->store().read(request, result));
  const auto count = result.message_count;
  if (result.owner != nullptr) store.probe->store().release(result.owner);
  return expect_equal(count, 10u, "messages read without permission to block");
}

Status slices_stay_until_released(StoreHarness& harness) {
  GANTRY_ASSIGN(auto store, filled(harness, 1));
  std::array<gantry_slice, 4> slices{};
  gantry_read_request request{};
  request.struct_size = sizeof request;
  request.options = GANTRY_READ_MAY_BLOCK;
  request.queue = store.queue;
  request.visible_end = INT64_MAX;
  request.message_count_max = 1;
  request.bytes_max = 1;
  request.scan_count_max = 1;
  gantry_read_result result{};
  result.struct_size = sizeof result;
  result.slices = slices.data();
  result.slice_capacity = slices.size();
  GANTRY_TRY(store.probe->store().read(request, result));
  GANTRY_TRY(expect_equal(result.message_count, 1u, "messages"));
  const std::string before(static_cast<const char*>(slices[0].data), slices[0].size);
  for (int i = 0; i < 2000; ++i) GANTRY_TRY(store.probe->append_one(store.queue, std::string(500, 'n')));
  GANTRY_TRY(store.probe->store().delete_topic(topic));
  const std::string after(static_cast<const char*>(slices[0].data), slices[0].size);
  store.probe->store().release(result.owner);
  return expect_true(before == after, "the bytes of a read stay as they are until it is released");
}

constexpr StoreCheck checks[] = {
    {"outcomes_follow_the_table", "Consumers would be sent to wrong offsets.", outcomes_follow_the_table},
    {"a_read_reports_the_bounds", "Consumers would compute a wrong lag.", a_read_reports_the_bounds},
    {"messages_come_in_order_and_whole", "Messages would be lost or swapped.", messages_come_in_order_and_whole},
    {"limits_end_a_read", "A small consumer would be flooded.", limits_end_a_read},
    {"slices_are_bounded_by_the_caller", "A read would write behind the caller's array.",
     slices_are_bounded_by_the_caller},
    {"a_read_without_room_is_refused", "A malformed request would crash the broker.", a_read_without_room_is_refused},
    {"what_is_not_visible_is_not_shown", "Messages would be seen that a crash can take back.",
     what_is_not_visible_is_not_shown},
    {"tag_codes_select", "Tag filters would not filter.", tag_codes_select},
    {"nothing_matching_moves_on", "A filtering consumer would be stuck.", nothing_matching_moves_on},
    {"a_matcher_sees_whole_records", "Expression filters would decide on wrong bytes.", a_matcher_sees_whole_records},
    {"a_matched_read_resumes_without_loss", "A filtering consumer would lose messages.",
     a_matched_read_resumes_without_loss},
    {"a_record_is_found_by_its_position", "Messages could not be looked up by id.", a_record_is_found_by_its_position},
    {"entries_point_at_their_records", "Lag by time and statistics would be wrong.", entries_point_at_their_records},
    {"time_search_finds_both_boundaries", "Resetting a consumer by time would go astray.",
     time_search_finds_both_boundaries},
    {"fresh_messages_are_read_without_blocking", "Every read would take the slow path.",
     fresh_messages_are_read_without_blocking},
    {"slices_stay_until_released", "Clients would receive bytes of other messages.", slices_stay_until_released},
};

}  // namespace

std::span<const StoreCheck> read_checks() { return checks; }

}  // namespace gantry::check
