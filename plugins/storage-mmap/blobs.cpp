#include "plugins/storage-mmap/blobs.hpp"

#include <algorithm>
#include <cctype>

namespace gantry::storage_mmap {
namespace {

constexpr std::uint64_t blob_size_max = 1ull << 30;
constexpr std::size_t name_size_max = 200;
constexpr std::size_t topic_size_max = 255;
constexpr std::string_view backup_ending = ".bak";
constexpr std::string_view temporary_ending = ".tmp";

Status check_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= name_size_max && name.front() != '.' &&
                    !name.ends_with(backup_ending) && !name.ends_with(temporary_ending) &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
                    });
  if (good) return {};
  return Error{Errc::invalid_argument, "blob name '" + std::string(name.substr(0, name_size_max)) +
                                           "': expected letters, digits, '.', '-' and '_', not beginning with '.' and "
                                           "not ending in .bak or .tmp"};
}

}  // namespace

Status check_topic_name(std::string_view topic) {
  const bool leaves = topic.empty() || topic == "." || topic == ".." || topic.size() > topic_size_max ||
                      topic.find('/') != std::string_view::npos || topic.find('\0') != std::string_view::npos ||
                      topic.find('\n') != std::string_view::npos;
  if (!leaves) return {};
  return Error{Errc::invalid_argument, "topic '" + std::string(topic.substr(0, topic_size_max)) +
                                           "': expected 1 to 255 bytes without '/', NUL and line ends, and not '.' or "
                                           "'..'"};
}

Status Blobs::save(std::string_view name, std::string_view content) {
  GANTRY_TRY(check_name(name));
  if (!disk_.exists(folder_)) {
    GANTRY_TRY(disk_.make_directories(folder_));
    GANTRY_TRY(disk_.sync_directory(root_));
  }
  const auto path = folder_ + "/" + std::string(name);
  const auto temporary = path + std::string(temporary_ending);
  {
    GANTRY_ASSIGN(const auto file, disk_.open(temporary, OpenMode::replace));
    GANTRY_TRY(disk_.write(file, std::as_bytes(std::span(content)), 0));
    GANTRY_TRY(disk_.sync(file));
  }
  if (disk_.exists(path)) GANTRY_TRY(disk_.rename(path, path + std::string(backup_ending)));
  GANTRY_TRY(disk_.rename(temporary, path));
  return disk_.sync_directory(folder_);
}

Result<std::string> Blobs::load(std::string_view name, sdk::BlobVersion version) {
  GANTRY_TRY(check_name(name));
  const auto path = folder_ + "/" + std::string(name);
  const auto backup = path + std::string(backup_ending);
  if (version == sdk::BlobVersion::backup) return read_file(disk_, backup, blob_size_max);
  auto newest = read_file(disk_, path, blob_size_max);
  // A crash between the two renames of save() leaves the backup only.
  if (newest || newest.error().code != Errc::not_found) return newest;
  auto before = read_file(disk_, backup, blob_size_max);
  if (before && surroundings_.log) {
    surroundings_.log(GANTRY_LOG_WARN, "storage.backup_used",
                      "file=" + path + " expected the newest version, found only " + backup +
                          ", which is used: what was changed last may be missing");
  }
  return before;
}

}  // namespace gantry::storage_mmap
