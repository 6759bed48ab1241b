// Both stores of the tree keep the contract of gantry.store/1. Each check of the suite is a test of its own.
#include "sdk/check/store_contract.hpp"

#include "plugins/storage-memory/memory_store.hpp"
#include "plugins/storage-mmap/testing/store_harness.hpp"

#include <gtest/gtest.h>

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

class MmapStoreContract : public testing::TestWithParam<StoreCheck> {};

TEST_P(MmapStoreContract, holds_with_async_flush) {
  storage_mmap::MmapHarness harness(storage_mmap::FlushMode::async);
  const auto outcome = run_store_check(GetParam(), harness);
  EXPECT_TRUE(outcome) << outcome.error().text << "\n" << GetParam().concern;
}

TEST_P(MmapStoreContract, holds_with_sync_flush) {
  storage_mmap::MmapHarness harness(storage_mmap::FlushMode::sync);
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
