#include "plugins/storage-mmap/disk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

namespace gantry::storage_mmap {
namespace {

constexpr mode_t file_mode = 0644;

std::uint64_t page_floor(std::uint64_t offset) { return offset / page_size() * page_size(); }

Result<std::size_t> read_with(const File& file, std::span<std::byte> to, std::uint64_t offset, int flags) {
  std::size_t done = 0;
  while (done < to.size()) {
    const iovec part{to.data() + done, to.size() - done};
    const auto count = ::preadv2(file.fd(), &part, 1, static_cast<off_t>(offset + done), flags);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return Error{Errc::would_block, {}};
    if (count < 0 && errno == EOPNOTSUPP && flags != 0) {
      // A file system that cannot tell (an older tmpfs) is in memory, or not worth the distinction.
      flags = 0;
      continue;
    }
    if (count < 0) return system_error("reading", file.path(), errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace

std::uint64_t page_size() {
  static const auto size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return size;
}

Error system_error(std::string_view operation, const std::string& path, int number) {
  const auto code = number == ENOSPC || number == EDQUOT  ? Errc::full
                    : number == ENOENT                    ? Errc::not_found
                    : number == EACCES || number == EPERM ? Errc::permission_denied
                                                          : Errc::io;
  std::string text(operation);
  text.append(" ").append(path).append(": ").append(std::generic_category().message(number));
  return {code, std::move(text)};
}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

void File::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<File> Disk::open(const std::string& path, OpenMode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case OpenMode::read: flags |= O_RDONLY; break;
    case OpenMode::update: flags |= O_RDWR; break;
    case OpenMode::create: flags |= O_RDWR | O_CREAT; break;
    case OpenMode::replace: flags |= O_RDWR | O_CREAT | O_TRUNC; break;
  }
  int fd = -1;
  do fd = ::open(path.c_str(), flags, file_mode);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return system_error("opening", path, errno);
  return File(fd, path);
}

Result<std::size_t> Disk::read(const File& file, std::span<std::byte> to, std::uint64_t offset) {
  return read_with(file, to, offset, 0);
}

Result<std::size_t> Disk::read_cached(const File& file, std::span<std::byte> to, std::uint64_t offset) {
  return read_with(file, to, offset, RWF_NOWAIT);
}

Status Disk::write(const File& file, std::span<const std::byte> from, std::uint64_t offset) {
  while (!from.empty()) {
    const auto count = ::pwrite(file.fd(), from.data(), from.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("writing", file.path(), errno);
    from = from.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<std::uint64_t> Disk::size(const File& file) {
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return system_error("looking at", file.path(), errno);
  return static_cast<std::uint64_t>(info.st_size);
}

Status Disk::resize(const File& file, std::uint64_t size) {
  if (::ftruncate(file.fd(), static_cast<off_t>(size)) != 0) return system_error("resizing", file.path(), errno);
  return {};
}

Status Disk::allocate(const File& file, std::uint64_t offset, std::uint64_t size) {
  int result = 0;
  do result = ::fallocate(file.fd(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(size));
  while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EOPNOTSUPP) {
    // posix_fallocate writes a byte into every block where the file system cannot reserve them.
    const int number = ::posix_fallocate(file.fd(), static_cast<off_t>(offset), static_cast<off_t>(size));
    return number == 0 ? Status() : Status(system_error("reserving space in", file.path(), number));
  }
  if (result != 0) return system_error("reserving space in", file.path(), errno);
  return {};
}

Status Disk::punch(const File& file, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return {};
  const int flags = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (::fallocate(file.fd(), flags, static_cast<off_t>(offset), static_cast<off_t>(size)) == 0) return {};
  if (errno != EOPNOTSUPP) return system_error("clearing a part of", file.path(), errno);
  const std::vector<std::byte> zeros(1u << 20);
  while (size > 0) {
    const auto part = std::min<std::uint64_t>(size, zeros.size());
    GANTRY_TRY(write(file, std::span(zeros).first(part), offset));
    offset += part;
    size -= part;
  }
  return {};
}

void Disk::advise(const File& file, std::uint64_t offset, std::uint64_t size, Advice advice) noexcept {
  const int number = advice == Advice::will_need ? POSIX_FADV_WILLNEED : POSIX_FADV_DONTNEED;
  (void)::posix_fadvise(file.fd(), static_cast<off_t>(offset), static_cast<off_t>(size), number);
}

bool Disk::is_cached(const File& file, std::uint64_t offset, std::uint64_t size) noexcept {
  // A mapping that is never touched costs nothing but the calls, and mincore() looks at the page cache.
  const auto begin = page_floor(offset);
  const auto mapped = offset + size - begin;
  void* map = ::mmap(nullptr, mapped, PROT_READ, MAP_SHARED, file.fd(), static_cast<off_t>(begin));
  if (map == MAP_FAILED) return false;
  std::array<unsigned char, 4096> states{};
  const auto page = page_size();
  const auto pages = (mapped + page - 1) / page;
  std::uint64_t there = 0;
  for (std::uint64_t done = 0; done < pages;) {
    const auto part = std::min<std::uint64_t>(pages - done, states.size());
    if (::mincore(static_cast<std::byte*>(map) + done * page, part * page, states.data()) != 0) break;
    there +=
        static_cast<std::uint64_t>(std::count_if(states.begin(), states.begin() + static_cast<std::ptrdiff_t>(part),
                                                 [](unsigned char state) { return (state & 1u) != 0; }));
    done += part;
  }
  ::munmap(map, mapped);
  return there * 2 > pages;
}

Status Disk::sync(const File& file) {
  if (::fdatasync(file.fd()) != 0) return system_error("syncing", file.path(), errno);
  return {};
}

Status Disk::sync_mapped(const File& file, std::byte* map, std::uint64_t from, std::uint64_t to) {
  // msync of a range is fsync of that range on Linux: it waits for the pages and for the journal entry that makes
  // preallocated blocks count as written.
  const auto begin = page_floor(from);
  if (::msync(map + begin, to - begin, MS_SYNC) != 0) return system_error("syncing", file.path(), errno);
  return {};
}

Status Disk::sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error("opening the directory", path, errno);
  const File directory(fd, path);
  if (::fsync(fd) != 0) return system_error("syncing the directory", path, errno);
  return {};
}

Status Disk::sync_file_system(const File& directory) {
  if (::syncfs(directory.fd()) != 0) return system_error("syncing the file system of", directory.path(), errno);
  return {};
}

Result<std::byte*> Disk::map(const File& file, std::uint64_t size) {
  void* map = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
  if (map == MAP_FAILED) return system_error("mapping", file.path(), errno);
  return static_cast<std::byte*>(map);
}

void Disk::unmap(std::byte* map, std::uint64_t size) noexcept { ::munmap(map, size); }

Status Disk::make_directories(const std::string& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) return system_error("making the directory", path, code.value());
  return {};
}

Status Disk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return system_error("renaming to " + to + " the file", from, errno);
  return {};
}

Status Disk::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("removing", path, errno);
  return {};
}

Status Disk::remove_tree(const std::string& path) {
  std::error_code code;
  std::filesystem::remove_all(path, code);
  if (code) return system_error("removing the directory", path, code.value());
  return {};
}

bool Disk::exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<std::vector<DirectoryEntry>> Disk::list(const std::string& path) {
  std::vector<DirectoryEntry> entries;
  std::error_code code;
  std::filesystem::directory_iterator at(path, code);
  if (code == std::errc::no_such_file_or_directory) return entries;
  for (; !code && at != std::filesystem::directory_iterator(); at.increment(code)) {
    DirectoryEntry entry;
    entry.name = at->path().filename().string();
    std::error_code ignored;
    entry.is_directory = at->is_directory(ignored);
    if (!entry.is_directory) {
      entry.size = at->file_size(ignored);
      if (ignored) entry.size = 0;
    }
    entries.push_back(std::move(entry));
  }
  if (code) return system_error("listing", path, code.value());
  return entries;
}

Result<DiskSpace> Disk::space(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return system_error("asking for the free space of", path, errno);
  const auto block = static_cast<std::uint64_t>(info.f_frsize);
  // Blocks that only root may use count as neither used nor free, like df does.
  return DiskSpace{block * (info.f_blocks - info.f_bfree + info.f_bavail), block * info.f_bavail};
}

Result<std::string> read_file(Disk& disk, const std::string& path, std::uint64_t size_max) {
  GANTRY_ASSIGN(const auto file, disk.open(path, OpenMode::read));
  GANTRY_ASSIGN(const auto size, disk.size(file));
  if (size > size_max) {
    return Error{Errc::too_large, "reading " + path + ": expected at most " + std::to_string(size_max) +
                                      " bytes, found " + std::to_string(size)};
  }
  std::string content(size, '\0');
  GANTRY_ASSIGN(const auto count, disk.read(file, std::as_writable_bytes(std::span(content)), 0));
  content.resize(count);
  return content;
}

Status replace_file(Disk& disk, const std::string& directory, const std::string& name, std::string_view content) {
  const auto temporary = directory + "/" + name + ".tmp";
  {
    GANTRY_ASSIGN(const auto file, disk.open(temporary, OpenMode::replace));
    GANTRY_TRY(disk.write(file, std::as_bytes(std::span(content)), 0));
    GANTRY_TRY(disk.sync(file));
  }
  GANTRY_TRY(disk.rename(temporary, directory + "/" + name));
  return disk.sync_directory(directory);
}

}  // namespace gantry::storage_mmap
