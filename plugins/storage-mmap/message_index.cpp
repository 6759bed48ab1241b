#include "plugins/storage-mmap/message_index.hpp"

#include "plugins/storage-mmap/index_file.hpp"
#include "plugins/storage-mmap/index_mark.hpp"
#include "plugins/storage-mmap/pending_keys.hpp"
#include "plugins/storage-mmap/wakeup.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace gantry::storage_mmap {
namespace {

using Clock = Wakeup::Clock;
constexpr auto retry_interval = std::chrono::seconds(1);
constexpr auto progress_interval = std::chrono::seconds(1);
constexpr std::size_t batch_keys_max = 250'000;         // of 24 bytes, and the same again while they are sorted
constexpr std::int64_t catch_up_bytes_max = 1 << 30;    // of the log, between two marks
constexpr std::uint32_t keys_of_a_record_max = 32'768;  // more do not fit into the properties

std::string field(std::string_view name, std::int64_t value) {
  return std::string(name).append("=").append(std::to_string(value));
}

}  // namespace

struct MessageIndex::Impl {
  Impl(Disk& disk_, const StoreOptions& options_, const Surroundings& surroundings_)
      : disk(disk_),
        options(options_),
        surroundings(surroundings_),
        root(options_.path),
        folder(root + "/index"),
        mark_file(disk_, root + "/gantry"),
        geometry{options_.index_slots, options_.index_entries},
        batch_max(std::clamp<std::size_t>(options_.index_pending_max, 1, batch_keys_max)),
        pending(options_.index_pending_max, std::max(1u, options_.index_pending_max / 4)) {}

  Status start(const IndexStart& found);
  void end_thread();
  Status finish();
  void loop();

  Result<bool> step();
  Status prepare();
  Status take_away(const IndexChoice::Unwanted& unwanted);
  Status put_newest_right();
  Status measure_tail();
  Status drop_newest(const std::string& reason);
  Status forget_everything(const std::string& reason);
  Result<bool> catch_up(std::int64_t limit);
  void report_progress(std::int64_t position, std::int64_t limit);
  Result<bool> write_pending();
  Status write(std::span<const IndexKey> keys, std::int64_t end, std::uint64_t release_until);
  Result<ListedIndexFile> make_file(const ListedIndexFile& before);
  Status save_mark(const ListedIndexFile& newest, std::int64_t end, bool clean, bool complete);

  [[nodiscard]] ListedIndexFile newest() const {
    const std::lock_guard lock(mutex);
    return files.empty() ? ListedIndexFile{} : files.back();
  }
  [[nodiscard]] bool is_due() const {
    return pending.count() >= pending.wake_count() || Clock::now() >= next_write || pending.is_closed();
  }
  void log(std::uint32_t level, std::string_view event, const std::string& text) const {
    if (surroundings.log) surroundings.log(level, event, text);
  }

  Disk& disk;
  const StoreOptions options;
  const Surroundings surroundings;
  const std::string root;
  const std::string folder;
  IndexMarkFile mark_file;
  IndexGeometry geometry;
  const std::size_t batch_max;
  IndexSource source;
  PendingKeys pending;

  /// What find() must see together: a key is in a listed file's counted entries, or in memory behind written_end.
  /// Never held during I/O.
  mutable std::mutex mutex;
  std::vector<ListedIndexFile> files;  // oldest first; changed by g-index, and by remove_expired() at the front
  std::int64_t written_end = 0;        // changed by g-index
  std::int64_t released_end = 0;       // memory has no keys of records before it
  bool failed = false;

  // g-index's (start() before, stop() after it).
  std::vector<IndexChoice::Unwanted> unwanted;  // files to be taken away before anything is written
  bool rewind_newest = false;                   // the newest file may hold more than its header says
  bool save_first = false;                      // the mark on the disk may not be continued from
  bool position_is_known = true;
  bool tail_is_measured = false;
  std::int64_t tail_offset = -1;  // of the newest record with keys in the files, when reading begins there
  std::uint64_t tail_keys = 0;    // how many of its keys are in the files
  bool full_reported = false;
  bool catching_up = false;
  std::int64_t catch_up_from = 0;
  std::int64_t catch_up_keys = 0;
  Clock::time_point next_progress;
  Clock::time_point next_write;
  std::vector<IndexKey> batch;
  std::vector<std::int32_t> hashes;

  Wakeup wakeup;
  std::atomic<bool> waits_for_durable{false};
  std::atomic<bool> stopping{false};
  bool started = false;
  std::thread thread;
};

// ---- start and stop ----

Status MessageIndex::Impl::start(const IndexStart& found) {
  GANTRY_ASSIGN(const auto mark, mark_file.load());
  if (mark && !mark->newest.empty()) geometry = mark->geometry;
  if (geometry.slots == 0 || geometry.entries < 2) {
    return Error{Errc::invalid_argument,
                 "starting the index: expected at least 1 slot and 2 entries in a file, found " +
                     std::to_string(geometry.slots) + " and " + std::to_string(geometry.entries)};
  }
  if (!disk.exists(folder)) {
    GANTRY_TRY(disk.make_directories(folder));
    GANTRY_TRY(disk.sync_directory(root));
  }
  GANTRY_ASSIGN(auto choice, choose_index_files(disk, folder, geometry, mark, found, source.log_begin()));
  for (const auto& name : choice.strangers) {
    log(GANTRY_LOG_WARN, "index.foreign_file",
        "file=" + folder + "/" + name + " expected a name of 17 digits; it is left alone");
  }
  files = std::move(choice.files);
  written_end = choice.written_end;
  unwanted = std::move(choice.unwanted);
  rewind_newest = choice.rewind;
  position_is_known = choice.position_is_known;
  save_first = position_is_known && (!mark || mark->clean || !unwanted.empty());
  pending.start(found.log_end);
  next_write = Clock::now() + options.index_interval;
  try {
    thread = std::thread([this] { loop(); });
  } catch (const std::system_error& error) {
    return Error{Errc::io, std::string("starting the index's thread: ") + error.what()};
  }
  started = true;
  return {};
}

void MessageIndex::Impl::end_thread() {
  stopping = true;
  wakeup.notify();
  if (thread.joinable()) thread.join();
}

/// After the thread's end: writes what memory holds, if it follows what is written.
Status MessageIndex::Impl::finish() {
  if (failed)
    return Error{Errc::io, "stopping the index: writing it failed before; the next start continues at its mark"};
  GANTRY_TRY(prepare());
  const auto part = pending.part();
  if (part && std::max(part->begin, released_end) <= written_end) {
    for (bool more = true; more;) {
      GANTRY_ASSIGN(more, write_pending());
    }
  }
  return save_mark(newest(), written_end, true, written_end >= source.durable_end());
}

void MessageIndex::Impl::loop() {
  pthread_setname_np(pthread_self(), "g-index");
  while (!stopping) {
    waits_for_durable = false;
    auto more = step();
    if (more && *more) continue;
    if (Clock::now() >= next_write) next_write = Clock::now() + options.index_interval;
    std::optional<Clock::time_point> deadline = next_write;
    if (!more && more.error().code == Errc::full) {
      if (!full_reported) {
        log(GANTRY_LOG_ERROR, "index.full",
            more.error().text +
                "; it is tried again every second, keys stay in memory "
                "and in the log");
      }
      full_reported = true;
      deadline = Clock::now() + std::min<Clock::duration>(retry_interval, options.index_interval);
      // Not before: appends wake this thread up as well.
      while (!stopping && Clock::now() < *deadline) wakeup.wait(deadline);
      continue;
    }
    if (!more) {
      log(GANTRY_LOG_ERROR, "index.failed",
          more.error().text + "; no key is written to index files until the next start, which reads them from the log");
      const std::lock_guard lock(mutex);
      failed = true;
      return;
    }
    if (stopping) return;
    wakeup.wait(deadline);
  }
}

/// One thing that is to be done; true when there may be more right now.
Result<bool> MessageIndex::Impl::step() {
  GANTRY_TRY(prepare());
  const auto part = pending.part();
  const auto durable = source.durable_end();
  const auto limit = part ? std::max(part->begin, released_end) : durable;
  if (written_end < limit) {
    if (written_end < durable) return catch_up(std::min(limit, durable));
    waits_for_durable = true;
    return source.durable_end() > durable;
  }
  if (catching_up) {
    catching_up = false;
    log(GANTRY_LOG_INFO, "index.caught_up",
        field("log_offset", written_end) + field(" from", catch_up_from) + field(" keys", catch_up_keys));
  }
  if (!part) {
    // The appender begins anew with its next record, or has dropped another one meanwhile.
    waits_for_durable = true;
    return source.durable_end() > durable;
  }
  if (!is_due()) return false;
  GANTRY_ASSIGN(const bool more, write_pending());
  if (more) return true;
  if (pending.is_closed() && pending.count() == 0 && written_end >= part->end) {
    pending.reopen();
    return true;
  }
  next_write = Clock::now() + options.index_interval;
  if (pending.count() >= pending.wake_count() || pending.is_closed()) {
    waits_for_durable = true;
    return source.durable_end() > durable;
  }
  return false;
}

// ---- putting files right ----

/// Brings what is on the disk to what this object believes. Does nothing when it is so.
Status MessageIndex::Impl::prepare() {
  while (!unwanted.empty()) {
    GANTRY_TRY(take_away(unwanted.front()));
    unwanted.erase(unwanted.begin());
    if (unwanted.empty()) GANTRY_TRY(disk.sync_directory(folder));
  }
  if (rewind_newest) GANTRY_TRY(put_newest_right());
  if (!tail_is_measured) GANTRY_TRY(measure_tail());
  if (save_first) {
    GANTRY_TRY(save_mark(newest(), written_end, false, false));
    save_first = false;
  }
  return {};
}

Status MessageIndex::Impl::take_away(const IndexChoice::Unwanted& what) {
  const auto path = folder + "/" + what.name;
  if (!what.is_damaged) {
    if (!what.reason.empty()) {
      log(GANTRY_LOG_WARN, "index.file_removed",
          "file=" + path + " " + what.reason + "; its keys are read from the log again");
    }
    return disk.remove(path);
  }
  const auto aside = root + "/gantry/damaged";
  if (disk.exists(path)) {
    GANTRY_TRY(disk.make_directories(aside));
    GANTRY_TRY(disk.rename(path, aside + "/index-" + what.name));
    GANTRY_TRY(disk.sync_directory(aside));
  }
  log(GANTRY_LOG_ERROR, "index.file_put_aside",
      "file=" + path + " folder=" + aside + " " + what.reason + "; its keys are read from the log again");
  return {};
}

Status MessageIndex::Impl::put_newest_right() {
  if (const auto last = newest(); last.file != nullptr) {
    auto rewound = last.file->rewind(last.header);
    if (!rewound && rewound.error().code == Errc::corrupt) return drop_newest(rewound.error().text);
    if (!rewound) return rewound;
  }
  rewind_newest = false;
  return {};
}

/// How much of the record at the files' end is in them: a file becomes full in the middle of a record.
Status MessageIndex::Impl::measure_tail() {
  tail_offset = -1;
  tail_keys = 0;
  std::vector<ListedIndexFile> listed;
  {
    const std::lock_guard lock(mutex);
    listed = files;
  }
  for (auto at = listed.rbegin(); at != listed.rend(); ++at) {
    if (at->header.is_empty()) continue;
    if (tail_offset >= 0 && at->header.end_offset != tail_offset) break;
    tail_offset = at->header.end_offset;
    GANTRY_ASSIGN(const auto found, at->file->entries_at_end(at->header, keys_of_a_record_max));
    tail_keys += found;
    if (found + 1 < static_cast<std::uint32_t>(at->header.count)) break;
  }
  tail_is_measured = true;
  return {};
}

/// The newest file does not hold together: its keys are read from the log again.
Status MessageIndex::Impl::drop_newest(const std::string& reason) {
  {
    const std::lock_guard lock(mutex);
    unwanted.push_back({files.back().file->name(), reason, true});
    files.pop_back();
    const auto* last = newest_with_entries(files);
    written_end = std::max(last != nullptr ? last->header.end_offset : 0, source.log_begin());
  }
  rewind_newest = tail_is_measured = position_is_known = save_first = false;
  return prepare();
}

/// The log cannot be read where the files' headers end.
Status MessageIndex::Impl::forget_everything(const std::string& reason) {
  {
    const std::lock_guard lock(mutex);
    for (auto at = files.rbegin(); at != files.rend(); ++at) unwanted.push_back({at->file->name(), reason, false});
    files.clear();
    written_end = source.log_begin();
  }
  rewind_newest = tail_is_measured = false;
  position_is_known = save_first = true;
  return prepare();
}

// ---- from the log ----

void MessageIndex::Impl::report_progress(std::int64_t position, std::int64_t limit) {
  const auto now = Clock::now();
  if (now < next_progress) return;
  next_progress = now + progress_interval;
  const auto total = std::max<std::int64_t>(limit - catch_up_from, 1);
  log(GANTRY_LOG_INFO, "index.catching_up",
      field("log_offset", position) + field(" of", limit) +
          field(" percent", (position - catch_up_from) * 100 / total));
}

/// Reads a batch of records in [written_end, limit) and writes their keys. `limit` is at or below the durable end.
Result<bool> MessageIndex::Impl::catch_up(std::int64_t limit) {
  const auto from = std::max(written_end, source.log_begin());
  if (!catching_up) {
    catching_up = true;
    catch_up_from = from;
    catch_up_keys = 0;
    next_progress = Clock::now() + progress_interval;
  }
  batch.clear();
  auto end = from;
  bool stopped_here = false;
  std::uint32_t visited = 0;
  const auto scanned = source.scan(from, [&](const protocol::RecordView& record) {
    const bool enough = batch.size() >= batch_max || end - from >= catch_up_bytes_max;
    if (record.log_offset >= limit || enough || stopping) {
      stopped_here = true;
      return false;
    }
    if (++visited % 1024 == 0) report_progress(record.log_offset, limit);
    end = record.log_offset + record.size;
    // What the files hold already is not written twice.
    if (record.log_offset < tail_offset) return true;
    record_keys(record.topic, record.properties, {}, record.sys_flag, hashes);
    const auto skipped = record.log_offset == tail_offset ? std::min<std::size_t>(tail_keys, hashes.size()) : 0;
    for (auto i = skipped; i < hashes.size(); ++i) batch.push_back({record.log_offset, record.store_ms, hashes[i]});
    return true;
  });
  if (stopping) return false;
  if (scanned && !stopped_here) end = std::max(end, std::min(*scanned, limit));
  if (end == from) {
    if (source.log_begin() > from) return true;  // retention was faster
    const bool at_limit = scanned && stopped_here;
    auto error = scanned
                     ? Error{Errc::corrupt, "reading the log for the index at " + std::to_string(from) +
                                                ": expected records up to " + std::to_string(limit) + ", found none"}
                     : scanned.error();
    if (at_limit) {
      // The next record begins at the limit, and nothing but a blank is before it.
      GANTRY_TRY(write({}, limit, 0));
      return true;
    }
    if (error.code != Errc::corrupt || position_is_known) return error;
    GANTRY_TRY(forget_everything(error.text));
    return true;
  }
  position_is_known = true;
  catch_up_keys += static_cast<std::int64_t>(batch.size());

  GANTRY_TRY(write(batch, end, 0));
  return true;
}

// ---- from memory ----

Result<bool> MessageIndex::Impl::write_pending() {
  batch.clear();
  const auto taken = pending.copy(written_end, source.durable_end(), batch_max, batch);
  if (taken.end > written_end || !batch.empty()) {
    GANTRY_TRY(write(batch, std::max(taken.end, written_end), taken.until));
  } else {
    const std::lock_guard lock(mutex);
    pending.release(taken.until);  // keys that were read from the log meanwhile
  }
  return taken.more;
}

// ---- to the files ----

Result<ListedIndexFile> MessageIndex::Impl::make_file(const ListedIndexFile& before) {
  const auto wall_ms =
      surroundings.wall_ms
          ? surroundings.wall_ms()
          : std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count();
  auto name = index_file_name(wall_ms, before.file != nullptr ? before.file->name() : std::string_view());
  while (disk.exists(folder + "/" + name)) name = index_file_name(0, name);
  // Until a mark names it, the file is one that a failure leaves behind.
  unwanted.insert(unwanted.begin(), {name, {}, false});
  GANTRY_ASSIGN(auto made, IndexFile::create(disk, folder, name, geometry, before.header));
  return ListedIndexFile{std::move(made.file), made.header};
}

/// Adds keys and moves the mark to `end`; then readers see them, and memory's keys below `release_until` are let go.
Status MessageIndex::Impl::write(std::span<const IndexKey> keys, std::int64_t end, std::uint64_t release_until) {
  auto current = newest();
  std::vector<ListedIndexFile> filled;
  const bool replaces = current.file != nullptr;
  rewind_newest = rewind_newest || !keys.empty();
  while (!keys.empty()) {
    if (current.file == nullptr || current.file->is_full(current.header)) {
      const auto before = current;
      if (before.file != nullptr) filled.push_back(before);
      GANTRY_ASSIGN(current, make_file(before));
    }
    const auto part = keys.first(std::min<std::size_t>(keys.size(), current.file->room(current.header)));
    GANTRY_ASSIGN(current.header, current.file->insert(current.header, part));
    keys = keys.subspan(part.size());
  }
  GANTRY_TRY(save_mark(current, end, false, false));
  unwanted.clear();
  rewind_newest = false;
  if (full_reported) log(GANTRY_LOG_INFO, "index.space_returned", "keys are written again");
  full_reported = false;
  if (current.file != nullptr) filled.push_back(current);
  const std::lock_guard lock(mutex);
  if (replaces) files.pop_back();
  files.insert(files.end(), filled.begin(), filled.end());
  written_end = end;
  if (release_until > 0) {
    pending.release(release_until);
    released_end = end;
  }
  return {};
}

Status MessageIndex::Impl::save_mark(const ListedIndexFile& newest_file, std::int64_t end, bool clean, bool complete) {
  IndexMark mark;
  mark.written_end = end;
  mark.geometry = geometry;
  if (newest_file.file != nullptr) {
    mark.newest = newest_file.file->name();
    mark.header = newest_file.header;
  }
  mark.clean = clean;
  mark.complete = clean && complete;
  return mark_file.save(mark);
}

// ---- the index ----

MessageIndex::MessageIndex(Disk& disk, const StoreOptions& options, const Surroundings& surroundings)
    : impl_(std::make_unique<Impl>(disk, options, surroundings)) {}

MessageIndex::~MessageIndex() { impl_->end_thread(); }

Status MessageIndex::start(IndexSource source, const IndexStart& found) {
  impl_->source = std::move(source);
  return impl_->start(found);
}

Status MessageIndex::stop() {
  if (!impl_->started) return {};
  impl_->started = false;
  impl_->end_thread();
  return impl_->finish();
}

void MessageIndex::abandon() {
  impl_->started = false;
  impl_->end_thread();
}

void MessageIndex::add(std::int64_t log_offset, std::int64_t log_end, std::int64_t store_ms,
                       std::span<const std::int32_t> hashes) noexcept {
  if (impl_->pending.add(log_offset, log_end, store_ms, hashes)) impl_->wakeup.notify();
}

void MessageIndex::durable_moved() noexcept {
  if (impl_->waits_for_durable.load(std::memory_order_relaxed)) impl_->wakeup.notify();
}

Status MessageIndex::find(std::int32_t hash, std::int64_t begin_ms, std::int64_t end_ms,
                          const std::function<bool(std::int64_t log_offset)>& visit) {
  if (hash < 0 || begin_ms > end_ms) return {};
  std::vector<ListedIndexFile> files;
  std::vector<std::int64_t> in_memory;
  {
    const std::lock_guard lock(impl_->mutex);
    files = impl_->files;
    impl_->pending.collect(hash, begin_ms, end_ms, impl_->written_end, in_memory);
  }
  for (auto at = in_memory.rbegin(); at != in_memory.rend(); ++at) {
    if (!visit(*at)) return {};
  }
  const auto log_begin = impl_->source.log_begin();
  std::int64_t visited = -1;
  const auto visit_file = [&](std::int64_t log_offset) {
    if (log_offset < log_begin || log_offset == visited) return true;
    visited = log_offset;
    return visit(log_offset);
  };
  constexpr std::int64_t lost_ms = 999;
  for (auto at = files.rbegin(); at != files.rend(); ++at) {
    const auto& header = at->header;
    if (header.is_empty()) continue;
    if (header.begin_ms <= end_ms && header.end_ms + lost_ms >= begin_ms) {
      GANTRY_ASSIGN(const bool goes_on, at->file->find(header, hash, begin_ms, end_ms, visit_file));
      if (!goes_on) return {};
    }
    if (header.begin_ms < begin_ms) return {};
  }
  return {};
}

MessageIndex::Progress MessageIndex::progress() const {
  Progress progress;
  const std::lock_guard lock(impl_->mutex);
  progress.indexed_end = impl_->written_end;
  if (impl_->written_end >= impl_->released_end) progress.indexed_end = impl_->pending.end_from(impl_->written_end);
  progress.failed = impl_->failed;
  progress.pending_keys = static_cast<std::int64_t>(impl_->pending.count());
  if (const auto key = impl_->pending.newest()) {
    progress.last_ms = key->store_ms;
    progress.last_log_offset = key->log_offset;
  } else if (const auto* last = newest_with_entries(impl_->files)) {
    progress.last_ms = last->header.end_ms;
    progress.last_log_offset = last->header.end_offset;
  }
  for (const auto& listed : impl_->files) {
    if (listed.file->is_full(listed.header)) progress.full_files_ms = listed.header.end_ms;
  }
  return progress;
}

Status MessageIndex::remove_expired(std::int64_t log_begin) {
  std::vector<ListedIndexFile> gone;
  {
    const std::lock_guard lock(impl_->mutex);
    auto& files = impl_->files;
    auto keep = files.begin();
    while (files.end() - keep > 1 && !keep->header.is_empty() && keep->header.end_offset < log_begin) ++keep;
    gone.assign(files.begin(), keep);
    files.erase(files.begin(), keep);
  }
  for (const auto& listed : gone) GANTRY_TRY(impl_->disk.remove(listed.file->path()));
  return {};
}

}  // namespace gantry::storage_mmap
