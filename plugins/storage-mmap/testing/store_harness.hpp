#pragma once
// For tests: a store on small files in a folder of its own, which can be stopped, crashed and looked into.

#include "plugins/storage-mmap/mmap_store.hpp"

#include "sdk/check/store_contract.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace gantry::storage_mmap {

/// An empty folder that goes when the object goes.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "gantry-store-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Does not wait for the hardware: for tests that open a store hundreds of times and cut no power.
class QuickDisk final : public Disk {
 public:
  Status sync(const File&) override { return {}; }
  Status sync_mapped(const File&, std::byte*, std::uint64_t, std::uint64_t) override { return {}; }
  Status sync_directory(const std::string&) override { return {}; }
  Status sync_file_system(const File&) override { return {}; }
};

class MmapHarness final : public check::StoreHarness {
 public:
  static constexpr std::uint64_t small_segment = 128u << 10;

  explicit MmapHarness(FlushMode flush = FlushMode::async) {
    options.path = folder_.path() + "/store";
    options.segment_size = small_segment;
    options.queue_file_entries = 64;
    options.flush = flush;
    options.checkpoint_interval = std::chrono::milliseconds(20);
    options.reserve_ahead = 4 * small_segment;
    options.open_files_max = 4;
    options.queue_write_entries_min = 4;
    options.queue_write_age_max = std::chrono::milliseconds(50);
    options.retention_interval = std::chrono::milliseconds(20);
    options.disk_clean_percent = 100;
    options.index_slots = 500;
    options.index_entries = 2000;
    options.index_interval = std::chrono::milliseconds(20);
    surroundings.log = [this](std::uint32_t level, std::string_view event, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(std::to_string(level) + " " + std::string(event) + " " + std::string(text));
    };
  }

  Result<sdk::Store*> open(const gantry_store_listener& listener) override {
    store_ = std::make_unique<MmapStore>(options, surroundings, disk);
    store_->listen(listener);
    if (auto started = store_->start(); !started) {
      store_.reset();
      return std::move(started).error();
    }
    return store_.get();
  }
  Status close() override {
    if (store_ == nullptr) return {};
    store_->quiesce();
    auto stopped = store_->stop();
    store_.reset();
    return stopped;
  }
  /// Ends the store as a killed process would: what is in memory only is gone, what is in the mapping stays.
  void crash() { store_.reset(); }
  Status wipe() override {
    std::filesystem::remove_all(options.path);
    return {};
  }
  [[nodiscard]] bool persistent() const override { return true; }
  [[nodiscard]] std::uint64_t impossible_record_size() const override { return options.segment_size; }

  [[nodiscard]] MmapStore& store() { return *store_; }
  [[nodiscard]] std::string path(const std::string& below) const { return options.path + "/" + below; }
  /// The log lines whose text contains `part`.
  [[nodiscard]] std::vector<std::string> lines_with(const std::string& part) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const auto& line : lines_) {
      if (line.find(part) != std::string::npos) found.push_back(line);
    }
    return found;
  }
  [[nodiscard]] bool logged(const std::string& part) const { return !lines_with(part).empty(); }

  StoreOptions options;
  Surroundings surroundings;
  Disk* disk = nullptr;

 private:
  TemporaryFolder folder_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  std::unique_ptr<MmapStore> store_;
};

}  // namespace gantry::storage_mmap
