// The index over a log of plain records: what is found while keys wait in memory, after they were written, after stops,
// crashes, damage and RocketMQ's own work on the directory.
#include "plugins/storage-mmap/message_index.hpp"

#include "plugins/storage-mmap/index_mark.hpp"
#include "plugins/storage-mmap/testing/index_harness.hpp"
#include "plugins/storage-mmap/testing/rocketmq_index.hpp"
#include "plugins/storage-mmap/testing/store_harness.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>

namespace gantry::storage_mmap {
namespace {

using testing_support::RocketmqIndexFile;

const std::vector<std::string> all_keys = {"a", "b", "c", "d", "nobody"};

/// Fails writes with "no space left", or with another error, while it is told to.
class TroubledDisk final : public Disk {
 public:
  Status write(const File& file, std::span<const std::byte> from, std::uint64_t offset) override {
    if (file.path().find("/index/") == std::string::npos || trouble == Errc::ok) return Disk::write(file, from, offset);
    ++refused;
    return Error{trouble, "writing " + file.path() + ": failed on purpose"};
  }
  Status sync(const File&) override { return {}; }
  Status sync_directory(const std::string&) override { return {}; }
  std::atomic<Errc> trouble{Errc::ok};
  std::atomic<int> refused{0};
};

class MessageIndexTest : public testing::Test {
 protected:
  MessageIndexTest() : harness_(folder_.path(), disk_) {}

  void append_some(int count) {
    for (int i = 0; i < count; ++i, ++appended_) {
      const std::vector<std::string> words = {"a", "b c", "", "a b a", "d", "c"};
      harness_.append(words[static_cast<std::size_t>(appended_) % words.size()]);
    }
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/index")) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] std::string file(std::size_t index) const { return folder_.path() + "/index/" + files().at(index); }
  [[nodiscard]] std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> contents;
    for (const auto& name : files()) {
      std::ifstream in(folder_.path() + "/index/" + name, std::ios::binary);
      contents[name] = {std::istreambuf_iterator<char>(in), {}};
    }
    return contents;
  }
  void poke(const std::string& path, std::uint64_t at, char value) {
    std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at));
    out.put(value);
  }
  IndexMark mark() {
    IndexMarkFile marks(disk_, folder_.path() + "/gantry");
    const auto loaded = marks.load();
    return loaded && *loaded ? **loaded : IndexMark{};
  }

  TemporaryFolder folder_;
  TroubledDisk disk_;
  IndexHarness harness_;
  int appended_ = 0;
};

TEST_F(MessageIndexTest, keys_are_found_while_they_wait_in_memory) {
  harness_.options.index_interval = std::chrono::hours(1);
  ASSERT_TRUE(harness_.start());
  append_some(20);
  EXPECT_EQ(harness_.index->progress().indexed_end, harness_.log.end());
  EXPECT_GT(harness_.index->progress().pending_keys, 0);
  harness_.expect_all(all_keys);
  EXPECT_TRUE(files().empty());
}

TEST_F(MessageIndexTest, keys_are_found_in_files_of_which_there_are_many) {
  ASSERT_TRUE(harness_.start());
  append_some(200);
  ASSERT_TRUE(harness_.all_written());
  EXPECT_GE(files().size(), 6u);
  harness_.expect_all(all_keys);
}

TEST_F(MessageIndexTest, each_place_is_found_once_at_every_moment_of_writing) {
  harness_.options.index_entries = 500;
  harness_.options.index_pending_max = 100'000;
  ASSERT_TRUE(harness_.start());
  for (int i = 0; i < 2'000; ++i) {
    append_some(1);
    if (i % 10 == 0) harness_.expect_all({"a"});
  }
  ASSERT_TRUE(harness_.all_written());
  harness_.expect_all(all_keys);
}

TEST_F(MessageIndexTest, times_select_in_memory_and_in_files) {
  ASSERT_TRUE(harness_.start());
  append_some(100);
  ASSERT_TRUE(harness_.all_written());
  const auto records = harness_.log.records();
  for (std::size_t from = 0; from < records.size(); from += 7) {
    for (std::size_t to = from; to < records.size(); to += 13) {
      std::vector<std::int64_t> expected;
      for (const auto offset : harness_.log.with("a")) {
        if (offset >= records[from].offset && offset <= records[to].offset) expected.push_back(offset);
      }
      EXPECT_EQ(harness_.found("a", records[from].store_ms, records[to].store_ms), expected) << from << " to " << to;
    }
  }
}

TEST_F(MessageIndexTest, what_is_not_durable_is_in_no_file) {
  harness_.log.durable_at_once = false;
  ASSERT_TRUE(harness_.start());
  append_some(30);
  harness_.log.sync();
  const auto durable = harness_.log.end();
  harness_.index->durable_moved();
  append_some(30);
  ASSERT_TRUE(IndexHarness::eventually([&] { return mark().written_end == durable; }));
  harness_.expect_all(all_keys);
  harness_.index->abandon();
  EXPECT_LT(mark().header.end_offset, durable);
  harness_.log.cut();
  harness_.log.durable_at_once = true;
  ASSERT_TRUE(harness_.start(false));
  append_some(10);
  ASSERT_TRUE(harness_.all_written());
  harness_.expect_all(all_keys);
}

TEST_F(MessageIndexTest, an_orderly_stop_leaves_nothing_to_read) {
  harness_.options.index_interval = std::chrono::hours(1);
  ASSERT_TRUE(harness_.start());
  append_some(100);
  ASSERT_TRUE(harness_.index->stop());
  EXPECT_TRUE(mark().clean);
  EXPECT_TRUE(mark().complete);
  ASSERT_TRUE(harness_.start());
  EXPECT_EQ(harness_.index->progress().indexed_end, harness_.log.end());
  append_some(10);
  harness_.expect_all(all_keys);
  EXPECT_EQ(harness_.log.scanned_from(), -1);
}

TEST_F(MessageIndexTest, after_a_crash_only_the_log_behind_the_mark_is_read) {
  ASSERT_TRUE(harness_.start());
  append_some(100);
  ASSERT_TRUE(harness_.all_written());
  ASSERT_TRUE(IndexHarness::eventually([&] { return mark().written_end == harness_.log.end(); }));
  const auto marked = harness_.log.end();
  harness_.index->abandon();
  append_some(50);  // dropped with the process
  ASSERT_TRUE(harness_.start(false));
  ASSERT_TRUE(harness_.caught_up());
  EXPECT_EQ(harness_.log.scanned_from(), marked);
  EXPECT_TRUE(IndexHarness::eventually([&] { return harness_.logged("index.caught_up"); }));
  harness_.expect_all(all_keys);
}

TEST_F(MessageIndexTest, writing_the_same_log_again_gives_the_same_files) {
  ASSERT_TRUE(harness_.start());
  append_some(150);
  ASSERT_TRUE(harness_.all_written());
  ASSERT_TRUE(harness_.index->stop());
  const auto before = contents();
  std::filesystem::remove_all(folder_.path() + "/index");
  std::filesystem::remove(folder_.path() + "/gantry/index");
  harness_.options.index_pending_max = 11;  // other batches
  ASSERT_TRUE(harness_.start());
  ASSERT_TRUE(harness_.caught_up());
  ASSERT_TRUE(harness_.index->stop());
  EXPECT_TRUE(contents() == before);
}

TEST_F(MessageIndexTest, a_directory_without_an_index_gets_one) {
  for (int i = 0; i < 300; ++i) harness_.log.append(i % 3 == 0 ? "a" : "b c");
  harness_.log.leave_blank(1'000);
  ASSERT_TRUE(harness_.start());
  append_some(20);
  ASSERT_TRUE(harness_.caught_up());
  harness_.expect_all(all_keys);
  EXPECT_EQ(harness_.log.scanned_from(), 0);
}

TEST_F(MessageIndexTest, what_memory_cannot_hold_is_read_from_the_log) {
  harness_.options.index_pending_max = 16;
  harness_.options.index_interval = std::chrono::hours(1);
  harness_.log.durable_at_once = false;
  ASSERT_TRUE(harness_.start());
  append_some(200);
  EXPECT_LE(harness_.index->progress().pending_keys, 16);
  EXPECT_LT(harness_.index->progress().indexed_end, harness_.log.end());
  for (int round = 0; round < 5; ++round) {
    harness_.log.sync();
    harness_.index->durable_moved();
    append_some(200);
  }
  harness_.log.sync();
  harness_.index->durable_moved();
  // Memory begins anew with the next record, once everything before was read.
  ASSERT_TRUE(IndexHarness::eventually([&] { return harness_.index->progress().pending_keys == 0; }));
  append_some(1);
  harness_.log.sync();
  harness_.index->durable_moved();
  ASSERT_TRUE(harness_.caught_up());
  harness_.expect_all(all_keys);
  ASSERT_TRUE(harness_.index->stop());
  EXPECT_TRUE(mark().complete);
  ASSERT_TRUE(harness_.start());
  harness_.expect_all(all_keys);
}

TEST_F(MessageIndexTest, a_record_with_more_keys_than_memory_holds_is_found) {
  harness_.options.index_pending_max = 4;
  ASSERT_TRUE(harness_.start());
  harness_.append("a b c d e f");
  ASSERT_TRUE(IndexHarness::eventually([&] { return !harness_.found("f").empty(); }));
  append_some(1);
  ASSERT_TRUE(harness_.caught_up());
  harness_.expect_all(all_keys);
}

TEST_F(MessageIndexTest, a_full_disk_loses_no_key) {
  ASSERT_TRUE(harness_.start());
  append_some(20);
  ASSERT_TRUE(harness_.all_written());
  disk_.trouble = Errc::full;
  append_some(20);
  ASSERT_TRUE(IndexHarness::eventually([&] { return harness_.logged("index.full"); }));
  harness_.expect_all(all_keys);
  disk_.trouble = Errc::ok;
  ASSERT_TRUE(harness_.all_written());
  EXPECT_TRUE(IndexHarness::eventually([&] { return harness_.logged("index.space_returned"); }));
  harness_.expect_all(all_keys);
  EXPECT_FALSE(harness_.index->progress().failed);
}

TEST_F(MessageIndexTest, another_error_ends_the_writing_until_the_next_start) {
  ASSERT_TRUE(harness_.start());
  append_some(20);
  ASSERT_TRUE(harness_.all_written());
  disk_.trouble = Errc::io;
  append_some(20);
  ASSERT_TRUE(IndexHarness::eventually([&] { return harness_.index->progress().failed; }));
  EXPECT_TRUE(harness_.logged("index.failed"));
  harness_.expect_all(all_keys);
  EXPECT_FALSE(harness_.index->stop());
  disk_.trouble = Errc::ok;
  ASSERT_TRUE(harness_.start());
  ASSERT_TRUE(harness_.caught_up());
  harness_.expect_all(all_keys);
}

TEST_F(MessageIndexTest, files_of_expired_records_go_and_the_newest_stays) {
  ASSERT_TRUE(harness_.start());
  append_some(200);
  ASSERT_TRUE(harness_.all_written());
  const auto before = files().size();
  const auto begin = harness_.log.records().at(100).offset;
  harness_.log.expire_before(begin);
  ASSERT_TRUE(harness_.index->remove_expired(begin));
  EXPECT_LT(files().size(), before);
  harness_.expect_all(all_keys);
  ASSERT_TRUE(harness_.index->remove_expired(INT64_MAX));
  EXPECT_EQ(files().size(), 1u);
  ASSERT_TRUE(harness_.index->stop());
  ASSERT_TRUE(harness_.start());
  append_some(10);
}

TEST_F(MessageIndexTest, progress_tells_the_newest_key_and_the_newest_full_file) {
  harness_.options.index_interval = std::chrono::hours(1);
  ASSERT_TRUE(harness_.start());
  EXPECT_EQ(harness_.index->progress().last_ms, 0);
  harness_.append("a");
  const auto record = harness_.log.records().back();
  harness_.append("");
  EXPECT_EQ(harness_.index->progress().last_log_offset, record.offset);
  EXPECT_EQ(harness_.index->progress().last_ms, record.store_ms);
  EXPECT_EQ(harness_.index->progress().full_files_ms, 0);
  append_some(100);
  ASSERT_TRUE(harness_.index->stop());
  const auto listed = IndexFile::open(disk_, folder_.path() + "/index", files().at(files().size() - 2), {7, 32});
  ASSERT_TRUE(listed);
  EXPECT_EQ(harness_.index->progress().full_files_ms, listed->header.end_ms);
}

TEST_F(MessageIndexTest, foreign_names_in_the_folder_are_left_alone) {
  std::filesystem::create_directories(folder_.path() + "/index/20240101000000000d");
  { std::ofstream(folder_.path() + "/index/readme.txt") << "x"; }
  ASSERT_TRUE(harness_.start());
  append_some(10);
  ASSERT_TRUE(harness_.index->stop());
  EXPECT_TRUE(std::filesystem::exists(folder_.path() + "/index/readme.txt"));
}

// ---- RocketMQ on the same directory ----

class RocketmqTest : public MessageIndexTest {
 protected:
  /// As RocketMQ's dispatcher: keys of records at or behind the end of the last file, file after file.
  void rocketmq_indexes(std::size_t first_record) {
    const auto folder = folder_.path() + "/index";
    std::filesystem::create_directories(folder);
    std::unique_ptr<RocketmqIndexFile> file;
    std::int64_t serial = 0;
    if (!files().empty()) {
      serial = std::stoll(files().back());
      file = std::make_unique<RocketmqIndexFile>(folder + "/" + files().back(), 7, 32);
      ASSERT_TRUE(file->load());
    }
    std::vector<std::int32_t> hashes;
    const auto records = harness_.log.records();
    for (auto i = first_record; i < records.size(); ++i) {
      if (file != nullptr && records[i].offset < file->end_offset()) continue;
      record_keys("T", records[i].properties, {}, 0, hashes);
      for (const auto hash : hashes) {
        if (file != nullptr && file->put(hash, records[i].offset, records[i].store_ms)) continue;
        auto next = std::make_unique<RocketmqIndexFile>(
            folder + "/" + std::to_string(std::max<std::int64_t>(serial + 1, 20240101000000000)), 7, 32);
        serial = std::max<std::int64_t>(serial + 1, 20240101000000000);
        if (file != nullptr) {
          file->save();
          next->continue_from(file->end_ms(), file->end_offset());
        }
        file = std::move(next);
        ASSERT_TRUE(file->put(hash, records[i].offset, records[i].store_ms));
      }
    }
    if (file != nullptr) file->save();
  }
};

TEST_F(RocketmqTest, its_files_are_continued) {
  append_some(150);
  rocketmq_indexes(0);
  ASSERT_TRUE(harness_.start());
  ASSERT_TRUE(harness_.caught_up());
  append_some(60);
  harness_.expect_all(all_keys);
  ASSERT_TRUE(harness_.all_written());
  harness_.expect_all(all_keys);
  EXPECT_GE(harness_.log.scanned_from(), harness_.log.records().at(148).offset) << "only the end is read again";
}

TEST_F(RocketmqTest, takes_turns_on_the_directory) {
  for (int round = 0; round < 6; ++round) {
    ASSERT_TRUE(harness_.start());
    append_some(37);
    ASSERT_TRUE(harness_.caught_up());
    harness_.expect_all(all_keys);
    ASSERT_TRUE(harness_.index->stop());
    harness_.index.reset();
    const auto from = harness_.log.records().size();
    append_some(41);
    rocketmq_indexes(from);
  }
  ASSERT_TRUE(harness_.start());
  ASSERT_TRUE(harness_.caught_up());
  harness_.expect_all(all_keys);
  EXPECT_GT(harness_.log.scanned_from(), 0);
}

TEST_F(RocketmqTest, its_work_behind_an_incomplete_index_is_done_again) {
  append_some(300);
  harness_.log.scan_error = Error{Errc::io, "failed on purpose"};
  ASSERT_TRUE(harness_.start());
  append_some(10);
  ASSERT_TRUE(IndexHarness::eventually([&] { return harness_.index->progress().failed; }));
  EXPECT_FALSE(harness_.index->stop());
  harness_.index.reset();
  harness_.log.scan_error.reset();
  const auto from = harness_.log.records().size();
  append_some(50);
  rocketmq_indexes(from);  // knows nothing of the 310 records before
  ASSERT_TRUE(harness_.start());
  ASSERT_TRUE(harness_.caught_up());
  harness_.expect_all(all_keys);
}

TEST_F(RocketmqTest, after_its_crash_only_files_that_it_had_synced_are_believed) {
  append_some(150);
  rocketmq_indexes(0);
  const auto full = IndexFile::open(disk_, folder_.path() + "/index", files().at(2), {7, 32});
  ASSERT_TRUE(full);
  // What was not synced is garbage.
  std::filesystem::resize_file(file(files().size() - 1), 100);
  ASSERT_TRUE(harness_.start(false, full->header.end_ms));
  ASSERT_TRUE(harness_.caught_up());
  harness_.expect_all(all_keys);
  EXPECT_EQ(harness_.log.scanned_from(), full->header.end_offset);
}

TEST_F(RocketmqTest, its_crash_after_our_orderly_stop_is_not_taken_for_ours) {
  ASSERT_TRUE(harness_.start());
  append_some(100);
  ASSERT_TRUE(harness_.caught_up());
  const auto full_ms = [&] { return harness_.index->progress().full_files_ms; };
  ASSERT_TRUE(harness_.index->stop());
  const auto checkpoint_ms = full_ms();
  harness_.index.reset();
  // RocketMQ's pages reach the disk in any order: slots that lead to entries that do not exist.
  for (int slot = 0; slot < 7; ++slot)
    poke(file(files().size() - 1), 40 + static_cast<std::uint64_t>(slot) * 4 + 3, 31);
  append_some(30);
  ASSERT_TRUE(harness_.start(false, checkpoint_ms));
  ASSERT_TRUE(harness_.caught_up());
  harness_.expect_all(all_keys);
}

// ---- damage ----

TEST_F(MessageIndexTest, a_damaged_header_is_put_right_from_the_mark) {
  ASSERT_TRUE(harness_.start());
  append_some(100);
  ASSERT_TRUE(harness_.index->stop());
  const auto good = contents();
  poke(file(files().size() - 1), 36, '\xFF');
  ASSERT_TRUE(harness_.start());
  harness_.expect_all(all_keys);
  ASSERT_TRUE(harness_.index->stop());
  EXPECT_TRUE(contents() == good);
}

TEST_F(MessageIndexTest, a_damaged_file_is_put_aside_and_made_again) {
  for (const std::size_t which : {0, 2}) {
    for (const std::uint64_t at : {36, 0, 16, 24, 32}) {
      std::filesystem::remove_all(folder_.path() + "/gantry/damaged");
      ASSERT_TRUE(harness_.start());
      append_some(100);
      ASSERT_TRUE(harness_.index->stop());
      const auto name = files().at(which);
      poke(file(which), at, '\xFF');
      ASSERT_TRUE(harness_.start());
      ASSERT_TRUE(harness_.caught_up());
      harness_.expect_all(all_keys);
      EXPECT_TRUE(harness_.logged("index.file_put_aside"));
      EXPECT_TRUE(std::filesystem::exists(folder_.path() + "/gantry/damaged/index-" + name));
      ASSERT_TRUE(harness_.index->stop());
    }
  }
}

TEST_F(MessageIndexTest, a_lost_mark_costs_nothing_after_an_orderly_stop) {
  ASSERT_TRUE(harness_.start());
  append_some(100);
  ASSERT_TRUE(harness_.index->stop());
  std::filesystem::remove(folder_.path() + "/gantry/index");
  ASSERT_TRUE(harness_.start());
  append_some(40);
  ASSERT_TRUE(harness_.all_written());
  harness_.expect_all(all_keys);
}

TEST_F(MessageIndexTest, a_log_that_was_cut_takes_its_keys_with_it) {
  for (const int cut : {3, 40, 95}) {
    ASSERT_TRUE(harness_.start());
    append_some(100);
    ASSERT_TRUE(harness_.index->stop());
    const auto records = harness_.log.records();
    harness_.log.cut_from(records.at(records.size() - static_cast<std::size_t>(cut)).offset);
    ASSERT_TRUE(harness_.start(cut != 40, INT64_MAX));
    ASSERT_TRUE(harness_.caught_up());
    harness_.expect_all(all_keys);
    append_some(30);
    harness_.expect_all(all_keys);
    ASSERT_TRUE(harness_.index->stop());
  }
}

TEST_F(MessageIndexTest, headers_that_end_where_no_record_begins_cost_the_whole_index) {
  append_some(60);
  std::filesystem::create_directories(folder_.path() + "/index");
  RocketmqIndexFile liar(folder_.path() + "/index/20240101000000000", 7, 32);
  ASSERT_TRUE(liar.put(1, 3, 1'700'000'000'000));
  liar.save();
  ASSERT_TRUE(harness_.start());
  ASSERT_TRUE(harness_.caught_up());
  harness_.expect_all(all_keys);
  EXPECT_TRUE(harness_.logged("index.file_removed"));
}

TEST_F(MessageIndexTest, random_damage_of_any_file_is_survived) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ASSERT_TRUE(harness_.start());
  append_some(150);
  ASSERT_TRUE(harness_.index->stop());
  const auto good = contents();
  const auto good_mark = std::filesystem::path(folder_.path() + "/gantry/index");
  std::filesystem::copy_file(good_mark, folder_.path() + "/mark");
  for (int round = 0; round < 150; ++round) {
    std::filesystem::remove_all(folder_.path() + "/index");
    std::filesystem::create_directories(folder_.path() + "/index");
    for (const auto& [name, content] : good) {
      auto bad = content;
      for (auto flips = random() % 5; flips > 0; --flips) bad[random() % bad.size()] = static_cast<char>(random());
      if (random() % 10 == 0) bad.resize(random() % bad.size());
      std::ofstream(folder_.path() + "/index/" + name, std::ios::binary) << bad;
    }
    std::filesystem::copy_file(folder_.path() + "/mark", good_mark, std::filesystem::copy_options::overwrite_existing);
    if (random() % 3 == 0) poke(good_mark, random() % 1024, static_cast<char>(random()));
    ASSERT_TRUE(harness_.start(random() % 2 == 0, random() % 2 == 0 ? INT64_MAX : 0));
    ASSERT_TRUE(harness_.caught_up());
    const auto end = harness_.log.end();
    for (const auto& key : all_keys) {
      for (const auto offset : harness_.found(key)) EXPECT_LT(offset, end);
    }
    append_some(6);
    const auto newest = harness_.log.with("d").front();
    ASSERT_FALSE(harness_.found("d").empty());
    EXPECT_EQ(harness_.found("d").front(), newest) << "what is new is found";
    ASSERT_TRUE(harness_.index->stop());
    harness_.log.cut_from(end);
  }
}

}  // namespace
}  // namespace gantry::storage_mmap
