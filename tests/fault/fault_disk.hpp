#pragma once
// A disk that fails on purpose. It keeps, for every file and folder, what a power cut would leave: the pages at the
// last successful sync of the file, and the names at the last successful sync of the folder.
//
// What it costs follows what was written: a sync remembers the range that was written since the one before (all of a
// file that is mapped, because nobody tells what is stored there), and a cut makes only those files anew that it
// changed. One object serves a whole run of cuts.

#include "plugins/storage-mmap/disk.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::storage_mmap {

class FaultDisk final : public Disk {
 public:
  /// What happens to pages and names that were not synced.
  enum class Cut : std::uint8_t {
    drop_all,       ///< they are gone
    keep_all,       ///< they are all there, as after a crash of the process alone
    mix,            ///< each page and each name for itself, at random: the disk wrote them in no order
    torn,           ///< each sector of 512 bytes and each name for itself: pages are torn as well
    backwards,      ///< of each file the pages behind a random one: the disk began at the end
    names_only,     ///< folders are as they were, files hold what was synced: new files are empty
    contents_only,  ///< files hold everything, folders what was synced: new names are gone
  };
  static constexpr std::array every_cut{Cut::drop_all,  Cut::keep_all,   Cut::mix,          Cut::torn,
                                        Cut::backwards, Cut::names_only, Cut::contents_only};
  [[nodiscard]] static std::string_view to_string(Cut how);

  /// `root` is where the store will be; what is there now counts as durable.
  explicit FaultDisk(std::string root);
  ~FaultDisk() override;

  /// The `number`th call from now on (1 is the next) fails, and the `count` - 1 calls behind it; 0: none. A call that
  /// writes or removes several things may have done a part before it fails. Nothing that a failed sync should have
  /// written is ever written by a later one, unless it is written to the file again: that is what Linux does.
  void fail_call(std::int64_t number, Errc code = Errc::io, std::int64_t count = 1);
  /// From now on only calls count whose text ("syncing /path/file") contains both; empty: all.
  void count_only(std::string operation, std::string path_part);
  [[nodiscard]] bool has_failed() const { return !failed_calls().empty(); }
  /// "writing /path" and so on, of each call that failed.
  [[nodiscard]] std::vector<std::string> failed_calls() const;
  /// Calls that could have failed since the object was made.
  [[nodiscard]] std::int64_t call_count() const { return calls_; }

  /// Cuts the power: changes the folder to what the cut leaves, which counts as durable from now on. Nobody uses the
  /// files any more.
  void cut_power(Cut how, std::mt19937_64& random);

  Result<File> open(const std::string& path, OpenMode mode) override;
  Result<std::size_t> read(const File& file, std::span<std::byte> to, std::uint64_t offset) override;
  Result<std::size_t> read_cached(const File& file, std::span<std::byte> to, std::uint64_t offset) override;
  Status write(const File& file, std::span<const std::byte> from, std::uint64_t offset) override;
  Result<std::uint64_t> size(const File& file) override;
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
  Status remove_tree(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<DiskSpace> space(const std::string& path) override;

 private:
  using Number = std::uint64_t;  // an inode
  struct Name {
    Number number = 0;
    bool is_directory = false;
    friend bool operator==(const Name&, const Name&) = default;
  };
  using Names = std::map<std::string, Name>;
  /// Pages by their number; pages that are not there are zero. The last one may be shorter.
  struct Content {
    std::uint64_t size = 0;
    std::map<std::uint64_t, std::string> pages;
    friend bool operator==(const Content&, const Content&) = default;
  };
  /// What was written and not synced, in bytes.
  struct Dirty {
    std::uint64_t from = UINT64_MAX;
    std::uint64_t to = 0;
    bool is_mapped = false;
  };

  Status may_fail(std::string_view operation, const std::string& path);
  void note_write(const File& file, std::uint64_t from, std::uint64_t to);
  void forget_writes(const File& file);
  void remember_dirty(const std::string& path);
  void remember_tree(const std::string& path);
  void remember_range(const std::string& path, std::uint64_t from, std::uint64_t to);
  void remember_names(const std::string& path);
  void pin(const std::string& path);
  void restore(const std::string& source, const std::string& target, Number number, Cut how, std::mt19937_64& random);
  Content content_after(const std::string& now, Number number, Cut how, std::mt19937_64& random);

  const std::string root_;
  std::atomic<std::int64_t> calls_{0};
  std::atomic<std::int64_t> fail_from_{INT64_MAX};
  std::atomic<std::int64_t> fail_until_{INT64_MAX};
  std::atomic<Errc> fail_code_{Errc::io};

  mutable std::mutex mutex_;
  std::vector<std::string> failed_calls_;
  std::string counted_operation_;
  std::string counted_path_;
  std::map<Number, Content> contents_;
  std::map<Number, Names> folders_;
  std::map<Number, Dirty> dirty_;
  std::map<Number, int> pinned_;  // one open descriptor each, so that numbers are not used twice

  // While a cut is made: what the rebuilt folder holds.
  std::map<Number, Content> new_contents_;
  std::map<Number, Names> new_folders_;
};

}  // namespace gantry::storage_mmap
