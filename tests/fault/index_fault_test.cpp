// The index on a disk that fails at its Nth call, and that loses what was not synced: whatever was half done, the next
// start finds every key of the log, each place once.
#include "plugins/storage-mmap/message_index.hpp"
#include "plugins/storage-mmap/testing/index_harness.hpp"
#include "plugins/storage-mmap/testing/store_harness.hpp"

#include "tests/fault/fault_disk.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>

namespace gantry::storage_mmap {
namespace {

constexpr std::int64_t calls_max = 500;  // more than any of these scenarios makes

class IndexFaultTest : public testing::Test {
 protected:
  struct Run {
    explicit Run(const std::string& root)
        : path(root), own_disk(std::make_unique<FaultDisk>(root)), harness(root, *own_disk) {
      // Slots and entries of several pages, so that a power cut can tear them.
      harness.options.index_slots = 2'500;
      harness.options.index_entries = 400;
      harness.options.index_pending_max = 100'000;
      harness.options.index_interval = std::chrono::milliseconds(1);
    }
    void append(int count) {
      for (int i = 0; i < count; ++i, ++appended) {
        harness.append("all own" + std::to_string(appended) + " few" + std::to_string(appended % 7));
      }
    }
    [[nodiscard]] bool settled() const {
      return IndexHarness::eventually([&] {
        const auto progress = harness.index->progress();
        return progress.failed || (progress.indexed_end >= harness.log.end() && progress.pending_keys == 0);
      });
    }
    /// Looking does not count among the calls that fail.
    void expect_all() {
      disk().count_only("no operation", "");
      std::vector<std::string> keys = {"all", "few0", "few3", "few6"};
      for (int i = 0; i < appended; i += 13) keys.push_back("own" + std::to_string(i));
      harness.expect_all(keys);
      disk().count_only("", "");
    }

    [[nodiscard]] FaultDisk& disk() { return *own_disk; }
    /// What is left counts as durable from now on.
    void cut_power(FaultDisk::Cut how, std::mt19937_64& random) {
      harness.index.reset();
      disk().fail_call(0);
      disk().cut_power(how, random);
      own_disk = std::make_unique<FaultDisk>(path);
      harness.use(*own_disk);
    }

    const std::string path;
    std::unique_ptr<FaultDisk> own_disk;
    IndexHarness harness;
    int appended = 0;
  };

  TemporaryFolder folder_;
  std::string root(std::int64_t number) const { return folder_.path() + "/" + std::to_string(number); }
};

TEST_F(IndexFaultTest, a_disk_that_is_full_once_at_any_call_costs_nothing) {
  for (std::int64_t number = 1; number < calls_max; ++number) {
    SCOPED_TRACE("call " + std::to_string(number));
    Run run(root(number));
    ASSERT_TRUE(run.harness.start());
    run.disk().fail_call(number, Errc::full);
    for (int round = 0; round < 5; ++round) {
      run.append(60);
      ASSERT_TRUE(run.settled());
    }
    EXPECT_FALSE(run.harness.index->progress().failed);
    run.expect_all();
    if (!run.disk().has_failed()) {
      EXPECT_GT(number, 20);
      return;
    }
    run.disk().fail_call(0);
    ASSERT_TRUE(run.harness.index->stop());
    ASSERT_TRUE(run.harness.start());
    ASSERT_TRUE(run.harness.caught_up());
    run.expect_all();
    std::filesystem::remove_all(root(number));
  }
  FAIL() << "there is always another call that fails";
}

TEST_F(IndexFaultTest, an_error_at_any_call_is_mended_by_the_next_start) {
  for (std::int64_t number = 1; number < calls_max; ++number) {
    SCOPED_TRACE("call " + std::to_string(number));
    Run run(root(number));
    run.disk().fail_call(number);
    // The start itself may fail; it is tried again on what it left.
    if (run.harness.start()) {
      for (int round = 0; round < 5; ++round) {
        run.append(60);
        ASSERT_TRUE(run.settled());
      }
      run.expect_all();
      (void)run.harness.index->stop().has_value();
    }
    const bool has_failed = run.disk().has_failed();
    run.disk().fail_call(0);
    ASSERT_TRUE(run.harness.start());
    run.append(10);
    ASSERT_TRUE(run.harness.caught_up());
    run.expect_all();
    std::filesystem::remove_all(root(number));
    if (!has_failed) {
      EXPECT_GT(number, 20);
      return;
    }
  }
  FAIL() << "there is always another call that fails";
}

/// The power goes at the Nth call of a run, and at the Mth of the start after it.
class IndexPowerCutTest : public IndexFaultTest, public testing::WithParamInterface<FaultDisk::Cut> {};

TEST_P(IndexPowerCutTest, at_any_call_loses_no_key) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (std::int64_t number = 1; number < calls_max; ++number) {
    SCOPED_TRACE("call " + std::to_string(number));
    Run run(root(number));
    run.disk().fail_call(number);
    std::int64_t checkpoint_ms = 0;
    if (run.harness.start()) {
      for (int round = 0; round < 5; ++round) {
        run.append(60);
        ASSERT_TRUE(run.settled());
        checkpoint_ms = run.harness.index->progress().full_files_ms;
      }
      run.harness.index->abandon();
    }
    const bool has_failed = run.disk().has_failed();
    run.cut_power(GetParam(), random);

    run.disk().fail_call(1 + static_cast<std::int64_t>(random() % 20));
    if (run.harness.start(false, checkpoint_ms)) {
      (void)run.settled();
      run.append(5);
      ASSERT_TRUE(run.settled());
      run.harness.index->abandon();
    }
    run.cut_power(GetParam(), random);

    ASSERT_TRUE(run.harness.start(false, checkpoint_ms));
    ASSERT_TRUE(run.harness.caught_up());
    run.expect_all();
    run.append(20);
    ASSERT_TRUE(run.harness.index->stop());
    ASSERT_TRUE(run.harness.start());
    run.expect_all();
    EXPECT_FALSE(run.harness.logged("index.file_put_aside")) << "what a cut leaves is not damage";
    run.harness.index.reset();
    std::filesystem::remove_all(root(number));
    if (!has_failed) {
      EXPECT_GT(number, 20);
      return;
    }
  }
  FAIL() << "there is always another call that fails";
}

INSTANTIATE_TEST_SUITE_P(Cuts, IndexPowerCutTest,
                         testing::Values(FaultDisk::Cut::drop_all, FaultDisk::Cut::keep_all, FaultDisk::Cut::mix),
                         [](const auto& cut) -> std::string {
                           return cut.param == FaultDisk::Cut::drop_all   ? "drop_all"
                                  : cut.param == FaultDisk::Cut::keep_all ? "keep_all"
                                                                          : "mix";
                         });

}  // namespace
}  // namespace gantry::storage_mmap
