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
constexpr std::int64_t inspect_behind_max = 16 << 20;
constexpr std::size_t zeros_enough = 256u << 10;

std::int64_t steady_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

bool takes_queue_offset(std::int32_t sys_flag) {
  const auto transaction = protocol::sys_flag::transaction_of(sys_flag);
  return transaction == protocol::sys_flag::transaction_none || transaction == protocol::sys_flag::transaction_commit;
}

}  // namespace

void Recovery::log(std::uint32_t level, std::string_view event, const std::string& text) const {
  if (parts_.surroundings.log) parts_.surroundings.log(level, event, text);
}

Result<RecoveryOutcome> Recovery::run() {
  auto& root = parts_.root;
  auto& commit_log = parts_.log;
  auto& files = parts_.files;
  closed_in_order_ = root.was_closed_in_order();
  GANTRY_ASSIGN(out_.checkpoint, root.load_checkpoint());
  GANTRY_ASSIGN(mark_, root.load_mark());
  GANTRY_ASSIGN(out_.deleted_topics, root.load_deleted_topics());
  GANTRY_TRY(commit_log.load());
  GANTRY_ASSIGN(const auto start, choose_start());
  if (!mark_fits_) {
    // Without a mark of ours nothing says that the entries below the start are whole: look at each queue's newest one.
    GANTRY_TRY(check_queue_tails());
  }
  // The marker of an open store may only disappear after everything below is done.
  GANTRY_TRY(root.mark_open());

  out_.log_end = start;
  out_.last_record = mark_fits_ ? mark_->last_record : -1;
  GANTRY_TRY(scan(start, false));
  GANTRY_TRY(rebuild_damaged());
  GANTRY_TRY(report_cut(end_reason_));
  GANTRY_TRY(cut_queues());
  GANTRY_TRY(write_pending());
  const bool clear = !closed_in_order_ || clear_tail_;
  GANTRY_ASSIGN(const auto moved, commit_log.settle(out_.log_end, start, clear, root.damaged_folder()));
  if (moved > 0) {
    log(GANTRY_LOG_ERROR, "storage.files_put_aside",
        "files=" + std::to_string(moved) + " log_end=" + std::to_string(out_.log_end) +
            " folder=" + root.damaged_folder() + " they hold records behind the place where the log ends");
  }

  std::string ignored;
  protocol::RecordView view;
  if (out_.last_record >= 0 && commit_log.inspect(out_.last_record, view, ignored) == LogItem::record) {
    out_.last_store_ms = view.store_ms;
  }
  if (out_.log_end > commit_log.files_begin() &&
      commit_log.inspect(commit_log.files_begin(), view, ignored) == LogItem::record) {
    out_.oldest_store_ms = view.store_ms;
  }
  std::erase_if(out_.deleted_topics, [&](const auto& entry) { return entry.second <= commit_log.files_begin(); });
  GANTRY_TRY(files.sync());
  if (out_.log_end > commit_log.files_begin()) {
    GANTRY_TRY(root.save_mark({out_.log_end, out_.last_record, false}));
  }
  log(GANTRY_LOG_INFO, "storage.recovered",
      std::string("after=") + (closed_in_order_ ? "orderly-stop" : "crash") +
          " log_begin=" + std::to_string(commit_log.files_begin()) + " log_end=" + std::to_string(out_.log_end) +
          " read_from=" + std::to_string(start) + " records_read=" + std::to_string(out_.records_read) + " queues=" +
          std::to_string(parts_.queues.all().size()) + " rebuilt_queues=" + std::to_string(damaged_.size()));
  return out_;
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
    queue->set_loaded(extent.min, extent.max, extent.log_end);
    if (extent.max > 0 && parts_.log.empty()) {
      return Error{Errc::corrupt, "opening the store " + parts_.root.path() + ": expected the commit log that queue " +
                                      queue->name() + " points into, found no file in " + parts_.root.path() +
                                      "/commitlog; restore it, or remove the folder consumequeue to begin anew"};
    }
  }
  return {};
}

Result<std::int64_t> Recovery::choose_start() {
  auto& commit_log = parts_.log;
  if (mark_) {
    protocol::RecordView view;
    std::string ignored;
    const bool at_begin = mark_->end == commit_log.files_begin() && mark_->last_record < 0;
    // Another broker may have cut the log below our mark: it only counts if the record that it names is still there.
    mark_fits_ = at_begin || (mark_->last_record >= commit_log.files_begin() &&
                              commit_log.inspect(mark_->last_record, view, ignored) == LogItem::record &&
                              mark_->last_record + view.size == mark_->end);
  }
  if (mark_fits_) {
    GANTRY_TRY(load_queues(closed_in_order_ ? INT64_MAX : mark_->end));
    // Queues that are gone altogether: the whole log makes them again.
    if (mark_->end > commit_log.files_begin() && parts_.queues.all().empty()) {
      mark_fits_ = false;
      return commit_log.files_begin();
    }
    return mark_->end;
  }
  const auto after_crash = start_after_crash();
  GANTRY_TRY(load_queues(closed_in_order_ ? INT64_MAX : after_crash));
  return closed_in_order_ ? start_after_order() : after_crash;
}

std::int64_t Recovery::start_after_crash() const {
  const auto& checkpoint = out_.checkpoint;
  const auto known_ms = std::min(checkpoint.log_ms, checkpoint.queues_ms) - checkpoint_slack_ms;
  const auto size = static_cast<std::int64_t>(parts_.options.segment_size);
  for (auto base = parts_.log.files_end() - size; base > parts_.log.files_begin(); base -= size) {
    protocol::RecordView view;
    std::string ignored;
    if (parts_.log.inspect(base, view, ignored) == LogItem::record && view.store_ms <= known_ms) return base;
  }
  return parts_.log.files_begin();
}

std::int64_t Recovery::start_after_order() const {
  std::int64_t known_end = -1;
  for (const auto* queue : parts_.queues.all()) known_end = std::max(known_end, queue->last_log_end());
  const auto size = static_cast<std::int64_t>(parts_.options.segment_size);
  for (auto base = parts_.log.files_end() - size; base > parts_.log.files_begin(); base -= size) {
    protocol::RecordView view;
    std::string ignored;
    if (parts_.log.inspect(base, view, ignored) == LogItem::record && base < known_end) return base;
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
    const bool fits = count == 1 && parts_.log.inspect(last[0].log_offset, view, reason) == LogItem::record &&
                      view.topic == queue->topic() && view.queue_id == queue->id() &&
                      view.size == static_cast<std::uint32_t>(last[0].size);
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
  const auto size = static_cast<std::int64_t>(parts_.options.segment_size);
  const bool from_beginning = from == parts_.log.files_begin();
  auto position = from;
  const auto limit = only_damaged ? out_.log_end : INT64_MAX;
  while (position < limit) {
    protocol::RecordView view;
    const auto item = parts_.log.inspect(position, view, end_reason_);
    if (item == LogItem::end) break;
    if (item == LogItem::blank) {
      position = (position / size + 1) * size;
      continue;
    }
    GANTRY_TRY(dispatch(view, position, from_beginning, only_damaged));
    if (!only_damaged) {
      out_.last_record = position;
      ++out_.records_read;
    }
    position += view.size;
    progress(position, from);
  }
  if (!only_damaged) out_.log_end = position;
  return {};
}

Status Recovery::dispatch(const protocol::RecordView& record, std::int64_t position, bool from_beginning,
                          bool only_damaged) {
  if (!takes_queue_offset(record.sys_flag) || !check_topic_name(record.topic)) return {};
  const auto deleted = out_.deleted_topics.find(record.topic);
  if (deleted != out_.deleted_topics.end() && position < deleted->second) return {};
  auto* queue = parts_.queues.open(record.topic, record.queue_id);
  if (only_damaged != damaged_.contains(queue)) return {};
  if (position < queue->last_log_end()) return {};  // its entry is there already
  const auto expected = queue->next_offset();
  if (record.queue_offset > expected) {
    if (expected == 0 && from_beginning) {
      // The oldest messages went with their files: the queue begins here.
      queue->set_loaded(record.queue_offset, record.queue_offset, -1);
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
  const auto tag = protocol::entry_tag(record.topic, record.properties);
  queue->push({position, static_cast<std::int32_t>(record.size), tag.at(record.store_ms)});
  pending_.insert(queue);
  if (++pending_count_ >= pending_max) GANTRY_TRY(write_pending());
  return {};
}

Status Recovery::forget_entries(MessageQueue& queue) {
  GANTRY_TRY(parts_.files.remove(queue));
  queue.set_loaded(0, 0, -1);
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

Status Recovery::cut_queues() {
  for (auto* queue : parts_.queues.all()) {
    if (queue->last_log_end() <= out_.log_end) continue;
    GANTRY_ASSIGN(const auto extent, parts_.files.load(*queue, parts_.log.files_begin(), out_.log_end));
    log(GANTRY_LOG_WARN, "storage.queue_cut",
        "queue=" + queue->name() + " from=" + std::to_string(queue->next_offset()) +
            " to=" + std::to_string(extent.max) + " its newest entries point behind the end of the log");
    queue->set_loaded(extent.min, extent.max, extent.log_end);
  }
  return {};
}

Result<std::vector<std::byte>> Recovery::read_garbage(const Segment& segment, std::int64_t from) {
  // Through the file: reading a sparse mapping would make its pages resident. A long run of zeros ends it.
  std::vector<std::byte> bytes;
  std::size_t used = 0;
  const auto room = static_cast<std::size_t>(std::min(segment.end() - from, inspect_behind_max));
  while (bytes.size() < room && bytes.size() - used < zeros_enough) {
    const auto done = bytes.size();
    bytes.resize(std::min(room, done + zeros_enough / 4));
    const auto at = static_cast<std::uint64_t>(from - segment.base()) + done;
    GANTRY_TRY(parts_.disk.read(segment.file(), std::span(bytes).subspan(done), at));
    for (auto i = bytes.size(); i > done && i > used; --i) {
      if (bytes[i - 1] != std::byte{0}) used = i;
    }
  }
  bytes.resize(used);
  return bytes;
}

Status Recovery::report_cut(const std::string& reason) {
  const auto end = out_.log_end;
  const auto* segment = parts_.log.find(end);
  if (segment == nullptr) return {};
  GANTRY_ASSIGN(const auto bytes, read_garbage(*segment, end));
  const auto garbage = static_cast<std::int64_t>(bytes.size());
  if (garbage == 0) return {};
  clear_tail_ = true;
  out_.bytes_cut = garbage;
  std::int64_t whole_at = -1;
  protocol::RecordView view;
  std::string ignored;
  for (std::int64_t i = 1; i + 4 < garbage && whole_at < 0; ++i) {
    // The first byte of the magic is rare enough to make this quick.
    if (bytes[static_cast<std::size_t>(i + 4)] != std::byte{0xDA}) continue;
    if (parts_.log.inspect(end + i, view, ignored) == LogItem::record) whole_at = end + i;
  }
  std::string text = "log_offset=" + std::to_string(end) + " bytes=" + std::to_string(garbage) + " reason=\"" + reason +
                     "\" file=" + segment->file().path();
  if (whole_at >= 0) {
    // A power cut may keep a later page and lose an earlier one; damage in the middle looks the same. Keep a copy.
    const auto folder = parts_.root.damaged_folder();
    GANTRY_TRY(parts_.disk.make_directories(folder));
    const auto path = folder + "/tail-" + offset_name(end);
    GANTRY_ASSIGN(const auto file, parts_.disk.open(path, OpenMode::replace));
    GANTRY_TRY(parts_.disk.write(file, bytes, 0));
    GANTRY_TRY(parts_.disk.sync(file));
    text += " whole_record_at=" + std::to_string(whole_at) + " copy=" + path;
  }
  log(whole_at >= 0 ? GANTRY_LOG_ERROR : GANTRY_LOG_WARN, "storage.tail_cut", text);
  return {};
}

Status Recovery::write_pending() {
  std::vector<protocol::QueueEntry> entries(4096);
  for (auto* queue : pending_) {
    for (;;) {
      std::int64_t first = 0;
      const auto count = queue->copy_pending(first, entries);
      if (count > 0) GANTRY_TRY(parts_.files.write(*queue, first, std::span(entries).first(count)));
      if (queue->mark_written(count)) break;
    }
  }
  pending_.clear();
  pending_count_ = 0;
  return {};
}

}  // namespace gantry::storage_mmap
