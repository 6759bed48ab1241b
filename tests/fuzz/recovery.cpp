// Opens a store on a folder made from bytes: a commit-log file, a queue file, the files that are only ours, a
// checkpoint, with or without the marker of a crash. The store starts or refuses with a text; whatever it then lists
// can be read or answers an error, and it takes a message.
//
// Input: byte 0: flags; bytes 1 to 2: the size of the log's part (big-endian); 3 to 4: of the queue's part; then log,
// queue, and what is left for our file and the checkpoint in halves.
#include "plugins/storage-mmap/mmap_store.hpp"

#include "tests/fuzz/check.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

using namespace gantry;
using namespace gantry::storage_mmap;
using gantry::fuzz::check;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t log_file_size = 16u << 10;
constexpr std::uint32_t queue_entries = 16;

class QuickDisk final : public Disk {
 public:
  Status sync(const File&) override { return {}; }
  Status sync_mapped(const File&, std::byte*, std::uint64_t, std::uint64_t) override { return {}; }
  Status sync_directory(const std::string&) override { return {}; }
  Status sync_file_system(const File&) override { return {}; }
};

/// A folder that goes with the process.
struct Folder {
  Folder() : path((fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) / "fuzz-XXXXXX") {
    check(::mkdtemp(path.data()) != nullptr);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string path;
};

const std::string& folder() {
  static const Folder made;
  return made.path;
}

/// `size` 0: as long as the content.
void write(const std::string& path, std::string_view content, std::uint64_t size = 0) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  if (size > 0) fs::resize_file(path, size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 5) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto flags = data[0];
  const auto take = [&rest](std::size_t count) {
    const auto part = rest.substr(0, count);
    rest.remove_prefix(part.size());
    return part;
  };
  take(5);
  const auto log = take(std::min<std::size_t>(data[1] * 256u + data[2], log_file_size));
  const auto queue = take(std::min<std::size_t>(data[3] * 256u + data[4], queue_entries * 20));
  const auto ours = take(rest.size() / 2);

  const auto root = folder() + "/store";
  fs::remove_all(root);
  write(root + "/commitlog/00000000000000000000", log, log_file_size);
  if ((flags & 1u) != 0) write(root + "/consumequeue/T/0/00000000000000000000", queue, queue_entries * 20);
  if ((flags & 2u) != 0) write(root + "/gantry/dispatch", ours);
  if ((flags & 4u) != 0) write(root + "/gantry/queues", ours);
  if ((flags & 8u) != 0) write(root + "/gantry/deleted-topics", ours);
  if ((flags & 16u) != 0) write(root + "/checkpoint", rest);
  if ((flags & 32u) != 0) write(root + "/abort", "1");

  StoreOptions options;
  options.path = root;
  options.segment_size = log_file_size;
  options.queue_file_entries = queue_entries;
  options.reserve_ahead = log_file_size;
  options.disk_full_percent = 100;
  options.index_slots = 8;
  options.index_entries = 16;
  QuickDisk disk;
  MmapStore store(options, {}, &disk);
  if (auto started = store.start(); !started) {
    check(!started.error().text.empty());
    return 0;
  }
  auto* handle = *store.open_queue("T", 0);
  const auto bounds = store.bounds(handle);
  check(bounds.min >= 0 && bounds.min <= bounds.max);
  const auto until = std::min(bounds.max, bounds.min + 64);
  for (auto offset = bounds.min; offset < until; ++offset) {
    (void)store.entry(handle, offset, GANTRY_READ_MAY_BLOCK).has_value();
  }
  (void)store.search_time(handle, 1, GANTRY_SEARCH_LOWER, GANTRY_READ_MAY_BLOCK).has_value();
  store.quiesce();
  (void)store.stop().has_value();
  return 0;
}
