#include "plugins/storage-mmap/mmap_store.hpp"

#include "plugins/storage-mmap/log_scanner.hpp"
#include "plugins/storage-mmap/read_owner.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace gantry::storage_mmap {
namespace {

constexpr std::uint64_t segment_size_min = 4096;

Status check_options(const StoreOptions& options) {
  const auto refuse = [](std::string text) { return Status(Error{Errc::invalid_argument, std::move(text)}); };
  if (options.segment_size < segment_size_min || options.segment_size % segment_size_min != 0 ||
      options.segment_size > (1ull << 31) - segment_size_min) {
    return refuse("segment_size: expected a multiple of 4096 below 2 GiB, found " +
                  std::to_string(options.segment_size));
  }
  if (options.queue_file_entries == 0) return refuse("queue_file_entries: expected at least 1, found 0");
  if (options.open_files_max == 0) return refuse("open_files_max: expected at least 1, found 0");
  if (options.disk_full_percent == 0 || options.disk_full_percent > 100) {
    return refuse("disk_full_percent: expected 1 to 100, found " + std::to_string(options.disk_full_percent));
  }
  if (options.disk_clean_percent == 0 || options.disk_clean_percent > 100) {
    return refuse("disk_clean_percent: expected 1 to 100, found " + std::to_string(options.disk_clean_percent));
  }
  if (options.cold_read_ahead < segment_size_min) {
    return refuse("cold_read_ahead: expected at least 4096, found " + std::to_string(options.cold_read_ahead));
  }
  if (options.index_slots == 0 || options.index_entries < 2) {
    return refuse("index_slots, index_entries: expected at least 1 and 2, found " +
                  std::to_string(options.index_slots) + " and " + std::to_string(options.index_entries));
  }
  return {};
}

}  // namespace

MmapStore::MmapStore(StoreOptions options, Surroundings surroundings, Disk* disk)
    : options_(std::move(options)),
      surroundings_(std::move(surroundings)),
      disk_(disk != nullptr ? *disk : own_disk_),
      root_(disk_, options_.path),
      log_(disk_, options_),
      cold_(disk_, options_, [this](std::int64_t log_offset) { return log_.pin(log_offset); }),
      files_(disk_, options_),
      ledger_(disk_, root_.ours()),
      blobs_(disk_, options_.path, surroundings_),
      index_(disk_, options_, surroundings_),
      care_({disk_, log_, files_, queues_, files_mutex_, surroundings_, root_.damaged_folder(),
             [this](std::string_view topic) {
               const auto found = deleted_topics_.find(topic);
               return found == deleted_topics_.end() ? std::int64_t{-1} : found->second;
             },
             [this] { return stopping_ || failed_; }, options_.delay_levels_ms}),
      crowded_at_(options_.pending_entries_max / 2) {}

MmapStore::~MmapStore() {
  stop_threads();
  index_.abandon();
}

Status MmapStore::delay_levels(std::span<const std::int64_t> ms) {
  if (ms.empty()) return Error{Errc::invalid_argument, "expected the delay of at least one level, found none"};
  options_.delay_levels_ms.assign(ms.begin(), ms.end());
  return {};
}

void MmapStore::log(std::uint32_t level, std::string_view event, const std::string& text) const {
  if (surroundings_.log) surroundings_.log(level, event, text);
}

void MmapStore::listen(const gantry_store_listener& listener) { listener_ = listener; }

Status MmapStore::begin() {
  GANTRY_TRY(root_.check_layout());
  Recovery recovery({disk_, root_, log_, files_, queues_, ledger_, options_, surroundings_});
  GANTRY_ASSIGN(recovered_, recovery.run());
  // The first space must be there before the first append; a full disk does not keep the store from being read.
  if (auto ready = log_.make_ready(); !ready) {
    if (ready.error().code != Errc::full) return ready;
    log(GANTRY_LOG_ERROR, "storage.full", ready.error().text);
  }
  deleted_topics_ = recovered_.deleted_topics;
  mark_ = recovered_.from_ledger ? recovered_.mark : LedgerMark{};
  ledger_whole_ = !recovered_.from_ledger || recovered_.ledger_is_stale;
  checkpoint_ = recovered_.checkpoint;
  checkpoint_end_ = recovered_.from_ledger ? recovered_.mark.end : log_.begin();
  pending_entries_ = recovered_.pending_entries;
  for (auto* queue : queues_.all()) {
    if (queue->wants_listing()) list_dirty(*queue);
  }
  aged_end_ = recovered_.log_end;
  aged_at_ = Wakeup::Clock::now();
  last_store_ms_ = recovered_.last_store_ms;
  last_record_ = recovered_.last_record;
  first_store_ms_ = recovered_.oldest_store_ms;
  wanted_ = recovered_.log_end;
  // What a killed process left in the cache only: once started, all that was recovered counts as durable.
  GANTRY_TRY(log_.sync());
  update_space();
  // Files of the log that went since the last checkpoint took the oldest messages of queues with them.
  if (recovered_.from_ledger && mark_.log_begin != log_.begin()) GANTRY_TRY(expire_queues(log_.begin()));
  return start_index();
}

Status MmapStore::start_index() {
  if (!options_.index) return {};
  IndexSource source;
  source.scan = [this](std::int64_t from, const std::function<bool(const protocol::RecordView&)>& visit) {
    return scan_durable(from, visit);
  };
  source.durable_end = [this] { return log_.durable_end(); };
  source.log_begin = [this] { return log_.begin(); };
  auto started = index_.start(std::move(source), {.log_end = recovered_.log_end,
                                                  .closed_in_order = recovered_.closed_in_order,
                                                  .checkpoint_ms = recovered_.checkpoint.index_ms});
  // Messages are served without their index, too.
  has_index_ = started.has_value();
  if (!has_index_) {
    log(GANTRY_LOG_ERROR, "index.failed",
        started.error().text + "; messages cannot be found by key until the next start");
  }
  return {};
}

Result<std::int64_t> MmapStore::scan_durable(std::int64_t from,
                                             const std::function<bool(const protocol::RecordView&)>& visit) {
  LogScanner scanner(log_, disk_, LogScanner::Cache::drop);
  auto position = std::max(from, log_.begin());
  while (position < log_.durable_end() && !stopping_ && !failed_) {
    protocol::RecordView view;
    std::string reason;
    GANTRY_ASSIGN(const auto item, scanner.inspect(position, view, reason));
    if (item == LogItem::end) {
      if (position < log_.begin()) {
        position = log_.begin();  // that file was removed meanwhile
        continue;
      }
      if (position == from) {
        return Error{Errc::corrupt, "no record begins at log offset " + std::to_string(from) + ": " + reason};
      }
      GANTRY_ASSIGN(const auto found, scanner.find_record(position + 1, log_.durable_end()));
      position = found >= 0 ? found : scanner.next(position, LogItem::blank, view);
      continue;
    }
    if (item == LogItem::record && !visit(view)) return position;
    position = scanner.next(position, item, view);
  }
  return std::min(position, log_.durable_end());
}

void MmapStore::update_space() {
  const auto space = disk_.space(options_.path);
  if (!space) return;
  disk_total_ = static_cast<std::int64_t>(space->total_bytes);
  disk_free_ = static_cast<std::int64_t>(space->free_bytes);
}

Status MmapStore::start() {
  GANTRY_TRY(check_options(options_));
  GANTRY_TRY(root_.lock());
  if (auto begun = begin(); !begun) {
    root_.unlock();
    return begun;
  }
  try {
    flush_thread_ = std::thread([this] { flush_loop(); });
    store_thread_ = std::thread([this] { store_loop(); });
    space_thread_ = std::thread([this] { space_loop(); });
    upkeep_thread_ = std::thread([this] { upkeep_loop(); });
  } catch (const std::system_error& error) {
    stop_threads();
    root_.unlock();
    return Error{Errc::io, std::string("starting the store's threads: ") + error.what()};
  }
  const std::lock_guard lock(append_mutex_);
  accepting_ = true;
  running_ = true;
  return {};
}

void MmapStore::quiesce() {
  const std::lock_guard lock(append_mutex_);
  accepting_ = false;
}

void MmapStore::stop_threads() {
  stopping_ = true;
  for (auto* wakeup : {&flush_wakeup_, &store_wakeup_, &space_wakeup_, &upkeep_wakeup_}) wakeup->notify();
  {
    const std::lock_guard lock(durable_mutex_);
    durable_moved_.notify_all();
  }
  for (auto* thread : {&upkeep_thread_, &store_thread_, &space_thread_, &flush_thread_}) {
    if (thread->joinable()) thread->join();
  }
}

Status MmapStore::stop() {
  if (!running_) return {};
  running_ = false;
  quiesce();
  stop_threads();
  const auto end = [this]() -> Status {
    if (failed_) return Error{Errc::io, "stopping the store: it failed before, its files are left as after a crash"};
    GANTRY_ASSIGN(const auto durable_end, log_.sync());
    if (listener_.durable != nullptr) listener_.durable(listener_.context, durable_end);
    if (has_index_) {
      if (auto stopped = index_.stop(); !stopped) log(GANTRY_LOG_ERROR, "index.failed", stopped.error().text);
    }
    GANTRY_TRY(checkpoint(Extent::everything));
    GANTRY_TRY(log_.remove_unused());
    if (care_.is_unfinished()) {
      log(GANTRY_LOG_WARN, "storage.left_as_after_a_crash",
          "queues are still being rebuilt: the next start goes on with them, whichever broker it is");
      return {};
    }
    return root_.mark_closed();
  };
  auto ended = end();
  index_.abandon();
  root_.unlock();
  return ended;
}

void MmapStore::fail(const Error& reason) {
  if (failed_.exchange(true)) return;
  quiesce();
  for (auto* wakeup : {&flush_wakeup_, &store_wakeup_, &space_wakeup_, &upkeep_wakeup_}) wakeup->notify();
  {
    const std::lock_guard lock(durable_mutex_);
    durable_moved_.notify_all();
  }
  log(GANTRY_LOG_ERROR, "storage.failed",
      reason.text + "; nothing is acknowledged from now on, restart the broker after the disk was looked at");
  if (listener_.failed != nullptr) listener_.failed(listener_.context, {reason.text.data(), reason.text.size()});
}

// ---- queues, positions, blobs ----

Result<gantry_queue*> MmapStore::open_queue(std::string_view topic, std::int32_t queue_id) {
  GANTRY_TRY(check_topic_name(topic));
  if (queue_id < 0) {
    return Error{Errc::invalid_argument, "queue id of topic '" + std::string(topic) + "': expected 0 or more, found " +
                                             std::to_string(queue_id)};
  }
  return reinterpret_cast<gantry_queue*>(queues_.open(topic, queue_id));
}

sdk::Store::Bounds MmapStore::bounds(gantry_queue* queue) {
  if (queue == nullptr) return {};
  const auto found = queue_of(queue)->bounds();
  return {found.min, found.max};
}

gantry_store_positions MmapStore::positions() {
  gantry_store_positions out{};
  out.struct_size = sizeof out;
  out.durable_end = log_.durable_end();
  out.log_begin = log_.begin();
  out.log_end = log_.end();
  out.oldest_store_ms = first_store_ms_;
  out.disk_total_bytes = disk_total_;
  out.disk_free_bytes = disk_free_;
  out.writable = accepting_ && !log_.is_full() && !queues_full_ ? 1 : 0;
  return out;
}

Status MmapStore::delete_topic(std::string_view topic) {
  GANTRY_TRY(check_topic_name(topic));
  // Held throughout: entries of a queue that is made anew are written after the old files are gone.
  const std::lock_guard files_lock(files_mutex_);
  std::vector<MessageQueue*> taken;
  std::int64_t log_end = 0;
  {
    const std::lock_guard lock(append_mutex_);
    taken = queues_.take(topic);
    for (auto* queue : taken) pending_entries_.fetch_sub(static_cast<std::int64_t>(queue->kill()));
    log_end = log_.end();
  }
  const std::string name(topic);
  if (!taken.empty()) {
    deleted_topics_.insert_or_assign(name, log_end);
    unfinished_deletions_.insert_or_assign(name, log_end);
  }
  // Asked for again after it failed half-way: it goes on there.
  const auto unfinished = unfinished_deletions_.find(name);
  if (unfinished == unfinished_deletions_.end()) return {};
  GANTRY_TRY(note_deletion(topic, unfinished->second));
  for (const auto* queue : taken) files_.forget(*queue);
  GANTRY_TRY(files_.remove_topic(name));
  unfinished_deletions_.erase(unfinished);
  return {};
}

Status MmapStore::save_blob(std::string_view name, std::string_view content) { return blobs_.save(name, content); }

Result<std::string> MmapStore::load_blob(std::string_view name, sdk::BlobVersion version) {
  return blobs_.load(name, version);
}

StoreFigures MmapStore::figures() const {
  StoreFigures figures;
  const auto end = log_.end();
  figures.log_bytes = end - log_.begin();
  figures.unsynced_bytes = end - log_.durable_end();
  figures.behind_checkpoint_bytes = end - checkpoint_end_;
  figures.pending_queue_entries = pending_entries_;
  if (has_index_) figures.index_behind_bytes = std::max<std::int64_t>(end - index_.progress().indexed_end, 0);
  figures.syncs = syncs_;
  figures.checkpoints = checkpoints_;
  figures.files_expired = files_expired_;
  figures.queues_repaired = care_.repaired();
  figures.cold_parts_read = cold_.parts_read();
  figures.failed = failed_;
  figures.full = log_.is_full() || queues_full_;
  return figures;
}

std::int64_t MmapStore::now() const {
  if (surroundings_.wall_ms) return surroundings_.wall_ms();
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

}  // namespace gantry::storage_mmap
