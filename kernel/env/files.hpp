#pragma once
// Small files, whole: configuration, metadata, certificates. The log has its own way to the disk.

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace gantry {

/// [blocking] The whole file, if it has at most `bytes_max` bytes (too_large otherwise, not_found when absent). Works
/// for files without a size (pipes, /proc) within the same bound.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t bytes_max);

/// [blocking] Replaces the file as a whole: after success the new content survives a power cut, after a failure or a
/// crash the old content is there untouched. Writes `<path>.tmp`, syncs it, renames it, syncs the folder.
Status write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// [blocking] Makes the entries of a folder durable, after files in it were created, renamed or removed.
Status sync_folder(const std::filesystem::path& folder);

/// [blocking] Creates the folder and its parents; no error when it exists.
Status make_folders(const std::filesystem::path& folder);

/// A new empty folder under $TMPDIR or /tmp that is removed with all its content when this goes. For tests and tools;
/// aborts when it cannot be created. Owns the folder; does not copy.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace gantry
