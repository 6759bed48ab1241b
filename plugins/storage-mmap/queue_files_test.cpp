#include "plugins/storage-mmap/queue_files.hpp"

#include "plugins/storage-mmap/testing/store_harness.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace gantry::storage_mmap {
namespace {

using protocol::QueueEntry;
constexpr std::int64_t file_entries = 16;

class QueueFilesTest : public testing::Test {
 protected:
  QueueFilesTest() {
    options_.path = folder_.path();
    options_.queue_file_entries = file_entries;
    options_.open_files_max = 2;
    reopen();
  }
  void reopen() { files_ = std::make_unique<QueueFiles>(disk_, options_); }
  static QueueEntry entry(std::int64_t offset) { return {offset * 100, 100, -offset}; }
  Status write(std::int64_t first, std::int64_t count) {
    std::vector<QueueEntry> entries;
    for (std::int64_t i = 0; i < count; ++i) entries.push_back(entry(first + i));
    return files_->write(queue_, first, entries);
  }
  std::string file(std::int64_t index) const {
    return folder_.path() + "/consumequeue/T/3/" + offset_name(index * file_entries * 20);
  }
  void put(std::int64_t index, std::int64_t slot, const QueueEntry& value) {
    std::array<std::byte, 20> bytes{};
    protocol::encode_queue_entry(value, bytes.data());
    const auto opened = disk_.open(file(index), OpenMode::update);
    ASSERT_TRUE(disk_.write(*opened, bytes, static_cast<std::uint64_t>(slot) * 20));
  }

  TemporaryFolder folder_;
  Disk disk_;
  StoreOptions options_;
  MessageQueue queue_{"T", 3, 1};
  std::unique_ptr<QueueFiles> files_;
};

TEST_F(QueueFilesTest, a_missing_folder_is_an_empty_queue) {
  const auto extent = files_->load(queue_, 0, INT64_MAX);
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->max, 0);
  EXPECT_EQ(extent->log_end, -1);
}

TEST_F(QueueFilesTest, entries_cross_files_of_exact_size) {
  ASSERT_TRUE(write(0, 40));
  for (std::int64_t index = 0; index < 3; ++index) {
    EXPECT_EQ(std::filesystem::file_size(file(index)), file_entries * 20u);
  }
  std::vector<QueueEntry> found(64);
  for (std::int64_t offset = 0; offset < 40;) {
    const auto count = files_->read(queue_, offset, found, true);
    ASSERT_TRUE(count);
    ASSERT_GT(*count, 0u);
    for (std::size_t i = 0; i < *count && offset + static_cast<std::int64_t>(i) < 40; ++i) {
      EXPECT_EQ(found[i], entry(offset + static_cast<std::int64_t>(i)));
    }
    offset += static_cast<std::int64_t>(*count);
  }
}

TEST_F(QueueFilesTest, finds_the_end_of_what_was_written) {
  for (const std::int64_t count : {1, 15, 16, 17, 33}) {
    std::filesystem::remove_all(folder_.path() + "/consumequeue");
    reopen();
    ASSERT_TRUE(write(0, count));
    const auto extent = files_->load(queue_, 0, INT64_MAX);
    ASSERT_TRUE(extent);
    EXPECT_EQ(extent->min, 0);
    EXPECT_EQ(extent->max, count);
    EXPECT_EQ(extent->log_end, count * 100);
  }
}

TEST_F(QueueFilesTest, a_queue_that_begins_in_the_middle_is_filled_with_pre_blank_entries) {
  ASSERT_TRUE(write(21, 3));
  std::vector<QueueEntry> found(16);
  ASSERT_TRUE(files_->read(queue_, 16, found, true));
  EXPECT_TRUE(found[0].is_pre_blank());
  EXPECT_TRUE(found[4].is_pre_blank());
  EXPECT_EQ(found[5], entry(21));
  const auto extent = files_->load(queue_, 0, INT64_MAX);
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->min, 21);
  EXPECT_EQ(extent->max, 24);
}

TEST_F(QueueFilesTest, the_minimum_is_the_first_entry_that_the_log_still_holds) {
  ASSERT_TRUE(write(0, 40));
  for (const std::int64_t begin : {0, 1, 15, 16, 17, 39}) {
    const auto extent = files_->load(queue_, begin * 100, INT64_MAX);
    ASSERT_TRUE(extent);
    EXPECT_EQ(extent->min, begin) << begin;
  }
  const auto expired = files_->load(queue_, 4000, INT64_MAX);
  ASSERT_TRUE(expired);
  EXPECT_EQ(expired->min, 40);
  EXPECT_EQ(expired->max, 40);
}

TEST_F(QueueFilesTest, entries_behind_the_limit_are_dropped_and_cleared) {
  ASSERT_TRUE(write(0, 40));
  const auto extent = files_->load(queue_, 0, 1900);
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->max, 19);
  EXPECT_FALSE(std::filesystem::exists(file(2)));
  reopen();
  const auto again = files_->load(queue_, 0, INT64_MAX);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->max, 19);
}

TEST_F(QueueFilesTest, a_file_with_nothing_but_pre_blank_entries_is_removed) {
  ASSERT_TRUE(write(21, 3));
  const auto extent = files_->load(queue_, 0, 100);
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->max, 0);
  EXPECT_FALSE(std::filesystem::exists(file(1)));
}

TEST_F(QueueFilesTest, a_pre_blank_tail_behind_entries_is_cut) {
  ASSERT_TRUE(write(0, 5));
  put(0, 5, {0, protocol::queue_entry_blank_size, 0});
  put(0, 6, {0, protocol::queue_entry_blank_size, 0});
  const auto extent = files_->load(queue_, 0, INT64_MAX);
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->max, 5);
}

TEST_F(QueueFilesTest, a_file_of_another_size_is_refused_with_its_name) {
  ASSERT_TRUE(write(0, 5));
  std::filesystem::resize_file(file(0), 100);
  const auto extent = files_->load(queue_, 0, INT64_MAX);
  ASSERT_FALSE(extent);
  EXPECT_NE(extent.error().text.find(file(0)), std::string::npos);
  EXPECT_NE(extent.error().text.find("100 bytes"), std::string::npos);
}

TEST_F(QueueFilesTest, files_that_never_got_their_size_are_removed) {
  ASSERT_TRUE(write(0, 5));
  std::ofstream(file(1)).flush();
  const auto extent = files_->load(queue_, 0, INT64_MAX);
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->max, 5);
  EXPECT_FALSE(std::filesystem::exists(file(1)));
}

TEST_F(QueueFilesTest, a_folder_of_rocksdb_is_refused) {
  std::filesystem::create_directories(folder_.path() + "/consumequeue");
  std::ofstream(folder_.path() + "/consumequeue/CURRENT") << "MANIFEST-000001";
  const auto names = files_->list();
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, Errc::unsupported);
}

TEST_F(QueueFilesTest, lists_queues_and_skips_what_is_none) {
  ASSERT_TRUE(write(0, 1));
  std::filesystem::create_directories(folder_.path() + "/consumequeue/T/notanumber");
  std::filesystem::create_directories(folder_.path() + "/consumequeue/Empty");
  const auto names = files_->list();
  ASSERT_TRUE(names);
  ASSERT_EQ(names->size(), 1u);
  EXPECT_EQ((*names)[0].topic, "T");
  EXPECT_EQ((*names)[0].id, 3);
}

TEST_F(QueueFilesTest, a_file_that_is_not_open_is_not_read_without_permission_to_block) {
  ASSERT_TRUE(write(0, 5));
  reopen();
  std::vector<QueueEntry> found(5);
  const auto refused = files_->read(queue_, 0, found, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::would_block);
  ASSERT_TRUE(files_->read(queue_, 0, found, true));
  EXPECT_TRUE(files_->read(queue_, 0, found, false));
}

TEST_F(QueueFilesTest, more_queues_than_open_files_work) {
  std::vector<std::unique_ptr<MessageQueue>> queues;
  for (int id = 0; id < 10; ++id) {
    queues.push_back(std::make_unique<MessageQueue>("Many", id, static_cast<std::uint64_t>(100 + id)));
  }
  for (std::int64_t round = 0; round < 3; ++round) {
    for (const auto& queue : queues) {
      const auto value = entry(round);
      ASSERT_TRUE(files_->write(*queue, round, std::span(&value, 1)));
    }
  }
  ASSERT_TRUE(files_->list());
  ASSERT_TRUE(files_->sync());
  for (const auto& queue : queues) EXPECT_EQ(files_->load(*queue, 0, INT64_MAX)->max, 3);
}

}  // namespace
}  // namespace gantry::storage_mmap
