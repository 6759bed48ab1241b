// What a start finds again, after orderly stops, crashes, and other brokers; and what it does not look at.
#include "plugins/storage-mmap/testing/store_fixture.hpp"

#include <array>
#include <random>

namespace gantry::storage_mmap {
namespace {

class StartTest : public StoreFixture {
 protected:
  StartTest() { harness_.options.retention_time = std::chrono::milliseconds(0); }
  /// As another broker leaves the checkpoint: with its own confirm offset.
  void confirm(std::int64_t offset) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(offset >> shift));
    write_over("checkpoint", 32, bytes);
  }
};

TEST_F(StartTest, no_queue_file_is_opened_before_somebody_reads) {
  constexpr int topics = 500;
  {
    auto probe = open();
    for (int i = 0; i < topics; ++i) fill(*probe, 3, "T" + std::to_string(i));
  }
  for (const auto* way : {"orderly", "crash", "torn"}) {
    SCOPED_TRACE(way);
    disk_.queue_opens = 0;
    check::Events events;
    const auto opened = harness_.open(events.listener());
    const int opens = disk_.queue_opens;
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(opens, 0);
    EXPECT_TRUE(harness_.store().recovered().from_ledger);
    EXPECT_LE(harness_.store().recovered().records_read, 3 * topics);
    const auto end = harness_.store().positions().log_end;
    if (std::string_view(way) == "orderly") {
      harness_.crash();
    } else {
      harness_.crash();
      write_over("commitlog/" + offset_name(end / MmapHarness::small_segment * MmapHarness::small_segment),
                 end % MmapHarness::small_segment, "torn torn");
    }
  }
  auto probe = open();
  for (int i = 0; i < topics; i += 50) expect_whole(*probe, "T" + std::to_string(i), 0, 0, 3);
}

TEST_F(StartTest, without_our_notes_everything_is_found_again) {
  for (const bool crash : {false, true}) {
    ASSERT_TRUE(harness_.wipe());
    {
      auto probe = open();
      for (int i = 0; i < 300; ++i) append(*probe, "T" + std::to_string(i % 7), i % 2);
      if (crash) harness_.crash();
    }
    std::filesystem::remove_all(harness_.path("gantry"));
    auto probe = open();
    EXPECT_FALSE(harness_.store().recovered().from_ledger);
    std::int64_t found = 0;
    for (int i = 0; i < 14; ++i) {
      const auto topic = "T" + std::to_string(i % 7);
      const auto max = probe->store().bounds(*probe->queue(topic, i / 7)).max;
      found += max;
      expect_whole(*probe, topic, i / 7, 0, max);
    }
    EXPECT_EQ(found, 300);
  }
}

TEST_F(StartTest, another_confirm_offset_means_that_another_broker_was_here) {
  {
    auto probe = open();
    fill(*probe, 100);
  }
  confirm(12345);
  auto probe = open();
  EXPECT_FALSE(harness_.store().recovered().from_ledger);
  EXPECT_TRUE(harness_.logged("storage.ledger_ignored"));
  expect_whole(*probe, "T", 0, 0, 100);
}

TEST_F(StartTest, a_topic_that_another_broker_deleted_does_not_come_back) {
  for (const bool was_deleted : {true, false}) {
    SCOPED_TRACE(was_deleted);
    ASSERT_TRUE(harness_.wipe());
    {
      auto probe = open();
      fill(*probe, 100, "Gone");
      fill(*probe, 100, "Kept");
    }
    std::filesystem::remove_all(harness_.path("consumequeue/Gone"));
    // Without another broker's mark the files were lost, not deleted.
    if (was_deleted) confirm(12345);
    auto probe = open();
    if (was_deleted) {
      EXPECT_EQ(probe->store().bounds(*probe->queue("Gone")).max, 0);
      append(*probe, "Gone");
      expect_whole(*probe, "Gone", 0, 0, 1);
    } else {
      expect_whole(*probe, "Gone", 0, 0, 100);
    }
    expect_whole(*probe, "Kept", 0, 0, 100);
    ASSERT_TRUE(probe->reopen());
    expect_whole(*probe, "Gone", 0, 0, was_deleted ? 1 : 100);
  }
}

// ---- checkpoints ----

TEST_F(StartTest, entries_of_quiet_queues_stay_in_the_ledger_until_they_are_old) {
  harness_.options.queue_write_age_max = std::chrono::seconds(600);
  harness_.options.queue_write_entries_min = 32;
  {
    auto probe = open();
    fill(*probe, 5, "Quiet");
    ASSERT_TRUE(eventually([&] { return harness_.store().figures().behind_checkpoint_bytes == 0; }));
    EXPECT_EQ(harness_.store().figures().pending_queue_entries, 5);
    EXPECT_TRUE(names_in("consumequeue/Quiet").empty());
    harness_.crash();
  }
  harness_.options.queue_write_age_max = std::chrono::milliseconds(20);
  auto probe = open();
  EXPECT_EQ(harness_.store().recovered().records_read, 0);
  expect_whole(*probe, "Quiet", 0, 0, 5);
  EXPECT_TRUE(eventually([&] { return harness_.store().figures().pending_queue_entries == 0; }));
  EXPECT_FALSE(names_in("consumequeue/Quiet").empty());
}

TEST_F(StartTest, a_crash_at_any_time_loses_nothing) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  harness_.options.queue_write_entries_min = 8;
  for (const int queues : {3, 200}) {
    ASSERT_TRUE(harness_.wipe());
    std::vector<std::int64_t> counts(static_cast<std::size_t>(queues));
    for (int round = 0; round < 12; ++round) {
      SCOPED_TRACE(std::to_string(queues) + " queues, round " + std::to_string(round));
      harness_.options.checkpoint_interval = std::chrono::milliseconds(random() % 3 == 0 ? 1000 : random() % 10);
      harness_.options.queue_write_age_max = std::chrono::milliseconds(random() % 30);
      harness_.options.checkpoint_bytes_max = random() % 4 == 0 ? 4096 : 256u << 20;
      auto probe = open();
      ASSERT_NE(probe, nullptr);
      const auto appends = random() % 600;
      for (unsigned i = 0; i < appends; ++i) {
        const auto id = random() % static_cast<unsigned>(queues);
        append(*probe, "T", static_cast<std::int32_t>(id), random() % 8 == 0 ? 3000 : 20);
        ++counts[id];
      }
      for (int id = 0; id<queues; id += queues> 10 ? 17 : 1) {
        expect_whole(*probe, "T", id, 0, counts[static_cast<std::size_t>(id)]);
      }
      if (random() % 4 != 0) harness_.crash();
      probe.reset();
      if (random() % 6 == 0) std::filesystem::remove_all(harness_.path("gantry"));
    }
    auto probe = open();
    for (int id = 0; id < queues; ++id) expect_whole(*probe, "T", id, 0, counts[static_cast<std::size_t>(id)]);
    EXPECT_FALSE(harness_.logged("storage.queue_gap"));
  }
}

}  // namespace
}  // namespace gantry::storage_mmap
