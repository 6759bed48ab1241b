// What only the store on files does: its bytes, its refusals, its flushing. What all stores do is in tests/contract;
// crashes and damage are in tests/fault.
#include "plugins/storage-mmap/mmap_store.hpp"

#include "plugins/storage-mmap/testing/store_harness.hpp"

#include "sdk/check/store_probe.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>

namespace gantry::storage_mmap {
namespace {

using check::property;
using check::StoreProbe;

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char c : bytes) text.append({digits[c / 16], digits[c % 16]});
  return text;
}

template <typename Condition>
bool eventually(const Condition& holds) {
  for (int i = 0; i < 5000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

class MmapStoreTest : public testing::Test {
 protected:
  MmapStoreTest() { harness_.disk = &disk_; }
  std::unique_ptr<StoreProbe> open() {
    auto probe = StoreProbe::open(harness_);
    EXPECT_TRUE(probe) << probe.error().text;
    return probe ? std::move(*probe) : nullptr;
  }
  std::string refusal() {
    auto probe = StoreProbe::open(harness_);
    EXPECT_FALSE(probe);
    return probe ? std::string() : probe.error().text;
  }
  void fill(StoreProbe& probe, int count, const std::string& topic = "T") {
    auto* queue = *probe.queue(topic);
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(probe.append_one(queue, topic + std::to_string(probe.store().bounds(queue).max)));
    }
  }
  void expect_all(StoreProbe& probe, int count, const std::string& topic = "T") {
    auto* queue = *probe.queue(topic);
    ASSERT_EQ(probe.store().bounds(queue).max, count);
    for (std::int64_t next = 0; next < count;) {
      const auto seen = read_when_rebuilt(probe, queue, next);
      ASSERT_TRUE(seen) << seen.error().text;
      ASSERT_EQ(seen->outcome, GANTRY_READ_FOUND);
      for (const auto& record : seen->records) ASSERT_EQ(record.body, topic + std::to_string(next++));
    }
  }

  /// A queue whose files turn out to be damaged answers busy until it is repaired.
  static Result<check::SeenRead> read_when_rebuilt(StoreProbe& probe, gantry_queue* queue, std::int64_t offset) {
    auto seen = probe.read(queue, offset);
    (void)eventually([&] {
      if (seen || seen.error().code != Errc::busy) return true;
      seen = probe.read(queue, offset);
      return false;
    });
    return seen;
  }

  QuickDisk disk_;
  MmapHarness harness_;
};

// ---- bytes ----

TEST_F(MmapStoreTest, records_entries_and_names_have_rocketmqs_bytes) {
  harness_.options.queue_file_entries = 300'000;
  harness_.surroundings.wall_ms = [] { return std::int64_t{1700000000123}; };
  auto probe = open();
  auto* filler = *probe->queue("F");
  // A record of 91 bytes and the two texts brings the next one to offset 1024.
  ASSERT_TRUE(probe->append_one(filler, std::string(1024 - 91 - 1, 'f')));
  auto* queue = *probe->queue("TopicTest", 3);
  gantry_append_result result{};
  const std::string properties = property("KEYS", "key1") + property("TAGS", "TagA");
  check::Draft draft{.queue = queue, .body = "hello", .properties = properties};
  auto item = check::to_item(draft);
  item.born_host = {{192, 168, 1, 10}, 4, 50000};
  item.store_host = {{10, 0, 0, 1}, 4, 10911};
  probe->store().append({&item, 1}, {&result, 1});
  ASSERT_EQ(result.status, GANTRY_OK);
  ASSERT_EQ(result.log_offset, 1024);
  probe.reset();

  const auto log = content_of(harness_.path("commitlog/00000000000000000000"));
  ASSERT_EQ(log.size(), MmapHarness::small_segment);
  EXPECT_EQ(hex(log.substr(1024, 125)),
            "0000007ddaa320a73610a6860000000300000000000000000000000000000000000004000000000000000"
            "18bcfe56800c0a8010a0000c3500000018bcfe5687b0a00000100002a9f00000000000000000000000000"
            "00000568656c6c6f09546f7069635465737400144b455953016b65793102544147530154616741"
            "02");
  EXPECT_EQ(log.find_first_not_of('\0', 1024 + 125), std::string::npos);
  const auto entries = content_of(harness_.path("consumequeue/TopicTest/3/00000000000000000000"));
  ASSERT_EQ(entries.size(), 6'000'000u);
  EXPECT_EQ(hex(entries.substr(0, 20)), "00000000000004000000007d000000000027a807");
  EXPECT_EQ(entries.find_first_not_of('\0', 20), std::string::npos);
  EXPECT_EQ(content_of(harness_.path("checkpoint")).size(), 4096u);
  EXPECT_FALSE(std::filesystem::exists(harness_.path("abort")));
}

TEST_F(MmapStoreTest, a_file_that_is_full_ends_with_a_blank_record) {
  auto probe = open();
  auto* queue = *probe->queue("T");
  const std::string body(50'000, 'x');
  ASSERT_TRUE(probe->append_one(queue, body));
  ASSERT_TRUE(probe->append_one(queue, body));
  const auto third = probe->append_one(queue, body);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->log_offset, static_cast<std::int64_t>(MmapHarness::small_segment));
  probe.reset();
  const auto log = content_of(harness_.path("commitlog/00000000000000000000"));
  const auto end = 2 * (50'000 + 91 + 1);
  EXPECT_EQ(hex(log.substr(end, 8)), hex(std::string{'\0', '\0'} + static_cast<char>((log.size() - end) >> 8) +
                                         static_cast<char>(log.size() - end)) +
                                         "cbd43194");
  EXPECT_TRUE(std::filesystem::exists(harness_.path("commitlog/00000000000000131072")));
}

TEST_F(MmapStoreTest, eight_bytes_stay_free_behind_every_record) {
  const auto room = MmapHarness::small_segment;
  for (const std::uint64_t left : {7u, 8u}) {
    ASSERT_TRUE(harness_.wipe());
    auto probe = open();
    auto* queue = *probe->queue("T");
    ASSERT_TRUE(probe->append_one(queue, std::string(room - left - 92, 'x')).has_value() == (left == 8));
    if (left != 8) continue;
    EXPECT_EQ(probe->append_one(queue, "y")->log_offset, static_cast<std::int64_t>(room));
  }
}

TEST_F(MmapStoreTest, an_orderly_stop_leaves_no_unused_files) {
  auto probe = open();
  fill(*probe, 10);
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(harness_.path("commitlog/00000000000000131072")); }));
  probe.reset();
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(harness_.path("commitlog"))) {
    EXPECT_EQ(entry.file_size(), MmapHarness::small_segment);
    ++files;
  }
  EXPECT_EQ(files, 1);
}

TEST_F(MmapStoreTest, the_checkpoint_names_the_last_store_time) {
  harness_.surroundings.wall_ms = [] { return std::int64_t{0x0102030405}; };
  auto probe = open();
  fill(*probe, 1);
  probe.reset();
  EXPECT_EQ(hex(content_of(harness_.path("checkpoint")).substr(0, 16)), "00000001020304050000000102030405");
}

// ---- refusals ----

TEST_F(MmapStoreTest, refuses_a_log_file_of_another_size) {
  {
    auto probe = open();
    fill(*probe, 1);
  }
  harness_.options.segment_size = 64u << 10;
  const auto text = refusal();
  EXPECT_NE(text.find("commitlog/00000000000000000000: expected 65536 bytes, found 131072"), std::string::npos) << text;
}

TEST_F(MmapStoreTest, refuses_a_foreign_file_in_the_log) {
  std::filesystem::create_directories(harness_.path("commitlog"));
  std::ofstream(harness_.path("commitlog/notes.txt")) << "hello";
  EXPECT_NE(refusal().find("notes.txt"), std::string::npos);
}

TEST_F(MmapStoreTest, refuses_a_log_with_a_gap) {
  {
    auto probe = open();
    auto* queue = *probe->queue("T");
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(probe->append_one(queue, std::string(60'000, 'x')));
  }
  std::filesystem::remove(harness_.path("commitlog/00000000000000131072"));
  const auto text = refusal();
  EXPECT_NE(text.find("00000000000000131072 between its neighbours"), std::string::npos) << text;
}

TEST_F(MmapStoreTest, refuses_queues_without_a_log) {
  {
    auto probe = open();
    fill(*probe, 3);
  }
  std::filesystem::remove_all(harness_.path("commitlog"));
  EXPECT_NE(refusal().find("/commitlog to reach at least log offset "), std::string::npos);
  std::filesystem::remove_all(harness_.path("gantry"));
  EXPECT_NE(refusal().find("queue T/0 points into"), std::string::npos);
}

TEST_F(MmapStoreTest, a_refused_store_can_be_opened_after_the_remedy) {
  std::filesystem::create_directories(harness_.path("commitlog"));
  std::ofstream(harness_.path("commitlog/notes.txt")) << "hello";
  EXPECT_FALSE(refusal().empty());
  std::filesystem::remove(harness_.path("commitlog/notes.txt"));
  EXPECT_NE(open(), nullptr);
}

// ---- recovery ----

TEST_F(MmapStoreTest, queues_that_are_gone_are_made_again_from_the_log) {
  {
    auto probe = open();
    fill(*probe, 300);
    fill(*probe, 100, "Other");
  }
  std::filesystem::remove_all(harness_.path("consumequeue"));
  auto probe = open();
  expect_all(*probe, 300);
  expect_all(*probe, 100, "Other");
}

TEST_F(MmapStoreTest, a_single_queue_that_is_gone_is_made_again_when_its_next_message_is_seen) {
  {
    auto probe = open();
    fill(*probe, 300);
    fill(*probe, 100, "Other");
    ASSERT_TRUE(probe->wait_durable(probe->store().positions().log_end));
    harness_.crash();
  }
  std::filesystem::remove_all(harness_.path("consumequeue/T"));
  std::filesystem::remove(harness_.path("gantry/queues"));
  auto probe = open();
  expect_all(*probe, 300);
  expect_all(*probe, 100, "Other");
}

TEST_F(MmapStoreTest, a_store_without_our_notes_opens_as_rocketmq_leaves_it) {
  for (const bool crashed : {false, true}) {
    ASSERT_TRUE(harness_.wipe());
    {
      auto probe = open();
      fill(*probe, 2000);
      if (crashed) harness_.crash();
    }
    std::filesystem::remove_all(harness_.path("gantry"));
    auto probe = open();
    expect_all(*probe, 2000);
    fill(*probe, 10);
    expect_all(*probe, 2010);
  }
}

TEST_F(MmapStoreTest, trailing_empty_files_of_a_killed_broker_are_accepted) {
  {
    auto probe = open();
    fill(*probe, 10);
    harness_.crash();
  }
  const std::string zeros(MmapHarness::small_segment, '\0');
  std::ofstream(harness_.path("commitlog/00000000000000131072"), std::ios::binary) << zeros;
  std::ofstream(harness_.path("commitlog/00000000000000262144"), std::ios::binary) << zeros;
  auto probe = open();
  expect_all(*probe, 10);
  fill(*probe, 1);
  EXPECT_EQ(probe->store().positions().log_begin, 0);
}

TEST_F(MmapStoreTest, old_log_files_that_are_gone_move_the_minimum) {
  {
    auto probe = open();
    auto* queue = *probe->queue("T");
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(probe->append_one(queue, std::string(60'000, 'x')));
  }
  std::filesystem::remove(harness_.path("commitlog/00000000000000000000"));
  for (const bool rebuild : {false, true}) {
    if (rebuild) std::filesystem::remove_all(harness_.path("consumequeue"));
    auto probe = open();
    auto* queue = *probe->queue("T");
    EXPECT_TRUE(eventually([&] { return probe->store().bounds(queue).min == 2; }));
    EXPECT_EQ(probe->store().bounds(queue).max, 10);
    EXPECT_EQ(probe->store().positions().log_begin, 131072);
    EXPECT_EQ(probe->read(queue, 0)->outcome, GANTRY_READ_BEFORE_BEGIN);
    EXPECT_EQ(read_when_rebuilt(*probe, queue, 2)->message_count, 8u);
  }
}

TEST_F(MmapStoreTest, a_crash_says_what_was_cut) {
  std::int64_t end = 0;
  {
    auto probe = open();
    fill(*probe, 10);
    end = probe->store().positions().log_end;
    harness_.crash();
  }
  std::fstream log(harness_.path("commitlog/00000000000000000000"), std::ios::in | std::ios::out | std::ios::binary);
  log.seekp(end).write("torn torn torn", 14);
  log.close();
  auto probe = open();
  EXPECT_TRUE(harness_.logged("storage.tail_cut log_offset=" + std::to_string(end) + " bytes=14"));
  expect_all(*probe, 10);
  probe.reset();
  EXPECT_EQ(content_of(harness_.path("commitlog/00000000000000000000")).find("torn"), std::string::npos);
}

TEST_F(MmapStoreTest, whole_records_behind_damage_are_put_aside) {
  std::int64_t fifth = 0;
  {
    auto probe = open();
    auto* queue = *probe->queue("T");
    for (int i = 0; i < 10; ++i) {
      const auto at = probe->append_one(queue, "T" + std::to_string(i));
      if (i == 5) fifth = at->log_offset;
    }
    harness_.crash();
  }
  std::filesystem::remove_all(harness_.path("gantry"));
  std::fstream(harness_.path("commitlog/00000000000000000000"), std::ios::in | std::ios::out | std::ios::binary)
      .seekp(fifth + 4)
      .put('\x00');
  auto probe = open();
  expect_all(*probe, 5);
  EXPECT_TRUE(harness_.logged("whole_record_at="));
  EXPECT_TRUE(std::filesystem::exists(harness_.path("gantry/damaged/tail-" + offset_name(fifth))));
}

TEST_F(MmapStoreTest, store_timestamps_do_not_go_back_with_the_clock) {
  std::atomic<std::int64_t> now{1'000'000};
  harness_.surroundings.wall_ms = [&now] { return now.load(); };
  {
    auto probe = open();
    EXPECT_EQ(probe->append_one(*probe->queue("T"), "a")->store_ms, 1'000'000);
  }
  now = 500'000;
  auto probe = open();
  EXPECT_EQ(probe->append_one(*probe->queue("T"), "b")->store_ms, 1'000'000);
  EXPECT_EQ(probe->store().positions().oldest_store_ms, 1'000'000);
}

TEST_F(MmapStoreTest, a_deleted_topic_does_not_come_back_after_a_crash) {
  {
    auto probe = open();
    fill(*probe, 20, "Gone");
    fill(*probe, 20, "Again");
    ASSERT_TRUE(probe->store().delete_topic("Gone"));
    ASSERT_TRUE(probe->store().delete_topic("Again"));
    fill(*probe, 5, "Again");
    harness_.crash();
  }
  for (const bool without_queues : {false, true}) {
    if (without_queues) std::filesystem::remove_all(harness_.path("consumequeue"));
    auto probe = open();
    EXPECT_EQ(probe->store().bounds(*probe->queue("Gone")).max, 0);
    expect_all(*probe, 5, "Again");
    harness_.crash();
  }
}

TEST_F(MmapStoreTest, a_crash_during_a_deletion_does_not_leave_half_of_it) {
  {
    auto probe = open();
    fill(*probe, 200, "Gone");
  }
  // The note is written, the files are not removed yet.
  QueueLedger ledger(disk_, harness_.path("gantry"));
  const auto image = ledger.load();
  ASSERT_TRUE(image->has_value());
  LedgerFrame frame((*image)->mark, LedgerFrame::Kind::changes);
  frame.add_deleted("Gone", 1 << 20);
  ASSERT_TRUE(ledger.append(std::move(frame)));
  std::filesystem::remove(harness_.path("consumequeue/Gone/0/00000000000000000000"));
  auto probe = open();
  EXPECT_EQ(probe->store().bounds(*probe->queue("Gone")).max, 0);
  EXPECT_FALSE(std::filesystem::exists(harness_.path("consumequeue/Gone/0")));
}

// ---- reads ----

TEST_F(MmapStoreTest, a_cold_queue_is_not_read_without_permission_to_block) {
  {
    auto probe = open();
    fill(*probe, 10);
  }
  auto probe = open();
  auto* queue = *probe->queue("T");
  std::array<gantry_slice, 4> slices{};
  gantry_read_request request{};
  request.queue = queue;
  request.visible_end = INT64_MAX;
  request.message_count_max = 1;
  request.bytes_max = 1;
  request.scan_count_max = 1;
  gantry_read_result result{};
  result.slices = slices.data();
  result.slice_capacity = slices.size();
  const auto refused = probe->store().read(request, result);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::would_block);
  EXPECT_EQ(probe->read(queue, 0)->message_count, 10u);
}

TEST_F(MmapStoreTest, a_read_crosses_files_in_slices) {
  auto probe = open();
  auto* queue = *probe->queue("T");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(probe->append_one(queue, std::string(60'000, 'x')));
  const auto seen = probe->read(queue, 0);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->message_count, 10u);
  EXPECT_EQ(seen->slice_count, 5u);
}

TEST_F(MmapStoreTest, a_damaged_record_is_not_served) {
  std::int64_t third = 0;
  {
    auto probe = open();
    auto* queue = *probe->queue("T");
    for (int i = 0; i < 5; ++i) {
      const auto at = probe->append_one(queue, "body " + std::to_string(i));
      if (i == 3) third = at->log_offset;
    }
  }
  std::fstream(harness_.path("commitlog/00000000000000000000"), std::ios::in | std::ios::out | std::ios::binary)
      .seekp(third + 90)
      .put('#');
  auto probe = open();
  auto* queue = *probe->queue("T");
  EXPECT_EQ(probe->read(queue, 0)->message_count, 3u);
  // The queue may be what is wrong, so it is rebuilt; then it is known that the record is.
  EXPECT_EQ(probe->read(queue, 3).error().code, Errc::busy);
  const auto gap = read_when_rebuilt(*probe, queue, 3);
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->outcome, GANTRY_READ_GAP);
  EXPECT_EQ(gap->next_offset, 4);
  EXPECT_TRUE(harness_.logged("storage.log_damaged log_offset=" + std::to_string(third)));
  EXPECT_TRUE(harness_.logged("storage.queue_gap queue=T/0 offsets=1"));
  EXPECT_EQ(probe->read(queue, 4)->message_count, 1u);
}

TEST_F(MmapStoreTest, a_hole_in_a_queues_file_is_filled_from_the_log) {
  {
    auto probe = open();
    fill(*probe, 10);
  }
  std::fstream entries(harness_.path("consumequeue/T/0/00000000000000000000"),
                       std::ios::in | std::ios::out | std::ios::binary);
  entries.seekp(4 * 20).write(std::string(20, '\0').data(), 20);
  entries.close();
  auto probe = open();
  expect_all(*probe, 10);
  EXPECT_TRUE(harness_.logged("storage.queue_damaged queue=T/0"));
  EXPECT_TRUE(harness_.logged("storage.queues_rebuilt queues=1"));
}

TEST_F(MmapStoreTest, a_record_inside_a_body_is_not_taken_for_one) {
  auto probe = open();
  auto* queue = *probe->queue("T");
  ASSERT_TRUE(probe->append_one(queue, "first"));
  const auto inner_at = probe->store().positions().log_end + 88;
  // A copy of the first record that claims to lie where it will lie: inside the second one's body.
  const auto log = content_of(harness_.path("commitlog/00000000000000000000"));
  auto forged = log.substr(0, static_cast<std::size_t>(probe->store().positions().log_end));
  for (int i = 0; i < 8; ++i) forged[28 + static_cast<std::size_t>(i)] = static_cast<char>(inner_at >> (56 - 8 * i));
  ASSERT_TRUE(probe->append_one(queue, forged));
  const auto found = probe->read_record(inner_at);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::not_found);
}

// ---- bounds ----

TEST_F(MmapStoreTest, too_many_unwritten_entries_answer_busy_and_recover) {
  harness_.options.pending_entries_max = 10;
  auto probe = open();
  auto* queue = *probe->queue("T");
  const check::Draft draft{.queue = queue};
  const std::vector<gantry_append_item> items(30, check::to_item(draft));
  std::vector<gantry_append_result> results(30);
  probe->store().append(items, results);
  std::set<gantry_status> statuses;
  for (const auto& result : results) statuses.insert(result.status);
  EXPECT_EQ(statuses, (std::set<gantry_status>{GANTRY_OK, GANTRY_E_BUSY}));
  EXPECT_TRUE(eventually([&] { return probe->append_one(queue, "again").has_value(); }));
}

TEST_F(MmapStoreTest, a_full_disk_answers_full_and_recovers_by_itself) {
  struct SmallDisk final : Disk {
    std::atomic<std::uint64_t> free_percent{50};
    Result<DiskSpace> space(const std::string&) override { return DiskSpace{100ull << 30, (free_percent << 30)}; }
  } disk;
  harness_.disk = &disk;
  auto probe = open();
  auto* queue = *probe->queue("T");
  const check::Draft draft{.queue = queue, .body = std::string(30'000, 'x')};
  const auto item = check::to_item(draft);
  const auto append = [&] {
    gantry_append_result result{};
    probe->store().append({&item, 1}, {&result, 1});
    return result.status;
  };
  ASSERT_EQ(append(), GANTRY_OK);
  disk.free_percent = 5;
  EXPECT_TRUE(eventually([&] { return append() == GANTRY_E_FULL; }));
  EXPECT_EQ(probe->store().positions().writable, 0u);
  EXPECT_TRUE(eventually([&] { return harness_.logged("storage.full"); }));
  EXPECT_EQ(probe->read(queue, 0)->outcome, GANTRY_READ_FOUND);
  disk.free_percent = 50;
  EXPECT_TRUE(eventually([&] { return append() == GANTRY_OK; }));
  EXPECT_TRUE(eventually([&] { return harness_.logged("storage.space_returned"); }));
}

TEST_F(MmapStoreTest, a_failed_sync_is_final) {
  struct BrokenDisk final : Disk {
    std::atomic<bool> broken{false};
    Status sync_mapped(const File& file, std::byte* map, std::uint64_t from, std::uint64_t to) override {
      if (broken) return system_error("syncing", file.path(), EIO);
      return Disk::sync_mapped(file, map, from, to);
    }
  } disk;
  harness_.disk = &disk;
  auto probe = open();
  auto* queue = *probe->queue("T");
  const auto good = probe->append_one(queue, "good");
  ASSERT_TRUE(probe->wait_durable(good->log_offset + good->record_size));
  disk.broken = true;
  const auto bad = probe->append_one(queue, "bad");
  const auto end = bad->log_offset + bad->record_size;
  probe->store().want_durable(end);
  EXPECT_TRUE(eventually([&] { return probe->events().failures == 1; }));
  disk.broken = false;
  probe->store().want_durable(end);
  const check::Draft draft{.queue = queue};
  const auto item = check::to_item(draft);
  gantry_append_result result{};
  probe->store().append({&item, 1}, {&result, 1});
  EXPECT_EQ(result.status, GANTRY_E_UNAVAILABLE);
  EXPECT_LT(probe->store().positions().durable_end, end);
  EXPECT_LT(probe->events().durable_end.load(), end);
  EXPECT_EQ(probe->events().failures, 1);
  EXPECT_FALSE(harness_.close());
  EXPECT_TRUE(std::filesystem::exists(harness_.path("abort")));
}

TEST_F(MmapStoreTest, waiters_share_one_sync) {
  struct SlowDisk final : Disk {
    std::atomic<int> syncs{0};
    std::mutex gate;
    Status sync_mapped(const File& file, std::byte* map, std::uint64_t from, std::uint64_t to) override {
      const std::lock_guard lock(gate);
      ++syncs;
      return Disk::sync_mapped(file, map, from, to);
    }
  } disk;
  harness_.disk = &disk;
  harness_.options.flush_interval = std::chrono::seconds(60);
  harness_.options.checkpoint_interval = std::chrono::seconds(60);
  auto probe = open();
  auto* queue = *probe->queue("T");
  std::int64_t end = 0;
  {
    // While one sync is under way, a hundred more messages arrive and wait.
    const std::unique_lock hold(disk.gate);
    for (int i = 0; i < 100; ++i) {
      const auto at = probe->append_one(queue, "m");
      end = at->log_offset + at->record_size;
      probe->store().want_durable(end);
    }
  }
  ASSERT_TRUE(probe->wait_durable(end));
  EXPECT_LE(disk.syncs, 2);
}

TEST_F(MmapStoreTest, sync_mode_syncs_without_being_asked) {
  harness_.options.flush = FlushMode::sync;
  auto probe = open();
  fill(*probe, 3);
  const auto end = probe->store().positions().log_end;
  EXPECT_TRUE(eventually([&] { return probe->events().durable_end >= end; }));
}

TEST_F(MmapStoreTest, async_mode_syncs_at_its_own_pace) {
  harness_.options.flush_interval = std::chrono::milliseconds(5);
  harness_.options.flush_thorough_interval = std::chrono::milliseconds(20);
  auto probe = open();
  fill(*probe, 3);
  const auto end = probe->store().positions().log_end;
  EXPECT_TRUE(eventually([&] { return probe->events().durable_end >= end; }));
}

TEST_F(MmapStoreTest, a_bad_option_is_refused_by_name) {
  harness_.options.segment_size = 5000;
  EXPECT_NE(refusal().find("segment_size: expected a multiple of 4096"), std::string::npos);
}

}  // namespace
}  // namespace gantry::storage_mmap
