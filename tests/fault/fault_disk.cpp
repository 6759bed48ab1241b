#include "tests/fault/fault_disk.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace gantry::storage_mmap {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t page = 4096;

std::uint64_t number_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

FaultDisk::FaultDisk(std::string root) : root_(std::move(root)) {
  fs::create_directories(root_);
  remember_tree(root_);
}

Status FaultDisk::may_fail(std::string_view operation, const std::string& path) {
  if (countdown_.load() == 0 || countdown_.fetch_sub(1) != 1) return {};
  failed_ = true;
  return Error{fail_code_, std::string(operation) + " " + path + ": failed on purpose"};
}

void FaultDisk::remember_tree(const std::string& path) {
  remember_names(path);
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_directory()) {
      remember_tree(entry.path());
    } else {
      remember_file(entry.path(), 0, UINT64_MAX);
    }
  }
}

void FaultDisk::remember_file(const std::string& path, std::uint64_t from, std::uint64_t to) {
  auto content = content_of(path);
  const std::lock_guard lock(mutex_);
  auto& durable = contents_[number_of(path)];
  durable.resize(content.size(), '\0');
  from = std::min<std::uint64_t>(from / page * page, content.size());
  to = std::min<std::uint64_t>(to > UINT64_MAX - page ? to : (to + page - 1) / page * page, content.size());
  std::copy(content.begin() + static_cast<std::ptrdiff_t>(from), content.begin() + static_cast<std::ptrdiff_t>(to),
            durable.begin() + static_cast<std::ptrdiff_t>(from));
}

void FaultDisk::remember_names(const std::string& path) {
  Names names;
  for (const auto& entry : fs::directory_iterator(path)) {
    names[entry.path().filename()] = {number_of(entry.path()), entry.is_directory()};
  }
  const std::lock_guard lock(mutex_);
  folders_[number_of(path)] = std::move(names);
}

Result<File> FaultDisk::open(const std::string& path, OpenMode mode) {
  GANTRY_TRY(may_fail("opening", path));
  return Disk::open(path, mode);
}

Status FaultDisk::write(const File& file, std::span<const std::byte> from, std::uint64_t offset) {
  if (auto failure = may_fail("writing", file.path()); !failure) {
    // A write that fails may have written a part.
    (void)Disk::write(file, from.first(from.size() / 2), offset).has_value();
    return failure;
  }
  return Disk::write(file, from, offset);
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
  GANTRY_TRY(may_fail("clearing", file.path()));
  return Disk::punch(file, offset, size);
}

Status FaultDisk::sync(const File& file) {
  GANTRY_TRY(may_fail("syncing", file.path()));
  // By descriptor: the file may have been renamed or removed since it was opened.
  const auto path = "/proc/self/fd/" + std::to_string(file.fd());
  remember_file(path, 0, UINT64_MAX);
  return {};
}

Status FaultDisk::sync_mapped(const File& file, std::byte* /*map*/, std::uint64_t from, std::uint64_t to) {
  GANTRY_TRY(may_fail("syncing", file.path()));
  remember_file("/proc/self/fd/" + std::to_string(file.fd()), from, to);
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
  return Disk::map(file, size);
}

Status FaultDisk::make_directories(const std::string& path) {
  GANTRY_TRY(may_fail("making", path));
  return Disk::make_directories(path);
}

Status FaultDisk::rename(const std::string& from, const std::string& to) {
  GANTRY_TRY(may_fail("renaming", from));
  return Disk::rename(from, to);
}

Status FaultDisk::remove(const std::string& path) {
  GANTRY_TRY(may_fail("removing", path));
  // Keeps the inode, whose content a lost removal brings back.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    const std::lock_guard lock(mutex_);
    pinned_.emplace(number_of(path), fd);
  }
  return Disk::remove(path);
}

void FaultDisk::restore(const std::string& source, const std::string& target, Number number, Cut how,
                        std::mt19937_64& random) {
  fs::create_directories(target);
  const auto chance = [&] { return how == Cut::keep_all || (how == Cut::mix && random() % 2 == 0); };
  Names now;
  if (!source.empty() && fs::exists(source)) {
    for (const auto& entry : fs::directory_iterator(source)) {
      now[entry.path().filename()] = {number_of(entry.path()), entry.is_directory()};
    }
  }
  const Names& durable = folders_[number];
  std::set<std::string> all;
  for (const auto& [name, ignored] : now) all.insert(name);
  for (const auto& [name, ignored] : durable) all.insert(name);
  for (const auto& name : all) {
    const auto in_now = now.find(name);
    const auto in_durable = durable.find(name);
    const bool same =
        in_now != now.end() && in_durable != durable.end() && in_now->second.number == in_durable->second.number;
    const Name* chosen = nullptr;
    if (same || (in_durable != durable.end() && !chance())) {
      chosen = &in_durable->second;
    } else if (in_now != now.end() && (in_durable != durable.end() || chance())) {
      chosen = &in_now->second;
    }
    if (chosen == nullptr) continue;
    const bool is_current = in_now != now.end() && chosen->number == in_now->second.number;
    const auto from = is_current ? source + "/" + name : std::string();
    if (chosen->is_directory) {
      restore(from, target + "/" + name, chosen->number, how, random);
      continue;
    }
    auto content = contents_.contains(chosen->number) ? contents_[chosen->number] : std::string();
    if (is_current) {
      const auto current = content_of(from);
      if (content.size() != current.size() && chance()) content.resize(current.size(), '\0');
      for (std::uint64_t at = 0; at < content.size() && at < current.size(); at += page) {
        const auto size = std::min<std::uint64_t>({page, content.size() - at, current.size() - at});
        if (content.compare(at, size, current, at, size) != 0 && chance()) content.replace(at, size, current, at, size);
      }
    }
    std::ofstream(target + "/" + name, std::ios::binary) << content;
  }
}

void FaultDisk::cut_power(Cut how, std::mt19937_64& random) {
  const std::lock_guard lock(mutex_);
  const auto rebuilt = root_ + ".after-the-cut";
  fs::remove_all(rebuilt);
  restore(root_, rebuilt, number_of(root_), how, random);
  fs::remove_all(root_);
  fs::rename(rebuilt, root_);
  for (const auto& [number, fd] : pinned_) ::close(fd);
  pinned_.clear();
}

}  // namespace gantry::storage_mmap
