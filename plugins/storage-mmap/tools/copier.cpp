#include "plugins/storage-mmap/tools/copier.hpp"

#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/tools/checker.hpp"
#include "plugins/storage-mmap/tools/log_reader.hpp"
#include "plugins/storage-mmap/tools/reporter.hpp"
#include "plugins/storage-mmap/tools/sparse.hpp"
#include "plugins/storage-mmap/tools/store_files.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/stat.h>
#include <vector>

namespace gantry::storage_mmap::tools {
namespace {

namespace fs = std::filesystem;

/// Names of tables that speak about topics and groups, not about positions.
bool names_something(std::string_view name) {
  return name.starts_with("topics.json") || name.starts_with("subscriptionGroup.json") ||
         name.starts_with("topicQueueMapping.json");
}

class Copier {
 public:
  Copier(Disk& disk, const sdk::StoreQuestion& question, const StoreFiles& files, Reporter& reporter)
      : disk_(disk), files_(files), reporter_(reporter), from_(files.root), to_(question.target) {}

  Status run() {
    GANTRY_TRY(prepare_target());
    GANTRY_TRY(check_space());
    GANTRY_TRY(copy_config(/*naming=*/false));
    GANTRY_TRY(copy_folder("gantry"));
    GANTRY_TRY(copy_rest());
    GANTRY_TRY(copy_folder("consumequeue"));
    GANTRY_TRY(copy_folder("batchconsumequeue"));
    GANTRY_TRY(copy_folder("index"));
    GANTRY_TRY(copy_log());
    GANTRY_TRY(copy_config(/*naming=*/true));
    {
      GANTRY_ASSIGN(const auto marker, disk_.open(to_ + "/abort", OpenMode::replace));
      GANTRY_TRY(disk_.write(marker, std::as_bytes(std::span(std::string_view("copy"))), 0));
    }
    GANTRY_TRY(reporter_.progress("syncing", bytes_, bytes_));
    GANTRY_ASSIGN(const auto folder, disk_.open(to_, OpenMode::read));
    GANTRY_TRY(disk_.sync_file_system(folder));
    GANTRY_TRY(disk_.sync_directory(fs::absolute(to_).lexically_normal().parent_path().string()));
    reporter_.fact("copy", "target", to_);
    reporter_.fact("copy", "log begin", log_begin_);
    reporter_.fact("copy", "log end", log_end_);
    reporter_.fact("copy", "files", copied_files_);
    reporter_.fact("copy", "bytes", bytes_);
    return {};
  }

 private:
  Status prepare_target() {
    std::error_code code;
    const auto source = fs::weakly_canonical(from_, code).string() + "/";
    const auto target = fs::weakly_canonical(to_, code).string() + "/";
    if (to_.empty() || target.starts_with(source) || source.starts_with(target)) {
      return Error{Errc::invalid_argument,
                   "copying " + from_ + ": expected a target outside of it, found '" + to_ + "'"};
    }
    GANTRY_ASSIGN(const auto entries, disk_.list(to_));
    if (!entries.empty()) {
      return Error{Errc::already_exists, "copying to " + to_ + ": expected an empty folder or none, found " +
                                             entries.front().name + " in it; name another one"};
    }
    return disk_.make_directories(to_);
  }

  Status check_space() {
    std::error_code code;
    fs::recursive_directory_iterator at(from_, code);
    for (; !code && at != fs::recursive_directory_iterator(); at.increment(code)) {
      struct stat info {};
      if (::lstat(at->path().c_str(), &info) == 0) total_ += static_cast<std::int64_t>(info.st_blocks) * 512;
    }
    GANTRY_ASSIGN(const auto space, disk_.space(to_));
    if (static_cast<std::int64_t>(space.free_bytes) > total_) return {};
    return Error{Errc::full, "copying to " + to_ + ": expected " + std::to_string(total_) + " free bytes, found " +
                                 std::to_string(space.free_bytes) + "; make room or name another disk"};
  }

  Status copy_config(bool naming) {
    GANTRY_ASSIGN(const auto entries, disk_.list(from_ + "/config"));
    for (const auto& entry : entries) {
      if (entry.is_directory) {
        if (!naming) GANTRY_TRY(copy_folder("config/" + entry.name));
      } else if (names_something(entry.name) == naming && !entry.name.ends_with(".tmp")) {
        GANTRY_TRY(copy_table("config/" + entry.name));
      }
    }
    return {};
  }

  /// A file that its writer replaces by renaming: for a moment neither name may be there.
  Status copy_table(const std::string& name) {
    GANTRY_ASSIGN(const auto copied, copy_file(name, INT64_MAX));
    if (copied || name.ends_with(".bak")) return {};
    GANTRY_TRY(copy_file(name, INT64_MAX));
    return {};
  }

  /// What lies beside the folders that are known: the checkpoint, timer files, folders of other versions.
  Status copy_rest() {
    GANTRY_ASSIGN(const auto entries, disk_.list(from_));
    for (const auto& entry : entries) {
      const bool elsewhere = entry.name == "commitlog" || entry.name == "consumequeue" || entry.name == "index" ||
                             entry.name == "batchconsumequeue" || entry.name == "config" || entry.name == "gantry" ||
                             entry.name == "lock" || entry.name.starts_with("abort");
      if (elsewhere) continue;
      if (entry.is_directory) {
        GANTRY_TRY(copy_folder(entry.name));
      } else {
        GANTRY_TRY(copy_file(entry.name, INT64_MAX));
      }
    }
    return {};
  }

  Status copy_folder(const std::string& name) {
    if (!disk_.exists(from_ + "/" + name)) return {};
    GANTRY_TRY(disk_.make_directories(to_ + "/" + name));
    GANTRY_ASSIGN(auto entries, disk_.list(from_ + "/" + name));
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const auto& entry : entries) {
      const auto path = name + "/" + entry.name;
      // What earlier repairs put aside is not part of the store.
      if (name == "gantry" && (entry.name == "damaged" || entry.name.starts_with("replaced-"))) continue;
      if (entry.is_directory) {
        GANTRY_TRY(copy_folder(path));
      } else if (!entry.name.ends_with(".tmp")) {
        GANTRY_TRY(copy_file(path, INT64_MAX));
      }
    }
    return {};
  }

  /// False: the file is gone. `data_end`: what lies behind it stays empty.
  Result<bool> copy_file(const std::string& name, std::int64_t data_end) {
    auto opened = disk_.open(from_ + "/" + name, OpenMode::read);
    if (!opened && opened.error().code == Errc::not_found) return false;
    if (!opened) return std::move(opened).error();
    struct stat info {};
    if (::fstat(opened->fd(), &info) != 0) return system_error("looking at", opened->path(), errno);
    if (!S_ISREG(info.st_mode)) return false;
    const auto path = to_ + "/" + name;
    GANTRY_TRY(disk_.make_directories(path.substr(0, path.rfind('/'))));
    GANTRY_ASSIGN(const auto out, disk_.open(path, OpenMode::replace));
    GANTRY_TRY(disk_.resize(out, static_cast<std::uint64_t>(info.st_size)));
    const auto limit = std::min<std::int64_t>(info.st_size, data_end);
    GANTRY_TRY(copy_data(disk_, *opened, out, limit, [this](std::int64_t bytes) {
      bytes_ += bytes;
      return reporter_.progress("copying", bytes_, std::max(total_, bytes_));
    }));
    const timespec times[] = {info.st_atim, info.st_mtim};
    if (::futimens(out.fd(), times) != 0) return system_error("setting the times of", path, errno);
    ++copied_files_;
    return true;
  }

  Status copy_log() {
    GANTRY_TRY(disk_.make_directories(to_ + "/commitlog"));
    // Files that were made since the first look belong to it.
    Reporter unheard(silent_, 0);
    auto options = StoreOptions{};
    options.path = from_;
    options.segment_size = static_cast<std::uint64_t>(files_.segment_size);
    options.queue_file_entries = static_cast<std::uint32_t>(files_.queue_file_size / 20);
    GANTRY_ASSIGN(const auto now, StoreFiles::look(disk_, options, StoreFiles::Sizes::from_options, unheard));
    GANTRY_ASSIGN(const auto end, find_log_end(disk_, now));
    log_end_ = end.end;
    log_begin_ = now.files_begin();
    std::vector<std::string> copied;
    for (const auto& segment : now.segments) {
      if (segment.base >= log_end_ && segment.base != now.files_begin()) break;
      const auto name = "commitlog/" + offset_name(segment.base);
      GANTRY_ASSIGN(const auto is_there, copy_file(name, log_end_ - segment.base));
      if (is_there) {
        copied.push_back(name);
        continue;
      }
      // The retention removes the oldest files first: those before it are gone too.
      for (const auto& each : copied) GANTRY_TRY(disk_.remove(to_ + "/" + each));
      copied.clear();
      log_begin_ = segment.base + now.segment_size;
    }
    return {};
  }

  /// A second look tells nothing again.
  class Silent final : public sdk::StoreReport {
   public:
    bool progress(std::string_view, std::int64_t, std::int64_t) override { return true; }
    void finding(const sdk::StoreFinding&) override {}
    void fact(std::string_view, std::string_view, std::string_view, std::string_view) override {}
    bool record(std::int64_t, std::string_view) override { return true; }
  };

  Disk& disk_;
  const StoreFiles& files_;
  Reporter& reporter_;
  const std::string from_;
  const std::string to_;
  Silent silent_;
  std::int64_t total_ = 0;
  std::int64_t bytes_ = 0;
  std::int64_t copied_files_ = 0;
  std::int64_t log_begin_ = 0;
  std::int64_t log_end_ = 0;
};

}  // namespace

Status copy_store(Disk& disk, const StoreOptions& options, const sdk::StoreQuestion& question,
                  sdk::StoreReport& report) {
  Reporter reporter(report, 0);
  const auto sizes =
      question.has(GANTRY_TOOLS_FILE_SIZES) ? StoreFiles::Sizes::from_files : StoreFiles::Sizes::from_options;
  GANTRY_ASSIGN(const auto files, StoreFiles::look(disk, options, sizes, reporter));
  GANTRY_TRY(Copier(disk, question, files, reporter).run());
  reporter.tell_rest();
  StoreOptions of_copy = options;
  of_copy.path = std::string(question.target);
  sdk::StoreQuestion quick;
  quick.options = GANTRY_TOOLS_QUICK | (question.options & GANTRY_TOOLS_FILE_SIZES);
  return check_store(disk, of_copy, quick, report);
}

}  // namespace gantry::storage_mmap::tools
