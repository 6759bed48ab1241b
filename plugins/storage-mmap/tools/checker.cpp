#include "plugins/storage-mmap/tools/checker.hpp"

#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/tools/config_check.hpp"
#include "plugins/storage-mmap/tools/index_scan.hpp"
#include "plugins/storage-mmap/tools/log_reader.hpp"
#include "plugins/storage-mmap/tools/queue_scan.hpp"
#include "plugins/storage-mmap/tools/sparse.hpp"

#include "protocol/queue_entry.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace gantry::storage_mmap::tools {
namespace {

using sdk::FindingSeverity;

/// What an entry's tag code should be, given what was `found` there. Of a delayed message it is a time that its level
/// decided when it was stored; the list of levels may have been another one then, so any time from then on is right.
std::int64_t expected_tag_code(const protocol::RecordView& record, std::int64_t found) {
  const auto tag = protocol::entry_tag(protocol::delay_level_ms, record.topic, record.properties);
  return tag.is_relative && found >= record.store_ms ? found : tag.at(record.store_ms);
}

constexpr std::size_t windows_bytes = 64u << 20;
constexpr std::size_t window_entries_min = 16;
constexpr std::size_t window_entries_max = 4096;
constexpr std::string_view rebuild_queues = "gantry store rebuild --queues makes the queues again from the log";
constexpr std::string_view rebuild_index = "gantry store rebuild --index makes the index again from the log";

/// Queues of a topic that have records and no folder, and are no damage.
struct DeletedQueues {
  std::int64_t count = 0;
  std::int64_t records = 0;
  std::int64_t configured = 0;  ///< that topics.json has: the topic was made again, or the folders were lost

  void add(const QueueState& queue, const ConfigTables& tables) {
    ++count;
    records += queue.missing.count;
    const auto found = tables.topics.find(queue.topic);
    if (found != tables.topics.end() && queue.id < found->second) ++configured;
  }
};

class Checker {
 public:
  Checker(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question, sdk::StoreReport& report)
      : disk_(disk), options_(options), question_(question), reporter_(report, question.count_max) {}

  Status run() {
    const auto sizes =
        question_.has(GANTRY_TOOLS_FILE_SIZES) ? StoreFiles::Sizes::from_files : StoreFiles::Sizes::from_options;
    GANTRY_ASSIGN(files_, StoreFiles::look(disk_, options_, sizes, reporter_));
    reporter_.fact("store", "path", files_.root);
    reporter_.fact("store", "state",
                   files_.is_running()   ? "open by " + files_.holder
                   : files_.crash_marker ? std::string("closed by a crash")
                                         : std::string("closed in order"));
    GANTRY_ASSIGN(end_, find_log_end(disk_, files_));
    GANTRY_TRY(check_mark());
    GANTRY_ASSIGN(index_, list_index(disk_, files_, reporter_, end_.end));
    GANTRY_TRY(scan_queues());
    if (question_.has(GANTRY_TOOLS_QUICK)) {
      for (auto& queue : queues_) GANTRY_TRY(check_ends(queue));
    } else {
      for (const auto& file : index_) GANTRY_TRY(check_index_chains(disk_, files_, file, reporter_));
      GANTRY_TRY(read_log());
      GANTRY_TRY(check_unconfirmed());
    }
    GANTRY_TRY(check_tail());
    check_checkpoint(files_, end_, reporter_);
    GANTRY_ASSIGN(const auto tables, check_config(disk_, files_, reporter_));
    compare_tables(tables);
    tell_lacks(tables);
    reporter_.tell_rest();
    tell_counts();
    return {};
  }

 private:
  void tell_log(FindingSeverity severity, std::string_view kind, std::int64_t log_offset, std::string expected,
                std::string found, std::string remedy) {
    reporter_.tell({.severity = severity,
                    .kind = kind,
                    .file = files_.segment_name(log_offset),
                    .position = files_.position_in_segment(log_offset),
                    .expected = std::move(expected),
                    .found = std::move(found),
                    .remedy = std::move(remedy)});
  }

  /// Whether what the mark says of the log is so.
  Status check_mark() {
    if (!files_.mark) return {};
    const auto& mark = *files_.mark;
    const auto tell = [&](std::string expected, std::string found) {
      mark_fits_ = false;
      reporter_.tell({.severity = FindingSeverity::warning,
                      .kind = "mark",
                      .file = mark.file,
                      .expected = std::move(expected),
                      .found = std::move(found),
                      .remedy = "none needed when another broker used the directory: a start reads more of the log"});
    };
    mark_fits_ = true;
    if (mark.end > end_.end) {
      tell("a log of at least " + std::to_string(mark.end) + " bytes, which was durable",
           "its end at " + std::to_string(end_.end));
    } else if (mark.last_record >= files_.files_begin()) {
      LogReader probe(disk_, files_, LogReader::random);
      GANTRY_ASSIGN(const auto place, probe.at(mark.last_record));
      if (place.kind != LogPlace::Kind::record || place.end() != mark.end) {
        tell("a record at log offset " + std::to_string(mark.last_record) + " that ends at " + std::to_string(mark.end),
             "none");
      }
    }
    return {};
  }

  Status scan_queues() {
    GANTRY_ASSIGN(const auto names, list_queues(disk_, files_));
    const QueueScanContext context{disk_, files_, reporter_, files_.files_begin(), end_.end};
    queues_.reserve(names.size());
    for (const auto& name : names) {
      GANTRY_TRY(reporter_.progress("queues", static_cast<std::int64_t>(queues_.size()),
                                    static_cast<std::int64_t>(names.size())));
      GANTRY_ASSIGN(auto state, scan_queue(context, name));
      queue_numbers_[name.topic][name.id] = queues_.size();
      queues_.push_back(std::move(state));
    }
    window_entries_ = std::clamp(windows_bytes / protocol::queue_entry_size / std::max<std::size_t>(queues_.size(), 1),
                                 window_entries_min, window_entries_max);
    return {};
  }

  QueueState& queue_of(std::string_view topic, std::int32_t id) {
    if (last_queue_ != SIZE_MAX && queues_[last_queue_].id == id && queues_[last_queue_].topic == topic) {
      return queues_[last_queue_];
    }
    auto found = queue_numbers_.find(topic);
    if (found == queue_numbers_.end())
      found = queue_numbers_.emplace(std::string(topic), std::map<std::int32_t, std::size_t>()).first;
    const auto [at, fresh] = found->second.try_emplace(id, queues_.size());
    if (fresh) queues_.push_back({.topic = std::string(topic), .id = id});
    last_queue_ = at->second;
    return queues_[last_queue_];
  }

  // ---- the walk over the log ----

  Status read_log() {
    LogReader reader(disk_, files_, LogReader::sequential);
    LogReader probe(disk_, files_, LogReader::random);
    IndexStream stream(disk_, files_, index_);
    const auto begin = files_.files_begin();
    const LogWalk walk{
        .visit = [&](const LogPlace& place) -> Result<bool> {
          ++records_;
          record_bytes_ += place.size;
          GANTRY_TRY(reporter_.progress("log", place.offset - begin, end_.end - begin));
          GANTRY_TRY(check_entry(place));
          GANTRY_TRY(check_keys(place, stream));
          return true;
        },
        .damaged = [&](const LogDamage& damage) -> Status {
          ++damaged_parts_;
          damaged_bytes_ += damage.end - damage.begin;
          tell_log(FindingSeverity::error, "damaged log", damage.begin, damage.expected,
                   damage.found + "; the next whole record begins " + std::to_string(damage.end - damage.begin) +
                       " bytes on, at log offset " + std::to_string(damage.end),
                   "restore the file from a copy or a replica: a start after a crash would end the log here");
          return {};
        },
        .drop_cache = true};
    GANTRY_TRY(walk_log(reader, probe, files_, begin, end_.end, walk));
    // What the index names behind the last record.
    GANTRY_TRY(skip_index_to(end_.end, stream));
    return {};
  }

  Status check_entry(const LogPlace& place) {
    const auto& record = place.view;
    if (!protocol::sys_flag::takes_queue_offset(record.sys_flag)) return {};
    if ((record.sys_flag & protocol::sys_flag::inner_batch) != 0) return {};
    if (record.topic.empty() || record.topic.find('/') != std::string_view::npos) {
      tell_log(FindingSeverity::warning, "topic name", place.offset, "a topic that can be the name of a folder",
               "'" + std::string(record.topic) + "'", "none: the record is in no queue");
      return {};
    }
    const auto deleted = files_.deleted_topics.find(record.topic);
    if (deleted != files_.deleted_topics.end() && place.offset < deleted->second) {
      ++of_deleted_topics_;
      return {};
    }
    auto& queue = queue_of(record.topic, record.queue_id);
    if (place.offset < queue.live_log && record.queue_offset > queue.live_min) {
      // Older than the queue's first record and behind it: from before the topic was deleted and made again.
      ++queue.superseded;
      return {};
    }
    if (record.queue_offset >= queue.max) {
      note_lack(is_due(place) ? queue.missing : queue.pending, place);
      return {};
    }
    GANTRY_ASSIGN(const auto entry, queue_entry_at(disk_, files_, queue, record.queue_offset, window_entries_));
    const protocol::QueueEntry expected{place.offset, static_cast<std::int32_t>(place.size),
                                        expected_tag_code(record, entry.tag_code)};
    if (entry == expected) {
      ++queue.confirmed;
      return {};
    }
    if (entry.is_written() && !entry.is_pre_blank() && entry.log_offset > place.offset) {
      // The topic was deleted and made again, or an entry is wrong: the record that it points to will tell.
      ++queue.superseded;
      return {};
    }
    if (record.queue_offset < queue.first || entry.is_pre_blank() || entry == protocol::QueueEntry{}) {
      note_lack(queue.missing, place);
      return {};
    }
    reporter_.tell(
        {.kind = "queue entry against the log",
         .file = queue_file_of(files_, queue.topic, queue.id, record.queue_offset),
         .position = queue_position_of(files_, record.queue_offset),
         .expected = text_of(expected) + ", as the record at log offset " + std::to_string(place.offset) + " says",
         .found = text_of(entry),
         .remedy = std::string(rebuild_queues)});
    queue.has_damage = true;
    return {};
  }

  static std::string text_of(const protocol::QueueEntry& entry) {
    return "log offset " + std::to_string(entry.log_offset) + ", size " + std::to_string(entry.size) + ", tag code " +
           std::to_string(entry.tag_code);
  }

  /// Whether the record's entry must be in its file already.
  [[nodiscard]] bool is_due(const LogPlace& place) const {
    if (!files_.is_running() && !files_.crash_marker) return true;
    if (!files_.mark || !mark_fits_) return false;
    const auto topic = files_.written_ends.find(place.view.topic);
    if (topic == files_.written_ends.end()) return false;
    const auto queue = topic->second.find(place.view.queue_id);
    return queue != topic->second.end() && place.view.queue_offset < queue->second;
  }

  static void note_lack(QueueState::Lack& lack, const LogPlace& place) {
    if (lack.count++ == 0) {
      lack.first_offset = place.view.queue_offset;
      lack.first_record = place.offset;
    }
    lack.last_offset = place.view.queue_offset;
  }

  // ---- keys ----

  /// Entries that point below `log_offset` and were not met by a record there.
  Status skip_index_to(std::int64_t log_offset, IndexStream& stream) {
    while (true) {
      GANTRY_ASSIGN(const auto more, stream.load());
      if (!more || stream.entry().log_offset >= log_offset) return {};
      if (stream.entry().log_offset >= files_.files_begin()) {
        tell_index(stream, "the begin of a record with keys in the log",
                   "log offset " + std::to_string(stream.entry().log_offset));
      }
      stream.advance();
    }
  }

  void tell_index(const IndexStream& stream, std::string expected, std::string found) {
    reporter_.tell({.kind = "index entry against the log",
                    .file = stream.file_name(),
                    .position = stream.position(),
                    .expected = std::move(expected),
                    .found = std::move(found),
                    .remedy = std::string(rebuild_index)});
  }

  Status check_keys(const LogPlace& place, IndexStream& stream) {
    if (index_.empty()) return {};
    GANTRY_TRY(skip_index_to(place.offset, stream));
    hashes_.clear();
    if (protocol::sys_flag::transaction_of(place.view.sys_flag) != protocol::sys_flag::transaction_rollback) {
      append_key_hashes(place.view.topic, place.view.properties, hashes_);
    }
    seen_.assign(hashes_.size(), false);
    while (true) {
      GANTRY_ASSIGN(const auto more, stream.load());
      if (!more || stream.entry().log_offset != place.offset) break;
      bool known = false;
      for (std::size_t i = 0; i < hashes_.size(); ++i) {
        if (hashes_[i] != stream.entry().hash) continue;
        seen_[i] = true;
        known = true;
      }
      if (known) {
        ++index_confirmed_;
      } else {
        tell_index(stream, "the hash of a key of the record at log offset " + std::to_string(place.offset),
                   std::to_string(stream.entry().hash));
      }
      stream.advance();
    }
    for (std::size_t i = 0; i < hashes_.size(); ++i) {
      if (!seen_[i]) note_missing_key(place);
    }
    return {};
  }

  void note_missing_key(const LogPlace& place) {
    std::int64_t begin = INT64_MAX;
    std::int64_t end = -1;
    for (const auto& file : index_) {
      if (!file.readable || file.count <= 1) continue;
      begin = std::min(begin, file.begin_offset);
      end = std::max(end, file.end_offset);
    }
    const bool is_due = place.end() <= files_.index_written_end && end >= 0;
    if (place.offset < begin || (place.offset > end && !is_due)) {
      ++keys_pending_;
      return;
    }
    tell_log(FindingSeverity::error, "key without index entry", place.offset,
             "an index entry for each key of the record", "none for one of them", std::string(rebuild_index));
  }

  // ---- queues, one by one ----

  Status check_unconfirmed() {
    LogReader probe(disk_, files_, LogReader::random);
    std::int64_t done = 0;
    for (auto& queue : queues_) {
      GANTRY_TRY(reporter_.progress("queue entries", done++, static_cast<std::int64_t>(queues_.size())));
      entries_ += queue.live;
      if (queue.live == queue.confirmed || queue.topic.starts_with("%LMQ%")) continue;
      for (auto offset = queue.live_min; offset >= 0 && offset < queue.max; ++offset) {
        GANTRY_TRY(check_target(queue, offset, probe));
      }
    }
    return {};
  }

  /// Whether the record that the entry points to is the one that it should be.
  Status check_target(QueueState& queue, std::int64_t offset, LogReader& probe) {
    GANTRY_ASSIGN(const auto entry, queue_entry_at(disk_, files_, queue, offset, window_entries_max));
    if (!entry.is_written() || entry.is_pre_blank() || entry.log_offset < files_.files_begin() ||
        entry.log_offset >= end_.end) {
      return {};
    }
    GANTRY_ASSIGN(const auto place, probe.at(entry.log_offset));
    std::string found;
    if (place.kind == LogPlace::Kind::no_file) {
      if (files_.is_running()) return {};  // removed by the retention meanwhile
      found = "no log file";
    } else if (place.kind != LogPlace::Kind::record) {
      found = "no whole record";
    } else if (place.view.topic != queue.topic || place.view.queue_id != queue.id ||
               place.view.queue_offset != offset) {
      found = "a record of " + std::string(place.view.topic) + ", queue " + std::to_string(place.view.queue_id) +
              ", offset " + std::to_string(place.view.queue_offset);
    } else if (static_cast<std::uint32_t>(entry.size) != place.size) {
      found = "a record of " + std::to_string(place.size) + " bytes";
    } else if (entry.tag_code != expected_tag_code(place.view, entry.tag_code)) {
      return {};  // told by the walk over the log
    } else {
      return {};
    }
    queue.has_damage = true;
    reporter_.tell({.kind = "queue entry against the log",
                    .file = queue_file_of(files_, queue.topic, queue.id, offset),
                    .position = queue_position_of(files_, offset),
                    .expected = "an entry that points to the queue's record of offset " + std::to_string(offset),
                    .found = text_of(entry) + ": " + found + " there",
                    .remedy = std::string(rebuild_queues)});
    return {};
  }

  /// The oldest and the newest entry of a queue.
  Status check_ends(QueueState& queue) {
    entries_ += queue.live;
    if (queue.live == 0 || queue.topic.starts_with("%LMQ%")) return {};
    LogReader probe(disk_, files_, LogReader::random);
    GANTRY_TRY(check_target(queue, queue.live_min, probe));
    return check_target(queue, queue.max - 1, probe);
  }

  // ---- ends ----

  /// What lies behind the log's end, when nobody writes there.
  Status check_tail() {
    if (files_.is_running() || files_.segments.empty()) return {};
    const auto severity = files_.crash_marker ? FindingSeverity::note : FindingSeverity::warning;
    const auto remedy = files_.crash_marker
                            ? "none needed: the next start cuts it off, as it was never acknowledged as durable"
                            : "none needed: the next start cuts it off; RocketMQ leaves such bytes behind";
    for (const auto& segment : files_.segments) {
      const auto from = std::max(end_.end, segment.base);
      if (from >= segment.base + files_.segment_size) continue;
      GANTRY_ASSIGN(const auto file, disk_.open(segment.path, OpenMode::read));
      GANTRY_ASSIGN(const auto at, first_nonzero(disk_, file, from - segment.base, files_.segment_size));
      if (at < 0) continue;
      tell_log(severity, "bytes behind the log", segment.base + at,
               "zeros behind the log's end at " + std::to_string(end_.end),
               end_.reason.empty() ? "something else" : end_.reason, remedy);
      return {};
    }
    return {};
  }

  /// Whether another broker may have deleted the queue with its topic: RocketMQ removes the folder and leaves no note.
  /// What Gantry deletes its ledger knows, and what Gantry had when it closed the store the ledger names.
  [[nodiscard]] bool may_be_deleted(const QueueState& queue) const {
    if (queue.has_folder) return false;
    const bool was_last = files_.mark && mark_fits_ && (files_.crash_marker || files_.mark->end == end_.end);
    if (!was_last || files_.ledger_bytes == 0) return !was_last;
    const auto topic = files_.written_ends.find(queue.topic);
    return topic == files_.written_ends.end() || !topic->second.contains(queue.id);
  }

  void compare_tables(const ConfigTables& tables) {
    std::set<std::string, std::less<>> topics;
    for (const auto& queue : queues_) {
      if (queue.live > 0 || (queue.missing.count > 0 && !may_be_deleted(queue))) topics.insert(queue.topic);
    }
    const auto max_of = [&](std::string_view topic, std::int32_t id) -> std::int64_t {
      const auto found = queue_numbers_.find(topic);
      if (found == queue_numbers_.end()) return -1;
      const auto at = found->second.find(id);
      if (at == found->second.end()) return -1;
      const auto& queue = queues_[at->second];
      return std::max({queue.max, queue.pending.last_offset + 1, queue.missing.last_offset + 1});
    };
    check_against_queues(tables, topics, max_of, files_, reporter_);
  }

  /// One finding per queue that lacks entries; one per topic where that is no damage.
  void tell_lacks(const ConfigTables& tables) {
    std::map<std::string, DeletedQueues> deleted;
    for (const auto& queue : queues_) {
      pending_ += queue.pending.count;
      superseded_ += queue.superseded;
      const auto& lack = queue.missing;
      if (lack.count == 0) continue;
      if (may_be_deleted(queue)) {
        deleted[queue.topic].add(queue, tables);
        of_deleted_topics_ += lack.count;
        continue;
      }
      reporter_.tell({.kind = "missing queue entries",
                      .file = queue_file_of(files_, queue.topic, queue.id, lack.first_offset),
                      .position = queue_position_of(files_, lack.first_offset),
                      .expected = "entries of the " + std::to_string(lack.count) + " records with offsets " +
                                  std::to_string(lack.first_offset) + " to " + std::to_string(lack.last_offset) +
                                  ", the first at log offset " + std::to_string(lack.first_record),
                      .found = queue.has_folder ? "none" : "no folder for the queue",
                      .remedy = std::string(rebuild_queues)});
    }
    for (const auto& [topic, queues] : deleted) tell_deleted(topic, queues);
    if (pending_ > 0 && !files_.is_running()) {
      reporter_.tell({.severity = FindingSeverity::note,
                      .kind = "queue entries of a crash",
                      .file = "consumequeue",
                      .expected = "an entry for each record",
                      .found = std::to_string(pending_) + " records behind the last checkpoint without one",
                      .remedy = "none needed: the next start makes them from the log"});
    }
  }

  void tell_deleted(const std::string& topic, const DeletedQueues& queues) {
    reporter_.tell({.severity = queues.configured > 0 ? FindingSeverity::warning : FindingSeverity::note,
                    .kind = "records without a queue",
                    .file = "consumequeue/" + topic,
                    .expected = "entries of " + std::to_string(queues.records) + " records in " +
                                std::to_string(queues.count) + " queues",
                    .found = "no folders for them, as RocketMQ leaves it when a topic is deleted" +
                             std::string(queues.configured > 0 ? "; " + std::to_string(queues.configured) +
                                                                     " of the queues are in config/topics.json"
                                                               : ""),
                    .remedy = "none when the topic was deleted on purpose; otherwise " + std::string(rebuild_queues)});
  }

  void tell_counts() {
    reporter_.fact("log", "files", static_cast<std::int64_t>(files_.segments.size()));
    reporter_.fact("log", "begin", files_.files_begin());
    reporter_.fact("log", "end", end_.end);
    if (!question_.has(GANTRY_TOOLS_QUICK)) {
      reporter_.fact("log", "records", records_);
      reporter_.fact("log", "record bytes", record_bytes_);
      reporter_.fact("log", "damaged parts", damaged_parts_);
      reporter_.fact("log", "damaged bytes", damaged_bytes_);
    }
    std::int64_t folders = 0;
    for (const auto& queue : queues_) folders += queue.has_folder ? 1 : 0;
    reporter_.fact("queues", "queues", folders);
    reporter_.fact("queues", "entries", entries_);
    if (!question_.has(GANTRY_TOOLS_QUICK)) {
      reporter_.fact("queues", "entries to come", pending_);
      reporter_.fact("queues", "records of deleted topics", of_deleted_topics_ + superseded_);
    }
    reporter_.fact("index", "files", static_cast<std::int64_t>(index_.size()));
    if (!question_.has(GANTRY_TOOLS_QUICK)) {
      reporter_.fact("index", "entries", index_confirmed_);
      reporter_.fact("index", "keys to come", keys_pending_);
    }
  }

  Disk& disk_;
  const StoreOptions& options_;
  const sdk::StoreQuestion& question_;
  Reporter reporter_;
  StoreFiles files_;
  LogEnd end_;
  bool mark_fits_ = false;
  std::vector<IndexFileState> index_;
  std::vector<QueueState> queues_;
  std::map<std::string, std::map<std::int32_t, std::size_t>, std::less<>> queue_numbers_;
  std::size_t last_queue_ = SIZE_MAX;
  std::size_t window_entries_ = window_entries_max;
  std::vector<std::int32_t> hashes_;
  std::vector<bool> seen_;
  std::int64_t records_ = 0;
  std::int64_t record_bytes_ = 0;
  std::int64_t damaged_parts_ = 0;
  std::int64_t damaged_bytes_ = 0;
  std::int64_t entries_ = 0;
  std::int64_t pending_ = 0;
  std::int64_t superseded_ = 0;
  std::int64_t of_deleted_topics_ = 0;
  std::int64_t index_confirmed_ = 0;
  std::int64_t keys_pending_ = 0;
};

}  // namespace

Status check_store(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                   sdk::StoreReport& report) {
  return Checker(disk, options, question, report).run();
}

}  // namespace gantry::storage_mmap::tools
