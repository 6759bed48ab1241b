#include "kernel/env/files.hpp"

#include "kernel/base/assert.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace gantry {
namespace {

/// Owns an open file.
class File {
 public:
  File(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// 0, or the error of the close: the last chance of a network file system to say that a write failed.
  int close() noexcept { return ::close(std::exchange(fd_, -1)) == 0 ? 0 : errno; }

 private:
  int fd_;
};

Error os_error(std::string_view doing, const std::filesystem::path& what, int code) {
  const Errc kind = code == ENOENT                     ? Errc::not_found
                    : code == EACCES || code == EPERM  ? Errc::permission_denied
                    : code == ENOSPC || code == EDQUOT ? Errc::full
                                                       : Errc::io;
  return Error{kind, std::string(doing) + " " + what.string() + ": " + std::generic_category().message(code)};
}

int write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

Status write_and_sync(const std::filesystem::path& path, std::string_view content) {
  File file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!file) return os_error("creating", path, errno);
  if (const int failed = write_all(file.get(), content)) return os_error("writing", path, failed);
  if (::fsync(file.get()) != 0) return os_error("syncing", path, errno);
  if (const int failed = file.close()) return os_error("closing", path, failed);
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t bytes_max) {
  const File file(path, O_RDONLY);
  if (!file) return os_error("opening", path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return os_error("reading", path, errno);
  std::string content;
  constexpr std::uint64_t chunk = 16 * 1024;
  // The size is a hint: /proc says 0 and a growing file says too little. One byte more than allowed tells "too large".
  const auto hint = info.st_size > 0 ? static_cast<std::uint64_t>(info.st_size) + 1 : chunk;
  std::uint64_t size = 0;
  while (size <= bytes_max) {
    content.resize(std::min(bytes_max + 1, size + std::max(size == 0 ? hint : chunk, chunk)));
    const ssize_t got = ::read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error("reading", path, errno);
    if (got == 0) break;
    size += static_cast<std::uint64_t>(got);
  }
  if (size > bytes_max) {
    return Error{Errc::too_large,
                 "reading " + path.string() + ": expected at most " + std::to_string(bytes_max) + " bytes, found more"};
  }
  content.resize(size);
  return content;
}

Status write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  Status written = write_and_sync(temporary, content);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = os_error("replacing", path, errno);
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  const std::filesystem::path folder = path.parent_path();
  return sync_folder(folder.empty() ? std::filesystem::path(".") : folder);
}

Status sync_folder(const std::filesystem::path& folder) {
  const File file(folder, O_RDONLY | O_DIRECTORY);
  if (!file) return os_error("opening the folder", folder, errno);
  if (::fsync(file.get()) != 0) return os_error("syncing the folder", folder, errno);
  return {};
}

Status make_folders(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return os_error("creating the folder", folder, failed.value());
  if (!std::filesystem::is_directory(folder, failed)) return os_error("creating the folder", folder, ENOTDIR);
  return {};
}

TempDir::TempDir() {
  const char* parent = std::getenv("TMPDIR");
  std::string pattern = std::string(parent != nullptr && *parent != '\0' ? parent : "/tmp") + "/gantry-XXXXXX";
  GANTRY_ASSERT(::mkdtemp(pattern.data()) != nullptr, "a temporary folder must be creatable");
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace gantry
