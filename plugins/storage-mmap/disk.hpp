#pragma once
// The store's only door to the operating system's files, so that tests can make the Nth call fail and drop what was
// not synced.
//
// All functions are [any-thread] and may block unless they say otherwise. Errors: Errc::full for "no space left",
// Errc::not_found, Errc::io with operation, path and the system's text.

#include "gantry/sdk/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace gantry::storage_mmap {

/// An open file descriptor with its path. Closes itself.
class File {
 public:
  File() = default;
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept;
  ~File() { close(); }

  void close() noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
  std::string path_;
};

enum class OpenMode : std::uint8_t {
  read,     ///< must exist
  update,   ///< must exist; read and write
  create,   ///< read and write; made when missing
  replace,  ///< write; made when missing, emptied when not
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  std::uint64_t size = 0;
};

/// What the system is told about a part of a file that is in, or should be in, its page cache.
enum class Advice : std::uint8_t {
  will_need,  ///< read it ahead, without waiting
  dont_need,  ///< give its memory back; what is not on the disk yet stays
};

struct DiskSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  ///< for an ordinary user
};

class Disk {
 public:
  Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  virtual ~Disk() = default;

  virtual Result<File> open(const std::string& path, OpenMode mode);
  /// Reads until `to` is full or the file ends; the count of bytes read.
  virtual Result<std::size_t> read(const File& file, std::span<std::byte> to, std::uint64_t offset);
  /// The same, but Errc::would_block when the bytes are not in the page cache. Never waits for the disk.
  virtual Result<std::size_t> read_cached(const File& file, std::span<std::byte> to, std::uint64_t offset);
  /// Writes everything or fails.
  virtual Status write(const File& file, std::span<const std::byte> from, std::uint64_t offset);
  virtual Result<std::uint64_t> size(const File& file);
  virtual Status resize(const File& file, std::uint64_t size);
  /// Gives [offset, offset + size) disk blocks that read as zero where nothing was written, so that writing there
  /// through a mapping cannot run out of space.
  virtual Status allocate(const File& file, std::uint64_t offset, std::uint64_t size);
  /// Makes [offset, offset + size) read as zero and gives its blocks back.
  virtual Status punch(const File& file, std::uint64_t offset, std::uint64_t size);

  /// Never fails: advice that cannot be taken is not taken.
  virtual void advise(const File& file, std::uint64_t offset, std::uint64_t size, Advice advice) noexcept;
  /// Whether most of [offset, offset + size) is in the page cache. False where the system cannot tell.
  [[nodiscard]] virtual bool is_cached(const File& file, std::uint64_t offset, std::uint64_t size) noexcept;

  /// The whole file's data, and what is needed to find it again, reached the disk.
  virtual Status sync(const File& file);
  /// The same for [from, to) of a file of which `map` is the mapping, without writing dirty pages elsewhere in it.
  virtual Status sync_mapped(const File& file, std::byte* map, std::uint64_t from, std::uint64_t to);
  /// Files made, renamed and removed in the directory stay so.
  virtual Status sync_directory(const std::string& path);
  /// Everything on the file system that holds the open directory `directory`.
  virtual Status sync_file_system(const File& directory);

  /// A shared, writable mapping of the file's first `size` bytes.
  virtual Result<std::byte*> map(const File& file, std::uint64_t size);
  virtual void unmap(std::byte* map, std::uint64_t size) noexcept;

  virtual Status make_directories(const std::string& path);
  virtual Status rename(const std::string& from, const std::string& to);
  virtual Status remove(const std::string& path);
  virtual Status remove_tree(const std::string& path);
  [[nodiscard]] virtual bool exists(const std::string& path);
  /// In no order; without "." and "..". Empty when the directory does not exist.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path);
  virtual Result<DiskSpace> space(const std::string& path);
};

/// Of this system's memory, in bytes.
[[nodiscard]] std::uint64_t page_size();

/// "<operation> <path>: <text of errno>" with the matching code.
[[nodiscard]] Error system_error(std::string_view operation, const std::string& path, int number);

/// Reads a whole small file. At most `size_max` bytes, else Errc::too_large.
Result<std::string> read_file(Disk& disk, const std::string& path, std::uint64_t size_max);
/// Replaces `path` durably: a crash leaves the old or the new content. The directory is synced.
Status replace_file(Disk& disk, const std::string& directory, const std::string& name, std::string_view content);

}  // namespace gantry::storage_mmap
