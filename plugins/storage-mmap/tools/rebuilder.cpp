#include "plugins/storage-mmap/tools/rebuilder.hpp"

#include "plugins/storage-mmap/blobs.hpp"
#include "plugins/storage-mmap/mmap_store.hpp"
#include "plugins/storage-mmap/tools/checker.hpp"
#include "plugins/storage-mmap/tools/log_reader.hpp"
#include "plugins/storage-mmap/tools/queue_scan.hpp"
#include "plugins/storage-mmap/tools/reporter.hpp"
#include "plugins/storage-mmap/tools/store_files.hpp"

#include <cerrno>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <thread>

namespace gantry::storage_mmap::tools {
namespace {

constexpr std::chrono::minutes idle_max{5};
constexpr gantry_store_listener deaf = {sizeof(gantry_store_listener), 0, nullptr, [](void*, std::int64_t) {},
                                        [](void*, gantry_bytes) {}};

Error busy(const std::string& root, const std::string& holder) {
  return {Errc::busy, "rebuilding " + root + ": expected nobody to use the store, found that " +
                          (holder.empty() ? std::string("another process") : holder) +
                          " has it open; stop that broker first"};
}

/// Keeps others out while files are moved.
Result<File> take_lock(Disk& disk, const std::string& root) {
  GANTRY_ASSIGN(auto file, disk.open(root + "/lock", OpenMode::create));
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_len = 1;
  if (::fcntl(file.fd(), F_SETLK, &range) == 0) return file;
  return busy(root, lock_holder(root));
}

std::string utc_now() {
  const auto now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

class Rebuilder {
 public:
  Rebuilder(Disk& disk, const StoreOptions& options, const Surroundings& surroundings,
            const sdk::StoreQuestion& question, Reporter& reporter)
      : disk_(disk),
        options_(options),
        surroundings_(surroundings),
        question_(question),
        reporter_(reporter),
        root_(options.path),
        kept_("gantry/replaced-" + utc_now()) {}

  Status run() {
    const auto sizes =
        question_.has(GANTRY_TOOLS_FILE_SIZES) ? StoreFiles::Sizes::from_files : StoreFiles::Sizes::from_options;
    GANTRY_ASSIGN(const auto files, StoreFiles::look(disk_, options_, sizes, reporter_));
    options_.segment_size = static_cast<std::uint64_t>(files.segment_size);
    options_.queue_file_entries =
        static_cast<std::uint32_t>(files.queue_file_size / static_cast<std::int64_t>(protocol::queue_entry_size));
    if (files.is_running()) return busy(root_, files.holder);
    GANTRY_ASSIGN(queues_, list_queues(disk_, files));
    {
      GANTRY_ASSIGN(const auto lock, take_lock(disk_, root_));
      GANTRY_TRY(move_aside());
    }
    GANTRY_TRY(live_once());
    if (question_.has(GANTRY_TOOLS_DISCARD)) {
      GANTRY_TRY(disk_.remove_tree(root_ + "/" + kept_));
    } else {
      reporter_.fact("kept", "folder", kept_);
    }
    return {};
  }

 private:
  Status move(const std::string& name) {
    if (!disk_.exists(root_ + "/" + name)) return {};
    const auto to = root_ + "/" + kept_ + "/" + name;
    GANTRY_TRY(disk_.make_directories(to.substr(0, to.rfind('/'))));
    GANTRY_TRY(disk_.rename(root_ + "/" + name, to));
    reporter_.item("replaced", name, "to", kept_ + "/" + name);
    return {};
  }

  Status move_aside() {
    const bool had_ledger = disk_.exists(root_ + "/gantry/queues");
    if (question_.has(GANTRY_TOOLS_QUEUES)) {
      if (question_.topic.empty()) {
        GANTRY_TRY(move("consumequeue"));
      } else {
        GANTRY_TRY(check_topic_name(question_.topic));
        GANTRY_TRY(move("consumequeue/" + std::string(question_.topic)));
      }
      // A ledger stays: it knows deleted topics, and the store makes again what it names and the folders lack. Without
      // one the next start has to read all of the log, as after a crash that left no checkpoint.
      if (!had_ledger) {
        GANTRY_TRY(move("checkpoint"));
        GANTRY_ASSIGN(const auto marker, disk_.open(root_ + "/abort", OpenMode::replace));
        GANTRY_TRY(disk_.sync(marker));
      }
    }
    if (question_.has(GANTRY_TOOLS_INDEX)) {
      GANTRY_TRY(move("index"));
      GANTRY_TRY(move("gantry/index"));
    }
    return disk_.sync_directory(root_);
  }

  /// Starts the store, waits until it has made everything again, stops it.
  Status live_once() {
    Surroundings quiet = surroundings_;
    quiet.log = [this](std::uint32_t level, std::string_view event, std::string_view text) {
      if (surroundings_.log && level >= GANTRY_LOG_WARN) surroundings_.log(level, event, text);
    };
    MmapStore store(options_, quiet, &disk_);
    store.listen(deaf);
    GANTRY_TRY(reporter_.progress("starting the store", 0, 0));
    GANTRY_TRY(store.start());
    auto waited = wait_until_whole(store);
    store.quiesce();
    GANTRY_TRY(store.stop());
    return waited;
  }

  Status wait_until_whole(MmapStore& store) {
    std::size_t done = 0;
    auto deadline = std::chrono::steady_clock::now() + idle_max;
    while (done < queues_.size()) {
      GANTRY_TRY(
          reporter_.progress("queues", static_cast<std::int64_t>(done), static_cast<std::int64_t>(queues_.size())));
      if (is_whole(store, queues_[done])) {
        ++done;
        deadline = std::chrono::steady_clock::now() + idle_max;
        continue;
      }
      if (std::chrono::steady_clock::now() > deadline) {
        return Error{Errc::timed_out, "waiting for queue " + queues_[done].topic + "/" +
                                          std::to_string(queues_[done].id) +
                                          " to be made again: expected progress, found none for five minutes; "
                                          "gantry store check tells what is missing"};
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return wait_for_index(store);
  }

  /// The first and the last entry can be read.
  static bool is_whole(MmapStore& store, const QueueName& name) {
    const auto queue = store.open_queue(name.topic, name.id);
    if (!queue) return true;
    const auto bounds = store.bounds(*queue);
    if (bounds.min == bounds.max) return true;
    return store.entry(*queue, bounds.min, GANTRY_READ_MAY_BLOCK).has_value() &&
           store.entry(*queue, bounds.max - 1, GANTRY_READ_MAY_BLOCK).has_value();
  }

  /// The index says itself how far it reaches.
  Status wait_for_index(MmapStore& store) {
    if (!question_.has(GANTRY_TOOLS_INDEX)) return {};
    auto deadline = std::chrono::steady_clock::now() + idle_max;
    std::int64_t reached = -1;
    const auto end = store.positions().log_end;
    while (true) {
      std::int64_t log_offset = 0;
      gantry_query_request request = {};
      request.struct_size = sizeof request;
      request.topic = {"none", 4};
      request.key = {"none", 4};
      request.end_ms = 1;
      request.count_max = 1;
      gantry_query_result result = {};
      result.struct_size = sizeof result;
      result.log_offsets = &log_offset;
      const auto answered = static_cast<sdk::Store&>(store).query(request, result);
      if (!answered && answered.error().code == Errc::unsupported) {
        reporter_.fact("index", "state", "the store keeps none (its option index is off)");
        return {};
      }
      if (answered && result.indexed_end >= end) return {};
      const auto now = std::chrono::steady_clock::now();
      if (answered && result.indexed_end > reached) {
        reached = result.indexed_end;
        deadline = now + idle_max;
      }
      if (now > deadline) {
        return Error{Errc::timed_out, "waiting for the index to be made again: expected it to reach log offset " +
                                          std::to_string(end) + ", found it at " + std::to_string(reached) +
                                          " for five minutes"};
      }
      GANTRY_TRY(reporter_.progress("index", std::max<std::int64_t>(reached, 0), end));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  Disk& disk_;
  StoreOptions options_;
  const Surroundings& surroundings_;
  const sdk::StoreQuestion& question_;
  Reporter& reporter_;
  const std::string root_;
  const std::string kept_;
  std::vector<QueueName> queues_;
};

}  // namespace

Status rebuild_store(Disk& disk, const StoreOptions& options, const Surroundings& surroundings,
                     const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  if (!question.has(GANTRY_TOOLS_QUEUES) && !question.has(GANTRY_TOOLS_INDEX)) {
    return Error{Errc::invalid_argument,
                 "rebuilding: expected the queues, the index or both to be named, found neither"};
  }
  Reporter reporter(report, 0);
  GANTRY_TRY(Rebuilder(disk, options, surroundings, question, reporter).run());
  reporter.tell_rest();
  sdk::StoreQuestion after;
  after.options = question.options & GANTRY_TOOLS_FILE_SIZES;
  after.count_max = question.count_max;
  return check_store(disk, options, after, report);
}

}  // namespace gantry::storage_mmap::tools
