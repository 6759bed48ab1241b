// Old messages go, with everything that leads to them, while the store serves and over restarts.
#include "plugins/storage-mmap/testing/store_fixture.hpp"

namespace gantry::storage_mmap {
namespace {

constexpr std::int64_t segment = MmapHarness::small_segment;
constexpr std::size_t large = 10'000;  // twelve of these fill a log file

class ExpiryTest : public StoreFixture {
 protected:
  ExpiryTest() {
    harness_.surroundings.wall_ms = [this] { return now_.load(); };
    harness_.options.retention_time = std::chrono::milliseconds(0);
    harness_.options.reserve_ahead = segment;
    harness_.options.queue_file_entries = 16;
    harness_.options.flush = FlushMode::sync;
  }
  bool expires_to(check::StoreProbe& probe, std::int64_t log_begin) {
    return eventually([&] { return probe.store().positions().log_begin >= log_begin; });
  }
  /// Every queue begins with the first message that is in the log.
  void expect_minimum(check::StoreProbe& probe, const std::string& topic, std::int32_t id, std::int64_t max) {
    auto* queue = *probe.queue(topic, id);
    // Retention is done with what is there.
    const auto limit = static_cast<std::int64_t>(harness_.options.retention_bytes);
    ASSERT_TRUE(eventually([&] {
      const auto positions = probe.store().positions();
      return limit == 0 || positions.log_end - positions.log_begin <= limit;
    }));
    const auto log_begin = probe.store().positions().log_begin;
    ASSERT_TRUE(eventually([&] {
      const auto bounds = probe.store().bounds(queue);
      if (bounds.min == bounds.max) return true;
      const auto first = probe.store().entry(queue, bounds.min, GANTRY_READ_MAY_BLOCK);
      return first && first->log_offset >= log_begin;
    }));
    const auto min = probe.store().bounds(queue).min;
    if (min > 0) {
      EXPECT_EQ(probe.read(queue, min - 1)->outcome, GANTRY_READ_BEFORE_BEGIN);
    }
    if (min > 0) {
      EXPECT_EQ(probe.read(queue, min - 1)->next_offset, min);
    }
    expect_whole(probe, topic, id, min, max);
  }

  std::atomic<std::int64_t> now_{1'000'000};
};

TEST_F(ExpiryTest, the_oldest_files_go_when_the_log_is_too_large) {
  harness_.options.retention_bytes = 4 * segment;
  auto probe = open();
  for (int i = 0; i < 100; ++i) {
    append(*probe, "T", 0, large);
    append(*probe, "T", 1, 100);
    append(*probe, "Other", 0, 100);
  }
  EXPECT_TRUE(expires_to(*probe, 4 * segment));
  EXPECT_TRUE(harness_.logged("storage.file_expired file=" + offset_name(0)));
  EXPECT_TRUE(harness_.logged("why=\"the log is larger than retention_bytes\""));
  for (const bool foreign : {false, true}) {
    expect_minimum(*probe, "T", 0, 100);
    expect_minimum(*probe, "T", 1, 100);
    expect_minimum(*probe, "Other", 0, 100);
    EXPECT_GT(probe->store().bounds(*probe->queue("T", 1)).min, 30);
    // 16 entries in a file: those of expired messages are gone.
    EXPECT_TRUE(eventually([&] { return names_in("consumequeue/T/1").front() >= offset_name(2 * 16 * 20); }));
    EXPECT_EQ(names_in("commitlog").front(), offset_name(probe->store().positions().log_begin));
    probe.reset();
    if (foreign) break;
    std::filesystem::remove_all(harness_.path("gantry"));
    probe = open();
  }
  probe = open();
  expect_minimum(*probe, "T", 1, 100);
  EXPECT_FALSE(harness_.logged("storage.queue_damaged"));
}

TEST_F(ExpiryTest, files_go_when_their_newest_message_is_too_old) {
  harness_.options.retention_time = std::chrono::milliseconds(10'000);
  auto probe = open();
  for (int i = 0; i < 50; ++i) append(*probe, "Old", 0, large, check::property("KEYS", "k"));
  now_ += 6'000;
  for (int i = 0; i < 50; ++i) append(*probe, "T", 0, large, check::property("KEYS", "k"));
  const auto end = probe->store().positions().log_end;
  EXPECT_EQ(probe->store().positions().log_begin, 0);
  now_ += 6'000;
  // The file in which the young messages begin stays.
  const auto first_young = probe->store().entry(*probe->queue("T"), 0, GANTRY_READ_MAY_BLOCK)->log_offset;
  EXPECT_TRUE(expires_to(*probe, first_young / segment * segment));
  expect_minimum(*probe, "Old", 0, 50);
  expect_minimum(*probe, "T", 0, 50);
  EXPECT_EQ(probe->store().bounds(*probe->queue("T")).min, 0);
  EXPECT_TRUE(harness_.logged("why=\"older than retention_time\""));
  now_ += 60'000;
  // The last file stays, whatever its age.
  EXPECT_TRUE(expires_to(*probe, end / segment * segment));
  expect_minimum(*probe, "Old", 0, 50);
  expect_minimum(*probe, "T", 0, 50);
  EXPECT_EQ(probe->store().positions().log_begin, end / segment * segment);
  // A queue without messages goes on where it was.
  EXPECT_EQ(append(*probe, "Old").queue_offset, 50);
  expect_minimum(*probe, "Old", 0, 51);
}

TEST_F(ExpiryTest, index_files_of_expired_messages_go) {
  harness_.options.retention_bytes = 3 * segment;
  harness_.options.index_entries = 50;
  auto probe = open();
  std::string first;
  for (int i = 0; i < 200; ++i) {
    append(*probe, "T", 0, large, check::property("KEYS", "k" + std::to_string(i)));
    if (i == 20) {
      ASSERT_TRUE(eventually([&] { return !names_in("index").empty(); }));
    }
    if (i == 20) first = names_in("index").front();
    if (i % 10 == 0) now_ += 1000;
  }
  ASSERT_TRUE(probe->wait_indexed());
  ASSERT_TRUE(expires_to(*probe, 8 * segment));
  EXPECT_TRUE(eventually([&] {
    append(*probe, "T", 0, large);
    return !std::filesystem::exists(harness_.path("index/" + first));
  }));
}

TEST_F(ExpiryTest, a_start_after_a_crash_takes_no_expired_entry_for_damage) {
  harness_.options.retention_bytes = 4 * segment;
  auto probe = open();
  // The first queue is quiet when the log goes on.
  for (int i = 0; i < 100; ++i) append(*probe, "Quiet", 0, 2000);
  ASSERT_TRUE(eventually([&] { return harness_.store().figures().pending_queue_entries == 0; }));
  for (int i = 0; i < 40; ++i) append(*probe, "T", 0, large);
  ASSERT_TRUE(expires_to(*probe, segment));
  expect_minimum(*probe, "Quiet", 0, 100);
  const auto min = probe->store().bounds(*probe->queue("Quiet")).min;
  ASSERT_GT(min, 32);
  ASSERT_LT(min, 100);
  const auto checkpoints = harness_.store().figures().checkpoints;
  append(*probe, "T");
  ASSERT_TRUE(eventually([&] {
    return harness_.store().figures().checkpoints >= checkpoints + 2 ||
           harness_.store().figures().behind_checkpoint_bytes == 0;
  }));
  harness_.crash();
  probe.reset();
  probe = open();
  EXPECT_EQ(probe->store().bounds(*probe->queue("Quiet")).min, min);
  expect_whole(*probe, "Quiet", 0, min, 100);
  // All queues were looked at when retention goes on.
  append(*probe, "T", 0, large);
  for (int i = 0; i < 20; ++i) append(*probe, "T", 0, large);
  ASSERT_TRUE(expires_to(*probe, 3 * segment));
  EXPECT_FALSE(harness_.logged("storage.queue_damaged"));
}

TEST_F(ExpiryTest, a_restart_during_retention_finds_the_same_messages) {
  harness_.options.retention_bytes = 4 * segment;
  std::array<std::int64_t, 2> counts{};
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    auto probe = open();
    for (int i = 0; i < 30; ++i) {
      append(*probe, "T", 0, large);
      ++counts[0];
      if (i % 7 != 0) continue;
      append(*probe, "T", 1, 50);
      ++counts[1];
    }
    if (round % 4 == 3) {
      ASSERT_TRUE(probe->wait_durable(probe->store().positions().log_end));
      harness_.crash();
      probe.reset();
    } else {
      probe.reset();
    }
    if (round % 3 == 2) std::filesystem::remove_all(harness_.path("gantry"));
    probe = open();
    expect_minimum(*probe, "T", 0, counts[0]);
    expect_minimum(*probe, "T", 1, counts[1]);
  }
  EXPECT_FALSE(harness_.logged("storage.queue_gap"));
}

TEST_F(ExpiryTest, a_filled_disk_takes_the_oldest_files_before_their_time_and_appends_resume) {
  harness_.options.disk_clean_percent = 80;
  harness_.options.disk_full_percent = 90;
  disk_.total_bytes = 100 * segment;
  disk_.free_bytes = 50 * segment;
  auto probe = open();
  for (int i = 0; i < 100; ++i) append(*probe, "T", 0, large);
  EXPECT_EQ(probe->store().positions().log_begin, 0);
  // Between the two: files go, appends go on.
  disk_.free_bytes = 17 * segment;
  EXPECT_TRUE(expires_to(*probe, 3 * segment));
  append(*probe, "T", 0, large);
  EXPECT_TRUE(harness_.logged("why=\"more than disk_clean_percent of the disk is in use\""));
  // Full: the space thread asks for it, and what is removed makes room.
  harness_.options.retention_interval = std::chrono::seconds(60);
  disk_.free_bytes = 50 * segment;
  ASSERT_TRUE(probe->reopen());
  for (int i = 0; i < 100; ++i) append(*probe, "T", 0, large);
  const auto begin = probe->store().positions().log_begin;
  disk_.free_bytes = 5 * segment;
  const check::Draft draft{.queue = *probe->queue("T"), .body = std::string(large, 'x')};
  const auto item = check::to_item(draft);
  gantry_append_result result{};
  ASSERT_TRUE(eventually([&] {
    probe->store().append({&item, 1}, {&result, 1});
    return result.status == GANTRY_E_FULL;
  }));
  ASSERT_TRUE(eventually([&] { return probe->store().positions().log_begin > begin; }));
  disk_.free_bytes = 50 * segment;
  EXPECT_TRUE(eventually([&] {
    probe->store().append({&item, 1}, {&result, 1});
    return result.status == GANTRY_OK;
  }));
}

TEST_F(ExpiryTest, a_file_that_could_not_be_removed_leaves_no_gap) {
  harness_.options.retention_bytes = 3 * segment;
  disk_.removals_that_fail = 1;
  auto probe = open();
  for (int i = 0; i < 100; ++i) append(*probe, "T", 0, large);
  ASSERT_TRUE(expires_to(*probe, 5 * segment));
  EXPECT_EQ(disk_.removals_that_fail, 0);
  ASSERT_TRUE(
      eventually([&] { return names_in("commitlog").front() == offset_name(probe->store().positions().log_begin); }));
  harness_.crash();
  probe.reset();
  probe = open();
  ASSERT_NE(probe, nullptr);
  expect_minimum(*probe, "T", 0, 100);
}

TEST_F(ExpiryTest, damage_at_the_beginning_of_a_file_does_not_keep_the_log) {
  {
    auto probe = open();
    for (int i = 0; i < 100; ++i) append(*probe, "T", 0, large);
  }
  write_over("commitlog/" + offset_name(segment), 100, "#");
  write_over("commitlog/" + offset_name(3 * segment), 0, std::string(segment, '#'));
  harness_.options.retention_bytes = 3 * segment;
  auto probe = open();
  EXPECT_TRUE(expires_to(*probe, 5 * segment));
  expect_minimum(*probe, "T", 0, 100);
}

}  // namespace
}  // namespace gantry::storage_mmap
