#include "plugins/storage-mmap/commit_log.hpp"

#include "plugins/storage-mmap/log_scanner.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace gantry::storage_mmap {
namespace {

constexpr std::uint64_t advise_step = 8ull << 20;
constexpr std::int64_t fast_round_ns = 50'000'000;
constexpr std::int64_t slow_round_ns = 1'000'000'000;

struct Pages {
  std::byte* from;
  std::uint64_t size;
};

/// The whole pages that the range touches.
Pages pages_around(const std::byte* from, std::uint64_t size) {
  const auto page = page_size();
  const auto address = reinterpret_cast<std::uintptr_t>(from);
  const auto begin = address / page * page;
  const auto end = (address + size + page - 1) / page * page;
  return {reinterpret_cast<std::byte*>(begin), end - begin};
}

std::int64_t steady_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

}  // namespace

CommitLog::CommitLog(Disk& disk, const StoreOptions& options)
    : disk_(disk),
      options_(options),
      folder_(options.path + "/commitlog"),
      segment_size_(static_cast<std::int64_t>(options.segment_size)),
      segments_(options.segment_size),
      populate_window_(options.populate_min) {}

std::uint64_t CommitLog::record_size_max() const noexcept {
  return static_cast<std::uint64_t>(segment_size_) - protocol::blank_size_min;
}

Status CommitLog::open_segment(std::int64_t base, OpenMode mode) {
  const auto path = folder_ + "/" + offset_name(base);
  const auto size = static_cast<std::uint64_t>(segment_size_);
  GANTRY_ASSIGN(auto file, disk_.open(path, mode));
  std::byte* map = nullptr;
  if (mode == OpenMode::create) {
    GANTRY_TRY(disk_.resize(file, size));
    GANTRY_TRY(disk_.sync(file));
    GANTRY_TRY(disk_.sync_directory(folder_));
    GANTRY_ASSIGN(map, disk_.map(file, size));
  }
  auto segment = std::make_unique<Segment>(disk_, base, size, std::move(file), map);
  const std::lock_guard lock(shape_mutex_);
  GANTRY_TRY(segments_.add(std::move(segment)));
  files_end_ = std::max(files_end_, base + segment_size_);
  return {};
}

Status CommitLog::map_segment(std::int64_t base) {
  auto* segment = segments_.find(base);
  if (segment->state() == Segment::State::hot) return {};
  GANTRY_ASSIGN(auto* map, disk_.map(segment->file(), segment->size()));
  segment->warm(map);
  return {};
}

SegmentPin CommitLog::pin(std::int64_t log_offset) const noexcept {
  SegmentPin pin(segments_.find(log_offset));
  if (pin && pin->state() == Segment::State::retired) return {};
  return pin;
}

Result<bool> CommitLog::is_unused(const std::string& path) {
  std::array<std::byte, protocol::blank_size_min> head{};
  GANTRY_ASSIGN(const auto file, disk_.open(path, OpenMode::read));
  GANTRY_TRY(disk_.read(file, head, 0));
  return std::all_of(head.begin(), head.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

Status CommitLog::load() {
  GANTRY_TRY(disk_.make_directories(folder_));
  GANTRY_ASSIGN(auto entries, disk_.list(folder_));
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::erase_if(entries, [](const auto& entry) { return entry.is_directory; });
  if (!entries.empty() && entries.back().size == 0) {
    GANTRY_TRY(disk_.remove(folder_ + "/" + entries.back().name));
    entries.pop_back();
  }
  std::int64_t expected = -1;
  for (const auto& entry : entries) {
    const auto path = folder_ + "/" + entry.name;
    const auto base = offset_of_name(entry.name);
    if (base < 0 || base % segment_size_ != 0) {
      return Error{Errc::corrupt, "loading the commit log: expected file names of 20 digits that are multiples of " +
                                      std::to_string(segment_size_) + ", found " + path +
                                      "; move what does not belong there out of the folder, or set segment_size to "
                                      "the size that the directory was made with"};
    }
    if (entry.size != static_cast<std::uint64_t>(segment_size_)) {
      return Error{Errc::corrupt, "loading " + path + ": expected " + std::to_string(segment_size_) + " bytes, found " +
                                      std::to_string(entry.size) +
                                      "; set segment_size to the size that the directory was made with, or restore "
                                      "the file"};
    }
    if (expected >= 0 && base != expected) {
      // Files made ahead are removed by an orderly stop; a power cut may bring back some of them.
      GANTRY_ASSIGN(const auto unused, is_unused(path));
      if (unused) {
        GANTRY_TRY(disk_.remove(path));
        continue;
      }
      return Error{Errc::corrupt, "loading the commit log: expected " + folder_ + "/" + offset_name(expected) +
                                      " between its neighbours, found " + path +
                                      "; restore the missing file, or remove the files before the gap to give up "
                                      "their messages"};
    }
    if (expected < 0) {
      files_begin_ = files_end_ = base;
      segments_.set_first(base);
    }
    GANTRY_TRY(open_segment(base, OpenMode::update));
    expected = base + segment_size_;
  }
  begin_.store(files_begin_);
  return {};
}

Status CommitLog::clear_behind(std::int64_t from) {
  // Stale records behind the end would come back to life if a later tail ended exactly where one of them begins.
  auto* segment = segments_.find(from);
  const auto at = static_cast<std::uint64_t>(from - segment->base());
  // Needs no space: on a full disk, zeros could not be written into a hole.
  GANTRY_TRY(disk_.punch(segment->file(), at, segment->size() - at));
  const auto page = page_size();
  return disk_.sync_mapped(segment->file(), segment->data(), at, std::min(at / page * page + page, segment->size()));
}

Result<int> CommitLog::settle(std::int64_t end, std::int64_t sync_from, bool clear, const std::string& damaged_folder) {
  int moved = 0;
  auto* segment = segments_.find(end);
  for (auto base = segment != nullptr ? segment->end() : end; base < files_end_; base += segment_size_) {
    const auto path = segments_.find(base)->file().path();
    LogScanner scanner(*this, disk_, LogScanner::Cache::keep);
    protocol::RecordView view;
    std::string ignored;
    GANTRY_ASSIGN(const auto first, scanner.inspect(base, view, ignored));
    if (first == LogItem::record) {
      GANTRY_TRY(disk_.make_directories(damaged_folder));
      GANTRY_TRY(disk_.rename(path, damaged_folder + "/" + offset_name(base)));
      ++moved;
    } else {
      GANTRY_TRY(disk_.remove(path));
    }
  }
  files_end_ = std::min(files_end_, segment != nullptr ? segment->end() : end);
  segments_.remove_behind(files_end_);
  // What is not known to be synced must be mapped, and so must what will be written to.
  for (auto base = sync_from / segment_size_ * segment_size_; base < files_end_; base += segment_size_) {
    if (base >= files_begin_) GANTRY_TRY(map_segment(base));
  }
  if (segment != nullptr && clear) GANTRY_TRY(clear_behind(end));
  // A start before this one may have failed between making a file and syncing its name.
  if (!empty()) GANTRY_TRY(disk_.sync_directory(folder_));
  if (empty() || files_end_ <= files_begin_) {
    files_begin_ = files_end_ = end;
    segments_.set_first(end);
    begin_.store(end);
  }
  next_ = end;
  current_ = segment;
  own_from_ = end;
  end_.store(end);
  durable_end_.store(std::clamp(sync_from, files_begin_, end));
  ready_end_.store(end);
  populated_end_ = end;
  advised_end_ = std::min(sync_from / segment_size_ * segment_size_, end);
  populate_round_end_ = end;
  return moved;
}

Status CommitLog::remove_unused() {
  // A log that never held anything goes as well, as if the broker had not been started.
  const auto keep_end = end() == files_begin_ ? files_begin_ : end();
  for (auto base = files_begin_; base < files_end_; base += segment_size_) {
    if (base < keep_end) continue;
    GANTRY_TRY(disk_.remove(segments_.find(base)->file().path()));
  }
  return disk_.sync_directory(folder_);
}

Status CommitLog::remove_first() {
  GANTRY_TRY(remove_left_behind());
  {
    const std::lock_guard lock(shape_mutex_);
    const auto next = files_begin_ + segment_size_;
    if (next > end()) return {};
    // Nobody looks for it from here on, then it is taken out, then it goes.
    begin_.store(next, std::memory_order_release);
    auto* segment = segments_.retire(files_begin_);
    left_behind_ = segment->file().path();
    segment->become(Segment::State::retired);
    leaving_.push_back(segment);
    files_begin_ = next;
  }
  return remove_left_behind();
}

Status CommitLog::remove_left_behind() {
  if (left_behind_.empty()) return {};
  GANTRY_TRY(disk_.remove(left_behind_));
  // One by one: names that a power cut brings back must not leave a gap before those that stay.
  GANTRY_TRY(disk_.sync_directory(folder_));
  left_behind_.clear();
  return {};
}

Errc CommitLog::place(std::uint64_t size, std::int64_t& log_offset) {
  if (size > record_size_max()) return Errc::too_large;
  if (full_.load(std::memory_order_relaxed)) return Errc::full;
  const auto ready_end = ready_end_.load(std::memory_order_acquire);
  auto position = next_;
  auto* segment = current_;
  if (segment == nullptr || position == segment->end()) {
    segment = segments_.find(position);
    if (segment == nullptr) return Errc::busy;
  }
  const auto left = static_cast<std::uint64_t>(segment->end() - position);
  if (size + protocol::blank_size_min > left) {
    const auto next_base = segment->end();
    auto* next = segments_.find(next_base);
    if (next == nullptr || ready_end < next_base + static_cast<std::int64_t>(size)) return Errc::busy;
    protocol::encode_blank(segment->at(position), static_cast<std::uint32_t>(left));
    position = next_base;
    segment = next;
  } else if (ready_end < position + static_cast<std::int64_t>(size + protocol::blank_size_min)) {
    return Errc::busy;
  }
  current_ = segment;
  next_ = position;
  log_offset = position;
  return Errc::ok;
}

Status CommitLog::make_ready() {
  auto reserved = reserve();
  populate();
  const auto window = static_cast<std::int64_t>(populate_window_);
  const auto ahead = static_cast<std::int64_t>(options_.reserve_ahead);
  wake_at_.store(std::min(populated_end_ - window / 2, ready_end_.load() - ahead / 2), std::memory_order_relaxed);
  return reserved;
}

Status CommitLog::reserve() {
  // A step is large enough to be rare and small enough to keep an idle broker's directory small.
  const auto step = std::min<std::int64_t>(static_cast<std::int64_t>(options_.reserve_ahead), segment_size_);
  const auto wanted = end() + std::max<std::int64_t>(static_cast<std::int64_t>(options_.reserve_ahead), 2 * step);
  for (auto ready = ready_end_.load(); ready < wanted;) {
    GANTRY_ASSIGN(const auto space, disk_.space(options_.path));
    const auto used = space.total_bytes - space.free_bytes;
    if (used * 100 >= space.total_bytes * options_.disk_full_percent ||
        space.free_bytes < static_cast<std::uint64_t>(step)) {
      full_.store(true, std::memory_order_relaxed);
      return Error{Errc::full, "reserving space for the commit log in " + folder_ + ": expected less than " +
                                   std::to_string(options_.disk_full_percent) + " % of the disk in use, found " +
                                   std::to_string(space.free_bytes >> 20) + " MiB free of " +
                                   std::to_string(space.total_bytes >> 20) + " MiB"};
    }
    if (segments_.find(ready) == nullptr) {
      const auto base = ready / segment_size_ * segment_size_;
      GANTRY_TRY(open_segment(base, OpenMode::create));
    }
    auto* segment = segments_.find(ready);
    const auto until = std::min((ready / step + 1) * step, segment->end());
    const auto from = static_cast<std::uint64_t>(ready - segment->base());
    if (auto allocated = disk_.allocate(segment->file(), from, static_cast<std::uint64_t>(until - ready)); !allocated) {
      if (allocated.error().code == Errc::full) full_.store(true, std::memory_order_relaxed);
      return allocated;
    }
    ready = until;
    ready_end_.store(ready, std::memory_order_release);
  }
  full_.store(false, std::memory_order_relaxed);
  return {};
}

void CommitLog::populate() {
  const auto at = end();
  const auto now = steady_ns();
  // The window follows the rate: half of it is used up between two rounds.
  const auto elapsed = now - populate_round_ns_;
  if (at > populate_round_end_ && elapsed < fast_round_ns) {
    populate_window_ = std::min(populate_window_ * 2, options_.populate_max);
  } else if (elapsed > slow_round_ns) {
    populate_window_ = std::max(populate_window_ / 4, options_.populate_min);
  }
  populate_round_ns_ = now;
  populate_round_end_ = at;
  auto from = std::max(populated_end_, at);
  const auto until = std::min(at + static_cast<std::int64_t>(populate_window_), ready_end_.load());
  while (from < until) {
    auto* segment = segments_.find(from);
    const auto to = std::min(until, segment->end());
    const auto pages = pages_around(segment->at(from), static_cast<std::uint64_t>(to - from));
    // Where the system cannot do it, the appender takes the page faults instead.
    (void)::madvise(pages.from, pages.size, MADV_POPULATE_WRITE);
    from = to;
  }
  populated_end_ = std::max(populated_end_, until);
}

bool CommitLog::cool_down() {
  // What is not synced stays mapped, because it is synced through the mapping.
  const auto hot = std::min(end() - static_cast<std::int64_t>(options_.hot_window), durable_end());
  while (advised_end_ + static_cast<std::int64_t>(advise_step) <= hot) {
    const auto pin = this->pin(advised_end_);
    if (!pin) {
      advised_end_ = hot;
      break;
    }
    const auto to = std::min(pin->end(), hot);
    if (pin->state() == Segment::State::hot) {
      const auto page = page_size();
      const auto begin = static_cast<std::uint64_t>(advised_end_ - pin->base()) / page * page;
      const auto end = static_cast<std::uint64_t>(to - pin->base()) / page * page;
      if (end > begin) (void)::madvise(pin->data() + begin, end - begin, MADV_DONTNEED);
    }
    advised_end_ = to;
  }
  const std::lock_guard lock(shape_mutex_);
  // From the newest cold file backwards, up to one that is cold already.
  for (auto base = hot / segment_size_ * segment_size_ - segment_size_; base >= files_begin_; base -= segment_size_) {
    auto* segment = segments_.find(base);
    if (segment == nullptr || segment->state() != Segment::State::hot) break;
    segment->become(Segment::State::cold);
    leaving_.push_back(segment);
  }
  std::erase_if(leaving_, [](Segment* segment) { return segment->settle(); });
  return !leaving_.empty();
}

Result<std::int64_t> CommitLog::sync() {
  const auto until = end();
  for (auto from = durable_end_.load(); from < until;) {
    auto* segment = segments_.find(from);
    const auto to = std::min(until, segment->end());
    GANTRY_TRY(disk_.sync_mapped(segment->file(), segment->data(), static_cast<std::uint64_t>(from - segment->base()),
                                 static_cast<std::uint64_t>(to - segment->base())));
    from = to;
  }
  durable_end_.store(until, std::memory_order_release);
  return until;
}

}  // namespace gantry::storage_mmap
