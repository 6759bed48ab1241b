#pragma once
// A disk that fails on purpose. It keeps, for every file and folder, what a power cut would leave: the content at the
// last successful sync of the file, and the names at the last successful sync of the folder.

#include "plugins/storage-mmap/disk.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>

namespace gantry::storage_mmap {

class FaultDisk final : public Disk {
 public:
  /// What happens to pages and names that were not synced.
  enum class Cut : std::uint8_t {
    drop_all,  ///< they are gone
    keep_all,  ///< they are all there, as after a crash of the process alone
    mix,       ///< each page and each name for itself, at random
  };

  /// `root` is where the store will be; what is there now counts as durable.
  explicit FaultDisk(std::string root);

  /// The `number`th call from now on that can fail does (1 is the next); 0: none. It fails once.
  void fail_call(std::int64_t number, Errc code = Errc::io) {
    fail_code_ = code;
    countdown_ = number;
  }
  [[nodiscard]] bool has_failed() const { return failed_; }

  /// Cuts the power: rewrites the folder to what was durable. Nobody uses the files any more.
  void cut_power(Cut how, std::mt19937_64& random);

  Result<File> open(const std::string& path, OpenMode mode) override;
  Status write(const File& file, std::span<const std::byte> from, std::uint64_t offset) override;
  Status resize(const File& file, std::uint64_t size) override;
  Status allocate(const File& file, std::uint64_t offset, std::uint64_t size) override;
  Status punch(const File& file, std::uint64_t offset, std::uint64_t size) override;
  Status sync(const File& file) override;
  Status sync_mapped(const File& file, std::byte* map, std::uint64_t from, std::uint64_t to) override;
  Status sync_directory(const std::string& path) override;
  Status sync_file_system(const File& directory) override;
  Result<std::byte*> map(const File& file, std::uint64_t size) override;
  Status make_directories(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;

 private:
  using Number = std::uint64_t;  // an inode
  struct Name {
    Number number = 0;
    bool is_directory = false;
  };
  using Names = std::map<std::string, Name>;

  Status may_fail(std::string_view operation, const std::string& path);
  void remember_tree(const std::string& path);
  void remember_file(const std::string& path, std::uint64_t from, std::uint64_t to);
  void remember_names(const std::string& path);
  void restore(const std::string& source, const std::string& target, Number number, Cut how, std::mt19937_64& random);

  const std::string root_;
  std::atomic<std::int64_t> countdown_{0};
  std::atomic<bool> failed_{false};
  Errc fail_code_ = Errc::io;

  std::mutex mutex_;
  std::map<Number, std::string> contents_;
  std::map<Number, Names> folders_;
  std::map<Number, int> pinned_;  // one open descriptor each, so that numbers are not used twice
};

}  // namespace gantry::storage_mmap
