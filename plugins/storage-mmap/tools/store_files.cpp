#include "plugins/storage-mmap/tools/store_files.hpp"

#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/tools/own_files.hpp"

#include "protocol/bytes.hpp"
#include "protocol/queue_entry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>

namespace gantry::storage_mmap::tools {
namespace {

constexpr std::string_view restore_remedy =
    "move it out of the folder; when it holds messages, restore the directory from a copy";

std::int32_t id_of_name(std::string_view name) {
  std::int32_t id = -1;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), id);
  return code == std::errc() && end == name.data() + name.size() ? id : -1;
}

void by_name(std::vector<DirectoryEntry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

/// The sizes of the first log file and the first queue file that are there.
Status take_sizes_from_files(Disk& disk, StoreFiles& files) {
  GANTRY_ASSIGN(auto segments, disk.list(files.root + "/commitlog"));
  by_name(segments);
  for (const auto& entry : segments) {
    if (entry.is_directory || entry.size == 0 || offset_of_name(entry.name) < 0) continue;
    files.segment_size = static_cast<std::int64_t>(entry.size);
    break;
  }
  GANTRY_ASSIGN(const auto queues, list_queues(disk, files));
  for (const auto& queue : queues) {
    GANTRY_ASSIGN(const auto entries, disk.list(files.root + "/" + files.queue_folder(queue.topic, queue.id)));
    for (const auto& entry : entries) {
      if (entry.is_directory || entry.size == 0 || entry.size % protocol::queue_entry_size != 0) continue;
      files.queue_file_size = static_cast<std::int64_t>(entry.size);
      return {};
    }
  }
  return {};
}

Status list_segments(Disk& disk, StoreFiles& files, Reporter& reporter) {
  GANTRY_ASSIGN(auto entries, disk.list(files.root + "/commitlog"));
  by_name(entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& entry = entries[i];
    if (entry.is_directory) continue;
    const auto base = offset_of_name(entry.name);
    const bool is_last = i + 1 == entries.size();
    if (entry.size == 0 && is_last && base >= 0) continue;  // made, never used; every broker removes it
    const std::string name = "commitlog/" + entry.name;
    if (base < 0 || base % files.segment_size != 0) {
      reporter.tell({.kind = "foreign log file",
                     .file = name,
                     .expected = "names of 20 digits that are multiples of " + std::to_string(files.segment_size),
                     .found = "'" + entry.name + "'",
                     .remedy = std::string(restore_remedy)});
      continue;
    }
    if (entry.size != static_cast<std::uint64_t>(files.segment_size)) {
      reporter.tell({.kind = "log file size",
                     .file = name,
                     .expected = std::to_string(files.segment_size) + " bytes",
                     .found = std::to_string(entry.size) + " bytes",
                     .remedy =
                         "set segment_size to what the directory was made with; a file that was cut short is to be "
                         "restored from a copy"});
      continue;
    }
    if (!files.segments.empty() && files.segments.back().base + files.segment_size != base) {
      reporter.tell({.kind = "missing log file",
                     .file = "commitlog/" + offset_name(files.segments.back().base + files.segment_size),
                     .expected = "a log without gaps",
                     .found = "no file before " + entry.name,
                     .remedy = "restore the missing files from a copy; without them no broker opens the directory"});
    }
    files.segments.push_back({base, files.root + "/" + name});
  }
  return {};
}

Status read_checkpoint(Disk& disk, StoreFiles& files) {
  auto content = read_file(disk, files.root + "/checkpoint", 1u << 20);
  if (!content && content.error().code == Errc::not_found) return {};
  if (!content) return std::move(content).error();
  content->resize(std::max<std::size_t>(content->size(), 40), '\0');  // a shorter file reads as zero behind its end
  const auto at = [&](std::size_t position) {
    return protocol::load_big_endian<std::int64_t>(content->data() + position);
  };
  files.checkpoint = CheckpointFile{.log_ms = at(0), .queues_ms = at(8), .index_ms = at(16), .confirm_offset = at(32)};
  return {};
}

Status read_own_files(Disk& disk, StoreFiles& files, Reporter& reporter) {
  std::string why;
  GANTRY_ASSIGN(const auto index_mark, read_index_mark(disk, files.root, why));
  if (index_mark) {
    files.index_written_end = index_mark->written_end;
    if (index_mark->slots > 0 && index_mark->entries > 0) {  // a directory keeps what it was made with
      files.index_slots = index_mark->slots;
      files.index_entries = index_mark->entries;
    }
  } else if (!why.empty()) {
    reporter.tell({.severity = sdk::FindingSeverity::warning,
                   .kind = "index mark",
                   .file = "gantry/index",
                   .expected = "a mark with its CRC-32",
                   .found = why,
                   .remedy = "none needed: the next start finds out itself how far the index is whole"});
  }
  why.clear();
  GANTRY_TRY(read_ledger(disk, files, why));
  if (!why.empty()) {
    reporter.tell({.severity = sdk::FindingSeverity::warning,
                   .kind = "ledger",
                   .file = "gantry/queues",
                   .expected = "frames with their CRC-32",
                   .found = why,
                   .remedy = "none needed: the next start makes it again from the log and the queues"});
  }
  if (files.ledger_bytes_ignored > 0 && !files.is_running()) {
    reporter.tell({.severity = sdk::FindingSeverity::warning,
                   .kind = "ledger tail",
                   .file = "gantry/queues",
                   .position = files.ledger_bytes,
                   .expected = "the file's end or a whole frame",
                   .found = std::to_string(files.ledger_bytes_ignored) + " bytes that are none",
                   .remedy = "none needed: what the frames before it say is older, and as true"});
  }
  return {};
}

}  // namespace

std::optional<std::size_t> StoreFiles::segment_at(std::int64_t log_offset) const noexcept {
  const auto behind = std::upper_bound(segments.begin(), segments.end(), log_offset,
                                       [](std::int64_t offset, const SegmentFile& file) { return offset < file.base; });
  if (behind == segments.begin()) return std::nullopt;
  const auto index = static_cast<std::size_t>(behind - segments.begin()) - 1;
  if (log_offset >= segments[index].base + segment_size) return std::nullopt;
  return index;
}

std::string StoreFiles::segment_name(std::int64_t log_offset) const {
  return "commitlog/" + offset_name(log_offset - position_in_segment(log_offset));
}

std::string lock_holder(const std::string& root) {
  const std::string path = root + "/lock";
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
  if (!file) return {};
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_len = 1;
  if (::fcntl(file.fd(), F_GETLK, &range) == 0 && range.l_type != F_UNLCK) {
    return range.l_pid > 0 ? "process " + std::to_string(range.l_pid) : "another process";
  }
  range = {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = 1;
  range.l_len = 1;
  if (::fcntl(file.fd(), F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK) return "this very process";
  return {};
}

Result<std::vector<QueueName>> list_queues(Disk& disk, const StoreFiles& files) {
  std::vector<QueueName> names;
  GANTRY_ASSIGN(const auto topics, disk.list(files.root + "/consumequeue"));
  for (const auto& topic : topics) {
    if (!topic.is_directory) continue;
    GANTRY_ASSIGN(const auto ids, disk.list(files.root + "/consumequeue/" + topic.name));
    for (const auto& id : ids) {
      const auto number = id_of_name(id.name);
      if (id.is_directory && number >= 0) names.push_back({topic.name, number});
    }
  }
  std::sort(names.begin(), names.end(),
            [](const auto& a, const auto& b) { return a.topic != b.topic ? a.topic < b.topic : a.id < b.id; });
  return names;
}

Result<StoreFiles> StoreFiles::look(Disk& disk, const StoreOptions& options, Sizes sizes, Reporter& reporter) {
  StoreFiles files;
  files.root = options.path;
  if (!disk.exists(files.root + "/commitlog") && !disk.exists(files.root + "/lock")) {
    return Error{Errc::not_found, "looking into " + files.root +
                                      ": expected the folder commitlog of a store, found none; give the store's root "
                                      "folder, which the option broker.data or plugins.storage-mmap.path names"};
  }
  files.segment_size = static_cast<std::int64_t>(options.segment_size);
  files.queue_file_size =
      static_cast<std::int64_t>(options.queue_file_entries) * static_cast<std::int64_t>(protocol::queue_entry_size);
  files.index_slots = options.index_slots;
  files.index_entries = options.index_entries;
  files.holder = lock_holder(files.root);
  files.crash_marker = disk.exists(files.root + "/abort");
  if (sizes == Sizes::from_files) GANTRY_TRY(take_sizes_from_files(disk, files));
  // What says how far something is comes first: on a running store the rest only grows meanwhile.
  GANTRY_TRY(read_checkpoint(disk, files));
  GANTRY_TRY(read_own_files(disk, files, reporter));
  GANTRY_TRY(list_segments(disk, files, reporter));
  return files;
}

}  // namespace gantry::storage_mmap::tools
