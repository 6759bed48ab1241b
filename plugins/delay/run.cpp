#include "plugins/delay/run.hpp"

#include "plugins/delay/codec.hpp"
#include "plugins/delay/crc32c.hpp"

#include <algorithm>
#include <cstring>

namespace gantry::delay {
namespace {

constexpr std::string_view footer_magic = "GDLYRUN1";

struct BlockTail {
  std::uint32_t entry_count;
  std::uint32_t block_index;
  std::uint32_t run_id;
  std::uint32_t checksum;
};
static_assert(run_block_entries * sizeof(Entry) + sizeof(BlockTail) == run_block_size);
static_assert(std::is_trivially_copyable_v<RunInfo> && sizeof(RunInfo) == 32);

std::string encode_footer(const RunInfo& info) {
  std::string footer(footer_magic);
  put_value(footer, info);
  footer.resize(run_block_size - sizeof(std::uint32_t), '\0');
  put_value(footer, crc32c(footer.data(), footer.size()));
  return footer;
}

Error damaged(const File& file, const std::string& what) { return {Errc::corrupt, file.path().string() + ": " + what}; }

}  // namespace

std::filesystem::path run_path(const std::filesystem::path& folder, std::uint64_t id) {
  return folder / ("run-" + std::to_string(id));
}

RunWriter::RunWriter(File file, std::uint64_t id) : file_(std::move(file)) {
  info_.id = id;
  info_.queue_offset_min = INT64_MAX;
  pending_.reserve(write_bytes);
}

Result<RunWriter> RunWriter::create(const std::filesystem::path& folder, std::uint64_t id) {
  GANTRY_ASSIGN(File file, File::create(run_path(folder, id)));
  return RunWriter(std::move(file), id);
}

Status RunWriter::add(const Entry& entry) {
  block_[block_count_++] = entry;
  ++info_.entry_count;
  info_.queue_offset_min = std::min(info_.queue_offset_min, entry.queue_offset);
  if (!entry.is_void) info_.log_end_max = std::max(info_.log_end_max, entry.log_end());
  return block_count_ == run_block_entries ? end_block() : Status();
}

Status RunWriter::end_block() {
  std::fill(block_.begin() + block_count_, block_.end(), Entry{});
  const std::size_t begin = pending_.size();
  pending_.append(reinterpret_cast<const char*>(block_.data()), sizeof block_);
  BlockTail tail = {block_count_, block_index_++, static_cast<std::uint32_t>(info_.id), 0};
  pending_.append(reinterpret_cast<const char*>(&tail), sizeof tail);
  tail.checksum = crc32c(pending_.data() + begin, run_block_size - sizeof tail.checksum);
  std::memcpy(pending_.data() + pending_.size() - sizeof tail.checksum, &tail.checksum, sizeof tail.checksum);
  block_count_ = 0;
  if (pending_.size() < write_bytes) return {};
  GANTRY_TRY(file_.write(pending_));
  unsynced_ += pending_.size();
  pending_.clear();
  if (unsynced_ < sync_bytes) return {};
  unsynced_ = 0;
  return file_.sync();
}

Result<RunInfo> RunWriter::finish() {
  if (block_count_ > 0) GANTRY_TRY(end_block());
  pending_ += encode_footer(info_);
  GANTRY_TRY(file_.write(pending_));
  GANTRY_TRY(file_.sync());
  GANTRY_TRY(sync_folder(file_.path().parent_path()));
  return info_;
}

Result<RunReader> RunReader::open(const std::filesystem::path& folder, std::uint64_t id, std::uint64_t position) {
  GANTRY_ASSIGN(File file, File::open_to_read(run_path(folder, id)));
  GANTRY_ASSIGN(const std::uint64_t size, file.size());
  if (size < run_block_size || size % run_block_size != 0) {
    return damaged(file, "expected a whole number of blocks of 4096 bytes, found " + std::to_string(size) + " bytes");
  }
  std::string footer(run_block_size, '\0');
  GANTRY_TRY(file.read_at(size - run_block_size, footer.data(), footer.size()));
  ValueReader values(footer);
  if (values.take_text(footer_magic.size()) != footer_magic) return damaged(file, "it does not end in a run's footer");
  const auto info = values.take<RunInfo>();
  if (encode_footer(info) != footer) return damaged(file, "the footer's checksum is wrong");
  const std::uint64_t blocks = (info.entry_count + run_block_entries - 1) / run_block_entries;
  if (info.id != id || size != (blocks + 1) * run_block_size) {
    return damaged(file, "expected run " + std::to_string(id) + ", found run " + std::to_string(info.id) + " of " +
                             std::to_string(info.entry_count) + " entries in " + std::to_string(size) + " bytes");
  }
  return RunReader(std::move(file), info, position);
}

Result<RunReader> RunReader::at(std::uint64_t position) const {
  return open(file_.path().parent_path(), info_.id, position);
}

Result<const Entry*> RunReader::peek() {
  const std::uint64_t index = position_ / run_block_entries;
  if (block_->index != index) GANTRY_TRY(load(index));
  return static_cast<const Entry*>(&block_->entries[position_ % run_block_entries]);
}

Status RunReader::load(std::uint64_t block_index) {
  alignas(Entry) std::array<char, run_block_size> bytes;
  block_->index = UINT64_MAX;
  GANTRY_TRY(file_.read_at(block_index * run_block_size, bytes.data(), bytes.size()));
  BlockTail tail;
  std::memcpy(&tail, bytes.data() + bytes.size() - sizeof tail, sizeof tail);
  const std::uint64_t expected_count =
      std::min<std::uint64_t>(run_block_entries, info_.entry_count - block_index * run_block_entries);
  if (crc32c(bytes.data(), bytes.size() - sizeof tail.checksum) != tail.checksum || tail.block_index != block_index ||
      tail.run_id != static_cast<std::uint32_t>(info_.id) || tail.entry_count != expected_count) {
    return damaged(file_, "block " + std::to_string(block_index) + " is damaged");
  }
  std::memcpy(block_->entries.data(), bytes.data(), sizeof block_->entries);
  block_->index = block_index;
  return {};
}

}  // namespace gantry::delay
