#pragma once
// For tests: a store with a folder of its own, and what many tests do with it.

#include "plugins/storage-mmap/testing/store_harness.hpp"

#include "sdk/check/store_probe.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace gantry::storage_mmap {

template <typename Condition>
bool eventually(const Condition& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// Counts opens of files below consumequeue/ by the thread that made it; is of any size; fails to remove log files.
class WatchedDisk final : public Disk {
 public:
  Result<File> open(const std::string& path, OpenMode mode) override {
    const bool is_mine = std::this_thread::get_id() == maker_;
    if (is_mine && path.find("/consumequeue/") != std::string::npos) ++queue_opens;
    return Disk::open(path, mode);
  }
  Status sync(const File&) override { return {}; }
  Status sync_mapped(const File&, std::byte*, std::uint64_t, std::uint64_t) override { return {}; }
  Status sync_directory(const std::string&) override { return {}; }
  Status sync_file_system(const File&) override { return {}; }
  Result<DiskSpace> space(const std::string& path) override {
    if (total_bytes == 0) return Disk::space(path);
    return DiskSpace{total_bytes, free_bytes};
  }
  Status remove(const std::string& path) override {
    if (removals_that_fail > 0 && path.find("/commitlog/") != std::string::npos) {
      --removals_that_fail;
      return Error{Errc::io, "removing " + path + ": as the test wants it"};
    }
    return Disk::remove(path);
  }

  std::atomic<int> queue_opens{0};
  std::atomic<std::uint64_t> total_bytes{0};
  std::atomic<std::uint64_t> free_bytes{0};
  std::atomic<int> removals_that_fail{0};

 private:
  const std::thread::id maker_ = std::this_thread::get_id();
};

class StoreFixture : public testing::Test {
 protected:
  StoreFixture() { harness_.disk = &disk_; }

  std::unique_ptr<check::StoreProbe> open() {
    auto probe = check::StoreProbe::open(harness_);
    EXPECT_TRUE(probe) << probe.error().text;
    return probe ? std::move(*probe) : nullptr;
  }
  /// What every message says: it names its place, and is as long as `size`.
  static std::string body_of(const std::string& topic, std::int32_t id, std::int64_t offset, std::size_t size) {
    auto body = topic + "/" + std::to_string(id) + "/" + std::to_string(offset) + " ";
    body.resize(std::max(size, body.size()), 'x');
    return body;
  }
  gantry_append_result append(check::StoreProbe& probe, const std::string& topic, std::int32_t id = 0,
                              std::size_t size = 0, const std::string& properties = {}) {
    auto* queue = *probe.queue(topic, id);
    const auto offset = probe.store().bounds(queue).max;
    const auto result = probe.append_one(queue, body_of(topic, id, offset, size), properties);
    EXPECT_TRUE(result) << result.error().text;
    return result ? *result : gantry_append_result{};
  }
  void fill(check::StoreProbe& probe, int count, const std::string& topic = "T", std::int32_t id = 0,
            std::size_t size = 0) {
    for (int i = 0; i < count; ++i) append(probe, topic, id, size);
  }
  /// A queue whose files turn out to be damaged answers busy until it is repaired.
  static Result<check::SeenRead> read(check::StoreProbe& probe, gantry_queue* queue, std::int64_t offset,
                                      const check::ReadLimits& limits = {}) {
    auto seen = probe.read(queue, offset, limits);
    (void)eventually([&] {
      if (seen || seen.error().code != Errc::busy) return true;
      seen = probe.read(queue, offset, limits);
      return false;
    });
    return seen;
  }
  /// Everything in [min, max) is there, in order, and says what it was made with.
  void expect_whole(check::StoreProbe& probe, const std::string& topic, std::int32_t id, std::int64_t min,
                    std::int64_t max) {
    auto* queue = *probe.queue(topic, id);
    const auto bounds = probe.store().bounds(queue);
    ASSERT_EQ(bounds.min, min) << topic << "/" << id;
    ASSERT_EQ(bounds.max, max) << topic << "/" << id;
    for (auto next = min; next < max;) {
      const auto seen = read(probe, queue, next);
      ASSERT_TRUE(seen) << topic << "/" << id << " at " << next << ": " << seen.error().text;
      ASSERT_EQ(seen->outcome, GANTRY_READ_FOUND) << topic << "/" << id << " at " << next;
      for (const auto& record : seen->records) {
        const auto wanted = body_of(topic, id, next, 0);
        ASSERT_EQ(record.body.substr(0, wanted.size()), wanted);
        ASSERT_EQ(record.queue_offset, next++);
      }
    }
  }
  void write_over(const std::string& below, std::int64_t position, const std::string& bytes) {
    std::fstream file(harness_.path(below), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(file.seekp(position).write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) << below;
  }
  [[nodiscard]] std::vector<std::string> names_in(const std::string& below) const {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(harness_.path(below), ignored)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  WatchedDisk disk_;
  MmapHarness harness_;
};

}  // namespace gantry::storage_mmap
