// Which log files have to go, from numbers alone.
#include "plugins/storage-mmap/retention.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gantry::storage_mmap {
namespace {

constexpr std::int64_t size = 4096;

class RetentionTest : public testing::Test {
 protected:
  RetentionTest() {
    options_.segment_size = size;
    options_.retention_time = std::chrono::milliseconds(0);
    options_.retention_bytes = 0;
    options_.disk_clean_percent = 100;
    for (int i = 0; i < 4; ++i) files_.push_back({i * size, 1000 * (i + 1)});
  }
  /// Four files behind which the log goes on for half of one.
  RetentionVerdict judge(std::int64_t now_ms = 0, std::uint64_t total = 0, std::uint64_t free = 0) {
    return judge_retention({files_, 4 * size + size / 2, now_ms, total, free}, options_);
  }

  StoreOptions options_;
  std::vector<AgedFile> files_;
};

TEST_F(RetentionTest, nothing_goes_without_a_limit) {
  EXPECT_EQ(judge(INT64_MAX / 2, 100, 0).new_begin, -1);
  EXPECT_EQ(judge().reason, RetentionReason::nothing);
}

TEST_F(RetentionTest, a_file_goes_when_its_newest_record_is_older_than_the_limit_and_not_before) {
  options_.retention_time = std::chrono::milliseconds(500);
  EXPECT_EQ(judge(1500).new_begin, -1);
  EXPECT_EQ(judge(1501).new_begin, size);
  EXPECT_EQ(judge(1501).reason, RetentionReason::age);
  EXPECT_EQ(judge(3501).new_begin, 3 * size);
  EXPECT_EQ(judge(1'000'000).new_begin, 4 * size);
}

TEST_F(RetentionTest, an_old_file_behind_a_young_one_stays) {
  options_.retention_time = std::chrono::milliseconds(500);
  files_[0].newest_ms = 9000;
  EXPECT_EQ(judge(9001).new_begin, -1);
}

TEST_F(RetentionTest, a_clock_that_went_back_removes_nothing) {
  options_.retention_time = std::chrono::milliseconds(1);
  EXPECT_EQ(judge(-1'000'000).new_begin, -1);
}

TEST_F(RetentionTest, files_go_until_the_log_is_no_larger_than_the_limit) {
  options_.retention_bytes = 4 * size + size / 2;
  EXPECT_EQ(judge().new_begin, -1);
  options_.retention_bytes -= 1;
  EXPECT_EQ(judge().new_begin, size);
  EXPECT_EQ(judge().reason, RetentionReason::size);
  options_.retention_bytes = 2 * size;
  EXPECT_EQ(judge().new_begin, 3 * size);
}

TEST_F(RetentionTest, the_file_that_is_written_to_stays_whatever_the_limits_are) {
  options_.retention_bytes = 1;
  options_.retention_time = std::chrono::milliseconds(1);
  EXPECT_EQ(judge(1'000'000).new_begin, 4 * size);
  files_.clear();
  EXPECT_EQ(judge(1'000'000).new_begin, -1);
}

TEST_F(RetentionTest, a_filled_disk_takes_files_until_it_would_be_below_the_watermark) {
  options_.disk_clean_percent = 50;
  EXPECT_EQ(judge(0, 10 * size, 5 * size).new_begin, -1);
  EXPECT_EQ(judge(0, 10 * size, 5 * size - 1).new_begin, size);
  EXPECT_EQ(judge(0, 10 * size, 5 * size - 1).reason, RetentionReason::disk);
  EXPECT_EQ(judge(0, 10 * size, 3 * size).new_begin, 2 * size);
  EXPECT_EQ(judge(0, 10 * size, 0).new_begin, 4 * size);
}

TEST_F(RetentionTest, a_watermark_of_100_means_never) {
  options_.disk_clean_percent = 100;
  EXPECT_EQ(judge(0, 10 * size, 0).new_begin, -1);
}

TEST_F(RetentionTest, a_disk_of_unknown_size_is_not_filled) {
  options_.disk_clean_percent = 50;
  EXPECT_EQ(judge(0, 0, 0).new_begin, -1);
}

TEST_F(RetentionTest, what_age_removes_counts_as_free_space) {
  options_.disk_clean_percent = 50;
  options_.retention_time = std::chrono::milliseconds(500);
  const auto verdict = judge(2501, 10 * size, 3 * size);
  EXPECT_EQ(verdict.new_begin, 2 * size);
  EXPECT_EQ(verdict.reason, RetentionReason::age);
}

}  // namespace
}  // namespace gantry::storage_mmap
