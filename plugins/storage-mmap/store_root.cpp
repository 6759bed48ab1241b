#include "plugins/storage-mmap/store_root.hpp"

#include "protocol/bytes.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace gantry::storage_mmap {
namespace {

using protocol::load_big_endian;
using protocol::store_big_endian;

constexpr std::size_t checkpoint_size = 4096;
struct flock byte_lock(off_t at) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = at;
  range.l_len = 1;
  return range;
}

}  // namespace

Result<File> StoreRoot::open_own(const std::string& path) {
  auto file = disk_.open(path, OpenMode::create);
  if (file) return file;
  return Error{file.error().code, "opening the store: expected " + path +
                                      " to be a plain file that this user may write, found: " + file.error().text +
                                      "; move away what is there, or give the broker the right to it"};
}

Status StoreRoot::lock() {
  if (!disk_.exists(path_)) {
    GANTRY_TRY(disk_.make_directories(path_));
    GANTRY_TRY(disk_.sync_directory(std::filesystem::absolute(path_).lexically_normal().parent_path().string()));
  }
  GANTRY_ASSIGN(auto file, open_own(path_ + "/lock"));
  // Byte 0 is RocketMQ's lock, by process. Byte 1 is ours, by open file, so that one process cannot open a store twice.
  auto by_process = byte_lock(0);
  auto by_file = byte_lock(1);
  if (::fcntl(file.fd(), F_OFD_SETLK, &by_file) != 0 || ::fcntl(file.fd(), F_SETLK, &by_process) != 0) {
    std::string holder = "another process";
    auto asked = byte_lock(0);
    if (::fcntl(file.fd(), F_GETLK, &asked) == 0 && asked.l_type != F_UNLCK && asked.l_pid > 0) {
      holder = "process " + std::to_string(asked.l_pid);
    } else if (::fcntl(file.fd(), F_OFD_GETLK, &by_file) == 0 && by_file.l_type != F_UNLCK) {
      holder = "this very process";
    }
    return Error{Errc::busy, "opening the store " + path_ + ": expected nobody to use it, found that " + holder +
                                 " holds " + path_ + "/lock; stop that broker, or give this one another path"};
  }
  GANTRY_TRY(disk_.write(file, protocol::as_bytes("lock"), 0));
  lock_ = std::move(file);
  return disk_.make_directories(ours_);
}

Status StoreRoot::check_layout() {
  GANTRY_ASSIGN(const auto entries, disk_.list(path_));
  for (const auto& entry : entries) {
    if (entry.name.starts_with("dledger")) {
      return Error{Errc::unsupported, "opening the store " + path_ + ": found " + entry.name +
                                          ", a DLedger log, which has another layout; give the broker another path"};
    }
  }
  if (disk_.exists(path_ + "/consumequeue/CURRENT")) {
    return Error{Errc::unsupported, "opening the store " + path_ +
                                        ": expected one folder per topic in consumequeue, found the RocksDB file "
                                        "consumequeue/CURRENT; the directory was written with "
                                        "storeType=defaultRocksDB, which this store does not read"};
  }
  GANTRY_ASSIGN(const auto batch_queues, disk_.list(path_ + "/batchconsumequeue"));
  for (const auto& entry : batch_queues) {
    if (!entry.is_directory) continue;
    return Error{Errc::unsupported,
                 "opening the store " + path_ + ": found batchconsumequeue/" + entry.name +
                     ", a batch consume queue (topic attribute queue.type=BatchCQ), which is not "
                     "read; delete that topic with mqadmin deleteTopic before the directory is taken "
                     "over"};
  }
  GANTRY_ASSIGN(const auto config, disk_.list(path_ + "/config"));
  for (const auto& entry : config) {
    if (entry.is_directory && entry.name == "rdb") {
      return Error{Errc::unsupported, "opening the store " + path_ +
                                          ": found config/rdb, metadata in RocksDB, which is "
                                          "not read; export it to JSON with RocketMQ's rocksDBConfigToJson command"};
    }
  }
  return {};
}

Status StoreRoot::mark_open() {
  GANTRY_ASSIGN(const auto file, disk_.open(path_ + "/abort", OpenMode::replace));
  GANTRY_TRY(disk_.write(file, protocol::as_bytes(std::to_string(::getpid())), 0));
  // That it exists must survive a power cut; what is in it is for people.
  return disk_.sync_directory(path_);
}

Status StoreRoot::mark_closed() {
  GANTRY_TRY(disk_.remove(path_ + "/abort"));
  return disk_.sync_directory(path_);
}

Result<Checkpoint> StoreRoot::load_checkpoint() {
  Checkpoint checkpoint;
  if (!checkpoint_) {
    GANTRY_ASSIGN(checkpoint_, open_own(path_ + "/checkpoint"));
  }
  std::array<std::byte, 40> bytes{};
  GANTRY_TRY(disk_.read(checkpoint_, bytes, 0));  // a shorter file reads as zero behind its end
  checkpoint.log_ms = load_big_endian<std::int64_t>(bytes.data());
  checkpoint.queues_ms = load_big_endian<std::int64_t>(bytes.data() + 8);
  checkpoint.index_ms = load_big_endian<std::int64_t>(bytes.data() + 16);
  checkpoint.master_flushed_offset = load_big_endian<std::int64_t>(bytes.data() + 24);
  checkpoint.confirm_offset = load_big_endian<std::int64_t>(bytes.data() + 32);
  return checkpoint;
}

Status StoreRoot::save_checkpoint(const Checkpoint& checkpoint) {
  std::array<std::byte, checkpoint_size> bytes{};
  store_big_endian(bytes.data(), checkpoint.log_ms);
  store_big_endian(bytes.data() + 8, checkpoint.queues_ms);
  store_big_endian(bytes.data() + 16, checkpoint.index_ms);
  store_big_endian(bytes.data() + 24, checkpoint.master_flushed_offset);
  store_big_endian(bytes.data() + 32, checkpoint.confirm_offset);
  GANTRY_TRY(disk_.write(checkpoint_, bytes, 0));
  return disk_.sync(checkpoint_);
}

}  // namespace gantry::storage_mmap
