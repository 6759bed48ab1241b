#include "plugins/storage-mmap/tools/queue_scan.hpp"

#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/tools/sparse.hpp"

#include <algorithm>

namespace gantry::storage_mmap::tools {
namespace {

using protocol::QueueEntry;

constexpr auto entry_size = static_cast<std::int64_t>(protocol::queue_entry_size);
constexpr std::int64_t read_entries = 4096;
constexpr std::string_view rebuild_remedy = "gantry store rebuild --queues makes the queues again from the log";

std::string text_of(const QueueEntry& entry) {
  return "log offset " + std::to_string(entry.log_offset) + ", size " + std::to_string(entry.size) + ", tag code " +
         std::to_string(entry.tag_code);
}

/// Goes over the entries of one queue in their order.
class QueueScanner {
 public:
  QueueScanner(const QueueScanContext& context, const QueueName& name) : context_(context) {
    state_.topic = name.topic;
    state_.id = name.id;
    folder_ = context.files.queue_folder(name.topic, name.id);
  }

  Result<QueueState> run() {
    GANTRY_ASSIGN(auto entries, context_.disk.list(context_.files.root + "/" + folder_));
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    state_.has_folder = true;
    std::int64_t expected = -1;
    for (const auto& entry : entries) {
      if (entry.is_directory) continue;
      const auto base = offset_of_name(entry.name);
      if (!is_usable(entry, base)) continue;
      if (expected < 0) {
        state_.first = base / entry_size;
        state_.max = state_.first;
      } else if (base != expected) {
        tell("missing queue file", folder_ + "/" + offset_name(expected), -1, "files without gaps",
             "the next one is " + entry.name);
      }
      expected = base + context_.files.queue_file_size;
      GANTRY_TRY(scan_file(entry.name, base));
      if (stop_) break;
    }
    return std::move(state_);
  }

 private:
  void tell(std::string_view kind, const std::string& file, std::int64_t position, std::string wanted,
            std::string found, sdk::FindingSeverity severity = sdk::FindingSeverity::error) {
    if (severity == sdk::FindingSeverity::error) state_.has_damage = true;
    context_.reporter.tell({.severity = severity,
                            .kind = kind,
                            .file = file,
                            .position = position,
                            .expected = std::move(wanted),
                            .found = std::move(found),
                            .remedy = std::string(rebuild_remedy)});
  }

  bool is_usable(const DirectoryEntry& entry, std::int64_t base) {
    const auto size = context_.files.queue_file_size;
    const auto name = folder_ + "/" + entry.name;
    if (entry.size == 0) {
      if (!context_.files.is_running()) {
        tell("empty queue file", name, -1, std::to_string(size) + " bytes", "0 bytes", sdk::FindingSeverity::warning);
      }
      return false;
    }
    if (base < 0 || base % size != 0) {
      tell("foreign queue file", name, -1, "a name of 20 digits that is a multiple of " + std::to_string(size),
           "'" + entry.name + "'");
      return false;
    }
    if (entry.size != static_cast<std::uint64_t>(size)) {
      tell("queue file size", name, -1, std::to_string(size) + " bytes (queue_file_entries x 20)",
           std::to_string(entry.size) + " bytes");
      return false;
    }
    return true;
  }

  Status scan_file(const std::string& name, std::int64_t base) {
    file_name_ = folder_ + "/" + name;
    auto opened = context_.disk.open(context_.files.root + "/" + file_name_, OpenMode::read);
    if (!opened && opened.error().code == Errc::not_found) return {};  // removed meanwhile
    if (!opened) return std::move(opened).error();
    const auto slots = context_.files.queue_file_size / entry_size;
    first_of_file_ = base / entry_size;
    std::int64_t next_slot = 0;
    std::int64_t at = 0;
    while (!stop_) {
      GANTRY_ASSIGN(const auto part, next_data(*opened, at, context_.files.queue_file_size));
      if (!part) break;
      auto slot = std::max(next_slot, part->begin / entry_size);
      const auto end = std::min(slots, (part->end + entry_size - 1) / entry_size);
      if (slot > next_slot) zeros_from(first_of_file_ + next_slot);
      while (slot < end && !stop_) {
        bytes_.resize(static_cast<std::size_t>(read_entries * entry_size));
        const auto wanted = static_cast<std::size_t>(std::min(end - slot, read_entries) * entry_size);
        GANTRY_ASSIGN(const auto count, context_.disk.read(*opened, std::span(bytes_).first(wanted),
                                                           static_cast<std::uint64_t>(slot * entry_size)));
        if (count < wanted) return {};
        for (std::size_t i = 0; i < wanted && !stop_; i += protocol::queue_entry_size) {
          take(first_of_file_ + slot++, protocol::decode_queue_entry(bytes_.data() + i));
        }
      }
      next_slot = end;
      at = part->end;
    }
    if (next_slot < slots && !stop_) zeros_from(first_of_file_ + next_slot);
    return {};
  }

  void zeros_from(std::int64_t offset) {
    if (zero_at_ < 0) zero_at_ = offset;
  }

  [[nodiscard]] std::int64_t position(std::int64_t offset) const { return (offset - first_of_file_) * entry_size; }

  void take(std::int64_t offset, const QueueEntry& entry) {
    if (entry == QueueEntry{}) return zeros_from(offset);
    if (!entry.is_written()) {
      return tell("queue entry", file_name_, position(offset), "a log offset of at least 0 and a size above 0",
                  text_of(entry));
    }
    if (!entry.is_pre_blank() && entry.log_offset >= context_.log_end) return take_behind_end(offset, entry);
    if (zero_at_ >= 0) {
      tell("hole in a queue", file_name_, position(offset),
           "nothing behind offset " + std::to_string(zero_at_) + ", which has no entry",
           "an entry for offset " + std::to_string(offset) + ": " + text_of(entry));
      zero_at_ = -1;
    }
    state_.max = offset + 1;
    if (entry.is_pre_blank()) return;
    if (entry.log_offset < last_log_end_) {
      tell("order of queue entries", file_name_, position(offset),
           "a log offset of at least " + std::to_string(last_log_end_) + ", where the record before it ends",
           text_of(entry));
    } else {
      last_log_end_ = entry.log_end();
      state_.last_log_end = last_log_end_;
    }
    if (entry.log_offset < context_.log_begin) return;
    if (state_.live_min < 0) {
      state_.live_min = offset;
      state_.live_log = entry.log_offset;
    }
    ++state_.live;
  }

  void take_behind_end(std::int64_t offset, const QueueEntry& entry) {
    stop_ = true;
    if (context_.files.is_running()) return;
    const bool crashed = context_.files.crash_marker;
    tell("queue entry behind the log", file_name_, position(offset),
         "log offsets below " + std::to_string(context_.log_end) + ", where the log ends", text_of(entry),
         crashed ? sdk::FindingSeverity::warning : sdk::FindingSeverity::error);
  }

  const QueueScanContext& context_;
  QueueState state_;
  std::string folder_;
  std::string file_name_;
  std::vector<std::byte> bytes_;
  std::int64_t first_of_file_ = 0;
  std::int64_t zero_at_ = -1;
  std::int64_t last_log_end_ = 0;
  bool stop_ = false;
};

}  // namespace

Result<QueueState> scan_queue(const QueueScanContext& context, const QueueName& name) {
  return QueueScanner(context, name).run();
}

std::string queue_file_of(const StoreFiles& files, const std::string& topic, std::int32_t id, std::int64_t offset) {
  const auto base = offset * entry_size / files.queue_file_size * files.queue_file_size;
  return files.queue_folder(topic, id) + "/" + offset_name(base);
}

std::int64_t queue_position_of(const StoreFiles& files, std::int64_t offset) {
  return offset * entry_size % files.queue_file_size;
}

Result<QueueEntry> queue_entry_at(Disk& disk, const StoreFiles& files, QueueState& queue, std::int64_t offset,
                                  std::size_t window_entries) {
  if (offset < queue.window_first || offset >= queue.window_first + queue.window_count) {
    queue.window_first = offset;
    queue.window_count = 0;
    const auto path = files.root + "/" + queue_file_of(files, queue.topic, queue.id, offset);
    auto opened = disk.open(path, OpenMode::read);
    if (!opened && opened.error().code == Errc::not_found) return QueueEntry{};
    if (!opened) return std::move(opened).error();
    const auto position = queue_position_of(files, offset);
    const auto rest = static_cast<std::size_t>((files.queue_file_size - position) / entry_size);
    queue.window.resize(std::min(window_entries, rest) * protocol::queue_entry_size);
    GANTRY_ASSIGN(const auto count, disk.read(*opened, queue.window, static_cast<std::uint64_t>(position)));
    queue.window_count = static_cast<std::int64_t>(count) / entry_size;
    if (queue.window_count == 0) return QueueEntry{};
  }
  return protocol::decode_queue_entry(queue.window.data() + static_cast<std::size_t>(offset - queue.window_first) *
                                                                protocol::queue_entry_size);
}

}  // namespace gantry::storage_mmap::tools
