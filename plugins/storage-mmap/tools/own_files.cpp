#include "plugins/storage-mmap/tools/own_files.hpp"

#include "plugins/storage-mmap/queue_ledger.hpp"

#include "protocol/bytes.hpp"
#include "protocol/crc32.hpp"

namespace gantry::storage_mmap::tools {
namespace {

constexpr std::uint64_t file_size_max = 2ull << 30;
struct SlotForm {
  std::string_view magic;
  std::size_t size = 0;  ///< the last four bytes are the CRC-32 of those before
};

/// The newer good one of the two slots of a mark; empty, with `why`, when the file is not empty and none is good.
protocol::ByteView newest_slot(std::string_view content, const SlotForm& form, std::string& why) {
  constexpr std::size_t slot_size = 512;
  const auto bytes = protocol::as_bytes(content);
  protocol::ByteView newest;
  std::uint64_t newest_sequence = 0;
  for (std::size_t slot = 0; slot < 2; ++slot) {
    if (bytes.size() < slot * slot_size + form.size) continue;
    const auto mark = bytes.subspan(slot * slot_size, form.size);
    const auto crc = protocol::load_big_endian<std::uint32_t>(mark.data() + form.size - 4);
    if (!protocol::as_text(mark).starts_with(form.magic) || protocol::crc32(mark.first(form.size - 4)) != crc) continue;
    const auto sequence = protocol::load_big_endian<std::uint64_t>(mark.data() + form.magic.size());
    if (!newest.empty() && sequence < newest_sequence) continue;
    newest_sequence = sequence;
    newest = mark;
  }
  if (newest.empty() && !content.empty()) why = "neither of its two slots has the right magic and CRC-32";
  return newest;
}

/// The content, or nothing when there is no such file.
Result<std::optional<std::string>> read_if_there(Disk& disk, const std::string& path) {
  auto content = read_file(disk, path, file_size_max);
  if (content) return std::optional(*std::move(content));
  if (content.error().code == Errc::not_found) return std::optional<std::string>();
  return std::move(content).error();
}

}  // namespace

Status read_ledger(Disk& disk, StoreFiles& files, std::string& why) {
  const auto folder = files.root + "/gantry";
  GANTRY_ASSIGN(const auto image, QueueLedger(disk, folder).load());
  if (!image) {
    if (disk.exists(folder + "/queues")) why = "no whole frame";
    return {};
  }
  files.mark = DurableMark{.end = image->mark.end,
                           .last_record = image->mark.last_record,
                           .clean = image->mark.clean,
                           .file = "gantry/queues"};
  files.ledger_bytes = static_cast<std::int64_t>(image->bytes);
  files.ledger_bytes_ignored = static_cast<std::int64_t>(image->bytes_ignored);
  for (const auto& [name, topic] : image->topics) {
    if (topic.deleted_at >= 0) files.deleted_topics[name] = topic.deleted_at;
    for (const auto& [id, queue] : topic.queues) files.written_ends[name][id] = queue.extent.written;
  }
  return {};
}

Result<std::optional<IndexMarkSeen>> read_index_mark(Disk& disk, const std::string& root, std::string& why) {
  GANTRY_ASSIGN(const auto content, read_if_there(disk, root + "/gantry/index"));
  if (!content) return std::optional<IndexMarkSeen>();
  const auto slot = newest_slot(*content, {.magic = "GANTRYIM", .size = 116}, why);
  if (slot.empty()) return std::optional<IndexMarkSeen>();
  return std::optional(IndexMarkSeen{.written_end = protocol::load_big_endian<std::int64_t>(slot.data() + 16),
                                     .slots = protocol::load_big_endian<std::uint32_t>(slot.data() + 24),
                                     .entries = protocol::load_big_endian<std::uint32_t>(slot.data() + 28)});
}

}  // namespace gantry::storage_mmap::tools
