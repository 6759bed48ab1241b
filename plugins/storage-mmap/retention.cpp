#include "plugins/storage-mmap/retention.hpp"

#include <algorithm>

namespace gantry::storage_mmap {

RetentionVerdict judge_retention(const RetentionInput& input, const StoreOptions& options) {
  RetentionVerdict verdict;
  const auto size = static_cast<std::int64_t>(options.segment_size);
  auto used = input.disk_total_bytes - input.disk_free_bytes;
  for (const auto& file : input.files) {
    const auto age_ms = input.now_ms - file.newest_ms;
    const bool too_old = options.retention_time.count() > 0 && age_ms > options.retention_time.count();
    const bool too_much =
        options.retention_bytes > 0 && static_cast<std::uint64_t>(input.log_end - file.base) > options.retention_bytes;
    const bool disk_is_filled =
        options.disk_clean_percent < 100 && input.disk_total_bytes > 0 &&
        static_cast<double>(used) * 100 > static_cast<double>(input.disk_total_bytes) * options.disk_clean_percent;
    if (!too_old && !too_much && !disk_is_filled) break;
    verdict.new_begin = file.base + size;
    verdict.reason = too_old ? RetentionReason::age : too_much ? RetentionReason::size : RetentionReason::disk;
    used -= std::min<std::uint64_t>(used, options.segment_size);
  }
  return verdict;
}

}  // namespace gantry::storage_mmap
