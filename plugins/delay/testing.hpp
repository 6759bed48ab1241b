#pragma once
// What the tests of this plugin share.

#include "plugins/delay/entry.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>

namespace gantry::delay::testing {

/// A folder that goes away with its owner.
class TempFolder {
 public:
  TempFolder() {
    // In memory where there is such a place: the tests sync files by the thousand.
    const std::filesystem::path memory = "/dev/shm";
    const auto parent = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "gantry-delay-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_content(const std::filesystem::path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

inline Entry make_entry(std::int64_t action_ms, std::int64_t queue_offset, EntryKind kind = EntryKind::timer) {
  Entry entry;
  entry.action_ms = action_ms;
  entry.queue_offset = queue_offset;
  entry.log_offset = queue_offset * 100;
  entry.record_size = 100;
  entry.key_hash = static_cast<std::uint64_t>(queue_offset) + 1;
  entry.topic_hash = 7;
  entry.kind = kind;
  return entry;
}

}  // namespace gantry::delay::testing
