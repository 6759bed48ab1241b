#include "plugins/storage-mmap/queue_files.hpp"

#include "plugins/storage-mmap/segment.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace gantry::storage_mmap {
namespace {

using protocol::queue_entry_size;
using protocol::QueueEntry;

constexpr std::size_t batch_entries = 512;
constexpr std::size_t dirty_files_max = 256;

/// A queue id from a folder's name; -1 when it is none.
std::int32_t id_of_name(std::string_view name) {
  std::int32_t id = -1;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), id);
  return code == std::errc() && end == name.data() + name.size() ? id : -1;
}

}  // namespace

QueueFiles::QueueFiles(Disk& disk, const StoreOptions& options)
    : disk_(disk),
      options_(options),
      root_(options.path + "/consumequeue"),
      file_entries_(options.queue_file_entries) {}

std::string QueueFiles::folder_of(const MessageQueue& queue) const {
  return folder_of(queue.topic()) + "/" + std::to_string(queue.id());
}

std::string QueueFiles::path_of(const MessageQueue& queue, std::int64_t index) const {
  return folder_of(queue) + "/" + offset_name(index * file_entries_ * static_cast<std::int64_t>(queue_entry_size));
}

Result<std::vector<QueueFiles::Name>> QueueFiles::list() {
  GANTRY_TRY(disk_.make_directories(root_));
  std::vector<Name> names;
  GANTRY_ASSIGN(const auto topics, disk_.list(root_));
  for (const auto& topic : topics) {
    if (!topic.is_directory) {
      if (topic.name == "CURRENT" || topic.name.starts_with("MANIFEST-")) {
        return Error{Errc::unsupported, "loading " + root_ +
                                            ": expected one folder per topic, found the RocksDB file " + topic.name +
                                            "; the directory was written with storeType=defaultRocksDB, "
                                            "which this store does not read"};
      }
      continue;
    }
    GANTRY_ASSIGN(const auto ids, disk_.list(root_ + "/" + topic.name));
    for (const auto& id : ids) {
      const auto number = id_of_name(id.name);
      if (id.is_directory && number >= 0) names.push_back({topic.name, number});
    }
  }
  return names;
}

Result<QueueEntry> QueueFiles::entry_at(const File& file, std::int64_t slot) {
  std::array<std::byte, queue_entry_size> bytes{};
  GANTRY_ASSIGN(const auto count, disk_.read(file, bytes, static_cast<std::uint64_t>(slot) * queue_entry_size));
  if (count != bytes.size()) return QueueEntry{};
  return protocol::decode_queue_entry(bytes.data());
}

Result<QueueExtent> QueueFiles::load(const MessageQueue& queue, std::int64_t log_begin, std::int64_t log_limit) {
  const auto folder = folder_of(queue);
  const auto file_bytes = file_entries_ * static_cast<std::int64_t>(queue_entry_size);
  GANTRY_ASSIGN(auto entries, disk_.list(folder));
  std::erase_if(entries, [](const auto& entry) { return entry.is_directory; });
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  // A power cut may leave files that were made but never got their size; nothing in them was promised.
  for (const auto& entry : entries) {
    if (entry.size == 0) GANTRY_TRY(disk_.remove(folder + "/" + entry.name));
  }
  std::erase_if(entries, [](const auto& entry) { return entry.size == 0; });
  std::vector<std::int64_t> indexes;
  for (const auto& entry : entries) {
    const auto base = offset_of_name(entry.name);
    if (base < 0 || base % file_bytes != 0 || entry.size != static_cast<std::uint64_t>(file_bytes)) {
      return Error{Errc::corrupt, "loading " + folder + "/" + entry.name + ": expected a file of " +
                                      std::to_string(file_bytes) + " bytes named by a multiple of that, found " +
                                      std::to_string(entry.size) +
                                      " bytes; set queue_file_entries to what the directory was made with, or remove "
                                      "the folder consumequeue, which is then rebuilt from the commit log"};
    }
    indexes.push_back(base / file_bytes);
  }
  const auto wanted = [&](const QueueEntry& entry) { return entry.is_written() && entry.log_offset < log_limit; };
  QueueExtent extent;
  while (!indexes.empty()) {
    const auto index = indexes.back();
    const auto path = path_of(queue, index);
    GANTRY_ASSIGN(const auto file, disk_.open(path, OpenMode::update));
    // Entries that are wanted form a prefix of the file: its end is found by halving.
    std::int64_t low = 0;
    std::int64_t high = file_entries_;
    while (low < high) {
      const auto middle = low + (high - low) / 2;
      GANTRY_ASSIGN(const auto entry, entry_at(file, middle));
      if (wanted(entry)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    QueueEntry last;
    for (; low > 0; --low) {
      GANTRY_ASSIGN(last, entry_at(file, low - 1));
      if (!last.is_pre_blank()) break;
    }
    if (low > 0) {
      if (low < file_entries_) {
        GANTRY_ASSIGN(const auto behind, entry_at(file, low));
        if (behind != QueueEntry{}) GANTRY_TRY(clear_slots(file, low));
      }
      extent.max = extent.written = index * file_entries_ + low;
      extent.log_end = last.log_end();
      break;
    }
    // Nothing here, or nothing but pre-blank entries: such a file must not stay.
    GANTRY_TRY(disk_.remove(path));
    indexes.pop_back();
  }
  if (indexes.empty()) return extent;
  // The first offset whose record is still in the log. Pre-blank entries point at 0 and are never messages.
  auto min = indexes.front() * file_entries_;
  std::int64_t low = min;
  std::int64_t high = extent.max;
  File file;
  std::int64_t file_index = -1;
  while (low < high) {
    const auto middle = low == min ? low : low + (high - low) / 2;
    const auto index = middle / file_entries_;
    if (index != file_index) {
      auto opened = disk_.open(path_of(queue, index), OpenMode::read);
      if (!opened) {
        // A missing file in the middle: what lies before it cannot be read any more.
        low = (index + 1) * file_entries_;
        min = -1;
        continue;
      }
      file = *std::move(opened);
      file_index = index;
    }
    GANTRY_ASSIGN(const auto entry, entry_at(file, middle % file_entries_));
    if (entry.log_offset >= log_begin && entry.is_written() && !entry.is_pre_blank()) {
      high = middle;
      extent.first_record = entry.log_offset;
    } else {
      low = middle + 1;
      min = -1;
    }
  }
  extent.min = std::min(low, extent.max);
  if (extent.min == extent.max) extent.first_record = -1;
  return extent;
}

Status QueueFiles::clear_slots(const File& file, std::int64_t first_slot) {
  // A hole, not zeros: most of these files was never written, and stays that way.
  const auto from = static_cast<std::uint64_t>(first_slot) * queue_entry_size;
  return disk_.punch(file, from, static_cast<std::uint64_t>(file_entries_) * queue_entry_size - from);
}

Status QueueFiles::clear_behind(const MessageQueue& queue, std::int64_t max) {
  const auto index = max / file_entries_;
  auto opened = disk_.open(path_of(queue, index), OpenMode::update);
  if (!opened && opened.error().code == Errc::not_found) return {};
  if (!opened) return std::move(opened).error();
  GANTRY_ASSIGN(const auto behind, entry_at(*opened, max % file_entries_));
  if (behind == QueueEntry{}) return {};
  // A file that would hold nothing at all must not stay.
  if (max % file_entries_ == 0) return disk_.remove(opened->path());
  return clear_slots(*opened, max % file_entries_);
}

Status QueueFiles::remove_before(const MessageQueue& queue, std::int64_t min) {
  const auto folder = folder_of(queue);
  GANTRY_ASSIGN(auto entries, disk_.list(folder));
  std::vector<std::int64_t> bases;
  for (const auto& entry : entries) {
    const auto base = entry.is_directory ? -1 : offset_of_name(entry.name);
    if (base >= 0) bases.push_back(base);
  }
  std::sort(bases.begin(), bases.end());
  const auto file_bytes = file_entries_ * static_cast<std::int64_t>(queue_entry_size);
  const auto wanted_from = min / file_entries_ * file_bytes;
  for (std::size_t i = 0; i + 1 < bases.size() && bases[i] < wanted_from; ++i) {
    {
      const std::lock_guard lock(cache_mutex_);
      if (const auto found = by_key_.find({queue.number(), bases[i] / file_bytes}); found != by_key_.end()) {
        recent_.erase(found->second);
        by_key_.erase(found);
      }
    }
    GANTRY_TRY(disk_.remove(folder + "/" + offset_name(bases[i])));
  }
  return {};
}

Result<QueueFiles::Finding> QueueFiles::check(const MessageQueue& queue, const QueueExtent& extent) {
  Finding finding;
  const auto folder = folder_of(queue);
  const auto file_bytes = file_entries_ * static_cast<std::int64_t>(queue_entry_size);
  const auto first_index = extent.min / file_entries_;
  const auto end_index = extent.written > extent.min ? (extent.written - 1) / file_entries_ + 1 : first_index;
  GANTRY_ASSIGN(const auto entries, disk_.list(folder));
  std::set<std::int64_t> present;
  for (const auto& entry : entries) {
    const auto base = entry.is_directory ? -1 : offset_of_name(entry.name);
    if (base < 0 || base % file_bytes != 0) {
      finding.foreign = folder + "/" + entry.name;
      continue;
    }
    const auto index = base / file_bytes;
    present.insert(index);
    const auto path = path_of(queue, index);
    const auto wrong = [&](const std::string& what) {
      finding.wrong = path + ": " + what;
      return finding;
    };
    // Older files are what retention has not removed yet.
    if (index < first_index) continue;
    if (index > std::max(extent.max - 1, std::int64_t{0}) / file_entries_) {
      return wrong("expected no file behind offset " + std::to_string(extent.max) + ", found this one");
    }
    if (entry.size != static_cast<std::uint64_t>(file_bytes)) {
      return wrong("expected " + std::to_string(file_bytes) + " bytes, found " + std::to_string(entry.size));
    }
    GANTRY_ASSIGN(const auto file, disk_.open(path, OpenMode::read));
    const auto first = std::max(extent.min, index * file_entries_);
    const auto last = std::min(extent.written, (index + 1) * file_entries_) - 1;
    for (const auto offset : {first, last}) {
      if (offset < first) continue;  // nothing of it is written yet
      GANTRY_ASSIGN(const auto found, entry_at(file, offset % file_entries_));
      const auto position = std::to_string(offset % file_entries_ * static_cast<std::int64_t>(queue_entry_size));
      if (!found.is_written()) {
        return wrong("expected an entry for offset " + std::to_string(offset) + " at position " + position +
                     ", found none");
      }
      if (offset == extent.min && extent.first_record >= 0 && found.log_offset != extent.first_record) {
        return wrong("expected log offset " + std::to_string(extent.first_record) + " at position " + position +
                     ", found " + std::to_string(found.log_offset));
      }
    }
    if (extent.max / file_entries_ != index) continue;
    GANTRY_ASSIGN(const auto behind, entry_at(file, extent.max % file_entries_));
    if (behind != QueueEntry{}) {
      return wrong("expected nothing for offset " + std::to_string(extent.max) + ", found an entry for log offset " +
                   std::to_string(behind.log_offset));
    }
  }
  for (auto index = first_index; index < end_index; ++index) {
    if (present.contains(index)) continue;
    finding.wrong = path_of(queue, index) + ": expected the file, found none";
    return finding;
  }
  return finding;
}

Status QueueFiles::put_aside(const Name& queue, const std::string& folder) {
  GANTRY_TRY(disk_.make_directories(folder));
  const auto id = std::to_string(queue.id);
  GANTRY_TRY(disk_.remove_tree(folder + "/queue-" + queue.topic + "-" + id));
  GANTRY_TRY(disk_.rename(folder_of(queue.topic) + "/" + id, folder + "/queue-" + queue.topic + "-" + id));
  GANTRY_TRY(disk_.sync_directory(folder));
  return disk_.sync_directory(folder_of(queue.topic));
}

QueueFiles::Handle QueueFiles::cached(const Key& key) {
  const std::lock_guard lock(cache_mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

QueueFiles::Handle QueueFiles::remember(const Key& key, File file) {
  auto handle = std::make_shared<OpenFile>(OpenFile{std::move(file)});
  const std::lock_guard lock(cache_mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) return found->second->second;
  recent_.emplace_front(key, handle);
  by_key_.emplace(key, recent_.begin());
  while (recent_.size() > options_.open_files_max) {
    by_key_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return handle;
}

void QueueFiles::forget(std::uint64_t queue) {
  const std::lock_guard lock(cache_mutex_);
  for (auto at = recent_.begin(); at != recent_.end();) {
    if (at->first.queue != queue) {
      ++at;
      continue;
    }
    by_key_.erase(at->first);
    at = recent_.erase(at);
  }
}

Status QueueFiles::fill_slots(const File& file, std::int64_t first_slot, std::int64_t end_slot) {
  std::vector<std::byte> bytes(batch_entries * queue_entry_size);
  for (std::size_t i = 0; i < batch_entries; ++i) {
    protocol::encode_queue_entry({0, protocol::queue_entry_blank_size, 0}, bytes.data() + i * queue_entry_size);
  }
  while (first_slot < end_slot) {
    const auto count = std::min<std::int64_t>(end_slot - first_slot, batch_entries);
    const auto part = std::span(bytes).first(static_cast<std::size_t>(count) * queue_entry_size);
    GANTRY_TRY(disk_.write(file, part, static_cast<std::uint64_t>(first_slot) * queue_entry_size));
    first_slot += count;
  }
  return {};
}

Result<File> QueueFiles::make_file(const MessageQueue& queue, const std::string& path, std::int64_t first_slot) {
  const auto folder = folder_of(queue);
  GANTRY_TRY(disk_.make_directories(folder));
  dirty_folders_.insert({folder, folder_of(queue.topic()), root_});
  GANTRY_ASSIGN(auto file, disk_.open(path, OpenMode::create));
  const auto fill = [&]() -> Status {
    GANTRY_TRY(disk_.resize(file, static_cast<std::uint64_t>(file_entries_) * queue_entry_size));
    // A file that begins in the middle is filled up to there, as RocketMQ expects it. Under repair, what is missing is
    // still to come: it must be seen to be missing until then.
    return queue.is_repairing() ? Status() : fill_slots(file, 0, first_slot);
  };
  if (auto filled = fill(); !filled) {
    // Half a file must not be taken for a whole one when it is tried again.
    if (auto removed = disk_.remove(path); !removed) return std::move(removed).error();
    return std::move(filled).error();
  }
  return file;
}

Result<QueueFiles::Handle> QueueFiles::open_for_write(const MessageQueue& queue, std::int64_t index,
                                                      std::int64_t first_slot) {
  const Key key{queue.number(), index};
  if (auto handle = cached(key)) return handle;
  const auto path = path_of(queue, index);
  auto opened = disk_.open(path, OpenMode::update);
  if (!opened && opened.error().code == Errc::not_found) opened = make_file(queue, path, first_slot);
  if (!opened) return std::move(opened).error();
  return remember(key, *std::move(opened));
}

Status QueueFiles::write(const MessageQueue& queue, std::int64_t first_offset, std::span<const QueueEntry> entries) {
  std::array<std::byte, batch_entries * queue_entry_size> bytes;
  while (!entries.empty()) {
    const auto index = first_offset / file_entries_;
    const auto slot = first_offset % file_entries_;
    const auto count = std::min({entries.size(), batch_entries, static_cast<std::size_t>(file_entries_ - slot)});
    GANTRY_ASSIGN(const auto handle, open_for_write(queue, index, slot));
    for (std::size_t i = 0; i < count; ++i) {
      protocol::encode_queue_entry(entries[i], bytes.data() + i * queue_entry_size);
    }
    GANTRY_TRY(disk_.write(handle->file, std::span(bytes).first(count * queue_entry_size),
                           static_cast<std::uint64_t>(slot) * queue_entry_size));
    if (!handle->is_dirty && !too_many_dirty_) {
      handle->is_dirty = true;
      dirty_.push_back(handle);
      too_many_dirty_ = dirty_.size() > dirty_files_max;
    }
    entries = entries.subspan(count);
    first_offset += static_cast<std::int64_t>(count);
  }
  return {};
}

Status QueueFiles::write_blanks(const MessageQueue& queue, std::int64_t first_offset, std::int64_t end_offset) {
  while (first_offset < end_offset) {
    const auto index = first_offset / file_entries_;
    const auto until = std::min(end_offset, (index + 1) * file_entries_);
    const QueueEntry blank{0, protocol::queue_entry_blank_size, 0};
    GANTRY_TRY(write(queue, first_offset, {&blank, 1}));  // makes the file, and lists it for the next sync
    GANTRY_ASSIGN(const auto handle, open_for_write(queue, index, first_offset % file_entries_));
    GANTRY_TRY(fill_slots(handle->file, first_offset % file_entries_, until - index * file_entries_));
    first_offset = until;
  }
  return {};
}

Status QueueFiles::sync() {
  if (too_many_dirty_) {
    GANTRY_ASSIGN(const auto root, disk_.open(root_, OpenMode::read));
    GANTRY_TRY(disk_.sync_file_system(root));
  } else {
    for (const auto& handle : dirty_) GANTRY_TRY(disk_.sync(handle->file));
    for (const auto& folder : dirty_folders_) {
      if (disk_.exists(folder)) GANTRY_TRY(disk_.sync_directory(folder));
    }
  }
  for (const auto& handle : dirty_) handle->is_dirty = false;
  dirty_.clear();
  dirty_folders_.clear();
  too_many_dirty_ = false;
  return {};
}

Status QueueFiles::remove(const MessageQueue& queue) {
  forget(queue.number());
  return disk_.remove_tree(folder_of(queue));
}

Status QueueFiles::remove_topic(const std::string& topic) {
  GANTRY_TRY(disk_.remove_tree(folder_of(topic)));
  return disk_.sync_directory(root_);
}

Status QueueFiles::remove_leftovers(const std::string& topic) {
  if (!disk_.exists(folder_of(topic))) return {};
  return remove_topic(topic);
}

Result<std::size_t> QueueFiles::read(const MessageQueue& queue, std::int64_t offset, std::span<QueueEntry> to,
                                     bool may_block) {
  std::array<std::byte, batch_entries * queue_entry_size> bytes;
  const auto index = offset / file_entries_;
  const auto slot = offset % file_entries_;
  const auto count = std::min({to.size(), batch_entries, static_cast<std::size_t>(file_entries_ - slot)});
  auto handle = cached({queue.number(), index});
  if (!handle) {
    if (!may_block) return Error{Errc::would_block, {}};
    // Read and write: the store thread may find this handle in the cache.
    GANTRY_ASSIGN(auto file, disk_.open(path_of(queue, index), OpenMode::update));
    handle = remember({queue.number(), index}, std::move(file));
  }
  const auto part = std::span(bytes).first(count * queue_entry_size);
  const auto position = static_cast<std::uint64_t>(slot) * queue_entry_size;
  GANTRY_ASSIGN(const auto size,
                may_block ? disk_.read(handle->file, part, position) : disk_.read_cached(handle->file, part, position));
  const auto whole = size / queue_entry_size;
  for (std::size_t i = 0; i < whole; ++i) to[i] = protocol::decode_queue_entry(bytes.data() + i * queue_entry_size);
  return whole;
}

}  // namespace gantry::storage_mmap
