// What only the store in memory does: forgetting the oldest. Everything that stores have in common is in the contract
// suite (tests/contract).
#include "plugins/storage-memory/memory_store.hpp"

#include "sdk/check/store_probe.hpp"

#include <gtest/gtest.h>

namespace gantry::storage_memory {
namespace {

gantry_append_result append(MemoryStore& store, gantry_queue* queue, const std::string& body) {
  const check::Draft draft{.queue = queue, .body = body};
  const auto item = check::to_item(draft);
  gantry_append_result result{};
  store.append({&item, 1}, {&result, 1});
  return result;
}

TEST(MemoryStore, the_oldest_messages_make_room_for_new_ones) {
  MemoryStore store({.bytes_max = 1u << 20});
  auto* queue = *store.open_queue("T", 0);
  const std::string body(10'000, 'x');
  for (int i = 0; i < 500; ++i) ASSERT_EQ(append(store, queue, body).status, GANTRY_OK);
  const auto bounds = store.bounds(queue);
  EXPECT_EQ(bounds.max, 500);
  EXPECT_GT(bounds.min, 300);
  EXPECT_LT(bounds.min, 450);
  const auto positions = store.positions();
  EXPECT_GT(positions.log_begin, 0);
  EXPECT_LE(positions.log_end - positions.log_begin, 1 << 20);
}

TEST(MemoryStore, reading_what_made_room_answers_before_begin) {
  MemoryStore store({.bytes_max = 1u << 20});
  auto* queue = *store.open_queue("T", 0);
  for (int i = 0; i < 500; ++i) append(store, queue, std::string(10'000, 'x'));
  gantry_slice slices[4];
  gantry_read_request request{};
  request.queue = queue;
  request.visible_end = INT64_MAX;
  request.message_count_max = 1;
  request.bytes_max = 1;
  request.scan_count_max = 1;
  gantry_read_result result{};
  result.slices = slices;
  result.slice_capacity = 4;
  ASSERT_TRUE(store.read(request, result));
  EXPECT_EQ(result.outcome, GANTRY_READ_BEFORE_BEGIN);
  EXPECT_EQ(result.next_offset, store.bounds(queue).min);
}

TEST(MemoryStore, a_queue_keeps_its_max_when_all_its_messages_are_gone) {
  MemoryStore store({.bytes_max = 1u << 20});
  auto* quiet = *store.open_queue("Quiet", 0);
  auto* busy = *store.open_queue("Busy", 0);
  append(store, quiet, "once");
  for (int i = 0; i < 500; ++i) append(store, busy, std::string(10'000, 'x'));
  EXPECT_EQ(store.bounds(quiet).min, 1);
  EXPECT_EQ(store.bounds(quiet).max, 1);
  EXPECT_EQ(append(store, quiet, "again").queue_offset, 1);
}

TEST(MemoryStore, store_timestamps_do_not_go_back_with_the_clock) {
  std::int64_t now = 1000;
  MemoryStore store({.now_ms = [&now] { return now; }});
  auto* queue = *store.open_queue("T", 0);
  EXPECT_EQ(append(store, queue, "a").store_ms, 1000);
  now = 400;
  EXPECT_EQ(append(store, queue, "b").store_ms, 1000);
  now = 1001;
  EXPECT_EQ(append(store, queue, "c").store_ms, 1001);
}

TEST(MemoryStore, a_delayed_message_is_tagged_with_its_delivery_time) {
  MemoryStore store({.now_ms = [] { return std::int64_t{5000}; }});
  auto* queue = *store.open_queue("SCHEDULE_TOPIC_XXXX", 2);
  check::Draft draft{.queue = queue, .properties = check::property("DELAY", "3")};
  const auto item = check::to_item(draft);
  gantry_append_result result{};
  store.append({&item, 1}, {&result, 1});
  ASSERT_EQ(result.status, GANTRY_OK);
  EXPECT_EQ(store.entry(queue, 0, 0)->tag_code, 5000 + 10'000);
}

TEST(MemoryStore, what_made_room_is_not_found_by_key) {
  MemoryStore store({.bytes_max = 1u << 20});
  auto* queue = *store.open_queue("T", 0);
  for (int i = 0; i < 500; ++i) {
    const check::Draft draft{
        .queue = queue, .body = std::string(10'000, 'x'), .properties = check::property("KEYS", "k")};
    const auto item = check::to_item(draft);
    gantry_append_result result{};
    store.append({&item, 1}, {&result, 1});
  }
  std::vector<std::int64_t> offsets(600);
  gantry_query_request request{};
  request.struct_size = sizeof request;
  request.topic = check::as_bytes("T");
  request.key = check::as_bytes("k");
  request.end_ms = INT64_MAX;
  request.count_max = 600;
  gantry_query_result result{};
  result.struct_size = sizeof result;
  result.log_offsets = offsets.data();
  ASSERT_TRUE(store.query(request, result));
  const auto bounds = store.bounds(queue);
  EXPECT_EQ(result.count, static_cast<std::uint32_t>(bounds.max - bounds.min));
  EXPECT_GE(offsets[0], store.positions().log_begin);
}

TEST(MemoryStore, refuses_appends_once_it_is_quiesced) {
  MemoryStore store({});
  auto* queue = *store.open_queue("T", 0);
  store.quiesce();
  EXPECT_EQ(append(store, queue, "late").status, GANTRY_E_UNAVAILABLE);
  EXPECT_EQ(store.positions().writable, 0u);
}

}  // namespace
}  // namespace gantry::storage_memory
