#include "plugins/storage-mmap/tools/locator.hpp"

#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/tools/index_scan.hpp"
#include "plugins/storage-mmap/tools/log_reader.hpp"
#include "plugins/storage-mmap/tools/queue_scan.hpp"
#include "plugins/storage-mmap/tools/statistics.hpp"

#include "protocol/bytes.hpp"
#include "protocol/properties.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <vector>

namespace gantry::storage_mmap::tools {
namespace {

constexpr std::uint32_t records_max = 10;

class Locator {
 public:
  Locator(Disk& disk, const sdk::StoreQuestion& question, const StoreFiles& files, Reporter& reporter)
      : disk_(disk),
        files_(files),
        reporter_(reporter),
        probe_(disk, files, LogReader::random),
        count_max_(question.count_max == 0 ? records_max : question.count_max) {}

  Status locate_log(std::int64_t begin, std::int64_t end) {
    const auto segment = files_.segment_at(begin);
    reporter_.fact("place", "log offset", begin);
    if (!segment) {
      reporter_.fact("place", "is",
                     begin < files_.files_begin() ? "before the log's oldest file" : "behind the log's files");
      return {};
    }
    reporter_.fact("place", "file", files_.segment_name(begin));
    reporter_.fact("place", "position", files_.position_in_segment(begin));
    GANTRY_ASSIGN(index_, list_index(disk_, files_, reporter_, INT64_MAX));
    LogReader reader(disk_, files_, LogReader::sequential);
    std::uint32_t count = 0;
    std::int64_t covered = files_.segments[*segment].base;
    const LogWalk walk{.visit = [&](const LogPlace& place) -> Result<bool> {
                         covered = place.end();
                         if (place.end() <= begin) return true;
                         if (place.offset >= end || count == count_max_) return false;
                         ++count;
                         GANTRY_TRY(describe(place));
                         return place.end() < end;
                       },
                       .damaged = [&](const LogDamage& damage) -> Status {
                         if (damage.end > begin && damage.begin < end) {
                           reporter_.fact("place", "is",
                                          "damaged: expected " + damage.expected + ", found " + damage.found);
                           reporter_.fact("place", "damage begins at", damage.begin);
                           reporter_.fact("place", "damage ends at", damage.end);
                         }
                         return {};
                       },
                       .drop_cache = false};
    GANTRY_ASSIGN(const auto stopped, walk_log(reader, probe_, files_, covered, end, walk));
    if (count == 0) {
      GANTRY_ASSIGN(const auto place, probe_.at(stopped.end));
      const bool behind = place.kind == LogPlace::Kind::nothing || place.kind == LogPlace::Kind::no_file;
      reporter_.fact("place", "is",
                     place.kind == LogPlace::Kind::blank || stopped.end > begin ? "the blank end of a file"
                     : behind                                                   ? "behind the log's end"
                              : "behind the log's end: expected " + place.expected + ", found " + place.found);
      reporter_.fact("place", "log end", stopped.end);
    }
    return {};
  }

  /// A byte of a file below the root.
  Status locate_file(std::string file, std::int64_t position) {
    const auto root = std::filesystem::absolute(files_.root).lexically_normal().string() + "/";
    if (file.starts_with("/")) {
      const auto normal = std::filesystem::path(file).lexically_normal().string();
      if (!normal.starts_with(root)) {
        return Error{Errc::invalid_argument,
                     "locating " + file + ": expected a file below " + root + ", found another"};
      }
      file = normal.substr(root.size());
    }
    const auto slash = file.find('/');
    const auto kind = file.substr(0, slash);
    const auto name = std::filesystem::path(file).filename().string();
    const auto base = offset_of_name(name);
    reporter_.fact("place", "file", file);
    reporter_.fact("place", "position", position);
    if (kind == "commitlog" && base >= 0) return locate_log(base + position, base + position + 1);
    if (kind == "consumequeue" && base >= 0) return locate_queue(file, base, position);
    if (kind == "index") return locate_index(file, position);
    reporter_.fact("place", "is", describe_small(file, position));
    return {};
  }

 private:
  Status locate_queue(const std::string& file, std::int64_t base, std::int64_t position) {
    const std::filesystem::path path(file);
    const auto topic = path.parent_path().parent_path().filename().string();
    std::int32_t id = 0;
    const auto id_text = path.parent_path().filename().string();
    std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
    const auto offset = (base + position) / static_cast<std::int64_t>(protocol::queue_entry_size);
    reporter_.fact("entry", "topic", topic);
    reporter_.fact("entry", "queue", id);
    reporter_.fact("entry", "offset", offset);
    QueueState queue{.topic = topic, .id = id};
    GANTRY_ASSIGN(const auto entry, queue_entry_at(disk_, files_, queue, offset, 1));
    if (!entry.is_written()) {
      reporter_.fact("entry", "is", "not written");
      return {};
    }
    if (entry.is_pre_blank()) {
      reporter_.fact("entry", "is", "pre-blank: the queue has no message at this offset");
      return {};
    }
    reporter_.fact("entry", "log offset", entry.log_offset);
    reporter_.fact("entry", "size", entry.size);
    reporter_.fact("entry", "tag code", entry.tag_code);
    return locate_log(entry.log_offset, entry.log_offset + 1);
  }

  Status locate_index(const std::string& file, std::int64_t position) {
    const auto slots_begin = std::int64_t{40};
    const auto entries_begin = slots_begin + files_.index_slots * 4;
    if (position < slots_begin) {
      reporter_.fact("place", "is", "the header of an index file");
      return {};
    }
    if (position < entries_begin) {
      reporter_.fact("place", "is", "slot " + std::to_string((position - slots_begin) / 4));
      return {};
    }
    const auto number = (position - entries_begin) / 20;
    reporter_.fact("place", "is", "entry " + std::to_string(number));
    GANTRY_ASSIGN(const auto opened, disk_.open(files_.root + "/" + file, OpenMode::read));
    std::array<std::byte, 20> bytes{};
    GANTRY_TRY(disk_.read(opened, bytes, static_cast<std::uint64_t>(entries_begin + number * 20)));
    const auto log_offset = protocol::load_big_endian<std::int64_t>(bytes.data() + 4);
    reporter_.fact("entry", "hash", protocol::load_big_endian<std::int32_t>(bytes.data()));
    reporter_.fact("entry", "log offset", log_offset);
    reporter_.fact("entry", "entry before it", protocol::load_big_endian<std::int32_t>(bytes.data() + 16));
    return number > 0 ? locate_log(log_offset, log_offset + 1) : Status();
  }

  static std::string describe_small(const std::string& file, std::int64_t position) {
    if (file == "checkpoint") {
      constexpr std::array<std::string_view, 5> fields = {"time up to which the log is durable", "the same for queues",
                                                          "the same for index files", "master's flushed offset",
                                                          "confirmed log offset"};
      const auto field = static_cast<std::size_t>(position / 8);
      return field < fields.size() ? std::string(fields[field]) : "unused";
    }
    if (file == "lock") return "RocketMQ's lock file";
    if (file == "abort") return "the marker of a store that is open, or was not closed";
    if (file.starts_with("config/")) return "a table of the broker, in JSON";
    if (file.starts_with("gantry/")) return "Gantry's own";
    return "nothing that the store knows";
  }

  Status describe(const LogPlace& place) {
    const auto& record = place.view;
    const auto item = std::to_string(place.offset);
    const auto put = [&](std::string_view key, std::string_view value) { reporter_.item("records", item, key, value); };
    const auto topic = std::string(record.topic);
    put("size", std::to_string(place.size));
    put("file", files_.segment_name(place.offset));
    put("position", std::to_string(files_.position_in_segment(place.offset)));
    put("topic", topic);
    put("queue", std::to_string(record.queue_id));
    put("offset", std::to_string(record.queue_offset));
    put("store time", time_text(record.store_ms));
    put("tags", protocol::find_property(record.properties, protocol::property::tags));
    put("keys", protocol::find_property(record.properties, protocol::property::keys));
    put("unique key", protocol::find_property(record.properties, protocol::property::uniq_key));
    QueueState queue{.topic = topic, .id = record.queue_id};
    const auto file = queue_file_of(files_, topic, record.queue_id, record.queue_offset);
    GANTRY_ASSIGN(const auto entry, queue_entry_at(disk_, files_, queue, record.queue_offset, 1));
    put("queue file", file);
    put("queue position", std::to_string(queue_position_of(files_, record.queue_offset)));
    put("queue entry", !entry.is_written()                ? "not written"
                       : entry.log_offset == place.offset ? "points here"
                                                          : "points to log offset " + std::to_string(entry.log_offset));
    std::string covering;
    for (const auto& each : index_) {
      if (each.readable && each.count > 1 && each.begin_offset <= place.offset && place.offset <= each.end_offset) {
        covering = each.name;
      }
    }
    put("index file", covering.empty() ? "none" : covering);
    return {};
  }

  Disk& disk_;
  const StoreFiles& files_;
  Reporter& reporter_;
  LogReader probe_;
  const std::uint32_t count_max_;
  std::vector<IndexFileState> index_;
};

}  // namespace

Status locate_bytes(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                    sdk::StoreReport& report) {
  Reporter reporter(report, 0);
  const auto sizes =
      question.has(GANTRY_TOOLS_FILE_SIZES) ? StoreFiles::Sizes::from_files : StoreFiles::Sizes::from_options;
  GANTRY_ASSIGN(const auto files, StoreFiles::look(disk, options, sizes, reporter));
  Locator locator(disk, question, files, reporter);
  if (!question.file.empty()) return locator.locate_file(std::string(question.file), question.position);
  return locator.locate_log(question.log_begin, std::max(question.log_end, question.log_begin + 1));
}

}  // namespace gantry::storage_mmap::tools
