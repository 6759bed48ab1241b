#pragma once
// The host's small named files in config/: topics.json and the like, each with its version before in <name>.bak, as
// RocketMQ keeps them.

#include "plugins/storage-mmap/disk.hpp"
#include "plugins/storage-mmap/store_options.hpp"

#include "gantry/sdk/store.hpp"

#include <string>
#include <string_view>

namespace gantry::storage_mmap {

/// [control]
class Blobs {
 public:
  Blobs(Disk& disk, std::string root, const Surroundings& surroundings)
      : disk_(disk), root_(std::move(root)), folder_(root_ + "/config"), surroundings_(surroundings) {}

  /// Durable when it returns. At every moment a crash leaves the old version, or the new one and the old one as backup.
  Status save(std::string_view name, std::string_view content);
  Result<std::string> load(std::string_view name, sdk::BlobVersion version);

 private:
  Disk& disk_;
  const std::string root_;
  const std::string folder_;
  const Surroundings& surroundings_;
};

/// Names of topics become names of folders: refuses what would leave the store.
Status check_topic_name(std::string_view topic);

}  // namespace gantry::storage_mmap
