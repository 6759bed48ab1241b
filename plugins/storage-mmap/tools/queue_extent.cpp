#include "plugins/storage-mmap/tools/queue_extent.hpp"

#include "plugins/storage-mmap/segment.hpp"

#include "protocol/queue_entry.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace gantry::storage_mmap::tools {
namespace {

using protocol::QueueEntry;

Result<QueueEntry> entry_in(Disk& disk, const File& file, std::int64_t slot) {
  std::array<std::byte, protocol::queue_entry_size> bytes{};
  GANTRY_ASSIGN(const auto count,
                disk.read(file, bytes, static_cast<std::uint64_t>(slot) * protocol::queue_entry_size));
  return count == bytes.size() ? protocol::decode_queue_entry(bytes.data()) : QueueEntry{};
}

/// The count of leading slots for which `holds` is true.
template <typename Holds>
Result<std::int64_t> count_leading(Disk& disk, const File& file, std::int64_t slots, Holds&& holds) {
  std::int64_t low = 0;
  std::int64_t high = slots;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    GANTRY_ASSIGN(const auto entry, entry_in(disk, file, middle));
    if (holds(entry)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

Result<FoundExtent> queue_extent(Disk& disk, const StoreFiles& files, const QueueName& name, std::int64_t log_limit) {
  FoundExtent extent;
  const auto folder = files.root + "/" + files.queue_folder(name.topic, name.id);
  GANTRY_ASSIGN(const auto entries, disk.list(folder));
  std::vector<std::int64_t> bases;
  for (const auto& entry : entries) {
    const auto base = offset_of_name(entry.name);
    if (!entry.is_directory && base >= 0 && entry.size == static_cast<std::uint64_t>(files.queue_file_size)) {
      bases.push_back(base);
    }
  }
  std::sort(bases.begin(), bases.end());
  extent.files = static_cast<std::int64_t>(bases.size());
  constexpr auto entry_size = static_cast<std::int64_t>(protocol::queue_entry_size);
  const auto slots = files.queue_file_size / entry_size;
  const auto is_written = [&](const QueueEntry& entry) { return entry.is_written() && entry.log_offset < log_limit; };
  for (auto base = bases.rbegin(); base != bases.rend(); ++base) {
    auto opened = disk.open(folder + "/" + offset_name(*base), OpenMode::read);
    if (!opened) continue;
    GANTRY_ASSIGN(const auto count, count_leading(disk, *opened, slots, is_written));
    if (count == 0) continue;
    extent.max = *base / entry_size + count;
    GANTRY_ASSIGN(const auto last, entry_in(disk, *opened, count - 1));
    if (!last.is_pre_blank()) extent.log_end = last.log_end();
    break;
  }
  extent.min = extent.max;
  const auto is_gone = [&](const QueueEntry& entry) {
    return entry.is_pre_blank() || (entry.is_written() && entry.log_offset < files.files_begin());
  };
  for (const auto base : bases) {
    auto opened = disk.open(folder + "/" + offset_name(base), OpenMode::read);
    if (!opened) continue;
    GANTRY_ASSIGN(const auto gone, count_leading(disk, *opened, slots, is_gone));
    if (gone == slots) continue;
    extent.min = std::min(extent.max, base / entry_size + gone);
    break;
  }
  return extent;
}

}  // namespace gantry::storage_mmap::tools
