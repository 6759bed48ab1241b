#pragma once
// The few things this plugin does with files. Every error names the file and what the system said.

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::delay {

/// An open file. Not synchronised, except that read_at() may run beside itself.
class File {
 public:
  File() = default;
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept {
    File taken(std::move(other));
    std::swap(fd_, taken.fd_);
    std::swap(path_, taken.path_);
    return *this;
  }
  ~File();

  /// A new, empty file; one that is there loses its content.
  static Result<File> create(const std::filesystem::path& path);
  static Result<File> open_to_read(const std::filesystem::path& path);

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] Result<std::uint64_t> size() const;
  /// All of `size` bytes, or an error: Errc::corrupt when the file ends before.
  Status read_at(std::uint64_t offset, void* to, std::size_t size) const;
  /// Appends all of it.
  Status write(std::string_view bytes);
  Status sync();

 private:
  File(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}

  int fd_ = -1;
  std::filesystem::path path_;
};

/// The number in a name like "state-12" after its prefix "state-"; nothing when the name is of another form.
std::optional<std::uint64_t> numbered(const std::filesystem::path& file, std::string_view prefix);

Status sync_folder(const std::filesystem::path& folder);
/// Errc::not_found when there is none.
Result<std::string> read_whole_file(const std::filesystem::path& path);

}  // namespace gantry::delay
