#include "plugins/storage-mmap/tools/statistics.hpp"

#include "plugins/storage-mmap/tools/index_scan.hpp"
#include "plugins/storage-mmap/tools/log_reader.hpp"
#include "plugins/storage-mmap/tools/queue_extent.hpp"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <sys/stat.h>
#include <vector>

namespace gantry::storage_mmap::tools {
namespace {

constexpr std::uint32_t topics_max = 20;
constexpr std::int64_t day_ms = 86'400'000;

struct TopicNumbers {
  std::int64_t queues = 0;
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
  std::int64_t newest_ms = -1;
};
using Topics = std::map<std::string, TopicNumbers, std::less<>>;

std::int64_t disk_bytes(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::int64_t>(info.st_blocks) * 512 : 0;
}

std::int64_t folder_bytes(const std::string& folder) {
  std::int64_t bytes = 0;
  std::error_code code;
  std::filesystem::recursive_directory_iterator at(folder, code);
  for (; !code && at != std::filesystem::recursive_directory_iterator(); at.increment(code)) {
    bytes += disk_bytes(at->path().string());
  }
  return bytes;
}

/// Store time of the first record of a file, -1 when there is none.
Result<std::int64_t> first_time(LogReader& probe, std::int64_t base) {
  GANTRY_ASSIGN(const auto place, probe.at(base));
  return place.kind == LogPlace::Kind::record ? place.view.store_ms : std::int64_t{-1};
}

class Describer {
 public:
  Describer(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question, const StoreFiles& files,
            Reporter& reporter)
      : disk_(disk),
        options_(options),
        question_(question),
        files_(files),
        reporter_(reporter),
        probe_(disk, files, LogReader::random) {}

  Status run() {
    GANTRY_ASSIGN(end_, find_log_end(disk_, files_));
    describe_state();
    GANTRY_TRY(describe_log());
    GANTRY_TRY(describe_queues());
    GANTRY_TRY(describe_index());
    GANTRY_TRY(describe_space());
    return describe_topics();
  }

 private:
  void describe_state() {
    reporter_.fact("store", "path", files_.root);
    reporter_.fact("store", "state",
                   files_.is_running()   ? "open"
                   : files_.crash_marker ? "closed by a crash"
                                         : "closed in order");
    if (files_.is_running()) reporter_.fact("store", "open by", files_.holder);
    if (files_.mark) reporter_.fact("store", "durable to", files_.mark->end);
    if (files_.checkpoint) reporter_.fact("store", "checkpoint time", time_text(files_.checkpoint->log_ms));
  }

  Status describe_log() {
    std::int64_t bytes = 0;
    for (const auto& segment : files_.segments) bytes += disk_bytes(segment.path);
    if (!files_.segments.empty()) {
      GANTRY_ASSIGN(oldest_ms_, first_time(probe_, files_.files_begin()));
    }
    reporter_.fact("log", "files", static_cast<std::int64_t>(files_.segments.size()));
    reporter_.fact("log", "file size", files_.segment_size);
    reporter_.fact("log", "begin", files_.files_begin());
    reporter_.fact("log", "end", end_.end);
    reporter_.fact("log", "bytes", end_.end - files_.files_begin());
    reporter_.fact("log", "bytes on disk", bytes);
    reporter_.fact("log", "oldest message", time_text(oldest_ms_));
    reporter_.fact("log", "newest message", time_text(end_.last_record >= 0 ? end_.last_store_ms : -1));
    log_disk_bytes_ = bytes;
    return {};
  }

  Status describe_queues() {
    GANTRY_ASSIGN(const auto names, list_queues(disk_, files_));
    std::int64_t queue_files = 0;
    std::int64_t messages = 0;
    std::int64_t done = 0;
    for (const auto& name : names) {
      GANTRY_TRY(reporter_.progress("queues", done++, static_cast<std::int64_t>(names.size())));
      GANTRY_ASSIGN(const auto extent, queue_extent(disk_, files_, name, end_.end));
      auto& topic = topics_[name.topic];
      ++topic.queues;
      topic.messages += extent.max - extent.min;
      messages += extent.max - extent.min;
      queue_files += extent.files;
    }
    reporter_.fact("queues", "topics", static_cast<std::int64_t>(topics_.size()));
    reporter_.fact("queues", "queues", static_cast<std::int64_t>(names.size()));
    reporter_.fact("queues", "files", queue_files);
    reporter_.fact("queues", "file size", files_.queue_file_size);
    reporter_.fact("queues", "messages", messages);
    reporter_.fact("queues", "bytes on disk", folder_bytes(files_.root + "/consumequeue"));
    return {};
  }

  Status describe_index() {
    GANTRY_ASSIGN(const auto index, list_index(disk_, files_, reporter_, end_.end));
    std::int64_t entries = 0;
    for (const auto& file : index) entries += file.count - 1;
    reporter_.fact("index", "files", static_cast<std::int64_t>(index.size()));
    reporter_.fact("index", "entries", entries);
    if (!index.empty() && index.back().count > 1) reporter_.fact("index", "reaches to", index.back().end_offset);
    reporter_.fact("index", "bytes on disk", folder_bytes(files_.root + "/index"));
    return {};
  }

  Status describe_space() {
    GANTRY_ASSIGN(const auto space, disk_.space(files_.root));
    const auto total = static_cast<std::int64_t>(space.total_bytes);
    const auto free = static_cast<std::int64_t>(space.free_bytes);
    reporter_.fact("disk", "bytes", total);
    reporter_.fact("disk", "free", free);
    reporter_.fact("disk", "used percent", total > 0 ? (total - free) * 100 / total : 0);
    reporter_.fact("disk", "refuses from percent", options_.disk_full_percent);
    reporter_.fact("retention", "time",
                   options_.retention_time.count() == 0
                       ? std::string("no limit")
                       : std::to_string(options_.retention_time.count() / 3'600'000) + "h");
    reporter_.fact("retention", "bytes",
                   options_.retention_bytes == 0 ? std::string("no limit") : std::to_string(options_.retention_bytes));
    if (files_.segments.size() > 1 && options_.retention_time.count() > 0) {
      // No record of a file is newer than the first of the next one.
      GANTRY_ASSIGN(const auto next_ms, first_time(probe_, files_.segments[1].base));
      if (next_ms >= 0) {
        reporter_.fact("retention", "next file to go", files_.segment_name(files_.files_begin()));
        reporter_.fact("retention", "goes by time at", time_text(next_ms + options_.retention_time.count()));
      }
    }
    const auto span_ms = end_.last_store_ms - oldest_ms_;
    if (end_.last_record >= 0 && oldest_ms_ >= 0 && span_ms > 60'000) {
      const auto per_day = static_cast<double>(end_.end - files_.files_begin()) / static_cast<double>(span_ms) * day_ms;
      reporter_.fact("retention", "log bytes per day", static_cast<std::int64_t>(per_day));
      const auto limit = total * options_.disk_clean_percent / 100;
      const auto room = std::max<std::int64_t>(limit - (total - free), 0);
      reporter_.fact("retention", "days until the disk's watermark",
                     static_cast<std::int64_t>(static_cast<double>(room) / std::max(per_day, 1.0)));
    }
    return {};
  }

  Status describe_topics() {
    const bool deep = question_.has(GANTRY_TOOLS_DEEP);
    if (deep) GANTRY_TRY(count_log());
    std::vector<std::pair<std::string, TopicNumbers>> list;
    for (const auto& [name, numbers] : topics_) {
      if (question_.topic.empty() || name == question_.topic) list.emplace_back(name, numbers);
    }
    std::stable_sort(list.begin(), list.end(), [&](const auto& a, const auto& b) {
      return deep ? a.second.bytes > b.second.bytes : a.second.messages > b.second.messages;
    });
    const std::size_t shown = question_.count_max == 0 ? topics_max : question_.count_max;
    if (list.size() > shown) {
      reporter_.fact("queues", "topics not shown", static_cast<std::int64_t>(list.size() - shown));
      list.resize(shown);
    }
    for (const auto& [name, numbers] : list) {
      reporter_.item("topics", name, "queues", numbers.queues);
      reporter_.item("topics", name, "messages", numbers.messages);
      if (!deep) continue;
      reporter_.item("topics", name, "bytes", numbers.bytes);
      reporter_.item("topics", name, "newest message", time_text(numbers.newest_ms));
    }
    return {};
  }

  Status count_log() {
    for (auto& [name, numbers] : topics_) numbers.messages = 0;
    LogReader reader(disk_, files_, LogReader::sequential);
    const auto begin = files_.files_begin();
    std::int64_t records = 0;
    const LogWalk walk{.visit = [&](const LogPlace& place) -> Result<bool> {
                         GANTRY_TRY(reporter_.progress("log", place.offset - begin, end_.end - begin));
                         auto found = topics_.find(place.view.topic);
                         if (found == topics_.end())
                           found = topics_.emplace(std::string(place.view.topic), TopicNumbers{}).first;
                         ++found->second.messages;
                         found->second.bytes += place.size;
                         found->second.newest_ms = std::max(found->second.newest_ms, place.view.store_ms);
                         ++records;
                         return true;
                       },
                       .damaged = {},
                       .drop_cache = true};
    GANTRY_TRY(walk_log(reader, probe_, files_, begin, end_.end, walk));
    reporter_.fact("log", "records", records);
    return {};
  }

  Disk& disk_;
  const StoreOptions& options_;
  const sdk::StoreQuestion& question_;
  const StoreFiles& files_;
  Reporter& reporter_;
  LogReader probe_;
  LogEnd end_;
  std::int64_t oldest_ms_ = -1;
  std::int64_t log_disk_bytes_ = 0;
  Topics topics_;
};

}  // namespace

std::string time_text(std::int64_t ms) {
  if (ms < 0) return "-";
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return std::to_string(ms);
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(ms % 1000));
  return text;
}

Status describe_store(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                      sdk::StoreReport& report) {
  Reporter reporter(report, 0);
  const auto sizes =
      question.has(GANTRY_TOOLS_FILE_SIZES) ? StoreFiles::Sizes::from_files : StoreFiles::Sizes::from_options;
  GANTRY_ASSIGN(const auto files, StoreFiles::look(disk, options, sizes, reporter));
  GANTRY_TRY(Describer(disk, options, question, files, reporter).run());
  reporter.tell_rest();
  return {};
}

}  // namespace gantry::storage_mmap::tools
