#include "plugins/delay/file.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace gantry::delay {
namespace {

Error system_error(const std::filesystem::path& path, const char* what, int code = errno) {
  const Errc errc = code == ENOENT ? Errc::not_found : (code == ENOSPC || code == EDQUOT) ? Errc::full : Errc::io;
  return {errc, path.string() + ": cannot " + what + ": " + std::strerror(code)};
}

}  // namespace

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<File> File::create(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return system_error(path, "create the file");
  return File(fd, path);
}

Result<File> File::open_to_read(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(path, "open the file");
  return File(fd, path);
}

Result<std::uint64_t> File::size() const {
  struct stat status = {};
  if (::fstat(fd_, &status) != 0) return system_error(path_, "ask for its size");
  return static_cast<std::uint64_t>(status.st_size);
}

Status File::read_at(std::uint64_t offset, void* to, std::size_t size) const {
  auto* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = ::pread(fd_, at, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path_, "read");
    if (got == 0) {
      return Error{Errc::corrupt,
                   path_.string() + ": expected " + std::to_string(size) + " bytes more, found the end of the file"};
    }
    at += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

Status File::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error(path_, "write");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Status File::sync() {
  if (::fdatasync(fd_) != 0) return system_error(path_, "sync");
  return {};
}

Status sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error(folder, "open the folder");
  const int failed = ::fsync(fd) != 0 ? errno : 0;
  ::close(fd);
  if (failed != 0) return system_error(folder, "sync the folder", failed);
  return {};
}

Result<std::string> read_whole_file(const std::filesystem::path& path) {
  GANTRY_ASSIGN(const File file, File::open_to_read(path));
  GANTRY_ASSIGN(const std::uint64_t size, file.size());
  std::string content(size, '\0');
  GANTRY_TRY(file.read_at(0, content.data(), content.size()));
  return content;
}

std::optional<std::uint64_t> numbered(const std::filesystem::path& file, std::string_view prefix) {
  const std::string name = file.filename().string();
  if (!name.starts_with(prefix)) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, failed] = std::from_chars(name.data() + prefix.size(), end, number);
  if (failed != std::errc() || rest != end) return std::nullopt;
  return number;
}

}  // namespace gantry::delay
