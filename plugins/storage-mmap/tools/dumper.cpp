#include "plugins/storage-mmap/tools/dumper.hpp"

#include "plugins/storage-mmap/tools/log_reader.hpp"
#include "plugins/storage-mmap/tools/queue_extent.hpp"
#include "plugins/storage-mmap/tools/queue_scan.hpp"

#include "protocol/properties.hpp"

#include <algorithm>

namespace gantry::storage_mmap::tools {
namespace {

constexpr std::size_t window_entries = 4096;

bool has_key(std::string_view properties, std::string_view wanted) {
  if (protocol::find_property(properties, protocol::property::uniq_key) == wanted) return true;
  auto keys = protocol::find_property(properties, protocol::property::keys);
  while (!keys.empty()) {
    const auto token = keys.substr(0, keys.find(' '));
    keys.remove_prefix(std::min(keys.size(), token.size() + 1));
    if (token == wanted) return true;
  }
  return false;
}

class Dumper {
 public:
  Dumper(Disk& disk, const StoreFiles& files, const sdk::StoreQuestion& question, Reporter& reporter)
      : disk_(disk), files_(files), question_(question), reporter_(reporter) {}

  /// Through the queue's entries; what they do not reach yet, from the log.
  Status dump_queue() {
    QueueState queue{.topic = std::string(question_.topic), .id = question_.queue_id};
    GANTRY_ASSIGN(const auto extent, queue_extent(disk_, files_, {queue.topic, queue.id}, INT64_MAX));
    LogReader probe(disk_, files_, LogReader::random);
    auto next_record = std::max(files_.files_begin(), extent.log_end);
    for (auto offset = std::max(question_.offset_begin, extent.min);
         offset < std::min(extent.max, question_.offset_end); ++offset) {
      GANTRY_TRY(reporter_.progress("queue", offset - extent.min, extent.max - extent.min));
      GANTRY_ASSIGN(const auto entry, queue_entry_at(disk_, files_, queue, offset, window_entries));
      if (!entry.is_written() || entry.is_pre_blank()) continue;
      GANTRY_ASSIGN(const auto place, probe.at(entry.log_offset));
      if (place.kind != LogPlace::Kind::record || place.view.topic != queue.topic || place.view.queue_id != queue.id ||
          place.view.queue_offset != offset) {
        reporter_.tell({.kind = "queue entry against the log",
                        .file = queue_file_of(files_, queue.topic, queue.id, offset),
                        .position = queue_position_of(files_, offset),
                        .expected = "an entry that points to the queue's record of offset " + std::to_string(offset),
                        .found = "log offset " + std::to_string(entry.log_offset) + ", where it is not",
                        .remedy = "gantry store check tells more"});
        continue;
      }
      if (!hand_out(place)) return {};
    }
    if (question_.offset_end <= extent.max) return {};
    offset_begin_ = std::max(question_.offset_begin, extent.max);
    return dump_log(next_record);
  }

  Status dump_log(std::int64_t from) {
    LogReader reader(disk_, files_, LogReader::sequential);
    LogReader probe(disk_, files_, LogReader::random);
    offset_begin_ = std::max(offset_begin_, question_.offset_begin);
    if (from == files_.files_begin()) {
      GANTRY_ASSIGN(from, first_file_wanted(probe));
    }
    const auto end = files_.files_end();
    const LogWalk walk{.visit = [&](const LogPlace& place) -> Result<bool> {
                         GANTRY_TRY(reporter_.progress("log", place.offset - from, end - from));
                         if (place.offset >= question_.log_end) return false;
                         if (place.end() <= question_.log_begin) return true;
                         return !fits(place) || hand_out(place);
                       },
                       .damaged = [&](const LogDamage& damage) -> Status {
                         reporter_.tell({.kind = "damaged log",
                                         .file = files_.segment_name(damage.begin),
                                         .position = files_.position_in_segment(damage.begin),
                                         .expected = damage.expected,
                                         .found = damage.found + "; " + std::to_string(damage.end - damage.begin) +
                                                  " bytes are left out",
                                         .remedy = "gantry store check tells more"});
                         return {};
                       },
                       .drop_cache = true};
    GANTRY_TRY(walk_log(reader, probe, files_, from, question_.log_end, walk));
    return {};
  }

 private:
  /// Files that end before the range or, by their successor's first record, before time_begin are not read.
  Result<std::int64_t> first_file_wanted(LogReader& probe) {
    auto from = files_.files_begin();
    for (const auto& segment : files_.segments) {
      if (segment.base <= from) continue;
      bool skip = segment.base <= question_.log_begin;
      if (!skip && question_.time_begin > 0) {
        GANTRY_ASSIGN(const auto place, probe.at(segment.base));
        skip = place.kind == LogPlace::Kind::record && place.view.store_ms < question_.time_begin;
      }
      if (!skip) break;
      from = segment.base;
    }
    return from;
  }

  [[nodiscard]] bool fits(const LogPlace& place) const {
    const auto& record = place.view;
    if (!question_.topic.empty() && record.topic != question_.topic) return false;
    if (question_.queue_id >= 0 && record.queue_id != question_.queue_id) return false;
    return record.queue_offset >= offset_begin_ && record.queue_offset < question_.offset_end;
  }

  /// False: enough.
  bool hand_out(const LogPlace& place) {
    const auto& record = place.view;
    if (place.offset < question_.log_begin || place.offset >= question_.log_end) return true;
    if (record.store_ms < question_.time_begin || record.store_ms >= question_.time_end) return true;
    if (!question_.key.empty() && !has_key(record.properties, question_.key)) return true;
    if (!reporter_.out().record(place.offset, protocol::as_text(place.bytes))) return false;
    return ++count_ != question_.count_max || question_.count_max == 0;
  }

  Disk& disk_;
  const StoreFiles& files_;
  const sdk::StoreQuestion& question_;
  Reporter& reporter_;
  std::int64_t offset_begin_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace

Status dump_records(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                    sdk::StoreReport& report) {
  Reporter reporter(report, 0);
  const auto sizes =
      question.has(GANTRY_TOOLS_FILE_SIZES) ? StoreFiles::Sizes::from_files : StoreFiles::Sizes::from_options;
  GANTRY_ASSIGN(const auto files, StoreFiles::look(disk, options, sizes, reporter));
  Dumper dumper(disk, files, question, reporter);
  if (!question.topic.empty() && question.queue_id >= 0) {
    GANTRY_TRY(dumper.dump_queue());
  } else {
    GANTRY_TRY(dumper.dump_log(files.files_begin()));
  }
  reporter.tell_rest();
  return {};
}

}  // namespace gantry::storage_mmap::tools
