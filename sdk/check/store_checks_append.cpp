#include "sdk/check/store_checks.hpp"
#include "sdk/check/store_probe.hpp"

#include <array>

namespace gantry::check {
namespace {

constexpr std::string_view topic = "ContractTopic";

Status an_empty_store_begins_at_zero(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  const auto at = probe->store().positions();
  GANTRY_TRY(expect_equal(at.log_begin, 0, "log_begin"));
  GANTRY_TRY(expect_equal(at.log_end, 0, "log_end"));
  GANTRY_TRY(expect_equal(at.oldest_store_ms, -1, "oldest_store_ms"));
  GANTRY_TRY(expect_equal(at.writable, 1u, "writable"));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  const auto bounds = probe->store().bounds(queue);
  GANTRY_TRY(expect_equal(bounds.min, 0, "min_offset of a fresh queue"));
  return expect_equal(bounds.max, 0, "max_offset of a fresh queue");
}

Status the_same_name_opens_the_same_queue(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* first, probe->queue(topic, 0));
  GANTRY_ASSIGN(auto* again, probe->queue(topic, 0));
  GANTRY_ASSIGN(auto* other_id, probe->queue(topic, 1));
  GANTRY_ASSIGN(auto* other_topic, probe->queue("ContractTopicToo", 0));
  GANTRY_TRY(expect_true(first == again, "one handle per (topic, queue id)"));
  return expect_true(first != other_id && first != other_topic && other_id != other_topic, "handles differ by name");
}

Status offsets_and_positions_are_consecutive(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* zero, probe->queue(topic, 0));
  GANTRY_ASSIGN(auto* one, probe->queue(topic, 1));
  std::array<std::int64_t, 2> next{0, 0};
  std::int64_t log_end = 0;
  std::int64_t store_ms = 0;
  for (int i = 0; i < 20; ++i) {
    const int pick = i % 3 == 0 ? 1 : 0;
    GANTRY_ASSIGN(const auto result, probe->append_one(pick == 1 ? one : zero, "message " + std::to_string(i)));
    GANTRY_TRY(expect_equal(result.queue_offset, next[static_cast<std::size_t>(pick)]++, "queue offset"));
    GANTRY_TRY(expect_true(result.log_offset >= log_end, "log offsets grow"));
    GANTRY_TRY(expect_true(result.store_ms >= store_ms, "store timestamps do not decrease"));
    log_end = result.log_offset + result.record_size;
    store_ms = result.store_ms;
    GANTRY_TRY(expect_equal(probe->store().positions().log_end, log_end, "log_end after an append"));
  }
  GANTRY_TRY(expect_equal(probe->store().bounds(zero).max, next[0], "max_offset of queue 0"));
  return expect_equal(probe->store().bounds(one).max, next[1], "max_offset of queue 1");
}

Status a_record_holds_what_was_appended(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic, 3));
  Draft draft{.queue = queue, .body = std::string("bo\0dy", 5), .properties = property("KEYS", "k1")};
  draft.properties_more = property("CLUSTER", "c");
  GANTRY_ASSIGN(const auto results, probe->append({draft}));
  GANTRY_TRY(expect_equal(results[0].status, GANTRY_OK, "status"));
  GANTRY_ASSIGN(const auto seen, probe->read(queue, 0));
  GANTRY_TRY(expect_equal(seen.message_count, 1u, "messages read back"));
  const auto& record = seen.records[0];
  GANTRY_TRY(expect_equal(record.body, draft.body, "body"));
  GANTRY_TRY(expect_equal(record.topic, topic, "topic"));
  GANTRY_TRY(expect_equal(record.properties, draft.properties + draft.properties_more, "properties"));
  GANTRY_TRY(expect_equal(record.queue_id, 3, "queue id"));
  GANTRY_TRY(expect_equal(record.queue_offset, 0, "queue offset in the record"));
  GANTRY_TRY(expect_equal(record.size, results[0].record_size, "record_size"));
  GANTRY_TRY(expect_equal(record.store_ms, results[0].store_ms, "store timestamp in the record"));
  return expect_equal(record.log_offset, results[0].log_offset, "log offset in the record");
}

Status ipv6_hosts_are_stored(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  const Draft draft{.queue = queue, .body = "six"};
  auto item = to_item(draft);
  item.born_host.ip_size = 16;
  item.store_host.ip_size = 16;
  gantry_append_result result{};
  probe->store().append({&item, 1}, {&result, 1});
  GANTRY_TRY(expect_equal(result.status, GANTRY_OK, "status"));
  GANTRY_ASSIGN(const auto seen, probe->read(queue, 0));
  GANTRY_TRY(expect_equal(seen.message_count, 1u, "messages read back"));
  GANTRY_TRY(expect_equal(seen.records[0].body, "six", "body behind two long hosts"));
  return expect_equal(seen.records[0].store_ms, result.store_ms, "store timestamp behind a long host");
}

Status long_topics_are_stored(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  const std::string name = "%RETRY%" + std::string(200, 'g');
  GANTRY_ASSIGN(auto* queue, probe->queue(name));
  GANTRY_TRY(probe->append_one(queue, "long"));
  GANTRY_ASSIGN(const auto seen, probe->read(queue, 0));
  GANTRY_TRY(expect_equal(seen.message_count, 1u, "messages read back"));
  return expect_equal(seen.records[0].topic, name, "topic");
}

Status prepared_messages_take_no_queue_offset(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  constexpr std::int32_t prepared = 0x4;
  constexpr std::int32_t commit = 0x8;
  constexpr std::int32_t rollback = 0xC;
  const Draft plain{.queue = queue, .body = "plain"};
  Draft half = plain;
  half.sys_flag = prepared;
  Draft undone = plain;
  undone.sys_flag = rollback;
  Draft done = plain;
  done.sys_flag = commit;
  GANTRY_ASSIGN(const auto results, probe->append({plain, half, undone, done}));
  for (const auto& result : results) GANTRY_TRY(expect_equal(result.status, GANTRY_OK, "status"));
  GANTRY_TRY(expect_equal(results[1].queue_offset, 0, "queue offset of a prepared message"));
  GANTRY_TRY(expect_equal(results[2].queue_offset, 0, "queue offset of a rolled back message"));
  GANTRY_TRY(expect_equal(results[3].queue_offset, 1, "queue offset of a committed message"));
  GANTRY_TRY(expect_equal(probe->store().bounds(queue).max, 2, "messages in the queue"));
  GANTRY_ASSIGN(const auto half_record, probe->read_record(results[1].log_offset));
  return expect_equal(half_record.records.size(), std::size_t{1}, "the prepared record by its log offset");
}

Status joined_items_are_consecutive(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  for (int round = 0; round < 30; ++round) {
    std::vector<Draft> drafts;
    for (int i = 0; i < 5; ++i) {
      drafts.push_back({.queue = queue, .body = std::string(200, 'j'), .options = i > 0 ? GANTRY_APPEND_JOINED : 0});
    }
    GANTRY_ASSIGN(const auto results, probe->append(drafts));
    for (std::size_t i = 0; i < results.size(); ++i) {
      GANTRY_TRY(expect_equal(results[i].status, GANTRY_OK, "status of a joined item"));
      if (i == 0) continue;
      GANTRY_TRY(expect_equal(results[i].log_offset, results[i - 1].log_offset + results[i - 1].record_size,
                              "log offset of a joined item"));
      GANTRY_TRY(
          expect_equal(results[i].queue_offset, results[i - 1].queue_offset + 1, "queue offset of a joined item"));
      GANTRY_TRY(expect_equal(results[i].store_ms, results[0].store_ms, "store timestamp of a joined item"));
    }
  }
  return {};
}

Status joined_items_fail_together(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  const Draft good{.queue = queue, .body = "good"};
  Draft joined = good;
  joined.options = GANTRY_APPEND_JOINED;
  Draft bad = joined;
  bad.properties = std::string(40000, 'p');
  GANTRY_ASSIGN(const auto results, probe->append({good, joined, bad, joined, good}));
  for (std::size_t i = 0; i < 4; ++i) {
    GANTRY_TRY(expect_true(results[i].status != GANTRY_OK, "no item of a group with a bad one is stored"));
  }
  GANTRY_TRY(expect_equal(results[4].status, GANTRY_OK, "status of the item behind the group"));
  GANTRY_TRY(expect_equal(results[4].queue_offset, 0, "queue offset behind a refused group"));
  return expect_equal(probe->store().bounds(queue).max, 1, "messages in the queue");
}

Status a_bad_item_harms_only_itself(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  const Draft good{.queue = queue, .body = "good"};
  Draft empty = good;
  empty.body.clear();
  Draft long_properties = good;
  long_properties.properties = std::string(32000, 'p');
  long_properties.properties_more = std::string(768, 'q');
  const Draft no_queue{.body = "nowhere"};
  GANTRY_ASSIGN(const auto results, probe->append({good, empty, long_properties, no_queue, good}));
  GANTRY_TRY(expect_equal(results[0].status, GANTRY_OK, "status of the first"));
  GANTRY_TRY(expect_equal(results[1].status, GANTRY_E_INVALID_ARGUMENT, "status without a body"));
  GANTRY_TRY(expect_equal(results[2].status, GANTRY_E_TOO_LARGE, "status with 32768 bytes of properties"));
  GANTRY_TRY(expect_equal(results[3].status, GANTRY_E_INVALID_ARGUMENT, "status without a queue"));
  GANTRY_TRY(expect_equal(results[4].status, GANTRY_OK, "status of the last"));
  GANTRY_TRY(expect_equal(results[4].queue_offset, 1, "queue offset of the last"));
  return expect_equal(results[4].log_offset, results[0].log_offset + results[0].record_size, "log offset of the last");
}

Status the_largest_properties_fit(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  const auto properties = property("KEYS", std::string(32767 - 6, 'k'));
  GANTRY_TRY(probe->append_one(queue, "x", properties));
  GANTRY_ASSIGN(const auto seen, probe->read(queue, 0));
  GANTRY_TRY(expect_equal(seen.message_count, 1u, "messages read back"));
  return expect_equal(seen.records[0].properties.size(), std::size_t{32767}, "bytes of properties");
}

Status a_record_larger_than_the_store_is_refused(StoreHarness& harness) {
  const auto size = harness.impossible_record_size();
  if (size == 0) return {};
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  GANTRY_ASSIGN(auto* queue, probe->queue(topic));
  GANTRY_ASSIGN(const auto results, probe->append({{.queue = queue, .body = std::string(size, 'x')}}));
  GANTRY_TRY(expect_equal(results[0].status, GANTRY_E_TOO_LARGE, "status"));
  GANTRY_TRY(expect_equal(probe->store().positions().log_end, 0, "log_end after a refusal"));
  return probe->append_one(queue, "small") ? Status{}
                                           : Status(unexpected("an append after a refusal", "ok", "refused"));
}

Status names_that_leave_the_store_are_refused(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  const std::string_view bad[] = {"", ".", "..", "a/b", "../up", "/abs", std::string_view("nul\0byte", 8)};
  for (const auto name : bad) {
    const auto opened = probe->queue(name);
    GANTRY_TRY(expect_true(!opened, "a bad topic name is refused: '" + std::string(name) + "'"));
    GANTRY_TRY(expect_true(opened.error().code == Errc::invalid_argument, "the refusal says invalid_argument"));
  }
  GANTRY_TRY(expect_true(!probe->queue(std::string(256, 't')), "a topic of 256 bytes is refused"));
  return expect_true(!probe->queue(topic, -1), "a negative queue id is refused");
}

Status an_empty_batch_does_nothing(StoreHarness& harness) {
  GANTRY_ASSIGN(auto probe, StoreProbe::open(harness));
  probe->store().append({}, {});
  return expect_equal(probe->store().positions().log_end, 0, "log_end");
}

constexpr StoreCheck checks[] = {
    {"an_empty_store_begins_at_zero", "A fresh broker would show messages that nobody sent.",
     an_empty_store_begins_at_zero},
    {"the_same_name_opens_the_same_queue", "Messages of one queue would be split or mixed.",
     the_same_name_opens_the_same_queue},
    {"offsets_and_positions_are_consecutive", "Consumers would skip or repeat messages.",
     offsets_and_positions_are_consecutive},
    {"a_record_holds_what_was_appended", "Messages would arrive changed.", a_record_holds_what_was_appended},
    {"ipv6_hosts_are_stored", "Clients on IPv6 would corrupt the log.", ipv6_hosts_are_stored},
    {"long_topics_are_stored", "Retry topics of long group names would corrupt the log.", long_topics_are_stored},
    {"prepared_messages_take_no_queue_offset", "Consumers would see uncommitted transactions.",
     prepared_messages_take_no_queue_offset},
    {"joined_items_are_consecutive", "A client's batch would be torn apart.", joined_items_are_consecutive},
    {"joined_items_fail_together", "Half of a refused batch would be stored.", joined_items_fail_together},
    {"a_bad_item_harms_only_itself", "One client's mistake would lose another's message.",
     a_bad_item_harms_only_itself},
    {"the_largest_properties_fit", "Messages at the limit would be refused or cut.", the_largest_properties_fit},
    {"a_record_larger_than_the_store_is_refused", "An oversized message would damage the log.",
     a_record_larger_than_the_store_is_refused},
    {"names_that_leave_the_store_are_refused", "A topic's name could write outside the store's folder.",
     names_that_leave_the_store_are_refused},
    {"an_empty_batch_does_nothing", "An empty request would crash the broker.", an_empty_batch_does_nothing},
};

}  // namespace

std::span<const StoreCheck> append_checks() { return checks; }

}  // namespace gantry::check
