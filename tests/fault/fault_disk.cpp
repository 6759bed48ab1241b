#include "tests/fault/fault_disk.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace gantry::storage_mmap {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t page = 4096;
constexpr std::uint64_t sector = 512;
constexpr std::size_t failed_calls_max = 1000;

std::uint64_t number_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

std::uint64_t number_of(const File& file) {
  struct stat info {};
  return ::fstat(file.fd(), &info) == 0 ? info.st_ino : 0;
}

bool is_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

/// By descriptor: the file may have been renamed or removed since it was opened.
std::string path_of(const File& file) { return "/proc/self/fd/" + std::to_string(file.fd()); }

/// Calls `take(page number, bytes)` for every page in [from, to) that holds anything; returns the file's size.
template <typename Take>
std::uint64_t read_pages(const std::string& path, std::uint64_t from, std::uint64_t to, Take&& take) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
  struct stat info {};
  if (!file || ::fstat(file.fd(), &info) != 0) return 0;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  to = std::min(to, size);
  std::string bytes;
  for (auto at = from / page * page; at < to;) {
    const auto data = ::lseek(file.fd(), static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 || static_cast<std::uint64_t>(data) >= to) break;
    at = static_cast<std::uint64_t>(data) / page * page;
    const auto hole = static_cast<std::uint64_t>(::lseek(file.fd(), data, SEEK_HOLE));
    const auto end = std::min({(hole + page - 1) / page * page, (to + page - 1) / page * page, size});
    bytes.resize(end - at);
    if (::pread(file.fd(), bytes.data(), bytes.size(), static_cast<off_t>(at)) < 0) break;
    for (std::uint64_t done = 0; done < bytes.size(); done += page) {
      const auto part = std::string_view(bytes).substr(done, page);
      if (!is_zero(part)) take((at + done) / page, part);
    }
    at = end;
  }
  return size;
}

}  // namespace

std::string_view FaultDisk::to_string(Cut how) {
  switch (how) {
    case Cut::drop_all: return "drop_all";
    case Cut::keep_all: return "keep_all";
    case Cut::mix: return "mix";
    case Cut::torn: return "torn";
    case Cut::backwards: return "backwards";
    case Cut::names_only: return "names_only";
    case Cut::contents_only: return "contents_only";
  }
  return "unknown";
}

FaultDisk::FaultDisk(std::string root) : root_(std::move(root)) {
  fs::create_directories(root_);
  remember_tree(root_);
}

FaultDisk::~FaultDisk() {
  for (const auto& [number, fd] : pinned_) ::close(fd);
}

// ---- failing ----

void FaultDisk::fail_call(std::int64_t number, Errc code, std::int64_t count) {
  const std::lock_guard lock(mutex_);
  failed_calls_.clear();
  fail_code_ = code;
  fail_until_ = INT64_MAX;
  fail_from_ = number == 0 ? INT64_MAX : calls_ + number;
  if (number != 0) fail_until_ = calls_ + number + count;
}

std::vector<std::string> FaultDisk::failed_calls() const {
  const std::lock_guard lock(mutex_);
  return failed_calls_;
}

void FaultDisk::count_only(std::string operation, std::string path_part) {
  const std::lock_guard lock(mutex_);
  counted_operation_ = std::move(operation);
  counted_path_ = std::move(path_part);
}

Status FaultDisk::may_fail(std::string_view operation, const std::string& path) {
  const std::lock_guard lock(mutex_);
  const bool counts =
      operation.find(counted_operation_) != std::string_view::npos && path.find(counted_path_) != std::string::npos;
  if (!counts) return {};
  const auto call = ++calls_;
  if (call < fail_from_ || call >= fail_until_) return {};
  if (failed_calls_.size() < failed_calls_max) failed_calls_.push_back(std::string(operation) + " " + path);
  return Error{fail_code_, std::string(operation) + " " + path + ": failed on purpose"};
}

// ---- remembering what is durable ----

void FaultDisk::note_write(const File& file, std::uint64_t from, std::uint64_t to) {
  const std::lock_guard lock(mutex_);
  auto& dirty = dirty_[number_of(file)];
  dirty.from = std::min(dirty.from, from);
  dirty.to = std::max(dirty.to, to);
}

void FaultDisk::forget_writes(const File& file) {
  const std::lock_guard lock(mutex_);
  auto& dirty = dirty_[number_of(file)];
  dirty.from = UINT64_MAX;
  dirty.to = 0;
}

void FaultDisk::remember_dirty(const std::string& path) {
  std::uint64_t from = 0;
  std::uint64_t to = UINT64_MAX;
  {
    const std::lock_guard lock(mutex_);
    auto& dirty = dirty_[number_of(path)];
    if (!dirty.is_mapped) {
      from = std::exchange(dirty.from, UINT64_MAX);
      to = std::exchange(dirty.to, 0);
    }
  }
  remember_range(path, from, to);
}

void FaultDisk::remember_tree(const std::string& path) {
  remember_names(path);
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_directory()) {
      remember_tree(entry.path());
    } else {
      remember_range(entry.path(), 0, UINT64_MAX);
    }
  }
}

void FaultDisk::remember_range(const std::string& path, std::uint64_t from, std::uint64_t to) {
  // The size is part of it whatever the range.
  const auto size_now = [&] {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  }();
  std::map<std::uint64_t, std::string> pages;
  if (from < to) {
    read_pages(path, from, to, [&](std::uint64_t number, std::string_view bytes) { pages[number] = bytes; });
  }
  const std::lock_guard lock(mutex_);
  auto& durable = contents_[number_of(path)];
  durable.size = size_now;
  durable.pages.erase(durable.pages.lower_bound((size_now + page - 1) / page), durable.pages.end());
  if (from >= to) return;
  const auto end = to > UINT64_MAX - page ? durable.pages.end() : durable.pages.lower_bound((to + page - 1) / page);
  durable.pages.erase(durable.pages.lower_bound(from / page), end);
  durable.pages.merge(pages);
}

void FaultDisk::remember_names(const std::string& path) {
  Names names;
  for (const auto& entry : fs::directory_iterator(path)) {
    names[entry.path().filename()] = {number_of(entry.path()), entry.is_directory()};
  }
  const std::lock_guard lock(mutex_);
  folders_[number_of(path)] = std::move(names);
}

void FaultDisk::pin(const std::string& path) {
  const auto number = number_of(path);
  const std::lock_guard lock(mutex_);
  if (number == 0 || pinned_.contains(number)) return;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) pinned_.emplace(number, fd);
}

// ---- the operations ----

Result<File> FaultDisk::open(const std::string& path, OpenMode mode) {
  GANTRY_TRY(may_fail("opening", path));
  GANTRY_ASSIGN(auto file, Disk::open(path, mode));
  if (mode == OpenMode::replace) note_write(file, 0, UINT64_MAX);
  return file;
}

Result<std::size_t> FaultDisk::read(const File& file, std::span<std::byte> to, std::uint64_t offset) {
  GANTRY_TRY(may_fail("reading", file.path()));
  return Disk::read(file, to, offset);
}

Result<std::size_t> FaultDisk::read_cached(const File& file, std::span<std::byte> to, std::uint64_t offset) {
  GANTRY_TRY(may_fail("reading from memory", file.path()));
  return Disk::read_cached(file, to, offset);
}

Status FaultDisk::write(const File& file, std::span<const std::byte> from, std::uint64_t offset) {
  note_write(file, offset, offset + from.size());
  if (auto failure = may_fail("writing", file.path()); !failure) {
    (void)Disk::write(file, from.first(from.size() / 2), offset).has_value();
    return failure;
  }
  return Disk::write(file, from, offset);
}

Result<std::uint64_t> FaultDisk::size(const File& file) {
  GANTRY_TRY(may_fail("looking at", file.path()));
  return Disk::size(file);
}

Status FaultDisk::resize(const File& file, std::uint64_t size) {
  GANTRY_TRY(may_fail("resizing", file.path()));
  return Disk::resize(file, size);
}

Status FaultDisk::allocate(const File& file, std::uint64_t offset, std::uint64_t size) {
  GANTRY_TRY(may_fail("reserving", file.path()));
  return Disk::allocate(file, offset, size);
}

Status FaultDisk::punch(const File& file, std::uint64_t offset, std::uint64_t size) {
  note_write(file, offset, offset + size);
  if (auto failure = may_fail("clearing", file.path()); !failure) {
    (void)Disk::punch(file, offset, size / 2 / page * page).has_value();
    return failure;
  }
  return Disk::punch(file, offset, size);
}

Status FaultDisk::sync(const File& file) {
  if (auto failure = may_fail("syncing", file.path()); !failure) {
    forget_writes(file);
    return failure;
  }
  remember_dirty(path_of(file));
  return {};
}

Status FaultDisk::sync_mapped(const File& file, std::byte* /*map*/, std::uint64_t from, std::uint64_t to) {
  GANTRY_TRY(may_fail("syncing", file.path()));
  remember_range(path_of(file), from, to);
  return {};
}

Status FaultDisk::sync_directory(const std::string& path) {
  GANTRY_TRY(may_fail("syncing the directory", path));
  if (path.starts_with(root_)) remember_names(path);
  return {};
}

Status FaultDisk::sync_file_system(const File& directory) {
  GANTRY_TRY(may_fail("syncing the file system of", directory.path()));
  remember_tree(root_);
  return {};
}

Result<std::byte*> FaultDisk::map(const File& file, std::uint64_t size) {
  GANTRY_TRY(may_fail("mapping", file.path()));
  {
    const std::lock_guard lock(mutex_);
    dirty_[number_of(file)].is_mapped = true;
  }
  return Disk::map(file, size);
}

Status FaultDisk::make_directories(const std::string& path) {
  GANTRY_TRY(may_fail("making", path));
  return Disk::make_directories(path);
}

Status FaultDisk::rename(const std::string& from, const std::string& to) {
  GANTRY_TRY(may_fail("renaming", from));
  // Keeps what is replaced: a rename that is lost brings it back.
  pin(to);
  return Disk::rename(from, to);
}

Status FaultDisk::remove(const std::string& path) {
  GANTRY_TRY(may_fail("removing", path));
  pin(path);
  return Disk::remove(path);
}

Status FaultDisk::remove_tree(const std::string& path) {
  std::vector<std::string> all;
  if (fs::exists(path)) {
    pin(path);
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      pin(entry.path());
      if (!entry.is_directory()) all.push_back(entry.path());
    }
  }
  if (auto failure = may_fail("removing the directory", path); !failure) {
    for (std::size_t i = 0; i < all.size() / 2; ++i) fs::remove(all[i]);
    return failure;
  }
  return Disk::remove_tree(path);
}

Result<std::vector<DirectoryEntry>> FaultDisk::list(const std::string& path) {
  GANTRY_TRY(may_fail("listing", path));
  return Disk::list(path);
}

Result<DiskSpace> FaultDisk::space(const std::string& path) {
  GANTRY_TRY(may_fail("asking for the free space of", path));
  return Disk::space(path);
}

// ---- the power cut ----

FaultDisk::Content FaultDisk::content_after(const std::string& now, Number number, Cut how, std::mt19937_64& random) {
  const auto synced = contents_.find(number);
  auto content = synced == contents_.end() ? Content{} : synced->second;
  if (now.empty()) return content;
  Content current;
  current.size =
      read_pages(now, 0, UINT64_MAX, [&](std::uint64_t at, std::string_view bytes) { current.pages[at] = bytes; });
  if (how == Cut::drop_all || how == Cut::names_only) return content;
  if (how == Cut::keep_all || how == Cut::contents_only) return current;
  const auto coin = [&] { return random() % 2 == 0; };
  if (content.size != current.size && (how == Cut::backwards || coin())) content.size = current.size;
  content.pages.erase(content.pages.lower_bound((content.size + page - 1) / page), content.pages.end());
  const auto page_count = (content.size + page - 1) / page;
  const auto first_kept = page_count == 0 ? 0 : random() % page_count;
  std::set<std::uint64_t> all;
  for (const auto& [at, bytes] : content.pages) all.insert(at);
  for (const auto& [at, bytes] : current.pages) all.insert(at);
  for (const auto at : all) {
    if (at >= page_count) break;
    const auto size = std::min(page, content.size - at * page);
    const auto whole = [size](const Content& from, std::uint64_t which) {
      const auto found = from.pages.find(which);
      auto bytes = found == from.pages.end() ? std::string() : found->second;
      bytes.resize(size, '\0');
      return bytes;
    };
    auto bytes = whole(content, at);
    const auto fresh = whole(current, at);
    if (how == Cut::torn) {
      for (std::uint64_t part = 0; part < size; part += sector) {
        if (coin()) bytes.replace(part, sector, fresh, part, sector);
      }
    } else if (how == Cut::backwards ? at >= first_kept : coin()) {
      bytes = fresh;
    }
    if (is_zero(bytes)) {
      content.pages.erase(at);
    } else {
      content.pages[at] = std::move(bytes);
    }
  }
  return content;
}

void FaultDisk::restore(const std::string& source, const std::string& target, Number number, Cut how,
                        std::mt19937_64& random) {
  fs::create_directories(target);
  const auto chance = [&] {
    const bool at_random = how == Cut::mix || how == Cut::torn || how == Cut::backwards;
    return how == Cut::keep_all || how == Cut::names_only || (at_random && random() % 2 == 0);
  };
  Names now;
  if (!source.empty()) {
    for (const auto& entry : fs::directory_iterator(source)) {
      now[entry.path().filename()] = {number_of(entry.path()), entry.is_directory()};
    }
  }
  const Names durable = folders_[number];
  std::set<std::string> all;
  for (const auto& [name, ignored] : now) all.insert(name);
  for (const auto& [name, ignored] : durable) all.insert(name);
  Names made;
  for (const auto& name : all) {
    const auto in_now = now.find(name);
    const auto in_durable = durable.find(name);
    const bool is_new = in_now != now.end() && (in_durable == durable.end() || in_now->second != in_durable->second);
    const bool is_gone = in_now == now.end();
    const bool takes_now = (is_new || is_gone) && chance();
    if (is_gone && takes_now) continue;
    if (is_new && !takes_now && in_durable == durable.end()) continue;
    const Name chosen = is_gone || (is_new && !takes_now) ? in_durable->second : in_now->second;
    const bool is_current = !is_gone && chosen == in_now->second;
    const auto from = is_current ? source + "/" + name : std::string();
    const auto to = target + "/" + name;
    if (chosen.is_directory) {
      restore(from, to, chosen.number, how, random);
      made[name] = {number_of(to), true};
      continue;
    }
    auto content = content_after(from, chosen.number, how, random);
    Content current;
    if (is_current) {
      current.size =
          read_pages(from, 0, UINT64_MAX, [&](std::uint64_t at, std::string_view bytes) { current.pages[at] = bytes; });
    }
    if (is_current && content == current) {
      fs::create_hard_link(from, to);
    } else {
      const File file(::open(to.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), to);
      if (::ftruncate(file.fd(), static_cast<off_t>(content.size)) != 0) std::abort();
      for (const auto& [at, bytes] : content.pages) {
        if (::pwrite(file.fd(), bytes.data(), bytes.size(), static_cast<off_t>(at * page)) < 0) std::abort();
      }
    }
    made[name] = {number_of(to), false};
    new_contents_[made[name].number] = std::move(content);
  }
  new_folders_[number_of(target)] = std::move(made);
}

void FaultDisk::cut_power(Cut how, std::mt19937_64& random) {
  const std::lock_guard lock(mutex_);
  const auto rebuilt = root_ + ".after-the-cut";
  fs::remove_all(rebuilt);
  restore(root_, rebuilt, number_of(root_), how, random);
  fs::remove_all(root_);
  fs::rename(rebuilt, root_);
  contents_ = std::exchange(new_contents_, {});
  folders_ = std::exchange(new_folders_, {});
  dirty_.clear();
  for (const auto& [number, fd] : pinned_) ::close(fd);
  pinned_.clear();
}

}  // namespace gantry::storage_mmap
