#pragma once
// gantry.store_tools/1 on RocketMQ's files.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/store_tools.hpp"

#include <utility>

namespace gantry::storage_mmap::tools {

/// Threads and states as in gantry/abi/store_tools.h. The store that the options describe is not started by this
/// process, except inside rebuild(). Looking at a store that this very process has started is for tests only: it
/// releases that store's process lock.
class MmapTools final : public sdk::StoreTools {
 public:
  /// `disk` outlives the object; null: the system's.
  MmapTools(StoreOptions options, Surroundings surroundings, Disk* disk = nullptr)
      : options_(std::move(options)),
        surroundings_(std::move(surroundings)),
        disk_(disk != nullptr ? *disk : own_disk_) {}

  Status check(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status stat(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status dump(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status locate(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status rebuild(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status copy(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;

 private:
  const StoreOptions options_;
  const Surroundings surroundings_;
  Disk own_disk_;
  Disk& disk_;
};

}  // namespace gantry::storage_mmap::tools
