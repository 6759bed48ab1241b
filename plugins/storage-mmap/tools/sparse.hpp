#pragma once
// Files with holes: where their data lies, and how it is copied.

#include "plugins/storage-mmap/disk.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace gantry::storage_mmap::tools {

struct Extent {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// The first part at or behind `from` and before `limit` that is not a hole. A file system that knows no holes answers
/// with everything. Nothing: only zeros from there on.
Result<std::optional<Extent>> next_data(const File& file, std::int64_t from, std::int64_t limit);

/// The position of the first byte in [from, limit) that is not zero; -1: all are.
Result<std::int64_t> first_nonzero(Disk& disk, const File& file, std::int64_t from, std::int64_t limit);

/// Copies the data of [0, limit) of `from` into `to`, leaving holes where there are some. Shares blocks where the file
/// system can. `progress` is told how many bytes went by, and may answer with an Error.
Status copy_data(Disk& disk, const File& from, const File& to, std::int64_t limit,
                 const std::function<Status(std::int64_t bytes)>& progress);

}  // namespace gantry::storage_mmap::tools
