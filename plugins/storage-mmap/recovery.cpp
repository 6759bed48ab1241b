#include "plugins/storage-mmap/recovery.hpp"

#include "plugins/storage-mmap/blobs.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

namespace gantry::storage_mmap {
namespace {

constexpr std::int64_t pending_max = 1'000'000;
constexpr std::int64_t gap_max = 10'000'000;
constexpr std::int64_t progress_interval_ns = 1'000'000'000;
constexpr std::int64_t checkpoint_slack_ms = 3000;
constexpr std::int64_t garbage_step = 256 << 10;
constexpr std::int64_t zeros_enough = 8 << 20;

std::int64_t steady_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

}  // namespace

void Recovery::log(std::uint32_t level, std::string_view event, const std::string& text) const {
  if (parts_.surroundings.log) parts_.surroundings.log(level, event, text);
}

Result<RecoveryOutcome> Recovery::run() {
  auto& root = parts_.root;
  auto& commit_log = parts_.log;
  out_.closed_in_order = root.was_closed_in_order();
  GANTRY_ASSIGN(out_.checkpoint, root.load_checkpoint());
  GANTRY_TRY(commit_log.load());
  GANTRY_TRY(read_ledger());
  if (!out_.from_ledger) {
    GANTRY_ASSIGN(start_, choose_start());
    // Nothing says that the entries below the start are whole: look at each queue's newest one.
    GANTRY_TRY(check_queue_tails());
  }
  // The marker of an open store may only disappear after everything below is done.
  GANTRY_TRY(root.mark_open());

  out_.log_end = start_;
  out_.last_record = out_.from_ledger ? out_.mark.last_record : -1;
  GANTRY_TRY(scan(start_, false));
  GANTRY_TRY(rebuild_damaged());
  GANTRY_TRY(report_cut());
  GANTRY_TRY(cut_queues());
  const bool clear = !out_.closed_in_order || clear_tail_;
  const auto sync_from = out_.closed_in_order ? out_.log_end : start_;
  scanner_.reset();  // the file that it is in may go
  GANTRY_ASSIGN(const auto moved, commit_log.settle(out_.log_end, sync_from, clear, root.damaged_folder()));
  if (moved > 0) {
    log(GANTRY_LOG_ERROR, "storage.files_put_aside",
        "files=" + std::to_string(moved) + " log_end=" + std::to_string(out_.log_end) +
            " folder=" + root.damaged_folder() + " they hold records behind the place where the log ends");
  }
  GANTRY_TRY(find_store_times());
  std::erase_if(out_.deleted_topics, [&](const auto& entry) { return entry.second <= commit_log.files_begin(); });
  for (auto& [topic, deleted_at] : out_.deleted_topics) {
    // New messages of the topic must not lie below its deletion.
    if (deleted_at <= out_.log_end) continue;
    deleted_at = out_.log_end;
    out_.ledger_is_stale = true;
  }
  const auto queues = parts_.queues.all();
  for (const auto* queue : queues) out_.pending_entries += static_cast<std::int64_t>(queue->pending(INT64_MAX));
  log(GANTRY_LOG_INFO, "storage.recovered",
      std::string("after=") + (out_.closed_in_order ? "orderly-stop" : "crash") +
          " log_begin=" + std::to_string(commit_log.files_begin()) + " log_end=" + std::to_string(out_.log_end) +
          " read_from=" + std::to_string(start_) + " records_read=" + std::to_string(out_.records_read) +
          " queues=" + std::to_string(queues.size()) + " ledger=" + (out_.from_ledger ? "yes" : "no") +
          " rebuilt_queues=" + std::to_string(damaged_.size()));
  return out_;
}

Status Recovery::find_store_times() {
  protocol::RecordView view;
  std::string ignored;
  if (out_.last_record >= 0) {
    GANTRY_ASSIGN(const auto last, scanner_.inspect(out_.last_record, view, ignored));
    if (last == LogItem::record) out_.last_store_ms = view.store_ms;
  }
  if (out_.log_end > parts_.log.files_begin()) {
    GANTRY_ASSIGN(const auto first, scanner_.inspect(parts_.log.files_begin(), view, ignored));
    if (first == LogItem::record) out_.oldest_store_ms = view.store_ms;
  }
  return {};
}

// ---- what the queues hold ----

Result<Recovery::Doubt> Recovery::doubt(const QueueLedger::Image& image) {
  const auto& mark = image.mark;
  const auto& commit_log = parts_.log;
  // All of the log below the mark was on the disk, and names of files are synced before anything is written to them.
  if (mark.end > std::max(commit_log.files_end(), mark.log_begin)) {
    return Error{Errc::corrupt,
                 "opening the store " + parts_.root.path() + ": expected " + parts_.root.path() +
                     "/commitlog to reach at least log offset " + std::to_string(mark.end) + ", found " +
                     (commit_log.empty() ? std::string("no file")
                                         : "that its last file ends at " + std::to_string(commit_log.files_end())) +
                     "; restore what is missing, or give up the messages in it by removing " + parts_.root.ours() +
                     "/queues and the folder consumequeue"};
  }
  const auto confirmed = out_.checkpoint.confirm_offset;
  if (confirmed != mark.end && confirmed != mark.confirmed) {
    return Doubt{"file=" + parts_.root.path() + "/checkpoint expected_confirm_offset=" + std::to_string(mark.end) +
                     " found=" + std::to_string(confirmed) +
                     " another broker used the directory since, or the file is damaged",
                 true};
  }
  if (out_.closed_in_order && !mark.clean) return Doubt{"another broker stopped in order since", true};
  if (mark.log_begin != commit_log.files_begin()) {
    log(GANTRY_LOG_WARN, "storage.log_begin_moved",
        "folder=" + parts_.root.path() + "/commitlog expected_first_file=" + offset_name(mark.log_begin) +
            " found=" + offset_name(commit_log.files_begin()) +
            " the files between were removed: by retention just before the last stop, or by hand");
  }
  if (mark.last_record < 0) {
    if (mark.end == commit_log.files_begin()) return Doubt{};
    return Doubt{"the log does not begin where it says"};
  }
  if (mark.last_record < commit_log.files_begin()) return Doubt{"the log begins behind it"};
  protocol::RecordView view;
  std::string reason = "a record of another size";
  GANTRY_ASSIGN(const auto last, scanner_.inspect(mark.last_record, view, reason));
  if (last == LogItem::record && mark.last_record + view.size == mark.end) return Doubt{};
  return Doubt{"log_offset=" + std::to_string(mark.last_record) +
               " expected the record that it ends with, found: " + reason};
}

Status Recovery::read_ledger() {
  GANTRY_ASSIGN(const auto image, parts_.ledger.load());
  if (!image) return {};
  if (image->bytes_ignored > 0) {
    log(GANTRY_LOG_WARN, "storage.ledger_cut",
        "file=" + parts_.root.ours() + "/queues position=" + std::to_string(image->bytes) +
            " bytes=" + std::to_string(image->bytes_ignored) + " the last checkpoint was not written to its end");
  }
  GANTRY_ASSIGN(const auto doubts, doubt(*image));
  if (!doubts.is_another_broker) {
    // Else what was deleted here may be back, and is as that broker has left it.
    for (const auto& [name, topic] : image->topics) {
      if (topic.deleted_at >= 0) out_.deleted_topics.emplace(name, topic.deleted_at);
    }
  }
  if (!doubts.why.empty()) {
    log(GANTRY_LOG_WARN, "storage.ledger_ignored",
        "file=" + parts_.root.ours() + "/queues why=\"" + doubts.why + "\" the queues' files are read instead");
    return {};
  }
  out_.from_ledger = true;
  out_.mark = image->mark;
  start_ = image->mark.end;
  return restore_queues(*image);
}

Status Recovery::restore_queues(const QueueLedger::Image& image) {
  for (const auto& [name, topic] : image.topics) {
    if (auto good = check_topic_name(name); !good) continue;
    // A crash may have come between the deletion's note and the removal of the files.
    if (topic.deleted_at >= 0 && topic.queues.empty()) GANTRY_TRY(parts_.files.remove_leftovers(name));
    for (const auto& [id, found] : topic.queues) {
      auto* queue = parts_.queues.open(name, id);
      const auto& extent = found.extent;
      if (static_cast<std::int64_t>(found.tail.size()) != extent.max - extent.written) {
        damaged_.insert(queue);
        continue;
      }
      queue->restore(extent, found.tail);
    }
  }
  return {};
}

Status Recovery::load_queues(std::int64_t log_limit) {
  GANTRY_ASSIGN(const auto names, parts_.files.list());
  for (const auto& name : names) {
    if (auto good = check_topic_name(name.topic); !good) continue;
    auto* queue = parts_.queues.open(name.topic, name.id);
    GANTRY_ASSIGN(const auto extent, parts_.files.load(*queue, parts_.log.files_begin(), log_limit));
    const auto deleted = out_.deleted_topics.find(name.topic);
    if (deleted != out_.deleted_topics.end() && extent.log_end <= deleted->second) {
      // A crash came between the deletion's note and the removal of the files.
      GANTRY_TRY(parts_.files.remove(*queue));
      continue;
    }
    queue->restore(extent, {});
    if (extent.max > 0 && parts_.log.empty()) {
      return Error{Errc::corrupt, "opening the store " + parts_.root.path() + ": expected the commit log that queue " +
                                      queue->name() + " points into, found no file in " + parts_.root.path() +
                                      "/commitlog; restore it, or remove the folder consumequeue to begin anew"};
    }
  }
  return {};
}

Result<std::int64_t> Recovery::choose_start() {
  if (out_.closed_in_order) {
    GANTRY_TRY(load_queues(INT64_MAX));
    return start_after_order();
  }
  GANTRY_ASSIGN(const auto after_crash, start_after_crash());
  GANTRY_TRY(load_queues(after_crash));
  return after_crash;
}

Result<std::int64_t> Recovery::start_after_crash() {
  const auto& checkpoint = out_.checkpoint;
  const auto known_ms = std::min(checkpoint.log_ms, checkpoint.queues_ms) - checkpoint_slack_ms;
  const auto size = parts_.log.segment_size();
  for (auto base = parts_.log.files_end() - size; base > parts_.log.files_begin(); base -= size) {
    protocol::RecordView view;
    std::string ignored;
    GANTRY_ASSIGN(const auto first, scanner_.inspect(base, view, ignored));
    if (first == LogItem::record && view.store_ms <= known_ms) return base;
  }
  return parts_.log.files_begin();
}

Result<std::int64_t> Recovery::start_after_order() {
  std::int64_t known_end = -1;
  for (const auto* queue : parts_.queues.all()) known_end = std::max(known_end, queue->last_log_end());
  // As RocketMQ does it: who stopped in order left no message without its entry. What older records have none belong to
  // topics that were deleted.
  dispatch_from_ = std::max<std::int64_t>(known_end, 0);
  const auto size = parts_.log.segment_size();
  for (auto base = parts_.log.files_end() - size; base > parts_.log.files_begin(); base -= size) {
    protocol::RecordView view;
    std::string ignored;
    GANTRY_ASSIGN(const auto first, scanner_.inspect(base, view, ignored));
    if (first == LogItem::record && base < known_end) return base;
  }
  return parts_.log.files_begin();
}

Status Recovery::check_queue_tails() {
  for (auto* queue : parts_.queues.all()) {
    const auto bounds = queue->bounds();
    if (bounds.max == bounds.min) continue;
    std::array<protocol::QueueEntry, 1> last{};
    GANTRY_ASSIGN(const auto count, parts_.files.read(*queue, bounds.max - 1, last, true));
    protocol::RecordView view;
    std::string reason;
    bool fits = false;
    if (count == 1) {
      GANTRY_ASSIGN(const auto item, scanner_.inspect(last[0].log_offset, view, reason));
      fits = item == LogItem::record && view.topic == queue->topic() && view.queue_id == queue->id() &&
             view.size == static_cast<std::uint32_t>(last[0].size);
    }
    if (!fits) damaged_.insert(queue);
  }
  return {};
}

void Recovery::progress(std::int64_t position, std::int64_t from) {
  const auto now = steady_ns();
  if (next_progress_ns_ == 0) next_progress_ns_ = now + progress_interval_ns;
  if (now < next_progress_ns_) return;
  next_progress_ns_ = now + progress_interval_ns;
  const auto total = std::max<std::int64_t>(parts_.log.files_end() - from, 1);
  log(GANTRY_LOG_INFO, "storage.recovering",
      "log_offset=" + std::to_string(position) + " of=" + std::to_string(parts_.log.files_end()) + " percent=" +
          std::to_string((position - from) * 100 / total) + " records=" + std::to_string(out_.records_read));
}

Status Recovery::scan(std::int64_t from, bool only_damaged) {
  const bool from_beginning = from == parts_.log.files_begin();
  auto position = from;
  const auto limit = only_damaged ? out_.log_end : INT64_MAX;
  while (position < limit) {
    protocol::RecordView view;
    GANTRY_ASSIGN(const auto item, scanner_.inspect(position, view, end_reason_));
    if (item == LogItem::end) break;
    if (item == LogItem::record) {
      GANTRY_TRY(dispatch(view, position, from_beginning, only_damaged));
      if (!only_damaged) {
        out_.last_record = position;
        ++out_.records_read;
      }
    }
    position = scanner_.next(position, item, view);
    progress(position, from);
  }
  if (!only_damaged) out_.log_end = position;
  return {};
}

Status Recovery::dispatch(const protocol::RecordView& record, std::int64_t position, bool from_beginning,
                          bool only_damaged) {
  if (position < dispatch_from_ && !only_damaged) return {};
  if (!protocol::sys_flag::takes_queue_offset(record.sys_flag) || !check_topic_name(record.topic)) return {};
  if ((record.sys_flag & protocol::sys_flag::inner_batch) != 0) {
    log(GANTRY_LOG_ERROR, "storage.batch_record",
        "log_offset=" + std::to_string(position) + " topic=" + std::string(record.topic) +
            " a batch of a BatchCQ topic, which is not read, is left out of its queue");
    return {};
  }
  const auto deleted = out_.deleted_topics.find(record.topic);
  if (deleted != out_.deleted_topics.end() && position < deleted->second) return {};
  auto* queue = parts_.queues.open(record.topic, record.queue_id);
  if (!damaged_.empty() && only_damaged != damaged_.contains(queue)) return {};
  if (damaged_.empty() && only_damaged) return {};
  if (position < queue->last_log_end()) return {};  // its entry is there already
  const auto expected = queue->next_offset();
  if (record.queue_offset > expected) {
    if (expected == 0 && from_beginning) {
      // The oldest messages went with their files: the queue begins here.
      queue->restore({record.queue_offset, record.queue_offset, record.queue_offset, -1, -1}, {});
    } else if (!from_beginning) {
      damaged_.insert(queue);
      return {};
    } else {
      if (record.queue_offset - expected > gap_max) {
        log(GANTRY_LOG_ERROR, "storage.queue_offset_implausible",
            "queue=" + queue->name() + " log_offset=" + std::to_string(position) +
                " expected=" + std::to_string(expected) + " found=" + std::to_string(record.queue_offset) +
                " the record is left out of its queue");
        return {};
      }
      log(GANTRY_LOG_WARN, "storage.queue_gap",
          "queue=" + queue->name() + " expected=" + std::to_string(expected) +
              " found=" + std::to_string(record.queue_offset) + " the offsets between have no record in the log");
      while (queue->next_offset() < record.queue_offset) {
        queue->push({0, protocol::queue_entry_blank_size, 0});
        ++pending_count_;
      }
    }
  } else if (record.queue_offset < expected) {
    if (record.queue_offset != 0) {
      log(GANTRY_LOG_WARN, "storage.queue_offset_repeated",
          "queue=" + queue->name() + " log_offset=" + std::to_string(position) +
              " expected=" + std::to_string(expected) + " found=" + std::to_string(record.queue_offset) +
              " the record is left out of its queue");
      return {};
    }
    // The topic was deleted and made again by a broker that leaves no note about it: the newer queue counts.
    GANTRY_TRY(forget_entries(*queue));
  }
  const auto tag = protocol::entry_tag(parts_.options.delay_levels_ms, record.topic, record.properties);
  queue->push({position, static_cast<std::int32_t>(record.size), tag.at(record.store_ms)});
  pending_.insert(queue);
  if (++pending_count_ >= pending_max) GANTRY_TRY(write_pending(position));
  return {};
}

Status Recovery::forget_entries(MessageQueue& queue) {
  GANTRY_TRY(parts_.files.remove(queue));
  queue.restore({}, {});
  return {};
}

Status Recovery::rebuild_damaged() {
  if (damaged_.empty()) return {};
  for (auto* queue : damaged_) {
    log(GANTRY_LOG_WARN, "storage.queue_rebuilding",
        "queue=" + queue->name() + " its entries do not fit the log and are made again from it");
    GANTRY_TRY(forget_entries(*queue));
  }
  return scan(parts_.log.files_begin(), true);
}

// No entry may point behind the end of the log. Entries reach the files after their records are durable, so there are
// none, unless another broker wrote them or what was durable is damaged.
Status Recovery::cut_queues() {
  for (auto* queue : parts_.queues.all()) {
    if (queue->last_log_end() <= out_.log_end) {
      // With a ledger QueueCare looks: a torn tail is what every power cut leaves, and no reason to open every queue.
      const bool may_be_stale = out_.bytes_cut > 0 && !out_.from_ledger;
      if (may_be_stale) GANTRY_TRY(parts_.files.clear_behind(*queue, queue->next_offset()));
      continue;
    }
    GANTRY_ASSIGN(const auto extent, parts_.files.load(*queue, parts_.log.files_begin(), out_.log_end));
    log(GANTRY_LOG_WARN, "storage.queue_cut",
        "queue=" + queue->name() + " from=" + std::to_string(queue->next_offset()) +
            " to=" + std::to_string(extent.max) + " its newest entries point behind the end of the log");
    queue->restore(extent, {});
  }
  return {};
}

Result<std::int64_t> Recovery::measure_garbage(const Segment& segment, std::int64_t from, const File* copy) {
  // A long run of zeros ends it: longer than the records that a power cut may have kept out of the middle.
  std::vector<std::byte> part(garbage_step);
  std::int64_t used = 0;
  for (std::int64_t at = 0; from + at < segment.end() && at - used < zeros_enough;) {
    const auto room = std::min<std::int64_t>(segment.end() - from - at, garbage_step);
    const auto bytes = std::span(part).first(static_cast<std::size_t>(room));
    GANTRY_ASSIGN(const auto count,
                  parts_.disk.read(segment.file(), bytes, static_cast<std::uint64_t>(from + at - segment.base())));
    if (count == 0) break;
    auto last = count;
    while (last > 0 && bytes[last - 1] == std::byte{0}) --last;
    if (last > 0) {
      used = at + static_cast<std::int64_t>(last);
      if (copy != nullptr) GANTRY_TRY(parts_.disk.write(*copy, bytes.first(last), static_cast<std::uint64_t>(at)));
    }
    at += static_cast<std::int64_t>(count);
  }
  return used;
}

Result<std::int64_t> Recovery::find_whole_record(std::int64_t from, std::int64_t end) {
  LogScanner scanner(parts_.log, parts_.disk, LogScanner::Cache::keep);
  return scanner.find_record(from, end);
}

Status Recovery::report_cut() {
  const auto end = out_.log_end;
  const auto segment = parts_.log.pin(end);
  if (!segment) return {};
  GANTRY_ASSIGN(const auto garbage, measure_garbage(*segment.get(), end, nullptr));
  if (garbage == 0) return {};
  clear_tail_ = true;
  out_.bytes_cut = garbage;
  GANTRY_ASSIGN(const auto whole_at, find_whole_record(end + 1, end + garbage));
  std::string text = "log_offset=" + std::to_string(end) + " bytes=" + std::to_string(garbage) + " reason=\"" +
                     end_reason_ + "\" file=" + segment->file().path() +
                     " position=" + std::to_string(end - segment->base());
  if (whole_at >= 0) {
    // A power cut may keep a later page and lose an earlier one; damage in the middle looks the same. Keep a copy.
    const auto folder = parts_.root.damaged_folder();
    GANTRY_TRY(parts_.disk.make_directories(folder));
    const auto path = folder + "/tail-" + offset_name(end);
    GANTRY_ASSIGN(const auto file, parts_.disk.open(path, OpenMode::replace));
    GANTRY_TRY(measure_garbage(*segment.get(), end, &file));
    GANTRY_TRY(parts_.disk.sync(file));
    GANTRY_TRY(parts_.disk.sync_directory(folder));
    text += " whole_record_at=" + std::to_string(whole_at) + " copy=" + path;
  }
  log(whole_at >= 0 ? GANTRY_LOG_ERROR : GANTRY_LOG_WARN, "storage.tail_cut", text);
  return {};
}

Status Recovery::write_pending(std::int64_t synced_end) {
  // The files must not know of what a power cut could still take from the log.
  const auto size = parts_.log.segment_size();
  for (auto base = start_ / size * size; base < synced_end; base += size) {
    const auto segment = parts_.log.pin(base);
    if (segment) GANTRY_TRY(parts_.disk.sync(segment->file()));
  }
  std::vector<protocol::QueueEntry> entries(4096);
  for (auto* queue : pending_) {
    for (;;) {
      std::int64_t first = 0;
      const auto count = queue->copy_pending(synced_end, first, entries);
      if (count == 0) break;
      GANTRY_TRY(parts_.files.write(*queue, first, std::span(entries).first(count)));
      queue->mark_written(count);
    }
    queue->settle();
  }
  pending_.clear();
  pending_count_ = 0;
  return {};
}

}  // namespace gantry::storage_mmap
