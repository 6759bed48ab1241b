// Queues whose files are damaged are made again from the log while the store serves.
#include "plugins/storage-mmap/testing/store_fixture.hpp"

#include <array>
#include <pthread.h>
#include <string_view>

namespace gantry::storage_mmap {
namespace {

using QueueRepairTest = StoreFixture;

std::string queue_file(const std::string& topic, std::int64_t first_offset = 0) {
  return "consumequeue/" + topic + "/0/" + offset_name(first_offset * 20);
}

/// A store thread that finds nothing to do on its own.
void make_lazy(StoreOptions& options) {
  options.checkpoint_interval = std::chrono::seconds(60);
  options.queue_write_age_max = std::chrono::seconds(60);
}

TEST_F(QueueRepairTest, files_damaged_in_different_ways_are_repaired_while_appends_go_on) {
  const std::vector<std::string> topics{"Gone", "Short", "Zeros", "Garbage", "Missing", "Extra", "Sound"};
  {
    auto probe = open();
    for (int i = 0; i < 200; ++i) {
      for (const auto& topic : topics) append(*probe, topic);
    }
  }
  std::filesystem::remove_all(harness_.path("consumequeue/Gone"));
  std::filesystem::resize_file(harness_.path(queue_file("Short")), 100);
  write_over(queue_file("Zeros", 64), 0, std::string(64 * 20, '\0'));
  write_over(queue_file("Garbage", 64), 10 * 20, std::string(40 * 20, '\x55'));
  std::filesystem::remove(harness_.path(queue_file("Missing", 64)));
  std::filesystem::copy(harness_.path(queue_file("Extra")), harness_.path(queue_file("Extra", 64 * 9)));
  auto probe = open();
  for (int i = 0; i < 100; ++i) {
    for (const auto& topic : topics) append(*probe, topic);
  }
  for (const auto& topic : topics) expect_whole(*probe, topic, 0, 0, 300);
  EXPECT_FALSE(harness_.logged("queue=Sound/0 why"));
  EXPECT_FALSE(harness_.logged("storage.queue_gap"));
  EXPECT_TRUE(harness_.logged("storage.queues_rebuilt"));
  EXPECT_GE(harness_.store().figures().queues_repaired, 6u);
  probe.reset();
  // And it is so in the files.
  std::filesystem::remove_all(harness_.path("gantry"));
  probe = open();
  for (const auto& topic : topics) expect_whole(*probe, topic, 0, 0, 300);
}

TEST_F(QueueRepairTest, new_messages_can_be_read_while_old_ones_are_being_made_again) {
  {
    auto probe = open();
    fill(*probe, 200);
  }
  std::filesystem::remove_all(harness_.path("consumequeue/T"));
  auto probe = open();
  auto* queue = *probe->queue("T");
  append(*probe, "T");
  for (;;) {
    const auto old = probe->read(queue, 0);
    if (old) {
      EXPECT_EQ(old->records[0].queue_offset, 0);
      break;
    }
    ASSERT_EQ(old.error().code, Errc::busy) << old.error().text;
    const auto fresh = probe->read(queue, 200);
    ASSERT_TRUE(fresh) << fresh.error().text;
    EXPECT_EQ(fresh->message_count, 1u);
  }
  expect_whole(*probe, "T", 0, 0, 201);
}

/// Lets a repair write so many batches and no more, once it may go on.
class HaltingDisk final : public Disk {
 public:
  Status sync(const File&) override { return {}; }
  Status sync_mapped(const File&, std::byte*, std::uint64_t, std::uint64_t) override { return {}; }
  Status sync_directory(const std::string&) override { return {}; }
  Status sync_file_system(const File&) override { return {}; }
  Status remove_tree(const std::string& path) override {
    has_begun = has_begun || is_repairing();
    return Disk::remove_tree(path);
  }
  Result<std::size_t> read(const File& file, std::span<std::byte> to, std::uint64_t offset) override {
    if (has_begun && is_repairing()) {
      is_waiting = true;
      (void)eventually([&] { return may_go_on.load(); });
    }
    return Disk::read(file, to, offset);
  }
  Status write(const File& file, std::span<const std::byte> from, std::uint64_t offset) override {
    if (is_repairing() && writes_left-- <= 0) return Error{Errc::io, "as the test wants it"};
    return Disk::write(file, from, offset);
  }
  std::atomic<int> writes_left{0};
  std::atomic<bool> is_waiting{false};
  std::atomic<bool> may_go_on{false};

 private:
  static bool is_repairing() {
    std::array<char, 16> thread{};
    pthread_getname_np(pthread_self(), thread.data(), thread.size());
    return std::string_view(thread.data()) == "g-upkeep";
  }
  std::atomic<bool> has_begun{false};
};

TEST_F(QueueRepairTest, a_repair_that_was_interrupted_is_done_at_the_next_start) {
  harness_.options.queue_write_entries_min = 1;
  for (const std::uint32_t file_entries : {64u, 4096u}) {
    for (const bool crash : {false, true}) {
      for (int writes = 0; writes < 3; ++writes) {
        SCOPED_TRACE((crash ? "crash after " : "stop after ") + std::to_string(writes) + " of " +
                     std::to_string(file_entries));
        ASSERT_TRUE(harness_.wipe());
        harness_.disk = &disk_;
        harness_.options.queue_file_entries = file_entries;
        {
          auto probe = open();
          fill(*probe, 1300);
        }
        std::filesystem::remove(harness_.path(queue_file("T")));
        HaltingDisk halting;
        halting.writes_left = writes;
        harness_.disk = &halting;
        {
          auto probe = open();
          ASSERT_TRUE(eventually([&] { return halting.is_waiting.load(); }));
          // New entries reach the files behind those that are missing, then some of those come back.
          append(*probe, "T");
          ASSERT_TRUE(eventually([&] {
            probe->store().want_durable(INT64_MAX);
            return harness_.store().figures().pending_queue_entries == 0;
          }));
          halting.may_go_on = true;
          ASSERT_TRUE(eventually([&] { return halting.writes_left < 0; }));
          if (crash) harness_.crash();
        }
        harness_.disk = &disk_;
        auto probe = open();
        expect_whole(*probe, "T", 0, 0, 1301);
        EXPECT_EQ(harness_.store().figures().queues_repaired, 1u);
        harness_.crash();
      }
    }
  }
}

TEST_F(QueueRepairTest, a_record_damaged_in_the_log_leaves_a_hole_that_is_told) {
  std::int64_t damaged = 0;
  {
    auto probe = open();
    for (int i = 0; i < 200; ++i) {
      const auto at = append(*probe, "T");
      append(*probe, "Other");
      if (i == 50) damaged = at.log_offset;
    }
  }
  write_over("commitlog/" + offset_name(0), damaged + 89, "#");
  std::filesystem::remove_all(harness_.path("consumequeue/T"));
  auto probe = open();
  auto* queue = *probe->queue("T");
  ASSERT_TRUE(read(*probe, queue, 0));
  EXPECT_TRUE(harness_.logged("storage.log_damaged log_offset=" + std::to_string(damaged)));
  EXPECT_TRUE(harness_.logged("storage.queue_gap queue=T/0 offsets=1"));
  const auto gap = read(*probe, queue, 50);
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->outcome, GANTRY_READ_GAP);
  EXPECT_EQ(gap->next_offset, 51);
  EXPECT_EQ(read(*probe, queue, 51)->records[0].queue_offset, 51);
  expect_whole(*probe, "Other", 0, 0, 200);
}

TEST_F(QueueRepairTest, what_lies_before_a_hole_is_found_by_time) {
  std::atomic<std::int64_t> now{1000};
  harness_.surroundings.wall_ms = [&now] { return now.load(); };
  std::int64_t damaged = 0;
  {
    auto probe = open();
    for (int i = 0; i < 100; ++i) {
      now = 1000 + i;
      const auto at = append(*probe, "T");
      if (i == 50) damaged = at.log_offset;  // where the search begins
    }
  }
  write_over("commitlog/" + offset_name(0), damaged + 89, "#");
  std::filesystem::remove_all(harness_.path("consumequeue/T"));
  auto probe = open();
  auto* queue = *probe->queue("T");
  ASSERT_TRUE(read(*probe, queue, 0));
  for (const std::int64_t wanted : {0, 1, 20, 49, 51, 80, 99}) {
    const auto lower = probe->store().search_time(queue, 1000 + wanted, GANTRY_SEARCH_LOWER, GANTRY_READ_MAY_BLOCK);
    ASSERT_TRUE(lower) << lower.error().text;
    EXPECT_EQ(*lower, wanted);
    const auto upper = probe->store().search_time(queue, 1000 + wanted, GANTRY_SEARCH_UPPER, GANTRY_READ_MAY_BLOCK);
    ASSERT_TRUE(upper) << upper.error().text;
    EXPECT_EQ(*upper, wanted);
  }
}

TEST_F(QueueRepairTest, a_queue_that_is_deleted_during_its_repair_stays_deleted) {
  {
    auto probe = open();
    fill(*probe, 200, "T");
    fill(*probe, 200, "Other");
  }
  std::filesystem::remove_all(harness_.path("consumequeue"));
  auto probe = open();
  (void)probe->read(*probe->queue("T"), 0);
  ASSERT_TRUE(probe->store().delete_topic("T"));
  append(*probe, "T");
  expect_whole(*probe, "Other", 0, 0, 200);
  expect_whole(*probe, "T", 0, 0, 1);
  probe.reset();
  probe = open();
  expect_whole(*probe, "T", 0, 0, 1);
  expect_whole(*probe, "Other", 0, 0, 200);
}

TEST_F(QueueRepairTest, the_files_of_a_queue_that_nobody_knows_are_put_aside) {
  {
    auto probe = open();
    fill(*probe, 10);
  }
  std::filesystem::create_directories(harness_.path("consumequeue/Stranger/4"));
  std::filesystem::copy(harness_.path(queue_file("T")), harness_.path("consumequeue/Stranger/4/" + offset_name(0)));
  make_lazy(harness_.options);
  auto probe = open();
  EXPECT_TRUE(eventually([&] { return harness_.logged("storage.queue_unknown queue=Stranger/4"); }));
  EXPECT_TRUE(std::filesystem::exists(harness_.path("gantry/damaged/queue-Stranger-4")));
  EXPECT_EQ(probe->store().bounds(*probe->queue("Stranger", 4)).max, 0);
}

}  // namespace
}  // namespace gantry::storage_mmap
