// Messages behind the hot window: read by copying, by callers that may wait for the disk, while their files may go.
#include "plugins/storage-mmap/testing/store_fixture.hpp"

#include <array>
#include <cstring>
#include <set>

namespace gantry::storage_mmap {
namespace {

constexpr std::int64_t segment = MmapHarness::small_segment;

class ColdReadTest : public StoreFixture {
 protected:
  ColdReadTest() {
    harness_.options.hot_window = 64u << 10;
    harness_.options.reserve_ahead = 64u << 10;
    harness_.options.cold_read_ahead = 16u << 10;
    harness_.options.cold_cache = 64u << 10;
    harness_.options.flush = FlushMode::sync;
    harness_.options.retention_time = std::chrono::milliseconds(0);
  }
  /// Several queues, one message each in turn, of many sizes; every third is of tag A.
  void fill_log(check::StoreProbe& probe) {
    for (int i = 0; i < per_queue; ++i) {
      for (int id = 0; id < queues; ++id) {
        const std::string tag = i % 3 == 0 ? "A" : "B";
        append(probe, "T", id, static_cast<std::size_t>(200 + (i * 37 + id * 101) % 5000),
               check::property("TAGS", tag) + check::property("KEYS", "k" + std::to_string(i)));
      }
    }
  }
  /// A read as the store gives it, without waiting for the disk unless `options` says so.
  Status read_raw(check::StoreProbe& probe, gantry_queue* queue, std::int64_t offset, std::uint32_t options,
                  gantry_read_result& result, std::span<gantry_slice> slices, std::uint32_t count = 32) {
    gantry_read_request request{};
    request.struct_size = sizeof request;
    request.options = options;
    request.queue = queue;
    request.offset = offset;
    request.visible_end = INT64_MAX;
    request.message_count_max = count;
    request.bytes_max = 1u << 20;
    request.scan_count_max = 1000;
    result = {};
    result.struct_size = sizeof result;
    result.slices = slices.data();
    result.slice_capacity = static_cast<std::uint32_t>(slices.size());
    return probe.store().read(request, result);
  }
  /// Mappings of log files of this store in this process.
  [[nodiscard]] int mappings() const {
    std::ifstream maps("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(maps, line);) {
      if (line.find(harness_.path("commitlog/")) != std::string::npos) ++count;
    }
    return count;
  }
  /// Cooling is done when space is made ready, which appends ask for.
  bool has_cooled(check::StoreProbe& probe) {
    return eventually([&] {
      append(probe, "T", 0, 3000);
      return mappings() <= 5;
    });
  }

  static constexpr int queues = 3;
  static constexpr int per_queue = 300;
};

TEST_F(ColdReadTest, cold_files_are_not_mapped) {
  auto probe = open();
  fill_log(*probe);
  EXPECT_GT(probe->store().positions().log_end, 15 * segment);
  EXPECT_TRUE(has_cooled(*probe)) << mappings() << " mappings";
}

TEST_F(ColdReadTest, without_permission_to_block_only_the_hot_window_is_read) {
  auto probe = open();
  fill_log(*probe);
  auto* queue = *probe->queue("T", 0);
  std::array<gantry_slice, 64> slices{};
  gantry_read_result result{};
  const auto cold = read_raw(*probe, queue, 0, 0, result, slices);
  ASSERT_FALSE(cold);
  EXPECT_EQ(cold.error().code, Errc::would_block);
  ASSERT_TRUE(read_raw(*probe, queue, per_queue - 1, 0, result, slices));
  EXPECT_EQ(result.outcome, GANTRY_READ_FOUND);
  probe->store().release(result.owner);
  EXPECT_EQ(probe->store().entry(queue, 0, 0).error().code, Errc::would_block);
  EXPECT_EQ(probe->store().search_time(queue, 0, GANTRY_SEARCH_LOWER, 0).error().code, Errc::would_block);
  const auto refused = probe->store().read_record(0, 0, result);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::would_block);
}

TEST_F(ColdReadTest, everything_is_read_right_whatever_the_batch) {
  auto probe = open();
  fill_log(*probe);
  for (const bool reopened : {false, true}) {
    if (reopened) {
      ASSERT_TRUE(probe->reopen());
    }
    for (const std::uint32_t batch : {1u, 7u, 32u, 1000u}) {
      std::array<std::int64_t, queues> next{};
      for (bool more = true; more;) {
        more = false;
        for (int id = 0; id < queues; ++id) {
          auto& at = next[static_cast<std::size_t>(id)];
          if (at == per_queue) continue;
          more = true;
          const auto seen = read(*probe, *probe->queue("T", id), at, {.messages = batch});
          ASSERT_TRUE(seen) << seen.error().text;
          ASSERT_EQ(seen->outcome, GANTRY_READ_FOUND);
          ASSERT_LE(seen->message_count, batch);
          for (const auto& record : seen->records) {
            const auto size = static_cast<std::size_t>(200 + (at * 37 + id * 101) % 5000);
            ASSERT_EQ(record.body, body_of("T", id, at, size));
            ASSERT_EQ(record.queue_offset, at++);
          }
          ASSERT_EQ(seen->next_offset, at);
        }
      }
    }
  }
  EXPECT_FALSE(harness_.logged("storage.queue_damaged"));
}

TEST_F(ColdReadTest, tags_are_filtered) {
  auto probe = open();
  fill_log(*probe);
  const auto code = check::tag_code("A");
  gantry_matcher match{};
  match.struct_size = sizeof match;
  match.tag_code_count = 1;
  match.tag_codes = &code;
  int found = 0;
  for (std::int64_t next = 0; next < per_queue;) {
    const auto seen = probe->read(*probe->queue("T", 1), next, {.messages = 10, .match = &match});
    ASSERT_TRUE(seen) << seen.error().text;
    for (const auto& record : seen->records) ASSERT_EQ(record.queue_offset, 3 * found++);
    ASSERT_GT(seen->next_offset, next);
    next = seen->next_offset;
  }
  EXPECT_EQ(found, per_queue / 3);
}

TEST_F(ColdReadTest, a_matcher_sees_every_record_once_and_decides) {
  auto probe = open();
  fill_log(*probe);
  std::multiset<std::int64_t> seen_offsets;
  gantry_matcher match{};
  match.struct_size = sizeof match;
  match.context = &seen_offsets;
  match.match = [](void* context, const gantry_bytes* records, std::uint8_t* verdicts, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto record = check::parse_record(records[i].data, records[i].size);
      EXPECT_TRUE(record);
      static_cast<std::multiset<std::int64_t>*>(context)->insert(record->queue_offset);
      verdicts[i] = record->queue_offset % 5 == 0 ? 1 : 0;
    }
  };
  std::vector<std::int64_t> found;
  for (std::int64_t next = 0; next < per_queue;) {
    const auto seen = probe->read(*probe->queue("T", 2), next, {.match = &match});
    ASSERT_TRUE(seen) << seen.error().text;
    for (const auto& record : seen->records) found.push_back(record.queue_offset);
    ASSERT_GT(seen->next_offset, next);
    next = seen->next_offset;
  }
  ASSERT_EQ(found.size(), static_cast<std::size_t>(per_queue / 5));
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], static_cast<std::int64_t>(i) * 5);
  EXPECT_EQ(seen_offsets.size(), static_cast<std::size_t>(per_queue));
}

TEST_F(ColdReadTest, limits_hold_for_copies) {
  auto probe = open();
  fill_log(*probe);
  auto* queue = *probe->queue("T", 0);
  const auto by_bytes = probe->read(queue, 0, {.bytes = 10'000});
  ASSERT_TRUE(by_bytes);
  EXPECT_LE(by_bytes->byte_count, 10'000u);
  EXPECT_GT(by_bytes->message_count, 1u);
  const auto by_scan = probe->read(queue, 0, {.scan = 5});
  EXPECT_EQ(by_scan->message_count, 5u);
  const auto by_slices = probe->read(queue, 0, {.slices = 1});
  ASSERT_TRUE(by_slices);
  EXPECT_EQ(by_slices->slice_count, 1u);
  EXPECT_EQ(by_slices->next_offset, by_slices->message_count);
  const auto records = probe->read(queue, 0, {.messages = 2});
  const auto visible = probe->read(queue, 0, {.visible_end = records->records[1].log_offset});
  EXPECT_EQ(visible->message_count, 1u);
}

TEST_F(ColdReadTest, single_records_entries_times_and_keys_are_found) {
  std::atomic<std::int64_t> now{1'000'000};
  harness_.surroundings.wall_ms = [&now] { return now += 10; };
  auto probe = open();
  fill_log(*probe);
  auto* queue = *probe->queue("T", 1);
  for (const std::int64_t offset : {0, 1, 150, 298}) {
    const auto entry = probe->store().entry(queue, offset, GANTRY_READ_MAY_BLOCK);
    ASSERT_TRUE(entry) << entry.error().text;
    const auto record = probe->read_record(entry->log_offset);
    ASSERT_TRUE(record) << record.error().text;
    EXPECT_EQ(record->records[0].queue_offset, offset);
    EXPECT_EQ(record->records[0].store_ms, entry->store_ms);
    EXPECT_EQ(record->records[0].size, entry->record_size);
    const auto lower = probe->store().search_time(queue, entry->store_ms, GANTRY_SEARCH_LOWER, GANTRY_READ_MAY_BLOCK);
    EXPECT_EQ(*lower, offset);
    const auto upper =
        probe->store().search_time(queue, entry->store_ms + 1, GANTRY_SEARCH_UPPER, GANTRY_READ_MAY_BLOCK);
    EXPECT_EQ(*upper, offset);
    EXPECT_EQ(probe->read_record(entry->log_offset + 1).error().code, Errc::not_found);
  }
  ASSERT_TRUE(probe->wait_indexed());
  const auto found = probe->query({.topic = "T", .key = "k0"});
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->log_offsets.size(), static_cast<std::size_t>(queues));
}

TEST_F(ColdReadTest, a_slice_stays_as_it_is_after_its_file_was_removed) {
  harness_.options.retention_bytes = 4 * segment;
  harness_.options.reserve_ahead = 2 * segment;
  auto probe = open();
  auto* queue = *probe->queue("T");
  append(*probe, "T", 0, 1000);
  std::array<gantry_slice, 4> slices{};
  gantry_read_result hot{};
  ASSERT_TRUE(read_raw(*probe, queue, 0, 0, hot, slices));
  ASSERT_EQ(hot.message_count, 1u);
  fill(*probe, 30, "T", 0, 10'000);
  std::array<gantry_slice, 4> copies{};
  gantry_read_result cold{};
  ASSERT_TRUE(read_raw(*probe, queue, 0, GANTRY_READ_MAY_BLOCK, cold, copies, 1));
  ASSERT_EQ(cold.message_count, 1u);
  fill(*probe, 200, "T", 0, 10'000);
  ASSERT_TRUE(eventually([&] { return probe->store().positions().log_begin > segment; }));
  EXPECT_FALSE(std::filesystem::exists(harness_.path("commitlog/" + offset_name(0))));
  for (const auto& slice : {slices[0], copies[0]}) {
    const auto record = check::parse_record(slice.data, slice.size);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->body, body_of("T", 0, 0, 1000));
  }
  EXPECT_EQ(probe->read(queue, 0)->outcome, GANTRY_READ_BEFORE_BEGIN);
  probe->store().release(hot.owner);
  probe->store().release(cold.owner);
  fill(*probe, 200, "T", 0, 10'000);
  EXPECT_TRUE(eventually([&] {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find(harness_.path("commitlog/" + offset_name(0))) != std::string::npos) return false;
    }
    return true;
  }));
}

TEST_F(ColdReadTest, reads_while_files_go_are_right_or_say_that_it_is_gone) {
  for (const std::uint64_t hot_window : {16u << 10, 64u << 20}) {
    ASSERT_TRUE(harness_.wipe());
    harness_.options.hot_window = hot_window;
    harness_.options.reserve_ahead = 2 * segment;
    harness_.options.retention_bytes = 3 * segment;
    harness_.options.retention_interval = std::chrono::milliseconds(1);
    harness_.options.queue_file_entries = 16;
    auto probe = open();
    auto* queue = *probe->queue("T");
    append(*probe, "T", 0, 3000);
    std::atomic<bool> done{false};
    std::array<std::atomic<int>, 16> outcomes{};
    std::atomic<int> wrong{0};
    const auto reads = [&](unsigned seed, bool matching) {
      std::array<gantry_slice, 32> slices{};
      gantry_matcher match{};
      match.struct_size = sizeof match;
      match.match = [](void*, const gantry_bytes*, std::uint8_t* verdicts, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) verdicts[i] = 1;
      };
      while (!done) {
        seed = seed * 1103515245 + 12345;
        const auto bounds = probe->store().bounds(queue);
        // Mostly near the edge that moves.
        const auto offset = std::max<std::int64_t>(bounds.min + static_cast<std::int64_t>(seed >> 16) % 12 - 4, 0);
        gantry_read_request request{};
        request.struct_size = sizeof request;
        request.options = (seed >> 8) % 4 == 0 ? 0 : GANTRY_READ_MAY_BLOCK;
        request.queue = queue;
        request.offset = offset;
        request.visible_end = INT64_MAX;
        request.match = matching ? &match : nullptr;
        request.message_count_max = 8;
        request.bytes_max = 1u << 20;
        request.scan_count_max = 100;
        gantry_read_result result{};
        result.struct_size = sizeof result;
        result.slices = slices.data();
        result.slice_capacity = slices.size();
        const auto status = probe->store().read(request, result);
        if (!status) {
          if (status.error().code != Errc::would_block || request.options != 0) ++wrong;
          continue;
        }
        ++outcomes[result.outcome];
        if (result.outcome == GANTRY_READ_GAP || result.outcome == GANTRY_READ_NO_MATCH) ++wrong;
        if (result.outcome == GANTRY_READ_AT_END && offset < probe->store().bounds(queue).min) ++wrong;
        if (result.outcome != GANTRY_READ_FOUND) continue;
        auto expected = offset;
        for (std::uint32_t i = 0; i < result.slice_count; ++i) {
          const auto* at = static_cast<const char*>(slices[i].data);
          for (std::uint64_t left = slices[i].size; left > 0;) {
            const auto size = protocol::load_big_endian<std::uint32_t>(at);
            const auto record = check::parse_record(at, size);
            if (!record || record->body != body_of("T", 0, expected++, 3000)) ++wrong;
            at += size;
            left -= size;
          }
        }
        probe->store().release(result.owner);
        (void)probe->store().entry(queue, offset, GANTRY_READ_MAY_BLOCK);
        (void)probe->store().search_time(queue, 0, GANTRY_SEARCH_LOWER, GANTRY_READ_MAY_BLOCK);
      }
    };
    std::array<std::thread, 3> readers;
    for (unsigned i = 0; i < readers.size(); ++i) readers[i] = std::thread(reads, i + 1, i == 2);
    // On a busy machine the threads that retain and read need their time to meet.
    const auto have_met = [&] {
      return outcomes[GANTRY_READ_FOUND] > 0 && outcomes[GANTRY_READ_BEFORE_BEGIN] > 0 &&
             harness_.store().figures().files_expired > 5u;
    };
    for (int i = 0; i < 3000 || (i < 30'000 && !have_met()); ++i) {
      append(*probe, "T", 0, 3000);
      if (i >= 3000) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    done = true;
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_GT(outcomes[GANTRY_READ_FOUND], 0);
    EXPECT_GT(outcomes[GANTRY_READ_BEFORE_BEGIN], 0);
    EXPECT_GT(harness_.store().figures().files_expired, 5u);
    for (const auto& line : harness_.lines_with("damaged")) ADD_FAILURE() << line;
  }
}

// ---- the page cache ----

TEST_F(ColdReadTest, readers_occupy_no_more_of_the_page_cache_than_they_may) {
  struct AdvisedDisk final : Disk {
    void advise(const File&, std::uint64_t offset, std::uint64_t size, Advice advice) noexcept override {
      if (advice == Advice::will_need) ++brought;
      if (advice == Advice::dont_need) ++returned;
      if (offset + size > 1u << 20) out_of_file = true;
    }
    bool is_cached(const File&, std::uint64_t offset, std::uint64_t) noexcept override { return offset == cached_at; }
    Result<std::size_t> read_cached(const File&, std::span<std::byte> to, std::uint64_t) override {
      if (!all_cached) return Error{Errc::would_block, {}};
      return to.size();
    }
    bool all_cached = false;
    int brought = 0;
    int returned = 0;
    bool out_of_file = false;
    std::uint64_t cached_at = UINT64_MAX;
  } disk;
  StoreOptions options;
  options.cold_read_ahead = 64u << 10;
  options.cold_cache = 256u << 10;
  Segment one(disk, 0, 1u << 20, File(), nullptr);
  Segment two(disk, 1 << 20, 1u << 20, File(), nullptr);
  ColdCache cache(disk, options, [&](std::int64_t offset) {
    return offset < 1 << 20 ? SegmentPin(&one) : offset < 2 << 20 ? SegmentPin(&two) : SegmentPin();
  });
  for (std::int64_t offset = 0; offset < 2 << 20; offset += 1000) {
    cache.read_on(offset < 1 << 20 ? one : two, offset);
    ASSERT_LE(cache.bytes(), 256u << 10);
  }
  EXPECT_EQ(disk.brought, 32);
  EXPECT_EQ(disk.returned, 28);
  EXPECT_EQ(cache.parts_read(), 32u);
  EXPECT_FALSE(disk.out_of_file);
  // What was in memory anyway is not accounted for, and not given back.
  disk.cached_at = 0;
  cache.read_on(one, 10);
  EXPECT_EQ(disk.brought, 33);

  // Records here and there: the pages that hold them and are not in memory, within the same bound.
  disk.brought = disk.returned = 0;
  for (std::int64_t offset = 100; offset < 2 << 20; offset += 10'000) {
    cache.read_here(offset < 1 << 20 ? one : two, offset, 1000);
    ASSERT_LE(cache.bytes(), 256u << 10);
  }
  EXPECT_EQ(disk.brought, 210);
  EXPECT_GT(disk.returned, 100);
  disk.all_cached = true;
  cache.read_here(one, 5000, 1000);
  EXPECT_EQ(disk.brought, 210);
  EXPECT_FALSE(disk.out_of_file);
}

}  // namespace
}  // namespace gantry::storage_mmap
