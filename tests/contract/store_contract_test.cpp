// Both stores of the tree keep the contract of gantry.store/1. Each check of the suite is a test of its own.
#include "sdk/check/store_contract.hpp"

#include "plugins/storage-memory/memory_store.hpp"
#include "plugins/storage-mmap/mmap_store.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gantry::check {
namespace {

class MemoryHarness final : public StoreHarness {
 public:
  Result<sdk::Store*> open(const gantry_store_listener& listener) override {
    store_ = std::make_unique<storage_memory::MemoryStore>(storage_memory::MemoryOptions{.bytes_max = 32u << 20});
    store_->listen(listener);
    GANTRY_TRY(store_->start());
    return store_.get();
  }
  Status close() override {
    store_.reset();
    return {};
  }
  Status wipe() override { return {}; }
  [[nodiscard]] bool persistent() const override { return false; }
  [[nodiscard]] std::uint64_t impossible_record_size() const override { return 17u << 20; }

 private:
  std::unique_ptr<storage_memory::MemoryStore> store_;
};

/// Small files, so that every check crosses many of them.
class MmapHarness final : public StoreHarness {
 public:
  explicit MmapHarness(storage_mmap::FlushMode flush) : flush_(flush) {
    std::string pattern = (std::filesystem::temp_directory_path() / "gantry-contract-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~MmapHarness() override {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Result<sdk::Store*> open(const gantry_store_listener& listener) override {
    storage_mmap::StoreOptions options;
    options.path = folder_ + "/store";
    options.segment_size = segment_size;
    options.queue_file_entries = 64;
    options.flush = flush_;
    options.queue_flush_interval = std::chrono::milliseconds(5);
    options.checkpoint_interval = std::chrono::milliseconds(20);
    options.reserve_ahead = 4 * segment_size;
    options.open_files_max = 4;
    store_ = std::make_unique<storage_mmap::MmapStore>(options, storage_mmap::Surroundings{});
    store_->listen(listener);
    GANTRY_TRY(store_->start());
    return store_.get();
  }
  Status close() override {
    if (store_ == nullptr) return {};
    auto stopped = store_->stop();
    store_.reset();
    return stopped;
  }
  Status wipe() override {
    std::filesystem::remove_all(folder_ + "/store");
    return {};
  }
  [[nodiscard]] bool persistent() const override { return true; }
  [[nodiscard]] std::uint64_t impossible_record_size() const override { return segment_size; }

 private:
  static constexpr std::uint64_t segment_size = 128u << 10;
  const storage_mmap::FlushMode flush_;
  std::string folder_;
  std::unique_ptr<storage_mmap::MmapStore> store_;
};

class MmapStoreContract : public testing::TestWithParam<StoreCheck> {};

TEST_P(MmapStoreContract, holds_with_async_flush) {
  MmapHarness harness(storage_mmap::FlushMode::async);
  const auto outcome = run_store_check(GetParam(), harness);
  EXPECT_TRUE(outcome) << outcome.error().text << "\n" << GetParam().concern;
}

TEST_P(MmapStoreContract, holds_with_sync_flush) {
  MmapHarness harness(storage_mmap::FlushMode::sync);
  const auto outcome = run_store_check(GetParam(), harness);
  EXPECT_TRUE(outcome) << outcome.error().text << "\n" << GetParam().concern;
}

class MemoryStoreContract : public testing::TestWithParam<StoreCheck> {};

TEST_P(MemoryStoreContract, holds) {
  MemoryHarness harness;
  const auto outcome = run_store_check(GetParam(), harness);
  EXPECT_TRUE(outcome) << outcome.error().text << "\n" << GetParam().concern;
}

std::string name_of(const testing::TestParamInfo<StoreCheck>& info) { return std::string(info.param.name); }

INSTANTIATE_TEST_SUITE_P(storage, MemoryStoreContract, testing::ValuesIn(store_checks().begin(), store_checks().end()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(storage, MmapStoreContract, testing::ValuesIn(store_checks().begin(), store_checks().end()),
                         name_of);

}  // namespace
}  // namespace gantry::check
